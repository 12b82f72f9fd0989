//! What a client may do next. Operations name no version: each side fills in its own.

use rand::{RngExt, rngs::StdRng};
use serde_json::{Value, json};

/// What is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// The CRD as it is.
    Whole,
    /// Without some members.
    Thin,
    Lease,
    Event,
}

impl Resource {
    pub fn group(self) -> &'static str {
        match self {
            Self::Whole => "whole.example.com",
            Self::Thin => "thin.example.com",
            Self::Lease => "coordination.k8s.io",
            Self::Event => "events.k8s.io",
        }
    }

    pub fn version(self) -> &'static str {
        if self.is_custom() { "v1alpha1" } else { "v1" }
    }

    pub fn plural(self) -> &'static str {
        match self {
            Self::Whole | Self::Thin => "profilinggroups",
            Self::Lease => "leases",
            Self::Event => "events",
        }
    }

    pub fn kind(self) -> &'static str {
        match self {
            Self::Whole | Self::Thin => "ProfilingGroup",
            Self::Lease => "Lease",
            Self::Event => "Event",
        }
    }

    pub fn is_custom(self) -> bool {
        matches!(self, Self::Whole | Self::Thin)
    }
}

/// An object, by numbers: few, so that they meet again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    pub resource: Resource,
    pub namespace: usize,
    pub name: &'static str,
}

/// Which of the values that a side has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    Newest,
    Oldest,
    None,
}

/// Where a watch starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the newest version that was seen.
    Newest,
    /// So many versions ago.
    Ago(usize),
    /// Before the kind was served.
    Ancient,
    /// With what is there.
    State,
    /// With what is there, and a bookmark.
    Streamed,
}

#[derive(Debug, Clone)]
pub enum Operation {
    Create {
        object: Object,
        more: Value,
    },
    /// The newest object that was seen, changed.
    Put {
        object: Object,
        status: bool,
        change: Value,
        version: Seen,
        uid: Seen,
    },
    Merge {
        object: Object,
        status: bool,
        patch: Value,
        version: Seen,
    },
    Json {
        object: Object,
        status: bool,
        patch: Value,
    },
    Delete {
        object: Object,
        version: Seen,
        uid: Seen,
    },
    DeleteCollection {
        resource: Resource,
        namespace: usize,
    },
    Get {
        object: Object,
    },
    List {
        resource: Resource,
        namespace: Option<usize>,
        limit: Option<usize>,
        selector: Option<(&'static str, &'static str)>,
    },
    /// What follows the last list.
    NextPage,
    Watch {
        resource: Resource,
        namespace: Option<usize>,
        start: Start,
        selector: Option<(&'static str, &'static str)>,
    },
}

impl Operation {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Put { status: false, .. } => "put",
            Self::Put { status: true, .. } => "put status",
            Self::Merge { status: false, .. } => "merge patch",
            Self::Merge { status: true, .. } => "merge patch of status",
            Self::Json { status: false, .. } => "JSON patch",
            Self::Json { status: true, .. } => "JSON patch of status",
            Self::Delete { .. } => "delete",
            Self::DeleteCollection { .. } => "delete collection",
            Self::Get { .. } => "get",
            Self::List { .. } => "list",
            Self::NextPage => "next page",
            Self::Watch { .. } => "watch",
        }
    }
}

pub const NAMESPACES: usize = 2;
pub const NAMES: [&str; 3] = ["a", "b-1", "c.d"];
const TIME: &str = "2026-01-02T03:04:05Z";

/// Operations that are mostly about one resource, so that they meet. What pages of a list follow, follow soon.
pub fn random_sequence(rng: &mut StdRng, length: usize) -> Vec<Operation> {
    let resource = resource(rng);
    let created = |name| Operation::Create { object: Object { resource, namespace: 0, name }, more: json!({}) };
    let mut operations: Vec<_> = NAMES.map(created).into();
    let mut pages = 0;
    while operations.len() < length {
        if pages > 0 && rng.random_bool(0.5) {
            pages -= 1;
            operations.push(Operation::NextPage);
            continue;
        }
        let operation = random(rng, resource);
        if let Operation::List { limit: Some(_), .. } = operation {
            pages = 3;
        }
        operations.push(operation);
    }
    operations
}

fn random(rng: &mut StdRng, preferred: Resource) -> Operation {
    let object = object(rng, preferred);
    let resource = object.resource;
    let status = resource.is_custom() && rng.random_bool(0.5);
    match rng.random_range(0..100) {
        0..16 => Operation::Create { object, more: change(rng, resource, false) },
        16..48 => Operation::Put {
            object,
            status,
            change: change(rng, resource, status),
            version: pick(rng, &[Seen::Newest, Seen::Newest, Seen::Newest, Seen::Oldest, Seen::None]),
            uid: pick(rng, &[Seen::Newest, Seen::Newest, Seen::None, Seen::Oldest]),
        },
        48..60 => Operation::Merge {
            object,
            status,
            patch: change(rng, resource, status),
            version: pick(rng, &[Seen::None, Seen::None, Seen::Newest, Seen::Oldest]),
        },
        60..66 => Operation::Json { object, status, patch: json_patch(rng, resource, status) },
        66..74 => Operation::Delete {
            object,
            version: pick(rng, &[Seen::None, Seen::None, Seen::Newest, Seen::Oldest]),
            uid: pick(rng, &[Seen::None, Seen::Newest, Seen::Oldest]),
        },
        74..75 => Operation::DeleteCollection { resource, namespace: object.namespace },
        75..80 => Operation::Get { object },
        80..88 => Operation::List {
            resource,
            namespace: namespaces(rng, resource),
            limit: pick(rng, &[None, Some(1), Some(1), Some(2)]),
            selector: selector(rng, resource),
        },
        _ => Operation::Watch {
            resource,
            namespace: namespaces(rng, resource),
            start: start(rng, resource),
            selector: selector(rng, resource),
        },
    }
}

fn pick<T: Clone>(rng: &mut StdRng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())].clone()
}

fn object(rng: &mut StdRng, preferred: Resource) -> Object {
    let resource = if rng.random_bool(0.8) { preferred } else { resource(rng) };
    Object { resource, namespace: pick(rng, &[0, 0, 0, 1]), name: pick(rng, &NAMES) }
}

fn resource(rng: &mut StdRng) -> Resource {
    use Resource::{Event, Lease, Thin, Whole};
    pick(rng, &[Whole, Whole, Whole, Thin, Thin, Lease, Event])
}

/// The server itself has Leases and Events in other namespaces.
fn namespaces(rng: &mut StdRng, resource: Resource) -> Option<usize> {
    (!resource.is_custom() || rng.random_bool(0.6)).then(|| rng.random_range(0..NAMESPACES))
}

/// The oldest version of a built-in kind is a matter of etcd's compaction.
fn start(rng: &mut StdRng, resource: Resource) -> Start {
    let any =
        [Start::Newest, Start::Ago(1), Start::Ago(5), Start::Ago(30), Start::State, Start::Streamed, Start::Ancient];
    let known = if resource.is_custom() { 7 } else { 6 };
    pick(rng, &any[..known])
}

fn selector(rng: &mut StdRng, resource: Resource) -> Option<(&'static str, &'static str)> {
    let any = [
        None,
        None,
        None,
        None,
        Some(("fieldSelector", "metadata.name=a")),
        Some(("labelSelector", "l=1")),
        Some(("labelSelector", "l!=1")),
        Some(("fieldSelector", "spec.region=eu-west-1")),
    ];
    let known = if resource.is_custom() { 8 } else { 7 };
    pick(rng, &any[..known])
}

/// A change that may be there already, as a merge patch. Some are refused, some ignored.
fn change(rng: &mut StdRng, resource: Resource, status: bool) -> Value {
    let on = rng.random_bool(0.5);
    let number = rng.random_range(1..4);
    let text = number.to_string();
    let common = [
        json!({}),
        json!({ "metadata": { "labels": { "l": text } } }),
        json!({ "metadata": { "annotations": { "a": text } } }),
        json!({ "metadata": { "labels": {}, "annotations": { "e": "" } } }),
        json!({ "metadata": { "finalizers": ["example.com/one"] } }),
        json!({ "metadata": { "finalizers": ["example.com/one", "example.com/two"] } }),
        json!({ "metadata": { "finalizers": [] } }),
        json!({ "metadata": { "finalizers": null } }),
        json!({ "metadata": { "unknown": text } }),
        json!({ "metadata": { "generation": 7, "creationTimestamp": TIME } }),
        json!({ "unknown": { "member": number } }),
    ];
    let own = match resource {
        Resource::Whole | Resource::Thin => vec![
            json!({ "spec": { "profilingEnabled": on } }),
            json!({ "spec": { "profilingEnabled": on }, "metadata": { "labels": { "l": text } } }),
            json!({ "spec": { "profilingEnabled": on }, "status": { "name": text } }),
            json!({ "spec": { "suspend": on } }),
            json!({ "spec": { "suspend": null } }),
            json!({ "spec": { "unknown": { "deep": number } } }),
            json!({ "spec": { "profilingEnabled": text } }),
            json!({ "spec": { "profilingEnabled": null } }),
            json!({ "spec": null }),
            json!({ "status": null }),
        ],
        Resource::Lease => vec![
            json!({ "spec": { "holderIdentity": text } }),
            json!({ "spec": { "holderIdentity": "" } }),
            json!({ "spec": { "holderIdentity": null } }),
            json!({ "spec": { "renewTime": format!("2026-01-02T03:04:05.00000{text}Z"), "leaseTransitions": number } }),
            json!({ "spec": { "leaseDurationSeconds": number - 1 } }),
            json!({ "spec": { "leaseTransitions": number - 2 } }),
            json!({ "spec": { "unknown": on } }),
            json!({ "spec": null }),
        ],
        Resource::Event => vec![
            json!({ "series": { "count": number + 1, "lastObservedTime": format!("2026-01-02T03:04:05.00000{text}Z") } }),
            json!({ "note": text }),
            json!({ "note": "x".repeat(1025) }),
            json!({ "action": "" }),
            json!({ "reason": null }),
            json!({ "type": "Unusual" }),
            json!({ "eventTime": null }),
        ],
    };
    let of_status = [
        json!({ "status": { "name": text } }),
        json!({ "status": { "observedGeneration": number } }),
        json!({ "status": { "observedGeneration": -1 } }),
        json!({ "status": { "account": text, "region": "eu-west-1" } }),
        json!({ "status": { "account": null, "tags": { "t": text } } }),
        json!({ "status": { "unknown": text, "drift": { "corrections": number, "unknown": on } } }),
        json!({ "status": { "conditions": [{ "type": "Ready", "status": "True", "reason": "R", "message": text, "lastTransitionTime": TIME, "unknown": 1 }] } }),
        json!({ "status": { "conditions": [{ "type": "Ready", "status": "True", "reason": "R", "message": text }] } }),
        json!({ "status": { "conditions": [
            { "type": "Ready", "status": "True", "reason": "R", "message": text, "lastTransitionTime": TIME },
            { "type": "Ready", "status": "False", "reason": "R", "message": text, "lastTransitionTime": TIME },
        ] } }),
        json!({ "status": { "createdAt": "yesterday" } }),
        json!({ "status": { "observedGeneration": text } }),
        json!({ "status": { "drift": { "corrections": -1 } } }),
        json!({ "status": null }),
        json!({ "status": {} }),
        json!({ "status": { "name": text }, "spec": { "profilingEnabled": on } }),
        json!({ "status": { "name": text }, "metadata": { "labels": { "l": "9" }, "finalizers": ["example.com/three"] } }),
    ];
    match rng.random_range(0..10) {
        0..4 => pick(rng, &common),
        _ if status => pick(rng, &of_status),
        _ => pick(rng, &own),
    }
}

fn json_patch(rng: &mut StdRng, resource: Resource, status: bool) -> Value {
    let on = rng.random_bool(0.5);
    let common = [
        json!([{ "op": "add", "path": "/metadata/labels", "value": { "l": "1" } }]),
        json!([{ "op": "remove", "path": "/metadata/labels/l" }]),
        json!([{ "op": "remove", "path": "/metadata/finalizers" }]),
        json!([{ "op": "add", "path": "/metadata/finalizers", "value": ["example.com/one"] }]),
        json!([{ "op": "test", "path": "/metadata/name", "value": "a" }, { "op": "add", "path": "/metadata/annotations", "value": { "was": "a" } }]),
        json!([]),
    ];
    let own = if resource.is_custom() {
        vec![
            json!([{ "op": "test", "path": "/spec/profilingEnabled", "value": on }, { "op": "replace", "path": "/spec/profilingEnabled", "value": !on }]),
            json!([{ "op": "remove", "path": "/spec/suspend" }]),
            json!([{ "op": "add", "path": "/status", "value": { "name": "by patch" } }]),
            json!([{ "op": "remove", "path": "/status" }]),
            json!([{ "op": "add", "path": "/status/tags", "value": { "t": "1" } }]),
        ]
    } else {
        vec![
            json!([{ "op": "test", "path": "/kind", "value": "Lease" }, { "op": "add", "path": "/spec/holderIdentity", "value": "patched" }]),
        ]
    };
    if status || rng.random_bool(0.5) { pick(rng, &own) } else { pick(rng, &common) }
}
