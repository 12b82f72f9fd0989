//! The phases of a ProfilingGroup: which one a stored version shows, and the examples of each that the stories recorded.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::kstatus::{conditions, find, text};
use crate::{Error, paths};

/// In place of every time.
const TIME: &str = "2026-01-01T00:00:00Z";
/// In place of a story's namespace, whose name is drawn by lot.
const NAMESPACE: &str = "story";
const RECORDED_BY: &str = "# Recorded by the story ";

/// The name of the phase that a version shows: what decides how it is judged, and the reasons for it.
///
/// None for a version that somebody else has had a hand in: without a status, or with some of the operator's conditions.
#[must_use]
pub fn name(object: &Value) -> Option<String> {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        let failed = find(object, "Ready").filter(|ready| text(ready, "reason") == "DeletionFailed");
        return Some(failed.map_or("Deleting", |_| "DeletionFailed").to_owned());
    }
    let observed = object["status"]["observedGeneration"].as_i64()?;
    if observed == -1 {
        return Some("NeverLookedAt".to_owned());
    }
    if Some(observed) != object["metadata"]["generation"].as_i64() {
        return Some("OldGeneration".to_owned());
    }
    let reason = |kind| find(object, kind).map(|condition| text(condition, "reason"));
    let (ready, synced) = (reason("Ready")?, reason("Synced")?);
    let (reporting, up_to_date) = (reason("AgentsReporting")?, reason("AgentsUpToDate")?);
    Some(match (ready, synced) {
        ("InSync", "InSync") => format!("InSync_{reporting}_{up_to_date}"),
        _ if ready == synced => ready.to_owned(),
        _ => format!("{ready}_{synced}"),
    })
}

/// An example of a phase.
#[derive(Debug, Clone)]
pub struct Example {
    /// The phase.
    pub phase: String,
    /// The story that recorded it.
    pub story: String,
    /// The version, without what is another one in every run.
    pub object: Value,
    /// The file's text.
    pub yaml: String,
}

impl Example {
    /// What a version shows, as this story saw it.
    #[must_use]
    pub fn of(phase: &str, story: &str, version: &Value) -> Self {
        let object = steady(version);
        let yaml = serde_saphyr::to_string(&object).unwrap_or_default();
        let yaml = format!("{RECORDED_BY}{story}\n{yaml}");
        Self { phase: phase.to_owned(), story: story.to_owned(), object, yaml }
    }

    /// Writes it where all are kept.
    pub fn keep(&self) -> Result<(), Error> {
        let path = directory().join(format!("{}.yaml", self.phase));
        fs::create_dir_all(directory()).map_err(Error::io("make the directory of examples"))?;
        fs::write(&path, &self.yaml).map_err(Error::io(format!("write {}", path.display())))
    }

    /// Whether both report the same in the same words.
    #[must_use]
    pub fn reports_the_same_as(&self, other: &Self) -> bool {
        let words = |example: &Self| -> Vec<_> {
            let members = |condition: &Value| ["type", "status", "reason", "message"].map(|it| condition[it].clone());
            conditions(&example.object).iter().map(members).collect()
        };
        words(self) == words(other)
    }
}

/// The examples in the repository, by phase.
pub fn examples() -> Result<BTreeMap<String, Example>, Error> {
    let mut examples = BTreeMap::new();
    let files = match fs::read_dir(directory()) {
        Ok(files) => files,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(examples),
        Err(error) => return Err(Error::io("list the examples")(error)),
    };
    for path in files.flatten().map(|file| file.path()) {
        let what = path.display();
        let yaml = fs::read_to_string(&path).map_err(Error::io(format!("read {what}")))?;
        let object: Value =
            serde_saphyr::from_str(&yaml).map_err(|error| Error::Unexpected(format!("{what}: {error}")))?;
        let story = yaml.lines().find_map(|line| line.strip_prefix(RECORDED_BY)).unwrap_or_default().to_owned();
        let phase = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if name(&object).as_ref() != Some(&phase) {
            return Err(Error::Unexpected(format!("{what} shows another phase: {:?}", name(&object))));
        }
        examples.insert(phase.clone(), Example { phase, story, object, yaml });
    }
    Ok(examples)
}

fn directory() -> PathBuf {
    paths::workspace().join("tests/gitops/phases")
}

/// The version without what is another one in every run.
fn steady(version: &Value) -> Value {
    let namespace = text(&version["metadata"], "namespace");
    let kept = ["name", "generation", "annotations", "labels", "finalizers", "deletionTimestamp", "creationTimestamp"];
    let mut metadata: Map<String, Value> = Map::new();
    for member in kept {
        metadata.extend(version["metadata"].get(member).map(|value| (member.to_owned(), value.clone())));
    }
    metadata.insert("namespace".to_owned(), json!(namespace));
    let mut object = json!({
        "apiVersion": version["apiVersion"], "kind": version["kind"],
        "metadata": metadata, "spec": version["spec"], "status": version["status"],
    });
    settle(&mut object, namespace);
    object
}

fn settle(value: &mut Value, namespace: &str) {
    match value {
        Value::String(text) if text.parse::<Timestamp>().is_ok() => TIME.clone_into(text),
        Value::String(text) if !namespace.is_empty() => *text = text.replace(namespace, NAMESPACE),
        Value::Array(items) => items.iter_mut().for_each(|item| settle(item, namespace)),
        Value::Object(members) => members.values_mut().for_each(|member| settle(member, namespace)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(observed: i64, reasons: [&str; 4]) -> Value {
        let conditions: Vec<_> = ["Ready", "Synced", "AgentsReporting", "AgentsUpToDate"]
            .iter()
            .zip(reasons)
            .map(|(kind, reason)| json!({ "type": kind, "status": "True", "reason": reason, "message": "in story-x1" }))
            .collect();
        json!({
            "metadata": { "namespace": "story-x1", "name": "a", "uid": "u", "generation": 2 },
            "status": { "observedGeneration": observed, "updatedAt": "2026-11-25T09:00:00.123Z", "conditions": conditions },
        })
    }

    #[test]
    fn a_phase_is_named_by_what_decides_and_by_the_reasons() {
        let table = [
            (version(-1, ["", "", "", ""]), Some("NeverLookedAt")),
            (version(1, ["InSync", "InSync", "", ""]), Some("OldGeneration")),
            (
                version(2, ["InSync", "InSync", "NoAgentEverSeen", "WaitingForAgents"]),
                Some("InSync_NoAgentEverSeen_WaitingForAgents"),
            ),
            (version(2, ["Observed", "Differs", "x", "y"]), Some("Observed_Differs")),
            (version(2, ["AccessDenied", "AccessDenied", "x", "y"]), Some("AccessDenied")),
            (json!({ "metadata": { "deletionTimestamp": TIME } }), Some("Deleting")),
            (json!({ "metadata": { "generation": 1 } }), None),
        ];
        for (object, expected) in table {
            assert_eq!(name(&object).as_deref(), expected, "{object}");
        }
    }

    #[test]
    fn an_example_holds_nothing_that_another_run_would_have_otherwise() {
        let example = Example::of("InSync", "s", &version(2, ["InSync", "InSync", "a", "b"]));
        assert_eq!(example.object["metadata"], json!({ "namespace": NAMESPACE, "name": "a", "generation": 2 }));
        assert_eq!(example.object["status"]["updatedAt"], TIME);
        assert_eq!(example.object["status"]["conditions"][0]["message"], "in story");
    }
}
