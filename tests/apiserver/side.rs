//! What one side's client knows, from its own server's answers alone, and the requests that it makes of it.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use crate::{
    apiserver::Request,
    operation::{Object, Operation, Resource, Seen, Start},
    real::Reply,
};

/// A client's memory.
#[derive(Debug, Default)]
pub struct Side {
    pub namespaces: Vec<String>,
    /// Every state of every object that the server has answered with, in order.
    objects: BTreeMap<Object, Vec<Value>>,
    /// The versions of all of them, in order.
    versions: Vec<u64>,
    /// The last list, and where it goes on.
    page: Option<(Request, String)>,
}

impl Side {
    /// The request that this operation is here; none when it has nothing to be about.
    pub fn request(&self, operation: &Operation) -> Option<Request> {
        Some(match operation {
            Operation::Create { object, more } => {
                let mut body = self.fresh(*object);
                merge(&mut body, more);
                request(Method::POST, self.collection(object.resource, Some(object.namespace)), body)
            }
            Operation::Put { object, status, change, version, uid } => {
                let mut body = self.seen(*object, Seen::Newest).cloned().unwrap_or_else(|| self.fresh(*object));
                merge(&mut body, change);
                for (member, which) in [("resourceVersion", *version), ("uid", *uid)] {
                    body["metadata"][member] = self.member(*object, which, member);
                }
                request(Method::PUT, self.path(*object, *status), body)
            }
            Operation::Merge { object, status, patch, version } => {
                let mut body = patch.clone();
                if *version != Seen::None {
                    merge(
                        &mut body,
                        &json!({ "metadata": { "resourceVersion": self.member(*object, *version, "resourceVersion") } }),
                    );
                }
                patch_request(self.path(*object, *status), "application/merge-patch+json", body)
            }
            Operation::Json { object, status, patch } => {
                patch_request(self.path(*object, *status), "application/json-patch+json", patch.clone())
            }
            Operation::Delete { object, version, uid } => {
                let mut preconditions = json!({});
                for (member, which) in [("resourceVersion", *version), ("uid", *uid)] {
                    if which != Seen::None {
                        preconditions[member] = self.member(*object, which, member);
                    }
                }
                let body = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions });
                request(Method::DELETE, self.path(*object, false), body)
            }
            Operation::DeleteCollection { resource, namespace } => {
                request(Method::DELETE, self.collection(*resource, Some(*namespace)), Value::Null)
            }
            Operation::Get { object } => request(Method::GET, self.path(*object, false), Value::Null),
            Operation::List { resource, namespace, limit, selector } => {
                let mut list = request(Method::GET, self.collection(*resource, *namespace), Value::Null);
                list.query.extend(limit.map(|limit| ("limit".to_owned(), limit.to_string())));
                list.query.extend(selector.map(owned));
                list
            }
            Operation::NextPage => {
                let (mut list, token) = self.page.clone()?;
                list.query.retain(|(name, _)| name != "continue");
                list.query.push(owned(("continue", &token)));
                list
            }
            Operation::Watch { resource, namespace, start, selector } => {
                let mut watch = request(Method::GET, self.collection(*resource, *namespace), Value::Null);
                watch.query = vec![owned(("watch", "true")), owned(("timeoutSeconds", "300"))];
                let ago =
                    |ago: usize| self.versions.len().checked_sub(ago + 1).map(|index| self.versions[index].to_string());
                match start {
                    Start::Newest => watch.query.push(owned(("resourceVersion", &ago(0)?))),
                    Start::Ago(versions) => watch.query.push(owned(("resourceVersion", &ago(*versions)?))),
                    Start::Ancient => watch.query.push(owned(("resourceVersion", "1"))),
                    Start::State => {}
                    Start::Streamed => watch.query.extend([
                        owned(("sendInitialEvents", "true")),
                        owned(("resourceVersionMatch", "NotOlderThan")),
                        owned(("allowWatchBookmarks", "true")),
                    ]),
                }
                watch.query.extend(selector.map(owned));
                watch
            }
        })
    }

    /// Learns from an answer to the request of this operation.
    pub fn learn(&mut self, operation: &Operation, request: &Request, Reply { status, body }: &Reply) {
        match operation {
            Operation::Create { object, .. }
            | Operation::Put { object, .. }
            | Operation::Merge { object, .. }
            | Operation::Json { object, .. }
            | Operation::Delete { object, .. }
            | Operation::Get { object }
                if *status < 300 && body["kind"] != "Status" =>
            {
                self.objects.entry(*object).or_default().push(body.clone());
                self.versions.extend(version(body));
                self.versions.sort_unstable();
                self.versions.dedup();
            }
            Operation::List { .. } | Operation::NextPage => {
                let token = body["metadata"]["continue"].as_str().filter(|token| !token.is_empty());
                self.page = token.map(|token| (request.clone(), token.to_owned()));
            }
            _ => {}
        }
    }

    /// A new beginning in other namespaces.
    pub fn begin(&mut self, namespaces: &[String]) {
        *self = Self { namespaces: namespaces.to_vec(), ..Self::default() };
    }

    fn seen(&self, object: Object, which: Seen) -> Option<&Value> {
        let states = self.objects.get(&object)?;
        match which {
            Seen::Newest => states.last(),
            Seen::Oldest => states.first(),
            Seen::None => None,
        }
    }

    fn member(&self, object: Object, which: Seen, member: &str) -> Value {
        self.seen(object, which).map_or(Value::Null, |state| state["metadata"][member].clone())
    }

    fn collection(&self, resource: Resource, namespace: Option<usize>) -> String {
        let (group, version, plural) = (resource.group(), resource.version(), resource.plural());
        match namespace {
            None => format!("/apis/{group}/{version}/{plural}"),
            Some(namespace) => format!("/apis/{group}/{version}/namespaces/{}/{plural}", self.namespaces[namespace]),
        }
    }

    fn fresh(&self, object: Object) -> Value {
        fresh(object, &self.namespaces[object.namespace])
    }

    fn path(&self, object: Object, status: bool) -> String {
        let collection = self.collection(object.resource, Some(object.namespace));
        format!("{collection}/{}{}", object.name, if status { "/status" } else { "" })
    }
}

/// The resourceVersion of an object.
pub fn version(object: &Value) -> Option<u64> {
    object["metadata"]["resourceVersion"].as_str()?.parse().ok()
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn request(method: Method, path: String, body: Value) -> Request {
    Request { method, path, query: Vec::new(), content_type: "application/json".to_owned(), body }
}

fn patch_request(path: String, content_type: &str, body: Value) -> Request {
    Request { content_type: content_type.to_owned(), ..request(Method::PATCH, path, body) }
}

fn merge(value: &mut Value, patch: &Value) {
    json_patch::merge(value, patch);
}

/// An object that nobody has seen, of the namespace with this name.
fn fresh(object: Object, namespace: &str) -> Value {
    let Object { resource, name, .. } = object;
    let mut body = json!({
        "apiVersion": format!("{}/{}", resource.group(), resource.version()),
        "kind": resource.kind(),
        "metadata": { "name": name },
    });
    let more = match resource {
        Resource::Whole | Resource::Thin => json!({ "spec": {
            "profilingEnabled": true, "profilingGroupName": name.replace('.', "-"),
            "region": if name == "a" { json!("eu-west-1") } else { Value::Null },
        } }),
        Resource::Lease => {
            json!({ "spec": { "holderIdentity": "first", "acquireTime": "2026-01-02T03:04:05.000006Z" } })
        }
        Resource::Event => json!({
            "eventTime": "2026-01-02T03:04:05.000006Z", "action": "Reconciling", "reason": "Reason", "type": "Normal",
            "reportingController": "example.com/operator", "reportingInstance": "one", "note": "a note", "regarding": { "kind": "Lease", "namespace": namespace },
        }),
    };
    merge(&mut body, &more);
    body
}
