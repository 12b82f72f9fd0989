//! The control groups of a cluster's pods: named after the run, and taken away when it has ended.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, process, thread};

use crate::Error;

const ROOT: &str = "/sys/fs/cgroup";
const PREFIX: &str = "devkit-";
/// Processes that were killed leave their groups a moment later.
const LIMIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// The name for a run of this process.
pub fn name() -> String {
    format!("{PREFIX}{}", process::id())
}

/// Makes the group of a run in every hierarchy: a kubelet wants the root of its own to be there.
pub fn make(name: &str) -> Result<(), Error> {
    make_below(Path::new(ROOT), name)
}

fn make_below(root: &Path, name: &str) -> Result<(), Error> {
    let controllers = root.join("cgroup.controllers");
    if controllers.exists() {
        // Of version 2, where a group has the controllers that the one above passes on.
        let all = fs::read_to_string(&controllers).map_err(Error::io("read the machine's controllers"))?;
        let pass: Vec<_> = all.split_whitespace().map(|controller| format!("+{controller}")).collect();
        fs::write(root.join("cgroup.subtree_control"), pass.join(" ")).map_err(Error::io("pass controllers on"))?;
    }
    for hierarchy in hierarchies(root).filter(|hierarchy| hierarchy.join("cgroup.procs").exists()) {
        let group = hierarchy.join(name);
        fs::create_dir_all(&group).map_err(Error::io(format!("make the control group {}", group.display())))?;
    }
    Ok(())
}

/// Removes what runs have left whose janitor was killed too.
pub fn sweep() {
    for group in groups(Path::new(ROOT), |name| orphan(name, |pid| Path::new("/proc").join(pid).exists())) {
        remove(&group);
    }
}

/// Waits until standard input closes, which is when the run has ended in whatever way, and then until its groups are removed.
pub fn janitor(name: &str) {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    let deadline = Instant::now() + LIMIT;
    loop {
        let left = groups(Path::new(ROOT), |found| found == name);
        left.iter().for_each(|group| remove(group));
        if left.is_empty() || Instant::now() >= deadline {
            return;
        }
        thread::sleep(PAUSE);
    }
}

/// Whether a group is a run's that has ended.
fn orphan(name: &str, running: impl Fn(&str) -> bool) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|pid| pid.parse::<u32>().is_ok() && !running(pid))
}

/// The only hierarchy, of version 2, or one for each controller; and, harmlessly, the groups at the root of the former.
fn hierarchies(root: &Path) -> impl Iterator<Item = PathBuf> {
    std::iter::once(root.to_owned()).chain(directories(root))
}

/// The groups at the root of every hierarchy.
fn groups(root: &Path, ours: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let all = hierarchies(root).flat_map(|hierarchy| directories(&hierarchy));
    all.filter(|group| group.file_name().and_then(|name| name.to_str()).is_some_and(&ours)).collect()
}

/// Removes a group with those in it, as far as they are empty. A group is a directory that is removed as it is: the files in it are no files.
fn remove(group: &Path) {
    directories(group).iter().for_each(|inner| remove(inner));
    let _ = fs::remove_dir(group);
}

fn directories(parent: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_s_groups_are_found_in_every_hierarchy_and_removed_with_those_in_them() {
        let root = tempfile::tempdir().unwrap();
        for group in
            ["memory/devkit-7/pod/container", "cpu/devkit-7", "devkit-7", "memory/devkit-8", "memory/x/devkit-7"]
        {
            fs::create_dir_all(root.path().join(group)).unwrap();
        }
        let found = groups(root.path(), |name| name == "devkit-7");
        assert_eq!(found.len(), 3, "{found:?}");
        found.iter().for_each(|group| remove(group));
        assert!(groups(root.path(), |name| name == "devkit-7").is_empty());
        assert!(root.path().join("memory/devkit-8").exists() && root.path().join("memory/x/devkit-7").exists());
    }

    #[test]
    fn only_the_groups_of_runs_that_have_ended_are_orphans() {
        let running = |pid: &str| pid == "8";
        assert!(orphan("devkit-7", running));
        for other in ["devkit-8", "devkit-x", "devkit-", "pods"] {
            assert!(!orphan(other, running), "{other}");
        }
    }
}
