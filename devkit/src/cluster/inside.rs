//! What runs in the namespaces: a first process that does nothing but to reap, and the one that starts the servers.

use std::io::{Read, Write};
use std::process::{Command, ExitCode};
use std::time::Duration;

use rustix::process::{WaitOptions, wait};

use super::node::Node;
use super::programs::NODE;
use super::{INSIDE, Progress, mounts, network};
use crate::controlplane::{ControlPlane, Options};
use crate::{Error, image};

const BETWEEN_CHECKS: Duration = Duration::from_secs(1);

/// The first process of the namespaces: starts [`inside`] with the same standard input, and reaps every orphan. With this process all the others end.
pub fn init(group: &str) -> Result<ExitCode, Error> {
    let devkit = std::env::current_exe().map_err(Error::io("find the devkit's own program"))?;
    // Nothing here waits by the handle: the first process is told of every child's end.
    let inside = Command::new(devkit)
        .args([INSIDE, group])
        .env("TMPDIR", mounts::TEMPORARY)
        .spawn()
        .map_err(Error::io("start the cluster"))?;
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if u32::try_from(pid.as_raw_nonzero().get()) == Ok(inside.id()) => {
                let code = status.exit_status().and_then(|code| u8::try_from(code).ok());
                return Ok(ExitCode::from(code.unwrap_or(1)));
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(Error::io("wait for the cluster")(errno.into())),
        }
    }
}

/// Starts all servers, says on standard output where the kubeconfig is, and stays until standard input closes. The pods' control groups are below the one of this name.
pub async fn inside(group: &str) -> Result<(), Error> {
    // However far the start is: nobody waits for the servers to end, because the kernel ends all of them with the first process.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let progress = Progress::start();
    mounts::cover()?;
    network::up()?;
    progress.say("files and network are there; starting the control plane and containerd");
    let pause = image::pause().await?;
    let options = Options { node: Some(network::NODE), ..Options::default() };
    let (control_plane, mut node) = tokio::try_join!(ControlPlane::start(options), Node::start(&pause))?;
    progress.say("both answer; starting kubelet and scheduler");
    let program = NODE.built().await?.join(NODE.program);
    node.join(&program, control_plane.kubeconfig(), group).await?;
    progress.say("the node is ready");
    let kubeconfig = control_plane.kubeconfig().display();
    writeln!(std::io::stdout(), "{kubeconfig}").map_err(Error::io("say where the kubeconfig is"))?;
    loop {
        tokio::time::sleep(BETWEEN_CHECKS).await;
        node.check()?;
    }
}
