//! One lane: client, limiter and poll loop around a lane's state. Calls AWS.

use std::{
    any::Any,
    collections::{BTreeSet, HashMap},
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
    limiter::{Change, Class, Limiter, Outcome, Pass, Snapshot},
    service::ProfilerService,
    turn::Turn,
};
use crate::{
    domain::{
        account::Role,
        facet::Facet,
        failure::{Failure, FailureReason},
        lane_id::LaneId,
        moment::Moment,
        observation::Observation,
    },
    process::{permit::Permit, system::System},
};

/// More pages than any account has: a List that goes on is broken.
const MOST_PAGES: usize = 1000;

/// The operator's settings that a lane needs.
#[derive(Clone, Copy, Debug)]
pub struct LaneSettings {
    /// The time between two Lists, before jitter.
    pub poll_interval: Duration,
    /// Calls a second, at most.
    pub calls_per_second: NonZeroU32,
}

impl LaneSettings {
    /// Those of the lane `id`.
    #[must_use]
    pub fn of(self, id: &LaneId) -> Self {
        self.with(id.role().map(|role| &**role))
    }

    /// With what the role sets in their place.
    #[must_use]
    pub fn with(self, role: Option<&Role>) -> Self {
        Self {
            poll_interval: role.and_then(|role| role.poll_interval).unwrap_or(self.poll_interval),
            calls_per_second: role.and_then(|role| role.calls_per_second).unwrap_or(self.calls_per_second),
        }
    }
}

/// What a lane knows, shared between its poll loop and the decisions.
pub type SharedLaneState = Arc<Mutex<LaneState>>;

/// One identity in one region.
pub struct Lane {
    id: LaneId,
    service: Arc<dyn ProfilerService>,
    state: SharedLaneState,
    limiter: Mutex<Limiter>,
    /// A call that was let through is sent, or will not be.
    freed: Notify,
    news: Box<dyn Fn() + Send + Sync>,
    wake: Notify,
    guards: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
    system: System,
    stop: CancellationToken,
}

/// Proof that no one else writes to this group meanwhile.
pub struct GroupGuard {
    name: String,
    _lock: OwnedMutexGuard<()>,
}

impl GroupGuard {
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// The process is stopping: nothing new is started.
#[derive(Debug)]
pub struct Stopping;

impl Lane {
    /// A lane that does not poll yet. `stop` releases whatever waits in it; `news` is called when its state has changed.
    #[must_use]
    pub fn new(
        id: LaneId,
        service: Arc<dyn ProfilerService>,
        state: SharedLaneState,
        settings: LaneSettings,
        system: System,
        stop: CancellationToken,
        news: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        let now = Moment::after(system.elapsed());
        Self {
            id,
            service,
            state,
            limiter: Mutex::new(Limiter::new(settings.calls_per_second, now)),
            freed: Notify::new(),
            news,
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

    fn limiter(&self) -> MutexGuard<'_, Limiter> {
        self.limiter.lock()
    }

    pub(super) fn service(&self) -> &dyn ProfilerService {
        &*self.service
    }

    /// How fast it calls AWS.
    #[must_use]
    pub fn limits(&self) -> Snapshot {
        self.limiter().snapshot()
    }

    /// Lets a call of one of the classes that wait through; else how long to wait, or `None` when another call must end
    /// first.
    pub fn turn(self: &Arc<Self>, waiting: &BTreeSet<Class>) -> Result<(Class, Turn), Option<Duration>> {
        let now = self.moment();
        match self.limiter().take(waiting, now) {
            Ok((class, pass)) => Ok((class, Turn::new(Arc::clone(self), pass))),
            Err(at) => Err(at.map(|at| at.since(now))),
        }
    }

    async fn list_turn(self: &Arc<Self>) -> Turn {
        let waiting = ListWaits(self);
        loop {
            let now = self.moment();
            let taken = self.limiter().take_list(now);
            let at = match taken {
                Ok(pass) => return Turn::new(Arc::clone(waiting.0), pass),
                Err(at) => at,
            };
            tokio::select! {
                biased;
                () = sleep(at.unwrap_or(now).since(now)), if at.is_some() => {}
                () = self.freed.notified() => {}
            }
        }
    }

    pub(super) fn sent(&self, pass: &mut Pass) {
        self.limiter().sent(pass, self.moment());
        self.freed.notify_one();
    }

    pub(super) fn over(&self, pass: &Pass, outcome: &Outcome) {
        let (now, chance) = (self.moment(), self.system.chance());
        let circuit = self.limiter().over(pass, outcome, now, chance);
        self.freed.notify_one();
        if let Some(circuit) = circuit {
            self.circuit_changed(circuit);
            (self.news)();
        }
    }

    fn circuit_changed(&self, circuit: Change) {
        let (account, region) = (self.id.account(), self.id.region());
        match circuit {
            Change::Opened(failure) => {
                tracing::warn!(account, region, reason = failure.reason.as_str(), "calls wait: {}", failure.detail);
                self.state().open_circuit(failure);
            }
            Change::Closed { answered } => {
                tracing::info!(account, region, "calls no longer wait");
                self.state().close_circuit(answered.then(|| self.moment()));
                self.wake();
            }
        }
    }

    /// Lists when due, until the lane has been idle for `idle` or `stop` is cancelled. A panic in a call is a failed
    /// attempt.
    pub async fn poll(self: &Arc<Self>, idle: Duration) {
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
                        () = self.list() => (self.news)(),
                    }
                    let needs_account = self.state().needs_account(self.moment());
                    if needs_account {
                        tokio::select! {
                            biased;
                            () = self.stop.cancelled() => return,
                            () = self.learn_account() => (self.news)(),
                        }
                    }
                }
            }
        }
    }

    async fn list(self: &Arc<Self>) {
        let began = self.moment();
        let mut listing = self.state().begin_list(began);
        let outcome = match AssertUnwindSafe(self.pages(&mut listing)).catch_unwind().await {
            Ok(outcome) => outcome,
            Err(panic) => Err(self.panicked(Operation::List, panic.as_ref())),
        };
        let (now, chance) = (self.moment(), self.system.chance());
        match outcome {
            Ok(()) => {
                let had_failed = self.state().failure().is_some();
                if had_failed {
                    tracing::info!(account = self.id.account(), region = self.id.region(), "AWS can be listed again");
                }
                self.state().end_list(&listing, began, now, chance);
                let circuit = self.limiter().listed(had_failed, now);
                if let Some(circuit) = circuit {
                    self.circuit_changed(circuit);
                }
            }
            Err(error) => {
                let failure = Failure::from(&error);
                let mut state = self.state();
                if state.fails_otherwise(failure.reason) {
                    let (account, region) = (self.id.account(), self.id.region());
                    tracing::warn!(account, region, reason = failure.reason.as_str(), "{}", failure.detail);
                }
                state.fail_list(failure, began, now, chance);
            }
        }
    }

    async fn pages(self: &Arc<Self>, listing: &mut Listing) -> Result<(), AwsError> {
        let mut token = None;
        for _ in 0..MOST_PAGES {
            let turn = self.list_turn().await;
            let began = self.moment();
            let page = turn.list_page(token.clone()).await?;
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
    async fn learn_account(self: &Arc<Self>) {
        let turn = self.list_turn().await;
        let outcome = match AssertUnwindSafe(turn.account()).catch_unwind().await {
            Ok(outcome) => outcome,
            Err(panic) => Err(self.panicked(Operation::GetCallerIdentity, panic.as_ref())),
        };
        match outcome {
            Ok(account) => {
                let now = self.moment();
                self.state().learn_account(account, now);
            }
            Err(error) => {
                tracing::debug!(account = self.id.account(), region = self.id.region(), "{}", error.detail());
                self.state().fail_account(Failure::from(&error));
            }
        }
    }

    fn panicked(&self, operation: Operation, panic: &(dyn Any + Send)) -> AwsError {
        tracing::error!(account = self.id.account(), region = self.id.region(), %operation, "panic: {}", panic_message(panic));
        AwsError::new(operation, self.id.region(), None, FailureReason::InternalError, Effect::Unclear)
    }

    pub(super) async fn describe(
        &self,
        name: &str,
        call: impl Future<Output = Result<Observation, AwsError>>,
    ) -> Result<(), Failure> {
        let began = self.moment();
        let answer = match call.await {
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
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Stopping),
            lock = mutex.lock_owned() => Ok(GroupGuard { name: name.into(), _lock: lock }),
        }
    }

    /// A call that reads; the state takes in what it returned, and when the call began.
    pub(super) async fn read<T>(
        &self,
        call: impl Future<Output = Result<T, AwsError>>,
        take: impl FnOnce(&mut LaneState, T, Moment),
    ) -> Result<(), Failure> {
        let began = self.moment();
        let answer = call.await.map_err(|error| Failure::from(&error))?;
        take(&mut self.state(), answer, began);
        Ok(())
    }

    pub(super) async fn write(
        &self,
        guard: &GroupGuard,
        _permit: Permit,
        facet: Facet,
        call: impl Future<Output = Result<Ended, AwsError>>,
    ) -> Result<(), (Failure, Effect)> {
        let mut mutation = Mutation::begin(self, &guard.name, facet);
        match call.await {
            Ok(ended) => {
                mutation.ended = ended;
                Ok(())
            }
            Err(mut error) => {
                let is_detail = Facet::DETAILS.contains(&facet);
                if is_detail && matches!(error.reason, FailureReason::GroupNotFound | FailureReason::QuotaExceeded) {
                    // The policy or the channel is gone, or others have added channels: that there is no group is for Lists to
                    // show.
                    error.reason = FailureReason::Conflict;
                }
                mutation.ended = match error.reason {
                    // What the call was based on is not what AWS has: it is read again.
                    FailureReason::Conflict if is_detail => Ended::Unclear(facet),
                    FailureReason::Conflict if facet == Facet::Existence => Ended::Exists,
                    reason => Ended::failed(error.effect, reason == FailureReason::GroupNotFound, facet),
                };
                Err((Failure::from(&error), error.effect))
            }
        }
    }

    fn moment(&self) -> Moment {
        Moment::after(self.system.elapsed())
    }
}

/// The List keeps its place in the limiter while it waits, and no longer.
struct ListWaits<'a>(&'a Arc<Lane>);

impl Drop for ListWaits<'_> {
    fn drop(&mut self) {
        self.0.limiter().list_stops_waiting();
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

/// A mutation under way. Giving up on the answer leaves its facet unknown.
struct Mutation<'a> {
    lane: &'a Lane,
    name: &'a str,
    facet: Facet,
    ended: Ended,
}

impl<'a> Mutation<'a> {
    fn begin(lane: &'a Lane, name: &'a str, facet: Facet) -> Self {
        lane.state().begin_mutation(name);
        Self { lane, name, facet, ended: Ended::Unclear(facet) }
    }
}

impl Drop for Mutation<'_> {
    fn drop(&mut self) {
        let ended = std::mem::replace(&mut self.ended, Ended::Unclear(self.facet));
        self.lane.state().end_mutation(self.name, ended, self.lane.moment());
    }
}

#[cfg(test)]
mod tests;
