//! Each alert names a section of `docs/alerts.md` that is there, and none is left over.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::text;

#[test]
fn every_alert_states_how_bad_it_is_what_it_means_and_where_the_help_is() {
    let rules: Value = serde_saphyr::from_str(&text::read("deploy/monitoring/rules.yaml")).unwrap();
    let groups = rules["groups"].as_array().unwrap();
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
    let mut alerts = BTreeSet::new();
    for rule in rules.filter(|rule| rule["alert"].is_string()) {
        let name = rule["alert"].as_str().unwrap();
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning", "info"].contains(&severity), "{name}: {severity}");
        for annotation in ["summary", "description"] {
            assert!(
                rule["annotations"][annotation].as_str().is_some_and(|text| text.ends_with('.')),
                "{name}: {annotation}"
            );
        }
        assert_eq!(rule["annotations"]["runbook"], format!("docs/alerts.md#{}", name.to_lowercase()));
        alerts.insert((name.to_owned(), severity.to_owned()));
    }
    let document = text::read("docs/alerts.md");
    let sections = text::headings(&document).into_iter().skip(1);
    let explained = sections.map(|name| {
        let lines = text::section(&document, name);
        let first = lines.iter().find(|line| !line.is_empty()).unwrap();
        (name.to_owned(), first.split('.').next().unwrap().to_owned())
    });
    assert_eq!(explained.collect::<BTreeSet<_>>(), alerts);
}
