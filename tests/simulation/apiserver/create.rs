//! Creation.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Answer, ApiServer, Call, Key, Refusal, Target,
    decode::{decoded, in_namespace},
    kind::Kind,
    metadata,
    store::Write,
};

impl ApiServer {
    pub(super) fn create(&mut self, call: Call<'_>, target: &Target) -> Result<Answer, Refusal> {
        let mut object = decoded(&self.kinds[target.kind], call.request.body.clone())?;
        in_namespace(&mut object, target)?;
        if metadata::text(&object, "name").is_empty() && !metadata::text(&object, "generateName").is_empty() {
            self.generated += 1;
            let name = format!("{}{:05}", metadata::text(&object, "generateName"), self.generated);
            object["metadata"]["name"] = json!(name);
        }
        if !object["metadata"]["resourceVersion"].is_null() {
            return Err(Refusal::internal("resourceVersion should not be set on objects to be created"));
        }
        let created = self.store_new(call, target, object)?;
        Ok(Answer::Object { status: 201, body: Value::clone(&created) })
    }

    /// Stores an object that does not exist yet.
    pub(super) fn store_new(
        &mut self,
        call: Call<'_>,
        target: &Target,
        mut object: Value,
    ) -> Result<Arc<Value>, Refusal> {
        let kind = &self.kinds[target.kind];
        self.generated += 1;
        begin(kind, &mut object, call.now, self.generated);
        let name = metadata::text(&object, "name");
        if name.is_empty() {
            return Err(Refusal::invalid(kind, "", "metadata.name: Required value: name or generateName is required"));
        }
        if !metadata::is_name(name) {
            let why = format!("metadata.name: Invalid value: \"{name}\": a lowercase RFC 1123 subdomain is required");
            return Err(Refusal::invalid(kind, name, &why));
        }
        if let Some(fault) = kind.fault(&object) {
            return Err(Refusal::invalid(kind, name, &fault));
        }
        if let Some(stored) = self.store.get(target.kind, &Key::of(&object)) {
            return Err(Refusal::already_exists(kind, name, metadata::is_deleting(&stored.object)));
        }
        let written = object.clone();
        kind.admit(&mut object);
        let bare = object != written;
        let write = Write { kind: target.kind, resource: &kind.plural, actor: call.user, object };
        Ok(self.store.put(write, bare))
    }
}

/// Sets what only the server sets.
fn begin(kind: &Kind, object: &mut Value, now: Timestamp, uid: u64) {
    if kind.status
        && let Some(members) = object.as_object_mut()
    {
        members.remove("status");
    }
    let members = metadata::of_mut(object);
    for name in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
        members.remove(name);
    }
    members.insert("uid".to_owned(), json!(format!("00000000-0000-4000-8000-{uid:012x}")));
    members.insert("creationTimestamp".to_owned(), metadata::seconds(now));
    if kind.rules.are_custom() {
        members.insert("generation".to_owned(), json!(1));
    }
}
