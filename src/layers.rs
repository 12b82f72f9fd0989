//! The layers of this crate and their allowed dependencies, checked against what their files import.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A layer, and the layers that it may import.
const LAYERS: &[(&str, &[&str])] = &[
    ("api", &[]),
    ("domain", &["api"]),
    ("process", &[]),
    ("aws", &["api", "domain", "process"]),
    ("election", &["domain", "process"]),
    ("controller", &["api", "domain", "aws", "process"]),
    ("cli", &["api", "aws", "controller", "domain", "election", "process"]),
];

/// What only layers with effects may name.
const EFFECTS: &[&str] = &[
    "kube::",
    "aws_sdk",
    "aws_config",
    "aws_smithy",
    "tokio",
    "reqwest",
    "hyper",
    "std::fs",
    "std::net",
    "std::env",
    "SystemTime",
    "Instant",
    "Timestamp::now",
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn code(layer: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(layer);
    let code: Vec<_> =
        files(&folder).into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect();
    assert!(!code.is_empty(), "{layer} has no files");
    code
}

/// The layers that a file imports: after `crate::`, alone or in braces.
fn named(text: &str) -> Vec<&'static str> {
    let layers = LAYERS.iter().map(|(layer, _)| *layer);
    let uses: Vec<&str> = text.split("crate::").skip(1).collect();
    layers
        .filter(|layer| {
            uses.iter().any(|rest| {
                let list = rest.strip_prefix('{').and_then(|list| list.split(';').next());
                rest.starts_with(&format!("{layer}::"))
                    || list.is_some_and(|list| list.lines().any(|line| line.trim().starts_with(&format!("{layer}::"))))
            })
        })
        .collect()
}

#[test]
fn each_layer_imports_only_the_layers_below_it() {
    for (layer, allowed) in LAYERS {
        for (path, text) in code(layer) {
            let forbidden: Vec<_> =
                named(&text).into_iter().filter(|other| other != layer && !allowed.contains(other)).collect();
            assert!(forbidden.is_empty(), "{} imports {forbidden:?}", path.display());
        }
    }
}

#[test]
fn decisions_have_no_effects_and_no_clock() {
    for (path, text) in code("domain") {
        let effects: Vec<_> = EFFECTS.iter().filter(|effect| text.contains(**effect)).collect();
        assert!(effects.is_empty(), "{} names {effects:?}", path.display());
        assert!(!text.contains("async "), "{} is async", path.display());
    }
}

#[test]
fn the_check_of_imports_sees_them() {
    assert_eq!(named("use crate::aws::lane::Lane;"), ["aws"]);
    assert_eq!(named("use crate::{\n    api::Timestamp,\n    domain::remembered::Remembered,\n};"), ["api", "domain"]);
}
