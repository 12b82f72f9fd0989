//! What once broke, each as the smallest story that shows it.

use std::time::Duration;

use serde_json::json;

use crate::{
    apiserver::Denial,
    faults::Fault,
    oracle::condition,
    process::Options,
    run::crd_without,
    schedule::Action,
    stage::{NAMESPACE, REGION, play, play_with},
};

#[test]
fn a_crd_that_lacks_a_member_of_the_status_makes_no_storm_of_writes() {
    play_with(&crd_without(Some("lastApplied")), |stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({}));
        let _operator = stage.operator();
        stage.pass(600.0).await;
        stage.check(stage.count("status writes") < 20, "the same status is written again and again");
        let notes = stage.events("r");
        let reports = notes.iter().filter(|note| note.contains("CRD")).count();
        stage.check(reports == 1, &format!("the cause is reported {reports} times: {notes:?}"));
    });
}

#[test]
fn two_operators_that_see_a_resource_differently_do_not_fight_over_its_status() {
    play(|stage| async move {
        stage.world.aws().put(REGION, "G", &json!({ "profilingEnabled": true }));
        stage.world.aws().put("us-east-1", "G", &json!({ "profilingEnabled": true }));
        stage.create("r", "G", true, json!({}));
        let _one = stage.operator_with("one", &Options::default());
        let other = Options { region: Some("us-east-1".into()), ..Options::default() };
        let _other = stage.operator_with("other", &other);
        stage.pass(15.0).await;
        stage.check(stage.count("status writes") <= 12, "in the first seconds");
        stage.pass(1200.0).await;
        stage.check(stage.count("status writes") <= 60, "in twenty minutes");
        stage.check(stage.count("events") <= 30, "events in twenty minutes");
    });
}

#[test]
fn a_resource_that_is_gone_while_the_watch_is_silent_is_not_written_again_and_again() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({}));
        let _operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        stage.fault(Fault::WatchSilent, 250);
        stage.delete("r");
        stage.group("G", false);
        let before = stage.count("not found");
        stage.pass(240.0).await;
        stage.check(stage.count("not found") - before < 20, "PUTs of what is gone");
    });
}

/// Seed 63: another one of the same name is as gone as one that is not found.
#[test]
fn a_resource_that_was_replaced_while_the_watch_is_silent_is_not_written_again_and_again() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({ "managementPolicy": "Observe" }));
        let _operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        stage.fault(Fault::WatchSilent, 250);
        stage.act(&Action::Replace { namespace: NAMESPACE, name: "r".into() });
        stage.group("G", false);
        stage.pass(240.0).await;
        let conflicts = stage.count("conflicts");
        stage.check(conflicts < 10, &format!("{conflicts} PUTs of what is gone"));
        stage.until_ready("r", "True Observed", 20.0).await;
    });
}

#[test]
fn a_status_write_that_fails_is_repeated_with_growing_pauses() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({ "managementPolicy": "Observe" }));
        let _operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        stage.fault(Fault::StatusWritesFail, 120);
        stage.group("G", false);
        let before = stage.attempts("r");
        stage.pass(110.0).await;
        let attempts = stage.attempts("r") - before;
        stage.check((3..10).contains(&attempts), &format!("{attempts} attempts in less than two minutes"));
        stage.until_ready("r", "True Observed", 100.0).await;
    });
}

#[test]
fn a_busy_api_server_has_the_pause_that_it_requests_and_no_storm_after_it() {
    play(|stage| async move {
        let names: Vec<_> = (0..200).map(|number| format!("r{number}")).collect();
        for name in &names {
            stage.group(name, true);
            stage.create(name, name, true, json!({}));
        }
        let _operator = stage.operator();
        stage.until("the first statuses", 10.0, || stage.count("status writes") > 0).await;
        stage.fault(Fault::KubeThrottles, 120);
        stage.pass(1.0).await;
        let before: Vec<_> = names.iter().map(|name| stage.attempts(name)).collect();
        stage.pass(110.0).await;
        let attempts = names.iter().zip(before).map(|(name, before)| stage.attempts(name) - before);
        let most = attempts.max().unwrap_or_default();
        // With pauses that only grow there are eight.
        stage.check((3..=6).contains(&most), &format!("{most} attempts in less than two minutes"));
        for name in &names {
            stage.until_ready(name, "True InSync", 100.0).await;
        }
        stage.pass(60.0).await;
        stage.check(stage.count("status writes") == 200, &format!("{} status writes", stage.count("status writes")));
    });
}

/// Seed 16: conditions that are kept while a resource is suspended were another status once they had been wiped.
#[test]
fn what_others_remove_from_a_status_is_put_back_without_a_second_event() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("suspended", "G", true, json!({ "suspend": true }));
        stage.create("missing", "H", true, json!({}));
        let _operator = stage.operator();
        stage.until_ready("suspended", "True Suspended", 10.0).await;
        stage.until_ready("missing", "False GroupNotFound", 10.0).await;
        for _ in 0..3 {
            for name in ["suspended", "missing"] {
                stage.patch(name, "/status", &json!({ "status": { "conditions": [] } }));
            }
            stage.pass(5.0).await;
        }
        stage.until_ready("suspended", "True Suspended", 200.0).await;
        stage.until_ready("missing", "False GroupNotFound", 200.0).await;
        for (name, reason) in [("suspended", "Suspended"), ("missing", "GroupNotFound")] {
            let events = stage.events(name);
            let reports = events.iter().filter(|event| event.starts_with(reason)).count();
            stage.check(reports == 1, &format!("{name}: {events:?}"));
        }
    });
}

#[test]
fn a_resource_deleted_just_after_it_was_queued_is_looked_at_when_it_is_made_again() {
    play(|stage| async move {
        let _operator = stage.operator();
        stage.pass(5.0).await;
        for round in 0..60 {
            let name = format!("r{round}");
            stage.group(&name, true);
            stage.create(&name, &name, true, json!({}));
            stage.pass(f64::from(round) * 0.001).await;
            stage.delete(&name);
            stage.pass(0.5).await;
            stage.create(&name, &name, true, json!({}));
        }
        stage.pass(120.0).await;
        let lost: Vec<_> =
            (0..60).map(|round| format!("r{round}")).filter(|n| stage.ready(n) != "True InSync").collect();
        stage.check(lost.is_empty(), &format!("never looked at: {lost:?}"));
    });
}

#[test]
fn an_edit_made_while_the_operator_was_away_waits_until_the_account_is_verified() {
    play(|stage| async move {
        stage.group("G", true);
        stage.world.aws().admin("PUT", "/groups/999988887777/eu-west-1/G", &json!({ "profilingEnabled": true }));
        stage.create("r", "G", true, json!({}));
        let operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        operator.kill();
        stage.edit("r", json!({ "profilingEnabled": false }));
        stage.fault(Fault::OtherAccount, 300);
        stage.fault(Fault::ListDenied, 300);
        let _operator = stage.operator();
        stage.pass(200.0).await;
        stage.check(stage.count("Update") == 0, "an Update went to an account that was not verified");
        stage.until_ready("r", "True InSync", 1800.0).await;
        stage.check(stage.enabled("G") == Some(false), "the edit is applied in the right account");
    });
}

#[test]
fn turning_on_off_and_on_again_within_minutes_leaves_events_that_report_both() {
    play(|stage| async move {
        stage.group("G", false);
        stage.create("r", "G", false, json!({}));
        let _operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        for enabled in [true, false, true] {
            stage.edit("r", json!({ "profilingEnabled": enabled }));
            stage.pass(5.0).await;
        }
        let events = stage.events("r");
        let reported = |word: &str| events.iter().any(|event| event.contains(word));
        stage.check(reported("profiling on in AWS") && reported("profiling off in AWS"), &format!("{events:?}"));
    });
}

#[test]
fn an_edit_does_not_wait_for_status_writes_that_fail() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({}));
        let _operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        stage.fault(Fault::StatusWritesFail, 600);
        stage.group("G", false);
        stage.pass(300.0).await;
        stage.edit("r", json!({ "profilingEnabled": false }));
        stage.pass(1.0).await;
        stage.edit("r", json!({ "profilingEnabled": true }));
        stage.until("AWS follows the edit", 3.0, || stage.enabled("G") == Some(true)).await;
        stage.edit("r", json!({ "profilingEnabled": false }));
        stage.until("AWS follows the edit", 3.0, || stage.enabled("G") == Some(false)).await;
    });
}

/// A correction and the report of the one before once began together.
#[test]
fn drift_that_comes_back_is_corrected_once_until_the_status_can_be_written() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({}));
        let _operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        stage.fault(Fault::StatusWritesFail, 300);
        for _ in 0..4 {
            stage.group("G", false);
            stage.pass(70.0).await;
        }
        stage.check(stage.count("Update") == 1, "one correction that is not recorded");
        stage.until("it is corrected again", 600.0, || stage.enabled("G") == Some(true)).await;
        stage.until_ready("r", "True InSync", 60.0).await;
        stage.check(stage.count("Update") == 2, "and one that is");
    });
}

#[test]
fn an_edit_does_not_wait_for_a_status_write_that_hangs() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({}));
        let _operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        stage.fault(Fault::StatusWritesHang, 600);
        stage.edit("r", json!({ "profilingEnabled": false }));
        stage.until("AWS follows the edit", 3.0, || stage.enabled("G") == Some(false)).await;
        stage.pass(1.0).await;
        stage.edit("r", json!({ "profilingEnabled": true }));
        stage.until("AWS follows the edit", 3.0, || stage.enabled("G") == Some(true)).await;
    });
}

#[test]
fn a_clock_that_was_set_forward_does_not_make_what_was_just_read_stale() {
    for offset in [600_000, -600_000] {
        play(|stage| async move {
            stage.group("G", true);
            stage.create("r", "G", true, json!({}));
            let operator = stage.operator();
            stage.until_ready("r", "True InSync", 10.0).await;
            operator.set_clock(offset);
            stage.pass(600.0).await;
            let synced = condition(&stage.get("r"), "Synced").cloned().unwrap();
            stage.check(synced["status"] == "True", &format!("{offset} ms: {synced}"));
            stage.fault(Fault::AwsHangs, 3600);
            stage.pass(900.0).await;
            let synced = condition(&stage.get("r"), "Synced").cloned().unwrap();
            stage.check(synced["reason"] == "InventoryStale", &format!("{offset} ms: {synced}"));
        });
    }
}

#[test]
fn an_old_failure_is_not_reported_of_a_new_drift() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({}));
        let _operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        stage.fault(Fault::UpdateDenied, 1000);
        stage.group("G", false);
        stage.until_ready("r", "False AccessDenied", 120.0).await;
        stage.pass(1000.0).await;
        stage.group("G", true);
        stage.until_ready("r", "True InSync", 70.0).await;
        stage.group("G", false);
        stage.until("the new drift is corrected", 70.0, || stage.enabled("G") == Some(true)).await;
    });
}

#[test]
fn a_time_far_in_the_future_does_not_end_the_operator() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({ "region": "xx-nowhere-1" }));
        stage.create("other", "G", true, json!({}));
        let drift = json!({
            "corrections": 4, "lastCorrectedAt": "2026-01-01T00:00:00.000Z",
            "slowdown": { "step": 9, "until": "2099-01-01T00:00:00.000Z" },
        });
        let known = json!({
            "observedGeneration": 1, "arn": "arn:aws:codeguru-profiler:xx-nowhere-1:111122223333:profilingGroup/G",
            "region": "xx-nowhere-1", "account": "111122223333", "name": "G", "profilingEnabled": true,
            "lastApplied": { "profilingEnabled": true }, "drift": drift,
        });
        stage.patch("r", "/status", &json!({ "status": known }));
        let operator = stage.operator();
        stage.pass(900.0).await;
        stage.edit("other", json!({ "profilingEnabled": false }));
        stage.until_ready("other", "True InSync", 5.0).await;
        stage.check(operator.is_running(), "it runs");
    });
}

#[test]
fn a_panic_in_the_aws_client_is_that_of_one_call() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({}));
        stage.fault(Fault::AwsPanics, 30);
        let operator = stage.operator();
        stage.until_ready("r", "False InternalError", 30.0).await;
        stage.until_ready("r", "True InSync", 400.0).await;
        stage.fault(Fault::AwsPanics, 30);
        stage.edit("r", json!({ "profilingEnabled": false }));
        stage.until("AWS follows the edit", 100.0, || stage.enabled("G") == Some(false)).await;
        stage.check(operator.is_running(), "it runs");
    });
}

#[test]
fn sigterm_releases_what_waits_for_the_rate_limit() {
    play(|stage| async move {
        let options = Options { calls_per_second: 2, ..Options::default() };
        let operator = stage.operator_with("operator", &options);
        for n in 0..100 {
            stage.group(&format!("G{n}"), true);
            stage.create(&format!("r{n}"), &format!("G{n}"), false, json!({}));
        }
        stage.pass(10.0).await;
        operator.terminate();
        stage.pass(0.5).await;
        let before = stage.count("Update");
        stage.check(operator.exits_within(Duration::from_secs(2)).await, "it ends in two seconds");
        stage.check(stage.count("Update") == before, "nothing new is sent");
    });
}

#[test]
fn sigterm_lets_an_update_that_is_under_way_finish_and_reports_it() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({}));
        let operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        stage.fault(Fault::AwsSlow, 5);
        stage.edit("r", json!({ "profilingEnabled": false }));
        stage.pass(0.5).await;
        operator.terminate();
        stage.check(operator.exits_within(Duration::from_secs(20)).await, "it ends");
        stage.check(stage.enabled("G") == Some(false), "the Update has finished");
        stage.check(stage.ready("r") == "True InSync", "the status records it");
        stage.check(stage.events("r").iter().any(|note| note.starts_with("Updated")), "an event reports it");
    });
}

#[test]
fn a_suspended_resource_is_not_described_any_more() {
    play(|stage| async move {
        for n in 0..150 {
            stage.create(&format!("r{n}"), &format!("G{n}"), true, json!({}));
        }
        let _operator = stage.operator();
        stage.until("some are described", 10.0, || stage.count("Describe") > 10).await;
        for n in 0..150 {
            stage.edit(&format!("r{n}"), json!({ "suspend": true }));
        }
        // Each watch event takes some milliseconds.
        stage.pass(2.0).await;
        let before = stage.count("Describe");
        stage.pass(20.0).await;
        let after = stage.count("Describe");
        stage.check(after == before, &format!("{} Describes of suspended resources", after - before));
    });
}

#[test]
fn giving_in_ends_the_fight() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({}));
        let _operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        for _ in 0..5 {
            stage.group("G", false);
            stage.pass(70.0).await;
        }
        stage.check(stage.ready("r") == "False Contested", "it is contested");
        stage.edit("r", json!({ "profilingEnabled": false }));
        stage.until_ready("r", "True InSync", 5.0).await;
    });
}

#[test]
fn a_region_that_no_resource_names_any_more_costs_nothing() {
    play(|stage| async move {
        stage.create("r", "G", true, json!({ "region": "us-east-1" }));
        let operator = stage.operator();
        stage.until("it is listed", 10.0, || stage.count("List us-east-1") > 0).await;
        stage.check(operator.metrics().contains("region=\"us-east-1\""), "it has series");
        stage.delete("r");
        stage.pass(600.0).await;
        let lists = stage.count("List us-east-1");
        stage.pass(600.0).await;
        stage.check(stage.count("List us-east-1") == lists, "it is not listed");
        let text = operator.metrics();
        let left: Vec<_> = text.lines().filter(|line| line.contains("region=\"us-east-1\"")).collect();
        stage.check(left.is_empty(), &format!("series that are left: {left:?}"));
    });
}

#[test]
fn a_retry_is_not_made_from_a_spec_that_kubernetes_has_not_confirmed() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({}));
        let _operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        stage.fault(Fault::AwsFails, 40);
        stage.edit("r", json!({ "profilingEnabled": false }));
        stage.pass(5.0).await;
        stage.fault(Fault::WatchSilent, 280);
        stage.edit("r", json!({ "profilingEnabled": true }));
        stage.pass(270.0).await;
        stage.check(!stage.carried_out("G", false), "an edit that was taken back is applied");
    });
}

#[test]
fn a_correction_is_never_made_from_a_spec_that_kubernetes_has_not_confirmed() {
    play(|stage| async move {
        stage.group("G", true);
        let _operator = stage.operator();
        stage.pass(20.0).await;
        stage.create("r", "G", true, json!({}));
        stage.until_ready("r", "True InSync", 10.0).await;
        // The operator has just read and written the resource.
        stage.fault(Fault::WatchSilent, 280);
        stage.edit("r", json!({ "profilingEnabled": false }));
        stage.group("G", false);
        stage.pass(200.0).await;
        let corrected = stage.events("r").iter().any(|note| note.starts_with("DriftCorrected"));
        stage.check(!corrected && stage.enabled("G") == Some(false), "what the user wants is undone");
    });
}

#[test]
fn an_update_whose_answer_was_lost_and_that_the_user_took_back_is_not_called_drift() {
    play(|stage| async move {
        let names: Vec<_> = (0..8).map(|n| format!("r{n}")).collect();
        for name in &names {
            stage.group(name, true);
            stage.create(name, name, true, json!({}));
        }
        let _operator = stage.operator();
        for name in &names {
            stage.until_ready(name, "True InSync", 10.0).await;
        }
        stage.fault(Fault::AwsAnswersLost, 2);
        for enabled in [false, true] {
            for name in &names {
                stage.edit(name, json!({ "profilingEnabled": enabled }));
            }
            stage.pass(0.5).await;
        }
        for name in &names {
            stage.until("AWS follows", 300.0, || stage.enabled(name) == Some(true)).await;
        }
        stage.pass(120.0).await;
        for name in &names {
            let drift = stage.get(name)["status"]["drift"].clone();
            stage.check(drift.is_null(), &format!("drift of {name}: {drift}"));
            let events = stage.events(name);
            stage.check(!events.iter().any(|event| event.contains("DriftCorrected")), &format!("{events:?}"));
        }
    });
}

#[test]
fn requests_to_reconcile_do_not_break_through_a_pause_that_aws_requested() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({}));
        let _operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        stage.fault(Fault::AwsThrottles, 300);
        let before = stage.count("List eu-west-1");
        for n in 0..120 {
            stage.act(&Action::Request { namespace: NAMESPACE, name: "r".into(), token: format!("t{n}") });
            stage.pass(1.0).await;
        }
        let lists = stage.count("List eu-west-1") - before;
        stage.check(lists <= 10, &format!("{lists} Lists in two minutes of throttling"));
    });
}

#[test]
fn a_namespace_that_may_not_be_listed_does_not_stop_the_others() {
    play(|stage| async move {
        for verb in ["list", "watch"] {
            let denial = Denial { verb: Some(verb), namespace: Some("b".into()), ..Denial::default() };
            stage.world.api().deny(denial);
        }
        stage.group("G", true);
        stage.create("r", "G", false, json!({}));
        stage.act(&Action::Create {
            namespace: "b",
            name: "late".into(),
            spec: json!({ "profilingGroupName": "H", "profilingEnabled": false }),
        });
        stage.group("H", true);
        let options = Options { namespaces: vec!["a".into(), "b".into()], ..Options::default() };
        let operator = stage.operator_with("operator", &options);
        stage.until_ready("r", "True InSync", 20.0).await;
        stage.check(operator.is_ready(), "it is ready");
        stage.check(
            stage.events("operator").iter().any(|event| event.starts_with("NamespaceRefused")),
            "it is reported",
        );
        stage.world.api().allow_all();
        stage.until("it joins", 60.0, || stage.enabled("H") == Some(false)).await;
    });
}

#[test]
fn deleting_and_creating_a_resource_again_keeps_the_group_though_another_one_waits_for_it() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("owner", "G", true, json!({}));
        let _operator = stage.operator();
        stage.until_ready("owner", "True InSync", 10.0).await;
        stage.create("waiting", "G", false, json!({}));
        stage.until_ready("waiting", "False ClaimedByAnother", 10.0).await;
        stage.act(&Action::Replace { namespace: NAMESPACE, name: "owner".into() });
        stage.pass(5.0).await;
        stage.check(stage.count("Update") == 0, "AWS is left alone");
        stage.until_ready("owner", "True InSync", 5.0).await;
        stage.check(stage.ready("waiting") == "False ClaimedByAnother", "it still waits");
        stage.delete("owner");
        stage.pass(20.0).await;
        stage.check(stage.enabled("G") == Some(true), "not yet taken over");
        stage.until("it takes over in the end", 120.0, || stage.enabled("G") == Some(false)).await;
    });
}

#[test]
fn a_resource_with_a_long_name_gets_events() {
    play(|stage| async move {
        let name = "n".repeat(253);
        stage.create(&name, "G", true, json!({}));
        let _operator = stage.operator();
        stage.pass(10.0).await;
        let events = stage.world.api().objects("events").count();
        stage.check(events > 0, "no event");
        let long = stage.world.api().objects("events").all(|e| e["metadata"]["name"].as_str().unwrap().len() <= 253);
        stage.check(long, "an event's name is too long for a real API server");
    });
}

#[test]
fn the_agents_of_a_group_that_is_missing_are_not_reported_as_waited_for() {
    play(|stage| async move {
        stage.create("r", "G", true, json!({}));
        let _operator = stage.operator();
        stage.until_ready("r", "False GroupNotFound", 10.0).await;
        let agents = condition(&stage.get("r"), "AgentsReporting").cloned().unwrap();
        let gone = agents["message"] == "The profiling group does not exist in AWS.";
        stage.check(gone, &agents.to_string());
    });
}

#[test]
fn a_resource_whose_target_changed_keeps_no_region_polling() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({}));
        let operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        operator.terminate();
        operator.exits_within(Duration::from_secs(5)).await;
        let other = Options { region: Some("us-east-1".into()), ..Options::default() };
        let _operator = stage.operator_with("operator", &other);
        stage.until_ready("r", "False TargetChanged", 10.0).await;
        stage.pass(300.0).await;
        let lists = stage.count("List us-east-1");
        stage.pass(600.0).await;
        stage.check(stage.count("List us-east-1") == lists, "a region is polled for nothing");
    });
}

/// Seed 3193: what was wiped from the status was forgotten with the next write, and the group adopted in another account.
#[test]
fn where_a_group_was_found_is_not_forgotten_because_the_status_was_wiped() {
    play(|stage| async move {
        stage.group("G", false);
        stage.world.aws().admin("PUT", "/groups/999988887777/eu-west-1/G", &json!({ "profilingEnabled": true }));
        stage.create("r", "G", false, json!({}));
        let operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        operator.kill();
        stage.fault(Fault::OtherAccount, 600);
        let _operator = stage.operator();
        stage.until_ready("r", "False TargetChanged", 100.0).await;
        stage.patch("r", "/status", &json!({ "status": { "arn": null, "lastApplied": null, "account": null } }));
        stage.pass(200.0).await;
        stage.check(stage.ready("r") == "False TargetChanged", "it is adopted elsewhere");
        stage.check(stage.count("Update") == 0, "AWS is left alone");
    });
}

#[test]
fn an_edit_does_not_wait_for_the_backoff_of_an_old_failure() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({}));
        let _operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        stage.fault(Fault::UpdateDenied, 300);
        stage.edit("r", json!({ "profilingEnabled": false }));
        stage.until_ready("r", "False AccessDenied", 10.0).await;
        stage.pass(300.0).await;
        stage.edit("r", json!({ "driftPolicy": "Report" }));
        stage.until("AWS follows the edit", 2.0, || stage.enabled("G") == Some(false)).await;
    });
}

#[test]
fn a_watch_that_lags_behind_our_own_writes_does_not_take_them_back() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({}));
        let _operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        stage.fault(Fault::WatchDelayed, 600);
        for round in 0..20 {
            stage.edit("r", json!({ "profilingEnabled": round % 2 == 1 }));
            stage.pass(20.0).await;
        }
        stage.check(stage.count("conflicts") == 0, &format!("{} writes over an old version", stage.count("conflicts")));
    });
}

#[test]
fn an_edit_that_waits_for_the_rate_limit_is_dropped_when_its_resource_is_suspended() {
    play(|stage| async move {
        let options = Options { calls_per_second: 1, ..Options::default() };
        let _operator = stage.operator_with("operator", &options);
        for n in 0..12 {
            stage.group(&format!("G{n}"), true);
            stage.create(&format!("r{n}"), &format!("G{n}"), true, json!({}));
        }
        stage.pass(60.0).await;
        for n in 0..12 {
            stage.edit(&format!("r{n}"), json!({ "profilingEnabled": false }));
        }
        stage.pass(1.0).await;
        for n in 0..12 {
            stage.edit(&format!("r{n}"), json!({ "suspend": true }));
        }
        stage.pass(1.0).await;
        let before = stage.count("Update");
        stage.pass(30.0).await;
        stage.check(stage.count("Update") == before, "a suspended resource is written to");
    });
}

#[test]
fn a_request_to_reconcile_is_handled_within_seconds() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({}));
        let _operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        stage.pass(20.0).await;
        stage.act(&Action::Request { namespace: NAMESPACE, name: "r".into(), token: "now".into() });
        stage.until("it is handled", 3.0, || stage.get("r")["status"]["lastHandledReconcileAt"] == "now").await;
    });
}

#[test]
fn what_was_deleted_while_the_watch_was_away_is_gone_after_the_next_list() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("owner", "G", true, json!({}));
        let operator = stage.operator();
        stage.until_ready("owner", "True InSync", 10.0).await;
        stage.create("waiting", "G", false, json!({}));
        stage.until_ready("waiting", "False ClaimedByAnother", 10.0).await;
        operator.pause();
        stage.delete("owner");
        stage.act(&Action::Compact);
        stage.pass(10.0).await;
        operator.resume();
        stage.until("the other one takes over", 120.0, || stage.enabled("G") == Some(false)).await;
    });
}
