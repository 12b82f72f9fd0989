//! The rules in promtool's eyes, and whether its tests leave one out.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

use crate::shipped;

fn promtool(args: &[&str]) -> String {
    let run = Command::new("promtool").args(args).current_dir(shipped::path("")).output();
    let run = run.expect("promtool is on the PATH (Debian: prometheus)");
    let text = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{text}");
    text
}

#[test]
fn promtool_finds_nothing_wrong_with_the_rules() {
    let text = promtool(&["check", "rules", "--lint=all", "--lint-fatal", "rules.yaml"]);
    assert!(text.contains(&format!("SUCCESS: {} rules found", shipped::rules().len())), "{text}");
}

#[test]
fn every_rule_answers_as_its_tests_expect() {
    let text = promtool(&["test", "rules", "rules_test.yaml"]);
    let tests = shipped::yaml("rules_test.yaml")["tests"].as_array().unwrap().len();
    println!("{} rules, {tests} tests of promtool's:\n{text}", shipped::rules().len());
}

#[test]
fn every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() {
    let tests = shipped::yaml("rules_test.yaml");
    let moments: Vec<&Value> = each(&tests["tests"]).flat_map(|test| each(&test["alert_rule_test"])).collect();
    let told = |fires: bool| -> BTreeSet<&str> {
        let moments = moments.iter().filter(|moment| (each(&moment["exp_alerts"]).count() > 0) == fires);
        moments.map(|moment| moment["alertname"].as_str().unwrap()).collect()
    };
    let rules = shipped::rules();
    let alerts: BTreeSet<&str> = rules.iter().filter_map(|rule| rule["alert"].as_str()).collect();
    assert!(alerts.len() > 10);
    assert_eq!(told(true), alerts);
    assert_eq!(told(false), alerts);
}

#[test]
fn every_recorded_series_has_a_test_of_its_value() {
    let tests = shipped::yaml("rules_test.yaml");
    let questions = each(&tests["tests"]).flat_map(|test| each(&test["promql_expr_test"]));
    let tested: BTreeSet<&str> = questions.map(|question| question["expr"].as_str().unwrap()).collect();
    let rules = shipped::rules();
    let recorded: BTreeSet<&str> = rules.iter().filter_map(|rule| rule["record"].as_str()).collect();
    assert_eq!(tested, recorded);
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}
