//! What this workspace may depend on: licences, sources, crates that are banned, and crates that are there twice.
#![allow(clippy::unwrap_used)] // In what the tests share too.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

const LICENCES: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
];

/// A crate, the beginning of the versions that are banned, and why.
const BANNED: [(&str, &str, &str); 7] = [
    ("openssl", "", "TLS is rustls"),
    ("openssl-sys", "", "TLS is rustls"),
    ("native-tls", "", "TLS is rustls"),
    ("ring", "", "aws-lc-rs is the only crypto provider: with two, rustls panics when it has to choose"),
    ("serde_yaml", "", "unmaintained; serde-saphyr instead"),
    ("hyper", "0.", "the old HTTP stack of the AWS SDK"),
    ("rustls", "0.21.", "the old TLS of the AWS SDK"),
];

/// Exactly the crates that others want in different versions, which only their authors can change.
const TWICE: [&str; 6] = ["base64", "getrandom", "hashbrown", "syn", "thiserror", "thiserror-impl"];

/// A line of `cargo tree`.
struct Package {
    name: String,
    version: String,
    /// What stands behind the version: a path, another source than the usual one, or nothing.
    origin: String,
    licence: String,
}

/// The lines in this format of what is compiled into this workspace on Linux, along these edges.
fn tree(edges: &str, format: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--locked", "--edges", edges, "--target", "x86_64-unknown-linux-gnu"])
        .args(["--prefix", "none", "--format", format])
        .current_dir(devkit::paths::workspace())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| line.trim_end_matches(" (*)")).filter(|line| line.contains('|'));
    let lines: BTreeSet<_> = lines.map(str::to_owned).collect();
    assert!(lines.len() > 100, "{text}");
    lines
}

/// All that is compiled into this workspace's programs and tests.
fn packages() -> Vec<Package> {
    tree("all", "{p}|{l}").iter().map(|line| package(line)).collect()
}

fn package(line: &str) -> Package {
    let (package, licence) = line.split_once('|').unwrap();
    let mut words = package.splitn(3, ' ').map(str::to_owned);
    let mut word = || words.next().unwrap_or_default();
    let (name, version, origin) = (word(), word(), word().replace("(proc-macro)", "").trim().to_owned());
    Package { name, version: version.trim_start_matches('v').to_owned(), origin, licence: licence.to_owned() }
}

/// Whether an SPDX expression can be satisfied with the licences above. `/` is the old way to write OR.
fn allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = &tokens[..];
    let answer = either(&mut rest);
    answer && rest.is_empty()
}

fn either(tokens: &mut &[&str]) -> bool {
    let mut answer = both(tokens);
    while let ["OR", rest @ ..] = *tokens {
        *tokens = rest;
        answer |= both(tokens);
    }
    answer
}

fn both(tokens: &mut &[&str]) -> bool {
    let mut answer = one(tokens);
    while let ["AND", rest @ ..] = *tokens {
        *tokens = rest;
        answer &= one(tokens);
    }
    answer
}

fn one(tokens: &mut &[&str]) -> bool {
    match *tokens {
        ["(", rest @ ..] => {
            *tokens = rest;
            let answer = either(tokens);
            let closed = tokens.first() == Some(&")");
            *tokens = tokens.get(1..).unwrap_or_default();
            answer && closed
        }
        [licence, "WITH", exception, rest @ ..] => {
            *tokens = rest;
            LICENCES.contains(&format!("{licence} WITH {exception}").as_str())
        }
        [licence, rest @ ..] => {
            *tokens = rest;
            LICENCES.contains(licence)
        }
        [] => false,
    }
}

#[test]
fn every_licence_is_one_of_those_allowed() {
    let others: Vec<String> = packages()
        .iter()
        .filter(|package| !allowed(&package.licence))
        .map(|package| format!("{} {}: {:?}", package.name, package.version, package.licence))
        .collect();
    assert!(others.is_empty(), "{others:#?}");
}

#[test]
fn every_crate_comes_from_the_usual_registry_or_this_workspace() {
    let workspace = devkit::paths::workspace().canonicalize().unwrap();
    let ours = |origin: &str| origin.trim_matches(['(', ')']).starts_with(workspace.to_str().unwrap());
    let others: Vec<String> = packages()
        .iter()
        .filter(|package| !package.origin.is_empty() && !ours(&package.origin))
        .map(|package| format!("{} {} {}", package.name, package.version, package.origin))
        .collect();
    assert!(others.is_empty(), "{others:#?}");
}

#[test]
fn no_banned_crate_is_used() {
    let packages = packages();
    for (name, version, why) in BANNED {
        let is_banned = |package: &&Package| package.name == name && package.version.starts_with(version);
        let banned: Vec<_> = packages.iter().filter(is_banned).map(|package| &package.version).collect();
        assert!(banned.is_empty(), "{name} {banned:?}: {why}");
    }
}

#[test]
fn only_known_crates_are_there_twice() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages() {
        versions.entry(package.name).or_default().insert(package.version);
    }
    let twice: Vec<_> = versions.iter().filter(|(_, versions)| versions.len() > 1).collect();
    let names: Vec<_> = twice.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, TWICE, "{twice:#?}");
}

/// `cargo deny` applies the same rules by other means, and adds advisories.
#[test]
fn cargo_denys_configuration_has_the_same_lists() {
    let text = std::fs::read_to_string(devkit::paths::workspace().join("deny.toml")).unwrap();
    let quoted = |list: &str| -> Vec<String> { list.split('"').skip(1).step_by(2).map(str::to_owned).collect() };
    let list = |name: &str| {
        let (_, rest) = text.split_once(&format!("\n{name} = [")).unwrap();
        rest.split_once(']').unwrap().0
    };
    assert_eq!(quoted(list("allow")), LICENCES);
    assert_eq!(quoted(list("skip")), TWICE);
    let banned = list("deny").lines().filter_map(|line| line.split_once("crate = \"")?.1.split(['"', ':']).next());
    assert!(banned.eq(BANNED.map(|(name, _, _)| name)));
}

/// `cargo demo` builds the programs, and `cargo test` the same with what only tests depend on.
#[test]
fn no_crate_is_compiled_a_second_time_for_the_tests() {
    let (programs, tests) = (tree("normal,build", "{p}|{f}"), tree("all", "{p}|{f}"));
    let again: Vec<_> = programs.difference(&tests).collect();
    assert!(again.is_empty(), "give devkit the features that only tests have of these: {again:#?}");
}

#[test]
fn an_expression_is_satisfied_only_as_written() {
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("MIT/Apache-2.0", true),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR GPL-3.0) AND ISC", true),
        ("Apache-2.0 WITH LLVM-exception OR GPL-2.0", true),
        ("GPL-2.0 WITH Classpath-exception-2.0", false),
        ("(MIT", false),
        ("", false),
    ] {
        assert_eq!(allowed(expression), expected, "{expression}");
    }
}
