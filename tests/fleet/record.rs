//! What each replica has changed, and when: the emulator's journal and the API server's audit log together.

use k8s_openapi::jiff::Timestamp;

use crate::{
    replicas::{Replica, access_key},
    world::World,
};

pub const UPDATE: &str = "UpdateProfilingGroup";

/// An Update or the write of a status, accepted or not.
#[derive(Clone, Debug)]
pub struct Write {
    pub at: Timestamp,
    #[allow(dead_code, reason = "for the message of a story that fails")]
    pub what: String,
}

/// The mutations in AWS and the writes of a status by one replica, in the order of time. Only where replicas have users of their own.
pub async fn writes_of(world: &World, replica: &Replica) -> Vec<Write> {
    let statuses = world.audit_of(&replica.user).await.resource("profilinggroups").events;
    let statuses = statuses.into_iter().map(|event| Write {
        at: event.received_at,
        what: format!("{} {} {}: {}", event.verb, event.uri, event.name, event.code),
    });
    let mut writes: Vec<_> = updates_of(world, replica).await.into_iter().chain(statuses).collect();
    writes.sort_by_key(|write| write.at);
    writes
}

/// Its mutations in AWS.
pub async fn updates_of(world: &World, replica: &Replica) -> Vec<Write> {
    let key = access_key(&replica.name, world.aws.id());
    let journal = world.aws.journal().await.unwrap().into_iter();
    let updates = journal.filter(|entry| entry.is(UPDATE) && entry.access_key.as_ref() == Some(&key));
    let write = |at: &str, what| Write { at: at.parse().unwrap(), what };
    updates.map(|entry| write(&entry.started_at, format!("{UPDATE} {}", entry.group.unwrap_or_default()))).collect()
}
