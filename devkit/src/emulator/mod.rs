//! The emulator of the service as a process, and its admin interface for one account.

mod account;

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use account::{Account, Entry};
use serde::Deserialize;
use serde_json::Value;

use crate::process::{Log, Supervised};
use crate::{Error, cargo, http, paths, wait};

const START_LIMIT: Duration = Duration::from_secs(30);

/// A running emulator. It ends with this value, and with this process however that ends.
#[derive(Debug)]
pub struct Emulator {
    supervised: Mutex<Supervised>,
    log: Log,
    addresses: Addresses,
}

#[derive(Debug, Deserialize)]
struct Addresses {
    service: String,
    admin: String,
}

impl Emulator {
    /// Builds the emulator as `cargo test` does and starts it.
    pub async fn start() -> Result<Self, Error> {
        Self::start_program(&cargo::dev(paths::EMULATOR).await?).await
    }

    /// Starts this emulator program.
    pub async fn start_program(program: &Path) -> Result<Self, Error> {
        Self::start_program_on(program, Ipv4Addr::LOCALHOST).await
    }

    /// Starts this emulator program so that it listens on this address.
    pub async fn start_program_on(program: &Path, address: Ipv4Addr) -> Result<Self, Error> {
        let anywhere = format!("{address}:0");
        let (output, log) = (Log::anonymous()?, Log::anonymous()?);
        let mut command = Command::new(program);
        command.args(["--listen", &anywhere, "--admin-listen", &anywhere, "--exit-with-stdin"]);
        command.stdout(output.writer()?).stderr(log.writer()?);
        let supervised = Mutex::new(Supervised::start(&mut command)?);
        let first_line = wait::until("the emulator prints where it listens", START_LIMIT, || async {
            if let Some(status) = supervised.lock().unwrap_or_else(PoisonError::into_inner).ended() {
                return Some(Err(Error::Ended { what: "the emulator".to_owned(), status, output: log.tail() }));
            }
            output.text().split_once('\n').map(|(line, _)| Ok(line.to_owned()))
        })
        .await??;
        let addresses = serde_json::from_str(&first_line)
            .map_err(|error| Error::Unexpected(format!("the emulator's first line: {error}: {first_line}")))?;
        Ok(Self { supervised, log, addresses })
    }

    /// Where the service is: the operator's `--endpoint-url`.
    #[must_use]
    pub fn service_url(&self) -> &str {
        &self.addresses.service
    }

    /// Where the admin interface is.
    #[must_use]
    pub fn admin_url(&self) -> &str {
        &self.addresses.admin
    }

    /// The admin interface for one account of 12 digits.
    #[must_use]
    pub fn account(&self, id: &str) -> Account {
        Account::new(&self.addresses.admin, id)
    }

    /// Moves the clock of the whole emulator by this much against the real one.
    pub async fn clock(&self, offset: Duration) -> Result<(), Error> {
        let url = format!("{}/clock", self.addresses.admin);
        let body = serde_json::json!({ "offsetMs": u64::try_from(offset.as_millis()).unwrap_or(u64::MAX) });
        send(::http::Method::PUT, &url, Some(&body)).await.map(|_| ())
    }

    /// What the emulator has logged.
    #[must_use]
    pub fn output(&self) -> String {
        self.log.text()
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.supervised.lock().unwrap_or_else(PoisonError::into_inner).id()
    }
}

/// Sends a request to the admin interface; an answer but 2xx is an error.
async fn send(method: ::http::Method, url: &str, body: Option<&Value>) -> Result<Value, Error> {
    let answer = http::request(method.clone(), url, body).await?;
    if (200..300).contains(&answer.status) {
        return answer.json();
    }
    Err(Error::Http(format!("{method} {url}: {} {}", answer.status, answer.text)))
}
