//! Stories about what is old by the time it is known: late frames and answers, reads that began before a write, what was
//! known before a pause.

use serde_json::json;

use crate::{oracle::condition, stage::play};

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
