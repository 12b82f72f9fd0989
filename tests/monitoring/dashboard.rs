//! Whether a person can read the dashboard: every panel describes what it shows, and in what unit.

use std::collections::BTreeSet;

use crate::shipped;

#[test]
fn every_panel_has_a_title_of_its_own_a_description_and_a_unit() {
    let panels = shipped::panels();
    let titles: BTreeSet<_> = panels.iter().map(|panel| panel["title"].as_str().unwrap()).collect();
    assert_eq!(titles.len(), panels.len());
    for panel in &panels {
        let title = &panel["title"];
        assert!(panel["description"].as_str().is_some_and(|text| text.ends_with('.')), "{title}");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title}");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
    }
}

#[test]
fn every_query_is_for_the_chosen_data_source_and_namespace() {
    let dashboard = shipped::dashboard();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let variables: Vec<_> = variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
    assert_eq!(variables, ["datasource", "namespace", "region"]);
    for target in shipped::panels().iter().flat_map(|panel| panel["targets"].as_array().unwrap()) {
        let question = target["expr"].as_str().unwrap();
        assert!(question.contains(r#"namespace=~"$namespace""#), "{question}");
        let of_a_region = ["aws_", "inventory_age", "drift_"].iter().any(|part| question.contains(part));
        assert_eq!(question.contains(r#"region=~"$region""#), of_a_region, "{question}");
        assert_eq!(target["datasource"]["uid"], "${datasource}", "{question}");
    }
}

#[test]
fn panels_lie_side_by_side_and_fill_the_rows() {
    let dashboard = shipped::dashboard();
    let mut taken = BTreeSet::new();
    let mut cells = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        let at = |side: &str| panel["gridPos"][side].as_u64().unwrap();
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(x < 24 && taken.insert((x, y)), "{} at {x}, {y}", panel["title"]);
                cells += 1;
            }
        }
    }
    assert_eq!(cells % 24, 0);
}
