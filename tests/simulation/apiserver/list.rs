//! Lists, in pages.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Answer, ApiServer, Call, Key, Refusal, Target,
    kind::Kind,
    options::{Match, Options},
    selector::Scope,
};

/// Where a list goes on: after this key, as things were at this version.
struct Continue {
    version: u64,
    after: Key,
}

impl Continue {
    fn read(token: &str) -> Result<Self, Refusal> {
        let mut parts = token.splitn(3, '/');
        let mut part = || parts.next().map(str::to_owned);
        let read = part().and_then(|version| version.parse().ok()).zip(part().zip(part()));
        let (version, (namespace, name)) = read.ok_or_else(|| Refusal::bad_request("continue key is not valid"))?;
        Ok(Self { version, after: Key { namespace, name } })
    }

    fn token(version: u64, after: &Key) -> String {
        format!("{version}/{}/{}", after.namespace, after.name)
    }
}

impl ApiServer {
    pub(super) fn list(&self, call: Call<'_>, target: &Target) -> Result<Answer, Refusal> {
        let kind = &self.kinds[target.kind];
        let scope = Scope::of(call.request, kind, target)?;
        let options = Options::of(call.request)?;
        if options.streams.is_some() {
            return Err(Refusal::options("sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"));
        }
        let token = call.request.query("continue").map(Continue::read).transpose()?;
        let version = match &token {
            Some(token) if token.version < self.store.compacted() => return Err(Refusal::expired_page()),
            Some(token) => token.version,
            None => self.list_version(&options)?,
        };
        let snapshot;
        let all: Box<dyn Iterator<Item = (&Key, &Arc<Value>)>> = if self.store.after(version).is_empty() {
            Box::new(self.store.all(target.kind).map(|(key, stored)| (key, &stored.object)))
        } else {
            snapshot = self.store.at(target.kind, version);
            Box::new(snapshot.iter().map(|(key, object)| (*key, *object)))
        };
        let mut rest = all
            .filter(|(key, _)| token.as_ref().is_none_or(|token| **key > token.after))
            .filter(|(key, _)| scope.reaches(key));
        let page: Vec<_> = rest.by_ref().filter(|(_, object)| scope.selects(object)).take(options.limit).collect();
        // Whether selectors choose any of what is left is only found out by the next page.
        let left = rest.count();
        let next = page.last().filter(|_| left > 0).map(|(key, _)| {
            let token = Continue::token(version, key);
            (token, scope.is_whole().then_some(left))
        });
        let body = kind.list(version, page.into_iter().map(|(_, object)| object), next);
        Ok(Answer::Object { status: 200, body })
    }

    /// The version that a list is of: the newest, unless it requests exactly one.
    fn list_version(&self, options: &Options) -> Result<u64, Refusal> {
        let (newest, compacted) = (self.store.version(), self.store.compacted());
        let asked = options.version().map_err(Refusal::bad_request)?;
        match options.matching {
            _ if asked > newest => Err(Refusal::too_large(asked, newest)),
            Some(Match::Exact) if asked < compacted => Err(Refusal::expired(asked, compacted)),
            Some(Match::Exact) => Ok(asked),
            Some(Match::NotOlderThan) | None => Ok(newest),
        }
    }
}

impl Kind {
    /// A list of this kind. `next` is where it goes on, and how many objects are left if that is known.
    pub(super) fn list<'a>(
        &self,
        version: u64,
        items: impl Iterator<Item = &'a Arc<Value>>,
        next: Option<(String, Option<usize>)>,
    ) -> Value {
        let mut metadata = json!({ "resourceVersion": version.to_string() });
        if self.rules.are_custom() {
            metadata["continue"] = json!("");
        }
        if let Some((token, left)) = next {
            metadata["continue"] = json!(token);
            if let Some(left) = left {
                metadata["remainingItemCount"] = json!(left);
            }
        }
        let items = items.map(|object| {
            let mut item = Value::clone(object);
            if let (false, Some(members)) = (self.rules.are_custom(), item.as_object_mut()) {
                members.remove("apiVersion");
                members.remove("kind");
            }
            item
        });
        let items: Vec<_> = items.collect();
        json!({ "apiVersion": self.api_version(), "kind": format!("{}List", self.name), "metadata": metadata, "items": items })
    }
}
