//! An emulator of Amazon CodeGuru Profiler, for tests and demonstrations.
//!
//! What lives where: `table` lists the operations that there are, in the words of `model`; `route`, `validate` and `identity` turn a
//! request into one of them, and `call` puts them in order; `operations` runs it on the `state`; `answer` is the wire format of what comes
//! of it; `ports` is the only part that speaks to the network, with the
//! `journal`, the `faults` and the `settings` that its admin port controls. The `world` holds it all together.

mod agents;
mod answer;
mod call;
mod clock;
mod errors;
mod faults;
mod fleets;
mod form;
mod hash;
mod identity;
mod ids;
mod journal;
mod limits;
mod model;
mod moment;
mod offline;
mod operations;
mod patterns;
mod ports;
mod route;
mod scenario;
mod service;
mod settings;
mod state;
mod table;
mod validate;
mod world;

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::clock::Clock;
pub use crate::identity::{AccessKey, BadAccessKey};
use crate::ids::Ids;
use crate::journal::Journal;
pub use crate::offline::Offline;
use crate::scenario::Scenario;
pub use crate::scenario::ScenarioError;
pub use crate::settings::{Switch, switches};
use crate::world::World;

/// Where the emulator listens and whom it knows. The default is any two free ports of the loopback interface, and everyone.
#[derive(Clone, Debug)]
pub struct Config {
    /// The port that AWS clients talk to.
    pub listen: SocketAddr,
    /// The admin port.
    pub admin_listen: SocketAddr,
    /// The keys that requests may be signed with; none for any key, whose signatures then can't be verified.
    pub access_keys: Vec<AccessKey>,
    /// Requests to the admin port to begin with.
    pub scenario: Option<PathBuf>,
    /// Where every request goes as a line of JSON, after what is there already.
    pub journal: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { listen: any, admin_listen: any, access_keys: Vec::new(), scenario: None, journal: None }
    }
}

/// Why the emulator could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// One of the two addresses cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: std::io::Error,
    },
    /// The journal's file cannot be written.
    #[error("cannot write the journal {path}")]
    Journal {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The scenario cannot be played.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
}

/// A running emulator. It ends when it is dropped, and its connections with it.
#[derive(Debug)]
pub struct Emulator {
    /// The endpoint for AWS clients, without a slash at the end.
    pub service_url: String,
    /// The admin port's address, without a slash at the end.
    pub admin_url: String,
    ports: [JoinHandle<()>; 2],
}

impl Emulator {
    /// Starts on the current tokio runtime. Both ports are bound when this returns.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let (service, service_url) = bind(config.listen).await?;
        let (admin, admin_url) = bind(config.admin_listen).await?;
        let journal = match config.journal {
            Some(path) => Journal::written_to(append(path)?),
            None => Journal::default(),
        };
        let world = Arc::new(World::new(config.access_keys, journal, Clock::system(), Ids::random()));
        if let Some(path) = config.scenario {
            Scenario::read(&path)?.play(&world)?;
        }
        let of_service = Arc::clone(&world);
        let ports = [
            tokio::spawn(async move {
                ports::serve(service, move |request| ports::service::answer(Arc::clone(&of_service), request)).await;
            }),
            tokio::spawn(async move {
                ports::serve(admin, move |request| ports::admin::answer(Arc::clone(&world), request)).await;
            }),
        ];
        Ok(Self { service_url, admin_url, ports })
    }

    /// Ends the emulator; both ports are free when this returns.
    pub async fn stop(mut self) {
        for port in &mut self.ports {
            port.abort();
            // The only possible outcome is the abort just requested.
            let _ = port.await;
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        for port in &self.ports {
            port.abort();
        }
    }
}

/// The table of operations as JSON, for comparison with other descriptions of the service.
#[must_use]
pub fn table_json() -> serde_json::Value {
    serde_json::json!({"operations": table::operations().collect::<Vec<_>>()})
}

fn append(path: PathBuf) -> Result<File, StartError> {
    let file = File::options().create(true).append(true).open(&path);
    file.map_err(|source| StartError::Journal { path, source })
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, String), StartError> {
    let failed = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, format!("http://{bound}")))
}
