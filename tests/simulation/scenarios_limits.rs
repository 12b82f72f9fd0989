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

/// What `/metrics` shows of a region.
fn metric(operator: &Process, name: &str, labels: &str) -> f64 {
    let series = format!(r#"codeguru_profiler_{name}{{region="eu-west-1"{labels}}} "#);
    let text = operator.metrics();
    let value = text.lines().find_map(|line| line.strip_prefix(&series)?.parse().ok());
    value.unwrap_or_else(|| panic!("no {series} in {text}"))
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
