//! The configuration of containerd, the pods' network and the kubelet. Texts only.

use std::path::Path;

use serde_json::{Value, json};

use super::ADDRESS;
use crate::image::PAUSE_IMAGE;

/// Where Debian has the plugins of the pods' network.
pub(super) const PLUGINS: &str = "/usr/lib/cni";

const POD_ADDRESSES: &str = "10.88.0.0/16";

/// containerd's configuration, with its state below `state`.
pub(super) fn containerd(state: &Path, socket: &Path) -> String {
    let (state, socket) = (state.display(), socket.display());
    format!(
        r#"version = 2
root = "{state}/containerd/root"
state = "{state}/containerd/state"
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "{PAUSE_IMAGE}"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{PLUGINS}"
  conf_dir = "{state}/cni"
"#
    )
}

/// The pods' network: a bridge, addresses from one range, and no way out of this machine.
pub(super) fn network(state: &Path) -> Value {
    json!({
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [{
            "type": "bridge", "bridge": "pods0", "isGateway": true, "ipMasq": false,
            "ipam": {
                "type": "host-local", "dataDir": state.join("addresses"),
                "ranges": [[{ "subnet": POD_ADDRESSES }]], "routes": [{ "dst": "0.0.0.0/0" }],
            },
        }],
    })
}

/// The kubelet's configuration. What differs from its defaults lets it run beside others on any machine: either version of cgroups, swap or not, no
/// eviction because the machine is full, every pod's cgroup below `cgroup`.
pub(super) fn kubelet(socket: &Path, cgroup: &str, state: &Path) -> Value {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": format!("unix://{}", socket.display()),
        "address": ADDRESS,
        "authentication": { "anonymous": { "enabled": true }, "webhook": { "enabled": false } },
        "authorization": { "mode": "AlwaysAllow" },
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{cgroup}"),
        "cgroupsPerQOS": true,
        // Whoever wants names for pods listens there.
        "clusterDNS": [ADDRESS],
        "clusterDomain": "cluster.local",
        "enforceNodeAllocatable": [],
        "evictionHard": {},
        "failCgroupV1": false,
        "failSwapOn": false,
        "healthzPort": 0,
        "imageGCHighThresholdPercent": 100,
        "localStorageCapacityIsolation": false,
        "podLogsDir": state.join("pod-logs"),
        "volumePluginDir": state.join("volume-plugins"),
    })
}
