//! AWS's own Python agent, unmodified, in a program with a busy thread, as a process.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::emulator::{Account, Emulator};
use crate::process::{Log, Supervised};
use crate::{Error, paths, wait};

const START_LIMIT: Duration = Duration::from_mins(1);

/// A program that the agent profiles. It ends with this value, and with this process however that ends.
#[derive(Debug)]
pub struct Agent {
    supervised: Mutex<Supervised>,
    printed: Log,
    log: Log,
}

#[derive(Debug, Deserialize)]
struct Line {
    samples: u64,
}

/// What the emulator returns to agents for this period, in seconds: they poll and report once in each, and sample ten times a second.
#[must_use]
pub fn period(seconds: u64) -> Value {
    json!({ "agentPeriodSeconds": seconds, "agentSamplingIntervalMs": 100, "agentMinimumReportingMs": 500 })
}

/// The interpreter of an environment that has the agent; installs it where it is missing or old.
pub async fn python() -> Result<PathBuf, Error> {
    let install = paths::workspace().join("emulator/python/install");
    let mut command = tokio::process::Command::new(&install);
    command.current_dir(paths::workspace()).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(Error::io(format!("run {}", install.display())))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(Error::Missing(format!("AWS's agent can't be installed: {}", why.trim())));
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

impl Agent {
    /// Starts the program for a group of an account, and waits until the agent runs. What it has to know it gets as in production, by its
    /// environment.
    pub async fn start(emulator: &Emulator, account: &Account, region: &str, group: &str) -> Result<Self, Error> {
        let (printed, log) = (Log::anonymous()?, Log::anonymous()?);
        let mut command = Command::new(python().await?);
        command.arg(paths::workspace().join("emulator/python/busy.py"));
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("AWS_ENDPOINT_URL_CODEGURUPROFILER", emulator.service_url());
        command.env("AWS_ACCESS_KEY_ID", account.access_key()).env("AWS_SECRET_ACCESS_KEY", "secret");
        command.env("AWS_CODEGURU_PROFILER_GROUP_NAME", group).env("AWS_CODEGURU_PROFILER_TARGET_REGION", region);
        // The user's own configuration takes no part.
        command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        command.stdout(printed.writer()?).stderr(log.writer()?);
        let agent = Self { supervised: Mutex::new(Supervised::start(&mut command)?), printed, log };
        wait::until("the agent starts", START_LIMIT, || async { agent.printed().transpose() }).await??;
        Ok(agent)
    }

    /// How many samples the agent has taken so far. An error when its program has ended.
    pub fn samples(&self) -> Result<u64, Error> {
        Ok(self.printed()?.unwrap_or_default())
    }

    /// What the program printed last; none while it has not started.
    fn printed(&self) -> Result<Option<u64>, Error> {
        if let Some(status) = self.supervised.lock().unwrap_or_else(PoisonError::into_inner).ended() {
            return Err(Error::Ended { what: "the agent".to_owned(), status, output: self.tail() });
        }
        let printed = self.printed.text();
        // Of a line that is still being written there is no end.
        let Some(last) = printed.rsplit('\n').nth(1) else { return Ok(None) };
        let line: Line = serde_json::from_str(last)
            .map_err(|error| Error::Unexpected(format!("what the agent's program printed: {error}: {last}")))?;
        Ok(Some(line.samples))
    }

    /// Waits until the agent has taken no sample for this long; answers when it took the last.
    pub async fn rests(&self, quiet: Duration, limit: Duration) -> Result<Instant, Error> {
        let last = Mutex::new((self.samples()?, Instant::now()));
        wait::until("the agent stops sampling", limit, || async {
            let samples = match self.samples() {
                Ok(samples) => samples,
                Err(error) => return Some(Err(error)),
            };
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.0 != samples {
                *last = (samples, Instant::now());
            }
            (last.1.elapsed() >= quiet).then_some(Ok(last.1))
        })
        .await?
    }

    /// The last lines of the agent's log.
    #[must_use]
    pub fn tail(&self) -> String {
        self.log.tail()
    }
}
