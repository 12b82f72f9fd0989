//! Removes the mark of this operator from a group whose resource is gone. Calls AWS.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::sleep;

use super::memory::{Departure, Memory};
use crate::{
    aws::{lane::Lane, limiter::Class, turn::Turn},
    domain::{facet::Step, owner},
    process::permit::Permits,
};

/// How soon to look again while other calls have to end first.
const SOON: Duration = Duration::from_millis(100);

/// Removes the mark with one call, unless the group is not ours, or a resource names it again. Nothing waits for it, and
/// it is not tried again: a mark that stays does no harm to this operator.
pub async fn unmark(lane: Arc<Lane>, memory: Arc<Mutex<Memory>>, permits: Permits, call: Duration, left: Departure) {
    let name = &*left.group.name;
    let is_left = || !memory.lock().names(&left.group);
    if !is_left() || marked(&lane, &left).is_none() {
        return;
    }
    let turn = turn(&lane).await;
    let Ok(guard) = lane.guard(name).await else { return };
    let (Some(arn), true) = (marked(&lane, &left), is_left()) else { return };
    let Some(permit) = permits.grant(call) else { return };
    let answer = permit.deadline().bound(turn.write(guard, permit, &Step::Unmark(owner::keys()), &arn)).await;
    let (account, region) = (lane.id().account(), lane.id().region());
    match answer {
        Ok(Ok(())) => tracing::info!(account, region, group = name, "removed the mark of this operator"),
        Ok(Err((failure, _))) => {
            tracing::warn!(account, region, group = name, "the mark of this operator stays: {}", failure.detail);
        }
        Err(error) => tracing::warn!(account, region, group = name, "the mark of this operator may stay: {error}"),
    }
}

fn marked(lane: &Lane, left: &Departure) -> Option<String> {
    lane.state().observation(&left.group.name).and_then(|known| left.marked(known))
}

async fn turn(lane: &Arc<Lane>) -> Turn {
    loop {
        match lane.turn(&[Class::Details].into()) {
            Ok((_, turn)) => return turn,
            Err(wait) => sleep(wait.unwrap_or(SOON)).await,
        }
    }
}
