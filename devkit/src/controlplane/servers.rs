//! The three servers as processes: their command lines, their order, their readiness.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use serde_json::json;

use super::{Options, Program, access, client_from};
use crate::process::{Server, ready};
use crate::{Error, http};

/// Where a node and its pods look for the API server.
const HTTPS: u16 = 443;
/// A port found free may be taken by the time it is used.
const ATTEMPTS: usize = 4;
/// Everything is recorded, once, when its answer is known.
const AUDIT_POLICY: &str = r#"{"apiVersion":"audit.k8s.io/v1","kind":"Policy","omitStages":["RequestReceived"],"rules":[{"level":"Metadata"}]}"#;
/// Those that a cluster without nodes has work for.
const CONTROLLERS: &str = "serviceaccount-controller,serviceaccount-token-controller,namespace-controller,garbage-collector-controller,root-ca-certificate-publisher-controller,clusterrole-aggregation-controller,resourcequota-controller";

/// The running servers and their state directory.
#[derive(Debug)]
pub(super) struct Servers {
    program: PathBuf,
    options: Options,
    // Dropped from top to bottom: an API server whose etcd has gone before it takes minutes to notice.
    controller_manager: Mutex<Option<Server>>,
    pub(super) api_server: Mutex<Option<Server>>,
    etcd: Option<Server>,
    state: PathBuf,
    etcd_url: String,
    api_url: String,
    api_address: SocketAddrV4,
}

impl Servers {
    pub(super) async fn start(program: &Program, options: Options) -> Result<Self, Error> {
        let mut attempt = 1;
        loop {
            match Self::start_once(program, options.clone()).await {
                Err(Error::Ended { output, .. }) if attempt < ATTEMPTS && output.contains("address already in use") => {
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn start_once(program: &Program, options: Options) -> Result<Self, Error> {
        let [client_port, peer_port, free_port] = free_ports()?;
        let api_address = match options.node {
            Some(address) => SocketAddrV4::new(address, HTTPS),
            None => SocketAddrV4::new(Ipv4Addr::LOCALHOST, free_port),
        };
        let state =
            tempfile::Builder::new().prefix("devkit-").tempdir().map_err(Error::io("make a state directory"))?;
        let mut servers = Self {
            program: program.path(),
            options,
            controller_manager: Mutex::new(None),
            api_server: Mutex::new(None),
            etcd: None,
            // From here on `drop` and etcd itself see to it.
            state: state.keep(),
            etcd_url: format!("http://127.0.0.1:{client_port}"),
            api_url: format!("https://{api_address}"),
            api_address,
        };
        let peer_url = format!("http://127.0.0.1:{peer_port}");
        let args = [servers.state.display().to_string(), servers.etcd_url.clone(), peer_url];
        servers.etcd = Some(servers.server("etcd", &args)?);
        servers.write_files()?;
        servers.etcd_ready().await?;
        servers.start_api_server().await?;
        if servers.options.controller_manager {
            let server = servers.server("kube-controller-manager", &servers.controller_manager_args())?;
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
        let kubeconfig = access::kubeconfig(&self.api_url, Some(&self.certificate()), &json!({ "token": token }));
        self.write("admin.kubeconfig", &kubeconfig.to_string())?;
        let key = Command::new(&self.program).arg("serviceaccount-key").arg(self.key()).output();
        let key = key.map_err(Error::io("make the key of service accounts"))?;
        if key.status.success() {
            return Ok(());
        }
        Err(Error::Unexpected(format!("make the key of service accounts: {}", String::from_utf8_lossy(&key.stderr))))
    }

    fn write(&self, name: &str, content: &str) -> Result<(), Error> {
        write_private(&self.state.join(name), content)
    }

    fn server(&self, name: &'static str, args: &[String]) -> Result<Server, Error> {
        Server::start(name, Command::new(&self.program).arg(name).args(args), &self.state)
    }

    fn key(&self) -> PathBuf {
        self.state.join("serviceaccount.key")
    }

    async fn etcd_ready(&mut self) -> Result<(), Error> {
        let url = format!("{}/health", self.etcd_url);
        let etcd = &mut self.etcd;
        ready(
            "etcd is healthy",
            || etcd.as_mut().map_or(Ok(()), Server::check),
            || async { http::get(&url).await.is_ok_and(|answer| answer.status == 200) },
        )
        .await
    }

    pub(super) async fn start_api_server(&self) -> Result<(), Error> {
        {
            let mut running = self.api_server.lock().unwrap_or_else(PoisonError::into_inner);
            if running.is_none() {
                *running = Some(self.server("kube-apiserver", &self.api_server_args())?);
            }
        }
        let check = || {
            let mut running = self.api_server.lock().unwrap_or_else(PoisonError::into_inner);
            running.as_mut().map_or(Ok(()), Server::check)
        };
        ready("the API server is ready", check, || async {
            // The certificate is there once the server listens.
            if tokio::net::TcpStream::connect(self.api_address).await.is_err() {
                return false;
            }
            let Ok(request) = ::http::Request::get("/readyz").body(Vec::new()) else { return false };
            match client_from(&self.admin_kubeconfig()).await {
                Ok(client) => client.request_text(request).await.is_ok(),
                Err(_) => false,
            }
        })
        .await
    }

    fn api_server_args(&self) -> Vec<String> {
        let state = self.state.display();
        let key = self.key();
        let key = key.display();
        let mut args = vec![
            format!("--etcd-servers={}", self.etcd_url),
            format!("--advertise-address={}", self.api_address.ip()),
            format!("--secure-port={}", self.api_address.port()),
            format!("--cert-dir={state}/certificates"),
            format!("--token-auth-file={state}/tokens.csv"),
            "--authorization-mode=RBAC".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={key}"),
            format!("--service-account-signing-key-file={key}"),
            "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
            format!("--audit-policy-file={state}/audit-policy.json"),
            format!("--audit-log-path={}", self.audit_log().display()),
            "--audit-log-mode=blocking".to_owned(),
            // Never rotated: a test counts from its beginning.
            "--audit-log-maxsize=8192".to_owned(),
        ];
        let place: &[&str] = match self.options.node {
            // On the service's address too, which makes it the service `kubernetes` itself; and the node's name is in no DNS.
            Some(_) => &["--bind-address=0.0.0.0", "--kubelet-preferred-address-types=InternalIP"],
            // The address is of no use to a pod, and a loopback one is refused in the endpoints of the service `kubernetes`.
            None => &["--bind-address=127.0.0.1", "--endpoint-reconciler-type=none"],
        };
        args.extend(place.iter().map(|&arg| arg.to_owned()));
        args.extend(self.options.api_server_args.iter().cloned());
        args
    }

    fn controller_manager_args(&self) -> Vec<String> {
        let state = self.state.display();
        vec![
            format!("--kubeconfig={state}/admin.kubeconfig"),
            format!("--service-account-private-key-file={}", self.key().display()),
            format!("--root-ca-file={}", self.certificate().display()),
            "--use-service-account-credentials=true".to_owned(),
            format!("--controllers={}", if self.options.node.is_some() { "*" } else { CONTROLLERS }),
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
        // etcd has removed it; this is for a start that went wrong before.
        let _ = fs::remove_dir_all(&self.state);
    }
}

/// Ports that were free a moment ago, all different.
fn free_ports<const N: usize>() -> Result<[u16; N], Error> {
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
