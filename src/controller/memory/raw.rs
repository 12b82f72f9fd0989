//! A ProfilingGroup as the API server sends it, and of it only what the operator reads. Pure.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::Resource;
use serde::{Deserialize, Deserializer, de::Error};

use crate::api::ProfilingGroup;

/// Spec and status are JSON: one object that can't be decoded must not stop the watch of the others.
#[derive(Resource, Deserialize, Clone, Debug)]
#[resource(inherit = "ProfilingGroup")]
pub struct RawProfilingGroup {
    /// What the operator reads of it.
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
    /// As stored.
    #[serde(default)]
    pub spec: Json,
    /// As stored.
    #[serde(default)]
    pub status: Json,
}

/// The labels and the managed fields, which are larger than all the rest, are skipped.
fn metadata<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Read {
        name: Option<String>,
        namespace: Option<String>,
        uid: Option<String>,
        generation: Option<i64>,
        resource_version: Option<String>,
        creation_timestamp: Option<Time>,
        deletion_timestamp: Option<Time>,
        finalizers: Option<Vec<String>>,
        annotations: Option<BTreeMap<String, String>>,
    }
    Read::deserialize(deserializer).map(|read| ObjectMeta {
        name: read.name,
        namespace: read.namespace,
        uid: read.uid,
        generation: read.generation,
        resource_version: read.resource_version,
        creation_timestamp: read.creation_timestamp,
        deletion_timestamp: read.deletion_timestamp,
        finalizers: read.finalizers,
        annotations: read.annotations,
        ..ObjectMeta::default()
    })
}

/// A JSON value as text, without spaces; `null` where a member is absent. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(Arc<str>);

impl Json {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Json {
    fn default() -> Self {
        Self("null".into())
    }
}

impl<'de> Deserialize<'de> for Json {
    /// By way of a serializer and not as `RawValue`, which can't be read where the members of an event are in another order.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut text = Vec::new();
        serde_transcode::transcode(deserializer, &mut serde_json::Serializer::new(&mut text))
            .map_err(D::Error::custom)?;
        String::from_utf8(text).map(|text| Self(text.into())).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use kube::core::WatchEvent;
    use serde_json::{Value, json};

    use super::*;

    fn object() -> Value {
        json!({
            "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilingGroup",
            "metadata": { "name": "a", "managedFields": [{ "fieldsV1": { "f:spec": {} } }], "labels": { "l": "l" } },
            "spec": { "b": [1, -2.5, "ü\n", null], "a": true },
        })
    }

    #[test]
    fn what_is_not_read_is_skipped() {
        let read: RawProfilingGroup = serde_json::from_value(object()).unwrap();
        assert_eq!(read.metadata.name.as_deref(), Some("a"));
        assert_eq!((read.metadata.managed_fields, read.metadata.labels), (None, None));
        assert_eq!(read.spec.as_str(), r#"{"a":true,"b":[1,-2.5,"ü\n",null]}"#);
        assert_eq!(read.status, Json::default());
    }

    #[test]
    fn the_members_of_an_event_may_have_any_order() {
        let object = object().to_string();
        for event in
            [format!(r#"{{"type":"ADDED","object":{object}}}"#), format!(r#"{{"object":{object},"type":"ADDED"}}"#)]
        {
            let event: WatchEvent<RawProfilingGroup> = serde_json::from_str(&event).unwrap();
            let WatchEvent::Added(read) = event else { panic!("{event:?}") };
            assert_eq!(serde_json::from_str::<Value>(read.spec.as_str()).unwrap(), self::object()["spec"]);
        }
    }
}
