//! A server of a cluster: its process, its log, and waiting until it is ready.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{Log, Tether};
use crate::{Error, wait};

/// On a machine that is busy with a build as well.
const START_LIMIT: Duration = Duration::from_secs(90);

/// One server and what it says.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    tether: Tether,
    log: Log,
}

impl Server {
    /// Starts a server that logs into a file of its name in this directory.
    pub(crate) fn start(name: &'static str, command: &mut Command, logs: &Path) -> Result<Self, Error> {
        let log = Log::named(&logs.join(format!("{name}.log")))?;
        command.stdout(log.writer()?).stderr(log.writer()?);
        Ok(Self { name, tether: Tether::start(command)?, log })
    }

    /// An error when the server has ended.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        match self.tether.ended() {
            None => Ok(()),
            Some(status) => Err(Error::Ended { what: self.name.to_owned(), status, output: self.log.tail() }),
        }
    }

    /// The end of what it has said, under its name.
    pub(crate) fn last_words(&self) -> String {
        format!("the end of {}'s log:\n{}", self.name, self.log.tail())
    }
}

/// Waits until a server is ready, and gives up at once when the check fails: when it has ended.
pub(crate) async fn ready<F: Future<Output = bool>>(
    what: &str,
    mut check: impl FnMut() -> Result<(), Error>,
    mut probe: impl FnMut() -> F,
) -> Result<(), Error> {
    wait::until(what, START_LIMIT, || {
        let (checked, probe) = (check(), probe());
        async move {
            match checked {
                Ok(()) => probe.await.then_some(Ok(())),
                Err(error) => Some(Err(error)),
            }
        }
    })
    .await?
}
