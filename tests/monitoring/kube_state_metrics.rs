//! The real kube-state-metrics with the configuration that is shipped, beside a real operator.

use devkit::kube_state_metrics::KubeStateMetrics;
use serde_json::json;

use crate::{
    shipped,
    world::{REGION, World},
};

#[tokio::test]
async fn kube_state_metrics_has_of_each_resource_what_its_status_reports() {
    let world = World::new().await;
    let _operator = world.start().await;
    let reported = json!({ "profilingEnabled": true, "latestAgentProfileReportedAt": "2099-01-01T00:00:00Z" });
    world.aws.put_group(REGION, "well", reported).await.unwrap();
    world.flip("resting", false).await;
    world.create("well", true, json!({})).await;
    world.create("resting", true, json!({ "suspend": true })).await;
    world.create("missing", true, json!({})).await;
    world.condition("well", "Ready", "True", "InSync").await;
    world.condition("resting", "Ready", "True", "Suspended").await;
    world.condition("missing", "Stalled", "True", "GroupNotFound").await;

    let configuration = shipped::path("kube-state-metrics.yaml");
    let told = KubeStateMetrics::start(world.plane.kubeconfig(), &configuration, &world.namespace).await.unwrap();
    let has = async |series: &str, name: &str, parts: &[&str], value: &str| {
        let what = format!("{series} of {name} with {parts:?} and {value}");
        world
            .eventually(&what, async || {
                let metrics = told.metrics().await.unwrap();
                let mut lines = metrics.lines().filter(|line| line.starts_with(&format!("{series}{{")));
                lines.find(|line| {
                    line.contains(&format!(r#",name="{name}","#))
                        && parts.iter().all(|part| line.contains(part))
                        && line.ends_with(&format!(" {value}"))
                })?;
                Some(())
            })
            .await;
    };
    let info = "codeguru_profiler_group_info";
    let well = [
        r#"group="well""#,
        r#"ready="True""#,
        r#"reason="InSync""#,
        r#"synced="True""#,
        r#"agents_reporting="True""#,
        r#"region="eu-west-1""#,
        r#"account="111122223333""#,
    ];
    has(info, "well", &well, "1").await;
    has(info, "resting", &[r#"suspended="true""#, r#"reason="Suspended""#], "1").await;
    has(info, "missing", &[r#"stalled="True""#, r#"ready="False""#, r#"reason="GroupNotFound""#], "1").await;
    has("codeguru_profiler_group_enabled", "well", &[], "1").await;
    has("codeguru_profiler_group_desired_enabled", "missing", &[], "1").await;
    has("codeguru_profiler_group_last_profile_timestamp_seconds", "well", &[], "4.0709088e+09").await;
    has("codeguru_profiler_group_drift_corrections", "resting", &[], "0").await;
    // In Go's log an error's line begins with E.
    assert!(!told.logs().lines().any(|line| line.starts_with('E')), "{}", told.logs());
    world.judge().await;
}
