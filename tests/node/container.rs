//! A pod's only container as the kernel sees it: its process, its control group.

use std::{
    fs,
    path::{Path, PathBuf},
};

use k8s_openapi::api::core::v1::Pod;

/// A running container.
pub struct Container {
    /// What the runtime calls it, which its control groups are named by.
    id: String,
}

impl Container {
    pub fn of(pod: &Pod) -> Self {
        let status = &pod.status.as_ref().unwrap().container_statuses.as_ref().unwrap()[0];
        let id = status.container_id.as_deref().unwrap();
        Self { id: id.strip_prefix("containerd://").unwrap().to_owned() }
    }

    /// The most memory that the kernel has charged to it, in KiB: not the pages of its program where another had read them before.
    pub fn peak_memory_kib(&self) -> u64 {
        self.memory("memory.peak", "memory.max_usage_in_bytes") / 1024
    }

    /// How much it may have, in KiB.
    pub fn memory_limit_kib(&self) -> u64 {
        self.memory("memory.max", "memory.limit_in_bytes") / 1024
    }

    /// The most memory that its process had, its program's pages included, in KiB.
    pub fn peak_resident_kib(&self) -> u64 {
        let status = self.status();
        let (_, peak) = status.iter().find(|(name, _)| name == "VmHWM").unwrap();
        peak.strip_suffix(" kB").unwrap().parse().unwrap()
    }

    /// The process's own view of itself: `/proc/PID/status`.
    pub fn status(&self) -> Vec<(String, String)> {
        let status = fs::read_to_string(self.process().join("status")).unwrap();
        let field =
            |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().replace('\t', " ")));
        status.lines().filter_map(field).collect()
    }

    /// The options of the mount that is its root.
    pub fn root_options(&self) -> String {
        let mounts = fs::read_to_string(self.process().join("mounts")).unwrap();
        let root =
            mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>()).find(|fields| fields[1] == "/").unwrap();
        root[3].to_owned()
    }

    /// All files in its root, but not in what is mounted there.
    pub fn files(&self) -> Vec<String> {
        let root = self.process().join("root");
        let mut files = Vec::new();
        let mut next = vec![root.clone()];
        while let Some(directory) = next.pop() {
            for entry in fs::read_dir(directory).unwrap().flatten() {
                let path = Path::new("/").join(entry.path().strip_prefix(&root).unwrap());
                let mounted =
                    ["/proc", "/sys", "/dev", "/var/run", "/run", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"];
                if mounted.iter().any(|mount| path.starts_with(mount)) {
                    continue;
                }
                match entry.file_type().unwrap() {
                    kind if kind.is_dir() => next.push(entry.path()),
                    _ => files.push(path.display().to_string()),
                }
            }
        }
        files.sort();
        files
    }

    fn process(&self) -> PathBuf {
        let processes = fs::read_to_string(self.group("cgroup.procs").join("cgroup.procs")).unwrap();
        Path::new("/proc").join(processes.lines().next().unwrap())
    }

    /// A number from a file of its group: by its name in version 2 of control groups, or in version 1.
    fn memory(&self, two: &str, one: &str) -> u64 {
        let file =
            [two, one].into_iter().map(|name| self.group("memory.stat").join(name)).find(|file| file.exists()).unwrap();
        fs::read_to_string(file).unwrap().trim().parse().unwrap()
    }

    /// Its group in the hierarchy that has this file.
    fn group(&self, file: &str) -> PathBuf {
        let mut next = vec![PathBuf::from("/sys/fs/cgroup")];
        while let Some(directory) = next.pop() {
            if directory.ends_with(&self.id) && directory.join(file).exists() {
                return directory;
            }
            let entries = fs::read_dir(directory).into_iter().flatten().flatten();
            next.extend(
                entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()),
            );
        }
        panic!("no control group {} with {file}", self.id)
    }
}
