//! What could be left of a cluster on the machine.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What a cluster has no business to change.
#[derive(Debug, PartialEq, Eq)]
pub struct Machine {
    mounts: BTreeSet<String>,
    devices: BTreeSet<String>,
    files: BTreeSet<String>,
    settings: Vec<String>,
}

impl Machine {
    pub fn look() -> Self {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let settings =
            ["vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "net/ipv4/ip_forward"];
        let directories = [
            "/run",
            "/var/lib",
            "/var/log",
            "/var/lib/cni",
            "/var/lib/kubelet",
            "/var/log/pods",
            "/usr/libexec",
            "/etc/cni",
            "/opt/cni",
        ];
        Self {
            mounts: mounts.lines().map(str::to_owned).collect(),
            devices: entries("/sys/class/net").collect(),
            files: directories.into_iter().flat_map(entries).collect(),
            settings: settings.map(|name| fs::read_to_string(Path::new("/proc/sys").join(name)).unwrap()).into(),
        }
    }
}

fn entries(directory: &str) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.path().display().to_string())
}

/// A process, distinguished from a later one of the same id by its start.
#[derive(Debug, Clone)]
pub struct Process {
    pid: u32,
    started: String,
    pub name: String,
}

/// Kills this process and its family at once.
pub fn kill(pid: u32, family: &[Process]) {
    let pids = family.iter().map(|process| process.pid).chain([pid]).map(|pid| pid.to_string());
    // Some end with others before it is their turn.
    let _ = Command::new("kill").arg("-9").args(pids).stderr(Stdio::null()).status().unwrap();
}

/// A process and all that descend from it.
pub fn family(pid: u32) -> Vec<Process> {
    let mut children: BTreeMap<u32, Vec<Process>> = BTreeMap::new();
    for (parent, process) in processes() {
        children.entry(parent).or_default().push(process);
    }
    let (mut family, mut next) = (Vec::new(), vec![pid]);
    while let Some(pid) = next.pop() {
        let born = children.remove(&pid).unwrap_or_default();
        next.extend(born.iter().map(|process| process.pid));
        family.extend(born);
    }
    family
}

/// Those of them that still run.
pub fn alive(family: &[Process]) -> Vec<String> {
    let running: BTreeSet<(u32, String)> = processes().map(|(_, process)| (process.pid, process.started)).collect();
    let left = family.iter().filter(|process| running.contains(&(process.pid, process.started.clone())));
    left.map(|process| format!("{} {}", process.pid, process.name)).collect()
}

/// All that run, with the parent of each. One that has ended and was not waited for is not among them: not everyone who adopts an orphan waits.
fn processes() -> impl Iterator<Item = (u32, Process)> {
    let pids = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let name = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        // The second field is a name in parentheses, in which anything may stand.
        let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let name = String::from_utf8_lossy(&name).replace('\0', " ");
        let process = Process { pid, started: (*fields.get(19)?).to_owned(), name };
        (*fields.first()? != "Z").then_some((fields.get(1)?.parse().ok()?, process))
    })
}

/// The control groups of a cluster's run, in all hierarchies.
pub fn groups(run: u32) -> Vec<String> {
    let name = format!("codeguru-devkit-{run}");
    let mut found = Vec::new();
    let mut next = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(directory) = next.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                next.push(entry.path());
                if entry.file_name() == name.as_str() {
                    found.push(entry.path().display().to_string());
                }
            }
        }
    }
    found
}
