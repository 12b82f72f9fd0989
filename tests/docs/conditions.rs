//! `docs/conditions.md` names every condition and every reason, and no other.

use std::collections::BTreeSet;

use codeguru_profiler_operator::api::{ConditionType, Reason};

use crate::text;

#[test]
fn every_condition_is_explained_and_no_other() {
    let document = text::read("docs/conditions.md");
    let rows = text::rows(text::section(&document, "Conditions"));
    let there: BTreeSet<&str> = ConditionType::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(text::first_names(&rows), there);
}

#[test]
fn every_reason_is_explained_once_and_no_other() {
    let document = text::read("docs/conditions.md");
    let chapters = ["In effect", "In progress", "Retried automatically", "Action required", "Agents"];
    let rows: Vec<_> = chapters.iter().flat_map(|chapter| text::rows(text::section(&document, chapter))).collect();
    let there: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(text::first_names(&rows), there);
    assert_eq!(rows.len(), there.len());
}
