//! The node's servers: container runtime, kubelet, and the scheduler that gives it pods.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::api::core::v1;
use kube::Api;
use serde_json::{Value, json};
use tokio::net::UnixStream;

use super::mounts::STATE;
use super::network;
use crate::image::PAUSE_IMAGE;
use crate::process::{Server, ready};
use crate::{Error, controlplane};

/// Where Debian has the network plugins.
pub const PLUGINS: &str = "/usr/lib/cni";
/// Where the kubelet's containers and images are, among containerd's.
pub const CONTAINERD_NAMESPACE: &str = "k8s.io";

const NAME: &str = "node1";
/// containerd's own default, so that `ctr` finds it.
const SOCKET: &str = "/run/containerd/containerd.sock";
const NETWORK: &str = r#"{ "cniVersion": "0.4.0", "name": "pods", "plugins": [{
  "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false,
  "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.88.0.0/16" }]], "routes": [{ "dst": "0.0.0.0/0" }] }
}] }"#;

/// The node's running servers.
#[derive(Debug)]
pub struct Node {
    containerd: Server,
    kubelet: Option<Server>,
    scheduler: Option<Server>,
}

impl Node {
    /// Starts the container runtime, which needs no API server, and gives it the image of every pod's first process.
    pub async fn start(pause: &Path) -> Result<Self, Error> {
        write("network/pods.conflist", NETWORK)?;
        let config = write("containerd.toml", &containerd_config())?;
        let mut command = Command::new("containerd");
        let mut containerd = Server::start("containerd", command.arg("--config").arg(config), Path::new(STATE))?;
        ready("containerd answers", || containerd.check(), || async { UnixStream::connect(SOCKET).await.is_ok() })
            .await?;
        let import = tokio::process::Command::new("ctr")
            .args(["--namespace", CONTAINERD_NAMESPACE, "images", "import"])
            .arg(pause)
            .output()
            .await
            .map_err(Error::io("start ctr"))?;
        if !import.status.success() {
            let said = String::from_utf8_lossy(&import.stderr);
            return Err(Error::Unexpected(format!("import {}: {said}", pause.display())));
        }
        Ok(Self { containerd, kubelet: None, scheduler: None })
    }

    /// Starts kubelet and scheduler, and returns when the node is ready for pods.
    pub async fn join(&mut self, program: &Path, kubeconfig: &Path, group: &str) -> Result<(), Error> {
        // Without name servers: there is no way to one.
        let resolver = write("resolv.conf", "")?;
        let config = write("kubelet.json", &kubelet_config(&resolver, group).to_string())?;
        let kubeconfig_arg = format!("--kubeconfig={}", kubeconfig.display());
        let start = |name: &'static str, args: &[String]| {
            Server::start(name, Command::new(program).arg(name).arg(&kubeconfig_arg).args(args), Path::new(STATE))
        };
        self.scheduler =
            Some(start("kube-scheduler", &["--leader-elect=false".to_owned(), "--secure-port=0".to_owned()])?);
        let kubelet = [
            format!("--config={}", config.display()),
            format!("--root-dir={STATE}/kubelet"),
            format!("--cert-dir={STATE}/kubelet-certificates"),
            format!("--hostname-override={NAME}"),
            format!("--node-ip={}", network::NODE),
        ];
        self.kubelet = Some(start("kubelet", &kubelet)?);
        let nodes: Api<v1::Node> = Api::all(controlplane::client_from(kubeconfig).await?);
        let joined = ready(
            "the node is ready",
            || self.check(),
            || async { nodes.get(NAME).await.is_ok_and(|node| is_ready(&node)) },
        );
        joined.await.map_err(|error| Error::Unexpected(format!("{error}\n{}", self.last_words())))
    }

    /// An error when one of the servers has ended.
    pub fn check(&mut self) -> Result<(), Error> {
        self.servers().into_iter().try_for_each(Server::check)
    }

    fn last_words(&mut self) -> String {
        let words: Vec<_> = self.servers().into_iter().map(|server| server.last_words()).collect();
        words.join("\n")
    }

    fn servers(&mut self) -> Vec<&mut Server> {
        [Some(&mut self.containerd), self.kubelet.as_mut(), self.scheduler.as_mut()].into_iter().flatten().collect()
    }
}

fn is_ready(node: &v1::Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref()).into_iter().flatten();
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn containerd_config() -> String {
    format!(
        r#"version = 2
root = "{STATE}/containerd"
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  # Its profile would be loaded into the machine's kernel, and stay.
  disable_apparmor = true
  # Without CAP_SYS_RESOURCE, as in many containers, a score can't be lowered.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{PLUGINS}"
    conf_dir = "{STATE}/network"
"#
    )
}

/// A kubelet for a machine that is not its own: no groups but the pods' below this one, no eviction, and nobody has to log in.
fn kubelet_config(resolver: &Path, group: &str) -> Value {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": { "anonymous": { "enabled": true }, "webhook": { "enabled": false } },
        "authorization": { "mode": "AlwaysAllow" },
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{group}"),
        "cgroupsPerQOS": false,
        "containerRuntimeEndpoint": format!("unix://{SOCKET}"),
        "enforceNodeAllocatable": [],
        "evictionHard": {},
        "failCgroupV1": false,
        "failSwapOn": false,
        "healthzPort": 0,
        "localStorageCapacityIsolation": false,
        "resolvConf": resolver,
        "volumePluginDir": format!("{STATE}/volume-plugins"),
    })
}

fn write(name: &str, content: &str) -> Result<PathBuf, Error> {
    let path = Path::new(STATE).join(name);
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, content));
    written.map_err(Error::io(format!("write {}", path.display())))?;
    Ok(path)
}
