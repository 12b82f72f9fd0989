//! One lane: an identity and a region, with its client, inventory, limiter, poll loop and health. Calls AWS.

use std::{
    collections::{HashMap, HashSet},
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, Weak},
    time::Duration,
};

use tokio::{
    sync::{Notify, OwnedMutexGuard},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    error::{AwsError, Effect, Operation},
    inventory::{Ended, Inventory, Moment},
    limiter::Limiter,
    service::ProfilerService,
};
use crate::{
    api::{Reason, Timestamp},
    domain::{
        backoff,
        failure::Failure,
        observation::Observation,
        situation::{Knowledge, LaneView},
    },
    process::{lock::lock, permit::Permit, system::System},
};

/// How long requests for a fresh List are gathered: whoever annotates hundreds of objects pays for one or two.
const GATHERING: Duration = Duration::from_secs(1);
/// More pages than any account has: a List that goes on is broken.
const MOST_PAGES: usize = 1000;
/// Describes a second, at most: they only fill in what Lists leave out, and must not crowd out a user's edit.
const DESCRIBES_PER_SECOND: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// What a lane needs to know of the operator's settings.
#[derive(Clone, Copy, Debug)]
pub struct LaneSettings {
    /// The time between two Lists, before jitter.
    pub poll_interval: Duration,
    /// Calls a second, at most.
    pub calls_per_second: NonZeroU32,
}

/// One identity and one region.
pub struct Lane {
    region: String,
    service: Arc<dyn ProfilerService>,
    settings: LaneSettings,
    calls: Limiter,
    describes: Limiter,
    wake: Notify,
    turns: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
    began: Instant,
    since: Timestamp,
    system: System,
    state: Mutex<State>,
}

struct State {
    inventory: Inventory,
    looking_since: Timestamp,
    account: Option<String>,
    members: HashSet<String>,
    next_list: Instant,
    requested: Option<Instant>,
    first_attempt: Option<Instant>,
    last_attempt: Option<Instant>,
    last_success: Option<Instant>,
    failures: u32,
    failure: Option<Failure>,
}

/// The right to write to one group: nobody else does meanwhile, and the limiter has let it pass.
pub struct Turn {
    name: String,
    _serial: OwnedMutexGuard<()>,
}

impl Lane {
    /// A lane without objects: it does not poll before the first one joins.
    #[must_use]
    pub fn new(region: &str, service: Arc<dyn ProfilerService>, settings: LaneSettings, system: System) -> Self {
        let (now, since) = (Instant::now(), Timestamp::from_jiff(system.now()));
        Self {
            region: region.into(),
            service,
            settings,
            calls: Limiter::new(settings.calls_per_second),
            describes: Limiter::new(DESCRIBES_PER_SECOND),
            wake: Notify::new(),
            turns: Mutex::default(),
            began: now,
            since,
            system,
            state: Mutex::new(State {
                inventory: Inventory::default(),
                looking_since: since,
                account: None,
                members: HashSet::new(),
                next_list: now,
                requested: None,
                first_attempt: None,
                last_attempt: None,
                last_success: None,
                failures: 0,
                failure: None,
            }),
        }
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// How old the newest complete List is; as long as none has ended well, how long one has been tried for. `None` before the first is tried, and while
    /// nobody asks for one.
    #[must_use]
    pub fn inventory_age(&self) -> Option<Duration> {
        let state = self.state();
        let since = state.last_success.or(state.first_attempt);
        since.filter(|_| !state.members.is_empty()).map(|at| at.elapsed())
    }

    /// Why the last List failed, unless it ended well.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        self.state().failure.clone()
    }

    /// What is known of the group `name`, and how the lane is.
    #[must_use]
    pub fn view(&self, name: &str) -> (LaneView, Knowledge) {
        let state = self.state();
        let lane = LaneView {
            region: self.region.clone(),
            account: state.account.clone(),
            since: state.looking_since,
            attempted: state.last_attempt.is_some(),
            failure: state.failure.clone(),
        };
        let knowledge = Knowledge {
            presence: state.inventory.presence(name),
            wants_describe: state.inventory.wants_describe(name),
            as_of: state.inventory.as_of(name).map(|moment| self.since.plus(Duration::from_millis(moment.0))),
        };
        (lane, knowledge)
    }

    /// An object asks this lane for the group `name` from now on. `remembered` is what its status knows of our last
    /// mutation.
    pub fn join(&self, name: &str, remembered: Option<Observation>) {
        let mut state = self.state();
        let idle =
            state.members.is_empty() && state.last_attempt.is_some_and(|at| at.elapsed() > self.settings.poll_interval);
        if idle {
            // Nobody listed meanwhile: as after a restart, what was known is only remembered.
            state.inventory = Inventory::default();
            state.looking_since = Timestamp::from_jiff(self.system.now());
            (state.first_attempt, state.last_success) = (None, None);
        }
        if let Some(remembered) = remembered {
            state.inventory.remember(name, remembered, self.moment());
        }
        if state.members.insert(name.into()) {
            self.wake.notify_one();
        }
    }

    /// No object asks for the group `name` any more.
    pub fn leave(&self, name: &str) {
        self.state().members.remove(name);
        self.wake.notify_one();
    }

    /// Asks for a List that begins after now.
    pub fn request_list(&self) {
        let mut state = self.state();
        state.requested.get_or_insert_with(Instant::now);
        self.wake.notify_one();
    }

    /// Whether a List that began after `requested` has ended, well or not.
    #[must_use]
    pub fn attempted_since(&self, requested: Instant) -> bool {
        self.state().last_attempt.is_some_and(|began| began > requested)
    }

    /// Lists at the interval, and when asked to, while objects ask; `news` is told after each attempt. Never returns
    /// before `stop`.
    pub async fn poll(self: Arc<Self>, news: impl Fn() + Clone + Send + Sync + 'static, stop: CancellationToken) {
        loop {
            let due = self.state().due();
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.wake.notified() => {}
                () = until(due) => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = self.list() => {}
                    }
                    news();
                    self.clone().learn_account(news.clone());
                }
            }
        }
    }

    /// One Describe of the group `name`.
    pub async fn describe(&self, name: &str) -> Result<(), Failure> {
        self.describes.take().await;
        self.calls.take().await;
        let began = self.moment();
        let answer = self.service.describe(name).await;
        let mut state = self.state();
        match answer {
            Ok(observation) => {
                state.inventory.described(name, observation, began);
                Ok(())
            }
            Err(error) if error.reason == Reason::GroupNotFound => {
                state.inventory.described_missing(name, began);
                Ok(())
            }
            Err(error) => Err(Failure::from(&error)),
        }
    }

    /// Waits for the right to write to the group `name`.
    pub async fn turn(&self, name: &str) -> Turn {
        let mutex = {
            let mut turns = lock(&self.turns);
            turns.retain(|_, turn| turn.strong_count() > 0);
            if let Some(mutex) = turns.get(name).and_then(Weak::upgrade) {
                mutex
            } else {
                let mutex = Arc::new(tokio::sync::Mutex::new(()));
                turns.insert(name.into(), Arc::downgrade(&mutex));
                mutex
            }
        };
        let serial = mutex.lock_owned().await;
        self.calls.take().await;
        Turn { name: name.into(), _serial: serial }
    }

    /// One Update of the group whose turn it is.
    pub async fn update(&self, turn: Turn, _permit: Permit, to: bool) -> Result<Observation, Failure> {
        let mut mutation = Mutation::begin(self, &turn.name);
        let answer = self.service.update(&turn.name, to).await;
        mutation.ended = match &answer {
            Ok(observation) => Ended::Answered(observation.clone()),
            Err(error) => Ended::failed(error.effect, error.reason == Reason::GroupNotFound),
        };
        answer.map_err(|error| Failure::from(&error))
    }

    async fn list(&self) {
        let began = Instant::now();
        {
            let mut state = self.state();
            state.requested = None;
            state.first_attempt.get_or_insert(began);
        }
        let outcome = self.list_pages().await;
        let mut state = self.state();
        state.last_attempt = Some(began);
        let jittered = self.settings.poll_interval.mul_f64(0.95 + 0.1 * self.system.chance());
        match outcome {
            Ok(()) => {
                if state.failure.take().is_some() {
                    tracing::info!(region = self.region, "AWS can be listed again");
                }
                state.failures = 0;
                state.last_success = Some(began);
                state.account = state.inventory.account().or(state.account.take());
                state.next_list = began + jittered;
            }
            Err(error) => {
                let failure = Failure::from(&error);
                if state.failure.as_ref().is_none_or(|known| known.reason != failure.reason) {
                    tracing::warn!(region = self.region, reason = failure.reason.as_str(), "{}", failure.detail);
                }
                state.failures += 1;
                let asked = failure.retry_after;
                let pause = backoff::delay(failure.class, state.failures, asked, self.system.chance());
                state.next_list = Instant::now() + pause.min(jittered).max(asked.unwrap_or_default());
                state.failure = Some(failure);
            }
        }
    }

    async fn list_pages(&self) -> Result<(), AwsError> {
        let mut listing = Inventory::begin_list(self.moment());
        let mut token = None;
        for _ in 0..MOST_PAGES {
            self.calls.take().await;
            let began = self.moment();
            let page = self.service.list_page(token.clone()).await?;
            let mut state = self.state();
            state.inventory.page(&mut listing, began, page.groups);
            match page.next_token {
                None => {
                    state.inventory.end_list(listing);
                    let State { inventory, members, .. } = &mut *state;
                    inventory.retain(|name| members.contains(name));
                    return Ok(());
                }
                next if next == token => break,
                next => token = next,
            }
        }
        Err(AwsError::new(Operation::List, &self.region, None, Reason::MalformedAnswer, Effect::Refused))
    }

    /// Asks STS once after a List that did not tell; nobody waits for it.
    fn learn_account(self: Arc<Self>, news: impl Fn() + Send + 'static) {
        if self.state().account.is_some() {
            return;
        }
        let system = self.system.clone();
        system.spawn(async move {
            match self.service.account().await {
                Ok(account) => {
                    self.state().account.get_or_insert(account);
                    news();
                }
                Err(error) => tracing::debug!(region = self.region, "{}", error.detail()),
            }
        });
    }

    fn moment(&self) -> Moment {
        Moment(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    fn due(&self) -> Option<Instant> {
        let requested = self.requested.map(|at| at + GATHERING);
        (!self.members.is_empty()).then(|| requested.map_or(self.next_list, |at| at.min(self.next_list)))
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// A mutation under way. Whoever gives up waiting for the answer leaves the switch unknown.
struct Mutation<'a> {
    lane: &'a Lane,
    name: &'a str,
    ended: Ended,
}

impl<'a> Mutation<'a> {
    fn begin(lane: &'a Lane, name: &'a str) -> Self {
        lane.state().inventory.begin_mutation(name);
        Self { lane, name, ended: Ended::Unclear }
    }
}

impl Drop for Mutation<'_> {
    fn drop(&mut self) {
        let ended = std::mem::replace(&mut self.ended, Ended::Unclear);
        self.lane.state().inventory.end_mutation(self.name, ended, self.lane.moment());
    }
}

#[cfg(test)]
mod tests;
