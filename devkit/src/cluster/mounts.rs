//! The files of a cluster: in memory, in its mount namespace, so that they end with it.

use std::fs;
use std::path::Path;

use rustix::mount::{MountFlags, mount, mount_bind};

use crate::Error;

/// Everything the servers write. On [`COVERED`]'s first.
pub const STATE: &str = "/run/devkit";
/// What is temporary to a command in the cluster.
pub const TEMPORARY: &str = "/run/devkit/tmp";
/// Directories whose content of the machine the cluster does not see, or does not change.
pub const COVERED: [&str; 3] = ["/run", "/var/log", "/var/lib"];

/// What a kubelet sets in the whole kernel. It gets files of its own in the place of these, and the machine's settings stay as they are.
const TUNABLES: [(&str, &str); 6] = [
    ("vm/overcommit_memory", "1"),
    ("vm/panic_on_oom", "0"),
    ("kernel/panic", "10"),
    ("kernel/panic_on_oops", "1"),
    ("kernel/keys/root_maxkeys", "1000000"),
    ("kernel/keys/root_maxbytes", "25000000"),
];

/// Covers what the servers, pods and network plugins would write to.
pub fn cover() -> Result<(), Error> {
    // containerd, runc, the network plugins and the kubelet each have a place here that can't be moved.
    tmpfs("/run")?;
    tmpfs("/var/log")?;
    fs::create_dir_all(TEMPORARY).map_err(Error::io(format!("create {TEMPORARY}")))?;
    overlay("/var/lib")?;
    TUNABLES.iter().try_for_each(|(name, value)| stand_in(name, value))
}

fn tmpfs(directory: &str) -> Result<(), Error> {
    mount("tmpfs", directory, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, c"mode=755")
        .map_err(|errno| Error::io(format!("mount a tmpfs on {directory}"))(errno.into()))
}

/// What is there can be read; what is written goes to the tmpfs.
fn overlay(directory: &str) -> Result<(), Error> {
    let layers = Path::new(STATE).join("overlay");
    let (upper, work) = (layers.join("upper"), layers.join("work"));
    for made in [&upper, &work] {
        fs::create_dir_all(made).map_err(Error::io(format!("create {}", made.display())))?;
    }
    let options = format!("lowerdir={directory},upperdir={},workdir={}", upper.display(), work.display());
    let options = std::ffi::CString::new(options).map_err(|error| Error::Unexpected(error.to_string()))?;
    mount("overlay", directory, "overlay", MountFlags::empty(), options.as_c_str())
        .map_err(|errno| Error::io(format!("mount an overlay on {directory}"))(errno.into()))
}

fn stand_in(name: &str, value: &str) -> Result<(), Error> {
    let setting = Path::new("/proc/sys").join(name);
    let file = Path::new(STATE).join(name.replace('/', "."));
    fs::write(&file, value).map_err(Error::io(format!("write {}", file.display())))?;
    mount_bind(&file, &setting).map_err(|errno| Error::io(format!("cover {}", setting.display()))(errno.into()))
}
