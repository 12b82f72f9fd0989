//! The operator as users run it: the binary, a ServiceAccount's token, its flags and environment.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use serde_json::Value;

use crate::deployed::Deployed;
use crate::emulator::{Account, Emulator};
use crate::process::{Running, Signal, Spawn};
use crate::{Error, http, paths};

/// The package, the program, and the ServiceAccount that the shipped permissions are for.
pub const NAME: &str = paths::OPERATOR;
/// The namespace of the ServiceAccount.
pub const NAMESPACE: &str = "codeguru-profiler-system";

const START_LIMIT: Duration = Duration::from_mins(1);
/// Longer than the grace time that the operator gives itself.
const STOP_LIMIT: Duration = Duration::from_secs(45);

/// The user name the API server knows the operator by.
#[must_use]
pub fn user() -> String {
    format!("system:serviceaccount:{NAMESPACE}:{NAME}")
}

/// The directory for `kubectl apply -k` that holds the CRDs, the ServiceAccount and its permissions, and no Deployment.
#[must_use]
pub fn access() -> String {
    paths::workspace().join("deploy/kustomize/access").display().to_string()
}

/// An operator about to be started.
#[derive(Debug, Clone)]
pub struct Start {
    spawn: Spawn,
    args: Vec<String>,
}

impl Start {
    /// The operator's program, with the permissions of a kubeconfig. It listens where there is room, logs JSON and has no rivals.
    #[must_use]
    pub fn new(program: &Path, kubeconfig: &Path) -> Self {
        let start = Self { spawn: Spawn::new(program).env("KUBECONFIG", kubeconfig), args: vec!["run".to_owned()] };
        let start = start.flag("--listen-address", "127.0.0.1:0").flag("--log-format", "json");
        start.flag("--leader-election", "false")
    }

    /// The operator's program with the arguments and the environment that a Deployment gives it.
    ///
    /// Three things differ from a pod. It listens where there is room. A kubeconfig names the API server: in a pod, kube reads that from
    /// fixed paths, which a test has no right to write. And no file system, no limits and no network are around it.
    #[must_use]
    pub fn deployed(program: &Path, deployed: &Deployed, kubeconfig: &Path) -> Self {
        let spawn = deployed.env.iter().fold(Spawn::new(program), |spawn, (name, value)| spawn.env(name, value));
        let start = Self { spawn: spawn.env("KUBECONFIG", kubeconfig), args: deployed.args.clone() };
        start.flag("--listen-address", "127.0.0.1:0")
    }

    /// Takes this account of an emulator for AWS.
    #[must_use]
    pub fn aws(self, emulator: &Emulator, account: &Account) -> Self {
        let url = emulator.service_url();
        self.flag("--endpoint-url", url)
            .env("AWS_ENDPOINT_URL_STS", url)
            .env("AWS_ACCESS_KEY_ID", &account.access_key())
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            // No machine has an instance's metadata for a test, and a request for it takes seconds.
            .env("AWS_EC2_METADATA_DISABLED", "true")
    }

    /// Gives a flag this value, in the place of any that it has.
    #[must_use]
    pub fn flag(mut self, flag: &str, value: &str) -> Self {
        let prefix = format!("{flag}=");
        self.args.retain(|arg| !arg.starts_with(&prefix));
        self.arg(&format!("{prefix}{value}"))
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.spawn = self.spawn.env(name, value);
        self
    }

    /// Writes the log to this file.
    #[must_use]
    pub fn log(mut self, path: impl Into<PathBuf>) -> Self {
        self.spawn = self.spawn.log(path);
        self
    }

    /// Starts it and waits until it is ready.
    pub async fn start(self) -> Result<Operator, Error> {
        let operator = self.start_unready().await?;
        operator.ready(START_LIMIT).await?;
        Ok(operator)
    }

    /// Starts it and waits only until it listens: for an API server that does not let it become ready.
    pub async fn start_unready(self) -> Result<Operator, Error> {
        let running = self.spawn.args(self.args).start().await?;
        let address = running.output_with("the operator logs where it listens", START_LIMIT, listening).await?;
        Ok(Operator { running, url: format!("http://{address}") })
    }
}

/// A running operator. Dropped, it is killed: a graceful end is requested.
#[derive(Debug)]
pub struct Operator {
    running: Running,
    url: String,
}

impl Operator {
    /// Its process: id, signals, memory and CPU time.
    #[must_use]
    pub fn process(&self) -> &Running {
        &self.running
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until it is ready.
    pub async fn ready(&self, limit: Duration) -> Result<(), Error> {
        self.running.http_ok(&format!("{}/readyz", self.url), limit).await
    }

    /// Its metrics as text.
    pub async fn metrics(&self) -> Result<String, Error> {
        Ok(http::get(&format!("{}/metrics", self.url)).await?.text)
    }

    /// The sum of all series of a metric whose labels contain each of these (`name="value"`).
    pub async fn metric(&self, name: &str, labels: &[&str]) -> Result<f64, Error> {
        Ok(sum(&self.metrics().await?, name, labels))
    }

    /// All that it has logged.
    #[must_use]
    pub fn logs(&self) -> String {
        self.running.output()
    }

    /// Sends SIGTERM and waits for the end.
    pub async fn stop_gracefully(&self) -> Result<ExitStatus, Error> {
        self.running.signal(Signal::TERM)?;
        self.running.wait(STOP_LIMIT).await
    }

    /// Kills it, as a machine that fails would.
    pub async fn kill(&self) -> Result<ExitStatus, Error> {
        self.running.kill().await
    }
}

/// The address in the first JSON line that has one.
fn listening(log: &str) -> Option<String> {
    log.lines().find_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        let address = line.get("listening").or_else(|| line.get("fields")?.get("listening"))?;
        address.as_str().map(str::to_owned)
    })
}

fn sum(metrics: &str, name: &str, labels: &[&str]) -> f64 {
    let value = |line: &str| -> Option<f64> {
        let rest = line.strip_prefix(name)?;
        let (series, value) = rest.rsplit_once(' ')?;
        let same_name = series.is_empty() || series.starts_with('{');
        (same_name && labels.iter().all(|label| series.contains(label))).then(|| value.parse().ok())?
    };
    metrics.lines().filter_map(value).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_either_shape_of_a_json_line() {
        assert_eq!(listening("x\n{\"a\":1}\n{\"listening\":\"a:1\"}\n"), Some("a:1".to_owned()));
        assert_eq!(listening("{\"fields\":{\"listening\":\"a:2\"}}\n"), Some("a:2".to_owned()));
        assert_eq!(listening("{\"fields\":{\"message\":\"listening\"}}\n"), None);
    }

    #[test]
    fn a_metric_is_summed_over_the_series_that_match() {
        let metrics = "# HELP calls\ncalls{op=\"A\",code=\"1\"} 2\ncalls{op=\"A\",code=\"2\"} 3\ncalls{op=\"B\"} 5\ncalls_more 7\n";
        assert!((sum(metrics, "calls", &["op=\"A\""]) - 5.0).abs() < f64::EPSILON);
        assert!((sum(metrics, "calls", &[]) - 10.0).abs() < f64::EPSILON);
    }
}
