//! Requests that a client makes by mistake, or seldom: each once.

use http::Method;
use serde_json::{Value, json};

use crate::{
    apiserver::Request,
    operation::{Object, Resource},
};

/// What they are about.
pub const OBJECT: Object = Object { resource: Resource::Whole, namespace: 0, name: "a" };

const MERGE: &str = "application/merge-patch+json";

/// In an order in which each is answered by what the earlier ones left.
#[expect(clippy::too_many_lines, reason = "a table")]
pub fn requests(namespace: &str) -> Vec<Request> {
    let group = Resource::Whole.group();
    let all = &format!("/apis/{group}/v1alpha1/profilinggroups");
    let groups = &format!("/apis/{group}/v1alpha1/namespaces/{namespace}/profilinggroups");
    let a = &format!("{groups}/a");
    let status = &format!("{groups}/a/status");
    let leases = &format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases");
    let object = |change: Value| {
        let mut object = json!({
            "apiVersion": format!("{group}/v1alpha1"), "kind": "ProfilingGroup",
            "metadata": { "name": "new" }, "spec": { "profilingEnabled": true, "profilingGroupName": "new" },
        });
        json_patch::merge(&mut object, &change);
        object
    };
    let post = |change: Value| json_request(Method::POST, groups, object(change));
    let put = |change: Value| json_request(Method::PUT, a, object(change));
    let patch =
        |path: &str, body: Value| Request { content_type: MERGE.to_owned(), ..json_request(Method::PATCH, path, body) };
    let get = |path: &str, query: &[(&str, &str)]| Request {
        query: query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..json_request(Method::GET, path, Value::Null)
    };
    vec![
        // Bodies that are no object of this kind.
        json_request(Method::POST, groups, json!([])),
        json_request(Method::POST, groups, json!("text")),
        post(json!({ "kind": null })),
        post(json!({ "kind": "Other" })),
        post(json!({ "apiVersion": null })),
        post(json!({ "apiVersion": "other/v1" })),
        json_request(Method::POST, leases, json!({ "metadata": { "name": "untyped" } })),
        json_request(Method::POST, leases, json!({ "kind": "Other", "metadata": { "name": "other" } })),
        // Names and namespaces.
        post(json!({ "metadata": { "name": null } })),
        post(json!({ "metadata": { "name": "Capital" } })),
        post(json!({ "metadata": { "name": "-" } })),
        post(json!({ "metadata": { "name": "a..b" } })),
        post(json!({ "metadata": { "namespace": "other" } })),
        put(json!({})),
        put(json!({ "metadata": { "name": null } })),
        put(json!({ "metadata": { "name": "a", "namespace": "other" } })),
        // What only the server sets.
        post(json!({ "metadata": { "resourceVersion": "1", "name": "versioned" } })),
        post(json!({ "metadata": { "uid": "mine", "selfLink": "mine", "name": "own" } })),
        post(
            json!({ "metadata": { "deletionTimestamp": "2026-01-02T03:04:05Z", "deletionGracePeriodSeconds": 5, "name": "deleting" } }),
        ),
        put(json!({ "metadata": { "name": "a", "resourceVersion": "text" } })),
        put(json!({ "metadata": { "name": "a", "resourceVersion": "0" } })),
        patch(a, json!({ "metadata": { "uid": "other" } })),
        patch(a, json!({ "metadata": { "name": "other" } })),
        patch(a, json!({ "metadata": { "namespace": "other" } })),
        patch(a, json!({ "metadata": { "resourceVersion": null } })),
        patch(a, json!({ "metadata": { "deletionTimestamp": "2026-01-02T03:04:05Z" } })),
        patch(a, json!({ "metadata": { "selfLink": "mine" } })),
        patch(a, json!({ "kind": "Other" })),
        patch(a, json!({ "kind": null })),
        // Patches.
        patch(a, json!([])),
        patch(a, json!({ "metadata": null })),
        json_request(Method::PATCH, a, json!({})),
        Request { content_type: "application/strategic-merge-patch+json".to_owned(), ..patch(a, json!({})) },
        Request { content_type: "application/json-patch+json".to_owned(), ..patch(a, json!({})) },
        Request {
            content_type: "application/json-patch+json".to_owned(),
            ..patch(a, json!([{ "op": "other", "path": "/spec" }]))
        },
        Request {
            content_type: "application/json-patch+json".to_owned(),
            ..patch(a, json!([{ "op": "copy", "from": "/spec", "path": "/spec" }]))
        },
        // The subresource.
        get(status, &[]),
        json_request(Method::DELETE, status, Value::Null),
        json_request(Method::POST, status, object(json!({}))),
        patch(status, json!({ "metadata": { "resourceVersion": "1" }, "status": { "name": "stale" } })),
        get(&format!("{a}/scale"), &[]),
        // Paths that lead nowhere.
        get(&format!("/apis/{group}/v1alpha1/namespaces/{namespace}/others"), &[]),
        get(&format!("/apis/{group}/v1/namespaces/{namespace}/profilinggroups"), &[]),
        get("/apis/other.example.com/v1/others", &[]),
        get(&format!("{leases}/a/status"), &[]),
        // Lists.
        get(all, &[("resourceVersion", "text")]),
        get(groups, &[("continue", "text")]),
        get(groups, &[("limit", "text")]),
        get(groups, &[("limit", "-1")]),
        get(groups, &[("limit", "0")]),
        get(groups, &[("resourceVersion", "0")]),
        get(groups, &[("resourceVersion", "1"), ("resourceVersionMatch", "NotOlderThan")]),
        get(groups, &[("resourceVersionMatch", "Exact")]),
        get(groups, &[("resourceVersionMatch", "Other"), ("resourceVersion", "1")]),
        get(groups, &[("fieldSelector", "spec.profilingEnabled=true")]),
        get(groups, &[("fieldSelector", "metadata.name=a,metadata.namespace=other")]),
        get(groups, &[("fieldSelector", "spec.region==eu-west-1,spec.profilingGroupName!=a")]),
        get(groups, &[("labelSelector", "l==1,m!=2")]),
        get(groups, &[("watch", "true"), ("resourceVersion", "text")]),
        get(groups, &[("resourceVersionMatch", "Exact"), ("resourceVersion", "0")]),
        get(groups, &[("sendInitialEvents", "true")]),
        get(groups, &[("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan")]),
        get(groups, &[("watch", "true"), ("sendInitialEvents", "true")]),
        get(groups, &[("watch", "true"), ("resourceVersionMatch", "NotOlderThan"), ("resourceVersion", "1")]),
        get(groups, &[("watch", "true"), ("fieldSelector", "spec.suspend=true")]),
        // Deletion.
        json_request(Method::DELETE, a, json!({ "preconditions": { "uid": "other" } })),
        json_request(Method::DELETE, a, Value::Null),
        json_request(Method::DELETE, a, Value::Null),
        json_request(Method::DELETE, groups, Value::Null),
        json_request(Method::DELETE, groups, Value::Null),
        get(groups, &[]),
    ]
}

fn json_request(method: Method, path: &str, body: Value) -> Request {
    Request { method, path: path.to_owned(), query: Vec::new(), content_type: "application/json".to_owned(), body }
}
