//! Stories about what is old by the time it is known: late frames and answers, reads that began before a write, what was
//! known before a pause.

use std::time::Duration;

use serde_json::json;

use crate::{faults::Fault, oracle::condition, process::Options, stage::play};

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

/// Seed 8138: the status said what was applied, but no longer where, and the edit went to whatever account there was.
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
