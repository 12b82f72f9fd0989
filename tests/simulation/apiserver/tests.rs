//! What the comparison with the real server can't show: refusals, compaction, the history.

use http::Method;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::{Answer, ApiServer, Denial, How, Request, Watch};

const GROUPS: &str = "/apis/example.com/v1/namespaces/ns/groups";

fn server() -> ApiServer {
    let status =
        json!({ "type": "object", "default": { "seen": -1 }, "properties": { "seen": { "type": "integer" } } });
    let spec = json!({ "type": "object", "properties": { "on": { "type": "boolean" } } });
    let mut server = ApiServer::new();
    server.install(&json!({ "spec": {
        "group": "example.com", "names": { "plural": "groups", "kind": "Group" },
        "versions": [{
            "name": "v1", "served": true, "subresources": { "status": {} },
            "schema": { "openAPIV3Schema": { "type": "object", "properties": { "spec": spec, "status": status } } },
        }],
    } }));
    server
}

fn request(method: Method, path: &str, query: &[(&str, &str)], body: Value) -> Request {
    let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Request { method, path: path.to_owned(), query, content_type: "application/merge-patch+json".to_owned(), body }
}

fn ask(server: &mut ApiServer, method: Method, path: &str, query: &[(&str, &str)], body: Value) -> (u16, Value) {
    match server.handle_as(Timestamp::UNIX_EPOCH, "tester", &request(method, path, query, body)) {
        Answer::Object { status, body } => (status, body),
        Answer::Watch(_) => panic!("a watch"),
    }
}

fn watch(server: &mut ApiServer, query: &[(&str, &str)]) -> Watch {
    let query: Vec<_> = query.iter().copied().chain([("watch", "true")]).collect();
    match server.handle(Timestamp::UNIX_EPOCH, &request(Method::GET, GROUPS, &query, Value::Null)) {
        Answer::Watch(watch) => watch,
        Answer::Object { status, body } => panic!("{status} {body}"),
    }
}

fn create(server: &mut ApiServer, name: &str) -> Value {
    let body = json!({ "apiVersion": "example.com/v1", "kind": "Group", "metadata": { "name": name }, "spec": { "on": true } });
    let (status, body) = ask(server, Method::POST, GROUPS, &[], body);
    assert_eq!(status, 201, "{body}");
    body
}

#[test]
fn a_denial_is_an_answer_of_403_until_it_is_removed() {
    let mut server = server();
    create(&mut server, "a");
    let denial = Denial { verb: Some("patch"), subresource: Some("status"), ..Denial::default() };
    server.deny(denial.clone());
    let url = format!("{GROUPS}/a/status");
    let patch = json!({ "status": { "seen": 1 } });
    let (status, body) = ask(&mut server, Method::PATCH, &url, &[], patch.clone());
    let message = "groups.example.com \"a\" is forbidden: User \"tester\" cannot patch resource \"groups/status\" in API group \"example.com\" in the namespace \"ns\"";
    assert_eq!((status, &body["reason"], &body["message"]), (403, &json!("Forbidden"), &json!(message)));
    assert_eq!(ask(&mut server, Method::GET, &format!("{GROUPS}/a"), &[], Value::Null).0, 200);
    server.allow(&denial);
    assert_eq!(ask(&mut server, Method::PATCH, &url, &[], patch).0, 200);
}

#[test]
fn after_a_compaction_old_watches_and_pages_expire() {
    let mut server = server();
    for name in ["a", "b"] {
        create(&mut server, name);
    }
    let old = server.version().to_string();
    let mut open = watch(&mut server, &[("resourceVersion", &old)]);
    let (_, page) = ask(&mut server, Method::GET, GROUPS, &[("limit", "1")], Value::Null);
    create(&mut server, "c");
    server.compact();

    let mut late = watch(&mut server, &[("resourceVersion", &old)]);
    for late in [&mut open, &mut late] {
        let frames = server.events(late);
        assert_eq!((frames.len(), &frames[0]["type"], &frames[0]["object"]["code"]), (1, &json!("ERROR"), &json!(410)));
        assert!(server.events(late).is_empty());
    }
    let token = page["metadata"]["continue"].as_str().unwrap();
    let (status, body) = ask(&mut server, Method::GET, GROUPS, &[("limit", "1"), ("continue", token)], Value::Null);
    assert_eq!((status, &body["reason"]), (410, &json!("Expired")));
}

#[test]
fn a_watch_that_has_come_far_enough_survives_a_compaction() {
    let mut server = server();
    let start = server.version().to_string();
    let mut watch = watch(&mut server, &[("resourceVersion", &start)]);
    create(&mut server, "a");
    assert_eq!(server.events(&mut watch).len(), 1);
    server.compact();
    assert!(server.events(&mut watch).is_empty());
    create(&mut server, "b");
    assert_eq!(server.events(&mut watch)[0]["object"]["metadata"]["name"], "b");
}

#[test]
fn a_bookmark_never_runs_ahead_of_the_frames() {
    let mut server = server();
    let mut watch = watch(&mut server, &[("allowWatchBookmarks", "true")]);
    let start = server.version().to_string();
    create(&mut server, "a");
    assert_eq!(server.bookmark(&mut watch).unwrap()["object"]["metadata"]["resourceVersion"], json!(start));
    assert_eq!(server.events(&mut watch).len(), 1);
    let newest = server.version().to_string();
    assert_eq!(server.bookmark(&mut watch).unwrap()["object"]["metadata"]["resourceVersion"], json!(newest));
}

#[test]
fn the_history_has_every_version_and_its_author() {
    let mut server = server();
    create(&mut server, "a");
    ask(&mut server, Method::PATCH, &format!("{GROUPS}/a"), &[], json!({ "spec": { "on": false } }));
    ask(&mut server, Method::DELETE, &format!("{GROUPS}/a"), &[], Value::Null);
    let history: Vec<_> =
        server.history().iter().map(|version| (version.how, version.actor.as_str(), &*version.resource)).collect();
    assert_eq!(history, [How::Created, How::Modified, How::Deleted].map(|how| (how, "tester", "groups")));
    assert!(server.objects("groups").next().is_none());
}

#[test]
fn generated_names_differ() {
    let mut server = server();
    let body = json!({ "apiVersion": "example.com/v1", "kind": "Group", "metadata": { "generateName": "a-" } });
    let names =
        [(); 2].map(|()| ask(&mut server, Method::POST, GROUPS, &[], body.clone()).1["metadata"]["name"].clone());
    assert!(names[0] != names[1] && names.iter().all(|name| name.as_str().unwrap().starts_with("a-")));
}

#[test]
fn an_installed_crd_that_lost_a_member_shows_objects_without_it() {
    let mut server = server();
    create(&mut server, "a");
    server.install(&json!({ "spec": {
        "group": "example.com", "names": { "plural": "groups", "kind": "Group" },
        "versions": [{ "name": "v1", "served": true, "schema": { "openAPIV3Schema": { "type": "object" } } }],
    } }));
    assert!(server.object("groups.example.com", "ns", "a").unwrap()["spec"].is_null());
}
