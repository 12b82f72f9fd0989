//! The first process of the node: sets everything up, runs the command, and takes everything down.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::Api;

use super::{ADDRESS, NODE, cgroups, files, machine};
use crate::controlplane::{ControlPlane, Options};
use crate::process::{Running, Spawn, code, printed};
use crate::{Error, wait};

/// On the tmpfs that only this node sees.
const STATE: &str = "/run/devkit";
const NAME: &str = "node1";
const START_LIMIT: Duration = Duration::from_mins(2);

const CONTAINERD: &str = "/run/devkit/containerd.sock";

/// Runs `command` on a node made of the namespaces that this process is the first of, until it ends or standard input closes.
///
/// Guarantees: when this returns, no other process of the node is left, and no cgroup of its pods.
pub async fn inside(cgroup: &str, pause_image: &Path, command: &[String]) -> Result<ExitCode, Error> {
    if std::process::id() != 1 {
        return Err(Error::Unexpected("only for the first process of a process namespace".to_owned()));
    }
    let (alone, left_alone) = tokio::sync::oneshot::channel();
    // A thread of its own: the runtime would wait for one of its own that reads for ever.
    std::thread::spawn(move || alone.send(std::io::stdin().read_to_end(&mut Vec::new())));
    let ended = tokio::select! {
        ended = async { Cluster::start(cgroup, pause_image).await?.run(command).await } => ended,
        _ = left_alone => Ok(ExitCode::FAILURE),
    };
    machine::end_everybody();
    cgroups::remove(cgroup);
    ended
}

/// The servers of the node, from the first to the last. Not ended in order: all that they know goes with the node.
struct Cluster {
    control_plane: ControlPlane,
    containerd: Running,
    scheduler: Running,
    kubelet: Running,
    began: Instant,
}

impl Cluster {
    async fn start(cgroup: &str, pause_image: &Path) -> Result<Self, Error> {
        let began = Instant::now();
        say(began, "making a node: mounts, network, cgroups");
        machine::mount_directories()?;
        machine::connect()?;
        cgroups::make(cgroup)?;
        let state = PathBuf::from(STATE);
        for directory in ["tmp", "cni"] {
            let path = state.join(directory);
            std::fs::create_dir_all(&path).map_err(Error::io(format!("make {}", path.display())))?;
        }
        let socket = Path::new(CONTAINERD);
        let node_program = NODE.built().await?.join(NODE.program);
        let write = |name: &str, text: String| {
            let path = state.join(name);
            std::fs::write(&path, text).map_err(Error::io(format!("write {}", path.display())))?;
            Ok::<String, Error>(path.display().to_string())
        };
        write("cni/10-pods.conflist", files::network(&state).to_string())?;
        let containerd = write("containerd.toml", files::containerd(&state, socket))?;
        let kubelet = write("kubelet.yaml", files::kubelet(socket, cgroup, &state).to_string())?;

        say(began, "starting containerd and the control plane");
        let server = |program: &Path, log: &str| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            Spawn::new(program).env("PATH", path).log(state.join(log))
        };
        let containerd =
            server(Path::new("containerd"), "containerd.log").args(["--config", &containerd]).start().await?;
        let control_plane = ControlPlane::start(Options { node: Some(ADDRESS), ..Options::default() }).await?;
        import(pause_image).await?;

        say(began, "starting the scheduler and the kubelet");
        let kubeconfig = format!("--kubeconfig={}", control_plane.kubeconfig().display());
        let scheduler = server(&node_program, "scheduler.log")
            .args(["kube-scheduler", &kubeconfig, "--leader-elect=false"])
            .arg(format!("--cert-dir={STATE}/scheduler"))
            .start()
            .await?;
        let kubelet = server(&node_program, "kubelet.log")
            .args(["kubelet", &kubeconfig])
            .arg(format!("--config={kubelet}"))
            .arg(format!("--root-dir={STATE}/kubelet"))
            .arg(format!("--cert-dir={STATE}/kubelet-certificates"))
            .arg(format!("--hostname-override={NAME}"))
            .arg(format!("--node-ip={ADDRESS}"))
            .start()
            .await?;
        let cluster = Self { control_plane, containerd, scheduler, kubelet, began };
        cluster.ready().await?;
        say(began, "the node is ready");
        Ok(cluster)
    }

    /// The node takes pods, and what every pod needs is there.
    async fn ready(&self) -> Result<(), Error> {
        let client = self.control_plane.client().await?;
        let nodes: Api<Node> = Api::all(client.clone());
        let accounts: Api<ServiceAccount> = Api::namespaced(client, "default");
        let waited = wait::until("the node is ready", START_LIMIT, || async {
            let node = nodes.get(NAME).await.ok()?;
            let conditions = node.status?.conditions?;
            let ready = conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
            let account = accounts.get("default").await;
            (ready && account.is_ok()).then_some(())
        });
        waited.await.map_err(|error| {
            let servers =
                [("containerd", &self.containerd), ("scheduler", &self.scheduler), ("kubelet", &self.kubelet)];
            let logs = servers.map(|(name, server)| format!("the end of the {name}'s log:\n{}", server.tail()));
            Error::Unexpected(format!("{error}; {}", logs.join("\n")))
        })
    }

    async fn run(self, command: &[String]) -> Result<ExitCode, Error> {
        let Some((program, args)) = command.split_first() else { return Ok(ExitCode::SUCCESS) };
        let mut child = tokio::process::Command::new(program)
            .args(args)
            .envs(self.control_plane.environment()?)
            .env("TMPDIR", Path::new(STATE).join("tmp"))
            .stdin(Stdio::null())
            .spawn()
            .map_err(Error::io(format!("start {program}")))?;
        let status = child.wait().await.map_err(Error::io(format!("wait for {program}")))?;
        say(self.began, "the command has ended; taking the node away");
        Ok(code(status))
    }
}

/// Gives the node an image from an archive: pods that name it need no registry.
pub async fn import(archive: &Path) -> Result<(), Error> {
    let imported = tokio::process::Command::new("ctr")
        .args(["--address", CONTAINERD, "--namespace", "k8s.io", "images", "import"])
        .arg(archive)
        .output()
        .await
        .map_err(Error::io("run ctr"))?;
    printed(format!("import of {}", archive.display()), &imported).map(drop)
}

fn say(began: Instant, line: &str) {
    eprintln!("devkit: cluster: {:.1} s: {line}", began.elapsed().as_secs_f64());
}
