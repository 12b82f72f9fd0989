//! A real cluster of one node on this machine, pods included: for a command that runs inside of it, and gone with that command.
//!
//! Everything lives in network, mount and process namespaces of its own, with its files on a tmpfs: when the first process in there ends, however it
//! ends, the kernel takes the rest away. The one thing that namespaces do not hold, the pods' cgroups, goes by [`cgroups`].

mod cgroups;
mod files;
mod inside;
mod machine;
mod needs;

use std::net::Ipv4Addr;
use std::process::{Command, ExitCode};

pub use inside::{import, inside};

use crate::go::Module;
use crate::process::{self, Supervised, code};
use crate::{Error, controlplane, image};

/// The node's address: of the API server, and of whatever a test listens on for pods.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The command that [`inside`] is behind.
pub const INSIDE: &str = "cluster-inside";

/// The scheduler and the kubelet.
pub static NODE: Module = Module {
    name: "node",
    holds: "kube-scheduler and kubelet (v1.36.3)",
    package: ".",
    program: "node",
    links: &[],
    ldflags: controlplane::MODULE.ldflags,
    packages: 2700,
    takes: "3 minutes after the control plane's",
};

/// What holds the namespaces of a pod.
pub static PAUSE: Module = Module {
    name: "pause",
    holds: "the program of a pod's sandbox",
    package: ".",
    program: "pause",
    links: &[],
    ldflags: "",
    packages: 60,
    takes: "a few seconds",
};

/// Runs a command against a cluster of its own, and ends with its exit code. `KUBECONFIG` is set and `kubectl` on the `PATH`.
pub async fn run(command: &[String]) -> Result<ExitCode, Error> {
    needs::check()?;
    // All of it here: inside there is no network.
    controlplane::Programs::ready().await?.controller_manager().await?;
    process::supervisor().await?;
    NODE.built().await?;
    let pause = image::pause(&PAUSE.built().await?.join(PAUSE.program)).await?;
    cgroups::sweep();
    let mine = cgroups::name(std::process::id());

    let program = std::env::current_exe().map_err(Error::io("find this program"))?;
    let mut unshare = Command::new("unshare");
    unshare.args(["--net", "--mount", "--propagation", "private", "--pid", "--mount-proc", "--fork", "--kill-child"]);
    unshare
        .arg("--")
        .arg(program)
        .args([INSIDE, "--cgroup", &mine, "--pause-image"])
        .arg(pause)
        .arg("--")
        .args(command);
    // Those in there end with their standard input, this process's end of it: so they do by its kill -9, too.
    let mut supervised = Supervised::start(&mut unshare)?;
    let status = loop {
        tokio::select! {
            () = tokio::time::sleep(crate::wait::PAUSE) => if let Some(status) = supervised.ended() { break status },
            _ = tokio::signal::ctrl_c() => supervised.release(),
        }
    };
    // They have done so themselves, unless the first of them was killed.
    cgroups::remove(&mine);
    Ok(code(status))
}
