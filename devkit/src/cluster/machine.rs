//! The node as a machine: its mounts, its network, and the end of all its processes. Only ever called inside of namespaces made for it.

use std::ffi::CString;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::mount::{MountFlags, mount, mount_bind};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};

use super::ADDRESS;
use crate::Error;
use crate::process::printed;

/// The address at which every pod finds the API server: the first of the services' range.
const API_SERVICE: &str = "10.96.0.1/32";

/// Directories that the node has of its own.
pub(super) const COVERED: [&str; 2] = ["/run", "/var"];

/// What a kubelet sets in the kernel for the whole machine, and to what.
const SETTINGS: [(&str, &str); 6] = [
    ("vm/overcommit_memory", "1"),
    ("vm/panic_on_oom", "0"),
    ("kernel/panic", "10"),
    ("kernel/panic_on_oops", "1"),
    ("kernel/keys/root_maxkeys", "1000000"),
    ("kernel/keys/root_maxbytes", "25000000"),
];

/// Gives the node directories of its own: `/run` is empty, and what is written to `/var` goes with the node.
pub(super) fn mount_directories() -> Result<(), Error> {
    let failed = |what: &'static str| move |errno: rustix::io::Errno| Error::io(what)(errno.into());
    mount("tmpfs", "/run", "tmpfs", MountFlags::empty(), None).map_err(failed("mount a tmpfs at /run"))?;
    for directory in ["/run/var/upper", "/run/var/work"] {
        fs::create_dir_all(directory).map_err(Error::io(format!("make {directory}")))?;
    }
    let layers = CString::new("lowerdir=/var,upperdir=/run/var/upper,workdir=/run/var/work").unwrap_or_default();
    mount("overlay", "/var", "overlay", MountFlags::empty(), layers.as_c_str())
        .map_err(failed("mount an overlay at /var"))?;
    SETTINGS.iter().try_for_each(|(name, value)| stand_in(name, value))
}

/// Puts a file in the place of a setting of the kernel: the kubelet finds what it wants, and the machine keeps what it has.
fn stand_in(setting: &str, value: &str) -> Result<(), Error> {
    let file = Path::new("/run").join(setting.replace('/', "."));
    let setting = Path::new("/proc/sys").join(setting);
    fs::write(&file, value).map_err(Error::io(format!("write {}", file.display())))?;
    mount_bind(&file, &setting).map_err(|errno| Error::io(format!("cover {}", setting.display()))(errno.into()))
}

/// The node's address on a bridge of its own, and the API server's service beside it: no other address can be reached.
pub(super) fn connect() -> Result<(), Error> {
    let address = format!("{ADDRESS}/24");
    let gateway = ADDRESS.to_string();
    for args in [
        &["link", "set", "lo", "up"][..],
        &["link", "add", "node0", "type", "bridge"],
        &["address", "add", &address, "dev", "node0"],
        &["link", "set", "node0", "up"],
        &["address", "add", API_SERVICE, "dev", "lo"],
        &["route", "add", "default", "via", &gateway],
    ] {
        ip(args)?;
    }
    fs::write("/proc/sys/net/ipv4/ip_forward", "1").map_err(Error::io("forward the pods' packets"))
}

fn ip(args: &[&str]) -> Result<(), Error> {
    let output = Command::new("ip").args(args).output().map_err(Error::io("run ip"))?;
    printed(format!("ip {}", args.join(" ")), &output).map(drop)
}

/// Kills every process of the node but this, its first, and returns when they are gone.
pub(super) fn end_everybody() {
    loop {
        let others: Vec<Pid> = fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw))
            .filter(|pid| *pid != Pid::INIT && Path::new(&format!("/proc/{pid}/status")).exists())
            .collect();
        if others.is_empty() {
            return;
        }
        for pid in others {
            // An error means that it has ended.
            let _ = kill_process(pid, Signal::KILL);
        }
        // Whoever lost its parent is ours to wait for.
        while wait(WaitOptions::NOHANG).is_ok_and(|ended| ended.is_some()) {}
        std::thread::sleep(Duration::from_millis(5));
    }
}
