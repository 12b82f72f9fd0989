//! The kinds of work that the leader does for one resource: how each is prepared, begun, and what is so once it is done.

use devkit::emulator::Account;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::{
    record::UPDATE,
    world::{REGION, World},
};

/// The owner id of replicas that mark groups.
pub const OWNER: &str = "here";
pub const ASSUME: &str = "AssumeRole";
/// An AWS account beside that of the operator's own identity.
const OTHER: &str = "444455556666";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    Adopt,
    Edit,
    Correct,
    /// One tag is changed, another one removed.
    Retag,
    /// Another role may act as an agent.
    Permit,
    /// One topic of two is another one: removed, and added.
    Notify,
    /// There is no group yet.
    Create,
    /// The group goes with its resource.
    Delete,
    /// The group is marked as that of this operator, and then switched.
    Mark,
    /// The group is in another AWS account, of which a ProfilerAccount has the role.
    Account,
}

fn role(name: &str) -> String {
    format!("arn:aws:iam::111122223333:role/{name}")
}

fn topic(name: &str) -> String {
    format!("arn:aws:sns:eu-west-1:111122223333:{name}")
}

fn permits(name: &str) -> Value {
    json!({ "agentPermissions": { "principals": [role(name)] } })
}

fn notifies(names: &[&str]) -> Value {
    json!({ "anomalyNotifications": names.iter().map(|name| json!({ "topicArn": topic(name) })).collect::<Vec<_>>() })
}

impl Work {
    /// What replicas without an owner id do.
    pub const ALL: [Self; 9] = [
        Self::Adopt,
        Self::Edit,
        Self::Correct,
        Self::Retag,
        Self::Permit,
        Self::Notify,
        Self::Create,
        Self::Delete,
        Self::Account,
    ];

    /// Whether it writes the switch of a group that is there.
    pub fn switches(self) -> bool {
        matches!(self, Self::Edit | Self::Correct | Self::Mark | Self::Account)
    }

    /// The AWS account that sees this call.
    pub fn account(self, world: &World, operation: &str) -> Account {
        let other = self == Self::Account && operation != ASSUME;
        world.emulator.account(if other { OTHER } else { world.aws.id() })
    }

    /// Every AWS account that sees calls of it.
    pub fn accounts(self, world: &World) -> Vec<Account> {
        let other = (self == Self::Account).then(|| world.emulator.account(OTHER));
        other.into_iter().chain([world.emulator.account(world.aws.id())]).collect()
    }

    /// How many Updates of the group there were, and how many corrections are recorded.
    pub async fn updates(self, world: &World, name: &str) -> (usize, u64) {
        let journal = self.account(world, UPDATE).journal().await.unwrap();
        let updates = journal.iter().filter(|entry| entry.is(UPDATE) && entry.group.as_deref() == Some(name)).count();
        let corrections = match self {
            Self::Delete | Self::Account => 0,
            _ => world.status(name).await["drift"]["corrections"].as_u64().unwrap_or(0),
        };
        (updates, corrections)
    }

    pub async fn prepare(self, world: &World, name: &str) {
        let more = match self {
            Self::Create => return,
            Self::Delete => {
                world.create(name, true, json!({ "creationPolicy": "IfMissing", "deletionPolicy": "Delete" })).await;
                world.condition(name, "Ready", "True", "InSync").await;
                world.until(name, "the finalizer", |object| object["metadata"]["finalizers"].is_array()).await;
                return;
            }
            Self::Account => return prepare_account(world, name).await,
            Self::Adopt => return world.flip(name, true).await,
            Self::Mark => return world.flip(name, false).await,
            Self::Retag => json!({ "tags": { "team": "old", "stage": "old" } }),
            Self::Permit => permits("old"),
            Self::Notify => notifies(&["stays", "old"]),
            Self::Edit | Self::Correct => json!({}),
        };
        world.flip(name, true).await;
        world.create(name, true, more).await;
        world.condition(name, "Ready", "True", "InSync").await;
    }

    pub async fn begin(self, world: &World, name: &str) {
        match self {
            Self::Adopt | Self::Mark => drop(world.create(name, true, json!({})).await),
            Self::Account => drop(world.create(name, true, json!({ "accountRef": { "name": name } })).await),
            Self::Delete => drop(world.groups.delete(name, &DeleteParams::default()).await.unwrap()),
            Self::Create => drop(world.create(name, true, json!({ "creationPolicy": "IfMissing" })).await),
            Self::Edit => world.patch(name, json!({ "spec": { "profilingEnabled": false } })).await,
            Self::Correct => world.flip(name, false).await,
            Self::Retag => world.patch(name, json!({ "spec": { "tags": { "team": "new", "stage": null } } })).await,
            Self::Permit => world.patch(name, json!({ "spec": permits("new") })).await,
            Self::Notify => world.patch(name, json!({ "spec": notifies(&["stays", "new"]) })).await,
        }
    }

    pub async fn finished(self, world: &World, name: &str) {
        match self {
            Self::Delete => {
                let gone = async || world.groups.get_opt(name).await.unwrap().is_none().then_some(());
                world.eventually("the resource goes", gone).await;
                assert!(world.enabled(name).await.is_none(), "{name}: the group goes first");
                return;
            }
            Self::Account => return finished_account(world, name).await,
            _ => {}
        }
        world
            .eventually("AWS follows", async || world.enabled(name).await.filter(|on| *on != (self == Self::Edit)))
            .await;
        let tags = match self {
            Self::Retag => Some(json!({ "team": "new" })),
            Self::Mark => {
                let resource = format!("{}/{name}", world.namespace);
                let (id, of) = ("codeguruprofiler.dev/owner-id", "codeguruprofiler.dev/owner-resource");
                Some(json!({ id: OWNER, of: resource }))
            }
            _ => None,
        };
        if let Some(tags) = tags {
            world.eventually("the tags follow", async || (world.tags(name).await == tags).then_some(())).await;
        }
        let details = match self {
            Self::Permit => Some(json!({ "principals": [role("new")], "topics": [] })),
            Self::Notify => Some(json!({ "principals": [], "topics": [topic("stays"), topic("new")] })),
            _ => None,
        };
        if let Some(details) = details {
            world.eventually("the details follow", async || (world.details(name).await == details).then_some(())).await;
        }
        let status = world.condition(name, "Ready", "True", "InSync").await;
        if self == Self::Create {
            let created = &status["managed"]["created"];
            assert!(created["at"].is_string() && created["number"] == 1, "{name}: {created}");
        }
    }
}

/// Each has a role of its own: another session, whoever leads.
async fn prepare_account(world: &World, name: &str) {
    let group = json!({ "profilingEnabled": false });
    world.emulator.account(OTHER).put_group(REGION, name, group).await.unwrap();
    let account = json!({
        "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilerAccount", "metadata": { "name": name },
        "spec": { "roleArn": format!("arn:aws:iam::{OTHER}:role/{name}"), "namespaces": [world.namespace] },
    });
    world.plane.apply(&account.to_string()).await.unwrap();
}

async fn finished_account(world: &World, name: &str) {
    let status = world.condition(name, "Ready", "True", "InSync").await;
    let group = world.emulator.account(OTHER).group(REGION, name).await.unwrap().unwrap();
    assert_eq!(
        (&group["agentOrchestrationConfig"]["profilingEnabled"], &status["account"]),
        (&json!(true), &json!(OTHER))
    );
    assert_eq!(status["drift"], Value::Null, "{name}: no correction");
    let ready = ["wait", "--for=condition=Ready", "--timeout=60s", &format!("profileraccount/{name}")];
    assert!(world.plane.kubectl(&ready).await.unwrap().status.success(), "{name}: the account");
    // The next leader assumes the roles that are in use then.
    world.delete(name).await;
    let gone = ["delete", "--timeout=60s", &format!("profileraccount/{name}")];
    assert!(world.plane.kubectl(&gone).await.unwrap().status.success(), "{name}: the account goes");
}
