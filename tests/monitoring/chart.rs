//! What the Helm chart makes of the rules and the dashboard.

use std::{fs, process::Command};

use devkit::helm::Helm;
use serde_json::{Value, json};

use crate::shipped;

const RULES: &str = "metrics.prometheusRule.enabled=true";

async fn rendered(settings: &[&str]) -> Vec<Value> {
    let settings: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let manifests = Helm::offline().await.unwrap().template("profiler", "ops", &settings).await.unwrap();
    let documents: Vec<Value> = serde_saphyr::from_multiple(&manifests).unwrap();
    documents.into_iter().filter(Value::is_object).collect()
}

/// The groups of rules that are installed.
async fn groups(settings: &[&str]) -> Value {
    let documents = rendered(&[&[RULES], settings].concat()).await;
    let rule = documents.iter().find(|document| document["kind"] == "PrometheusRule").expect("a PrometheusRule");
    assert_eq!(rule["metadata"]["labels"]["app.kubernetes.io/instance"], "profiler");
    rule["spec"].clone()
}

fn alert<'a>(groups: &'a Value, name: &str) -> Option<&'a Value> {
    let rules = groups["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap());
    rules.into_iter().find(|rule| rule["alert"] == name)
}

fn promtool_accepts(groups: &Value) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rules.json");
    fs::write(&file, groups.to_string()).unwrap();
    let check = Command::new("promtool").args(["check", "rules"]).arg(file).output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
}

#[tokio::test]
async fn nothing_is_installed_that_was_not_requested() {
    let documents = rendered(&[]).await;
    assert!(documents.iter().all(|document| document["kind"] != "PrometheusRule" && document["kind"] != "ConfigMap"));
}

#[tokio::test]
async fn the_rules_are_the_shipped_ones() {
    let groups = groups(&[]).await;
    assert_eq!(groups, shipped::yaml("rules.yaml"));
    promtool_accepts(&groups);
}

#[tokio::test]
async fn a_single_alert_can_be_changed_or_left_out() {
    let rules = "metrics.prometheusRule.rules";
    let changed = groups(&[
        &format!("{rules}.CodeGuruProfilerAgentsSilent.enabled=false"),
        &format!("{rules}.CodeGuruProfilerThrottled.for=1h"),
        &format!("{rules}.CodeGuruProfilerThrottled.labels.team=platform"),
        &format!("{rules}.CodeGuruProfilerInventoryStale.expr=max by (region) (codeguru_profiler_inventory_age_seconds) > 1800"),
        &format!("{rules}.CodeGuruProfilerInventoryStale.labels.severity=warning"),
        "metrics.prometheusRule.runbookUrl=https://example.com/operator/",
    ])
    .await;
    promtool_accepts(&changed);
    assert_eq!(alert(&changed, "CodeGuruProfilerAgentsSilent"), None);
    let throttled = alert(&changed, "CodeGuruProfilerThrottled").unwrap();
    assert_eq!(throttled["for"], "1h");
    assert_eq!(throttled["labels"], json!({ "severity": "warning", "team": "platform" }));
    let stale = alert(&changed, "CodeGuruProfilerInventoryStale").unwrap();
    assert_eq!(stale["expr"], "max by (region) (codeguru_profiler_inventory_age_seconds) > 1800");
    assert_eq!((&stale["for"], &stale["labels"]["severity"]), (&json!("2m"), &json!("warning")));
    let runbook = "https://example.com/operator/docs/alerts.md#codeguruprofilerinventorystale";
    assert_eq!(stale["annotations"]["runbook_url"], runbook);

    let unchanged = shipped::yaml("rules.yaml");
    let untouched = "CodeGuruProfilerStalled";
    assert_eq!(alert(&changed, untouched).unwrap()["expr"], alert(&unchanged, untouched).unwrap()["expr"]);
}

#[tokio::test]
async fn the_dashboard_is_installed_where_grafanas_sidecar_looks() {
    let documents = rendered(&["metrics.dashboard.enabled=true", "metrics.dashboard.annotations.folder=AWS"]).await;
    let map = documents.iter().find(|document| document["kind"] == "ConfigMap").unwrap();
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    assert_eq!(map["metadata"]["annotations"]["folder"], "AWS");
    let dashboard: Value =
        serde_json::from_str(map["data"]["codeguru-profiler-operator.json"].as_str().unwrap()).unwrap();
    assert_eq!(dashboard, shipped::dashboard());
}
