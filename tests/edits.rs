//! What a user requests reaches AWS, at the price of one call, and AWS's answer reaches the status.

use serde_json::json;

use crate::world::{REGION, World};

#[tokio::test]
async fn an_edit_costs_exactly_one_call_and_its_answer_fills_the_status() {
    let world = World::new().await;
    world
        .aws
        .put_group(
            REGION,
            "Checkout_Service",
            json!({
                "profilingEnabled": true, "tags": { "team": "shop" }, "computePlatform": "Default",
                "latestAgentOrchestratedAt": "2026-06-01T13:15:02.001Z",
                "latestAgentProfileReportedAt": "2026-06-01T13:10:00.250Z",
                "latestAggregatedProfile": { "start": "2026-06-01T13:05:00.000Z", "period": "PT5M" },
            }),
        )
        .await
        .unwrap();
    let _operator = world.start().await;
    world.create("Checkout_Service", true, json!({})).await;
    world.condition("checkout-service", "Ready", "True", "InSync").await;
    assert_eq!(world.calls("UpdateProfilingGroup").await, 0, "an adoption in sync writes nothing to AWS");
    assert_eq!(world.status_writes().await, 1, "an adoption in sync is one status write");
    assert!(world.events("checkout-service").await.is_empty(), "an adoption in sync is no event");

    world.aws.clear_journal().await.unwrap();
    world.patch("checkout-service", json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition("checkout-service", "Ready", "True", "InSync").await;
    let status = world.until("checkout-service", "off", |o| o["status"]["profilingEnabled"] == false).await;
    let journal = world.aws.journal().await.unwrap();
    let others: Vec<_> = journal.iter().filter(|e| !e.is("ListProfilingGroups")).collect();
    assert_eq!(others.len(), 1, "{others:?}");
    assert!(others[0].is("UpdateProfilingGroup"));
    assert_eq!(others[0].request, json!({ "agentOrchestrationConfig": { "profilingEnabled": false } }));
    assert_eq!(world.enabled("Checkout_Service").await, Some(false));

    let truth = world.aws.group(REGION, "Checkout_Service").await.unwrap().unwrap();
    for member in ["arn", "name", "computePlatform", "createdAt", "updatedAt", "profilingStatus", "tags"] {
        assert_eq!(status[member], truth[member], "{member}");
    }
    assert_eq!(status["account"], "111122223333");
    assert_eq!(status["region"], REGION);
    assert_eq!(status["profilingEnabledSince"], truth["updatedAt"]);
    assert_eq!(status["desired"], json!({ "profilingEnabled": false }));
    assert_eq!(status["lastApplied"], json!({ "profilingEnabled": false }));
    world.has_event("checkout-service", "Updated").await;
    world.judge().await;
}

#[tokio::test]
async fn a_group_found_otherwise_is_adopted_with_one_update() {
    let world = World::new().await;
    world.flip("a", false).await;
    let operator = world.start().await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.enabled("a").await, Some(true));
    assert_eq!(world.calls("UpdateProfilingGroup").await, 1, "{}", operator.logs());
    world.has_event("a", "Updated").await;
    let (reason, note) = world.events("a").await.remove(0);
    assert_eq!(reason, "Updated", "{note}");
    world.judge().await;
}

#[tokio::test]
async fn kubectl_prints_what_a_person_looks_for() {
    let world = World::new().await;
    world.flip("Checkout_Service", true).await;
    let table = async |more: &[&str]| {
        let args = [&["-n", &world.namespace, "get", "profgroup"], more].concat();
        let printed = String::from_utf8(world.plane.kubectl(&args).await.unwrap().stdout).unwrap();
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (head, row) = printed.trim().split_once('\n').unwrap();
        (words(head), words(row))
    };
    world.create("Checkout_Service", true, json!({})).await;
    let (_, row) = table(&[]).await;
    let row = row.join(" ");
    assert!(row.starts_with("checkout-service Checkout_Service true"), "before the operator has processed it: {row}");

    let _operator = world.start().await;
    world.condition("checkout-service", "Ready", "True", "InSync").await;
    let (head, row) = table(&[]).await;
    assert_eq!(head, ["NAME", "READY", "REASON", "GROUP", "DESIRED", "ENABLED", "LAST-PROFILE", "AGE"]);
    let row = row.join(" ");
    assert!(row.starts_with("checkout-service True InSync Checkout_Service true true"), "{row}");
    let (head, row) = table(&["-o", "wide"]).await;
    assert_eq!(head[6..], ["LAST-PROFILE", "REGION", "PLATFORM", "AGE"]);
    for value in [REGION, "Default"] {
        assert!(row.iter().any(|word| word == value), "{value}: {row:?}");
    }
    for (selector, found) in [("spec.region=eu-west-1", 0), ("spec.profilingGroupName=Checkout_Service", 1)] {
        let args = ["-n", &world.namespace, "get", "profilinggroups", "-o", "name", "--field-selector", selector];
        let found_names = String::from_utf8(world.plane.kubectl(&args).await.unwrap().stdout).unwrap();
        assert_eq!(found_names.lines().count(), found, "{selector}");
    }
    world.judge().await;
}

#[tokio::test]
async fn each_region_has_its_own_lane_and_a_hung_one_delays_no_other() {
    let world = World::new().await;
    world.flip("here", false).await;
    world.aws.fault(json!({ "region": "us-east-1", "effect": { "type": "hang" } })).await.unwrap();
    let _operator = world.start().await;
    world.create("there", true, json!({ "region": "us-east-1" })).await;
    world.condition("there", "Ready", "Unknown", "Progressing").await;
    world.create("here", true, json!({})).await;
    world.condition("here", "Ready", "True", "InSync").await;
    world.aws.clear_faults().await.unwrap();
    world.aws.put_group("us-east-1", "there", json!({ "profilingEnabled": true })).await.unwrap();
    world.condition("there", "Ready", "True", "InSync").await;
    assert_eq!(world.status("there").await["region"], "us-east-1");
    world.judge().await;
}

#[tokio::test]
async fn an_account_without_groups_is_returned_by_sts_and_nobody_waits_for_it() {
    let world = World::new().await;
    world
        .aws
        .fault(json!({ "operation": "GetCallerIdentity", "count": 1, "effect": { "type": "delay" }, "delayMs": 3000 }))
        .await
        .unwrap();
    let _operator = world.start().await;
    world.create("nowhere", true, json!({})).await;
    let status = world.condition("nowhere", "Stalled", "True", "GroupNotFound").await;
    assert!(status.get("account").is_none(), "it is not known yet");
    world.until("nowhere", "the account", |o| o["status"]["account"] == "111122223333").await;
    world.lists(2).await;
    assert_eq!(world.calls("GetCallerIdentity").await, 1, "requested once, however many Lists end meanwhile");
    world.judge().await;
}

#[tokio::test]
async fn an_update_whose_answer_meets_the_news_that_it_takes_long_is_not_sent_again() {
    let world = World::new().await;
    let names: Vec<_> = (0..12).map(|i| format!("g-{i:05}")).collect();
    world.aws.seed(REGION, names.len(), "g", true).await.unwrap();
    let _operator = world.start().await;
    for name in &names {
        world.create(name, true, json!({})).await;
    }
    for name in &names {
        world.condition(name, "Ready", "True", "InSync").await;
    }
    // The news that an Update takes long is sent after a second: these answers come in the same moment.
    for (i, name) in names.iter().enumerate() {
        let delay = json!({ "operation": "UpdateProfilingGroup", "group": name, "delayMs": 990 + 5 * i, "effect": { "type": "delay" } });
        world.aws.fault(delay).await.unwrap();
    }
    for name in &names {
        world.patch(name, json!({ "spec": { "profilingEnabled": false } })).await;
    }
    for name in &names {
        world.condition(name, "Ready", "True", "InSync").await;
    }
    world.lists(1).await;
    assert_eq!(world.calls("UpdateProfilingGroup").await, names.len());
    world.judge().await;
}
