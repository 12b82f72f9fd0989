//! Flux's rules for conditions once more, for tests that judge more statuses than a program could be run for. Pure.
//!
//! `tests/flux.rs` holds every combination against Flux itself, message by message. The names are Flux's own; "ready" is Flux's `IsReady`.

use serde_json::Value;

use super::Stage;
use crate::kstatus::{conditions, text};

/// Conditions that mean something bad when they are True.
const NEGATIVE: [&str; 2] = ["Reconciling", "Stalled"];

type Rule = fn(&Judged<'_>) -> Option<String>;

const IN_PROGRESS: [Rule; 8] = [fail_0002, fail_0004, fail_0005, fail_0006, fail_0011, warn_0003, warn_0004, warn_0005];

/// Not WARN0002, which is about negative conditions beside these two.
const FINAL: [Rule; 13] = [
    fail_0001, fail_0002, fail_0003, fail_0004, fail_0005, fail_0006, fail_0007, fail_0008, fail_0009, warn_0001,
    warn_0003, warn_0004, warn_0005,
];

/// The rules that an object breaks at this stage, failures before warnings.
#[must_use]
pub fn broken(object: &Value, stage: Stage) -> Vec<String> {
    let judged = Judged::of(object);
    let rules = match stage {
        Stage::InProgress => &IN_PROGRESS[..],
        Stage::Final => &FINAL[..],
    };
    rules.iter().filter_map(|rule| rule(&judged)).collect()
}

/// What the rules look at.
struct Judged<'a> {
    generation: i64,
    observed: i64,
    conditions: Vec<Condition<'a>>,
}

struct Condition<'a> {
    kind: &'a str,
    status: &'a str,
    observed: i64,
}

impl<'a> Judged<'a> {
    fn of(object: &'a Value) -> Self {
        let number = |value: &Value| value.as_i64().unwrap_or_default();
        let condition = |value: &'a Value| Condition {
            kind: text(value, "type"),
            status: text(value, "status"),
            observed: number(&value["observedGeneration"]),
        };
        Self {
            generation: number(&object["metadata"]["generation"]),
            observed: number(&object["status"]["observedGeneration"]),
            conditions: conditions(object).iter().map(condition).collect(),
        }
    }

    fn status(&self, kind: &str) -> Option<&str> {
        self.conditions.iter().find(|condition| condition.kind == kind).map(|condition| condition.status)
    }

    fn is_true(&self, kind: &str) -> bool {
        self.status(kind) == Some("True")
    }

    /// A negative condition counts unless the other one is True, too.
    fn is_ready(&self) -> bool {
        let [reconciling, stalled] = NEGATIVE.map(|kind| self.is_true(kind));
        reconciling == stalled && self.is_true("Ready")
    }

    /// Whether this one is True while there is a Ready that is not False.
    fn is_beside_ready(&self, kind: &str) -> bool {
        self.is_true(kind) && self.status("Ready").is_some_and(|status| status != "False")
    }

    /// The types of the conditions that are like this, in Go's notation.
    fn which(&self, like: impl Fn(&Condition<'_>) -> bool) -> Option<String> {
        let kinds: Vec<_> = self.conditions.iter().filter(|it| like(it)).map(|condition| condition.kind).collect();
        (!kinds.is_empty()).then(|| format!("[{}]", kinds.join(" ")))
    }
}

fn fail_0001(it: &Judged<'_>) -> Option<String> {
    let bad = it.which(|condition| NEGATIVE.contains(&condition.kind) && condition.status == "True")?;
    let message = format!("Negative polarity condition cannot be True when Ready condition is True: {bad}");
    it.is_true("Ready").then_some(message)
}

fn fail_0002(it: &Judged<'_>) -> Option<String> {
    it.status("Ready").is_none().then(|| "Ready condition must always be present".to_owned())
}

fn fail_0003(it: &Judged<'_>) -> Option<String> {
    let message = "Ready condition must be False when Reconciling condition is True";
    it.is_beside_ready("Reconciling").then(|| message.to_owned())
}

fn fail_0004(it: &Judged<'_>) -> Option<String> {
    let message = "Ready condition must be False when Stalled condition is True";
    it.is_beside_ready("Stalled").then(|| message.to_owned())
}

fn fail_0005(it: &Judged<'_>) -> Option<String> {
    let message = "Only one of Reconciling condition or Stalled condition must be present at a time";
    NEGATIVE.iter().all(|kind| it.status(kind).is_some()).then(|| message.to_owned())
}

fn fail_0006(it: &Judged<'_>) -> Option<String> {
    let message = "The ObservedGeneration must be less than or equal to the object Generation";
    (it.observed > it.generation).then(|| message.to_owned())
}

fn fail_0007(it: &Judged<'_>) -> Option<String> {
    let message = "Ready condition must be False when the ObservedGeneration is less than the object Generation";
    (it.observed < it.generation && it.is_ready()).then(|| message.to_owned())
}

fn fail_0008(it: &Judged<'_>) -> Option<String> {
    let older = it.which(|condition| condition.observed < it.generation)?;
    let message = format!(
        "Ready condition must be False when any of the status condition's ObservedGeneration is less than the object \
         Generation: {older}"
    );
    it.is_ready().then_some(message)
}

fn fail_0009(it: &Judged<'_>) -> Option<String> {
    let other = it.which(|condition| condition.observed != it.observed)?;
    let message = format!(
        "The status conditions' ObservedGenerations must be equal to the root ObservedGeneration when Ready condition is \
         True: {other}"
    );
    it.is_ready().then_some(message)
}

/// Flux takes a Ready that is missing for Unknown.
fn fail_0011(it: &Judged<'_>) -> Option<String> {
    let unknown = it.status("Ready").is_none_or(|status| status == "Unknown");
    let message = "A mid-reconciliation patched status must have Reconciling=True when Ready=Unknown";
    (unknown && !it.is_true("Reconciling")).then(|| message.to_owned())
}

fn warn_0001(it: &Judged<'_>) -> Option<String> {
    let present: Vec<_> = NEGATIVE.into_iter().filter(|kind| it.status(kind).is_some()).collect();
    let message = format!("Negative polarity condition present when Ready condition is True: [{}]", present.join(" "));
    (it.is_true("Ready") && !present.is_empty()).then_some(message)
}

fn warn_0003(it: &Judged<'_>) -> Option<String> {
    let message = "Reconciling condition can be removed when its value is False";
    (it.status("Reconciling") == Some("False")).then(|| message.to_owned())
}

fn warn_0004(it: &Judged<'_>) -> Option<String> {
    let message = "Stalled condition can be removed when its value is False";
    (it.status("Stalled") == Some("False")).then(|| message.to_owned())
}

fn warn_0005(it: &Judged<'_>) -> Option<String> {
    let missing = it.which(|condition| condition.observed < 1)?;
    Some(format!("Missing ObservedGeneration from status condition: {missing}"))
}
