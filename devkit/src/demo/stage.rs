//! Everything the demo runs on: cluster, emulator, operator; started, installed, and read.

use std::time::Duration;

use devkit::auditor::profiling_groups;
use devkit::cargo::Programs;
use devkit::controlplane;
use devkit::emulator::{Account, Emulator, Entry};
use devkit::operator::{self, Operator, Start};
use devkit::{Error, kstatus, wait};
use kube::api::{Api, DynamicObject};
use serde_json::{Value, json};

use super::cluster::{Cluster, NAMESPACE};
use super::expected;
use super::narrator::{Narrator, say};

pub const REGION: &str = "eu-west-1";
pub const INTERVAL: Duration = Duration::from_secs(5);
/// For whatever has to happen: a few intervals and a slow machine.
pub const LIMIT: Duration = Duration::from_mins(1);

const ACCOUNT: &str = "111122223333";

pub struct Stage<'a> {
    pub narrator: Narrator,
    pub cluster: &'a Cluster,
    pub emulator: Emulator,
    pub aws: Account,
    pub operator: Operator,
    groups: Api<DynamicObject>,
}

impl<'a> Stage<'a> {
    /// Whatever comes of it, what it deploys into the cluster is the caller's to tear down.
    pub async fn set(mut narrator: Narrator, cluster: &'a Cluster, programs: &Programs) -> Result<Self, Error> {
        narrator.headline("Start an AWS that is an emulator");
        let emulator = Emulator::start_program(&programs.emulator).await?;
        let aws = emulator.account(ACCOUNT);
        let client = cluster.client().await?;
        let version = client.apiserver_version().await.map_err(Error::kube("read from the API server"))?.git_version;
        say(&format!("Kubernetes {version}; the service at {}", emulator.service_url()));

        narrator.headline(
            "Install the CRDs and the operator's permissions, and start the operator with its ServiceAccount's token",
        );
        cluster.deploy().await?;
        let token = controlplane::token(&client, operator::NAMESPACE, operator::NAME, 24 * 3600).await?;
        for (name, enabled) in [("Checkout_Service", false), ("Search", true), ("Billing", false), ("Inventory", true)]
        {
            aws.put_group(REGION, name, json!({ "profilingEnabled": enabled })).await?;
        }
        let interval = format!("{}s", INTERVAL.as_secs());
        let operator = Start::new(&programs.operator, &cluster.kubeconfig_for(&token)?)
            .aws(&emulator, &aws)
            .flag("--region", REGION)
            .flag("--poll-interval", &interval)
            .flag("--namespace", NAMESPACE)
            .start()
            .await?;
        say(&format!("the operator is ready at {}, and lists the groups every {interval}", operator.url()));
        let groups = Api::namespaced_with(client, NAMESPACE, &profiling_groups());
        Ok(Self { narrator, cluster, emulator, aws, operator, groups })
    }

    /// A resource as it is stored.
    pub async fn resource(&self, name: &str) -> Result<Value, Error> {
        let object = self.groups.get(name).await.map_err(Error::kube("read from the API server"))?;
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

    /// Whether a group is on, as reported by AWS.
    pub async fn enabled(&self, group: &str) -> Result<bool, Error> {
        let group = self.aws.group(REGION, group).await?;
        Ok(group.as_ref().and_then(switch).unwrap_or_default())
    }

    /// Waits until AWS reports this of a group.
    pub async fn becomes(&self, group: &str, enabled: bool) -> Result<(), Error> {
        let word = if enabled { "on" } else { "off" };
        wait::until(&format!("AWS reports that {group} is {word}"), LIMIT, || async {
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

    /// Waits until the operator has listed all groups so often again, each time from begin to end.
    pub async fn lists(&self, times: usize) -> Result<(), Error> {
        let finished = |entries: &[Entry]| {
            entries.iter().filter(|entry| entry.is("ListProfilingGroups") && entry.http_status == Some(200)).count()
        };
        let before = finished(&self.aws.journal().await?);
        wait::until("the operator lists the groups again", LIMIT, || async {
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
}

/// The switch of a group as the emulator shows it: in its own shape or in the service's.
fn switch(group: &Value) -> Option<bool> {
    let service = group.pointer("/agentOrchestrationConfig/profilingEnabled");
    group.get("profilingEnabled").or(service).and_then(Value::as_bool)
}
