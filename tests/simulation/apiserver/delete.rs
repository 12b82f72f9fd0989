//! Deletion, at once or by finalizers.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Answer, ApiServer, Call, Key, Refusal, Target, metadata, selector::Scope, store::Write};

impl ApiServer {
    pub(super) fn delete(&mut self, call: Call<'_>, target: &Target) -> Result<Answer, Refusal> {
        let key = target.key();
        let kind = &self.kinds[target.kind];
        let object = &self.store.get(target.kind, &key).ok_or_else(|| self.not_found(target))?.object;
        for (name, member) in [("UID", "uid"), ("ResourceVersion", "resourceVersion")] {
            let wanted = &call.request.body["preconditions"][member];
            let found = &object["metadata"][member];
            if !wanted.is_null() && wanted != found {
                let why =
                    format!("the {name} in the precondition ({wanted}) does not match the {name} in record ({found})");
                return Err(Refusal::precondition(kind, &target.name, &why));
            }
        }
        let details = json!({ "name": target.name, "group": kind.group, "kind": *kind.plural, "uid": metadata::text(object, "uid") });
        let body = match self.delete_key(call, target.kind, &key) {
            Some(waiting) => Value::clone(&waiting),
            None => {
                json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details })
            }
        };
        Ok(Answer::Object { status: 200, body })
    }

    /// The objects as they were found.
    pub(super) fn delete_collection(&mut self, call: Call<'_>, target: &Target) -> Result<Answer, Refusal> {
        let kind = &self.kinds[target.kind];
        let scope = Scope::of(call.request, kind, target)?;
        let found: Vec<_> =
            self.store.all(target.kind).filter(|(key, stored)| scope.contains(key, &stored.object)).collect();
        let items = found.iter().map(|(_, stored)| stored.object.clone()).collect::<Vec<_>>();
        let keys: Vec<Key> = found.into_iter().map(|(key, _)| key.clone()).collect();
        let body = kind.list(self.store.version(), items.iter(), None);
        for key in keys {
            self.delete_key(call, target.kind, &key);
        }
        Ok(Answer::Object { status: 200, body })
    }

    /// Deletes an object, or marks it when finalizers hold it: then it is returned.
    fn delete_key(&mut self, call: Call<'_>, kind: usize, key: &Key) -> Option<Arc<Value>> {
        let stored = self.store.get(kind, key)?;
        let resource = &self.kinds[kind].plural;
        if !metadata::has_finalizers(&stored.object) {
            self.store.remove(kind, resource, call.user, key);
            return None;
        }
        if metadata::is_deleting(&stored.object) {
            return Some(stored.object.clone());
        }
        let mut object = Value::clone(&stored.object);
        object["metadata"]["deletionTimestamp"] = metadata::seconds(call.now);
        object["metadata"]["deletionGracePeriodSeconds"] = json!(0);
        metadata::next_generation(&mut object);
        Some(self.store.put(Write { kind, resource, actor: call.user, object }, false))
    }
}
