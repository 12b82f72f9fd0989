//! Flux's own definitions, made from its Go types by the generator that Flux uses.

use tokio::process::Command;

use crate::go::Module;
use crate::{Error, paths};

/// Where the generator and the types come from.
pub static MODULE: Module = Module {
    name: "flux",
    holds: "the generator of Flux's definitions (controller-gen v0.23.0)",
    package: "sigs.k8s.io/controller-tools/cmd/controller-gen",
    program: "controller-gen",
    links: &[],
    ldflags: "",
    packages: 400,
    takes: "2 minutes",
};

const TYPES: [&str; 3] = [
    "paths=github.com/fluxcd/helm-controller/api/v2",
    "paths=github.com/fluxcd/kustomize-controller/api/v1",
    "paths=github.com/fluxcd/source-controller/api/v1",
];

/// The definitions as YAML.
pub async fn made() -> Result<String, Error> {
    let mut command = Command::new(MODULE.built().await?.join(MODULE.program));
    command.arg("crd").args(TYPES).arg("output:stdout").kill_on_drop(true);
    let output = command.current_dir(paths::workspace().join("devkit/go/flux")).output().await;
    let output = output.map_err(Error::io("run controller-gen"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Error::Ended { what: "controller-gen".to_owned(), status: output.status, output: said });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
