//! The programs of a control plane: built here, or those in the directory that `KUBEBUILDER_ASSETS` names.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::go::Module;
use crate::{Error, paths};

/// What every control plane needs. The version is the one that `go.mod` names: what the API server reports.
pub static MODULE: Module = Module {
    name: "controlplane",
    holds: "etcd, kube-apiserver and kubectl (v1.36.3)",
    package: ".",
    program: "controlplane",
    links: &["etcd", "kube-apiserver", "kubectl"],
    ldflags: "-X k8s.io/component-base/version.gitVersion=v1.36.3 -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36",
    packages: 2300,
    takes: "3 to 7 minutes",
};

/// What only tests need. It requires the same versions, so that what both consist of is compiled once.
pub static CONTROLLER_MANAGER: Module = Module {
    name: "controller-manager",
    holds: "kube-controller-manager (v1.36.3)",
    package: "k8s.io/kubernetes/cmd/kube-controller-manager",
    program: "kube-controller-manager",
    links: &[],
    ldflags: MODULE.ldflags,
    packages: 2400,
    takes: "a minute after the control plane's",
};

/// The variable by which controller-runtime's envtest finds its programs, under the names that they have here.
const ASSETS: &str = "KUBEBUILDER_ASSETS";
/// What `setup-envtest` puts into that directory.
const REQUIRED: [&str; 3] = ["etcd", "kube-apiserver", "kubectl"];

/// A directory that holds etcd, kube-apiserver and kubectl.
#[derive(Debug, Clone)]
pub struct Programs {
    directory: PathBuf,
    origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Assets,
    Built,
}

impl Programs {
    /// Those of `KUBEBUILDER_ASSETS` where it is set; else they are built if they have to be.
    pub async fn ready() -> Result<Self, Error> {
        match Self::assets(std::env::var_os(ASSETS))? {
            Some(programs) => Ok(programs),
            None => Ok(Self { directory: MODULE.built().await?, origin: Origin::Built }),
        }
    }

    /// Those of a directory that was named, all of them.
    fn assets(directory: Option<OsString>) -> Result<Option<Self>, Error> {
        let Some(directory) = directory.filter(|directory| !directory.is_empty()) else { return Ok(None) };
        let programs = Self { directory: paths::workspace().join(directory), origin: Origin::Assets };
        let absent = REQUIRED.into_iter().filter(|name| !programs.path(name).is_file());
        let absent = absent.collect::<Vec<_>>().join(", ");
        if absent.is_empty() { Ok(Some(programs)) } else { Err(programs.missing(&absent)) }
    }

    fn missing(&self, names: &str) -> Error {
        let directory = self.directory.display();
        Error::Missing(format!(
            "{ASSETS} is {directory}, which has no {names}: put it there, or unset {ASSETS} to have all programs built from source"
        ))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(super) fn etcd(&self) -> PathBuf {
        self.path("etcd")
    }

    pub(super) fn api_server(&self) -> PathBuf {
        self.path("kube-apiserver")
    }

    /// kube-controller-manager: where the others come from. Envtest does without, and so `setup-envtest` does not fetch it.
    pub(crate) async fn controller_manager(&self) -> Result<PathBuf, Error> {
        let name = CONTROLLER_MANAGER.program;
        match self.origin {
            Origin::Built => Ok(CONTROLLER_MANAGER.built().await?.join(name)),
            Origin::Assets if self.path(name).is_file() => Ok(self.path(name)),
            Origin::Assets => Err(self.missing(&format!("{name}, which collects garbage and ends namespaces"))),
        }
    }

    /// kubectl.
    #[must_use]
    pub fn kubectl(&self) -> PathBuf {
        self.path("kubectl")
    }

    /// The directory itself, for a `PATH`.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn directory(names: &[&str]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        directory
    }

    fn assets(directory: &tempfile::TempDir) -> Result<Option<Programs>, Error> {
        Programs::assets(Some(directory.path().into()))
    }

    #[test]
    fn without_a_directory_named_the_programs_are_built() {
        assert!(Programs::assets(None).unwrap().is_none());
        assert!(Programs::assets(Some(OsString::new())).unwrap().is_none());
    }

    #[tokio::test]
    async fn the_programs_of_the_directory_named_are_used() {
        let named = directory(&["etcd", "kube-apiserver", "kubectl", "kube-controller-manager"]);
        let programs = assets(&named).unwrap().unwrap();
        assert_eq!(programs.directory(), named.path());
        assert_eq!(programs.kubectl(), named.path().join("kubectl"));
        assert_eq!(programs.controller_manager().await.unwrap(), named.path().join("kube-controller-manager"));
    }

    #[test]
    fn a_directory_without_all_of_them_is_an_error_that_names_those_missing() {
        let error = assets(&directory(&["kubectl"])).unwrap_err().to_string();
        assert!(error.contains("has no etcd, kube-apiserver: "), "{error}");
    }

    #[tokio::test]
    async fn a_controller_manager_that_is_not_there_is_missed_only_when_it_is_needed() {
        let programs = assets(&directory(&REQUIRED)).unwrap().unwrap();
        let error = programs.controller_manager().await.unwrap_err().to_string();
        assert!(
            error.contains("has no kube-controller-manager") && error.contains("unset KUBEBUILDER_ASSETS"),
            "{error}"
        );
    }
}
