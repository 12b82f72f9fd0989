//! Changes of an object: PUT and patches, of the resource and of its status.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Answer, ApiServer, Call, Refusal, Subresource, Target,
    decode::{at_target, decoded},
    kind::{Kind, Rules},
    metadata,
    patch::Patch,
    store::Write,
};

impl ApiServer {
    pub(super) fn put(&mut self, call: Call<'_>, target: &Target) -> Result<Answer, Refusal> {
        let kind = &self.kinds[target.kind];
        let mut object = decoded(kind, call.request.body.clone())?;
        at_target(&mut object, target)?;
        let stored = self.store.get(target.kind, &target.key());
        if stored.is_none() && !kind.rules.created_by_update() {
            return Err(self.not_found(target));
        }
        let uid = metadata::text(&object, "uid");
        let stored_uid = stored.map_or("", |stored| metadata::text(&stored.object, "uid"));
        if !uid.is_empty() && uid != stored_uid {
            let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {stored_uid}");
            return Err(Refusal::conflict(kind, &target.name, &why));
        }
        if stored.is_none() {
            let body = Value::clone(&*self.store_new(call, target, object)?);
            return Ok(Answer::Object { status: 201, body });
        }
        self.change(call, target, object)
    }

    pub(super) fn patch(&mut self, call: Call<'_>, target: &Target) -> Result<Answer, Refusal> {
        let kind = &self.kinds[target.kind];
        let patch = Patch::of(call.request, kind.rules)?;
        let stored = self.store.get(target.kind, &target.key()).ok_or_else(|| self.not_found(target))?;
        let mut object = Value::clone(&stored.object);
        patch.apply(&mut object)?;
        if kind.rules.are_custom() && object["kind"].is_null() {
            return Err(Refusal::unprocessable());
        }
        let mut object = decoded(kind, object)?;
        at_target(&mut object, target)?;
        self.change(call, target, object)
    }

    /// Puts an object in the place of what is stored.
    fn change(&mut self, call: Call<'_>, target: &Target, mut object: Value) -> Result<Answer, Refusal> {
        let key = target.key();
        let kind = &self.kinds[target.kind];
        let stored = self.store.get(target.kind, &key).ok_or_else(|| self.not_found(target))?;
        match metadata::text(&object, "resourceVersion") {
            "" | "0" if kind.rules.updated_unconditionally() => {}
            "" | "0" => return Err(Refusal::versionless(kind, &target.name)),
            known if known == metadata::text(&stored.object, "resourceVersion") => {}
            text if text.parse::<u64>().is_err() => {
                return Err(Refusal::internal(format!("strconv.ParseUint: parsing \"{text}\": invalid syntax")));
            }
            _ => return Err(Refusal::stale(kind, &target.name)),
        }
        prepare(kind, target.subresource, &mut object, &stored.object);
        if let Some(fault) = change_fault(kind, &object, &stored.object) {
            return Err(Refusal::invalid(kind, &target.name, &fault));
        }
        if metadata::is_deleting(&stored.object) && !metadata::has_finalizers(&object) {
            self.store.remove(target.kind, &kind.plural, call.user, &key);
            return Ok(Answer::Object { status: 200, body: object });
        }
        let changed = stored.bare || object != *stored.object;
        let now = if changed {
            let write = Write { kind: target.kind, resource: &kind.plural, actor: call.user, object };
            self.store.put(write, false)
        } else {
            Arc::clone(&stored.object)
        };
        Ok(Answer::Object { status: 200, body: Value::clone(&now) })
    }
}

/// Takes back whatever this request may not change, and counts the generation.
fn prepare(kind: &Kind, subresource: Subresource, object: &mut Value, stored: &Value) {
    if subresource == Subresource::Status {
        let status = object["status"].take();
        object.clone_from(stored);
        set(object, "status", status);
    } else {
        if kind.status {
            set(object, "status", stored["status"].clone());
        }
        for name in ["creationTimestamp", "generation", "resourceVersion", "selfLink"] {
            set(&mut object["metadata"], name, stored["metadata"][name].clone());
        }
        if metadata::is_deleting(stored) {
            set(&mut object["metadata"], "deletionTimestamp", stored["metadata"]["deletionTimestamp"].clone());
        }
        for name in ["uid", "deletionGracePeriodSeconds"] {
            if object["metadata"][name].is_null() {
                set(&mut object["metadata"], name, stored["metadata"][name].clone());
            }
        }
        if kind.rules.are_custom() && without_metadata(object).ne(without_metadata(stored)) {
            metadata::next_generation(object);
        }
    }
}

fn without_metadata(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten().filter(|(name, _)| *name != "metadata")
}

/// Sets a member, or removes it when it is null.
fn set(object: &mut Value, name: &str, value: Value) {
    if !value.is_null() {
        object[name] = value;
    } else if let Some(members) = object.as_object_mut() {
        members.remove(name);
    }
}

fn change_fault(kind: &Kind, object: &Value, stored: &Value) -> Option<String> {
    for name in ["uid", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        if object["metadata"][name] != stored["metadata"][name] {
            return Some(format!("metadata.{name}: Invalid value: {}: field is immutable", object["metadata"][name]));
        }
    }
    if metadata::is_deleting(stored) {
        let known: Vec<_> = metadata::finalizers(stored).collect();
        let found: Vec<_> = metadata::finalizers(object).filter(|finalizer| !known.contains(finalizer)).collect();
        if !found.is_empty() {
            let why = "no new finalizers can be added if the object is being deleted, found new finalizers";
            return Some(format!("metadata.finalizers: Forbidden: {why} {}", json!(found)));
        }
    }
    if kind.rules == Rules::Event {
        let fixed = |object: &Value| {
            without_metadata(object)
                .filter(|(name, _)| *name != "series")
                .map(|(_, value)| value.clone())
                .collect::<Vec<_>>()
        };
        if fixed(object) != fixed(stored) {
            return Some("field is immutable".to_owned());
        }
    }
    kind.fault(object)
}
