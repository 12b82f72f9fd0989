//! Watches.

use std::{mem, sync::Arc};

use serde_json::{Value, json};

use super::{
    ApiServer, Call, Refusal, Target,
    options::Options,
    selector::Scope,
    store::{Change, How},
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
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Served up to this version.
    Live(u64),
    /// It starts at a version that is forgotten, which its only frame will report.
    Expired(u64),
    Ended,
}

impl ApiServer {
    pub(super) fn watch(&self, call: Call<'_>, target: &Target) -> Result<Watch, Refusal> {
        let request = call.request;
        let scope = Scope::of(request, &self.kinds[target.kind], target)?;
        let options = Options::of(request)?;
        let asked = options.version().map_err(Refusal::internal)?;
        if options.streams.is_some() && !self.streams_lists {
            let why = "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled";
            return Err(Refusal::options(why));
        }
        let streams = options.streams == Some(true);
        if options.matching.is_some() && options.streams.is_none() {
            let why = "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            return Err(Refusal::options(why));
        }
        let from_now = streams || asked == 0;
        let bookmarks = request.is("allowWatchBookmarks");
        let initial = if from_now && options.streams != Some(false) {
            let all = self.store.all(target.kind).filter(|(key, stored)| scope.contains(key, &stored.object));
            all.map(|(_, stored)| stored.object.clone()).collect()
        } else {
            Vec::new()
        };
        let state = match asked {
            _ if from_now => State::Live(self.store.version()),
            old if old < self.store.oldest(target.kind) => State::Expired(old),
            known => State::Live(known),
        };
        Ok(Watch { kind: target.kind, scope, bookmarks, initial, marked: streams && bookmarks, state })
    }

    /// The frames since the watch was last served.
    pub fn events(&self, watch: &mut Watch) -> Vec<Value> {
        let position = match watch.state {
            State::Live(position) if !self.misses(watch.kind, position) => position,
            State::Live(old) | State::Expired(old) => {
                watch.state = State::Ended;
                return vec![frame("ERROR", &Refusal::expired(old, self.store.oldest(watch.kind)).status())];
            }
            State::Ended => return Vec::new(),
        };
        let mut frames: Vec<_> = mem::take(&mut watch.initial).iter().map(|object| frame("ADDED", object)).collect();
        if mem::take(&mut watch.marked) {
            let mut bookmark = self.bookmark_at(watch.kind, position);
            bookmark["metadata"]["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
            frames.push(frame("BOOKMARK", &bookmark));
        }
        let changes = self.store.after(position).iter().filter(|change| change.kind == watch.kind);
        frames.extend(changes.filter_map(|change| watch.frame_of(change)));
        watch.state = State::Live(self.store.version());
        frames
    }

    /// A bookmark, if the watch allows bookmarks: at the present version, or where it is when it has not been served everything.
    pub fn bookmark(&self, watch: &mut Watch) -> Option<Value> {
        let State::Live(position) = watch.state else { return None };
        let served = self.store.after(position).iter().all(|change| change.kind != watch.kind);
        let position = if served { self.store.version() } else { position };
        watch.state = State::Live(position);
        watch.bookmarks.then(|| frame("BOOKMARK", &self.bookmark_at(watch.kind, position)))
    }

    /// Whether changes of this kind after a version are forgotten.
    fn misses(&self, kind: usize, version: u64) -> bool {
        let mut changes =
            self.store.after(version).iter().take_while(|change| change.version <= self.store.compacted());
        changes.any(|change| change.kind == kind)
    }

    fn bookmark_at(&self, kind: usize, version: u64) -> Value {
        let kind = &self.kinds[kind];
        json!({ "kind": kind.name, "apiVersion": kind.api_version(), "metadata": { "resourceVersion": version.to_string() } })
    }
}

impl Watch {
    /// What a change is to this watch: objects that a selector no longer chooses count as deleted.
    fn frame_of(&self, change: &Change) -> Option<Value> {
        let contains = |object: &Value| self.scope.contains(&change.key, object);
        let before = change.before.as_deref().is_some_and(contains);
        let after = change.how != How::Deleted && contains(&change.object);
        match (before, after) {
            (false, false) => None,
            (false, true) => Some(frame("ADDED", &change.object)),
            (true, true) => Some(frame("MODIFIED", &change.object)),
            (true, false) => {
                let mut last = Value::clone(change.before.as_deref()?);
                last["metadata"]["resourceVersion"] = json!(change.version.to_string());
                Some(frame("DELETED", &last))
            }
        }
    }
}

fn frame(kind: &str, object: &Value) -> Value {
    json!({ "type": kind, "object": object })
}
