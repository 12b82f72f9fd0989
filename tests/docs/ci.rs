//! `CONTRIBUTING.md` describes every stage of `.ci/run`, in its order.

use crate::text;

#[test]
fn every_stage_is_described_in_order_and_no_other() {
    let script = text::read(".ci/run");
    let stages: Vec<&str> =
        script.lines().filter_map(|line| line.strip_prefix("stage ")?.split_whitespace().next()).collect();
    let document = text::read("CONTRIBUTING.md");
    let rows = text::rows(text::section(&document, "What CI runs"));
    let described: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    assert!(!stages.is_empty());
    assert_eq!(described, stages);
}
