//! CRDs of other projects, made from their Go types by the generator that those projects use.

use std::process::Stdio;

use tokio::process::Command;

use crate::go::Module;
use crate::process::printed;
use crate::{Error, paths};

/// The generator, and the Go types.
pub static MODULE: Module = Module {
    name: "definitions",
    holds: "the generator of CRDs (controller-gen v0.23.0)",
    package: "sigs.k8s.io/controller-tools/cmd/controller-gen",
    program: "controller-gen",
    links: &[],
    ldflags: "",
    packages: 400,
    takes: "2 minutes",
};

/// The CRDs of the kinds in these Go packages, as YAML.
pub async fn of(packages: &[&str]) -> Result<String, Error> {
    let output = Command::new(MODULE.built().await?.join(MODULE.program))
        .arg("crd")
        .args(packages.iter().map(|package| format!("paths={package}")))
        .arg("output:stdout")
        .current_dir(paths::workspace().join("devkit/go").join(MODULE.name))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(Error::io("run controller-gen"))?;
    printed("controller-gen", &output)
}
