//! The cgroup under which all pods of one cluster are: made, removed, and swept up after those who could not.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Error;

const ROOT: &str = "/sys/fs/cgroup";
const PREFIX: &str = "codeguru-devkit-";

/// The name of the cgroup of the cluster that this process makes.
pub(super) fn name(pid: u32) -> String {
    format!("{PREFIX}{pid}")
}

/// Makes the cgroup, in each hierarchy where there are several (version 1).
pub(super) fn make(name: &str) -> Result<(), Error> {
    for hierarchy in hierarchies() {
        pass_controllers_on(&hierarchy)?;
        let path = hierarchy.join(name);
        fs::create_dir_all(&path).map_err(Error::io(format!("make the cgroup {}", path.display())))?;
    }
    Ok(())
}

/// In version 2 a cgroup has the controllers that the one above passes on, and the kubelet wants them all. They stay passed on.
fn pass_controllers_on(hierarchy: &Path) -> Result<(), Error> {
    let control = hierarchy.join("cgroup.subtree_control");
    let Ok(controllers) = fs::read_to_string(hierarchy.join("cgroup.controllers")) else { return Ok(()) };
    let passed_on = fs::read_to_string(&control).unwrap_or_default();
    let passed_on: Vec<&str> = passed_on.split_whitespace().collect();
    let missing: Vec<String> = controllers
        .split_whitespace()
        .filter(|name| !passed_on.contains(name))
        .map(|name| format!("+{name}"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    fs::write(&control, missing.join(" ")).map_err(Error::io(format!(
        "write {} to {}",
        missing.join(" "),
        control.display()
    )))
}

/// Removes it and all below. Whoever was in there has ended; what can't be removed is left to the next sweep.
pub(super) fn remove(name: &str) {
    for hierarchy in hierarchies() {
        let _ = remove_tree(&hierarchy.join(name));
    }
}

/// Removes what clusters left behind whose processes were all killed at once.
pub(super) fn sweep() {
    for hierarchy in hierarchies() {
        for entry in fs::read_dir(hierarchy).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let pid = name.strip_prefix(PREFIX);
            if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                let _ = remove_tree(&entry.path());
            }
        }
    }
}

/// Version 2 has one hierarchy; version 1 one below each controller's directory.
fn hierarchies() -> Vec<PathBuf> {
    if Path::new(ROOT).join("cgroup.controllers").exists() {
        return vec![ROOT.into()];
    }
    let entries = fs::read_dir(ROOT).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.join("cgroup.procs").exists()).collect()
}

/// A cgroup goes by removing its directory, the deepest first; the files in it are the kernel's.
fn remove_tree(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)?.flatten() {
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(path)
}
