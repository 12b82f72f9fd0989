//! `docs/architecture.md` names files and tests that exist.

use std::{collections::BTreeSet, fs, path::Path};

use crate::text;

const FOLDERS: [&str; 8] = ["src", "tests", "emulator", "devkit", "charts", "deploy", "crds", "examples"];

/// What stands in backticks.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Every function in the sources below this folder.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(path).unwrap();
            let names = source.split("fn ").skip(1).filter_map(|rest| rest.split_once('('));
            found.extend(names.map(|(name, _)| name.to_owned()));
        }
    }
}

#[test]
fn every_path_in_the_map_exists() {
    let document = text::read("docs/architecture.md");
    let is_path = |word: &&str| FOLDERS.iter().any(|folder| word.starts_with(&format!("{folder}/")));
    let paths: BTreeSet<&str> = text::prose(&document).flat_map(quoted).filter(is_path).collect();
    let missing: Vec<_> = paths.iter().filter(|path| !text::root().join(path).exists()).collect();
    assert!(paths.len() > 30 && missing.is_empty(), "{} paths; missing: {missing:?}", paths.len());
}

#[test]
fn every_invariant_has_a_test_that_exists() {
    let document = text::read("docs/architecture.md");
    let mut tests = BTreeSet::new();
    functions(&text::root().join("src"), &mut tests);
    functions(&text::root().join("tests"), &mut tests);
    let rows = text::rows(text::section(&document, "Invariants"));
    for row in &rows {
        let missing: Vec<_> = quoted(&row[1]).filter(|name| !tests.contains(*name)).collect();
        assert!(quoted(&row[1]).count() > 0 && missing.is_empty(), "{}: {missing:?}", row[0]);
    }
    assert!(rows.len() > 10, "{} invariants", rows.len());
}
