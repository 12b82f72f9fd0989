//! What a team sees that works by commits: all of it on one Argo CD, one step after the other.

use std::time::SystemTime;

use devkit::{operator::Operator, paths};
use k8s_openapi::{
    api::{apps::v1::Deployment, core::v1::ConfigMap},
    jiff::Timestamp,
};
use kube::Api;
use serde_json::{Value, json};

use crate::{
    live::{Live, OPERATOR, TEAM, say, since},
    world::{REGION, SYSTEM, condition},
};

#[tokio::test]
async fn a_team_that_works_by_commits() {
    let live = Live::start(&["checkout", "observe", "report-drift"]).await;
    let operator = the_examples_become_healthy_once_the_operator_runs(&live).await;
    a_commit_flips_the_switch_and_aws_follows(&live).await;
    a_missing_group_turns_degraded_and_heals(&live).await;
    let operator = an_account_comes_before_the_resources_that_refer_to_it(&live, operator).await;
    let revision = a_later_wave_waits_until_the_resource_is_ready(&live).await;
    the_suspend_action_holds_against_self_heal(&live, &revision).await;
    the_reconcile_action_is_answered(&live, &revision).await;
    println!("{}", live.argo.run(&["app", "get", TEAM, "--output", "tree"]).await.unwrap());
    a_suspended_resource_holds_back_a_later_wave_until_somebody_ends_the_sync(&live).await;
    what_git_lets_go_is_pruned(&live).await;
    nothing_the_operator_wrote_was_ever_out_of_sync(&live).await;
    for (process, mib) in live.argo.memory().unwrap() {
        println!("{process:<60} {mib:>6.0} MiB");
    }
    a_deleted_application_takes_its_resources_along_and_ends(&live).await;
    a_deleted_operator_leaves_the_crd_and_the_resources(&live, operator).await;
    live.world.judge().await;
}

async fn the_examples_become_healthy_once_the_operator_runs(live: &Live) -> Operator {
    for (group, enabled) in [("Checkout_Service", false), ("Billing", false), ("Search", true)] {
        live.world.flip(group, enabled).await;
    }
    let began = SystemTime::now();
    let operator = live.world.start().await;
    let healthy = |version: &Value| version["status"]["health"]["status"] == "Healthy";
    let (at, _) = live.applications.until(TEAM, began, "Healthy", healthy).await;
    say("the operator starts → Healthy", at.duration_since(began).unwrap());
    assert_eq!(live.world.enabled("Checkout_Service").await, Some(true));
    assert_eq!(live.world.enabled("Billing").await, Some(false), "it is observed");
    operator
}

async fn a_commit_flips_the_switch_and_aws_follows(live: &Live) {
    let off = std::fs::read_to_string(paths::workspace().join("examples/checkout.yaml")).unwrap();
    live.repository.write("profiling/checkout.yaml", &off.replace("profilingEnabled: true", "profilingEnabled: false"));
    let (revision, pushed) = live.push("Turn the profiling of checkout off").await;
    live.world
        .eventually("AWS follows", async || (live.world.enabled("Checkout_Service").await == Some(false)).then_some(()))
        .await;
    let healthy = live.until_healthy(&revision, pushed).await;
    say("push → AWS call", live.updated_at("Checkout_Service").await.duration_since(pushed).unwrap());
    say("push → Synced and Healthy", healthy);
}

async fn a_missing_group_turns_degraded_and_heals(live: &Live) {
    live.repository.write_example("missing-group");
    let (revision, pushed) = live.push("Profile the recommendations").await;
    say("push → Degraded, for a group that is missing", live.until_is(&revision, pushed, "Degraded").await);
    let told = |version: &Value| {
        let resources = version["status"]["resources"].as_array().cloned().unwrap_or_default();
        let of = resources.into_iter().find(|resource| resource["name"] == "recommendations").unwrap_or_default();
        of["health"]["message"].as_str().is_some_and(|message| message.contains("create it in AWS"))
    };
    live.applications.until(TEAM, pushed, "what to do", told).await;

    live.world.flip("Recommendations", true).await;
    let made = SystemTime::now();
    say("group made in AWS → Healthy", live.until_healthy(&revision, made).await);
}

async fn an_account_comes_before_the_resources_that_refer_to_it(live: &Live, operator: Operator) -> Operator {
    operator.stop_gracefully().await.unwrap();
    let production = live.world.emulator.account("444455556666");
    production.put_group(REGION, "Basket", json!({ "profilingEnabled": false })).await.unwrap();
    let account = json!({
        "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilerAccount",
        "metadata": { "name": "production", "annotations": { "argocd.argoproj.io/sync-wave": "-1" } },
        "spec": { "roleArn": "arn:aws:iam::444455556666:role/profiler", "namespaces": [live.world.namespace] },
    });
    let group = json!({
        "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilingGroup", "metadata": { "name": "basket" },
        "spec": { "profilingGroupName": "Basket", "profilingEnabled": true, "accountRef": { "name": "production" } },
    });
    live.repository.write("profiling/production.yaml", &account.to_string());
    live.repository.write("profiling/basket.yaml", &group.to_string());
    let (revision, pushed) = live.push("Profile the basket in production").await;
    live.until_sync_reports(pushed, "waiting for healthy state of codeguruprofiler.dev/ProfilerAccount/production")
        .await;
    assert!(!live.groups().await.contains(&"basket".to_owned()), "it waits");

    let operator = live.world.start().await;
    let healthy = live.until_healthy(&revision, pushed).await;
    say("push → the account is Healthy, then the group", healthy);
    let status = live.world.condition("basket", "Ready", "True", "InSync").await;
    assert_eq!(status["account"], "444455556666");
    live.repository.remove("profiling/basket.yaml");
    live.repository.remove("profiling/production.yaml");
    let (revision, pushed) = live.push("Let the basket go").await;
    live.until_healthy(&revision, pushed).await;
    operator
}

async fn a_later_wave_waits_until_the_resource_is_ready(live: &Live) -> String {
    live.world.flip("Payments", false).await;
    let refuse = json!({ "operation": "UpdateProfilingGroup", "group": "Payments",
        "effect": { "type": "error", "code": "InternalServerException", "status": 500, "message": "no" } });
    live.world.aws.fault(refuse).await.unwrap();
    let group = json!({
        "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilingGroup", "metadata": { "name": "payments" },
        "spec": { "profilingGroupName": "Payments", "profilingEnabled": true },
    });
    let after = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "after", "annotations": { "argocd.argoproj.io/sync-wave": "1" } },
    });
    live.repository.write("profiling/payments.yaml", &group.to_string());
    live.repository.write("profiling/after.yaml", &after.to_string());
    let (revision, pushed) = live.push("Start after payments are profiled").await;
    let waits = "waiting for healthy state of codeguruprofiler.dev/ProfilingGroup/payments";
    live.until_sync_reports(pushed, waits).await;
    live.world.condition("payments", "Ready", "False", "ServiceUnavailable").await;
    live.world.lists(2).await;
    let settings: Api<ConfigMap> = Api::namespaced(live.world.client.clone(), &live.world.namespace);
    assert!(settings.get_opt("after").await.unwrap().is_none(), "it waits");

    live.world.aws.clear_faults().await.unwrap();
    live.world.eventually("the next wave", async || settings.get_opt("after").await.unwrap()).await;
    let payments = live.world.status("payments").await;
    assert_eq!(condition(&payments, "Ready")["status"], "True", "{payments:#}");
    let ready: Timestamp = condition(&payments, "Ready")["lastTransitionTime"].as_str().unwrap().parse().unwrap();
    let made = settings.get("after").await.unwrap().metadata.creation_timestamp.unwrap().0;
    assert!(made >= ready, "made {made}, Ready since {ready}");
    live.until_healthy(&revision, pushed).await;
    revision
}

async fn the_suspend_action_holds_against_self_heal(live: &Live, revision: &str) {
    let began = SystemTime::now();
    live.run_action("suspend", "checkout").await;
    say("suspend → the Application is Suspended", live.until_is(revision, began, "Suspended").await);
    live.world.flip("Checkout_Service", true).await;
    live.world.lists(2).await;
    let compared = SystemTime::now();
    live.applications.refresh(TEAM).await;
    live.until_is(revision, compared, "Suspended").await;
    assert_eq!(live.world.get("checkout").await["spec"]["suspend"], true);
    assert_eq!(live.world.enabled("Checkout_Service").await, Some(true), "what others do meanwhile stays");

    let resumed = SystemTime::now();
    live.run_action("resume", "checkout").await;
    live.until_healthy(revision, resumed).await;
    live.world
        .eventually("the switch of git", async || {
            (live.world.enabled("Checkout_Service").await == Some(false)).then_some(())
        })
        .await;
    assert!(live.world.get("checkout").await["spec"].get("suspend").is_none());
}

async fn the_reconcile_action_is_answered(live: &Live, revision: &str) {
    let began = SystemTime::now();
    live.run_action("reconcile", "search").await;
    let echoed = |object: &Value| {
        let asked = &object["metadata"]["annotations"]["codeguruprofiler.dev/reconcile-requested-at"];
        asked.is_string() && object["status"]["lastHandledReconcileAt"] == *asked
    };
    live.world.until("search", "the echo of the request", echoed).await;
    say("reconcile → answered", since(began));
    live.applications.refresh(TEAM).await;
    live.until_healthy(revision, began).await;
}

async fn a_suspended_resource_holds_back_a_later_wave_until_somebody_ends_the_sync(live: &Live) {
    live.repository.write_example("suspended");
    let (_, pushed) = live.push("Leave the inventory alone").await;
    live.until_sync_reports(pushed, "waiting for healthy state of codeguruprofiler.dev/ProfilingGroup/inventory").await;
    live.world.condition("inventory", "Ready", "True", "Suspended").await;
    live.argo.run(&["app", "terminate-op", TEAM]).await.unwrap();
    live.until_sync_reports(pushed, "Operation terminated").await;
}

async fn what_git_lets_go_is_pruned(live: &Live) {
    for file in ["suspended", "observe", "missing-group"] {
        live.repository.remove(&format!("profiling/{file}.yaml"));
    }
    let (revision, pushed) = live.push("Let three of them go").await;
    say("push → pruned, Synced and Healthy", live.until_healthy(&revision, pushed).await);
    assert_eq!(live.groups().await, ["checkout", "payments", "search"]);
    assert!(live.world.enabled("Recommendations").await.is_some(), "AWS keeps the group");
}

async fn nothing_the_operator_wrote_was_ever_out_of_sync(live: &Live) {
    let broken = live.applications.out_of_sync();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    let writes = live.world.audit().await.resource("profilinggroups");
    assert!(writes.events.iter().all(|write| write.subresource == "status"), "{writes:#?}");
    assert!(writes.count() > 0, "the operator does write");
    println!("{:<60} {:>6}", "versions of the Application, none out of sync by itself", live.applications.versions());

    // The same eyes do see what somebody writes past git.
    let began = SystemTime::now();
    live.world.patch("search", json!({ "spec": { "profilingEnabled": false } })).await;
    live.world
        .eventually("git wins", async || {
            (live.world.get("search").await["spec"]["profilingEnabled"] == true).then_some(())
        })
        .await;
    say("edit past git → undone", since(began));
    live.world.eventually("it was seen", async || (!live.applications.out_of_sync().is_empty()).then_some(())).await;
}

async fn a_deleted_application_takes_its_resources_along_and_ends(live: &Live) {
    // Somebody's own, which is not in git.
    live.world.flip("Own", true).await;
    live.world.create("Own", true, json!({})).await;
    live.world.condition("own", "Ready", "True", "InSync").await;
    let updates = live.world.calls("UpdateProfilingGroup").await;
    say("Application deleted → gone with all its resources", live.delete(TEAM).await);
    assert_eq!(live.groups().await, ["own"]);
    live.world.lists(1).await;
    assert_eq!(live.world.calls("UpdateProfilingGroup").await, updates, "AWS is not touched");
    assert_eq!(live.world.calls("DeleteProfilingGroup").await, 0);
    assert!(live.world.aws.group(REGION, "Search").await.unwrap().is_some());
}

async fn a_deleted_operator_leaves_the_crd_and_the_resources(live: &Live, operator: Operator) {
    operator.stop_gracefully().await.unwrap();
    say("the operator's Application deleted → gone", live.delete(OPERATOR).await);
    let deployments: Api<Deployment> = Api::namespaced(live.world.client.clone(), SYSTEM);
    assert!(deployments.get_opt(OPERATOR).await.unwrap().is_none());
    assert_eq!(live.groups().await, ["own"]);
}
