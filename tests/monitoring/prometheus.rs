//! A real Prometheus on loopback that scrapes one operator and evaluates the rules that are shipped.

use std::{fs, time::Duration};

use devkit::{
    controlplane::ControlPlane,
    http,
    operator::Operator,
    process::{Running, Spawn},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::shipped;

const START_LIMIT: Duration = Duration::from_secs(30);

pub struct Prometheus {
    _running: Running,
    url: String,
}

impl Prometheus {
    /// Starts it. Its data ends with the control plane.
    pub async fn start(plane: &ControlPlane, operator: &Operator) -> Self {
        let directory = plane.directory("prometheus").unwrap();
        let target = operator.url().strip_prefix("http://").unwrap();
        let config = json!({
            "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
            "rule_files": [shipped::path("rules.yaml")],
            "scrape_configs": [{
                "job_name": "profiler",
                "static_configs": [{ "targets": [target], "labels": { "namespace": "ops" } }],
            }],
        });
        let file = directory.join("prometheus.yaml");
        fs::write(&file, config.to_string()).unwrap();
        let running = Spawn::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", directory.join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .start()
            .await
            .expect("prometheus is on the PATH (Debian: prometheus)");
        let address = running.output_with("Prometheus logs where it listens", START_LIMIT, listening).await.unwrap();
        let url = format!("http://{address}");
        running.http_ok(&format!("{url}/-/ready"), START_LIMIT).await.unwrap();
        Self { _running: running, url }
    }

    /// The numbers that a query answers with at this moment; what is not a number is left out.
    pub async fn ask(&self, query: &str) -> Vec<f64> {
        let encoded = utf8_percent_encode(query, NON_ALPHANUMERIC);
        let answer = self.get(&format!("/api/v1/query?query={encoded}")).await;
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        let samples = answer["data"]["result"].as_array().unwrap();
        let numbers = samples.iter().map(|sample| sample["value"][1].as_str().unwrap().parse::<f64>().unwrap());
        numbers.filter(|number| number.is_finite()).collect()
    }

    /// Every rule as Prometheus sees it.
    pub async fn rules(&self) -> Vec<Value> {
        let answer = self.get("/api/v1/rules").await;
        let groups = answer["data"]["groups"].as_array().unwrap();
        groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).cloned().collect()
    }

    /// `inactive`, `pending` or `firing`.
    pub async fn alert(&self, name: &str) -> String {
        let rules = self.rules().await;
        let alert = rules.iter().find(|rule| rule["name"] == name).unwrap_or_else(|| panic!("no alert {name}"));
        alert["state"].as_str().unwrap().to_owned()
    }

    async fn get(&self, path: &str) -> Value {
        http::get(&format!("{}{path}", self.url)).await.unwrap().json().unwrap()
    }
}

fn listening(log: &str) -> Option<String> {
    let line = log.lines().find(|line| line.contains(r#"msg="Listening on""#))?;
    Some(line.rsplit_once("address=")?.1.trim().to_owned())
}
