//! The cluster of a demo: a control plane made for it, or one that the user has named; what a demo deploys into it, and tears down.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;

use devkit::controlplane::{self, Audit, ControlPlane, Options, Programs};
use devkit::{Error, operator};
use kube::config::{AuthInfo, Kubeconfig, NamedAuthInfo};

use super::expected;

/// Where the examples go. Its name is known before it is made: whoever is interrupted while it is made can still take it away.
pub const NAMESPACE: &str = "codeguru-profiler-demo";

const KIND: &str = "customresourcedefinition/profilinggroups.codeguruprofiler.dev";
/// No deletion takes longer, unless something holds the object.
const DELETION: &str = "--timeout=2m";

/// Where the demo takes place.
pub enum Cluster {
    /// One that ends with the demo.
    Own(Box<ControlPlane>),
    /// The user's.
    Given {
        /// kubectl comes from here.
        programs: Programs,
        /// The user's kubeconfig.
        kubeconfig: PathBuf,
        /// Files that go with the demo.
        files: tempfile::TempDir,
    },
}

impl Cluster {
    pub async fn start(given: Option<PathBuf>) -> Result<Self, Error> {
        let Some(kubeconfig) = given else {
            let options = Options { controller_manager: false, ..Options::default() };
            return Ok(Self::Own(Box::new(ControlPlane::start(options).await?)));
        };
        let files = tempfile::tempdir().map_err(|source| Error::Io { what: "make a directory".to_owned(), source })?;
        Ok(Self::Given { programs: Programs::ready().await?, kubeconfig, files })
    }

    pub fn kubeconfig(&self) -> &Path {
        match self {
            Self::Own(control_plane) => control_plane.kubeconfig(),
            Self::Given { kubeconfig, .. } => kubeconfig,
        }
    }

    pub fn programs(&self) -> &Programs {
        match self {
            Self::Own(control_plane) => control_plane.programs(),
            Self::Given { programs, .. } => programs,
        }
    }

    pub async fn client(&self) -> Result<kube::Client, Error> {
        controlplane::client_from(self.kubeconfig()).await
    }

    pub async fn kubectl(&self, args: &[&str]) -> Result<Output, Error> {
        match self {
            Self::Own(control_plane) => control_plane.kubectl(args).await,
            Self::Given { programs, kubeconfig, files } => {
                controlplane::kubectl(programs, kubeconfig, &files.path().join("cache"), args).await
            }
        }
    }

    /// A kubeconfig for whoever holds this token.
    pub fn kubeconfig_for(&self, token: &str) -> Result<PathBuf, Error> {
        match self {
            Self::Own(control_plane) => control_plane.kubeconfig_for(token),
            Self::Given { kubeconfig, files, .. } => with_token(kubeconfig, token, files.path()),
        }
    }

    /// Reports an error when anything of what a demo deploys is there: the demo would tear down what is not its own, and an operator that is there would obey the examples.
    pub async fn ensure_empty(&self) -> Result<(), Error> {
        let access = operator::access();
        let mut found = Vec::new();
        for what in [&["namespace", NAMESPACE], &["-k", &access]] {
            let args = [&["get", "--ignore-not-found", "-o", "name"], &what[..]].concat();
            let output = self.kubectl(&args).await?;
            if !output.status.success() {
                return Err(failure(&args, &output));
            }
            found.extend(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned));
        }
        if found.is_empty() {
            return Ok(());
        }
        Err(expected(&format!(
            "this cluster has {} already: the demo would mix with an operator that is installed, or with what an earlier one left. Nothing \
             was changed. Use a cluster without the operator, or leave out --kubeconfig: then the demo makes one of its own",
            found.join(", ")
        )))
    }

    /// Deploys the kind, the operator's permissions and a namespace for the examples.
    pub async fn deploy(&self) -> Result<(), Error> {
        kubectl_ok(self, &["create", "namespace", NAMESPACE]).await?;
        kubectl_ok(self, &["apply", "-k", &operator::access()]).await?;
        kubectl_ok(self, &["wait", "--for=condition=Established", KIND, "--timeout=60s"]).await.map(|_| ())
    }

    /// Tears down all that was deployed into a cluster of the user's, however much that is. A cluster of our own goes with everything.
    pub async fn tear_down(&self) -> Result<(), Error> {
        if matches!(self, Self::Own(_)) {
            return Ok(());
        }
        let access = operator::access();
        let mut left = Vec::new();
        for what in [&["namespace", NAMESPACE], &["-k", &access]] {
            let args = [&["delete", "--ignore-not-found", DELETION], &what[..]].concat();
            let output = self.kubectl(&args).await?;
            if !output.status.success() {
                left.push(failure(&args, &output).to_string());
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        Err(expected(&format!("something of the demo is left in the cluster:\n{}", left.join("\n"))))
    }

    /// What the API server recorded: only one of our own lets us read it.
    pub async fn audit(&self) -> Result<Option<Audit>, Error> {
        match self {
            Self::Own(control_plane) => control_plane.audit().await.map(Some),
            Self::Given { .. } => Ok(None),
        }
    }
}

/// Runs kubectl, shows the command and what it printed.
pub async fn kubectl(cluster: &Cluster, args: &[&str]) -> Result<Output, Error> {
    println!("   $ kubectl {}", args.join(" "));
    let output = cluster.kubectl(args).await?;
    for line in String::from_utf8_lossy(&output.stdout).lines().chain(String::from_utf8_lossy(&output.stderr).lines()) {
        println!("     {line}");
    }
    Ok(output)
}

/// The same, for a command that has to work.
pub async fn kubectl_ok(cluster: &Cluster, args: &[&str]) -> Result<String, Error> {
    let output = kubectl(cluster, args).await?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(expected(&format!("kubectl {} failed ({})", args.join(" "), output.status)))
}

fn failure(args: &[&str], output: &Output) -> Error {
    let text = String::from_utf8_lossy(&output.stderr);
    expected(&format!("kubectl {} failed ({}): {}", args.join(" "), output.status, text.trim()))
}

/// The user's kubeconfig, with a token in the place of the user.
fn with_token(kubeconfig: &Path, token: &str, directory: &Path) -> Result<PathBuf, Error> {
    let failed = |error: &dyn std::fmt::Display| expected(&format!("{}: {error}", kubeconfig.display()));
    let mut content = Kubeconfig::read_from(kubeconfig).map_err(|error| failed(&error))?;
    let auth_info = AuthInfo { token: Some(token.to_owned().into()), ..AuthInfo::default() };
    content.auth_infos =
        vec![NamedAuthInfo { name: "operator".to_owned(), auth_info: Some(auth_info), other: BTreeMap::new() }];
    for context in &mut content.contexts {
        if let Some(context) = &mut context.context {
            context.user = Some("operator".to_owned());
        }
    }
    let text = serde_json::to_string(&content).map_err(|error| failed(&error))?;
    let path = directory.join("operator.kubeconfig");
    std::fs::write(&path, text).map_err(|error| failed(&error))?;
    Ok(path)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_demo_deployed_into_a_users_cluster_is_torn_down_and_a_deletion_that_fails_is_reported() {
        let plane = ControlPlane::start(Options::default()).await.unwrap();
        let users = Cluster::start(Some(plane.kubeconfig().to_path_buf())).await.unwrap();
        users.ensure_empty().await.unwrap();
        users.deploy().await.unwrap();
        let found = users.ensure_empty().await.unwrap_err().to_string();
        for deployed in [NAMESPACE, operator::NAMESPACE, "profilinggroups.codeguruprofiler.dev", "clusterrole"] {
            assert!(found.contains(deployed), "{deployed}: {found}");
        }

        let token = plane.token(operator::NAMESPACE, operator::NAME, 600).await.unwrap();
        let operators = Cluster::start(Some(plane.kubeconfig_for(&token).unwrap())).await.unwrap();
        let left = operators.tear_down().await.unwrap_err().to_string();
        for part in ["is left", NAMESPACE, "delete --ignore-not-found", "forbidden"] {
            assert!(left.contains(part), "{part}: {left}");
        }

        users.tear_down().await.unwrap();
        users.ensure_empty().await.unwrap();
        // However little was deployed.
        users.tear_down().await.unwrap();
    }
}
