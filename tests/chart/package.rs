//! The chart as `helm package` makes an archive of it: complete by itself.

use std::{fs, path::Path, process::Command};

use devkit::{chart, helm::Helm, paths};

use crate::rendered::NAME;

#[tokio::test]
async fn the_package_carries_the_licence_and_a_readme_whose_links_stay_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().display().to_string();
    let chart = chart::directory().display().to_string();
    Helm::offline().await.unwrap().ok(&["package", &chart, "--destination", &target]).await.unwrap();
    let archive = format!("{NAME}-{}.tgz", env!("CARGO_PKG_VERSION"));
    let unpacked = Command::new("tar").args(["-xzf", &archive]).current_dir(directory.path()).status().unwrap();
    assert!(unpacked.success());

    let package = directory.path().join(NAME);
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(read(&package.join("LICENSE")), read(&paths::workspace().join("LICENSE")));
    let readme = read(&package.join("README.md"));
    let links = readme.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let outside: Vec<_> = links.filter(|link| !link.contains("://") && !package.join(link).exists()).collect();
    assert!(outside.is_empty(), "{outside:?}");
}
