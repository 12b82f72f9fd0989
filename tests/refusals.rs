//! The API server itself refuses invalid resources, with messages that explain what to do; what it accepts is kept as given.

use devkit::kstatus::{self, Status};
use kube::{
    Api,
    api::{DynamicObject, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};

use crate::world::World;

/// `base` with the members of `change`; null removes one.
fn changed(base: &Value, change: &Value) -> Value {
    let mut spec = base.clone();
    for (field, value) in change.as_object().unwrap() {
        if value.is_null() {
            spec.as_object_mut().unwrap().remove(field);
        } else {
            spec[field] = value.clone();
        }
    }
    spec
}

fn good() -> Value {
    json!({ "profilingGroupName": "Checkout_Service-1", "profilingEnabled": true, "region": "eu-west-1" })
}

fn message(error: kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.code == 422 => status.message.clone(),
        other => panic!("not a refusal: {other}"),
    }
}

const ROLE: &str = "arn:aws:iam::111122223333:role/agent";
const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:anomalies";

fn permits(principals: &[&str]) -> Value {
    json!({ "agentPermissions": { "principals": principals } })
}

fn notifies(topics: &[&str]) -> Value {
    let topics: Vec<_> = topics.iter().map(|topic| json!({ "topicArn": topic })).collect();
    json!({ "anomalyNotifications": topics })
}

fn numbered(tags: usize) -> Value {
    (0..tags).map(|number| (format!("key {number:02} {}", "x".repeat(121)), "v".repeat(256))).collect()
}

#[tokio::test]
async fn a_new_resource_that_is_invalid_is_refused_with_what_to_do() {
    let world = World::new().await;
    let many: Vec<_> = (0..51).map(|number| format!("{ROLE}-{number}")).collect();
    for (change, expected) in [
        (json!({ "profilingGroupName": "" }), "must be 1 to 255 letters"),
        (json!({ "profilingGroupName": "a".repeat(256) }), "must be 1 to 255 letters"),
        (
            json!({ "profilingGroupName": "arn:aws:codeguru-profiler:eu-west-1:111122223333:profilingGroup/a" }),
            "not its ARN",
        ),
        (json!({ "profilingGroupName": "spa ce" }), "must be 1 to 255 letters"),
        (json!({ "region": "Ireland" }), "such as eu-west-1"),
        (json!({ "region": "eu-west-1a" }), "such as eu-west-1"),
        (json!({ "region": "" }), "such as eu-west-1"),
        (
            json!({ "managementPolicy": "Ignore" }),
            r#"Unsupported value: "Ignore": supported values: "Manage", "Observe""#,
        ),
        (json!({ "driftPolicy": "correct" }), r#"Unsupported value: "correct": supported values: "Correct", "Report""#),
        (permits(&["arn:aws:iam::111122223333:role/*"]), "without wildcards"),
        (permits(&["agent"]), "such as arn:aws:iam::111122223333:role/agent"),
        (permits(&[ROLE, ROLE]), "Duplicate value"),
        (json!({ "agentPermissions": {} }), "principals: Required value"),
        (json!({ "agentPermissions": { "principals": many } }), "must have at most 50 items"),
        (notifies(&["arn:aws:sqs:eu-west-1:111122223333:a"]), "the ARN of an SNS topic"),
        (notifies(&[TOPIC, TOPIC]), "Duplicate value"),
        (notifies(&[TOPIC, &format!("{TOPIC}-2"), &format!("{TOPIC}-3")]), "must have at most 2 items"),
        (json!({ "tags": { "": "a" } }), "keys of 1 to 128"),
        (json!({ "tags": { "a".repeat(129): "a" } }), "keys of 1 to 128"),
        (json!({ "tags": { "a": "a;b" } }), "letters, digits, spaces"),
        (json!({ "tags": { "a": "b".repeat(257) } }), "may not be more than 256"),
        (json!({ "tags": { "AWS:created": "a" } }), "belong to AWS"),
        (json!({ "tags": { "codeguruprofiler.dev/owner-id": "me" } }), "to the operator"),
        (json!({ "tags": numbered(51) }), "must have at most 50 items"),
        (json!({ "profilingGroupName": null }), "spec.profilingGroupName: Required value"),
        (json!({ "profilingEnabled": null }), "spec.profilingEnabled: Required value"),
    ] {
        let refused = world.try_create("refused", changed(&good(), &change)).await;
        let text = message(refused.expect_err(&change.to_string()));
        assert!(text.contains(expected), "{change}: {text}");
    }
    assert!(world.groups.get_opt("refused").await.unwrap().is_none());
    world.judge().await;
}

#[tokio::test]
async fn an_edit_that_would_follow_another_group_is_refused_with_what_to_do() {
    let world = World::new().await;
    world.try_create("a", good()).await.unwrap();
    for (change, expected) in [
        (json!({ "profilingGroupName": "other" }), "create a new ProfilingGroup for another group"),
        (json!({ "region": "eu-central-1" }), "region is immutable once set: create a new ProfilingGroup"),
        (json!({ "region": null }), "region can't be removed once set: create a new ProfilingGroup"),
        (json!({ "profilingEnabled": null }), "spec.profilingEnabled: Required value"),
    ] {
        let refused = world.try_patch("a", json!({ "spec": change })).await;
        let text = message(refused.expect_err(&change.to_string()));
        assert!(text.contains(expected), "{change}: {text}");
    }
    assert_eq!(world.get("a").await["spec"], good());

    world.try_create("b", changed(&good(), &json!({ "region": null }))).await.unwrap();
    world.patch("b", json!({ "spec": { "region": "eu-west-1" } })).await;
    assert_eq!(world.get("b").await["spec"], good(), "a region may be added later");
    world.judge().await;
}

#[tokio::test]
async fn every_form_that_is_allowed_is_taken_and_comes_back_as_given() {
    let world = World::new().await;
    for (name, change) in [
        ("longest", json!({ "profilingGroupName": "a".repeat(255) })),
        ("shortest", json!({ "profilingGroupName": "_", "region": null })),
        (
            "gov",
            json!({
                "region": "us-gov-west-1", "managementPolicy": "Observe", "driftPolicy": "Report", "suspend": true,
                "profilingEnabled": false,
            }),
        ),
        ("tags", json!({ "tags": { "team": "shop", "Cost Center": "a/b=c+d@e.f_g:h-1", "ünïcode": "" } })),
        ("no-tags", json!({ "tags": {} })),
        ("no-details", json!({ "agentPermissions": { "principals": [] }, "anomalyNotifications": [] })),
        (
            "principals",
            permits(&[ROLE, "arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user/a/b+c=d,e.f@g_h-i"]),
        ),
        ("topics", notifies(&[&format!("{TOPIC}.fifo"), TOPIC])),
        ("most-tags", json!({ "tags": numbered(50) })),
        ("other-words", json!({ "managementPolicy": "Manage", "driftPolicy": "Correct", "suspend": false })),
    ] {
        let spec = changed(&good(), &change);
        let made = world.try_create(name, spec.clone()).await.unwrap();
        assert_eq!(made["spec"], spec, "nothing is added");
    }
    world.judge().await;
}

/// ProfilerAccounts, as JSON.
async fn create_account(world: &World, name: &str, spec: Value) -> Result<Value, kube::Error> {
    let gvk = GroupVersionKind::gvk("codeguruprofiler.dev", "v1alpha1", "ProfilerAccount");
    let kind = ApiResource::from_gvk_with_plural(&gvk, "profileraccounts");
    let accounts: Api<DynamicObject> = Api::all_with(world.client.clone(), &kind);
    // The kind is cluster-scoped, and stories share a cluster.
    let name = format!("{}-{name}", world.namespace);
    let object =
        json!({ "apiVersion": kind.api_version, "kind": kind.kind, "metadata": { "name": name }, "spec": spec });
    let made = accounts.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await?;
    Ok(serde_json::to_value(made).unwrap())
}

#[tokio::test]
async fn an_account_that_is_invalid_is_refused_with_what_to_do() {
    let world = World::new().await;
    let good = json!({ "roleArn": "arn:aws:iam::111122223333:role/path/profiler" });
    let many = |count: usize| (0..count).map(|number| format!("shop-{number}")).collect::<Vec<_>>();
    for (change, expected) in [
        (json!({ "roleArn": null }), "spec.roleArn: Required value"),
        (json!({ "roleArn": "arn:aws:iam::1:role/a" }), "must be the ARN of an IAM role"),
        (json!({ "roleArn": "arn:aws:iam::111122223333:user/a" }), "must be the ARN of an IAM role"),
        (json!({ "roleArn": "arn:aws:sts::111122223333:assumed-role/a/b" }), "must be the ARN of an IAM role"),
        (json!({ "externalId": "x" }), "2 to 1224"),
        (json!({ "externalId": "x y" }), "2 to 1224"),
        (json!({ "externalId": "x".repeat(1225) }), "may not be more than 1224"),
        (json!({ "region": "Ireland" }), "such as eu-west-1"),
        (json!({ "sessionTags": { "": "a" } }), "keys of 1 to 128"),
        (json!({ "sessionTags": { "a": "b".repeat(257) } }), "may not be more than 256"),
        (json!({ "sessionTags": { "Aws:team": "shop" } }), "belong to AWS"),
        (json!({ "sessionTags": numbered(51) }), "must have at most 50 items"),
        (json!({ "namespaces": ["shop-*"] }), "namespaceSelector selects them by labels"),
        (json!({ "namespaces": ["shop", "shop"] }), "Duplicate value"),
        (json!({ "namespaces": many(1001) }), "must have at most 1000 items"),
        (json!({ "namespaceSelector": { "matchLabels": ["a"] } }), "must be of type object"),
        (json!({ "groupNames": ["shop.*"] }), "must be patterns of 1 to 255"),
        (json!({ "groupNames": many(101) }), "must have at most 100 items"),
        (
            json!({ "allowedFacets": ["switch"] }),
            r#"Unsupported value: "switch": supported values: "create", "delete", "restore", "tags", "permissions", "notifications""#,
        ),
        (json!({ "allowedPrincipals": ["agents/*"] }), "such as arn:aws:iam::111122223333:role/agents/*"),
        (json!({ "allowedTopics": ["profiler-*"] }), "such as arn:aws:sns:*:111122223333:profiler-*"),
        (json!({ "pollInterval": "60" }), "at least 1s"),
        (json!({ "pollInterval": "500ms" }), "at least 1s"),
        (json!({ "callsPerSecond": 0 }), "greater than or equal to 1"),
        (json!({ "callsPerSecond": 10001 }), "less than or equal to 10000"),
    ] {
        let refused = create_account(&world, "refused", changed(&good, &change)).await;
        let text = message(refused.expect_err(&change.to_string()));
        assert!(text.contains(expected), "{change}: {text}");
    }
    for (name, change) in [
        ("least", json!({})),
        ("china", json!({ "roleArn": "arn:aws-cn:iam::111122223333:role/a", "region": "cn-north-1" })),
        (
            "most",
            json!({
                "externalId": "x".repeat(1224), "region": "us-gov-west-1", "sessionTags": { "Cost Center": "a/b" },
                "namespaces": ["shop", "1st"], "namespaceSelector": { "matchLabels": { "profiling": "on" } },
                "groupNames": ["*", "shop-*_1"], "allowedFacets": ["create", "delete", "restore", "tags", "permissions", "notifications"],
                "allowedPrincipals": ["*"], "allowedTopics": ["arn:aws:sns:*"], "pollInterval": "1h30m", "callsPerSecond": 10000,
            }),
        ),
    ] {
        let spec = changed(&good, &change);
        assert_eq!(create_account(&world, name, spec.clone()).await.unwrap()["spec"], spec, "nothing is added");
    }
    world.judge().await;
}

#[tokio::test]
async fn what_was_never_processed_is_in_progress_and_nothing_else_is_defaulted() {
    let world = World::new().await;
    let spec = json!({ "profilingGroupName": "a", "profilingEnabled": true });
    let made = world.try_create("a", spec.clone()).await.unwrap();
    assert_eq!(made["spec"], spec);
    assert_eq!(made["status"], json!({ "observedGeneration": -1 }));
    assert_eq!(kstatus::compute(&world.get("a").await).0, Status::InProgress);
    world.judge().await;
}
