//! Patches: merge patches (RFC 7396) and JSON patches (RFC 6902).

use serde_json::{Map, Value};

use super::{kind::Rules, refusal::Refusal, request::Request};

/// A change of an object.
pub(super) enum Patch<'a> {
    Merge(&'a Value),
    Json(json_patch::Patch),
}

impl<'a> Patch<'a> {
    pub(super) fn of(request: &'a Request, rules: Rules) -> Result<Self, Refusal> {
        let body = &request.body;
        match request.content_type.split(';').next().unwrap_or_default() {
            "application/merge-patch+json" | "application/strategic-merge-patch+json" if !body.is_object() => {
                Err(Refusal::bad_request(
                    "error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}",
                ))
            }
            "application/merge-patch+json" => Ok(Self::Merge(body)),
            // The lists of the built-in kinds that are modelled are replaced as a whole, too.
            "application/strategic-merge-patch+json" if !rules.are_custom() => Ok(Self::Merge(body)),
            "application/json-patch+json" if !body.is_array() => Err(Refusal::bad_request(
                "error decoding patch: json: cannot unmarshal into Go value of type jsonpatch.Patch",
            )),
            "application/json-patch+json" => {
                serde_json::from_value(body.clone()).map(Self::Json).map_err(|_| Refusal::unprocessable())
            }
            other => Err(Refusal::media_type(format!("the body of the request was in an unknown format: {other}"))),
        }
    }

    pub(super) fn apply(&self, object: &mut Value) -> Result<(), Refusal> {
        match self {
            Self::Merge(patch) => merge(object, patch),
            Self::Json(patch) => {
                json_patch::patch(object, patch).map_err(|_| Refusal::unprocessable())?;
            }
        }
        Ok(())
    }
}

fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        value.clone_from(patch);
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(members) = value else { return };
    for (name, change) in changes {
        if change.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), change);
        }
    }
}
