//! The network of a cluster: one address for the node, one for the API server's service, a bridge for the pods, and no way out.

use std::fs;
use std::io::Write;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use crate::Error;

/// The node's address: the API server's, and that of whatever a test starts for the pods.
pub const NODE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// The address of the service `kubernetes`, on which the API server listens itself: no proxy is needed. And a route, because some look for one at their start.
const SETUP: &str = "link set lo up
link add node0 type bridge
address add 10.77.0.1/24 dev node0
address add 10.96.0.1/32 dev lo
link set node0 up
route add default dev node0
";

/// Makes the devices and addresses, in a network namespace that has none.
pub fn up() -> Result<(), Error> {
    let mut ip = Command::new("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::io("start ip"))?;
    if let Some(mut stdin) = ip.stdin.take() {
        stdin.write_all(SETUP.as_bytes()).map_err(Error::io("tell ip what to do"))?;
    }
    let done = ip.wait_with_output().map_err(Error::io("wait for ip"))?;
    if !done.status.success() {
        return Err(Error::Unexpected(format!("ip: {}", String::from_utf8_lossy(&done.stderr))));
    }
    fs::write("/proc/sys/net/ipv4/ip_forward", "1").map_err(Error::io("let the node forward"))
}
