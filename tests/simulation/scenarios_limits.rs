//! AWS throttles, refuses the credentials or hangs: how many calls that costs, and which other ones wait for it.

use serde_json::json;

use crate::{
    aws::ACCOUNT,
    faults::Fault,
    process::Process,
    stage::{Stage, play},
};

fn limit(stage: &Stage, operation: &str, per_second: u32) {
    let limits = json!({ operation: { "perSecond": per_second } });
    stage.world.aws().admin("PUT", &format!("/limits/{ACCOUNT}"), &limits).unwrap();
}

/// The events about the operator's pod that are about AWS.
fn of_region(stage: &Stage) -> Vec<String> {
    stage.events("operator").into_iter().filter(|event| !event.starts_with("LeaderElected")).collect()
}

/// What `/metrics` shows of a region.
fn metric(operator: &Process, name: &str, labels: &str) -> f64 {
    let series = format!(r#"codeguru_profiler_{name}{{region="eu-west-1"{labels}}} "#);
    let text = operator.metrics();
    let value = text.lines().find_map(|line| line.strip_prefix(&series)?.parse().ok());
    value.unwrap_or_else(|| panic!("no {series} in {text}"))
}

fn calls(stage: &Stage) -> u64 {
    ["Update", "Describe", "GetCallerIdentity", "List eu-west-1"].iter().map(|what| stage.count(what)).sum()
}

/// How long an edit takes to reach AWS, in seconds.
async fn edit_takes(stage: &Stage, name: &str, enabled: bool, at_most: f64) -> f64 {
    let began = stage.world.elapsed();
    stage.edit(name, json!({ "profilingEnabled": enabled }));
    stage.until("AWS follows the edit", at_most, || stage.enabled(name) == Some(enabled)).await;
    stage.world.elapsed().saturating_sub(began).as_secs_f64()
}

#[test]
fn an_edit_is_served_within_seconds_of_the_end_of_throttling_although_200_resources_wait() {
    play(|stage| async move {
        stage.group("edited", true);
        stage.create("edited", "edited", true, json!({}));
        let operator = stage.operator();
        stage.until_ready("edited", "True InSync", 10.0).await;
        limit(&stage, "UpdateProfilingGroup", 0);
        for n in 0..200 {
            stage.group(&format!("G{n}"), true);
            stage.create(&format!("r{n}"), &format!("G{n}"), false, json!({}));
        }
        stage.pass(70.0).await;
        stage.fault(Fault::AwsThrottles, 120);
        let before = stage.count("Update");
        stage.pass(120.0).await;
        let tries = stage.count("Update") - before;
        stage.check((10..200).contains(&tries), &format!("{tries} calls in two minutes of throttling"));
        let waiting = metric(&operator, "aws_calls_waiting", r#",class="adoption""#);
        stage.check((150.0..=200.0).contains(&waiting), &format!("{waiting} adoptions wait"));
        let rate = metric(&operator, "aws_rate_limit", "");
        stage.check((1.0..5.0).contains(&rate), &format!("{rate} calls a second"));

        limit(&stage, "*", 10);
        edit_takes(&stage, "edited", false, 10.0).await;
        let served = (0..200).filter(|n| stage.enabled(&format!("G{n}")) == Some(false)).count();
        stage.check(served < 150, &format!("it did not wait for the others, of which {served} were served"));
        stage.pass(120.0).await;
        for n in 0..200 {
            stage.check(stage.ready(&format!("r{n}")) == "True InSync", "all are served");
        }
    });
}

#[test]
fn an_edit_made_while_everything_is_throttled_is_served_within_seconds_of_the_end() {
    play(|stage| async move {
        stage.group("edited", true);
        stage.create("edited", "edited", true, json!({}));
        let _operator = stage.operator();
        stage.until_ready("edited", "True InSync", 10.0).await;
        stage.fault(Fault::AwsThrottles, 120);
        stage.edit("edited", json!({ "profilingEnabled": false }));
        stage.until_ready("edited", "False Throttled", 10.0).await;
        stage.pass(110.0).await;
        stage.until("AWS follows the edit", 20.0, || stage.enabled("edited") == Some(false)).await;
    });
}

#[test]
fn expired_credentials_cost_a_handful_of_calls_a_minute_and_one_event_whatever_the_number_of_resources() {
    play(|stage| async move {
        let names: Vec<_> = (0..200).map(|n| format!("r{n}")).collect();
        for name in &names {
            stage.group(name, true);
            stage.create(name, name, true, json!({}));
        }
        let operator = stage.operator();
        stage.pass(10.0).await;
        stage.fault(Fault::CredentialsExpired, 600);
        let (calls_before, events_before) = (calls(&stage), stage.count("events"));
        for name in &names {
            stage.edit(name, json!({ "profilingEnabled": false }));
        }
        stage.pass(60.0).await;
        let at_once = calls(&stage) - calls_before;
        stage.check(at_once <= 40, &format!("{at_once} calls in the first minute"));
        for name in &names {
            stage.check(stage.ready(name) == "False CredentialsExpired", name);
        }
        stage.check(metric(&operator, "aws_circuit_open", "") > 0.5, "the circuit is open");
        stage.pass(539.0).await;
        let later = calls(&stage) - calls_before - at_once;
        stage.check(later <= 30, &format!("{later} calls in the nine minutes after that"));
        let events = of_region(&stage);
        stage.check(events.len() == 1 && events[0].starts_with("CredentialsExpired: "), &format!("{events:?}"));
        let about_resources = stage.count("events") - events_before - 1;
        stage.check(about_resources <= at_once + later, &format!("{about_resources} events about resources"));

        stage.pass(75.0).await;
        for name in &names {
            stage.check(stage.ready(name) == "True InSync" && stage.enabled(name) == Some(false), name);
        }
        let events = of_region(&stage);
        stage.check(events.len() == 2 && events.iter().any(|e| e.starts_with("Recovered: ")), &format!("{events:?}"));
    });
}

#[test]
fn updates_that_fail_while_lists_are_answered_cost_a_handful_of_calls_a_minute_and_one_event() {
    play(|stage| async move {
        let names: Vec<_> = (0..200).map(|n| format!("r{n}")).collect();
        for name in &names {
            stage.group(name, true);
            stage.create(name, name, true, json!({}));
        }
        let _operator = stage.operator();
        stage.pass(10.0).await;
        stage.fault(Fault::UpdatesFail, 600);
        let before = stage.count("Update");
        for name in &names {
            stage.edit(name, json!({ "profilingEnabled": false }));
        }
        stage.pass(599.0).await;
        let tries = stage.count("Update") - before;
        stage.check(tries <= 60, &format!("{tries} Updates in ten minutes"));
        let events = of_region(&stage);
        stage.check(events.len() == 1, &format!("{events:?}"));
        stage.pass(70.0).await;
        for name in &names {
            stage.check(stage.enabled(name) == Some(false), name);
        }
    });
}

#[test]
fn an_edit_that_waits_for_the_circuit_and_is_taken_back_meanwhile_is_not_sent() {
    play(|stage| async move {
        let names: Vec<_> = (0..10).map(|n| format!("r{n}")).collect();
        for name in &names {
            stage.group(name, true);
            stage.create(name, name, true, json!({}));
        }
        let _operator = stage.operator();
        stage.pass(10.0).await;
        stage.fault(Fault::CredentialsExpired, 120);
        for name in &names {
            stage.edit(name, json!({ "profilingEnabled": false }));
        }
        stage.pass(60.0).await;
        stage.fault(Fault::WatchSilent, 240);
        for name in &names {
            stage.edit(name, json!({ "profilingEnabled": true }));
        }
        stage.pass(200.0).await;
        for name in &names {
            stage.check(!stage.carried_out(name, false), "an edit that was taken back is applied");
        }
    });
}

#[test]
fn regions_that_hang_delay_no_edit_in_another_one() {
    play(|stage| async move {
        stage.group("edited", true);
        stage.create("edited", "edited", true, json!({}));
        let hung = ["us-east-1", "us-west-2", "eu-north-1", "ap-south-1"];
        for region in hung {
            for n in 0..30 {
                let name = format!("{region}-{n}");
                stage.world.aws().put(region, &name, &json!({ "profilingEnabled": true }));
                stage.create(&name, &name, true, json!({ "region": region }));
            }
        }
        let _operator = stage.operator();
        stage.pass(10.0).await;
        let usual = edit_takes(&stage, "edited", false, 1.0).await;
        stage.fault(Fault::OtherRegionsHang, 600);
        for region in hung {
            for n in 0..30 {
                stage.edit(&format!("{region}-{n}"), json!({ "profilingEnabled": false }));
            }
        }
        for round in 0..60 {
            let took = edit_takes(&stage, "edited", round % 2 == 0, 1.0).await;
            stage.check(took <= usual + 0.3, &format!("round {round}: {took} s instead of {usual} s"));
            stage.pass(9.0).await;
        }
        stage.world.faults().end_all();
        stage.pass(75.0).await;
        for region in hung {
            for n in 0..30 {
                let name = format!("{region}-{n}");
                stage.check(stage.world.aws().enabled(region, &name) == Some(false), &format!("{name} follows"));
            }
        }
    });
}

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
