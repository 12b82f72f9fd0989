//! Builds programs of this workspace, and says where they are.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::process::Command;

use crate::{Error, emulator, operator, paths};

/// Where the C library is GNU's it is linked in too, so that the program runs in an image that holds nothing else; musl's always is. Not in `.cargo/config.toml`: a
/// build of every day, procedural macros included, can't be linked so.
const STATIC: &str =
    r#"target.'cfg(all(target_os = "linux", target_env = "gnu"))'.rustflags = ["-C", "target-feature=+crt-static"]"#;

/// A profile of Cargo's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// What `cargo test` builds with.
    Dev,
    /// What users run: on Linux, static.
    Release,
}

/// Builds the programs of this workspace; Cargo's own progress passes through. Returns the path of each program by its name.
pub async fn build(profile: Profile) -> Result<BTreeMap<String, PathBuf>, Error> {
    let mut command = cargo();
    command.args(["build", "--locked", "--bins", "--message-format=json-render-diagnostics"]);
    // The same packages, whichever is asked for: the features are then always the same, and nothing is compiled twice.
    match profile {
        Profile::Dev => command.arg("--workspace"),
        // With a target named, the flags are for what runs there and not for procedural macros.
        Profile::Release => command
            .args(["--release", "--package", operator::NAME, "--package", emulator::NAME])
            .args(["--target", &host().await?, "--config", STATIC]),
    };
    let built = output(&mut command).await.map_err(Error::io("run cargo build"))?;
    if !built.status.success() {
        return Err(Error::Unexpected(format!("cargo build failed ({})", built.status)));
    }
    Ok(executables(&String::from_utf8_lossy(&built.stdout)))
}

/// Builds as [`build`] does, and returns the path of the one program of this name.
pub async fn build_one(name: &str, profile: Profile) -> Result<PathBuf, Error> {
    let mut programs = build(profile).await?;
    programs.remove(name).ok_or_else(|| Error::Unexpected(format!("the workspace has no program {name}")))
}

/// How many crates a package is made of on this machine, itself and procedural macros included, each version counted once.
pub async fn crates(package: &str) -> Result<usize, Error> {
    let mut command = cargo();
    command.args(["tree", "--locked", "--edges", "normal", "--prefix", "none", "--package", package]);
    let tree = output(&mut command).await.map_err(Error::io("run cargo tree"))?;
    if !tree.status.success() {
        return Err(Error::Unexpected(format!("cargo tree of {package} failed ({})", tree.status)));
    }
    Ok(distinct(&String::from_utf8_lossy(&tree.stdout)))
}

/// The triple of this machine, as the compiler of this workspace says it.
async fn host() -> Result<String, Error> {
    let mut rustc = in_workspace("rustc".into());
    let said = output(rustc.arg("-vV")).await.map_err(Error::io("run rustc"))?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let triple = text.lines().find_map(|line| line.strip_prefix("host: "));
    triple.map(str::to_owned).ok_or_else(|| Error::Unexpected(format!("rustc -vV names no host: {text}")))
}

fn cargo() -> Command {
    in_workspace(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn in_workspace(program: OsString) -> Command {
    let mut command = Command::new(program);
    command.current_dir(paths::workspace()).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}

/// What the command prints; its progress, on standard error, is for whoever waits (`Command::output` would take that too).
async fn output(command: &mut Command) -> io::Result<Output> {
    command.spawn()?.wait_with_output().await
}

/// The crates in a tree without indentation, where ` (*)` marks one whose branches were shown before.
fn distinct(tree: &str) -> usize {
    let crates = tree.lines().map(|line| line.trim_end_matches(" (*)")).filter(|line| !line.is_empty());
    crates.collect::<BTreeSet<_>>().len()
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
    fn a_crate_that_is_shown_again_is_counted_once_and_each_version_for_itself() {
        assert_eq!(distinct("a v1.0.0\nb v1.0.0\n\nb v2.0.0\na v1.0.0 (*)\n"), 3);
    }

    #[test]
    fn only_programs_are_taken_from_the_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"a"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"b"},"executable":"/t/b"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executables(messages), BTreeMap::from([("b".to_owned(), PathBuf::from("/t/b"))]));
    }
}
