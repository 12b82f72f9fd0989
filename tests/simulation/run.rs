//! Runs one schedule from its beginning to rest, and cuts a failing one to what is needed.

use std::{fmt::Write as _, sync::OnceLock, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    oracle::unsettled,
    process::Process,
    schedule::{ACTIVE, Action, Schedule, carry_out, do_to_operator},
    world::{Counts, World},
};

/// How long everything may take to settle once faults and edits have ended: the longest pauses are half an hour.
const SETTLES_WITHIN: Duration = Duration::from_hours(2);
/// What changes by time alone has changed after so long: agents that fell silent, statuses that wait for their slot.
const CALM: Duration = Duration::from_mins(40);
/// How long the rest is watched.
const REST: Duration = Duration::from_mins(10);

/// What came of a schedule.
pub struct Outcome {
    /// What was wrong; empty for a good run.
    pub violations: Vec<String>,
    /// Time, actor, event.
    pub trace: String,
    /// How often each thing happened.
    pub counts: Counts,
    /// How often each fault was met.
    pub faults: Counts,
    /// Simulated time.
    pub lasted: Duration,
}

/// The CRD as shipped.
pub fn crd() -> &'static Value {
    static CRD: OnceLock<Value> = OnceLock::new();
    CRD.get_or_init(|| {
        let text = include_str!("../../crds/profilinggroups.codeguruprofiler.dev.yaml");
        serde_saphyr::from_str(text).unwrap()
    })
}

/// The CRD of ProfilerAccounts.
pub fn account_crd() -> &'static Value {
    static CRD: OnceLock<Value> = OnceLock::new();
    CRD.get_or_init(|| {
        let text = include_str!("../../crds/profileraccounts.codeguruprofiler.dev.yaml");
        serde_saphyr::from_str(text).unwrap()
    })
}

/// The CRD, or an older one that lacks a member of the status.
pub fn crd_without(member: Option<&str>) -> Value {
    let mut crd = crd().clone();
    if let Some(member) = member {
        let properties = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties";
        crd.pointer_mut(properties).unwrap().as_object_mut().unwrap().remove(member).unwrap();
    }
    crd
}

/// Runs work on simulated time, on this thread alone.
pub fn simulated<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(work)
}

/// Runs a schedule.
pub fn run(schedule: &Schedule) -> Outcome {
    simulated(async {
        let world = World::new(schedule.seed, &crd_without(schedule.lacks));
        let began = Instant::now();
        let mut operator = Process::start(&world, "operator", &schedule.options);
        let mut rival = schedule.rival.then(|| Process::start(&world, "rival", &schedule.options));
        let of_operator = |action: &Action| {
            matches!(action, Action::Restart(_) | Action::Kill(_) | Action::Pause(_) | Action::Clock(_))
        };
        let users = async {
            for (at, action) in schedule.actions.iter().filter(|(_, action)| !of_operator(action)) {
                sleep_until(began + *at).await;
                world.trace("world", action.to_string());
                carry_out(&world, action);
            }
            sleep_until(began + ACTIVE).await;
        };
        let operators = async {
            for (at, action) in schedule.actions.iter().filter(|(_, action)| of_operator(action)) {
                sleep_until(began + *at).await;
                do_to_operator(&world, &mut operator, &schedule.options, action).await;
            }
        };
        tokio::join!(users, operators);
        world.trace("world", "edits and faults end");
        world.faults().end_all();
        world.grant_permits();
        // What was under way is over.
        sleep(Duration::from_mins(1)).await;
        // As a kubelet does.
        if operator.lost() {
            operator = Process::start(&world, "operator", &schedule.options);
        }
        if rival.as_ref().is_some_and(Process::lost) {
            rival = Some(Process::start(&world, "rival", &schedule.options));
        }
        let mut violations = settle(&world, schedule).await;
        if violations.is_empty() {
            violations = rest(&world, schedule).await;
        }
        if let Some(how) = operator.ended() {
            violations.push(format!("the operator ended by itself: {how}"));
        }
        operator.kill();
        if let Some(rival) = rival {
            violations.extend(rival.ended().map(|how| format!("the rival ended by itself: {how}")));
            rival.kill();
        }
        let mut all = world.oracle().violations().to_vec();
        all.extend(violations);
        let (counts, faults) = (world.oracle().counts().clone(), world.faults().met().clone());
        Outcome { violations: all, trace: world.trace_text(), counts, faults, lasted: world.elapsed() }
    })
}

fn open(world: &World, schedule: &Schedule) -> Vec<String> {
    let options = &schedule.options;
    unsettled(world, options)
}

async fn settle(world: &World, schedule: &Schedule) -> Vec<String> {
    let began = Instant::now();
    loop {
        let wrong = open(world, schedule);
        if wrong.is_empty() {
            world.trace("world", format!("settled after {} s", began.elapsed().as_secs()));
            return wrong;
        }
        if began.elapsed() > SETTLES_WITHIN {
            for what in &wrong {
                world.trace("oracle", format!("BROKEN: never settled: {what}"));
            }
            return wrong.into_iter().map(|what| format!("never settled: {what}")).collect();
        }
        sleep(Duration::from_secs(30)).await;
    }
}

/// Nothing is called and nothing is written but what a fleet at rest costs.
async fn rest(world: &World, schedule: &Schedule) -> Vec<String> {
    sleep(CALM).await;
    let thin = schedule.actions.iter().any(|(_, action)| matches!(action, Action::Setting(_)));
    let before = world.oracle().counts().clone();
    sleep(REST).await;
    let after = world.oracle().counts().clone();
    let mut wrong: Vec<_> = open(world, schedule).into_iter().map(|what| format!("not at rest: {what}")).collect();
    let intervals = REST.as_secs_f64() / schedule.options.poll_interval.as_secs_f64();
    for (what, count) in &after {
        let happened = count - before.get(what).copied().unwrap_or_default();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
        let most = match what.as_str() {
            list if list.starts_with("List ") => (intervals / 0.94) as u64 + 2,
            "Describe" if thin => u64::MAX,
            // Of each resource that manages tags, every ten minutes.
            "ListTags" if thin => world.api().objects("profilinggroups").count() as u64,
            // Of each resource that manages them; the interval may be a tenth shorter.
            "GetPolicy" | "GetNotificationConfiguration" => {
                let intervals = REST.as_secs_f64() / schedule.options.details_interval.as_secs_f64() / 0.9;
                (intervals as u64 + 1) * managing(world, &["agentPermissions", "anomalyNotifications"])
            }
            // Of each lane whose Lists show no account.
            "GetCallerIdentity" => 8,
            // When a region was last listed, once in fifteen minutes.
            "account status writes" => world.api().objects("profileraccounts").count() as u64,
            // What the older CRD drops is sent again with a pause of half an hour.
            "status writes" if schedule.lacks.is_some() => 100,
            // When details were read, once in fifteen minutes.
            "status writes" => managing(world, &["agentPermissions", "anomalyNotifications"]),
            _ => 0,
        };
        if happened > most {
            wrong.push(format!("at rest: {happened} {what} in ten minutes, at most {most}"));
        }
    }
    for what in &wrong {
        world.trace("oracle", format!("BROKEN: {what}"));
    }
    wrong
}

/// How many resources have one of these fields.
fn managing(world: &World, fields: &[&str]) -> u64 {
    let has = |spec: &Value| fields.iter().any(|field| !spec[*field].is_null());
    world.api().objects("profilinggroups").filter(|object| has(&object["spec"])).count() as u64
}

/// The same failing schedule without the actions that its failure does not need.
pub fn cut(schedule: &Schedule) -> Schedule {
    let mut least = schedule.clone();
    let mut index = 0;
    while index < least.actions.len() {
        let mut fewer = least.clone();
        fewer.actions.remove(index);
        if run(&fewer).violations.is_empty() {
            index += 1;
        } else {
            least = fewer;
        }
    }
    least
}

/// A failing schedule for people: what was done, what broke, and the whole trace.
pub fn explained(schedule: &Schedule) -> String {
    let outcome = run(schedule);
    let mut text = String::new();
    let _ = writeln!(text, "seed {}, {:?}", schedule.seed, schedule.options);
    for (at, action) in &schedule.actions {
        let _ = writeln!(text, "  at {:>8.3} s: {action}", at.as_secs_f64());
    }
    for violation in &outcome.violations {
        let _ = writeln!(text, "broken: {violation}");
    }
    let _ = writeln!(text, "{}", outcome.trace);
    text
}
