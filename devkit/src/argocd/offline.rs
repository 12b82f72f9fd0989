//! What Argo CD's own command reports, without a cluster, of an object by the Lua of an `argocd-cm`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::MODULE;
use crate::Error;
use crate::process::printed;

/// Argo CD's `admin settings resource-overrides` with one `argocd-cm`.
#[derive(Debug)]
pub struct Offline {
    program: PathBuf,
    settings: PathBuf,
    directory: tempfile::TempDir,
}

/// What the health check returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Argo CD's word.
    pub status: String,
    /// Its message.
    pub message: String,
}

impl Offline {
    /// Takes the Lua of this ConfigMap.
    pub async fn with(settings: &Path) -> Result<Self, Error> {
        let program = MODULE.built().await?.join(MODULE.program);
        let directory = tempfile::tempdir().map_err(Error::io("make a directory for objects"))?;
        Ok(Self { program, settings: settings.to_owned(), directory })
    }

    /// What the health check returns for an object.
    pub async fn health(&self, object: &str) -> Result<Verdict, Error> {
        let output = self.run("health", object, &[]).await?;
        let member =
            |name: &str| output.lines().find_map(|line| line.strip_prefix(name)).map(|it| it.trim().to_owned());
        // A script that is missing ends the command well, too.
        let status = member("STATUS:").ok_or_else(|| Error::Unexpected(format!("no STATUS in: {output}")))?;
        Ok(Verdict { status, message: member("MESSAGE:").unwrap_or_default() })
    }

    /// The actions, each with whether it may be run now.
    pub async fn actions(&self, object: &str) -> Result<Vec<(String, bool)>, Error> {
        let output = self.run("list-actions", object, &[]).await?;
        let lines = output.lines().skip_while(|line| !line.starts_with("NAME")).skip(1);
        let action = |line: &str| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()? == "false"))
        };
        Ok(lines.filter_map(action).collect())
    }

    /// What an action would change of an object: the lines that it takes away (-) and adds (+).
    pub async fn run_action(&self, object: &str, action: &str) -> Result<Vec<String>, Error> {
        let output = self.run("run-action", object, &[action]).await?;
        let changed = |line: &str| {
            let (sign, line) = line.split_at_checked(1)?;
            let sign = match sign {
                "<" => "-",
                ">" => "+",
                _ => return None,
            };
            Some(format!("{sign} {}", line.trim()))
        };
        Ok(output.lines().filter_map(changed).collect())
    }

    async fn run(&self, command: &str, object: &str, more: &[&str]) -> Result<String, Error> {
        let mut file = tempfile::NamedTempFile::new_in(&self.directory).map_err(Error::io("make a file"))?;
        std::io::Write::write_all(&mut file, object.as_bytes()).map_err(Error::io("write an object"))?;
        let output = Command::new(&self.program)
            .args(["admin", "settings", "resource-overrides", command])
            .arg(file.path())
            .args(more)
            .arg("--argocd-cm-path")
            .arg(&self.settings)
            .env_clear()
            // It calls `diff`.
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", self.directory.path())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(Error::io("run argocd"))?;
        printed(format!("argocd {command}"), &output)
    }
}
