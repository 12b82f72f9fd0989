//! Flux itself, beside our copy of its rules and on what the stories recorded.
#![allow(clippy::unwrap_used)] // In what the tests share too.

use devkit::flux::{self, Stage, rules};
use devkit::{kstatus, phase};
use serde_json::{Value, json};

const STATUSES: [Option<&str>; 4] = [None, Some("True"), Some("False"), Some("Unknown")];

/// Every combination of the statuses of three conditions, in two orders and beside a fourth one, of generations and of deletion.
fn combinations() -> Vec<Value> {
    let generations = [None, Some(-1), Some(0), Some(1), Some(2), Some(3)];
    let mut objects = Vec::new();
    for [ready, reconciling, stalled] in triples(STATUSES) {
        for observed in generations {
            for (own, other) in
                [(None, None), (Some(1), Some(1)), (Some(2), Some(2)), (Some(2), Some(1)), (Some(1), Some(2))]
            {
                for turned in [false, true] {
                    let kinds = [
                        ("Ready", ready),
                        ("Reconciling", reconciling),
                        ("Stalled", stalled),
                        ("Synced", Some("True")),
                    ];
                    let mut conditions: Vec<Value> = kinds
                        .into_iter()
                        .filter_map(|(kind, status)| Some((kind, status?)))
                        .enumerate()
                        .map(|(place, (kind, status))| condition(kind, status, if place == 0 { own } else { other }))
                        .collect();
                    if turned {
                        conditions.reverse();
                    }
                    objects.push(object(observed, &conditions));
                }
            }
        }
    }
    let mut deleted = object(Some(2), &[condition("Ready", "True", Some(2))]);
    deleted["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    objects.push(deleted);
    objects
}

fn triples<T: Copy, const N: usize>(values: [T; N]) -> impl Iterator<Item = [T; 3]> {
    values.into_iter().flat_map(move |a| values.into_iter().flat_map(move |b| values.map(|c| [a, b, c])))
}

fn condition(kind: &str, status: &str, observed: Option<i64>) -> Value {
    let mut condition =
        json!({ "type": kind, "status": status, "reason": "R", "message": format!("{kind} is {status}") });
    if let Some(observed) = observed {
        condition["observedGeneration"] = json!(observed);
    }
    condition
}

fn object(observed: Option<i64>, conditions: &[Value]) -> Value {
    let mut status = json!({ "conditions": conditions });
    if let Some(observed) = observed {
        status["observedGeneration"] = json!(observed);
    }
    json!({
        "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilingGroup",
        "metadata": { "name": "a", "namespace": "story", "generation": 2 }, "status": status,
    })
}

#[tokio::test]
async fn our_copies_of_kstatus_and_of_the_rules_agree_with_flux() {
    let objects = combinations();
    let documents: Vec<String> = objects.iter().map(Value::to_string).collect();
    let verdicts = flux::judge(&documents).await.unwrap();
    let mut broken = 0;
    for (object, verdict) in objects.iter().zip(&verdicts) {
        for stage in [Stage::InProgress, Stage::Final] {
            assert_eq!(rules::broken(object, stage), verdict.broken(stage), "{stage:?} {object}");
            broken += verdict.broken(stage).len();
        }
        let (word, message) = kstatus::compute(object);
        assert_eq!(format!("{word:?}"), verdict.status, "{object}");
        // Of deletions and generations kstatus has sentences of its own.
        if object["metadata"]["generation"] == object["status"]["observedGeneration"] && verdict.status != "Terminating"
        {
            assert_eq!(message, verdict.message, "{object}");
        }
    }
    assert!(broken > objects.len(), "{broken} of {}", objects.len());
}

#[tokio::test]
async fn no_phase_that_the_stories_recorded_breaks_a_rule_of_flux() {
    let examples: Vec<_> = phase::examples().unwrap().into_values().collect();
    let documents: Vec<_> = examples.iter().map(|example| example.yaml.as_str()).collect();
    let verdicts = flux::judge(&documents).await.unwrap();
    for (example, verdict) in examples.iter().zip(&verdicts) {
        let Some(stage) = Stage::of(&example.object) else { continue };
        assert_eq!(verdict.broken(stage), [] as [&str; 0], "{} as {stage:?}", example.phase);
    }
    let judged = examples.iter().filter(|example| Stage::of(&example.object) == Some(Stage::Final)).count();
    assert!(judged > examples.len() / 2, "{judged} of {}", examples.len());
}
