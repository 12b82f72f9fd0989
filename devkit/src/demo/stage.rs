//! Everything the demo runs on: cluster, emulator, operator; built, started, installed, and taken away.

use std::path::PathBuf;
use std::time::Duration;

use devkit::controlplane::{self, Program};
use devkit::emulator::{Account, Emulator, Entry};
use devkit::operator::{self, Operator, Start};
use devkit::watchman::profiling_groups;
use devkit::{Error, cargo, kstatus, wait};
use kube::api::{Api, DynamicObject};
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::expected;
use super::narrator::{Narrator, kubectl_ok, say};

pub const REGION: &str = "eu-west-1";
pub const INTERVAL: Duration = Duration::from_secs(5);
/// For whatever has to happen: a few intervals and a slow machine.
pub const LIMIT: Duration = Duration::from_mins(1);

const ACCOUNT: &str = "111122223333";
const KIND: &str = "customresourcedefinition/profilinggroups.codeguruprofiler.dev";

pub struct Stage {
    pub narrator: Narrator,
    pub cluster: Cluster,
    pub emulator: Emulator,
    pub aws: Account,
    pub operator: Operator,
    pub namespace: String,
    groups: Api<DynamicObject>,
    /// Whether the kind was there before, in a cluster of the user's.
    installed_before: bool,
}

impl Stage {
    pub async fn set(given: Option<PathBuf>) -> Result<Self, Error> {
        let mut narrator = Narrator::new();
        narrator.headline("Build the operator, the emulator and a control plane, as far as they are not built yet");
        // What each is doing shows in between; on a first run both take minutes.
        let (_, release) = tokio::try_join!(Program::built(), cargo::release())?;

        narrator.headline("Start a Kubernetes API server and an AWS that is an emulator");
        let emulator = Emulator::start_program(&release.emulator).await?;
        let aws = emulator.account(ACCOUNT);
        let cluster = Cluster::start(given).await?;
        let client = cluster.client().await?;
        let version = client.apiserver_version().await.map_err(Error::kube("ask the API server"))?.git_version;
        say(&format!("Kubernetes {version}; the service at {}", emulator.service_url()));
        let namespace = controlplane::namespace(&client, "demo").await?;

        narrator.headline(
            "Install the kind and the operator's rights, and start the operator with its ServiceAccount's token",
        );
        let installed_before = cluster.kubectl(&["get", KIND]).await?.status.success();
        kubectl_ok(&cluster, &["apply", "-k", &operator::access()]).await?;
        let established = ["wait", "--for=condition=Established", KIND, "--timeout=60s"];
        kubectl_ok(&cluster, &established).await?;
        let token = controlplane::token(&client, operator::NAMESPACE, operator::NAME, 24 * 3600).await?;
        for (name, enabled) in [("Checkout_Service", false), ("Search", true), ("Billing", false), ("Inventory", true)]
        {
            aws.put_group(REGION, name, json!({ "profilingEnabled": enabled })).await?;
        }
        let interval = format!("{}s", INTERVAL.as_secs());
        let operator = Start::new(&release.operator, &cluster.kubeconfig_for(&token)?)
            .aws(&emulator, &aws)
            .flag("--region", REGION)
            .flag("--poll-interval", &interval)
            .flag("--namespace", &namespace)
            .start()
            .await?;
        say(&format!("the operator is ready at {}, and asks AWS every {interval}", operator.url()));
        let groups = Api::namespaced_with(client, &namespace, &profiling_groups());
        Ok(Self { narrator, cluster, emulator, aws, operator, namespace, groups, installed_before })
    }

    /// A resource as it is stored.
    pub async fn resource(&self, name: &str) -> Result<Value, Error> {
        let object = self.groups.get(name).await.map_err(Error::kube("ask the API server"))?;
        serde_json::to_value(object).map_err(|error| expected(&error.to_string()))
    }

    /// Waits until a condition of a resource has this status and reason; returns its message.
    pub async fn condition(&self, name: &str, kind: &str, status: &str, reason: &str) -> Result<String, Error> {
        let what = format!("{name} gets the condition {kind}={status} ({reason})");
        let waited = wait::until(&what, LIMIT, || async {
            let object = self.resource(name).await.ok()?;
            let found = kstatus::find(&object, kind)?;
            let as_wished = found["status"] == status && found["reason"] == reason;
            as_wished.then(|| found["message"].as_str().unwrap_or_default().to_owned())
        });
        match waited.await {
            Ok(message) => {
                say(&format!("{name}: {kind}={status} ({reason}): {message}"));
                Ok(message)
            }
            Err(error) => {
                let object = self.resource(name).await.unwrap_or_default();
                Err(expected(&format!("{error}; its status is {}", object["status"])))
            }
        }
    }

    /// Whether AWS says that a group is on.
    pub async fn enabled(&self, group: &str) -> Result<bool, Error> {
        let group = self.aws.group(REGION, group).await?;
        Ok(group.as_ref().and_then(switch).unwrap_or_default())
    }

    /// Waits until AWS says this of a group.
    pub async fn becomes(&self, group: &str, enabled: bool) -> Result<(), Error> {
        let word = if enabled { "on" } else { "off" };
        wait::until(&format!("AWS says that {group} is {word}"), LIMIT, || async {
            (self.enabled(group).await.ok()? == enabled).then_some(())
        })
        .await
    }

    /// Someone else changes a group in AWS.
    pub async fn flip(&self, group: &str, enabled: bool) -> Result<(), Error> {
        self.aws.put_group(REGION, group, json!({ "profilingEnabled": enabled })).await?;
        say(&format!("someone turns {group} {} in AWS", if enabled { "on" } else { "off" }));
        Ok(())
    }

    /// Waits until the operator has asked AWS for all groups so often again, each time from begin to end.
    pub async fn lists(&self, times: usize) -> Result<(), Error> {
        let finished = |entries: &[Entry]| {
            entries.iter().filter(|entry| entry.is("ListProfilingGroups") && entry.http_status == Some(200)).count()
        };
        let before = finished(&self.aws.journal().await?);
        wait::until("the operator asks AWS again", LIMIT, || async {
            let now = finished(&self.aws.journal().await.ok()?);
            (now >= before + times).then_some(())
        })
        .await
    }

    /// How many requests so far named this group, of one operation or of any.
    pub async fn calls(&self, group: &str, operation: Option<&str>) -> Result<usize, Error> {
        let journal = self.aws.journal().await?;
        let names =
            |entry: &&Entry| entry.group.as_deref() == Some(group) && operation.is_none_or(|name| entry.is(name));
        Ok(journal.iter().filter(names).count())
    }

    /// Takes away what the demo brought into a cluster of the user's. A cluster of our own goes with everything.
    pub async fn strike(&self) -> Result<(), Error> {
        if matches!(self.cluster, Cluster::Own(_)) {
            return Ok(());
        }
        self.cluster.kubectl(&["delete", "namespace", &self.namespace]).await?;
        if !self.installed_before {
            self.cluster.kubectl(&["delete", "--ignore-not-found", "-k", &operator::access()]).await?;
        }
        Ok(())
    }
}

/// The switch of a group as the emulator shows it: in its own shape or in the service's.
fn switch(group: &Value) -> Option<bool> {
    let service = group.pointer("/agentOrchestrationConfig/profilingEnabled");
    group.get("profilingEnabled").or(service).and_then(Value::as_bool)
}
