//! What a catalog of charts shows of this one, Artifact Hub above all: as the chart and the repository have it.

use std::fs;

use codeguru_profiler_operator::api;
use devkit::{chart, paths};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::rendered::Rendered;

/// Artifact Hub's categories, and its kinds of changes.
const CATEGORIES: [&str; 8] = [
    "ai-machine-learning",
    "database",
    "integration-delivery",
    "monitoring-logging",
    "networking",
    "security",
    "storage",
    "streaming-messaging",
];
const CHANGES: [&str; 6] = ["added", "changed", "deprecated", "removed", "fixed", "security"];

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

fn chart_yaml() -> Value {
    yaml(&fs::read_to_string(chart::directory().join("Chart.yaml")).unwrap())
}

fn annotation(name: &str) -> Value {
    let chart = chart_yaml();
    yaml(chart["annotations"][format!("artifacthub.io/{name}")].as_str().unwrap_or_else(|| panic!("{name}")))
}

#[tokio::test]
async fn the_image_is_the_one_that_is_installed() {
    let pod = Rendered::with(&[]).await.one("Deployment")["spec"]["template"]["spec"].clone();
    assert_eq!(annotation("images"), json!([{ "name": "operator", "image": pod["containers"][0]["image"] }]));
}

#[test]
fn the_crds_are_the_operators_and_their_example_is_the_first_one_of_the_repository() {
    let listed = annotation("crds");
    assert_eq!(listed.as_array().unwrap().len(), api::crds().len());
    for (definition, listed) in api::crds().iter().zip(listed.as_array().unwrap()) {
        assert_eq!(listed["name"], json!(definition.metadata.name));
        assert_eq!(listed["kind"], definition.spec.names.kind);
        assert_eq!(listed["version"], api::VERSION);
    }
    let example = fs::read_to_string(paths::workspace().join("examples/checkout.yaml")).unwrap();
    assert_eq!(annotation("crdsExamples"), json!([yaml(&example)]));
}

#[test]
fn category_and_kinds_of_changes_are_ones_that_artifact_hub_has() {
    let category = chart_yaml()["annotations"]["artifacthub.io/category"].clone();
    assert!(CATEGORIES.iter().any(|known| category == *known), "{category}");
    let changes = annotation("changes");
    for change in changes.as_array().unwrap() {
        assert!(CHANGES.iter().any(|known| change["kind"] == *known), "{change}");
        assert!(change["description"].is_string(), "{change}");
    }
}

#[test]
fn every_link_leads_to_a_file_of_the_repository() {
    let home = chart_yaml()["home"].as_str().unwrap().to_owned();
    for link in annotation("links").as_array().unwrap() {
        let path = link["url"].as_str().unwrap().strip_prefix(&home).unwrap().trim_start_matches('/');
        assert!(paths::workspace().join(path).is_file(), "{link}");
    }
}

#[test]
fn the_icon_is_the_file_in_the_chart() {
    let icon = chart_yaml()["icon"].as_str().unwrap().to_owned();
    let encoded = icon.strip_prefix("data:image/svg+xml,").unwrap();
    let file = fs::read_to_string(chart::directory().join("icon.svg")).unwrap();
    assert_eq!(percent_decode_str(encoded).decode_utf8().unwrap(), file.trim_end());
}
