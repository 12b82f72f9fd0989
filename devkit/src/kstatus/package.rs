//! kstatus itself: asks the Go package that Flux judges by.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::Error;
use crate::go::Module;
use crate::process::printed;

/// Its Go sources.
pub static MODULE: Module = Module {
    name: "kstatus",
    holds: "the kstatus of Flux (cli-utils v1.3.0)",
    package: ".",
    program: "kstatus",
    links: &[],
    ldflags: "",
    packages: 300,
    takes: "a minute",
};

/// What the package says of each document of a YAML text: its word and its message.
pub async fn ask(yaml: &str) -> Result<Vec<(String, String)>, Error> {
    let program = MODULE.built().await?.join(MODULE.program);
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::io("start kstatus"))?;
    // All is written before anything is read: the answers are a line each, and a pipe holds 64 KiB of them.
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(yaml.as_bytes()).map_err(Error::io("write to kstatus"))?;
    }
    let output = child.wait_with_output().map_err(Error::io("read from kstatus"))?;
    let lines = printed("kstatus", &output)?;
    Ok(lines.lines().filter_map(|line| line.split_once('\t')).map(|(word, said)| (word.into(), said.into())).collect())
}
