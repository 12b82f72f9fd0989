//! What resources at rest cost in a day.

use std::time::Duration;

use serde_json::json;

use crate::{
    aws::ACCOUNT,
    process::Options,
    stage::{Stage, play},
};

/// Calls about groups, beside the Lists that serve all of them.
const CALLS: [&str; 11] = [
    "Describe",
    "ListTags",
    "GetPolicy",
    "GetNotificationConfiguration",
    "Update",
    "Create",
    "Delete",
    "changes of tags",
    "PutPermission",
    "AddNotificationChannels",
    "GetCallerIdentity",
];
const DAY: f64 = 86_400.0;

/// A fleet of ten under the defaults of the flags; returns the Lists, the other calls and the status writes of its first whole day.
async fn day(stage: &Stage, spec: serde_json::Value, options: Options) -> (u64, u64, u64) {
    for number in 0..10 {
        let name = format!("r{number}");
        stage.group(&name, true);
        stage.create(&name, &name, true, spec.clone());
    }
    let options = Options { details_interval: Duration::from_mins(10), ..options };
    let _operator = stage.operator_with("operator", &options);
    for number in 0..10 {
        stage.until_ready(&format!("r{number}"), "True InSync", 60.0).await;
    }
    let so_far = || {
        let calls = CALLS.iter().map(|call| stage.count(call)).sum();
        (stage.count("List eu-west-1"), calls, stage.count("status writes"))
    };
    let before = so_far();
    stage.pass(DAY).await;
    let after: (u64, u64, u64) = so_far();
    (after.0 - before.0, after.1 - before.1, after.2 - before.2)
}

#[test]
fn a_day_of_resources_with_the_switch_alone_costs_the_lists_and_nothing_else() {
    play(|stage| async move {
        let (lists, calls, writes) = day(&stage, json!({}), Options::default()).await;
        stage.check((1400..1500).contains(&lists), &format!("{lists} Lists"));
        stage.check((calls, writes) == (0, 0), &format!("{calls} calls, {writes} writes"));
    });
}

#[test]
fn a_day_of_resources_with_every_facet_costs_two_reads_each_interval() {
    play(|stage| async move {
        let spec = json!({
            "creationPolicy": "IfMissing", "deletionPolicy": "Delete", "computePlatform": "Default", "tags": { "team": "shop" },
            "agentPermissions": { "principals": [format!("arn:aws:iam::{ACCOUNT}:role/agent")] },
            "anomalyNotifications": [{ "topicArn": format!("arn:aws:sns:eu-west-1:{ACCOUNT}:anomalies") }],
        });
        let options = Options { marks: true, ..Options::default() };
        let (lists, calls, writes) = day(&stage, spec, options).await;
        stage.check((1400..1500).contains(&lists), &format!("{lists} Lists"));
        // Two each ten minutes, within a tenth.
        let of_each = calls / 10;
        stage.check((262..=320).contains(&of_each), &format!("{of_each} calls of each"));
        // When they were read is reported once in fifteen minutes.
        stage.check(writes <= 10 * 97, &format!("{writes} writes"));
        println!("in a day: {lists} Lists, {of_each} calls and {} status writes of each", writes / 10);
    });
}
