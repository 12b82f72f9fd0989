//! AWS fails, throttles or hangs: how many calls that costs, and which other ones wait for it.

use serde_json::json;

use crate::{faults::Fault, stage::play};

/// Each read between two failed Updates once ended the pauses: the group was written to every second.
#[test]
fn an_update_that_fails_is_retried_with_growing_pauses_although_reads_succeed_in_between() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({}));
        let _operator = stage.operator();
        stage.until_ready("r", "True InSync", 10.0).await;
        stage.fault(Fault::UpdatesFail, 600);
        stage.group("G", false);
        stage.pass(600.0).await;
        let tries = stage.count("Update");
        stage.check((5..20).contains(&tries), &format!("{tries} Updates in ten minutes"));
        stage.until("it is corrected", 310.0, || stage.enabled("G") == Some(true)).await;
    });
}
