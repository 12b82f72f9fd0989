//! Every version that a story stores shows a phase of which `tests/gitops/phases` has an example: what Argo CD and Flux
//! are judged against there is what the operator really writes.

use std::collections::{BTreeMap, BTreeSet};

use codeguru_profiler_operator::api::Reason;
use devkit::{
    kstatus::conditions,
    phase::{self, Example},
};
use serde_json::Value;

/// Set to 1, the stories record examples of phases that have none, and their own again.
const RECORD: &str = "RECORD_PHASES";

/// Misses an example of what a story stored; recording, writes those that are missing or are this story's own.
pub fn judge<'a>(versions: impl Iterator<Item = &'a Value>) {
    let story = std::thread::current().name().unwrap_or_default().to_owned();
    let mut seen: BTreeMap<String, Vec<Example>> = BTreeMap::new();
    for version in versions {
        if let Some(phase) = phase::name(version) {
            seen.entry(phase.clone()).or_default().push(Example::of(&phase, &story, version));
        }
    }
    let examples = phase::examples().unwrap();
    for (phase, versions) in seen {
        let example = examples.get(&phase);
        if std::env::var(RECORD).is_ok_and(|set| set == "1") {
            if example.is_none_or(|example| example.story == story) {
                versions[0].keep().unwrap();
            }
            continue;
        }
        let again = format!("record it with {RECORD}=1 cargo test --test {}", env!("CARGO_CRATE_NAME"));
        let Some(example) = example else {
            panic!("no example of the phase {phase}: {again}; seen:\n{}", versions[0].yaml)
        };
        // Another story may show the phase with other conditions beside those that name it.
        let same = example.story != story || versions.iter().any(|version| version.reports_the_same_as(example));
        assert!(same, "nothing reports what {phase}.yaml does any more: {again} {story}; seen:\n{}", versions[0].yaml);
    }
}

#[test]
fn every_reason_has_an_example_and_every_example_reasons_that_exist() {
    let examples = phase::examples().unwrap();
    let shown: BTreeSet<&str> = examples
        .values()
        .flat_map(|example| conditions(&example.object))
        .filter_map(|condition| condition["reason"].as_str())
        .collect();
    let known: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(shown, known);
}
