//! The chart's values and the operator's flags are the same settings.

use std::collections::BTreeSet;

use clap::{CommandFactory, Parser};
use codeguru_profiler_operator::cli::Cli;
use serde_json::Value;

use crate::rendered::{FILES, Rendered};

/// Flags without a value of the same name, and what sets them instead.
const OTHERWISE: [(&str, &str); 4] = [
    ("namespace", "watchNamespaces, which narrows the permissions as well"),
    ("pod-name", "a variable that the pod's own name is given to"),
    ("pod-namespace", "a variable, likewise"),
    (
        "graceful-shutdown-timeout",
        "gracefulShutdownTimeoutSeconds, which the pod's termination grace period follows from",
    ),
];

fn flags() -> BTreeSet<String> {
    let command = Cli::command();
    let run = command.find_subcommand("run").unwrap();
    let flags = run.get_arguments().filter_map(|argument| argument.get_long()).map(str::to_owned);
    flags.filter(|flag| !["help", "version"].contains(&flag.as_str())).collect()
}

fn camel_case(flag: &str) -> String {
    let mut parts = flag.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| name + &part[..1].to_uppercase() + &part[1..])
}

#[test]
fn every_flag_is_a_value_or_is_set_otherwise() {
    let values = std::fs::read_to_string(devkit::chart::directory().join("values.yaml")).unwrap();
    let values: Value = serde_saphyr::from_str(&values).unwrap();
    let mut settings: BTreeSet<String> = values["operator"].as_object().unwrap().keys().cloned().collect();
    assert!(settings.remove("gracefulShutdownTimeoutSeconds"));
    let otherwise: BTreeSet<_> = OTHERWISE.iter().map(|(flag, _)| (*flag).to_owned()).collect();
    let expected: BTreeSet<_> = flags().difference(&otherwise).map(|flag| camel_case(flag)).collect();
    assert_eq!(settings, expected);
}

#[tokio::test]
async fn every_setting_reaches_the_operator_as_its_flag() {
    let args = Rendered::file("everything").await.args();
    let name = |arg: &String| arg.strip_prefix("--").map(|flag| flag.split('=').next().unwrap_or(flag).to_owned());
    let given: BTreeSet<_> = args.iter().filter_map(name).collect();
    let mut expected = flags();
    expected.retain(|flag| !flag.starts_with("pod-"));
    assert_eq!(given, expected);
    for arg in [
        "--region=eu-west-1",
        "--aws-calls-per-second=20",
        "--graceful-shutdown-timeout=5s",
        "--listen-address=[::]:9090",
        "--log-level=info,kube=debug",
        "--namespace=shop",
        "--observe-only",
    ] {
        assert!(args.iter().any(|found| found == arg), "{arg} in {args:?}");
    }
}

#[tokio::test]
async fn what_is_not_set_is_left_to_the_operator() {
    assert_eq!(Rendered::with(&[]).await.args(), ["run", "--graceful-shutdown-timeout=30s"]);
}

#[tokio::test]
async fn the_operator_understands_what_each_values_file_makes_of_it() {
    for file in FILES {
        let args = Rendered::file(file).await.args();
        let line = std::iter::once("codeguru-profiler-operator".to_owned()).chain(args);
        Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
}

#[tokio::test]
async fn a_number_of_millions_stays_a_number() {
    let values = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(values.path(), "operator: { awsCallsPerSecond: 2000000, gracefulShutdownTimeoutSeconds: 1000000 }")
        .unwrap();
    let rendered = Rendered::with(&["--values", values.path().to_str().unwrap()]).await;
    assert_eq!(rendered.args(), ["run", "--graceful-shutdown-timeout=1000000s", "--aws-calls-per-second=2000000"]);
    let grace = &rendered.one("Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"];
    assert_eq!(grace, 1_000_010);
}
