//! A chart can't reach outside of its directory: what it holds copies of must be the same.

use crate::text;

#[test]
fn the_charts_rules_and_dashboard_are_the_shipped_ones() {
    for name in ["rules.yaml", "dashboard.json"] {
        let (original, copy) =
            (format!("deploy/monitoring/{name}"), format!("charts/codeguru-profiler-operator/files/{name}"));
        assert!(text::read(&original) == text::read(&copy), "run: cp {original} {copy}");
    }
}
