//! Stories about what is old by the time it is known: late frames and answers, reads that began before a write, what was
//! known before a pause.

use std::time::Duration;

use serde_json::json;

use crate::{
    faults::Fault,
    oracle::condition,
    process::Options,
    schedule::Action,
    stage::{NAMESPACE, Stage, play},
};

/// Makes a group and a resource for each name, all in sync with profiling on.
async fn in_sync(stage: &Stage, names: &[String]) {
    for name in names {
        stage.group(name, true);
        stage.create(name, name, true, json!({}));
    }
    for name in names {
        stage.until_ready(name, "True InSync", 10.0).await;
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("r{n}")).collect()
}

fn request(stage: &Stage, name: &str, token: String) {
    stage.act(&Action::Request { namespace: NAMESPACE, name: name.into(), token });
}

#[test]
fn a_frame_that_comes_after_a_newer_answer_is_no_news() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({ "managementPolicy": "Observe" }));
        let _operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        stage.fault(Fault::WatchSilent, 200);
        stage.patch("r", "", &json!({ "metadata": { "labels": { "a": "b" } } }));
        stage.group("G", false);
        stage.until_ready("r", "True Observed", 70.0).await;
        stage.group("G", true);
        stage.until_ready("r", "True InSync", 70.0).await;
        // Now the frames come, one after the other.
        let before = stage.count("conflicts");
        stage.pass(200.0).await;
        stage.check(stage.count("conflicts") == before, "a status is written over an old version");
    });
}

#[test]
fn an_answer_that_comes_after_a_newer_frame_does_not_bring_the_old_spec_back() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({}));
        let _operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        stage.pass(1.0).await;
        stage.fault(Fault::KubeAnswersLate, 5);
        stage.edit("r", json!({ "profilingEnabled": false }));
        stage.until("AWS follows the edit", 3.0, || stage.enabled("G") == Some(false)).await;
        // The answer to the status write is under way.
        stage.pass(0.5).await;
        stage.edit("r", json!({ "profilingEnabled": true }));
        stage.until("AWS follows the edit", 3.0, || stage.enabled("G") == Some(true)).await;
        stage.pass(60.0).await;
        stage.check(stage.count("Update") == 2, &format!("{} Updates for two edits", stage.count("Update")));
        stage.check(stage.ready("r") == "True InSync", "the status is current");
    });
}

#[test]
fn a_list_that_began_before_an_update_does_not_make_it_drift() {
    play(|stage| async move {
        let _operator = stage.operator();
        let names = names(8);
        in_sync(&stage, &names).await;
        for round in 1..=10 {
            stage.fault(Fault::AwsReadsLate, 20);
            request(&stage, "r0", round.to_string());
            stage.pass(1.2).await;
            // The List has read what was before, and is under way.
            stage.fault(Fault::AwsAnswersLost, 1);
            for enabled in [false, true] {
                for name in &names {
                    stage.edit(name, json!({ "profilingEnabled": enabled }));
                }
                stage.pass(0.4).await;
            }
            stage.pass(60.0).await;
            for name in &names {
                let drift = stage.get(name)["status"]["drift"].clone();
                stage.check(drift.is_null(), &format!("the operator's own change of {name} is called drift: {drift}"));
                stage.check(stage.ready(name) == "True InSync", &format!("{name} is in sync"));
            }
        }
    });
}

#[test]
fn a_region_that_was_not_needed_for_a_while_is_read_again_before_anything_is_reported() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({}));
        let _operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        stage.delete("r");
        stage.pass(130.0).await;
        stage.group("G", false);
        stage.fault(Fault::AwsHangs, 60);
        stage.create("r", "G", true, json!({}));
        stage.pass(50.0).await;
        stage.check(stage.ready("r") != "True InSync", "it is reported as it was before");
        stage.check(stage.count("connected") == 2, "the lane has ended and begun again");
        stage.until_ready("r", "True InSync", 90.0).await;
        stage.check(stage.enabled("G") == Some(true), "it is adopted");
    });
}

#[test]
fn what_an_outage_of_aws_left_unconfirmed_is_confirmed_by_the_first_list_after_it() {
    play(|stage| async move {
        let _operator = stage.operator();
        let names = names(3);
        in_sync(&stage, &names).await;
        let synced = |name: &str, member: &str| condition(&stage.get(name), "Synced").unwrap()[member].clone();
        stage.fault(Fault::AwsFails, 900);
        stage.pass(890.0).await;
        stage.check(names.iter().all(|name| synced(name, "reason") == "InventoryStale"), "all are unconfirmed");
        let listed = || stage.events("operator").iter().any(|event| event.contains("AWS answers again"));
        stage.until("AWS is listed again", 80.0, listed).await;
        let all = || names.iter().all(|name| synced(name, "status") == "True");
        stage.until("all are confirmed", 1.0, all).await;
    });
}

/// Seed 2210: nothing had changed in AWS meanwhile, so the first List was news for nobody.
#[test]
fn what_became_unconfirmed_while_the_process_was_stopped_is_confirmed_by_the_next_list() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({}));
        let operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        stage.pass(60.0).await;
        operator.pause();
        stage.pass(600.0).await;
        operator.resume();
        let synced = |member: &str| condition(&stage.get("r"), "Synced").unwrap()[member].clone();
        stage.until("it is unconfirmed", 5.0, || synced("reason") == "InventoryStale").await;
        stage.until("it is confirmed", 5.0, || synced("status") == "True").await;
    });
}

#[test]
fn a_status_is_current_though_another_client_has_written_and_the_watch_is_silent() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({ "managementPolicy": "Observe" }));
        let _operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        stage.fault(Fault::WatchSilent, 280);
        stage.patch("r", "", &json!({ "metadata": { "labels": { "a": "b" } } }));
        stage.group("G", false);
        stage.until_ready("r", "True Observed", 70.0).await;
    });
}

/// Seed 8138: the status reported what was applied, but no longer where, and the edit went to whatever account there was.
#[test]
fn an_edit_waits_until_the_account_is_verified_though_the_arn_was_removed_from_the_status() {
    play(|stage| async move {
        stage.group("G", true);
        stage.world.aws().admin("PUT", "/groups/999988887777/eu-west-1/G", &json!({ "profilingEnabled": true }));
        stage.create("r", "G", true, json!({}));
        let operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        operator.terminate();
        operator.exits_within(Duration::from_secs(5)).await;
        stage.patch("r", "/status", &json!({ "status": { "arn": null } }));
        stage.edit("r", json!({ "profilingEnabled": false }));
        stage.fault(Fault::OtherAccount, 300);
        let _operator = stage.operator_with("operator", &Options::default());
        stage.until_ready("r", "False TargetChanged", 100.0).await;
        stage.check(stage.count("Update") == 0, "an Update went to an account that was not verified");
    });
}
