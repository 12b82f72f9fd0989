//! One ProfilingGroup as stored in the API server, decoded leniently. Pure.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;
use serde_json::{Value, json};

use super::{
    compact::CompactStatus,
    key::Key,
    raw::{Json, RawProfilingGroup},
};
use crate::{
    api::{FINALIZER, ProfilingGroup, ProfilingGroupSpec, ProfilingGroupStatus, RECONCILE_REQUESTED_AT},
    domain::{deletion::Life, status_merge::StoredStatus},
};

/// The parts of an object that the operator keeps. Labels, annotations that are not its own and managed fields stay
/// outside: their size is chosen by tenants, and a status write does not need them.
#[derive(Clone, Debug)]
pub struct Object {
    /// `metadata.uid`.
    pub uid: Arc<str>,
    /// `metadata.generation`.
    pub generation: i64,
    /// `metadata.creationTimestamp`, in seconds.
    pub created: i64,
    /// Whether it is being deleted, and whether the operator's finalizer is there.
    pub life: Life,
    /// Why the spec can't be read, if so.
    pub spec: Result<ProfilingGroupSpec, String>,
    /// The annotation that requests a reconcile.
    pub request: Option<String>,
    /// The status as stored.
    pub status: CompactStatus,
    version: String,
}

/// A `resourceVersion`: an integer, in the order of the writes to one kind of resource (KEP-5504).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u128);

impl Version {
    /// `None` where it is no integer.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

impl Object {
    /// Decodes an object, and its status; `None` for one that is being deleted, and that the operator does not hold.
    #[must_use]
    pub fn read(RawProfilingGroup { metadata, spec, status }: RawProfilingGroup) -> Option<(Self, StoredStatus)> {
        let finalizer = metadata.finalizers.iter().flatten().any(|finalizer| finalizer == FINALIZER);
        let life = match (metadata.deletion_timestamp.is_some(), finalizer) {
            (false, finalizer) => Life::Alive { finalizer },
            (true, true) => Life::Deleting,
            (true, false) => return None,
        };
        let (status, decoded) = CompactStatus::of(&status);
        let object = Self {
            uid: metadata.uid.unwrap_or_default().into(),
            generation: metadata.generation.unwrap_or_default(),
            created: metadata.creation_timestamp.map_or(i64::MAX, |created| created.0.as_second()),
            life,
            spec: read_spec(&spec),
            request: metadata.annotations.and_then(|mut annotations| annotations.remove(RECONCILE_REQUESTED_AT)),
            status,
            version: metadata.resource_version.unwrap_or_default(),
        };
        Some((object, decoded))
    }

    /// Its `metadata.resourceVersion`.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        Version::read(&self.version)
    }

    /// Whether this is a later version than `other`.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.version() > other.version()
    }

    /// Whether `newest`, a version of the same object, requests the same: by its spec, or by its deletion.
    #[must_use]
    pub fn is_as_requested_in(&self, newest: &RawProfilingGroup) -> bool {
        let is_deleting = newest.metadata.deletion_timestamp.is_some();
        newest.metadata.generation == Some(self.generation) && is_deleting == (self.life == Life::Deleting)
    }

    /// The body of a status write over this version: a stale writer is refused by the API server.
    #[must_use]
    pub fn with_status(&self, key: &Key, next: &ProfilingGroupStatus) -> Value {
        json!({
            "apiVersion": ProfilingGroup::api_version(&()),
            "kind": ProfilingGroup::kind(&()),
            "metadata": { "name": &*key.name, "namespace": &*key.namespace, "uid": &*self.uid, "resourceVersion": &self.version },
            "status": self.status.decode().with(next),
        })
    }

    /// How events name it.
    #[must_use]
    pub fn reference(&self, key: &Key) -> ObjectReference {
        ObjectReference {
            api_version: Some(ProfilingGroup::api_version(&()).into()),
            kind: Some(ProfilingGroup::kind(&()).into()),
            namespace: Some(key.namespace.to_string()),
            name: Some(key.name.to_string()),
            uid: Some(self.uid.to_string()),
            resource_version: Some(self.version.clone()),
            ..ObjectReference::default()
        }
    }
}

/// By way of a value: the error then names no line and column of a text that the user has never seen.
fn read_spec(spec: &Json) -> Result<ProfilingGroupSpec, String> {
    let read = |value: Value| serde_json::from_value(value);
    serde_json::from_str(spec.as_str()).and_then(read).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of annotations once decided how much memory the operator needs.
    #[test]
    fn labels_and_annotations_of_others_are_not_kept() {
        let large = "x".repeat(200_000);
        let object: RawProfilingGroup = serde_json::from_value(json!({
            "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilingGroup",
            "metadata": {
                "name": "a", "namespace": "n", "uid": "u", "resourceVersion": "7", "labels": { "l": large },
                "annotations": { "theirs": large, "codeguruprofiler.dev/reconcile-requested-at": "now" },
                "managedFields": [{ "manager": large }],
            },
            "spec": { "profilingGroupName": "G", "profilingEnabled": true },
        }))
        .unwrap();
        let (object, _) = Object::read(object).unwrap();
        assert_eq!(object.request.as_deref(), Some("now"));
        assert!(format!("{object:?}").len() < 2000);
    }
}
