//! The `CustomResourceDefinition`s as they are installed: the derived ones, with what the derive can't express.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Value, json};

use super::{ProfilerAccount, ProfilingGroup};

/// The CRD of [`ProfilingGroup`].
///
/// * `status` has a default, so that a resource that was never processed is not taken for healthy.
/// * Nothing else has one: a default shows as a difference in GitOps tools.
/// * No number has a format that the API server does not know and would warn about.
/// * Nothing is nullable: the API server then drops a `null`, and CEL's `has()` means "was given".
/// * A paragraph of a description is one line: `kubectl explain` breaks lines by itself.
///
/// # Panics
/// Never on a build whose tests pass: the derived schema has no input.
#[must_use]
pub fn crd() -> CustomResourceDefinition {
    installed(ProfilingGroup::crd())
}

/// The CRD of [`ProfilerAccount`], by the same rules.
///
/// # Panics
/// Never on a build whose tests pass.
#[must_use]
pub fn account_crd() -> CustomResourceDefinition {
    installed(ProfilerAccount::crd())
}

/// Every CRD.
///
/// # Panics
/// Never on a build whose tests pass.
#[must_use]
pub fn crds() -> [CustomResourceDefinition; 2] {
    [crd(), account_crd()]
}

/// A CRD as YAML, as `crds/` holds it and the command `crds` prints it.
///
/// # Panics
/// Never on a build whose tests pass.
#[must_use]
pub fn crd_yaml(crd: &CustomResourceDefinition) -> String {
    serde_saphyr::to_string(crd).expect("a CRD is YAML")
}

fn installed(derived: CustomResourceDefinition) -> CustomResourceDefinition {
    let mut crd = serde_json::to_value(derived).expect("a CRD is JSON");
    for version in crd["spec"]["versions"].as_array_mut().into_iter().flatten() {
        let schema = &mut version["schema"]["openAPIV3Schema"];
        tidy(schema);
        if schema["properties"]["status"].is_object() {
            schema["properties"]["status"]["default"] = json!({ "observedGeneration": -1 });
        }
    }
    serde_json::from_value(crd).expect("a CRD stays a CRD")
}

fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.remove("nullable");
            members.remove("default");
            if let Some(Value::String(description)) = members.get_mut("description") {
                *description = unwrapped(description);
            }
            if members.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint")) {
                members.remove("format");
            }
            members.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// Without the line breaks that the source has for its own sake.
fn unwrapped(description: &str) -> String {
    description.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_crds_are_the_generated_ones() {
        for crd in crds() {
            let name = crd.metadata.name.clone().unwrap_or_default();
            let path = format!("{}/crds/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
            let committed = std::fs::read_to_string(path).unwrap_or_default();
            assert!(committed == crd_yaml(&crd), "run: cargo run -- crds {name} > crds/{name}.yaml");
        }
    }

    #[test]
    fn the_only_default_stands_on_status_itself() {
        let definition = serde_json::to_value(crd()).unwrap().to_string();
        assert_eq!(definition.matches("\"default\":").count(), 1);
        assert!(definition.contains(r#""default":{"observedGeneration":-1}"#));
        assert!(!definition.contains("nullable"));
    }

    #[test]
    fn no_sentence_of_a_description_is_broken_into_lines() {
        for crd in crds() {
            let definition = serde_json::to_value(crd).unwrap().to_string();
            assert!(!definition.contains("\\n"), "{definition}");
        }
        assert_eq!(unwrapped("One\nparagraph.\n\nAnother\none."), "One paragraph.\n\nAnother one.");
    }

    /// An editor completes them, and kubeconform refuses others without a cluster.
    #[test]
    fn the_policies_list_their_values() {
        let definition = serde_json::to_value(crd()).unwrap();
        let spec = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
        for (policy, values) in [("managementPolicy", ["Manage", "Observe"]), ("driftPolicy", ["Correct", "Report"])] {
            assert_eq!(spec[policy]["enum"], json!(values));
            assert_eq!(spec[policy]["type"], "string");
            let description = spec[policy]["description"].as_str().unwrap();
            assert!(values.iter().all(|value| description.contains(value)), "{description}");
        }
    }
}
