//! Simulated agents: each calls ConfigureAgent and reports its profile once a period, on the state itself and not over HTTP.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep_until};

use crate::world::{World, lock};

/// Agents in all fleets together.
const MOST: usize = 100_000;

/// An order for agents, as the admin port takes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Order {
    account: String,
    region: String,
    /// For every group whose name begins so.
    #[serde(default)]
    prefix: String,
    #[serde(default = "one")]
    agents_per_group: usize,
    /// How often each polls; the setting `agentPeriodSeconds` where absent.
    period_ms: Option<u64>,
    /// Reports even when the answer is not to, as one does that may not call ConfigureAgent.
    #[serde(default)]
    disobey: bool,
}

fn one() -> usize {
    1
}

#[derive(Debug, thiserror::Error)]
pub enum BadOrder {
    #[error("there can be at most {MOST} agents in total")]
    TooMany,
    #[error("periodMs must be at least 10")]
    PeriodTooShort,
}

/// Starts the agents of an order. Answers how many there are.
pub fn start(world: &Arc<World>, order: Order) -> Result<usize, BadOrder> {
    if order.period_ms.is_some_and(|period| period < 10) {
        return Err(BadOrder::PeriodTooShort);
    }
    let region = world.region(&order.account, &order.region);
    let names = lock(&region).names(&order.prefix);
    let agents = names.len().saturating_mul(order.agents_per_group);
    let mut fleets = world.fleets();
    if fleets.count(None).saturating_add(agents) > MOST {
        return Err(BadOrder::TooMany);
    }
    let crew: Vec<Agent> = names
        .into_iter()
        .flat_map(|group| std::iter::repeat_n(Agent { group, profiled: false }, order.agents_per_group))
        .collect();
    let account = order.account.clone();
    let task = tokio::spawn(work(Arc::downgrade(world), order, crew)).abort_handle();
    fleets.add(account, agents, task);
    Ok(agents)
}

#[derive(Clone, Debug)]
struct Agent {
    group: String,
    /// It has sampled since it last polled, so there is a profile to report.
    profiled: bool,
}

/// Runs until it is aborted, or the emulator is gone. The agents' first questions are spread over one period.
async fn work(world: Weak<World>, order: Order, mut crew: Vec<Agent>) {
    let period = |world: &World| {
        let seconds = world.settings().effective(Some(&order.account), Some(&order.region)).agent_period_seconds;
        order.period_ms.map_or(Duration::from_secs(seconds.max(1).into()), Duration::from_millis)
    };
    let Some(first) = world.upgrade().map(|world| period(&world)) else { return };
    let start = Instant::now();
    let crew_size = u32::try_from(crew.len()).unwrap_or(u32::MAX).max(1);
    let mut due: BinaryHeap<Reverse<(Instant, usize)>> = (0u32..)
        .zip(0..crew.len())
        .map(|(place, agent)| Reverse((start + first.mul_f64(f64::from(place) / f64::from(crew_size)), agent)))
        .collect();
    while let Some(Reverse((at, number))) = due.pop() {
        sleep_until(at).await;
        let Some(world) = world.upgrade() else { return };
        crew[number].ask(&world, &order);
        due.push(Reverse((at + period(&world), number)));
    }
}

impl Agent {
    /// One cycle, as AWS's agents have it: first the profile of the period that has passed, then the question what to do in the next.
    fn ask(&mut self, world: &World, order: &Order) {
        let settings = world.settings().effective(Some(&order.account), Some(&order.region));
        let (region, now) = (world.region(&order.account, &order.region), world.clock.now());
        let mut region = lock(&region);
        if self.profiled
            && let Err(refusal) = region.report(&self.group, None, settings.disabled_group_takes_profiles, now)
        {
            tracing::debug!(%refusal, group = self.group, "an agent's profile was rejected");
        }
        self.profiled = match region.orchestrate(&self.group, now) {
            Ok(should_profile) => should_profile || order.disobey,
            Err(_) => false,
        };
    }
}
