//! The chart's files that are made of others: copies, and the table of its values. Not symbolic links, although Helm
//! follows them: Flux leaves them out of what it takes from a Git repository.

use std::fs;
use std::path::PathBuf;

use crate::{Error, paths, values};

/// Where a file of the chart comes from; both below the workspace.
const COPIES: [(&str, &str); 5] = [
    ("LICENSE", "LICENSE"),
    ("crds/profilinggroups.codeguruprofiler.dev.yaml", "files/profilinggroups.codeguruprofiler.dev.yaml"),
    ("crds/profileraccounts.codeguruprofiler.dev.yaml", "files/profileraccounts.codeguruprofiler.dev.yaml"),
    ("deploy/monitoring/rules.yaml", "files/rules.yaml"),
    ("deploy/monitoring/dashboard.json", "files/dashboard.json"),
];

/// The directory of the chart.
#[must_use]
pub fn directory() -> PathBuf {
    paths::workspace().join("charts/codeguru-profiler-operator")
}

/// Writes all of them.
pub fn write() -> Result<(), Error> {
    for (path, content) in made()? {
        fs::write(&path, content).map_err(Error::io(path.display().to_string()))?;
    }
    Ok(())
}

/// Each file with the content that it should have.
fn made() -> Result<Vec<(PathBuf, String)>, Error> {
    let read = |path: PathBuf| fs::read_to_string(&path).map_err(Error::io(path.display().to_string()));
    let mut files = Vec::new();
    for (source, copy) in COPIES {
        files.push((directory().join(copy), read(paths::workspace().join(source))?));
    }
    let readme = directory().join("README.md");
    let values = read(directory().join("values.yaml"))?;
    let content = values::with_table(&read(readme.clone())?, &values).map_err(Error::Unexpected)?;
    files.push((readme, content));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_of_other_files_is_as_they_are() {
        for (path, content) in made().unwrap() {
            let found = fs::read_to_string(&path).unwrap_or_default();
            assert!(found == content, "{}: run `cargo devkit chart`", path.display());
        }
    }
}
