//! A real Kubernetes control plane on loopback, or at the address of a node made here: started, stopped, and its clients.

mod access;
mod audit;
mod programs;
mod servers;

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, PoisonError};

use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::sync::OnceCell;

pub use access::{apply, namespace, token};
pub use audit::{Audit, Event};
pub use programs::{CONTROLLER_MANAGER, MODULE, Programs};
pub(crate) use servers::free_ports;
use servers::{Server, Servers};

use crate::Error;
use crate::process::Signal;

/// How to start a control plane.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether a kube-controller-manager runs: without one nothing collects garbage, ends a namespace or makes default service accounts.
    pub controller_manager: bool,
    /// More arguments for the API server.
    pub api_server_args: Vec<String>,
    /// The address of this machine's node, for which a cluster is made: the API server then listens where pods look for it, and every controller runs.
    /// Only for a network namespace of one's own.
    pub node: Option<Ipv4Addr>,
}

impl Default for Options {
    fn default() -> Self {
        Self { controller_manager: true, api_server_args: Vec::new(), node: None }
    }
}

/// A running control plane. Its processes and its state end with it, and with this process however that ends.
#[derive(Debug)]
pub struct ControlPlane {
    programs: Programs,
    servers: Servers,
    kubeconfig: PathBuf,
}

/// One more API server of a control plane. It ends when this is dropped.
#[derive(Debug)]
pub struct ApiServer {
    kubeconfig: PathBuf,
    _server: Server,
}

impl ApiServer {
    /// The kubeconfig of an administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }
}

impl ControlPlane {
    /// Starts a control plane of one's own.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let programs = Programs::ready().await?;
        let servers = Servers::start(&programs, options).await?;
        let kubeconfig = servers.admin_kubeconfig();
        Ok(Self { programs, servers, kubeconfig })
    }

    /// A new directory for what is to end with the control plane, as its own state does.
    pub fn directory(&self, name: &str) -> Result<PathBuf, Error> {
        let directory = self.servers.state().join(name);
        std::fs::create_dir(&directory).map_err(Error::io(format!("make {}", directory.display())))?;
        Ok(directory)
    }

    /// The one control plane of this process, started by its first user. It lives as long as the process.
    pub async fn shared() -> Result<Arc<Self>, Error> {
        static SHARED: OnceCell<Result<Arc<ControlPlane>, String>> = OnceCell::const_new();
        let shared = SHARED.get_or_init(|| async {
            // On a thread of its own, so that a test that is given up while it starts does not take it away from the others.
            let (sender, receiver) = tokio::sync::oneshot::channel();
            std::thread::spawn(move || {
                let started = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(Error::io("make a runtime"))
                    .and_then(|runtime| runtime.block_on(Self::start(Options::default())));
                let _ = sender.send(started);
            });
            match receiver.await {
                Ok(started) => started.map(Arc::new).map_err(|error| error.to_string()),
                Err(_) => Err("the thread that starts the control plane ended".to_owned()),
            }
        });
        shared.await.clone().map_err(Error::Unexpected)
    }

    /// The programs that it is made of.
    #[must_use]
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// The kubeconfig of an administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The environment of a command that is to use it: `KUBECONFIG`, and a `PATH` with kubectl on it.
    pub fn environment(&self) -> Result<[(&'static str, OsString); 2], Error> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let directories = std::iter::once(self.programs.directory().to_path_buf());
        let path = std::env::join_paths(directories.chain(std::env::split_paths(&path)));
        let path = path.map_err(|error| Error::Unexpected(error.to_string()))?;
        Ok([("KUBECONFIG", self.kubeconfig.clone().into()), ("PATH", path)])
    }

    /// Where the API server listens.
    #[must_use]
    pub fn api_url(&self) -> &str {
        self.servers.api_url()
    }

    /// A new client with all permissions. It belongs to the caller's runtime, as every client does.
    pub async fn client(&self) -> Result<kube::Client, Error> {
        client_from(&self.kubeconfig).await
    }

    /// Runs kubectl as an administrator, to its end.
    pub async fn kubectl(&self, args: &[&str]) -> Result<Output, Error> {
        self.kubectl_with(&self.kubeconfig, args).await
    }

    /// Runs kubectl with this kubeconfig, to its end.
    pub async fn kubectl_with(&self, kubeconfig: &Path, args: &[&str]) -> Result<Output, Error> {
        kubectl(&self.programs, kubeconfig, &self.servers.state().join("kubectl-cache"), args).await
    }

    /// Stops the API server at once, as a crash would.
    pub fn stop_api_server(&self) {
        *self.servers.api_server.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Stops the API server where it is, as a machine that hangs would: connections stay open, and nothing answers.
    pub fn freeze_api_server(&self) -> Result<(), Error> {
        self.signal_api_server(Signal::STOP)
    }

    /// Lets a frozen API server go on.
    pub fn thaw_api_server(&self) -> Result<(), Error> {
        self.signal_api_server(Signal::CONT)
    }

    fn signal_api_server(&self, signal: Signal) -> Result<(), Error> {
        let mut server = self.servers.api_server.lock().unwrap_or_else(PoisonError::into_inner);
        let server = server.as_mut().ok_or_else(|| Error::Unexpected("no API server is running".to_owned()))?;
        server.signal(signal)
    }

    /// Where etcd listens.
    #[must_use]
    pub fn etcd_url(&self) -> &str {
        self.servers.etcd_url()
    }

    /// Drops all history in etcd before now, as a cluster does every five minutes. An API server that is started after that
    /// knows none of it, and refuses to resume a watch from there.
    pub async fn compact(&self) -> Result<(), Error> {
        self.servers.compact().await
    }

    /// Starts one more API server, which finds etcd there.
    pub async fn another_api_server(&self, etcd_url: &str) -> Result<ApiServer, Error> {
        let (server, kubeconfig) = self.servers.another_api_server(etcd_url).await?;
        Ok(ApiServer { kubeconfig, _server: server })
    }

    /// Starts the API server again at the same address, and waits until it is ready.
    pub async fn start_api_server(&self) -> Result<(), Error> {
        self.servers.start_api_server().await
    }
}

/// Runs kubectl to its end.
pub async fn kubectl(programs: &Programs, kubeconfig: &Path, cache: &Path, args: &[&str]) -> Result<Output, Error> {
    tokio::process::Command::new(programs.kubectl())
        .args(args)
        .env("KUBECONFIG", kubeconfig)
        .env("KUBECACHEDIR", cache)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(Error::io("run kubectl"))
}

/// A client by this kubeconfig.
pub async fn client_from(kubeconfig: &Path) -> Result<kube::Client, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Unexpected(format!("{}: {error}", kubeconfig.display()));
    let read = Kubeconfig::read_from(kubeconfig).map_err(|error| failed(&error))?;
    let config = kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
    kube::Client::try_from(config.map_err(|error| failed(&error))?).map_err(Error::kube("make a client"))
}
