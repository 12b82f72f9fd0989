//! One lane: client, limiters and poll loop around a lane's state. Calls AWS.

use std::{
    any::Any,
    collections::HashMap,
    num::NonZeroU32,
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
    time::Duration,
};

use futures::FutureExt;
use parking_lot::{Mutex, MutexGuard};
use tokio::{
    sync::{Notify, OwnedMutexGuard},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{
    error::{AwsError, Effect, Operation},
    inventory::{Ended, Listing},
    lane_state::LaneState,
    limiter::Limiter,
    service::ProfilerService,
};
use crate::{
    domain::{
        failure::{Failure, FailureReason},
        lane_id::LaneId,
        moment::Moment,
        observation::Observation,
    },
    process::{permit::Permit, system::System},
};

/// More pages than any account has: a List that goes on is broken.
const MOST_PAGES: usize = 1000;
/// Describes a second, at most: they only fill in what Lists leave out, and must not crowd out a user's edit.
const DESCRIBES_PER_SECOND: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// The operator's settings that a lane needs.
#[derive(Clone, Copy, Debug)]
pub struct LaneSettings {
    /// The time between two Lists, before jitter.
    pub poll_interval: Duration,
    /// Calls a second, at most.
    pub calls_per_second: NonZeroU32,
}

/// What a lane knows, shared between its poll loop and the decisions.
pub type SharedLaneState = Arc<Mutex<LaneState>>;

/// One identity in one region.
pub struct Lane {
    id: LaneId,
    service: Arc<dyn ProfilerService>,
    state: SharedLaneState,
    calls: Limiter,
    describes: Limiter,
    wake: Notify,
    guards: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
    system: System,
    stop: CancellationToken,
}

/// Proof that no one else writes to this group meanwhile, and that the limiter has let one call pass.
pub struct GroupGuard {
    name: String,
    _lock: OwnedMutexGuard<()>,
}

/// The process is stopping: nothing new is started.
#[derive(Debug)]
pub struct Stopping;

impl Lane {
    /// A lane that does not poll yet. `stop` releases whatever waits in it.
    #[must_use]
    pub fn new(
        id: LaneId,
        service: Arc<dyn ProfilerService>,
        state: SharedLaneState,
        settings: LaneSettings,
        system: System,
        stop: CancellationToken,
    ) -> Self {
        Self {
            id,
            service,
            state,
            calls: Limiter::new(settings.calls_per_second),
            describes: Limiter::new(DESCRIBES_PER_SECOND),
            wake: Notify::new(),
            guards: Mutex::default(),
            system,
            stop,
        }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &LaneId {
        &self.id
    }

    /// What it knows. Held for memory access only.
    pub fn state(&self) -> MutexGuard<'_, LaneState> {
        self.state.lock()
    }

    /// Wakes the poll loop: the lane may be due earlier, or have become idle.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Lists when due, until the lane has been idle for `idle` or `stop` is cancelled; calls `news` after each
    /// attempt. A panic in a call is a failed attempt.
    pub async fn poll(&self, idle: Duration, news: impl Fn()) {
        loop {
            let (due, idle_for) = {
                let state = self.state();
                (state.due(), state.idle_for(self.moment()))
            };
            let wait = match (due, idle_for) {
                (_, Some(idle_for)) if idle_for >= idle => return,
                (_, Some(idle_for)) => idle.saturating_sub(idle_for),
                (Some(due), None) => due.since(self.moment()),
                (None, None) => idle,
            };
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = self.wake.notified() => {}
                () = sleep(wait) => {
                    if due.is_none_or(|due| due > self.moment()) {
                        continue;
                    }
                    tokio::select! {
                        biased;
                        () = self.stop.cancelled() => return,
                        () = self.list() => news(),
                    }
                    let needs_account = self.state().needs_account(self.moment());
                    if needs_account {
                        tokio::select! {
                            biased;
                            () = self.stop.cancelled() => return,
                            () = self.learn_account() => news(),
                        }
                    }
                }
            }
        }
    }

    async fn list(&self) {
        let began = self.moment();
        let mut listing = self.state().begin_list(began);
        let outcome = match AssertUnwindSafe(self.pages(&mut listing)).catch_unwind().await {
            Ok(outcome) => outcome,
            Err(panic) => Err(self.panicked(Operation::List, panic.as_ref())),
        };
        let (now, chance) = (self.moment(), self.system.chance());
        let mut state = self.state();
        match outcome {
            Ok(()) => {
                if state.failure().is_some() {
                    tracing::info!(region = self.id.region(), "AWS can be listed again");
                }
                state.end_list(listing, began, now, chance);
            }
            Err(error) => {
                let failure = Failure::from(&error);
                if state.fails_otherwise(failure.reason) {
                    tracing::warn!(region = self.id.region(), reason = failure.reason.as_str(), "{}", failure.detail);
                }
                state.fail_list(failure, began, now, chance);
            }
        }
    }

    async fn pages(&self, listing: &mut Listing) -> Result<(), AwsError> {
        let mut token = None;
        for _ in 0..MOST_PAGES {
            self.calls.take().await;
            let began = self.moment();
            let page = self.service.list_page(token.clone()).await?;
            self.state().page(listing, began, page.groups);
            match page.next_token {
                None => return Ok(()),
                next if next == token => break,
                next => token = next,
            }
        }
        Err(AwsError::new(Operation::List, self.id.region(), None, FailureReason::MalformedAnswer, Effect::Refused))
    }

    /// Calls STS after a List that did not show the account.
    async fn learn_account(&self) {
        let outcome = match AssertUnwindSafe(self.service.account()).catch_unwind().await {
            Ok(outcome) => outcome,
            Err(panic) => Err(self.panicked(Operation::GetCallerIdentity, panic.as_ref())),
        };
        match outcome {
            Ok(account) => {
                let now = self.moment();
                self.state().learn_account(account, now);
            }
            Err(error) => {
                tracing::debug!(region = self.id.region(), "{}", error.detail());
                self.state().fail_account(Failure::from(&error));
            }
        }
    }

    fn panicked(&self, operation: Operation, panic: &(dyn Any + Send)) -> AwsError {
        tracing::error!(region = self.id.region(), %operation, "panic: {}", panic_message(panic));
        AwsError::new(operation, self.id.region(), None, FailureReason::InternalError, Effect::Unclear)
    }

    /// Waits until one Describe may be sent.
    pub async fn describe_turn(&self) -> Result<(), Stopping> {
        self.unless_stopping(async {
            self.describes.take().await;
            self.calls.take().await;
        })
        .await
    }

    /// One Describe of the group `name`, whose turn it is.
    pub async fn describe(&self, name: &str) -> Result<(), Failure> {
        let began = self.moment();
        let answer = match self.service.describe(name).await {
            Ok(observation) => Some(observation),
            Err(error) if error.reason == FailureReason::GroupNotFound => None,
            Err(error) => return Err(Failure::from(&error)),
        };
        self.state().described(name, answer, began);
        Ok(())
    }

    /// Waits until the group `name` may be written to.
    pub async fn guard(&self, name: &str) -> Result<GroupGuard, Stopping> {
        let mutex = {
            let mut guards = self.guards.lock();
            if let Some(mutex) = guards.get(name).and_then(Weak::upgrade) {
                mutex
            } else {
                let mutex = Arc::new(tokio::sync::Mutex::new(()));
                guards.retain(|_, guard| guard.strong_count() > 0);
                guards.insert(name.into(), Arc::downgrade(&mutex));
                mutex
            }
        };
        self.unless_stopping(async {
            let lock = mutex.lock_owned().await;
            self.calls.take().await;
            GroupGuard { name: name.into(), _lock: lock }
        })
        .await
    }

    /// One Update of the guarded group. Returns the failure with whether AWS may have carried it out.
    pub async fn update(&self, guard: GroupGuard, _permit: Permit, to: bool) -> Result<Observation, (Failure, Effect)> {
        let mut mutation = Mutation::begin(self, &guard.name);
        let answer = self.service.update(&guard.name, to).await;
        mutation.ended = match &answer {
            Ok(observation) => Ended::Answered(observation.clone()),
            Err(error) => Ended::failed(error.effect, error.reason == FailureReason::GroupNotFound),
        };
        answer.map_err(|error| (Failure::from(&error), error.effect))
    }

    async fn unless_stopping<T>(&self, wait: impl Future<Output = T>) -> Result<T, Stopping> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Stopping),
            waited = wait => Ok(waited),
        }
    }

    fn moment(&self) -> Moment {
        Moment::after(self.system.elapsed())
    }
}

/// A failure about which nothing is known but that this program panicked.
#[must_use]
pub fn internal_error(detail: String) -> Failure {
    Failure {
        reason: FailureReason::InternalError,
        message: "The operator failed unexpectedly and retries; see its log.".into(),
        detail,
        retry_after: None,
    }
}

/// The message of a panic.
#[must_use]
pub fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// A mutation under way. Giving up on the answer leaves the switch unknown.
struct Mutation<'a> {
    lane: &'a Lane,
    name: &'a str,
    ended: Ended,
}

impl<'a> Mutation<'a> {
    fn begin(lane: &'a Lane, name: &'a str) -> Self {
        lane.state().begin_mutation(name);
        Self { lane, name, ended: Ended::Unclear }
    }
}

impl Drop for Mutation<'_> {
    fn drop(&mut self) {
        let ended = std::mem::replace(&mut self.ended, Ended::Unclear);
        self.lane.state().end_mutation(self.name, ended, self.lane.moment());
    }
}

#[cfg(test)]
mod tests;
