//! What `deploy/monitoring/kube-state-metrics.yaml` reads of a resource is in the CRD: kube-state-metrics itself reports
//! nothing for a path that does not exist.

use codeguru_profiler_operator::api::{self, ConditionType};
use serde_json::Value;

use crate::text;

/// Every list of names in the configuration that names where something is.
fn paths(configuration: &Value) -> Vec<Vec<&str>> {
    let mut found = Vec::new();
    match configuration {
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member) {
                    ("path", path) => found.push(names(path)),
                    ("labelsFromPath", labels) => found.extend(labels.as_object().unwrap().values().map(names)),
                    (_, below) => found.extend(paths(below)),
                }
            }
        }
        Value::Array(items) => found.extend(items.iter().flat_map(paths)),
        _ => {}
    }
    found
}

fn names(path: &Value) -> Vec<&str> {
    path.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

/// Whether the schema knows this way; `[type=Ready]` picks a condition.
fn leads_somewhere(schema: &Value, path: &[&str]) -> bool {
    let Some((name, rest)) = path.split_first() else { return true };
    if let Some(kind) = name.strip_prefix("[type=").and_then(|name| name.strip_suffix(']')) {
        return ConditionType::ALL.iter().any(|known| known.as_str() == kind)
            && leads_somewhere(&schema["items"], rest);
    }
    let next = &schema["properties"][name];
    next.is_object() && leads_somewhere(next, rest)
}

#[test]
fn every_path_is_in_the_crd() {
    let configuration: Value =
        serde_saphyr::from_str(&text::read("deploy/monitoring/kube-state-metrics.yaml")).unwrap();
    let definition = serde_json::to_value(api::crd()).unwrap();
    let mut schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
    // The API server knows metadata without a schema.
    schema["properties"]["metadata"]["properties"] = serde_json::json!({ "name": {}, "namespace": {} });
    let paths = paths(&configuration);
    assert!(paths.len() > 10);
    for path in paths {
        assert!(leads_somewhere(&schema, &path), "{path:?}");
    }
    assert!(!leads_somewhere(&schema, &["status", "conditions", "[type=Healthy]", "status"]));
    assert!(!leads_somewhere(&schema, &["spec", "enabled"]));
    let kind = &configuration["spec"]["resources"][0]["groupVersionKind"];
    assert_eq!(kind, &serde_json::json!({ "group": api::GROUP, "version": api::VERSION, "kind": "ProfilingGroup" }));
}
