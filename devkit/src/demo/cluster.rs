//! The cluster of a demo: a control plane made for it, or one the user has asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;

use devkit::Error;
use devkit::controlplane::{self, Audit, ControlPlane, Options, Program};
use kube::config::{AuthInfo, Kubeconfig, NamedAuthInfo};

use super::expected;

/// Where the demo takes place.
pub enum Cluster {
    /// One that ends with the demo.
    Own(Box<ControlPlane>),
    /// The user's.
    Given {
        /// kubectl comes from here.
        program: Program,
        /// The user's kubeconfig.
        kubeconfig: PathBuf,
        /// Files that go with the demo.
        files: tempfile::TempDir,
    },
}

impl Cluster {
    pub async fn start(given: Option<PathBuf>) -> Result<Self, Error> {
        let Some(kubeconfig) = given else {
            return Ok(Self::Own(Box::new(ControlPlane::start(Options::default()).await?)));
        };
        let files = tempfile::tempdir().map_err(|source| Error::Io { what: "make a directory".to_owned(), source })?;
        Ok(Self::Given { program: Program::built().await?, kubeconfig, files })
    }

    pub fn kubeconfig(&self) -> &Path {
        match self {
            Self::Own(control_plane) => control_plane.kubeconfig(),
            Self::Given { kubeconfig, .. } => kubeconfig,
        }
    }

    pub fn program(&self) -> &Program {
        match self {
            Self::Own(control_plane) => control_plane.program(),
            Self::Given { program, .. } => program,
        }
    }

    pub async fn client(&self) -> Result<kube::Client, Error> {
        controlplane::client_from(self.kubeconfig()).await
    }

    pub async fn kubectl(&self, args: &[&str]) -> Result<Output, Error> {
        match self {
            Self::Own(control_plane) => control_plane.kubectl(args).await,
            Self::Given { program, kubeconfig, files } => {
                controlplane::kubectl(program, kubeconfig, &files.path().join("cache"), args).await
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

    /// What the API server recorded: only one of our own lets us read it.
    pub async fn audit(&self) -> Result<Option<Audit>, Error> {
        match self {
            Self::Own(control_plane) => control_plane.audit().await.map(Some),
            Self::Given { .. } => Ok(None),
        }
    }
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
