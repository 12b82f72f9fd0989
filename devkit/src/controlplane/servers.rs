//! The three servers as processes: their command lines, their order, their readiness.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ::http::Method;
use serde_json::{Value, json};

use super::{Options, Programs, access, client_from};
use crate::process::{self, Log, Signal, Supervised};
use crate::{Error, http, wait};

/// On a machine that is busy with a build as well.
const START_LIMIT: Duration = Duration::from_secs(90);
/// A port found free may be taken by the time it is used.
const ATTEMPTS: usize = 4;
/// Everything is recorded, once, when its answer is known.
const AUDIT_POLICY: &str = r#"{"apiVersion":"audit.k8s.io/v1","kind":"Policy","omitStages":["RequestReceived"],"rules":[{"level":"Metadata"}]}"#;
/// The supervisor kills a server at once: the state is thrown away with all of them, and an API server that is to stop after its etcd has gone does not end
/// for minutes.
const NO_GRACE: &str = "-grace=0s";
/// Those that a cluster without nodes has work for.
const CONTROLLERS: &str = "serviceaccount-controller,serviceaccount-token-controller,namespace-controller,garbage-collector-controller,root-ca-certificate-publisher-controller,clusterrole-aggregation-controller,resourcequota-controller";

/// The running servers and their state directory.
#[derive(Debug)]
pub(super) struct Servers {
    supervisor: PathBuf,
    programs: Programs,
    options: Options,
    // Dropped from top to bottom: an API server whose etcd has gone before it takes minutes to notice.
    controller_manager: Mutex<Option<Server>>,
    pub(super) api_server: Mutex<Option<Server>>,
    etcd: Option<Server>,
    state: PathBuf,
    etcd_url: String,
    peer_url: String,
    api_url: String,
    api_port: u16,
}

/// Where one API server listens, and what it reads and writes.
struct Place<'a> {
    etcd_url: &'a str,
    port: u16,
    audit_log: PathBuf,
}

/// One server and its output.
#[derive(Debug)]
pub(super) struct Server {
    name: &'static str,
    supervised: Supervised,
    id: Log,
    log: Log,
}

impl Server {
    /// Runs `command`, the supervisor with all its arguments.
    fn start(name: &'static str, mut command: Command, log: Log) -> Result<Self, Error> {
        // The supervisor writes the process id to standard output, and all that the server writes to standard error.
        let id = Log::anonymous()?;
        command.stdout(id.writer()?).stderr(log.writer()?);
        Ok(Self { name, supervised: Supervised::start(&mut command)?, id, log })
    }

    /// Sends the server itself a signal, not its supervisor.
    pub(super) fn signal(&mut self, signal: Signal) -> Result<(), Error> {
        self.check()?;
        let id = self.id.text().trim().parse().ok();
        let id = id.ok_or_else(|| Error::Unexpected(format!("{} has no process id yet", self.name)))?;
        process::signal(self.name, id, signal)
    }

    /// An error when the server has ended.
    fn check(&mut self) -> Result<(), Error> {
        match self.supervised.ended() {
            None => Ok(()),
            Some(status) => Err(Error::Ended { what: self.name.to_owned(), status, output: self.log.tail() }),
        }
    }
}

impl Servers {
    pub(super) async fn start(programs: &Programs, options: Options) -> Result<Self, Error> {
        let supervisor = process::supervisor().await?;
        // Before the first server: it may take a build.
        let controller_manager =
            if options.controller_manager { Some(programs.controller_manager().await?) } else { None };
        let mut attempt = 1;
        loop {
            match Self::start_once(&supervisor, programs, controller_manager.as_deref(), options.clone()).await {
                Err(Error::Ended { output, .. }) if attempt < ATTEMPTS && output.contains("address already in use") => {
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn start_once(
        supervisor: &Path,
        programs: &Programs,
        controller_manager: Option<&Path>,
        options: Options,
    ) -> Result<Self, Error> {
        let [client_port, peer_port, free_port] = free_ports()?;
        let (api_host, api_port) = match options.node {
            None => (Ipv4Addr::LOCALHOST, free_port),
            // Every pod's environment has https://10.96.0.1:443.
            Some(node) => (node, 443),
        };
        let state =
            tempfile::Builder::new().prefix("devkit-").tempdir().map_err(Error::io("make a state directory"))?;
        let mut servers = Self {
            supervisor: supervisor.to_owned(),
            programs: programs.clone(),
            options,
            controller_manager: Mutex::new(None),
            api_server: Mutex::new(None),
            etcd: None,
            // From here on `drop` and etcd's supervisor see to it.
            state: state.keep(),
            etcd_url: format!("http://127.0.0.1:{client_port}"),
            peer_url: format!("http://127.0.0.1:{peer_port}"),
            api_url: format!("https://{api_host}:{api_port}"),
            api_port,
        };
        servers.write_files()?;
        servers.etcd = Some(servers.start_etcd()?);
        servers.etcd_ready().await?;
        servers.start_api_server().await?;
        if let Some(program) = controller_manager {
            let mut command = servers.command(program);
            command.args(servers.controller_manager_args());
            let server = servers.start_server("kube-controller-manager", command)?;
            *servers.controller_manager.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
        }
        Ok(servers)
    }

    pub(super) fn state(&self) -> &Path {
        &self.state
    }

    pub(super) fn api_url(&self) -> &str {
        &self.api_url
    }

    pub(super) fn admin_kubeconfig(&self) -> PathBuf {
        self.state.join("admin.kubeconfig")
    }

    pub(super) fn certificate(&self) -> PathBuf {
        self.state.join("certificates/apiserver.crt")
    }

    pub(super) fn audit_log(&self) -> PathBuf {
        self.state.join("audit.log")
    }

    /// What the servers read: keys, tokens, policies.
    fn write_files(&self) -> Result<(), Error> {
        let token = access::secret()?;
        let tokens = format!("{token},admin,admin,system:masters\n");
        self.write("tokens.csv", &tokens)?;
        self.write("audit-policy.json", AUDIT_POLICY)?;
        self.write("etcd.json", &self.etcd_configuration().to_string())?;
        self.write("admin.kubeconfig", &self.kubeconfig(&self.api_url, &token))
    }

    fn kubeconfig(&self, url: &str, token: &str) -> String {
        access::kubeconfig(url, Some(&self.certificate()), &json!({ "token": token })).to_string()
    }

    /// A command to which a server's arguments are added.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(&self.supervisor);
        command.arg(NO_GRACE).arg(program);
        command
    }

    fn start_server(&self, name: &'static str, command: Command) -> Result<Server, Error> {
        Server::start(name, command, Log::named(&self.state.join(format!("{name}.log")))?)
    }

    /// The state goes with etcd, by its supervisor: a parent that was killed can't remove it.
    fn start_etcd(&self) -> Result<Server, Error> {
        let mut command = Command::new(&self.supervisor);
        command.args([NO_GRACE, "-remove"]).arg(&self.state).arg(self.programs.etcd());
        command.arg(format!("--config-file={}", self.state.join("etcd.json").display()));
        self.start_server("etcd", command)
    }

    fn etcd_configuration(&self) -> Value {
        json!({
            "name": "default",
            "data-dir": self.state.join("etcd"),
            "listen-client-urls": self.etcd_url,
            "advertise-client-urls": self.etcd_url,
            "listen-peer-urls": self.peer_url,
            "initial-advertise-peer-urls": self.peer_url,
            "initial-cluster": format!("default={}", self.peer_url),
            "unsafe-no-fsync": true,
            "log-level": "error",
        })
    }

    fn write(&self, name: &str, content: &str) -> Result<(), Error> {
        write_private(&self.state.join(name), content)
    }

    /// The key of its certificate, which the API server makes when it first starts, signs the tokens of service accounts as well.
    fn key(&self) -> PathBuf {
        self.state.join("certificates/apiserver.key")
    }

    async fn etcd_ready(&mut self) -> Result<(), Error> {
        let url = format!("{}/health", self.etcd_url);
        let etcd = Mutex::new(self.etcd.as_mut());
        ready("etcd is healthy", || async {
            if let Some(server) = etcd.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                server.check()?;
            }
            Ok(http::get(&url).await.is_ok_and(|answer| answer.status == 200))
        })
        .await
    }

    pub(super) async fn start_api_server(&self) -> Result<(), Error> {
        {
            let mut running = self.api_server.lock().unwrap_or_else(PoisonError::into_inner);
            if running.is_none() {
                let place = Place { etcd_url: &self.etcd_url, port: self.api_port, audit_log: self.audit_log() };
                let mut command = self.command(&self.programs.api_server());
                command.args(self.api_server_args(&place));
                *running = Some(self.start_server("kube-apiserver", command)?);
            }
        }
        ready("the API server is ready", || async {
            if let Some(server) = self.api_server.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                server.check()?;
            }
            Ok(answers(self.api_port, &self.admin_kubeconfig()).await)
        })
        .await
    }

    /// One more API server, which finds etcd there, and the kubeconfig of its administrator.
    pub(super) async fn another_api_server(&self, etcd_url: &str) -> Result<(Server, PathBuf), Error> {
        let [port] = free_ports()?;
        let place = Place { etcd_url, port, audit_log: self.state.join(format!("audit-{port}.log")) };
        let tokens = fs::read_to_string(self.state.join("tokens.csv")).map_err(Error::io("read the tokens"))?;
        let token = tokens.split(',').next().unwrap_or_default();
        let kubeconfig = format!("admin-{port}.kubeconfig");
        self.write(&kubeconfig, &self.kubeconfig(&format!("https://127.0.0.1:{port}"), token))?;
        let mut command = self.command(&self.programs.api_server());
        command.args(self.api_server_args(&place));
        let log = Log::named(&self.state.join(format!("kube-apiserver-{port}.log")))?;
        let mut server = Server::start("another kube-apiserver", command, log)?;
        let kubeconfig = self.state.join(kubeconfig);
        let checked = Mutex::new(&mut server);
        ready("another API server is ready", || async {
            checked.lock().unwrap_or_else(PoisonError::into_inner).check()?;
            Ok(answers(port, &kubeconfig).await)
        })
        .await?;
        Ok((server, kubeconfig))
    }

    /// Drops all history before now, as a cluster does every five minutes.
    pub(super) async fn compact(&self) -> Result<(), Error> {
        let post = async |path: &str, body: Value| {
            let answer = http::request(Method::POST, &format!("{}/v3/kv/{path}", self.etcd_url), Some(&body)).await?;
            if answer.status == 200 { answer.json() } else { Err(Error::Unexpected(answer.text)) }
        };
        // Any key's answer names the revision; `AA==` is the byte 0.
        let revision = post("range", json!({ "key": "AA==" })).await?["header"]["revision"].clone();
        post("compaction", json!({ "revision": revision, "physical": true })).await?;
        Ok(())
    }

    pub(super) fn etcd_url(&self) -> &str {
        &self.etcd_url
    }

    fn api_server_args(&self, Place { etcd_url, port, audit_log }: &Place) -> Vec<String> {
        let state = self.state.display();
        let key = self.key();
        let key = key.display();
        let mut args = vec![
            format!("--etcd-servers={etcd_url}"),
            format!("--secure-port={port}"),
            format!("--cert-dir={state}/certificates"),
            format!("--token-auth-file={state}/tokens.csv"),
            "--authorization-mode=RBAC".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={key}"),
            format!("--service-account-signing-key-file={key}"),
            "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
            format!("--audit-policy-file={state}/audit-policy.json"),
            format!("--audit-log-path={}", audit_log.display()),
            "--audit-log-mode=blocking".to_owned(),
            // Never rotated: a test counts from its beginning.
            "--audit-log-maxsize=8192".to_owned(),
        ];
        args.extend(match self.options.node {
            None => vec![
                "--bind-address=127.0.0.1".to_owned(),
                "--advertise-address=127.0.0.1".to_owned(),
                // The address is of no use to a pod, and a loopback one is refused in the endpoints of the service `kubernetes`.
                "--endpoint-reconciler-type=none".to_owned(),
            ],
            Some(node) => vec![
                "--bind-address=0.0.0.0".to_owned(),
                format!("--advertise-address={node}"),
                // For `kubectl logs` and `exec`: no DNS knows the node's name.
                "--kubelet-preferred-address-types=InternalIP".to_owned(),
            ],
        });
        args.extend(self.options.api_server_args.iter().cloned());
        args
    }

    fn controller_manager_args(&self) -> Vec<String> {
        let state = self.state.display();
        let controllers = if self.options.node.is_some() { "*" } else { CONTROLLERS };
        vec![
            format!("--kubeconfig={state}/admin.kubeconfig"),
            format!("--service-account-private-key-file={}", self.key().display()),
            format!("--root-ca-file={}", self.certificate().display()),
            "--use-service-account-credentials=true".to_owned(),
            format!("--controllers={controllers}"),
            // Else it creates a directory outside of its own.
            format!("--flex-volume-plugin-dir={state}/volume-plugins"),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
        ]
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for server in [&self.controller_manager, &self.api_server] {
            *server.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        self.etcd = None;
        // Its supervisor has removed it; this is for a start that went wrong before.
        let _ = fs::remove_dir_all(&self.state);
    }
}

/// Whether the API server at this port of this machine is ready.
async fn answers(port: u16, kubeconfig: &Path) -> bool {
    // The certificate is there once the server listens.
    if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        return false;
    }
    let request = ::http::Request::get("/readyz").body(Vec::new());
    let (Ok(request), Ok(client)) = (request, client_from(kubeconfig).await) else { return false };
    client.request_text(request).await.is_ok()
}

/// Waits until a server is ready, and gives up at once when it has ended.
async fn ready<F: Future<Output = Result<bool, Error>>>(what: &str, mut probe: impl FnMut() -> F) -> Result<(), Error> {
    wait::until(what, START_LIMIT, || {
        let probe = probe();
        async move {
            match probe.await {
                Ok(true) => Some(Ok(())),
                Ok(false) => None,
                Err(error) => Some(Err(error)),
            }
        }
    })
    .await?
}

/// Ports that were free a moment ago, all different.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N], Error> {
    let mut ports = [0; N];
    let mut held = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(Error::io("find a free port"))?;
        *port = listener.local_addr().map_err(Error::io("find a free port"))?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// Writes a file that only its owner can read.
pub(super) fn write_private(path: &Path, content: &str) -> Result<(), Error> {
    fs::write(path, content).map_err(Error::io(format!("write {}", path.display())))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .map_err(Error::io(format!("protect {}", path.display())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_audit_policy_is_json() {
        let policy: serde_json::Value = serde_json::from_str(AUDIT_POLICY).unwrap();
        assert_eq!(policy["rules"], json!([{"level": "Metadata"}]));
    }
}
