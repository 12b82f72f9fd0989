//! Step 1, observe, and the questions that follow from it: gathers the situation of one object and asks the domain what
//! to do and what to report. Reads only the process's memory.

use std::{sync::Arc, time::Duration};

use kube::{Resource, ResourceExt, api::DynamicObject};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    claims::Group,
    context::Context,
    objects::{Key, key},
    records::Record,
    refresh, stored,
};
use crate::{
    api::{ProfilingGroupSpec, ProfilingGroupStatus, RECONCILE_REQUESTED_AT, Timestamp},
    aws::lane::Lane,
    domain::{
        desired::Desired,
        plan::{Plan, plan},
        remembered::Remembered,
        situation::{Knowledge, Limits, Ownership, Presence, Request, Situation},
        status::{Report, report},
    },
};

/// A shorter wait is not worth telling.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// When AWS falls silent, all objects of a lane say so within this time, and not all at once.
const STALE_SPREAD: Duration = Duration::from_mins(1);

/// One object, what to do about it and what to report of it.
pub struct Evaluation {
    /// The object as last known.
    pub object: Arc<DynamicObject>,
    /// The lane to AWS, if a region is known.
    pub lane: Option<Arc<Lane>>,
    /// Everything the decisions depend on.
    pub situation: Situation,
    /// The next step in AWS.
    pub plan: Plan,
    /// The status as stored.
    pub stored: ProfilingGroupStatus,
    /// The status to report.
    pub next: ProfilingGroupStatus,
    /// The status to write, when it differs from the stored one by more than is worth waiting for.
    pub write: Option<Value>,
    /// Whether something that was written to AWS is still to be told in an event.
    pub untold: bool,
    /// When to look again.
    pub recheck_at: Option<Timestamp>,
}

impl Evaluation {
    /// Whether anything is to be done, written or told now.
    #[must_use]
    pub fn needs_work(&self) -> bool {
        self.plan != Plan::Rest || self.write.is_some() || self.untold
    }
}

impl Context {
    /// Looks at one object; `None` when it is gone or going.
    #[must_use]
    pub fn evaluate(&self, key: &Key) -> Option<Evaluation> {
        let object = self.objects.get(key)?;
        let now = self.now();
        let status = object.data.get("status").unwrap_or(&Value::Null);
        let previous = stored::read(status);
        let uid = object.uid().unwrap_or_default();
        let slot = refresh::slot(&uid, now, self.settings.status_refresh);
        let generation = object.meta().generation.unwrap_or_default();

        self.records.with(
            &uid,
            || (Remembered::of(&previous), generation, slot),
            |record| {
                record.saw(generation);
                let (lane, situation) = self.situation(&object, record, now);
                let Report { status: next, recheck_at, waiting } = report(&situation, &previous);
                record.waiting_since = waiting.then(|| record.waiting_since.unwrap_or(now));
                let told_at =
                    record.waiting_since.map(|since| since.plus(WORTH_TELLING)).filter(|told_at| *told_at > now);

                let held_until = record.held_until.filter(|until| *until > now);
                let merged = stored::merge(status, &next);
                let worth_writing = !stored::same(&merged, status)
                    && told_at.is_none()
                    && (slot > record.slot || {
                        let calm = refresh::without_agents_news(&next, &previous);
                        !stored::same(&stored::merge(status, &calm), status)
                    });
                let plan = if held_until.is_some() { Plan::Rest } else { plan(&situation) };
                Some(Evaluation {
                    untold: record.untold.is_some() && held_until.is_none(),
                    write: (worth_writing && held_until.is_none()).then_some(merged),
                    recheck_at: [recheck_at, told_at, held_until]
                        .into_iter()
                        .flatten()
                        .filter(|time| *time > now)
                        .min(),
                    plan,
                    stored: previous.clone(),
                    next,
                    lane,
                    situation,
                    object: Arc::clone(&object),
                })
            },
        )
    }

    fn situation(&self, object: &DynamicObject, record: &mut Record, now: Timestamp) -> (Option<Arc<Lane>>, Situation) {
        let spec = object.data.get("spec").cloned().unwrap_or_default();
        let read = serde_json::from_value::<ProfilingGroupSpec>(spec);
        let unreadable = read.as_ref().err().map(ToString::to_string);
        let desired = read.as_ref().map(|spec| Desired::of(spec, self.settings.observe_only)).unwrap_or_default();
        let region = read.ok().and_then(|spec| spec.region.or_else(|| self.settings.default_region.clone()));
        let lane = region.map(|region| self.lanes.get(&region));
        let (view, knowledge) = lane.as_ref().map(|lane| lane.view(&desired.name)).unzip();
        let ownership = lane.as_ref().map_or(Ownership::Owner, |lane| {
            let group = Group { region: lane.region().into(), name: desired.name.clone() };
            self.owners.ownership(&key(object), &group)
        });
        let asks = !desired.suspended && ownership == Ownership::Owner;
        let knowledge = knowledge.unwrap_or(NOTHING);
        record.heard_of(&knowledge.presence);
        let request = request(object, record, lane.as_deref().filter(|_| asks));
        let uid = object.uid().unwrap_or_default();
        let limits = self.settings.limits();
        let situation = Situation {
            now,
            generation: object.meta().generation.unwrap_or_default(),
            unreadable,
            desired,
            remembered: record.remembered.clone(),
            ownership,
            lane: view,
            knowledge,
            backoff: record.backoff.clone(),
            request,
            limits: Limits {
                inventory_stale_after: limits.inventory_stale_after + refresh::phase(&uid, STALE_SPREAD),
                ..limits
            },
        };
        (lane, situation)
    }
}

/// A request that has not been handled. The first look at it asks the lane for a fresh List, and forgives failures.
fn request(object: &DynamicObject, record: &mut Record, lane: Option<&Lane>) -> Option<Request> {
    let token = object.annotations().get(RECONCILE_REQUESTED_AT)?;
    if record.remembered.handled_request.as_ref() == Some(token) {
        return None;
    }
    let Some(lane) = lane else { return Some(Request { token: token.clone(), attempted: false }) };
    let noticed = match &record.request {
        Some((known, noticed)) if known == token => *noticed,
        _ => {
            let now = Instant::now();
            record.request = Some((token.clone(), now));
            record.succeeded();
            lane.request_list();
            now
        }
    };
    Some(Request { token: token.clone(), attempted: lane.attempted_since(noticed) })
}

const NOTHING: Knowledge = Knowledge { presence: Presence::NotListed, wants_describe: false, as_of: None };
