//! Argo CD's processes beside a control plane: Redis, repo-server, application-controller, server.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use super::MODULE;
use crate::controlplane::{ControlPlane, free_ports};
use crate::process::{Running, Spawn, kib_to_mib, printed};
use crate::{Error, go};

/// Where Argo CD keeps its objects.
pub const NAMESPACE: &str = "argocd";

const START_LIMIT: Duration = Duration::from_mins(1);
/// A port found free may be taken by the time it is used.
const ATTEMPTS: usize = 4;
/// What the installation of Argo CD makes, as far as these processes want it.
const OBJECTS: &str = include_str!("objects.yaml");
/// The module that brings the CRDs.
const IMPORT: &str = "github.com/argoproj/argo-cd/v3";

/// Argo CD beside a control plane. Its processes end with this value, and with this process however that ends.
#[derive(Debug)]
pub struct ArgoCd {
    // Dropped from top to bottom.
    server: Running,
    controller: Running,
    repo_server: Running,
    redis: Running,
    program: PathBuf,
    home: PathBuf,
    address: String,
}

impl ArgoCd {
    /// Installs Argo CD's kinds and objects, and with `kubectl patch` these settings; then starts it. Whatever stands in `path` besides, its repo-server finds
    /// there.
    ///
    /// Its files are in the control plane's directory and go with that.
    pub async fn start(plane: &ControlPlane, settings: &Path, path: &[PathBuf]) -> Result<Self, Error> {
        let programs = MODULE.built().await?;
        let source = go::source(&MODULE, IMPORT).await?;
        for kind in ["application", "appproject"] {
            let file = source.join(format!("manifests/crds/{kind}-crd.yaml"));
            let definition = fs::read_to_string(&file).map_err(Error::io(format!("read {}", file.display())))?;
            plane.apply(&definition).await?;
        }
        plane.apply(OBJECTS).await?;
        let settings = settings.display().to_string();
        let merge = ["patch", "configmap", "argocd-cm", "--namespace", NAMESPACE, "--type", "merge", "--patch-file"];
        let patched = plane.kubectl(&[&merge[..], &[&settings]].concat()).await?;
        printed(format!("kubectl patch with {settings}"), &patched)?;
        let home = plane.directory("argocd")?;
        let environment = environment(plane, &home, path)?;
        let mut attempt = 1;
        loop {
            match Self::start_once(&programs, &home, &environment).await {
                Err(Error::Ended { output, .. }) if attempt < ATTEMPTS && in_use(&output) => attempt += 1,
                result => return result,
            }
        }
    }

    async fn start_once(programs: &Path, home: &Path, environment: &[(&str, OsString)]) -> Result<Self, Error> {
        let ports: [u16; 6] = free_ports()?;
        let [redis, repo, repo_metrics, controller_metrics, server, server_metrics] =
            ports.map(|port| port.to_string());
        let (redis_at, repo_at) = (format!("127.0.0.1:{redis}"), format!("127.0.0.1:{repo}"));
        let spawn = |name: &str, args: &[&str]| {
            let spawn = Spawn::new(programs.join(name)).args(args).log(home.join(format!("{name}.log")));
            environment.iter().fold(spawn, |spawn, (name, value)| spawn.env(name, value))
        };
        let redis = Spawn::new("redis-server")
            .args(["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--port", &redis])
            .arg("--dir")
            .arg(home)
            .start()
            .await?;
        let ready = |output: &str| output.contains("Ready to accept connections").then_some(());
        redis.output_with("Redis is ready", START_LIMIT, ready).await?;
        let repo_server =
            spawn("argocd-repo-server", &["--address", "127.0.0.1", "--port", &repo, "--metrics-address", "127.0.0.1"])
                .args(["--metrics-port", &repo_metrics, "--redis", &redis_at])
                // Else a branch would stand for the same commit for three minutes.
                .args(["--revision-cache-expiration", "1s"])
                .start()
                .await?;
        // It has no flag for the address of its metrics: that one port listens on all of them.
        let controller =
            spawn("argocd-application-controller", &["--namespace", NAMESPACE, "--metrics-port", &controller_metrics])
                .args(["--redis", &redis_at, "--repo-server", &repo_at, "--persist-resource-health"])
                .args(["--app-resync", "5", "--app-resync-jitter", "0"])
                .start()
                .await?;
        let address = format!("127.0.0.1:{server}");
        let server = spawn("argocd-server", &["--namespace", NAMESPACE, "--disable-auth", "--insecure"])
            .args(["--address", "127.0.0.1", "--port", &server, "--metrics-address", "127.0.0.1"])
            .args(["--metrics-port", &server_metrics, "--redis", &redis_at, "--repo-server", &repo_at])
            .start()
            .await?;
        repo_server.http_ok(&format!("http://127.0.0.1:{repo_metrics}/metrics"), START_LIMIT).await?;
        controller.http_ok(&format!("http://127.0.0.1:{controller_metrics}/healthz"), START_LIMIT).await?;
        server.http_ok(&format!("http://{address}/healthz"), START_LIMIT).await?;
        let program = programs.join(MODULE.program);
        Ok(Self { server, controller, repo_server, redis, program, home: home.to_owned(), address })
    }

    /// Runs Argo CD's command line against the server; its output.
    pub async fn run(&self, args: &[&str]) -> Result<String, Error> {
        let output = tokio::process::Command::new(&self.program)
            .args(["--server", &self.address, "--plaintext"])
            .args(args)
            .env_clear()
            .env("HOME", &self.home)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(Error::io("run argocd"))?;
        printed(format!("argocd {}", args.join(" ")), &output)
    }

    /// What each process takes of memory, in MiB.
    pub fn memory(&self) -> Result<Vec<(&'static str, f64)>, Error> {
        let processes = [
            ("redis-server", &self.redis),
            ("repo-server", &self.repo_server),
            ("application-controller", &self.controller),
            ("server", &self.server),
        ];
        processes.into_iter().map(|(name, process)| Ok((name, kib_to_mib(process.rss_kib()?)))).collect()
    }
}

/// Directories of its own, and what makes it work outside of a cluster.
fn environment(plane: &ControlPlane, home: &Path, path: &[PathBuf]) -> Result<Vec<(&'static str, OsString)>, Error> {
    let directory = |name: &str| {
        let path = home.join(name);
        fs::create_dir_all(&path).map_err(Error::io(format!("make {}", path.display()))).map(|()| path)
    };
    // The repo-server runs it before each use of a commit, though signatures are not looked at.
    let wrapper = directory("bin")?.join("git-verify-wrapper.sh");
    fs::write(&wrapper, "#!/bin/sh\nexit 0\n").map_err(Error::io("write a script"))?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).map_err(Error::io("write a script"))?;
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(home.join("bin")).chain(path.iter().cloned()).chain(std::env::split_paths(&inherited));
    let path = std::env::join_paths(path).map_err(|error| Error::Unexpected(error.to_string()))?;
    Ok(vec![
        ("PATH", path),
        ("HOME", home.into()),
        ("TMPDIR", directory("tmp")?.into()),
        ("KUBECONFIG", plane.kubeconfig().into()),
        // Else the address that stands for the own cluster is refused.
        ("ARGOCD_FAKE_IN_CLUSTER", "true".into()),
        ("ARGOCD_TLS_DATA_PATH", directory("tls")?.into()),
        ("ARGOCD_SSH_DATA_PATH", directory("ssh")?.into()),
        ("ARGOCD_GPG_ENABLED", "false".into()),
        ("ARGOCD_GPG_DATA_PATH", directory("gpg")?.into()),
        ("ARGOCD_GNUPGHOME", directory("gpg")?.into()),
        ("ARGOCD_PLUGINSOCKFILEPATH", directory("plugins")?.into()),
    ])
}

fn in_use(output: &str) -> bool {
    ["address already in use", "Address already in use"].iter().any(|words| output.contains(words))
}
