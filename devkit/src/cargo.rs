//! Builds programs of this workspace, and returns where they are.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::process::Command;

use crate::{Error, paths};

/// Builds one package of the workspace that has one program of the same name as `cargo test` builds it, and returns the program's path.
pub async fn dev(package: &str) -> Result<PathBuf, Error> {
    program(&mut dev_build().await?, package)
}

/// The two programs of this workspace that users run.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The operator.
    pub operator: PathBuf,
    /// The emulator.
    pub emulator: PathBuf,
}

impl Programs {
    fn of(mut built: BTreeMap<String, PathBuf>) -> Result<Self, Error> {
        Ok(Self { operator: program(&mut built, paths::OPERATOR)?, emulator: program(&mut built, paths::EMULATOR)? })
    }
}

/// Builds both as `cargo test` builds them: for the demo, where optimising would take longer than all that it shows.
pub async fn dev_programs() -> Result<Programs, Error> {
    Programs::of(dev_build().await?)
}

/// Builds both with the release profile, for image and benchmarks. Linked statically where the host's C library lets that be done (GNU/Linux), so that they
/// run in an image with nothing else. They name no path of the machine that they were built on.
pub async fn release() -> Result<Programs, Error> {
    let mut command = cargo();
    command.args(["build", "--locked", "--release", "--package", paths::OPERATOR, "--package", paths::EMULATOR]);
    let host = host().await?;
    let given = std::env::var("RUSTFLAGS").unwrap_or_default();
    let mut flags: Vec<String> = given.split_whitespace().map(str::to_owned).collect();
    flags.extend(remaps());
    if host.ends_with("-linux-gnu") {
        // With a target named, though it is the host, the flags are not for procedural macros, which can't be static.
        command.args(["--target", &host]);
        flags.push("-Ctarget-feature=+crt-static".to_owned());
    }
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    Programs::of(build(command).await?)
}

/// All packages, whichever is needed: with the features of all of them, as `cargo test --workspace` chooses them, nothing is compiled twice.
async fn dev_build() -> Result<BTreeMap<String, PathBuf>, Error> {
    let mut command = cargo();
    command.args(["build", "--locked", "--workspace"]);
    build(command).await
}

/// The directories outside of the workspace that code is compiled from, and what programs call them instead.
fn places() -> [(PathBuf, &'static str); 2] {
    let home = || std::env::home_dir().unwrap_or_default().join(".cargo");
    [(std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from), "/cargo"), (paths::target(), "/target")]
}

/// The flags by which rustc calls them so.
fn remaps() -> Vec<String> {
    places().iter().map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display())).collect()
}

/// The first of these directories that a program names.
pub(crate) fn place_in(program: &[u8]) -> Option<PathBuf> {
    let names = |path: &str| program.windows(path.len()).any(|bytes| bytes == path.as_bytes());
    places().into_iter().map(|(path, _)| path).find(|path| names(&path.display().to_string()))
}

/// Builds; Cargo's own progress passes through. Returns the path of each program by its name.
async fn build(mut command: Command) -> Result<BTreeMap<String, PathBuf>, Error> {
    command.args(["--bins", "--message-format=json-render-diagnostics"]);
    let built = output(command).await.map_err(Error::io("run cargo build"))?;
    if !built.status.success() {
        return Err(Error::Unexpected(format!("cargo build failed ({})", built.status)));
    }
    Ok(executables(&String::from_utf8_lossy(&built.stdout)))
}

fn program(programs: &mut BTreeMap<String, PathBuf>, package: &str) -> Result<PathBuf, Error> {
    programs.remove(package).ok_or_else(|| Error::Unexpected(format!("package {package} has no program of its name")))
}

/// How many crates a package is made of on this machine, itself and procedural macros included, each version counted once.
pub async fn crates(package: &str) -> Result<usize, Error> {
    let mut command = cargo();
    command.args(["tree", "--locked", "--edges", "normal", "--prefix", "none", "--package", package]);
    let tree = output(command).await.map_err(Error::io("run cargo tree"))?;
    if !tree.status.success() {
        return Err(Error::Unexpected(format!("cargo tree of {package} failed ({})", tree.status)));
    }
    Ok(distinct(&String::from_utf8_lossy(&tree.stdout)))
}

/// The triple of the platform that this is built on.
async fn host() -> Result<String, Error> {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--version", "--verbose"]).current_dir(paths::workspace()).stdout(Stdio::piped());
    let printed = output(rustc).await.map_err(Error::io("run rustc"))?;
    let text = String::from_utf8_lossy(&printed.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Error::Unexpected(format!("rustc does not print its host: {text}")))
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(paths::workspace()).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}

/// What the command prints; its progress, on standard error, is for whoever waits (`Command::output` would take that too).
async fn output(mut command: Command) -> io::Result<Output> {
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
    fn a_release_names_no_directory_that_it_was_compiled_from() {
        let directory = tempfile::tempdir_in(paths::target()).unwrap();
        let (source, program) = (directory.path().join("main.rs"), directory.path().join("main"));
        std::fs::write(&source, "fn main() { panic!() }").unwrap();
        for (flags, found) in [(Vec::new(), true), (remaps(), false)] {
            let mut rustc = std::process::Command::new("rustc");
            rustc.args(["-Cdebuginfo=0", "-Cstrip=symbols"]).args(flags).arg(&source).arg("-o").arg(&program);
            assert!(rustc.current_dir(paths::workspace()).status().unwrap().success());
            let place = found.then(paths::target);
            assert_eq!(place_in(&std::fs::read(&program).unwrap()), place);
        }
    }

    #[test]
    fn only_programs_are_taken_from_the_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"a"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"b"},"executable":"/t/b"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executables(messages), BTreeMap::from([("b".to_owned(), PathBuf::from("/t/b"))]));
    }
}
