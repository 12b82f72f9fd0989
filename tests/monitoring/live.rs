//! A real Prometheus scrapes a real operator that meets all kinds of trouble: the dashboard has data, the rules are evaluated, and
//! the documentation names what is scraped.

use std::{collections::BTreeMap, time::Duration};

use devkit::operator::Operator;
use serde_json::{Value, json};

use crate::{
    prometheus::Prometheus,
    shipped,
    world::{REGION, World},
};

const UPDATE: &str = "UpdateProfilingGroup";

fn error(code: &str, status: u16) -> Value {
    json!({ "type": "error", "code": code, "status": status, "message": "no" })
}

/// Resources in every kind of state: edited, drifted, throttled, denied, missing, with agents that report, are silent and disobey.
async fn trouble(world: &World) {
    let (long_ago, not_yet) = ("2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z");
    for (group, on, reported) in [("fine", true, not_yet), ("silent", true, long_ago), ("disobeying", false, not_yet)] {
        let agents = json!({
            "profilingEnabled": on, "latestAgentOrchestratedAt": reported, "latestAgentProfileReportedAt": reported,
        });
        world.aws.put_group(REGION, group, agents).await.unwrap();
        world.create(group, on, json!({})).await;
    }
    for group in ["edited", "drifting", "throttled", "denied"] {
        world.flip(group, true).await;
        world.create(group, true, json!({})).await;
    }
    world.create("missing", true, json!({})).await;
    refuse_a_role(world, "refused").await;
    world.create("refused", true, json!({ "accountRef": { "name": "refused" } })).await;
    for group in ["fine", "silent", "disobeying", "edited", "drifting", "throttled", "denied"] {
        world.condition(group, "Ready", "True", "InSync").await;
    }

    let throttled =
        json!({ "operation": UPDATE, "group": "throttled", "count": 2, "effect": error("ThrottlingException", 429) });
    let denied = json!({ "operation": UPDATE, "group": "denied", "effect": error("AccessDeniedException", 403) });
    world.aws.fault(throttled).await.unwrap();
    world.aws.fault(denied).await.unwrap();
    for group in ["edited", "throttled", "denied"] {
        world.patch(group, json!({ "spec": { "profilingEnabled": false } })).await;
    }
    world.flip("drifting", false).await;
    world.until("drifting", "a correction", |it| it["status"]["drift"]["corrections"] == 1).await;
    world.condition("denied", "Stalled", "True", "AccessDenied").await;
    world.condition("missing", "Stalled", "True", "GroupNotFound").await;
    world.condition("refused", "Stalled", "True", "AccountNotReady").await;
    world.condition("throttled", "Ready", "True", "InSync").await;
    world.condition("silent", "AgentsReporting", "False", "AgentsSilent").await;
    world.condition("disobeying", "AgentsReporting", "False", "ReportsAlthoughOff").await;
}

/// A ProfilerAccount with a role that trusts somebody else.
async fn refuse_a_role(world: &World, name: &str) {
    let account = world.emulator.account("444455556666");
    let trust = json!({ "assumeRole": { "principals": ["arn:aws:iam::777788889999:role/other"] } });
    account.trust("profiler", trust).await.unwrap();
    let account = json!({
        "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilerAccount", "metadata": { "name": name },
        "spec": { "roleArn": "arn:aws:iam::444455556666:role/profiler", "namespaces": [world.namespace] },
    });
    world.plane.apply(&account.to_string()).await.unwrap();
}

/// Somebody who edits a resource every second: without new requests, a query about the last minute has no answer.
async fn edits(world: &World) -> ! {
    let mut every = tokio::time::interval(Duration::from_secs(1));
    let mut enabled = true;
    loop {
        every.tick().await;
        world.patch("edited", json!({ "spec": { "profilingEnabled": enabled } })).await;
        enabled = !enabled;
    }
}

/// Every question has an answer, and so has every recorded series.
async fn answers(world: &World, prometheus: &Prometheus, questions: &[String], recorded: &[String]) {
    for question in questions.iter().chain(recorded) {
        world
            .eventually(&format!("an answer to {question}"), async || {
                (!prometheus.ask(question).await.is_empty()).then_some(())
            })
            .await;
    }
}

/// What Grafana would query, without the 0 that a panel shows where there is no answer: a query with a wrong name would be answered, too.
fn questions() -> Vec<String> {
    let panels = shipped::panels();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let filled = |question: &str| {
        [("$namespace", "ops"), ("$region", REGION), ("$__rate_interval", "1m")]
            .into_iter()
            .fold(question.to_owned(), |question, (variable, value)| question.replace(variable, value))
    };
    targets.map(|target| filled(target["expr"].as_str().unwrap().trim_end_matches(" or vector(0)"))).collect()
}

#[tokio::test]
async fn the_dashboard_has_data_the_rules_are_evaluated_and_a_lost_operator_is_missed() {
    let world = World::new().await;
    let operator = world
        .operator()
        .await
        .flag("--agent-stale-after", "1s")
        .flag("--leader-election", "true")
        .start()
        .await
        .unwrap();
    let prometheus = Prometheus::start(&world.plane, &operator).await;
    let evaluated = async || {
        let rules = prometheus.rules().await;
        rules.iter().all(|rule| rule["health"] == "ok").then_some(rules.len())
    };
    world.eventually("every rule is evaluated without an error", &evaluated).await;
    trouble(&world).await;

    let questions = questions();
    for question in &questions {
        assert!(!question.contains('$') && !question.contains("vector("), "{question}");
    }
    let recorded: Vec<String> =
        shipped::rules().iter().filter_map(|rule| Some(rule["record"].as_str()?.to_owned())).collect();
    tokio::select! {
        () = answers(&world, &prometheus, &questions, &recorded) => {}
        () = async { edits(&world).await } => {}
    }
    let raised = ["Stalled", "AccessDenied", "AccountNotReady", "AgentsSilent", "AgentsDisobey"]
        .map(|name| format!("CodeGuruProfiler{name}"));
    for alert in &raised {
        world
            .eventually(&format!("{alert} is pending"), async || {
                (prometheus.alert(alert).await == "pending").then_some(())
            })
            .await;
    }
    let rules = world.eventually("every rule is still evaluated without an error", &evaluated).await;
    assert_eq!(rules, shipped::rules().len());
    for quiet in ["OperatorAbsent", "InventoryStale", "ReconcilePanics", "CredentialsRefused"] {
        assert_eq!(prometheus.alert(&format!("CodeGuruProfiler{quiet}")).await, "inactive", "{quiet}");
    }
    names_are_documented(&operator).await;

    operator.stop_gracefully().await.unwrap();
    world
        .eventually("the operator is missed", async || {
            (prometheus.alert("CodeGuruProfilerOperatorAbsent").await == "pending").then_some(())
        })
        .await;
    println!(
        "{} panels with {} queries, all with data; {rules} rules evaluated, {} of them recording, {} alerts seen pending",
        shipped::panels().len(),
        questions.len(),
        recorded.len(),
        raised.len() + 1,
    );
    world.judge().await;
}

/// `docs/metrics.md` names exactly the families that are scraped, with their types.
async fn names_are_documented(operator: &Operator) {
    let scraped = operator.metrics().await.unwrap();
    let types = scraped.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let types = types.map(|(name, kind)| {
        let suffix = match kind {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        (format!("{name}{suffix}"), kind.to_owned())
    });
    let document = std::fs::read_to_string(devkit::paths::workspace().join("docs/metrics.md")).unwrap();
    let documented = document.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        Some((cells.next()?.trim_end_matches('`').to_owned(), cells.next()?.to_owned()))
    });
    assert_eq!(documented.collect::<BTreeMap<_, _>>(), types.collect::<BTreeMap<_, _>>());
}
