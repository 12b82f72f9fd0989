//! What an installed Deployment gives the operator's process: arguments, environment, identity. Reads the API server.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvFromSource, EnvVar, EnvVarSource, PodSpec, Secret};
use kube::Api;

use crate::Error;

/// What the kubelet would make of a Deployment's pod, as far as the process can see it.
///
/// Not the same as in a pod: files other than the token, limits, and the pod's name, which no one has given.
#[derive(Debug, Clone)]
pub struct Deployed {
    /// The container's arguments.
    pub args: Vec<String>,
    /// Its environment, with what was referred to read from the API server.
    pub env: Vec<(String, String)>,
    /// The namespace of the Deployment and of its ServiceAccount.
    pub namespace: String,
    /// Who the pod is for the API server.
    pub service_account: String,
    /// How long the projected token holds.
    pub token_seconds: i64,
}

impl Deployed {
    /// Reads a Deployment of one container, and all that its environment refers to.
    pub async fn read(client: &kube::Client, namespace: &str, name: &str) -> Result<Self, Error> {
        let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
        let deployment = deployments.get(name).await.map_err(Error::kube(format!("read the Deployment {name}")))?;
        let missing = |what: &str| Error::Unexpected(format!("the Deployment {name} has no {what}"));
        let pod = deployment.spec.and_then(|spec| spec.template.spec).ok_or_else(|| missing("pod"))?;
        let service_account = pod.service_account_name.clone().ok_or_else(|| missing("ServiceAccount"))?;
        let token_seconds = projected_token(&pod).ok_or_else(|| missing("projected token"))?;
        let container = pod.containers.into_iter().next().ok_or_else(|| missing("container"))?;
        let references = References { client, namespace, pod: format!("{name}-0") };
        let env = references.environment(&container).await?;
        let args = container.args.unwrap_or_default();
        let named = args.iter().chain(env.iter().map(|(_, value)| value)).find(|text| text.contains("$("));
        if let Some(text) = named {
            return Err(Error::Unexpected(format!("{text}: variables in arguments are not replaced here")));
        }
        Ok(Self { args, env, namespace: namespace.to_owned(), service_account, token_seconds })
    }
}

fn projected_token(pod: &PodSpec) -> Option<i64> {
    let volumes = pod.volumes.iter().flatten();
    let mut sources = volumes.filter_map(|volume| volume.projected.as_ref()?.sources.as_ref()).flatten();
    sources.find_map(|source| source.service_account_token.as_ref()?.expiration_seconds)
}

/// Follows what a container's environment refers to.
struct References<'a> {
    client: &'a kube::Client,
    namespace: &'a str,
    pod: String,
}

impl References<'_> {
    /// In the order in which the later one wins.
    async fn environment(&self, container: &Container) -> Result<Vec<(String, String)>, Error> {
        let mut env = Vec::new();
        for source in container.env_from.iter().flatten() {
            let prefix = source.prefix.as_deref().unwrap_or_default();
            let values = self.all(source).await?;
            env.extend(values.into_iter().map(|(key, value)| (format!("{prefix}{key}"), value)));
        }
        for variable in container.env.iter().flatten() {
            env.push((variable.name.clone(), self.one(variable).await?));
        }
        Ok(env)
    }

    async fn all(&self, source: &EnvFromSource) -> Result<BTreeMap<String, String>, Error> {
        match (&source.secret_ref, &source.config_map_ref) {
            (Some(secret), _) => self.secret(&secret.name).await,
            (None, Some(map)) => self.config_map(&map.name).await,
            (None, None) => Err(Error::Unexpected("a source of an environment that names nothing".to_owned())),
        }
    }

    async fn one(&self, variable: &EnvVar) -> Result<String, Error> {
        let Some(source) = &variable.value_from else { return Ok(variable.value.clone().unwrap_or_default()) };
        let value = match source {
            EnvVarSource { field_ref: Some(field), .. } => match field.field_path.as_str() {
                "metadata.name" => Some(self.pod.clone()),
                "metadata.namespace" => Some(self.namespace.to_owned()),
                _ => None,
            },
            EnvVarSource { secret_key_ref: Some(key), .. } => self.secret(&key.name).await?.remove(&key.key),
            EnvVarSource { config_map_key_ref: Some(key), .. } => self.config_map(&key.name).await?.remove(&key.key),
            _ => None,
        };
        value.ok_or_else(|| Error::Unexpected(format!("{}: nothing is where its value comes from", variable.name)))
    }

    async fn secret(&self, name: &str) -> Result<BTreeMap<String, String>, Error> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), self.namespace);
        let secret = secrets.get(name).await.map_err(Error::kube(format!("read the Secret {name}")))?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(secret.data.into_iter().flatten().map(|(key, value)| (key, text(value.0))).collect())
    }

    async fn config_map(&self, name: &str) -> Result<BTreeMap<String, String>, Error> {
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), self.namespace);
        let map = maps.get(name).await.map_err(Error::kube(format!("read the ConfigMap {name}")))?;
        Ok(map.data.unwrap_or_default())
    }
}
