//! Builds programs of this workspace, and says where they are.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::{Error, paths};

/// A profile of Cargo's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// What `cargo test` builds with.
    Dev,
    /// What users run.
    Release,
}

/// Builds the programs of these packages; Cargo's own progress passes through. Returns the path of each program by its name.
pub async fn build(packages: &[&str], profile: Profile) -> Result<BTreeMap<String, PathBuf>, Error> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(paths::workspace()).args(["build", "--bins", "--message-format=json-render-diagnostics"]);
    match profile {
        // All packages, whichever are asked for: with the features that `cargo test --workspace` has chosen, nothing is compiled twice.
        Profile::Dev => command.arg("--workspace"),
        Profile::Release => command.arg("--release").args(packages.iter().flat_map(|package| ["--package", package])),
    };
    let built = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(Error::io("run cargo build"))?;
    if !built.status.success() {
        return Err(Error::Unexpected(format!("cargo build of {} failed ({})", packages.join(", "), built.status)));
    }
    Ok(executables(&String::from_utf8_lossy(&built.stdout)))
}

/// Builds one package that has one program of the same name, and returns the program's path.
pub async fn build_one(package: &str, profile: Profile) -> Result<PathBuf, Error> {
    let mut programs = build(&[package], profile).await?;
    programs.remove(package).ok_or_else(|| Error::Unexpected(format!("package {package} has no program of its name")))
}

/// The programs that Cargo's messages name.
fn executables(messages: &str) -> BTreeMap<String, PathBuf> {
    let message = |line: &str| -> Option<(String, PathBuf)> {
        let message: Value = serde_json::from_str(line).ok()?;
        let name = message["target"]["name"].as_str()?.to_owned();
        Some((name, message["executable"].as_str()?.into()))
    };
    messages.lines().filter_map(message).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_are_taken_from_the_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"a"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"b"},"executable":"/t/b"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executables(messages), BTreeMap::from([("b".to_owned(), PathBuf::from("/t/b"))]));
    }
}
