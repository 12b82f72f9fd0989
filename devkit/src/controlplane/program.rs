//! The control plane's program, and the names it is called by.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::go::Module;

/// Its Go sources. The version is the one that `go.mod` names: what the API server says it is.
pub static MODULE: Module = Module {
    name: "controlplane",
    holds: "etcd, kube-apiserver, kube-controller-manager and kubectl (v1.36.3)",
    package: ".",
    program: "controlplane",
    links: &["kubectl"],
    ldflags: "-X k8s.io/component-base/version.gitVersion=v1.36.3 -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36",
    packages: 2700,
    takes: "4 to 8 minutes",
};

/// The built program, in a directory of its own beside a link named `kubectl`.
#[derive(Debug, Clone)]
pub struct Program {
    directory: PathBuf,
}

impl Program {
    /// The program, built if it has to be.
    pub async fn built() -> Result<Self, Error> {
        Ok(Self { directory: MODULE.built().await? })
    }

    /// The multi-call program.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.directory.join(MODULE.program)
    }

    /// The program under the name `kubectl`.
    #[must_use]
    pub fn kubectl(&self) -> PathBuf {
        self.directory.join("kubectl")
    }

    /// The directory that holds `kubectl` and nothing else that could stand for another program: for a `PATH`.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}
