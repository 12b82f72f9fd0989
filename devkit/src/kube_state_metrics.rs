//! kube-state-metrics as a process: the program that turns resources into metrics.

use std::path::Path;
use std::time::Duration;

use crate::controlplane::free_ports;
use crate::go::Module;
use crate::process::{Running, Spawn};
use crate::{Error, http};

/// Its Go sources.
pub static MODULE: Module = Module {
    name: "kube-state-metrics",
    holds: "kube-state-metrics (v2.18.0)",
    package: "k8s.io/kube-state-metrics/v2",
    program: "kube-state-metrics",
    links: &[],
    ldflags: "",
    packages: 1100,
    takes: "1 to 3 minutes",
};

const START_LIMIT: Duration = Duration::from_secs(30);

/// A running kube-state-metrics with metrics of custom resources only.
#[derive(Debug)]
pub struct KubeStateMetrics {
    running: Running,
    url: String,
}

impl KubeStateMetrics {
    /// Starts it with a configuration of custom resources, for one namespace.
    pub async fn start(kubeconfig: &Path, configuration: &Path, namespace: &str) -> Result<Self, Error> {
        let program = MODULE.built().await?.join(MODULE.program);
        let [port, telemetry_port] = free_ports()?;
        let running = Spawn::new(program)
            .arg(format!("--kubeconfig={}", kubeconfig.display()))
            .arg(format!("--custom-resource-state-config-file={}", configuration.display()))
            .args(["--custom-resource-state-only=true", "--host=127.0.0.1", "--telemetry-host=127.0.0.1"])
            .args([format!("--port={port}"), format!("--telemetry-port={telemetry_port}")])
            .arg(format!("--namespaces={namespace}"))
            .start()
            .await?;
        let url = format!("http://127.0.0.1:{port}");
        running.http_ok(&format!("{url}/healthz"), START_LIMIT).await?;
        Ok(Self { running, url })
    }

    /// Its metrics as text.
    pub async fn metrics(&self) -> Result<String, Error> {
        Ok(http::get(&format!("{}/metrics", self.url)).await?.text)
    }

    /// All that it has logged.
    #[must_use]
    pub fn logs(&self) -> String {
        self.running.output()
    }
}
