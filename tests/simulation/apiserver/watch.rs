//! Watches.

use std::{mem, sync::Arc};

use serde_json::{Value, json};

use super::{
    ApiServer, Call, Refusal, Target,
    selector::Scope,
    store::{How, Version},
};

/// A watch, and how far it has come.
#[derive(Debug, Clone)]
pub struct Watch {
    kind: usize,
    scope: Scope,
    bookmarks: bool,
    /// The objects that it starts with.
    initial: Vec<Arc<Value>>,
    /// Whether a bookmark ends them.
    marked: bool,
    /// The version up to which it has been served; none once it has ended with an error.
    position: Option<u64>,
}

impl ApiServer {
    pub(super) fn watch(&self, call: Call<'_>, target: &Target) -> Result<Watch, Refusal> {
        let request = call.request;
        let scope = Scope::of(request, &self.kinds[target.kind], target)?;
        let asked = request.query("resourceVersion").unwrap_or("0");
        let asked: u64 =
            asked.parse().map_err(|_| Refusal::bad_request(format!("Invalid resource version: {asked}")))?;
        let streams = request.is("sendInitialEvents");
        let from_now = streams || asked == 0;
        let bookmarks = request.is("allowWatchBookmarks");
        let initial = if from_now && request.query("sendInitialEvents") != Some("false") {
            let all = self.store.all(target.kind).filter(|(key, stored)| scope.contains(key, &stored.object));
            all.map(|(_, stored)| stored.object.clone()).collect()
        } else {
            Vec::new()
        };
        let position = Some(if from_now { self.store.version() } else { asked });
        Ok(Watch { kind: target.kind, scope, bookmarks, initial, marked: streams && bookmarks, position })
    }

    /// The frames since the watch was last served.
    pub fn events(&self, watch: &mut Watch) -> Vec<Value> {
        let Some(position) = watch.position else { return Vec::new() };
        let oldest = self.store.oldest(watch.kind);
        if position < oldest {
            watch.position = None;
            return vec![frame("ERROR", &Refusal::expired(position, oldest).status())];
        }
        let mut frames: Vec<_> = mem::take(&mut watch.initial).iter().map(|object| frame("ADDED", object)).collect();
        if mem::take(&mut watch.marked) {
            let mut bookmark = self.bookmark_at(watch.kind, position);
            bookmark["metadata"]["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
            frames.push(frame("BOOKMARK", &bookmark));
        }
        let versions = self.store.after(position).iter().filter(|version| version.kind == watch.kind);
        frames.extend(versions.filter_map(|version| watch.frame_of(version)));
        watch.position = Some(self.store.version());
        frames
    }

    /// A bookmark, if the watch allows bookmarks: at the present version, or at what it has been served when it has not been served everything.
    pub fn bookmark(&self, watch: &mut Watch) -> Option<Value> {
        let position = watch.position.filter(|_| watch.bookmarks)?;
        let served = self.store.after(position).iter().all(|version| version.kind != watch.kind);
        let position = if served { self.store.version() } else { position };
        watch.position = Some(position);
        Some(frame("BOOKMARK", &self.bookmark_at(watch.kind, position)))
    }

    fn bookmark_at(&self, kind: usize, version: u64) -> Value {
        let kind = &self.kinds[kind];
        json!({ "kind": kind.kind, "apiVersion": kind.api_version(), "metadata": { "resourceVersion": version.to_string() } })
    }
}

impl Watch {
    /// What a version is to this watch: objects that a selector no longer matches count as deleted.
    fn frame_of(&self, version: &Version) -> Option<Value> {
        let contains = |object: &Value| self.scope.contains(&version.key, object);
        let before = version.before.as_deref().is_some_and(contains);
        let after = version.how != How::Deleted && contains(&version.object);
        match (before, after) {
            (false, false) => None,
            (false, true) => Some(frame("ADDED", &version.object)),
            (true, true) => Some(frame("MODIFIED", &version.object)),
            (true, false) => {
                let mut last = Value::clone(version.before.as_deref()?);
                last["metadata"]["resourceVersion"] = json!(version.version.to_string());
                Some(frame("DELETED", &last))
            }
        }
    }
}

fn frame(kind: &str, object: &Value) -> Value {
    json!({ "type": kind, "object": object })
}
