//! The servers as processes of their own, which end with this one however it ends.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

pub struct Process {
    child: Child,
    addresses: Value,
}

/// The emulator on free ports, that ends when its standard input closes.
pub async fn emulator() -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_codeguru-profiler-emulator"));
    command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--exit-with-stdin"]);
    start(command).await
}

/// This program as the bare server.
pub async fn floor(get: &Path, put: &Path) -> Process {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("floor").args([get, put]);
    start(command).await
}

async fn start(mut command: Command) -> Process {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
    Process { child, addresses: serde_json::from_str(&line).unwrap() }
}

impl Process {
    pub fn service(&self) -> &str {
        self.address("service")
    }

    pub fn admin(&self) -> &str {
        self.address("admin")
    }

    fn address(&self, of: &str) -> &str {
        self.addresses[of].as_str().unwrap().trim_start_matches("http://")
    }

    /// Its resident memory.
    pub fn rss_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse().unwrap()
    }
}
