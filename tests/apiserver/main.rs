//! Holds the simulation's API server against the real one: the same requests, the same answers.
//!
//! `REQUESTS` is how many random requests are made at least, `SEED` which ones.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on ends here")]

#[path = "../simulation/apiserver/mod.rs"]
mod apiserver;
mod compare;
mod operation;
mod real;
mod sequence;
mod side;
mod unusual;

use std::{env, fmt::Debug, path::Path, str::FromStr, time::Duration};

use devkit::{
    controlplane::{ControlPlane, Options, client_from},
    wait,
};
use http::Method;
use k8s_openapi::jiff::Timestamp;
use operation::{NAMES, Object, Operation, Resource, Start};
use rand::{SeedableRng, rngs::StdRng};
use sequence::{Outcome, Pair};
use serde_json::{Value, json};

use crate::apiserver::{Answer, Denial, Request};

const OPERATIONS_IN_A_SEQUENCE: usize = 60;
const COMPACTED_WITHIN: Duration = Duration::from_mins(1);

#[tokio::test]
async fn random_requests_are_answered_as_the_real_api_server_does() {
    let wanted = setting("REQUESTS", 900);
    let first_seed = setting("SEED", u64::from(std::process::id()));
    // Alone: with the writes of other tests the real server forgets old versions earlier.
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut pair = both(&plane).await;
    for sequence in 0.. {
        if pair.requests >= wanted {
            break;
        }
        let seed = first_seed.wrapping_add(sequence);
        let operations = operation::random_sequence(&mut StdRng::seed_from_u64(seed), OPERATIONS_IN_A_SEQUENCE);
        if let Outcome::Disagreement(first) = pair.run(&plane, &operations).await {
            let (least, difference) = sequence::shrink(&mut pair, &plane, operations, first).await;
            panic!("seed {seed}: after {least:#?}\n{difference}");
        }
    }
    for ((operation, status), count) in &pair.answers {
        println!("{count:>6} {operation}: {status}");
    }
    println!("seed {first_seed}: {} requests, {} frames of watches, 0 disagreements", pair.requests, pair.frames);
}

#[tokio::test]
async fn who_lacks_permissions_is_refused_as_the_real_api_server_does() {
    let plane = ControlPlane::shared().await.unwrap();
    let mut pair = both(&plane).await;
    let namespace = plane.namespace("model").await.unwrap();
    let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "nobody" } });
    plane.apply_in(&namespace, &account.to_string()).await.unwrap();
    let kubeconfig = plane.kubeconfig_for(&plane.token(&namespace, "nobody", 600).await.unwrap()).unwrap();
    let client = client_from(&kubeconfig).await.unwrap();
    let user = format!("system:serviceaccount:{namespace}:nobody");
    pair.model.deny(Denial::default());

    let all = format!("/apis/{}/v1alpha1/profilinggroups", Resource::Whole.group());
    let collection = format!("/apis/{}/v1alpha1/namespaces/{namespace}/profilinggroups", Resource::Whole.group());
    let (object, status) = (format!("{collection}/a"), format!("{collection}/a/status"));
    let watch = [("watch".to_owned(), "true".to_owned())];
    let requests = [
        (Method::GET, &all, &[][..]),
        (Method::GET, &all, &watch[..]),
        (Method::GET, &collection, &[]),
        (Method::POST, &collection, &[]),
        (Method::DELETE, &collection, &[]),
        (Method::GET, &object, &[]),
        (Method::PUT, &object, &[]),
        (Method::PATCH, &object, &[]),
        (Method::DELETE, &object, &[]),
        (Method::PUT, &status, &[]),
        (Method::PATCH, &status, &[]),
    ];
    for (method, path, query) in requests {
        let content_type = "application/merge-patch+json".to_owned();
        let request = Request { method, path: path.clone(), query: query.to_vec(), content_type, body: json!({}) };
        let real = real::ask(&client, &request).await;
        let Answer::Object { status, body } = pair.model.handle_as(Timestamp::UNIX_EPOCH, &user, &request) else {
            panic!("{request:?}: a watch");
        };
        assert_eq!((status, body), (real.status, real.body), "{request:?}");
    }
}

#[tokio::test]
async fn unusual_requests_are_answered_as_the_real_api_server_does() {
    let plane = ControlPlane::shared().await.unwrap();
    let mut pair = both(&plane).await;
    pair.begin(&plane).await;
    pair.step(&Operation::Create { object: unusual::OBJECT, more: json!({}) }).await.unwrap();
    let mut differences = String::new();
    for request in unusual::requests(&pair.namespaces()[0]) {
        if let Err(difference) = pair.same(&request).await {
            differences += &difference;
            differences += "\n";
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

#[tokio::test]
async fn objects_without_a_namespace_are_served_as_by_the_real_api_server() {
    let plane = ControlPlane::shared().await.unwrap();
    let mut pair = Pair::new(plane.client().await.unwrap());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds/profileraccounts.codeguruprofiler.dev.yaml");
    let mut crd: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let group = "cluster.example.com";
    crd["spec"]["group"] = json!(group);
    crd["spec"]["names"]["shortNames"] = json!([]);
    crd["metadata"]["name"] = json!(format!("profileraccounts.{group}"));
    plane.apply(&crd.to_string()).await.unwrap();
    pair.model.install(&crd);
    let of_kind = format!("/apis/{group}/v1alpha1/profileraccounts");
    let one = &format!("{of_kind}/a");
    let list = Request {
        method: Method::GET,
        path: of_kind.clone(),
        query: Vec::new(),
        content_type: String::new(),
        body: Value::Null,
    };
    wait::until("the kind is served", COMPACTED_WITHIN, || async {
        (real::ask(&plane.client().await.unwrap(), &list).await.status == 200).then_some(())
    })
    .await
    .unwrap();

    let object = json!({
        "apiVersion": format!("{group}/v1alpha1"), "kind": "ProfilerAccount", "metadata": { "name": "a" },
        "spec": { "roleArn": "arn:aws:iam::111122223333:role/a", "namespaces": ["shop"] },
    });
    let merge = "application/merge-patch+json";
    let status = json!({ "status": { "observedGeneration": 1, "accountId": "111122223333" } });
    for (method, path, content_type, body) in [
        (Method::GET, one.clone(), "", Value::Null),
        (Method::POST, of_kind.clone(), "application/json", object.clone()),
        (Method::POST, of_kind.clone(), "application/json", object.clone()),
        (Method::POST, of_kind.clone(), "application/json", json!({ "kind": "Other" })),
        (Method::GET, of_kind.clone(), "", Value::Null),
        (Method::GET, one.clone(), "", Value::Null),
        (Method::GET, format!("/apis/{group}/v1alpha1/namespaces/shop/profileraccounts"), "", Value::Null),
        (Method::PATCH, format!("{one}/status"), merge, status),
        (Method::PATCH, one.clone(), merge, json!({ "spec": { "namespaces": [], "externalId": "x-1" } })),
        (Method::PATCH, one.clone(), merge, json!({ "spec": { "roleArn": null } })),
        (Method::PUT, one.clone(), "application/json", object),
        (Method::GET, one.clone(), "", Value::Null),
        (Method::DELETE, one.clone(), "application/json", Value::Null),
        (Method::DELETE, one.clone(), "application/json", Value::Null),
        (Method::GET, of_kind.clone(), "", Value::Null),
    ] {
        let request = Request { method, path, query: Vec::new(), content_type: content_type.into(), body };
        pair.same(&request).await.unwrap_or_else(|difference| panic!("{difference}"));
    }
}

#[tokio::test]
async fn versions_that_are_no_longer_known_expire_as_on_the_real_api_server() {
    let options = Options { api_server_args: vec!["--etcd-compaction-interval=1s".to_owned()], ..Options::default() };
    let plane = ControlPlane::start(options).await.unwrap();
    let mut pair = both(&plane).await;
    pair.begin(&plane).await;
    let resource = Resource::Whole;
    let (namespace, limit, selector) = (Some(0), Some(1), None);
    for name in NAMES {
        pair.step(&Operation::Create { object: Object { resource, namespace: 0, name }, more: json!({}) })
            .await
            .unwrap();
    }
    pair.step(&Operation::List { resource, namespace, limit, selector }).await.unwrap();

    // A server that starts has no memory of what was written before.
    plane.stop_api_server();
    plane.start_api_server().await.unwrap();
    wait::until("the page is compacted away", COMPACTED_WITHIN, || async {
        (pair.sent_to_the_real(&Operation::NextPage).await == 410).then_some(())
    })
    .await
    .unwrap();
    pair.model.compact();

    pair.step(&Operation::NextPage).await.unwrap();
    pair.step(&Operation::Watch { resource, namespace, start: Start::Ago(1), selector }).await.unwrap();
    pair.compare_watches().await.unwrap();
    assert_eq!((pair.answers[&("next page", 410)], pair.frames), (1, 1));
}

/// The model beside a real server, with the same CRDs.
async fn both(plane: &ControlPlane) -> Pair {
    let mut pair = Pair::new(plane.client().await.unwrap());
    for crd in crds() {
        plane.apply(&crd.to_string()).await.unwrap();
        pair.model.install(&crd);
    }
    for resource in [Resource::Whole, Resource::Thin] {
        pair.knows_changes_of(resource).await;
    }
    pair
}

/// The CRD under two other groups: as it is, and without some of its members and the default of its status.
fn crds() -> [Value; 2] {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds/profilinggroups.codeguruprofiler.dev.yaml");
    let crd: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let of_group = |resource: Resource| {
        let mut crd = crd.clone();
        crd["spec"]["group"] = json!(resource.group());
        crd["spec"]["names"]["shortNames"] = json!([]);
        crd["metadata"]["name"] = json!(format!("{}.{}", resource.plural(), resource.group()));
        crd
    };
    let mut thin = of_group(Resource::Thin);
    let properties = &mut thin["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
    properties["spec"]["properties"].as_object_mut().unwrap().remove("suspend").unwrap();
    properties["status"]["properties"].as_object_mut().unwrap().remove("account").unwrap();
    properties["status"].as_object_mut().unwrap().remove("default").unwrap();
    [of_group(Resource::Whole), thin]
}

fn setting<T: FromStr<Err: Debug>>(name: &str, default: T) -> T {
    env::var(name).map_or(default, |text| text.parse().unwrap())
}
