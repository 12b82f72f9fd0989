//! What has to be the same on both sides, and what need not.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::side::version;

/// Which version of the model is which of the real server: the order counts, not the number.
#[derive(Debug, Default)]
pub struct Versions(BTreeMap<u64, u64>);

impl Versions {
    /// Whether these two can be the same version, given all that were before.
    fn are_same(&mut self, real: u64, model: u64) -> bool {
        let below = self.0.range(..real).next_back().is_none_or(|(_, known)| *known < model);
        let above = self.0.range(real + 1..).next().is_none_or(|(_, known)| *known > model);
        below && above && *self.0.entry(real).or_insert(model) == model
    }

    /// What differs between two answers or frames, if anything.
    pub fn difference(&mut self, real: &Value, model: &Value) -> Option<String> {
        let mut pairs = Vec::new();
        collect(real, model, &mut pairs);
        for (real, model) in pairs {
            if !self.are_same(real, model) {
                let nearby: Vec<_> = self.0.range(real.saturating_sub(3)..real + 4).collect();
                return Some(format!(
                    "resourceVersion {real} of the real server, {model} of the model, where {nearby:?} are the same"
                ));
            }
        }
        let (real, model) = (comparable(real), comparable(model));
        (real != model).then(|| format!("real:  {real}\nmodel: {model}"))
    }
}

/// The versions of objects, in pairs. A list's is the newest of all kinds, of which the real server has more.
fn collect(real: &Value, model: &Value, pairs: &mut Vec<(u64, u64)>) {
    if let (Some(real), Some(model)) = (real["items"].as_array(), model["items"].as_array()) {
        for (real, model) in real.iter().zip(model) {
            collect(real, model, pairs);
        }
    } else if is_bookmark(real) {
    } else if real["object"].is_object() {
        collect(&real["object"], &model["object"], pairs);
    } else {
        pairs.extend(version(real).zip(version(model)));
    }
}

fn is_bookmark(frame: &Value) -> bool {
    frame["type"] == "BOOKMARK"
}

/// An answer or a frame without what is every server's own.
fn comparable(answer: &Value) -> Value {
    let mut answer = answer.clone();
    if answer["kind"] == "Status" {
        return status(&answer);
    }
    if let Some(items) = answer.get_mut("items").and_then(Value::as_array_mut) {
        for item in items {
            *item = comparable(item);
        }
    }
    if answer["object"].is_object() {
        answer["object"] = if is_bookmark(&answer) {
            answer["object"]["metadata"]["annotations"].clone()
        } else {
            comparable(&answer["object"])
        };
    }
    if let Some(metadata) = answer.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        for own in ["resourceVersion", "uid", "creationTimestamp", "deletionTimestamp", "continue"] {
            if let Some(value) = metadata.get_mut(own) {
                *value = json!(!value.as_str().unwrap_or_default().is_empty());
            }
        }
    }
    answer
}

/// Of refusals the words count where clients read them.
fn status(status: &Value) -> Value {
    let message = match status["reason"].as_str() {
        Some("NotFound" | "AlreadyExists") => status["message"].clone(),
        Some("Conflict") => {
            json!(status["message"].as_str().is_some_and(|message| message.contains("the object has been modified")))
        }
        _ => Value::Null,
    };
    let mut details = status["details"].clone();
    for own in ["uid", "causes", "retryAfterSeconds"] {
        if let Some(details) = details.as_object_mut() {
            details.remove(own);
        }
    }
    json!({ "status": status["status"], "code": status["code"], "reason": status["reason"], "message": message, "details": details })
}
