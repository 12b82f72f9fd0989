//! Flux's rules for conditions, as pure functions over one stored version of an object.
//!
//! The numbers are Flux's own. "Ready" here means that the condition `Ready` is True.

use serde_json::Value;

use crate::kstatus::{conditions, find, text};

/// Conditions that say something bad when they are True.
const NEGATIVE: [&str; 2] = ["Reconciling", "Stalled"];

/// A rule that a version of an object breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Flux's name of the rule.
    pub rule: &'static str,
    /// What it says, and what broke it.
    pub message: String,
}

type Check = fn(&Value) -> Option<String>;

/// Those that hold for every stored version.
const ALWAYS: [(&str, Check); 5] = [
    ("FAIL0002", ready_is_present),
    ("FAIL0004", stalled_is_not_ready),
    ("FAIL0005", never_reconciling_and_stalled),
    ("FAIL0006", observed_is_not_ahead),
    ("FAIL0011", unknown_is_reconciling),
];

/// Those that hold once nothing moves any more.
const AT_REST: [(&str, Check); 5] = [
    ("FAIL0001", ready_has_nothing_negative),
    ("FAIL0003", reconciling_is_not_ready),
    ("FAIL0007", ready_is_of_this_generation),
    ("FAIL0008", ready_has_no_stale_condition),
    ("FAIL0009", conditions_are_of_the_observed_generation),
];

/// The rules that this version breaks, of those that hold at any time.
#[must_use]
pub fn always(object: &Value) -> Vec<Finding> {
    broken(&ALWAYS, object)
}

/// The rules that this version breaks, of those that hold for a final state.
#[must_use]
pub fn at_rest(object: &Value) -> Vec<Finding> {
    broken(&AT_REST, object)
}

fn broken(checks: &[(&'static str, Check)], object: &Value) -> Vec<Finding> {
    let finding = |&(rule, check): &(&'static str, Check)| check(object).map(|message| Finding { rule, message });
    checks.iter().filter_map(finding).collect()
}

fn status<'a>(object: &'a Value, kind: &str) -> &'a str {
    find(object, kind).map_or("", |condition| text(condition, "status"))
}

fn ready(object: &Value) -> bool {
    status(object, "Ready") == "True"
}

fn generation(object: &Value) -> i64 {
    object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or_default()
}

fn observed(object: &Value) -> i64 {
    object.pointer("/status/observedGeneration").and_then(Value::as_i64).unwrap_or_default()
}

/// The types of the conditions whose own generation is not as it should be.
fn conditions_with(object: &Value, wrong: impl Fn(i64) -> bool) -> Option<String> {
    let own = |condition: &Value| condition["observedGeneration"].as_i64().unwrap_or_default();
    let kinds: Vec<_> = conditions(object)
        .iter()
        .filter(|condition| wrong(own(condition)))
        .map(|condition| text(condition, "type"))
        .collect();
    (!kinds.is_empty()).then(|| kinds.join(", "))
}

fn ready_has_nothing_negative(object: &Value) -> Option<String> {
    let bad = NEGATIVE.into_iter().find(|kind| status(object, kind) == "True")?;
    ready(object).then(|| format!("Ready and {bad} are both True"))
}

/// A version that nobody has looked at has none yet.
fn ready_is_present(object: &Value) -> Option<String> {
    (find(object, "Ready").is_none() && observed(object) != -1).then(|| "there is no condition Ready".to_owned())
}

fn reconciling_is_not_ready(object: &Value) -> Option<String> {
    (status(object, "Reconciling") == "True" && ready(object)).then(|| "Ready while Reconciling is True".to_owned())
}

fn stalled_is_not_ready(object: &Value) -> Option<String> {
    let ready = status(object, "Ready");
    (status(object, "Stalled") == "True" && ready != "False")
        .then(|| format!("Ready is {ready:?} while Stalled is True"))
}

fn never_reconciling_and_stalled(object: &Value) -> Option<String> {
    let both = NEGATIVE.into_iter().all(|kind| find(object, kind).is_some());
    both.then(|| "Reconciling and Stalled are both present".to_owned())
}

fn observed_is_not_ahead(object: &Value) -> Option<String> {
    let (observed, generation) = (observed(object), generation(object));
    (observed > generation).then(|| format!("observedGeneration is {observed}, generation {generation}"))
}

fn ready_is_of_this_generation(object: &Value) -> Option<String> {
    let (observed, generation) = (observed(object), generation(object));
    (ready(object) && observed < generation).then(|| format!("Ready for generation {observed} of {generation}"))
}

fn ready_has_no_stale_condition(object: &Value) -> Option<String> {
    let generation = generation(object);
    let stale = conditions_with(object, |own| own < generation)?;
    ready(object).then(|| format!("Ready while these are of an older generation than {generation}: {stale}"))
}

fn conditions_are_of_the_observed_generation(object: &Value) -> Option<String> {
    let observed = observed(object);
    let other = conditions_with(object, |own| own != observed)?;
    ready(object).then(|| format!("Ready while these are not of the observed generation {observed}: {other}"))
}

fn unknown_is_reconciling(object: &Value) -> Option<String> {
    (status(object, "Ready") == "Unknown" && status(object, "Reconciling") != "True")
        .then(|| "Ready is Unknown and Reconciling is not True".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(generation: i64, observed: i64, conditions: &[(&str, &str, i64)]) -> Value {
        let conditions: Vec<_> = conditions
            .iter()
            .map(|(kind, status, own)| json!({"type": kind, "status": status, "observedGeneration": own}))
            .collect();
        json!({"metadata": {"generation": generation}, "status": {"observedGeneration": observed, "conditions": conditions}})
    }

    fn rules(findings: Vec<Finding>) -> Vec<&'static str> {
        findings.into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn the_rules_for_every_version_find_what_breaks_them() {
        let table = [
            (object(1, -1, &[]), vec![]),
            (object(1, 1, &[]), vec!["FAIL0002"]),
            (object(1, 1, &[("Ready", "True", 1)]), vec![]),
            (object(1, 1, &[("Ready", "True", 1), ("Reconciling", "True", 1)]), vec![]),
            (object(1, 1, &[("Ready", "False", 1), ("Stalled", "True", 1)]), vec![]),
            (object(1, 1, &[("Ready", "True", 1), ("Stalled", "True", 1)]), vec!["FAIL0004"]),
            (
                object(1, 1, &[("Ready", "False", 1), ("Stalled", "True", 1), ("Reconciling", "False", 1)]),
                vec!["FAIL0005"],
            ),
            (object(1, 2, &[("Ready", "True", 2)]), vec!["FAIL0006"]),
            (object(1, 1, &[("Ready", "Unknown", 1)]), vec!["FAIL0011"]),
            (object(1, 1, &[("Ready", "Unknown", 1), ("Reconciling", "True", 1)]), vec![]),
        ];
        for (object, expected) in table {
            assert_eq!(rules(always(&object)), expected, "{object}");
        }
    }

    #[test]
    fn the_rules_for_final_states_find_what_breaks_them() {
        let table = [
            (object(2, 2, &[("Ready", "True", 2), ("Synced", "True", 2)]), vec![]),
            (object(2, 1, &[("Ready", "False", 1)]), vec![]),
            (object(1, 1, &[("Ready", "True", 1), ("Stalled", "True", 1)]), vec!["FAIL0001"]),
            (object(1, 1, &[("Ready", "True", 1), ("Reconciling", "True", 1)]), vec!["FAIL0001", "FAIL0003"]),
            (object(2, 1, &[("Ready", "True", 2)]), vec!["FAIL0007", "FAIL0009"]),
            (object(2, 1, &[("Ready", "True", 1)]), vec!["FAIL0007", "FAIL0008"]),
            (object(2, 2, &[("Ready", "True", 2), ("Synced", "True", 1)]), vec!["FAIL0008", "FAIL0009"]),
        ];
        for (object, expected) in table {
            assert_eq!(rules(at_rest(&object)), expected, "{object}");
        }
    }
}
