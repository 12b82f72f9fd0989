//! Two replicas and one Lease.

use std::time::Duration;

use serde_json::json;

use crate::{
    apiserver::Denial,
    faults::Fault,
    process::{LEASE_NAMESPACE, Options, Process},
    stage::{Stage, play},
};

fn replicas() -> Options {
    Options { elects: true, ..Options::default() }
}

/// The leader, and the replica that waits.
async fn led(stage: &Stage) -> (Process, Process) {
    stage.group("G", true);
    stage.create("r", "G", true, json!({}));
    let one = stage.operator_with("one", &replicas());
    stage.until_ready("r", "True InSync", 10.0).await;
    let other = stage.operator_with("other", &replicas());
    stage.until("the other one is ready", 10.0, || other.is_ready()).await;
    (one, other)
}

#[test]
fn the_replica_that_waits_is_ready_and_makes_no_call_and_no_write() {
    play(|stage| async move {
        let (_one, other) = led(&stage).await;
        stage.pass(300.0).await;
        let text = other.metrics();
        stage.check(text.contains("leader_election_master_status{name=\"operator\"} 0"), &text);
        stage.check(!text.contains("codeguru_profiler_resources{"), "it counts what the leader counts");
        stage.check(stage.count("List eu-west-1") <= 7, "it lists");
        stage.check(stage.count("status writes") == 1, "it writes");
    });
}

#[test]
fn after_sigterm_the_other_replica_follows_an_edit_at_once() {
    play(|stage| async move {
        let (one, _other) = led(&stage).await;
        one.terminate();
        stage.edit("r", json!({ "profilingEnabled": false }));
        stage.check(one.exits_within(Duration::from_secs(2)).await, "it ends");
        stage.check(stage.count("releases") == 1, "it releases the Lease");
        stage.until("AWS follows the edit", 2.0, || stage.enabled("G") == Some(false)).await;
        stage.until_ready("r", "True InSync", 2.0).await;
        let events = stage.world.api().objects("events").filter(|event| event["reason"] == "LeaderElected").count();
        stage.check(events == 2, &format!("{events} events for two leaders"));
    });
}

#[test]
fn after_kill_9_the_other_replica_follows_an_edit_once_the_lease_is_over() {
    play(|stage| async move {
        let (one, _other) = led(&stage).await;
        one.kill();
        stage.edit("r", json!({ "profilingEnabled": false }));
        stage.until("AWS follows the edit", 15.0 + 2.0 + 2.0, || stage.enabled("G") == Some(false)).await;
    });
}

#[test]
fn a_leader_that_was_stopped_longer_than_its_lease_does_nothing_when_it_goes_on_and_ends() {
    play(|stage| async move {
        let (one, _other) = led(&stage).await;
        one.pause();
        stage.edit("r", json!({ "profilingEnabled": false }));
        stage.until("the other one follows", 20.0, || stage.enabled("G") == Some(false)).await;
        stage.group("G", true);
        stage.pass(20.0).await;
        let before = stage.count("Update");
        one.resume();
        stage.check(one.exits_within(Duration::from_secs(5)).await && one.lost(), "it ends");
        stage.check(stage.count("Update") == before, "it writes to AWS");
    });
}

#[test]
fn an_api_server_that_is_gone_for_a_minute_ends_no_replica() {
    play(|stage| async move {
        let (one, other) = led(&stage).await;
        stage.fault(Fault::KubeUnreachable, 60);
        stage.group("G", false);
        stage.pass(60.0).await;
        stage.until("the drift is corrected", 20.0, || stage.enabled("G") == Some(true)).await;
        let ended = [&one, &other].iter().filter(|process| !process.is_running()).count();
        stage.check(ended <= 1, "at most the former leader has ended");
    });
}

#[test]
fn a_replica_that_may_not_use_leases_waits_and_begins_once_it_may() {
    play(|stage| async move {
        for verb in ["get", "create", "update"] {
            let namespace = Some(LEASE_NAMESPACE.into());
            stage.world.api().deny(Denial { verb: Some(verb), namespace, ..Denial::default() });
        }
        stage.group("G", true);
        stage.create("r", "G", false, json!({}));
        let one = stage.operator_with("one", &replicas());
        stage.pass(120.0).await;
        stage.check(one.is_running() && stage.count("Update") == 0, "it waits");
        stage.world.api().allow_all();
        stage.until_ready("r", "True InSync", 10.0).await;
    });
}

/// The one that waits knows of the edit, and not that it was taken back.
#[test]
fn what_was_taken_back_before_it_led_is_not_sent_by_a_leader_whose_watch_lags() {
    play(|stage| async move {
        stage.group("G", true);
        stage.create("r", "G", true, json!({}));
        let one = stage.operator_with("operator", &replicas());
        stage.until_ready("r", "True InSync", 10.0).await;
        let rival = stage.operator_with("rival", &replicas());
        stage.until("the rival is ready", 10.0, || rival.is_ready()).await;
        stage.fault(Fault::UpdatesFail, 30);
        stage.edit("r", json!({ "profilingEnabled": false }));
        stage.pass(5.0).await;
        stage.fault(Fault::RivalsWatchSilent, 200);
        stage.edit("r", json!({ "profilingEnabled": true }));
        stage.until_ready("r", "True InSync", 10.0).await;
        stage.pass(30.0).await;
        let before = stage.count("Update");
        one.terminate();
        stage.check(one.exits_within(Duration::from_secs(2)).await, "it ends");
        stage.pass(60.0).await;
        stage.check(stage.count("List eu-west-1") > 0 && rival.is_running(), "the rival leads");
        stage.check(stage.count("Update") == before, "it is sent");
    });
}
