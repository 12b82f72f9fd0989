//! The examples in `docs/emulator.md`, as they stand there.

use std::collections::BTreeSet;

use codeguru_profiler_emulator::{Config, Emulator};
use serde_json::{Value, json};

use crate::rig::{ACCOUNT, Rig};

/// The first block of JSON under a heading.
fn example(heading: &str) -> Value {
    let document = include_str!("../../../docs/emulator.md");
    let (_, section) = document.split_once(&format!("\n{heading}\n")).unwrap();
    let (_, block) = section.split_once("```json\n").unwrap();
    let (json, _) = block.split_once("```").unwrap();
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{heading}: {error}"))
}

#[tokio::test]
async fn trusts_rules_and_limits_are_taken_as_they_are_written() {
    let rig = Rig::start().await;
    for (heading, target) in [
        ("### Roles", "/roles/111122223333/app"),
        ("### Rules", "/rules/111122223333"),
        ("### Limits", "/limits/111122223333"),
    ] {
        let answer = rig.admin("PUT", target, example(heading)).await;
        assert_eq!(answer.status, 204, "{heading}: {}", answer.text());
    }
    rig.create("payments-1").await;
    assert_eq!(rig.update("payments-1", true).await.status, 200, "the rule is for assumed roles");
}

#[tokio::test]
async fn an_entry_of_the_journal_has_the_members_that_are_shown() {
    let rig = Rig::start().await;
    rig.create("a").await;
    let members = |entry: &Value| entry.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(members(&example("### The journal")), members(&rig.journal("").await[0]));
}

#[tokio::test]
async fn the_scenario_is_played() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("scenario.json");
    std::fs::write(&file, example("### Scenarios").to_string()).unwrap();
    let config = Config { scenario: Some(file), ..Config::default() };
    let rig = Rig { emulator: Emulator::start(config).await.unwrap() };
    assert_eq!(rig.truth("app-00499").await["agentOrchestrationConfig"], json!({"profilingEnabled": true}));
    let settings = rig.admin("GET", &format!("/settings?account={ACCOUNT}"), Value::Null).await;
    assert_eq!(settings.json()["readLagMs"], 2000);
}
