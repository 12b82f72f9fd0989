//! The ProfilingGroups as last known: the watch's store, overlaid with the answers to our own writes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use kube::{
    Resource, ResourceExt,
    api::{ApiResource, DynamicObject},
    runtime::reflector::{ObjectRef, Store},
};

use crate::{api::ProfilingGroup, process::lock::lock};

/// Names one ProfilingGroup.
pub type Key = ObjectRef<DynamicObject>;

/// `namespace/name`, as messages write it.
#[must_use]
pub fn called(key: &Key) -> String {
    format!("{}/{}", key.namespace.as_deref().unwrap_or_default(), key.name)
}

/// The resource, for untyped requests: an object that can't be decoded must not stop the watch of the others.
#[must_use]
pub fn resource() -> ApiResource {
    ApiResource::erase::<ProfilingGroup>(&())
}

/// The key of `object`.
#[must_use]
pub fn key(object: &DynamicObject) -> Key {
    ObjectRef::from_obj_with(object, resource())
}

/// The ProfilingGroups as last known.
pub struct Objects {
    store: Store<DynamicObject>,
    answers: Mutex<HashMap<Key, Arc<DynamicObject>>>,
}

impl Objects {
    /// Nothing has been written yet.
    #[must_use]
    pub fn new(store: Store<DynamicObject>) -> Self {
        Self { store, answers: Mutex::default() }
    }

    /// The newest version of an object that is not going away.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Arc<DynamicObject>> {
        let watched = self.store.get(key)?;
        let mut answers = lock(&self.answers);
        let newest = match answers.get(key) {
            Some(answer) if answer.uid() == watched.uid() && version(answer) > version(&watched) => Arc::clone(answer),
            Some(_) => {
                answers.remove(key);
                watched
            }
            None => watched,
        };
        newest.meta().deletion_timestamp.is_none().then_some(newest)
    }

    /// The `metadata.uid` of an object that the watch has told of.
    #[must_use]
    pub fn uid(&self, key: &Key) -> Option<String> {
        self.store.get(key)?.uid()
    }

    /// The API server answered with this version: the watch will tell of it later.
    pub fn answered(&self, object: DynamicObject) {
        lock(&self.answers).insert(key(&object), Arc::new(object));
    }

    /// The object is gone.
    pub fn forget(&self, key: &Key) {
        lock(&self.answers).remove(key);
    }

    /// Every object of the store.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<DynamicObject>> {
        self.store.state()
    }
}

/// Versions of one object are integers in order (KEP-5504).
fn version(object: &DynamicObject) -> u128 {
    object.meta().resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or(0)
}
