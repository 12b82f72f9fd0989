//! The chart's values and the operator's flags are the same settings.

use std::collections::BTreeSet;

use clap::{Arg, CommandFactory, Parser};
use codeguru_profiler_operator::cli::Cli;
use serde_json::Value;

use crate::rendered::{FILES, NAME, Rendered};

/// Flags without a value of the same name, and what sets them instead.
const OTHERWISE: [(&str, &str); 6] = [
    ("namespace", "watchNamespaces, which narrows the permissions as well"),
    ("accounts", "watchNamespaces, which leaves no permissions in the cluster"),
    ("leader-election-namespace", "the namespace of the pod, where its permissions are"),
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

/// Flags that are values of their own part: `--leader-election-lease-name` is `leaderElection.leaseName`.
const PART: &str = "leader-election";

fn camel_case(flag: &str) -> String {
    let mut parts = flag.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| name + &part[..1].to_uppercase() + &part[1..])
}

#[test]
fn every_flag_is_a_value_or_is_set_otherwise() {
    let values = std::fs::read_to_string(devkit::chart::directory().join("values.yaml")).unwrap();
    let values: Value = serde_saphyr::from_str(&values).unwrap();
    let keys = |part: &str| -> BTreeSet<String> { values[part].as_object().unwrap().keys().cloned().collect() };
    let mut settings = keys("operator");
    assert!(settings.remove("gracefulShutdownTimeoutSeconds"));
    let otherwise: BTreeSet<_> = OTHERWISE.iter().map(|(flag, _)| (*flag).to_owned()).collect();
    let flags: BTreeSet<_> = flags().difference(&otherwise).cloned().collect();
    let (of_part, others): (BTreeSet<_>, BTreeSet<_>) = flags.into_iter().partition(|flag| flag.starts_with(PART));
    assert_eq!(settings, others.iter().map(|flag| camel_case(flag)).collect());
    let below = of_part.iter().map(|flag| flag[PART.len()..].trim_start_matches('-'));
    let expected = below.map(|flag| if flag.is_empty() { "enabled".to_owned() } else { camel_case(flag) });
    assert_eq!(keys("leaderElection"), expected.collect());
}

/// The flags with a default, and what it is.
fn defaults() -> Vec<(String, String)> {
    let command = Cli::command();
    let run = command.find_subcommand("run").unwrap();
    let of = |argument: &Arg| {
        let default = argument.get_default_values().first()?.to_string_lossy().into_owned();
        Some((argument.get_long()?.to_owned(), default)).filter(|(_, default)| !["true", "false"].contains(&&**default))
    };
    run.get_arguments().filter_map(of).collect()
}

#[test]
fn the_default_that_a_value_names_is_the_flags() {
    let readme = std::fs::read_to_string(devkit::chart::directory().join("README.md")).unwrap().replace('`', "");
    let of_empty_values: Vec<&str> = readme.lines().filter(|line| line.contains(" when empty")).collect();
    let mut found = 0;
    // The chart itself always names the Lease.
    for (flag, default) in defaults().into_iter().filter(|(flag, _)| flag != "leader-election-lease-name") {
        let path = match flag.strip_prefix("leader-election-") {
            Some(rest) => format!("| leaderElection.{} ", camel_case(rest)),
            None => format!("| operator.{} ", camel_case(&flag)),
        };
        if let Some(row) = of_empty_values.iter().find(|row| row.starts_with(&path)) {
            assert!(row.contains(&format!(" {default} when empty")), "{default}: {row}");
            found += 1;
        }
    }
    assert!(found > 10, "{found}");
}

#[test]
fn the_chart_checks_timeouts_with_the_operators_defaults() {
    let path = devkit::chart::directory().join("templates/_leaderelection.tpl");
    let template = std::fs::read_to_string(path).unwrap();
    let checked = [
        ("leader-election-lease-duration", ".leaseDuration"),
        ("leader-election-renew-deadline", ".renewDeadline"),
        ("leader-election-retry-period", ".retryPeriod"),
        ("aws-timeout", "$.Values.operator.awsTimeout"),
    ];
    for (flag, value) in checked {
        let (_, default) = defaults().into_iter().find(|(name, _)| name == flag).unwrap();
        assert!(template.contains(&format!("default \"{default}\" {value} ")), "{value}: {default}");
    }
}

#[tokio::test]
async fn every_setting_reaches_the_operator_as_its_flag() {
    let args = Rendered::file("everything").await.args();
    let name = |arg: &String| arg.strip_prefix("--").map(|flag| flag.split('=').next().unwrap_or(flag).to_owned());
    let given: BTreeSet<_> = args.iter().filter_map(name).collect();
    let mut expected = flags();
    // Of the three in the environment and by default, none has an argument.
    expected.retain(|flag| !flag.starts_with("pod-") && ![PART, "leader-election-namespace"].contains(&flag.as_str()));
    assert_eq!(given, expected);
    for arg in [
        "--region=eu-west-1",
        "--aws-calls-per-second=20",
        "--graceful-shutdown-timeout=5s",
        "--listen-address=[::]:9090",
        "--log-level=info,kube=debug",
        "--leader-election-lease-name=profiler",
        "--leader-election-lease-duration=1m",
        "--leader-election-renew-deadline=40s",
        "--leader-election-retry-period=5s",
        "--namespace=shop",
        "--observe-only",
        "--allowed-facets=create,delete,restore,tags,permissions,notifications",
        "--allowed-principals=arn:aws:iam::111122223333:role/agents/*,arn:aws:iam::111122223333:role/agent-?",
        "--allowed-topics=arn:aws:sns:*:111122223333:profiler-*",
        "--details-interval=20m",
        "--accounts=false",
        "--owner-id=cluster-b",
        "--take-over-from=cluster-a",
        "--own-identity-namespaces=shop",
        "--own-identity-group-names=shop-*,search-*",
    ] {
        assert!(args.iter().any(|found| found == arg), "{arg} in {args:?}");
    }
}

#[tokio::test]
async fn what_is_not_set_is_left_to_the_operator() {
    let lease = format!("--leader-election-lease-name={NAME}");
    assert_eq!(Rendered::with(&[]).await.args(), ["run", "--graceful-shutdown-timeout=30s", &lease]);
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
    for arg in ["--graceful-shutdown-timeout=1000000s", "--aws-calls-per-second=2000000"] {
        assert!(rendered.args().iter().any(|found| found == arg), "{arg} in {:?}", rendered.args());
    }
    let grace = &rendered.one("Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"];
    assert_eq!(grace, 1_000_010);
}
