//! A child process that ends when its standard input closes, and is made to when it does not.

use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Error;

/// How long a child may take to end after its standard input has closed, before it is killed.
const GRACE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(5);

/// A child that holds the other end of a pipe of ours as its standard input.
///
/// Guarantee: when this process ends, in whatever way, the pipe closes and the child ends by itself.
#[derive(Debug)]
pub(crate) struct Supervised {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Supervised {
    pub(crate) fn start(command: &mut Command) -> Result<Self, Error> {
        let what = format!("start {}", command.get_program().display());
        // A group of its own: Ctrl-C in a terminal reaches this process alone, which ends its children in its own order.
        command.process_group(0);
        let mut child = command.stdin(Stdio::piped()).spawn().map_err(Error::io(what))?;
        let stdin = child.stdin.take();
        Ok(Self { child, stdin })
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the child ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Lets go: the child gets the signal to end, and is not waited for.
    pub(crate) fn release(&mut self) {
        self.stdin = None;
    }

    /// Kills the child at once.
    pub(crate) fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Lets go and waits for the end.
    pub(crate) fn end(&mut self) {
        self.release();
        let deadline = Instant::now() + GRACE;
        while self.ended().is_none() {
            if Instant::now() >= deadline {
                self.kill();
                return;
            }
            sleep(PAUSE);
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.end();
    }
}
