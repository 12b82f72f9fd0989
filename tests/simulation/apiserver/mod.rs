//! A model of the Kubernetes API server: pure and deterministic, without clock, chance or network. `tests/apiserver/` holds it against the real one.
//!
//! It serves custom resources (of whatever CRDs are installed), Events of `events.k8s.io/v1` and Leases of `coordination.k8s.io/v1`:
//! create, get, list with pages, watch, PUT and patch of the resource and of `/status`, delete and deletecollection, as the real server does.
//!
//! Not modelled:
//! - `managedFields` and apply patches (415), strategic merge patches of lists, `fieldValidation`, warnings, dry runs;
//! - validation beyond types, required members, enums, minima, dates and keys of lists: no CEL, no patterns;
//! - namespaces, which need not exist, and cluster-scoped resources other than custom ones; admission; `propagationPolicy`, grace periods other than 0;
//! - tables, gzip, protobuf; time-outs of requests and watches, which are the caller's;
//! - selectors other than `=`, `==` and `!=`;
//! - the token for going on inconsistently in the answer to an expired page; a watch from a version that is still to come; requests for an
//!   exact version, beyond compaction;
//! - POST to the path of an object, which the real server takes for creation; 405 instead of 404 and 400 for other verbs in the wrong place;
//! - that etcd's compaction alone does not end a watch of the real server: it remembers for itself, until it starts again or writes are many;
//! - the expiry of Events after an hour; members of Events and Leases that neither kube nor the operator writes.
#![allow(dead_code, unreachable_pub, reason = "two test binaries include it, and each uses a part")]

mod create;
mod decode;
mod delete;
mod denial;
mod kind;
mod list;
mod metadata;
mod options;
mod patch;
mod refusal;
mod request;
mod schema;
mod selector;
mod store;
#[cfg(test)]
mod tests;
mod update;
mod watch;

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

pub use denial::Denial;
use kind::Kind;
use refusal::Refusal;
pub use request::Request;
use request::{Subresource, Target, Verb};
pub use store::{Change, How};
use store::{Key, Store};
pub use watch::Watch;

/// What a request is answered with.
#[derive(Debug)]
pub enum Answer {
    /// An object, a list, or a `Status`. A string is to be sent as plain text.
    Object {
        /// The HTTP status code.
        status: u16,
        /// The body.
        body: Value,
    },
    /// 200, and then the frames of [`ApiServer::events`].
    Watch(Watch),
}

/// A model of the Kubernetes API server.
#[derive(Debug)]
pub struct ApiServer {
    kinds: Vec<Kind>,
    store: Store,
    denials: Vec<Denial>,
    /// The feature gate WatchList.
    streams_lists: bool,
    /// How many uids and names have been generated.
    generated: u64,
}

/// One request on its way: whose it is and when it came.
#[derive(Clone, Copy)]
struct Call<'a> {
    now: Timestamp,
    user: &'a str,
    request: &'a Request,
}

impl ApiServer {
    /// A server that has stored nothing, and knows Events and Leases.
    pub fn new() -> Self {
        let mut server =
            Self { kinds: Vec::new(), store: Store::new(), denials: Vec::new(), streams_lists: true, generated: 0 };
        server.add(kind::event());
        server.add(kind::lease());
        server
    }

    /// Serves the kind of a CRD from now on, or by this schema if it is served already.
    pub fn install(&mut self, crd: &Value) {
        self.add(Kind::of_crd(crd));
    }

    fn add(&mut self, kind: Kind) {
        let known = self.kinds.iter().position(|known| known.group == kind.group && known.plural == kind.plural);
        self.store.install(known.unwrap_or(self.kinds.len()));
        if let Some(index) = known {
            self.store.present_again(index, |object| kind.admit(object));
            self.kinds[index] = kind;
        } else {
            self.kinds.push(kind);
        }
    }

    /// Carries out one request at `now`.
    pub fn handle(&mut self, now: Timestamp, request: &Request) -> Answer {
        self.handle_as(now, "", request)
    }

    /// The same, as this user, whom refusals and the history name.
    pub fn handle_as(&mut self, now: Timestamp, user: &str, request: &Request) -> Answer {
        if request.path == "/version" {
            return Answer::Object { status: 200, body: version() };
        }
        self.answer(Call { now, user, request }).unwrap_or_else(Refusal::into_answer)
    }

    fn answer(&mut self, call: Call<'_>) -> Result<Answer, Refusal> {
        let target = Target::of(call.request, &self.kinds)?;
        let verb = Verb::of(call.request, &target);
        let kind = &self.kinds[target.kind];
        let verb = verb.ok_or_else(|| Refusal::method_not_allowed(kind))?;
        if self.denials.iter().any(|denial| denial.matches(verb, kind, &target)) {
            return Err(Refusal::forbidden(call.user, verb, kind, &target));
        }
        match verb {
            Verb::Get => self.get(&target),
            Verb::List => self.list(call, &target),
            Verb::Watch => self.watch(call, &target).map(Answer::Watch),
            Verb::Create => self.create(call, &target),
            Verb::Update => self.put(call, &target),
            Verb::Patch => self.patch(call, &target),
            Verb::Delete => self.delete(call, &target),
            Verb::DeleteCollection => self.delete_collection(call, &target),
        }
    }

    fn get(&self, target: &Target) -> Result<Answer, Refusal> {
        let key = target.key();
        let stored = self.store.get(target.kind, &key).ok_or_else(|| self.not_found(target))?;
        Ok(Answer::Object { status: 200, body: Value::clone(&stored.object) })
    }

    fn not_found(&self, target: &Target) -> Refusal {
        Refusal::not_found(&self.kinds[target.kind], &target.name)
    }

    /// Forgets all versions up to now, as when something else has been written since: watches and pages that start at one, and watches that
    /// have not been served until then, are answered with 410.
    pub fn compact(&mut self) {
        self.store.compact();
    }

    /// Switches the feature gate WatchList off.
    pub fn list_in_pages_only(&mut self) {
        self.streams_lists = false;
    }

    /// Refuses what matches this, until it is removed.
    pub fn deny(&mut self, denial: Denial) {
        self.denials.push(denial);
    }

    /// Removes a denial.
    pub fn allow(&mut self, denial: &Denial) {
        self.denials.retain(|other| other != denial);
    }

    /// Removes all denials.
    pub fn allow_all(&mut self) {
        self.denials.clear();
    }

    /// The resourceVersion of the newest write.
    pub fn version(&self) -> u64 {
        self.store.version()
    }

    /// An object as it is now. The resource is a plural, or a plural and a group with a dot between them.
    pub fn object(&self, resource: &str, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        let kind = self.kind_of(resource)?;
        let key = Key { namespace: namespace.to_owned(), name: name.to_owned() };
        self.store.get(kind, &key).map(|stored| &stored.object)
    }

    /// All objects of a resource as they are now, by namespace and name.
    pub fn objects(&self, resource: &str) -> impl Iterator<Item = &Arc<Value>> {
        let kind = self.kind_of(resource);
        kind.into_iter().flat_map(|kind| self.store.all(kind)).map(|(_, stored)| &stored.object)
    }

    /// Every version that was ever stored, in order.
    pub fn history(&self) -> &[Change] {
        self.store.history()
    }

    fn kind_of(&self, resource: &str) -> Option<usize> {
        self.kinds.iter().position(|kind| *kind.plural == *resource || kind.resource() == resource)
    }
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "gitVersion": "v1.36.3", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "go1.26.0", "compiler": "gc", "platform": "linux/amd64",
    })
}
