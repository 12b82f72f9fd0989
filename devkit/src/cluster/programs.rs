//! The programs of a node that are built from Go modules.

use crate::go::Module;

/// Kubelet and scheduler. The version is the one that `go.mod` names, and the API server's.
pub static NODE: Module = Module {
    name: "node",
    holds: "kubelet and kube-scheduler (v1.36.3)",
    package: ".",
    program: "node",
    links: &[],
    ldflags: "-X k8s.io/component-base/version.gitVersion=v1.36.3 -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36",
    packages: 2000,
    takes: "3 to 6 minutes",
};

/// The first process of every pod.
pub static PAUSE: Module = Module {
    name: "pause",
    holds: "the first process of every pod",
    package: ".",
    program: "pause",
    links: &[],
    ldflags: "",
    packages: 60,
    takes: "10 seconds",
};
