//! The API server refuses, is silent or away: nothing is done twice, nothing is done from an old spec, and all heals.

use devkit::{
    faultproxy::{Effect, Rule},
    operator::Operator,
};
use http::Method;
use serde_json::json;

use crate::{
    accounts::{PUBLISH, READ, WRITE_STATUS, account, allow},
    world::{World, message},
};

const UPDATE: &str = "UpdateProfilingGroup";
const WATCH: &str = "/profilinggroups?";

fn answer(code: u16) -> Effect {
    Effect::Answer { code, retry_after: None }
}

fn status_writes(effect: Effect) -> Rule {
    Rule::new(effect).method(Method::PUT).path("/status")
}

/// A group that is on, and its resource in sync.
async fn in_sync(world: &World, name: &str) {
    world.flip(name, true).await;
    world.create(name, true, json!({})).await;
    world.condition(name, "Ready", "True", "InSync").await;
}

async fn alive(operator: &Operator) {
    assert_eq!(devkit::http::get(&format!("{}/livez", operator.url())).await.unwrap().status, 200);
    assert!(operator.process().ended().is_none(), "{}", operator.logs());
}

#[tokio::test]
async fn a_status_write_that_conflicts_is_computed_again_at_once_and_after_the_third_conflict_with_a_pause() {
    let world = World::new().await;
    let (proxy, start) = world.behind_a_proxy().await;
    let operator = start.start().await.unwrap();
    in_sync(&world, "a").await;
    // The failures of all rows so far.
    for (edits, (conflicts, failures)) in [(1, 0), (2, 0), (3, 1), (5, 2)].into_iter().enumerate() {
        let rule = proxy.add(status_writes(answer(409)).times(conflicts));
        let writes = world.status_writes().await;
        world.patch("a", json!({ "spec": { "profilingEnabled": edits % 2 != 0 } })).await;
        world.condition("a", "Ready", "True", "InSync").await;
        assert_eq!(proxy.hits(rule), conflicts);
        assert_eq!(world.status_writes().await, writes + 1);
        assert_eq!(world.calls(UPDATE).await, edits + 1);
        let errors = operator.metric("controller_runtime_reconcile_errors_total", &[]).await.unwrap();
        assert!((errors - f64::from(failures)).abs() < 0.5, "{errors} failures after {conflicts} conflicts");
    }
    world.has_event("a", "Updated").await;
    world.judge().await;
}

#[tokio::test]
async fn status_writes_that_fail_never_cost_a_second_update() {
    let world = World::new().await;
    let (proxy, start) = world.behind_a_proxy().await;
    let operator = start.start().await.unwrap();
    in_sync(&world, "a").await;
    let rule = proxy.add(status_writes(answer(500)).times(3));
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(proxy.hits(rule), 3, "three failures, and then it came");
    assert_eq!(world.calls(UPDATE).await, 1);
    assert_eq!(world.enabled("a").await, Some(false));
    world.has_event("a", "Updated").await;
    alive(&operator).await;
    world.judge().await;
}

#[tokio::test]
async fn a_correction_is_recorded_once_and_reported_though_its_status_could_not_be_written_at_first() {
    let world = World::new().await;
    let (proxy, start) = world.behind_a_proxy().await;
    let operator = start.start().await.unwrap();
    in_sync(&world, "a").await;
    let rule = proxy.add(status_writes(answer(500)).times(2));
    world.flip("a", false).await;
    let status = world.until("a", "a recorded correction", |o| o["status"]["drift"]["corrections"] == 1).await;
    assert_eq!(proxy.hits(rule), 2);
    assert_eq!(status["drift"]["recentCorrections"].as_array().unwrap().len(), 1, "{status:#}");
    world.has_event("a", "DriftCorrected").await;
    world.lists(1).await;
    assert_eq!(world.calls(UPDATE).await, 1);
    let counted = operator.metric("codeguru_profiler_drift_corrections_total", &[]).await.unwrap();
    assert!((counted - 1.0).abs() < 0.1, "{counted}");
    assert_eq!(world.status("a").await["drift"]["corrections"], 1);
    world.judge().await;
}

#[tokio::test]
async fn an_answer_that_was_lost_never_costs_a_second_update() {
    let world = World::new().await;
    let (proxy, start) = world.behind_a_proxy().await;
    let _operator = start.start().await.unwrap();
    in_sync(&world, "a").await;
    let rule = proxy.add(status_writes(Effect::LoseAnswer).times(1));
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.lists(2).await;
    assert_eq!(proxy.hits(rule), 1);
    assert_eq!(world.calls(UPDATE).await, 1);
    world.has_event("a", "Updated").await;
    world.judge().await;
}

#[tokio::test]
async fn what_was_edited_while_the_watch_was_cut_is_done_when_it_is_back() {
    let world = World::new().await;
    let (proxy, start) = world.behind_a_proxy().await;
    let operator = start.start().await.unwrap();
    for name in ["edited", "deleted"] {
        in_sync(&world, name).await;
    }
    for effect in [Effect::Cut, Effect::WatchError(410), answer(500)] {
        let on = world.enabled("edited").await.unwrap();
        let rule = proxy.add(Rule::new(effect.clone()).path(WATCH).watches(true));
        proxy.cut_watches();
        world.eventually("the watch fails", async || (proxy.hits(rule) > 0).then_some(())).await;
        world.patch("edited", json!({ "spec": { "profilingEnabled": !on } })).await;
        if effect == Effect::Cut {
            world.delete("deleted").await;
        }
        proxy.clear();
        world.condition("edited", "Ready", "True", "InSync").await;
        assert_eq!(world.enabled("edited").await, Some(!on), "{effect:?}");
        alive(&operator).await;
    }
    assert_eq!(world.calls(UPDATE).await, 3);
    world.flip("deleted", false).await;
    world.lists(2).await;
    assert_eq!(world.enabled("deleted").await, Some(false), "what is deleted is nobody's business");
    world.judge().await;
}

#[tokio::test]
async fn a_silent_watch_never_corrects_aws_from_an_old_spec() {
    let world = World::new().await;
    let (proxy, start) = world.behind_a_proxy().await;
    let operator = start.start().await.unwrap();
    in_sync(&world, "a").await;
    proxy.add(Rule::new(Effect::Cut).path(WATCH));
    proxy.cut_watches();
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.flip("a", false).await;
    world.lists(3).await;
    let journal = world.aws.journal().await.unwrap();
    let wrong = json!({ "agentOrchestrationConfig": { "profilingEnabled": true } });
    assert!(!journal.iter().any(|entry| entry.is(UPDATE) && entry.request == wrong), "{}", operator.logs());
    proxy.clear();
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.enabled("a").await, Some(false));
    assert!(world.status("a").await["drift"]["corrections"].is_null());
    world.judge().await;
}

#[tokio::test]
async fn nothing_is_corrected_before_kubernetes_confirms_the_spec() {
    let world = World::new().await;
    let (proxy, start) = world.behind_a_proxy().await;
    let _operator = start.start().await.unwrap();
    in_sync(&world, "a").await;
    let rule = proxy.add(Rule::new(answer(503)).method(Method::GET).path("/profilinggroups/a"));
    world.flip("a", false).await;
    let status = world.condition("a", "Ready", "False", "InternalError").await;
    let message = message(&status, "Ready");
    assert!(message.contains("The API server does not confirm"), "{message}");
    assert_eq!(world.calls(UPDATE).await, 0);
    assert!(proxy.hits(rule) > 0);
    proxy.clear();
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.enabled("a").await, Some(true));
    assert_eq!(world.calls(UPDATE).await, 1);
    world.judge().await;
}

#[tokio::test]
async fn an_api_server_that_goes_and_comes_back_is_taken_up_again() {
    let world = World::apart().await;
    let operator = world.start().await;
    in_sync(&world, "a").await;
    world.plane.stop_api_server();
    world.flip("a", false).await;
    world.lists(3).await;
    assert_eq!(world.calls(UPDATE).await, 0, "nobody confirms the spec");
    alive(&operator).await;
    world.plane.start_api_server().await.unwrap();
    world.eventually("the correction", async || world.enabled("a").await.filter(|on| *on)).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.eventually("the edit", async || world.enabled("a").await.filter(|on| !*on)).await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.calls(UPDATE).await, 2);
    alive(&operator).await;
    world.judge().await;
}

#[tokio::test]
async fn without_the_right_to_publish_events_the_work_goes_on() {
    let world = World::new().await;
    let (_, kubeconfig) = account(&world, "mute", &[READ, WRITE_STATUS]).await;
    let operator = world.operator_with(&kubeconfig).start().await.unwrap();
    world.flip("a", false).await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.calls(UPDATE).await, 2);
    assert!(world.events("a").await.is_empty());
    let errors = operator.metric("controller_runtime_reconcile_errors_total", &[]).await.unwrap();
    assert!(errors < 0.5, "an event that fails fails nothing");
    assert!(operator.logs().contains("can't publish an event"));
    world.judge().await;
}

#[tokio::test]
async fn without_the_permission_to_write_the_status_there_is_no_hot_loop_and_it_recovers_when_the_permission_returns() {
    let world = World::new().await;
    let (user, kubeconfig) = account(&world, "shy", &[READ, PUBLISH]).await;
    world.flip("a", false).await;
    let operator = world.operator_with(&kubeconfig).start().await.unwrap();
    world.create("a", true, json!({})).await;
    let refused = async || world.audit_of(&user).await.subresource("status").count();
    world.eventually("a refusal", async || (refused().await > 0).then_some(())).await;
    world.lists(2).await;
    let tries = refused().await;
    assert!(tries <= 6, "{tries} tries");
    assert!(world.calls(UPDATE).await <= 1);
    assert_eq!(world.status("a").await, json!({ "observedGeneration": -1 }));

    allow(&world, &world.namespace, "shy", &[READ, PUBLISH, WRITE_STATUS]).await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.enabled("a").await, Some(true));
    assert_eq!(world.calls(UPDATE).await, 1);
    alive(&operator).await;
    world.judge().await;
}

#[tokio::test]
async fn an_api_server_that_does_not_stream_lists_is_listed_in_pages() {
    let world = World::new().await;
    let (proxy, start) = world.behind_a_proxy().await;
    let rule = proxy.add(Rule::new(answer(422)).path("sendInitialEvents=true"));
    let operator = start.start().await.unwrap();
    in_sync(&world, "a").await;
    assert_eq!(proxy.hits(rule), 2, "what it can't do is found out once for each kind");
    alive(&operator).await;
    world.judge().await;
}
