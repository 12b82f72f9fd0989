//! Relative links in all Markdown files lead somewhere, and their anchors are headings.

use std::path::Path;

use crate::text;

/// The targets of a line's links: `[text](target)`.
fn targets(line: &str) -> Vec<&str> {
    let mut rest = line;
    let mut found = Vec::new();
    while let Some((_, after)) = rest.split_once("](") {
        let Some((target, beyond)) = after.split_once(')') else { break };
        found.push(target);
        rest = beyond;
    }
    found
}

/// A heading as an anchor: small letters, spaces as `-`, most other signs left out.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>();
    kept.replace(' ', "-")
}

fn broken(document: &Path, target: &str) -> Option<String> {
    if target.contains("://") {
        return None;
    }
    let (path, wanted) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let file = if path.is_empty() { document.to_path_buf() } else { document.parent()?.join(path) };
    if !file.exists() {
        return Some(format!("{}: nothing at {target}", document.display()));
    }
    let wanted = wanted?;
    let text = std::fs::read_to_string(&file).ok()?;
    let there = text::headings(&text).into_iter().any(|heading| anchor(heading) == wanted);
    (!there).then(|| format!("{}: no heading for {target}", document.display()))
}

#[test]
fn every_relative_link_and_every_anchor_leads_somewhere() {
    let documents = text::documents();
    let mut links = 0;
    let mut wrong = Vec::new();
    for document in &documents {
        let content = std::fs::read_to_string(document).unwrap();
        for target in text::prose(&content).flat_map(targets) {
            links += 1;
            wrong.extend(broken(document, target));
        }
    }
    assert!(documents.len() > 10 && links > 30, "{} documents, {links} links", documents.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_missing_file_and_a_missing_heading_are_found() {
    let document = text::root().join("README.md");
    assert!(broken(&document, "docs/nowhere.md").is_some());
    assert!(broken(&document, "docs/conditions.md#nowhere").is_some());
    assert_eq!(broken(&document, "docs/conditions.md#action-required"), None);
    assert_eq!(targets("[a](b.md) and [c](d.md#e)"), ["b.md", "d.md#e"]);
}
