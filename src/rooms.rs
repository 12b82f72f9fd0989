//! Who may know whom: the rooms of this crate, checked against what their files import.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A room, and the rooms that it may name.
const ROOMS: &[(&str, &[&str])] = &[
    ("api", &[]),
    ("domain", &["api"]),
    ("process", &[]),
    ("aws", &["api", "domain", "process"]),
    ("controller", &["api", "domain", "aws", "process"]),
    ("cli", &["api", "aws", "controller", "process"]),
];

/// What only those with effects may name.
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

fn code(room: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room);
    let code: Vec<_> =
        files(&folder).into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect();
    assert!(!code.is_empty(), "{room} has no files");
    code
}

/// The rooms that a file names: after `crate::`, alone or in braces.
fn named(text: &str) -> Vec<&'static str> {
    let rooms = ROOMS.iter().map(|(room, _)| *room);
    let uses: Vec<&str> = text.split("crate::").skip(1).collect();
    rooms
        .filter(|room| {
            uses.iter().any(|rest| {
                let list = rest.strip_prefix('{').and_then(|list| list.split(';').next());
                rest.starts_with(&format!("{room}::"))
                    || list.is_some_and(|list| list.lines().any(|line| line.trim().starts_with(&format!("{room}::"))))
            })
        })
        .collect()
}

#[test]
fn each_room_knows_only_the_rooms_below_it() {
    for (room, may_know) in ROOMS {
        for (path, text) in code(room) {
            let strangers: Vec<_> =
                named(&text).into_iter().filter(|other| other != room && !may_know.contains(other)).collect();
            assert!(strangers.is_empty(), "{} names {strangers:?}", path.display());
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
