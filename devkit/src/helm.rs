//! Helm, built from its Go module: runs it with files of its own, so that neither the user's repositories nor plugins nor clusters play a part.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tempfile::TempDir;
use tokio::process::Command;

use crate::go::Module;
use crate::process::printed;
use crate::{Error, chart, paths};

/// Where Helm comes from.
pub static MODULE: Module = Module {
    name: "helm",
    holds: "Helm (v4.3.1)",
    package: "helm.sh/helm/v4/cmd/helm",
    program: "helm",
    links: &[],
    ldflags: "-X helm.sh/helm/v4/internal/version.version=v4.3.1",
    packages: 1100,
    takes: "2 minutes",
};

/// Helm for one cluster or for none.
#[derive(Debug)]
pub struct Helm {
    program: PathBuf,
    kubeconfig: PathBuf,
    home: TempDir,
}

impl Helm {
    /// Helm that knows of no cluster: to render and to lint.
    pub async fn offline() -> Result<Self, Error> {
        Self::of(Path::new("/dev/null")).await
    }

    /// Helm for the cluster of this kubeconfig.
    pub async fn of(kubeconfig: &Path) -> Result<Self, Error> {
        let program = MODULE.built().await?.join(MODULE.program);
        let home = tempfile::tempdir().map_err(Error::io("make a directory for Helm"))?;
        Ok(Self { program, kubeconfig: kubeconfig.to_owned(), home })
    }

    /// Runs Helm to its end, whatever that is.
    pub async fn run(&self, args: &[&str]) -> Result<Output, Error> {
        Command::new(&self.program)
            .args(args)
            .current_dir(paths::workspace())
            .env_clear()
            .env("HOME", self.home.path())
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(Error::io("run helm"))
    }

    /// Runs Helm, and returns its output. A failure is an error with Helm's own words.
    pub async fn ok(&self, args: &[&str]) -> Result<String, Error> {
        let output = self.run(args).await?;
        printed(format!("helm {}", args.join(" ")), &output)
    }

    /// The chart's manifests as this release in this namespace would have them, with these arguments (`--set`, `--values`).
    pub async fn template(&self, release: &str, namespace: &str, args: &[&str]) -> Result<String, Error> {
        let chart = chart::directory().display().to_string();
        self.ok(&[&["template", release, &chart, "--namespace", namespace], args].concat()).await
    }
}
