//! A real Kubernetes cluster of one node, pods included, in namespaces of its own: it leaves nothing behind, however it ends.
//!
//! Three processes of this devkit: the one that called [`Cluster::start`]; [`init`], the first process of the new process namespace; and
//! [`inside`], which starts the servers there. Their ends are tied by pipes. What is written goes to a tmpfs of the mount namespace, so it is gone with
//! it; the control groups of the pods, which no namespace holds, are taken away by a fourth, the [`janitor`].

mod cgroups;
mod inside;
mod mounts;
mod needs;
mod network;
mod node;
mod programs;

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

pub use cgroups::janitor;
pub use inside::{init, inside};
pub use network::NODE as NODE_ADDRESS;
pub use programs::{NODE, PAUSE};

use crate::controlplane::Program;
use crate::process::Tether;
use crate::{Error, image};

/// The devkit's commands that this module starts.
pub const INIT: &str = "cluster-init";
/// See [`inside`].
pub const INSIDE: &str = "cluster-inside";
/// See [`janitor`].
pub const JANITOR: &str = "cluster-janitor";

/// A running cluster. It ends with this value, and with this process however that ends.
#[derive(Debug)]
pub struct Cluster {
    program: Program,
    kubeconfig: PathBuf,
    // Dropped from top to bottom: what the janitor removes is in use until the namespaces have ended.
    namespaces: Tether,
    _janitor: Tether,
}

impl Cluster {
    /// Makes a cluster, and returns when its node is ready. What is going on is said on standard error.
    pub async fn start() -> Result<Self, Error> {
        needs::check()?;
        let program = Program::built().await?;
        NODE.built().await?;
        image::pause().await?;
        let devkit = std::env::current_exe().map_err(Error::io("find the devkit's own program"))?;
        let group = cgroups::name();
        cgroups::sweep();
        let mut janitor = Command::new(&devkit);
        let janitor = Tether::start(janitor.args([JANITOR, &group]))?;
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--net", "--pid", "--mount-proc", "--fork", "--kill-child"]);
        let mut namespaces = Tether::start(unshare.arg(&devkit).args([INIT, &group]).stdout(Stdio::piped()))?;
        let stdout = namespaces.child().stdout.take();
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout?).read_line(&mut line).ok()?;
            line.ends_with('\n').then(|| PathBuf::from(line.trim_end()))
        });
        let Some(kubeconfig) = line.await.ok().flatten() else {
            return Err(Error::Unexpected("the cluster did not start; why is said above".to_owned()));
        };
        Ok(Self { program, kubeconfig, namespaces, _janitor: janitor })
    }

    /// A command that will run in the cluster's namespaces, in this directory: `KUBECONFIG` is set, kubectl is on the `PATH`, and `ctr` finds the node's images.
    pub fn command(&self, program: &str, directory: &Path) -> Result<Command, Error> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let directories = std::iter::once(self.program.directory().to_owned()).chain(std::env::split_paths(&path));
        let path = std::env::join_paths(directories).map_err(|error| Error::Unexpected(error.to_string()))?;
        let of = |namespace: &str| format!("/proc/{}/ns/{namespace}", self.namespaces.id());
        let mut command = Command::new("nsenter");
        command
            .args([format!("--mount={}", of("mnt")), format!("--net={}", of("net"))])
            // Its own processes are in the new namespace, not `unshare` itself.
            .arg(format!("--pid={}", of("pid_for_children")))
            .arg(format!("--wdns={}", directory.display()))
            .arg("--")
            .arg(program)
            .env("PATH", path)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("TMPDIR", mounts::TEMPORARY)
            .env("CONTAINERD_NAMESPACE", node::CONTAINERD_NAMESPACE);
        Ok(command)
    }
}

/// Tells on standard error how far a start is.
#[derive(Debug)]
struct Progress(Instant);

impl Progress {
    fn start() -> Self {
        Self(Instant::now())
    }

    fn say(&self, line: &str) {
        let _ = writeln!(io::stderr(), "devkit: cluster: {:4.1} s: {line}", self.0.elapsed().as_secs_f64());
    }
}
