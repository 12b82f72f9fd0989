//! Reads the documentation: files, headings, tables.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Where the repository's files are.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every Markdown file but those of what was built or installed.
pub fn documents() -> Vec<PathBuf> {
    let (mut found, mut directories) = (Vec::new(), vec![root().to_path_buf()]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && !["target", "node_modules"].contains(&name.as_str()) && !name.starts_with('.') {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The lines outside of code blocks.
pub fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// The headings' texts, without their `#`.
pub fn headings(text: &str) -> Vec<&str> {
    prose(text).filter_map(heading).collect()
}

fn heading(line: &str) -> Option<&str> {
    line.starts_with('#').then(|| line.trim_start_matches('#').trim())
}

/// The lines under a heading up to the next one.
pub fn section<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let under = prose(text).skip_while(|line| heading(line) != Some(name));
    let lines: Vec<&str> = under.skip(1).take_while(|line| heading(line).is_none()).collect();
    assert!(!lines.is_empty(), "no section {name}");
    lines
}

/// The cells of each row of the tables in these lines, heads left out.
pub fn rows<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in lines.into_iter().filter(|line| line.starts_with('|')) {
        if line.starts_with("|--") {
            rows.pop();
            continue;
        }
        rows.push(line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect());
    }
    rows
}

/// What stands in backticks at the beginning of each row.
pub fn first_names(rows: &[Vec<String>]) -> BTreeSet<&str> {
    rows.iter().filter_map(|row| row[0].strip_prefix('`')?.strip_suffix('`')).collect()
}
