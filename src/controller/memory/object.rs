//! One ProfilingGroup as stored in the API server, decoded leniently. Pure.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Resource, ResourceExt,
    api::{ApiResource, DynamicObject},
};
use serde_json::json;

use super::{compact::CompactStatus, key::Key};
use crate::{
    api::{FINALIZER, ProfilingGroup, ProfilingGroupSpec, ProfilingGroupStatus, RECONCILE_REQUESTED_AT},
    domain::deletion::Life,
};

/// The resource, for untyped requests: an object that can't be decoded must not stop the watch of the others.
#[must_use]
pub fn resource() -> ApiResource {
    ApiResource::erase::<ProfilingGroup>(&())
}

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
    /// Decodes an object; `None` for one that is being deleted, and that the operator does not hold.
    #[must_use]
    pub fn read(mut object: DynamicObject) -> Option<Self> {
        let finalizer = object.finalizers().iter().any(|finalizer| finalizer == FINALIZER);
        let life = match (object.meta().deletion_timestamp.is_some(), finalizer) {
            (false, finalizer) => Life::Alive { finalizer },
            (true, true) => Life::Deleting,
            (true, false) => return None,
        };
        let spec = object.data["spec"].take();
        Some(Self {
            uid: object.uid().unwrap_or_default().into(),
            generation: object.meta().generation.unwrap_or_default(),
            created: object.creation_timestamp().map_or(i64::MAX, |created| created.0.as_second()),
            life,
            spec: serde_json::from_value(spec).map_err(|error: serde_json::Error| error.to_string()),
            request: object.annotations_mut().remove(RECONCILE_REQUESTED_AT),
            status: CompactStatus::read(object.data["status"].take()),
            version: object.resource_version().unwrap_or_default(),
        })
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
    pub fn is_as_requested_in(&self, newest: &DynamicObject) -> bool {
        let is_deleting = newest.meta().deletion_timestamp.is_some();
        newest.meta().generation == Some(self.generation) && is_deleting == (self.life == Life::Deleting)
    }

    /// The body of a status write over this version: a stale writer is refused by the API server.
    #[must_use]
    pub fn with_status(&self, key: &Key, next: &ProfilingGroupStatus) -> DynamicObject {
        let mut body = DynamicObject::new(&key.name, &resource()).within(&key.namespace);
        body.meta_mut().uid = Some(self.uid.to_string());
        body.meta_mut().resource_version = Some(self.version.clone());
        body.data = json!({ "status": self.status.decode().with(next) });
        body
    }

    /// How events name it.
    #[must_use]
    pub fn reference(&self, key: &Key) -> ObjectReference {
        let resource = resource();
        ObjectReference {
            api_version: Some(resource.api_version),
            kind: Some(resource.kind),
            namespace: Some(key.namespace.to_string()),
            name: Some(key.name.to_string()),
            uid: Some(self.uid.to_string()),
            resource_version: Some(self.version.clone()),
            ..ObjectReference::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of annotations once decided how much memory the operator needs.
    #[test]
    fn labels_and_annotations_of_others_are_not_kept() {
        let large = "x".repeat(200_000);
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilingGroup",
            "metadata": {
                "name": "a", "namespace": "n", "uid": "u", "resourceVersion": "7", "labels": { "l": large },
                "annotations": { "theirs": large, "codeguruprofiler.dev/reconcile-requested-at": "now" },
                "managedFields": [{ "manager": large }],
            },
            "spec": { "profilingGroupName": "G", "profilingEnabled": true },
        }))
        .unwrap();
        let object = Object::read(object).unwrap();
        assert_eq!(object.request.as_deref(), Some("now"));
        assert!(format!("{object:?}").len() < 2000);
    }
}
