//! Ways in: tokens, kubeconfigs, namespaces, and applying resources.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind, TypeMeta};
use kube::discovery::{ApiCapabilities, Scope, pinned_kind};
use serde_json::{Value, json};

use super::ControlPlane;
use super::servers::write_private;
use crate::{Error, wait};

/// How long a kind may take to be served after its CRD was accepted.
const KIND_LIMIT: Duration = Duration::from_secs(20);
const FIELD_MANAGER: &str = "devkit";

impl ControlPlane {
    /// A token of a service account, from TokenRequest, for at least ten minutes.
    pub async fn token(&self, namespace: &str, service_account: &str, seconds: i64) -> Result<String, Error> {
        token(&self.client().await?, namespace, service_account, seconds).await
    }

    /// A kubeconfig that names a file with this token, as a pod has it. Both go with the control plane.
    pub fn kubeconfig_for(&self, token: &str) -> Result<PathBuf, Error> {
        self.keep_kubeconfig(self.api_url(), Some(&self.servers.certificate()), token)
    }

    /// A kubeconfig with this token that goes another way than straight to the API server: through a fault proxy.
    pub fn kubeconfig_through(&self, url: &str, token: &str) -> Result<PathBuf, Error> {
        self.keep_kubeconfig(url, None, token)
    }

    fn keep_kubeconfig(&self, url: &str, certificate: Option<&Path>, token: &str) -> Result<PathBuf, Error> {
        let base = self.servers.state().join(secret()?);
        let (path, token_file) = (base.with_extension("kubeconfig"), base.with_extension("token"));
        write_private(&token_file, token)?;
        write_private(&path, &kubeconfig(url, certificate, &json!({ "tokenFile": token_file })).to_string())?;
        Ok(path)
    }

    /// A new namespace with a name that starts like this.
    pub async fn namespace(&self, prefix: &str) -> Result<String, Error> {
        namespace(&self.client().await?, prefix).await
    }

    /// Applies every document of a YAML text on the server's side, each in its own namespace or in `default`, and waits until new kinds are served.
    pub async fn apply(&self, yaml: &str) -> Result<Vec<DynamicObject>, Error> {
        apply(&self.client().await?, "default", yaml).await
    }

    /// The same, in this namespace where a document names none.
    pub async fn apply_in(&self, namespace: &str, yaml: &str) -> Result<Vec<DynamicObject>, Error> {
        apply(&self.client().await?, namespace, yaml).await
    }
}

/// A token of a service account, from TokenRequest, for at least ten minutes.
pub async fn token(
    client: &kube::Client,
    namespace: &str,
    service_account: &str,
    seconds: i64,
) -> Result<String, Error> {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let request = TokenRequest {
        spec: TokenRequestSpec { expiration_seconds: Some(seconds), ..TokenRequestSpec::default() },
        ..TokenRequest::default()
    };
    let what = format!("request a token of {namespace}/{service_account}");
    let answer = accounts.create_token_request(service_account, &PostParams::default(), &request).await;
    let status = answer.map_err(Error::kube(what.clone()))?.status;
    Ok(status.ok_or_else(|| Error::Unexpected(format!("{what}: no token in the answer")))?.token)
}

/// A new namespace with a name that starts like this.
pub async fn namespace(client: &kube::Client, prefix: &str) -> Result<String, Error> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let mut namespace = Namespace::default();
    namespace.metadata.generate_name = Some(format!("{prefix}-"));
    let created =
        namespaces.create(&PostParams::default(), &namespace).await.map_err(Error::kube("make a namespace"))?;
    created.metadata.name.ok_or_else(|| Error::Unexpected("a namespace without a name".to_owned()))
}

/// Applies every document of a YAML text on the server's side, in this namespace where a document names none.
pub async fn apply(client: &kube::Client, namespace: &str, yaml: &str) -> Result<Vec<DynamicObject>, Error> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(yaml).map_err(|error| Error::Unexpected(format!("{error} in\n{yaml}")))?;
    let mut applied = Vec::new();
    for document in documents.iter().filter(|document| !document.is_null()) {
        applied.push(apply_one(client, namespace, document).await?);
    }
    Ok(applied)
}

async fn apply_one(client: &kube::Client, namespace: &str, document: &Value) -> Result<DynamicObject, Error> {
    let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (kind, name) = (text("/kind"), text("/metadata/name"));
    let what = format!("apply {kind} {name}");
    let types = TypeMeta { api_version: text("/apiVersion").to_owned(), kind: kind.to_owned() };
    let gvk = GroupVersionKind::try_from(&types).map_err(|error| Error::Unexpected(format!("{what}: {error}")))?;
    let (resource, capabilities) = served(client, &gvk).await?;
    let namespace = document.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or(namespace);
    let api: Api<DynamicObject> = match capabilities.scope {
        Scope::Namespaced => Api::namespaced_with(client.clone(), namespace, &resource),
        Scope::Cluster => Api::all_with(client.clone(), &resource),
    };
    let patch = PatchParams::apply(FIELD_MANAGER).force();
    let applied = api.patch(name, &patch, &Patch::Apply(document)).await.map_err(Error::kube(what.clone()))?;
    if kind == "CustomResourceDefinition" {
        wait::until(&format!("{name} is established"), KIND_LIMIT, || async {
            let conditions = api.get(name).await.ok()?.data.pointer("/status/conditions").cloned()?;
            let is = |condition: &Value| condition["type"] == "Established" && condition["status"] == "True";
            conditions.as_array()?.iter().any(is).then_some(())
        })
        .await?;
    }
    Ok(applied)
}

/// How a kind is served. One that was defined a moment ago takes its time to show.
async fn served(client: &kube::Client, gvk: &GroupVersionKind) -> Result<(ApiResource, ApiCapabilities), Error> {
    let what = format!("{} of {} is served", gvk.kind, gvk.api_version());
    wait::until(&what, KIND_LIMIT, || async { pinned_kind(client, gvk).await.ok() }).await
}

/// A kubeconfig as JSON, which is YAML too. Without a certificate the way is plain HTTP.
pub(super) fn kubeconfig(url: &str, certificate: Option<&Path>, user: &Value) -> Value {
    let mut cluster = json!({ "server": url });
    if let Some(path) = certificate {
        cluster["certificate-authority"] = json!(path);
    }
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "devkit", "cluster": cluster }],
        "users": [{ "name": "user", "user": user }],
        "contexts": [{ "name": "devkit", "context": { "cluster": "devkit", "user": "user" } }],
        "current-context": "devkit",
    })
}

/// A name nobody guesses.
pub(super) fn secret() -> Result<String, Error> {
    use std::fmt::Write;

    let mut bytes = [0; 16];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(Error::io("read random bytes"))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
