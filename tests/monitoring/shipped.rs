//! Reads what `deploy/monitoring/` ships.

use std::path::PathBuf;

use serde_json::Value;

/// A file that is shipped.
pub fn path(name: &str) -> PathBuf {
    devkit::paths::workspace().join("deploy/monitoring").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

pub fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&read(name)).unwrap()
}

/// Every rule, recording ones and alerts.
pub fn rules() -> Vec<Value> {
    let rules = yaml("rules.yaml");
    let groups = rules["groups"].as_array().unwrap();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).cloned().collect()
}

pub fn dashboard() -> Value {
    serde_json::from_str(&read("dashboard.json")).unwrap()
}

/// The dashboard's panels, headings left out.
pub fn panels() -> Vec<Value> {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    panels.filter(|panel| panel["type"] != "row").cloned().collect()
}
