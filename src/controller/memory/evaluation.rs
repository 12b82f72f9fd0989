//! The question that the memory answers: what is to be done about one object, what is to be reported, and when to
//! evaluate it again. Changes nothing.

use std::{sync::Arc, time::Duration};

use super::{Entry, Memory, Sought, key::Key, object::Object, record::Record};
use crate::{
    api::{ProfilingGroupSpec, ProfilingGroupStatus},
    aws::limiter::Class,
    domain::{
        account::{Access, Account, Role},
        claims::Standing,
        deletion::{Finalizer, Life},
        desired::{Allowed, Desired},
        lane_id::LaneId,
        moment::{Moment, Now},
        owner::Mark,
        plan::{Cause, Plan, State, plan},
        situation::{Details, Knowledge, LaneView, Limits, Ownership, Presence, Request, Situation},
        slots,
        status::{NextStatus, next_status},
        status_merge::StoredStatus,
        transitions::Reported,
        writes::{Present, Worth},
    },
};

/// A shorter wait is not worth a report.
const WORTH_REPORTING: Duration = Duration::from_secs(1);
/// When AWS stops answering, the objects of a lane report it spread over this time, not all at once.
const STALE_SPREAD: Duration = Duration::from_mins(1);
/// A version that the API server confirmed within this time is current enough to adopt a group from, or to send an edit
/// that had to wait.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(30);

/// One object, what to do about it and what to report of it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is the answer to a question of its own")]
pub struct Evaluation {
    /// The object's name.
    pub key: Key,
    /// The object's `metadata.uid`.
    pub uid: Arc<str>,
    /// The object as last known.
    pub object: Object,
    /// Its status, decoded.
    pub stored: StoredStatus,
    /// Everything the decisions depend on.
    pub situation: Situation,
    /// The next step in AWS.
    pub plan: Plan,
    /// The status to report.
    pub next: ProfilingGroupStatus,
    /// Whether it is worth a write now.
    pub writes: bool,
    /// What was reported last: by this process, else by the process that wrote the status before it began.
    pub reported: Reported,
    /// The change of the operator's finalizer that is due.
    pub finalizer: Option<Finalizer>,
    /// Whether something that was written to AWS is not reported in an event yet.
    pub unpublished: bool,
    /// Whether nothing but waiting would be reported.
    pub waiting: bool,
    /// Whether the API server has to confirm the spec before AWS is written to.
    pub unconfirmed: bool,
    /// The group that a lane has to look up.
    pub wants: Option<Sought>,
    /// How long until time alone changes the answer, whatever is known then.
    pub recheck_in: Option<Duration>,
    /// How long until what is known is too old, if nothing newer is known until then.
    pub stale_in: Option<Duration>,
}

impl Evaluation {
    /// The step in AWS that is to be taken, and is not being taken.
    #[must_use]
    pub fn step(&self, applying: bool, reporting: bool) -> Option<Class> {
        let class = match &self.plan {
            Plan::Rest => return None,
            Plan::Write { cause: Cause::Edit, .. } => Class::Edit,
            Plan::Write { cause: Cause::Adoption | Cause::Unfinished, .. } => Class::Adopt,
            Plan::Write { cause: Cause::Drift, .. } => Class::Correct,
            Plan::Describe | Plan::ReadTags => Class::Describe,
            Plan::ReadPolicy | Plan::ReadChannels => Class::Details,
        };
        // An edit does not wait for a status write; everything else does.
        (!applying && (!reporting || class == Class::Edit)).then_some(class)
    }

    /// Whether something is to be reported now: nothing that a step is about to change.
    #[must_use]
    pub fn reports(&self, applying: bool, reporting: bool) -> bool {
        let settled = self.plan == Plan::Rest || self.situation.circuit().is_some();
        (self.writes || self.unpublished || self.finalizer.is_some()) && settled && !applying && !reporting
    }

    /// Whether nothing will change until someone acts.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.situation.state().is_stalled()
    }

    /// The lane that the step goes to.
    #[must_use]
    pub fn lane(&self) -> Option<&LaneId> {
        self.situation.lane.as_ref().map(|lane| &lane.id)
    }
}

impl Memory {
    /// What to do about one object; `None` when it is gone or going.
    #[must_use]
    pub fn evaluate(&self, key: &Key, now: Now) -> Option<Evaluation> {
        let entry = self.objects.get(key)?;
        let Entry { object, record, .. } = &**entry;
        let (situation, sought, grace_ends) = self.situation(key, entry, now);
        let stored = object.status.decode();
        let NextStatus { status: next, recheck_at, waiting } = next_status(&situation, &stored.ours);

        let waiting_since = record.waiting_since.unwrap_or(now.moment);
        let held_until = record.held_until(now.moment);
        let write_has_failed = record.write_has_failed();
        let refresh = self.settings.status_refresh;
        let present = Present {
            moment: now.moment,
            slot: slots::slot(&object.uid, now.wall, refresh),
            next_slot: now.moment.plus(slots::remaining(&object.uid, now.wall, refresh)),
            // After a failed write, what it was to report is due.
            waiting_until: (waiting && !write_has_failed).then(|| waiting_since.plus(WORTH_REPORTING)),
        };
        let worth = record.writes.worth(&stored, &next, present);
        let planned = plan(&situation);
        // What can't be recorded is not done, and after a failed write the report comes first; but a user's edit, such
        // as a switch-off in an incident, does not wait, nor does what is half done.
        let unrecorded = held_until.is_some() || (write_has_failed && worth == Worth::Write);
        let is_edit = matches!(planned, Plan::Write { cause: Cause::Edit | Cause::Unfinished, .. });
        let write_from = match worth {
            Worth::From(moment) => Some(moment),
            Worth::Nothing | Worth::Write => None,
        };
        let moments = [write_from, held_until, grace_ends].into_iter().flatten();
        let waits = moments.map(|moment| moment.since(now.moment)).chain(recheck_at.map(|at| at.since(now.wall)));
        // Since this process leads: no former leader has seen a newer version, which the watch might have yet to report.
        let made_since = self.seen_by_others.is_some_and(|newest| object.version() > Some(newest));
        let unconfirmed = match &planned {
            // A correction is not urgent, and it may undo a deliberate change in AWS.
            Plan::Write { cause: Cause::Drift, .. } => true,
            Plan::Write { .. } if !(record.verified || made_since) => true,
            _ => now.moment.since(record.confirmed) > CONFIRMED_WITHIN,
        };
        Some(Evaluation {
            writes: worth == Worth::Write && held_until.is_none(),
            reported: record.reported.unwrap_or_else(|| Reported::of(&stored.ours)),
            finalizer: situation.finalizer().filter(|_| held_until.is_none()),
            unpublished: !record.unpublished.is_empty() && held_until.is_none(),
            unconfirmed,
            wants: sought.filter(|_| wants(&situation)),
            stale_in: situation.turns_stale_at().map(|at| at.since(now.wall)),
            recheck_in: waits.filter(|wait| !wait.is_zero()).min(),
            key: key.clone(),
            uid: Arc::clone(&object.uid),
            object: object.clone(),
            stored,
            plan: if unrecorded && !is_edit { Plan::Rest } else { planned },
            situation,
            next,
            waiting,
        })
    }

    /// What a resource requests, as far as its identity allows it.
    fn desired(
        &self,
        spec: &ProfilingGroupSpec,
        account: Option<&Account>,
        object: &Object,
        record: &Record,
    ) -> Desired {
        let allowed = self.allowed(account);
        let desired = Desired::of(spec, allowed, self.settings.observe_only);
        if object.life != Life::Deleting {
            return desired;
        }
        let original = record.remembered.original.as_ref().map(|original| original.profiling_enabled);
        desired.at_deletion(original, allowed)
    }

    /// What the operator's own identity, or a ProfilerAccount, allows.
    pub(super) fn allowed<'a>(&'a self, account: Option<&'a Account>) -> &'a Allowed {
        account.map_or(&self.settings.allowed, |account| &account.allowed)
    }

    /// How long what is known about the group of `key` may still be trusted; `None` when it is too old, or nothing is
    /// known.
    #[must_use]
    pub fn trusted_for(&self, key: &Key, now: Moment) -> Option<Duration> {
        let entry = self.objects.get(key)?;
        let group = entry.wants.as_ref()?;
        let known = self.lanes.get(&group.lane)?.lock().as_of(&group.name)?;
        let stale_after = self.stale_after(&entry.object, group.lane.role().map(|role| &**role));
        Some(known.plus(stale_after).since(now)).filter(|trusted| !trusted.is_zero())
    }

    fn stale_after(&self, object: &Object, role: Option<&Role>) -> Duration {
        self.settings.limits(role).inventory_stale_after + slots::phase(&object.uid, STALE_SPREAD)
    }

    /// With it the group, and when a former owner's time is over.
    fn situation(&self, key: &Key, entry: &Entry, now: Now) -> (Situation, Option<Sought>, Option<Moment>) {
        let Entry { object, record, .. } = entry;
        let unreadable = object.spec.as_ref().err().cloned();
        let spec = object.spec.as_ref().ok();
        let (access, account) = spec.map_or((Access::Granted, None), |spec| self.access(key, spec));
        let desired = spec.map(|spec| self.desired(spec, account, object, record)).unwrap_or_default();
        let id = spec.filter(|_| access == Access::Granted).and_then(|spec| self.lane_of(spec, account));
        let (lane, knowledge) = match id.as_ref().map(|id| (id, self.lanes.get(id))) {
            Some((_, Some(lane))) => {
                let (lane, knowledge) = lane.lock().view(&desired.name, now);
                (Some(lane), knowledge)
            }
            Some((id, None)) => {
                let (account, failure, circuit, recovered) = (None, None, None, None);
                (Some(LaneView { id: id.clone(), account, since: now.wall, failure, circuit, recovered }), NOTHING)
            }
            None => (None, NOTHING),
        };
        let (ownership, grace_ends) = match self.claims.standing(key, now.moment) {
            Standing::Owner => (Ownership::Owner, None),
            Standing::Waits { owner, until } => (Ownership::ClaimedBy(owner.to_string()), until),
        };
        let attempted = |noticed: Moment| {
            let lane = id.as_ref().and_then(|id| self.lanes.get(id));
            lane.is_some_and(|lane| lane.lock().attempted_since(noticed))
        };
        let request = record.request.as_ref().map(|(token, at)| Request {
            token: token.clone(),
            noticed: now.wall_at(*at),
            attempted: attempted(*at),
        });
        let role = id.as_ref().and_then(LaneId::role).map(|role| &**role);
        let owner = self.settings.owner.as_ref();
        let limits = self.settings.limits(role);
        let situation = Situation {
            now: now.wall,
            uid: Arc::clone(&object.uid),
            generation: object.generation,
            unreadable,
            life: object.life,
            access,
            desired,
            remembered: record.remembered.clone(),
            ownership,
            mark: owner.map(|owner| Box::new(Mark::new(owner, &key.namespace, &key.name))),
            lane,
            knowledge,
            backoff: record.backoff(now),
            request,
            limits: Limits {
                inventory_stale_after: self.stale_after(object, role),
                details_interval: spread(limits.details_interval, object),
                ..limits
            },
        };
        (situation, self.sought(key, entry), grace_ends)
    }
}

/// The interval of this object, within a tenth of the others': what is read of many at once is not for ever.
fn spread(interval: Duration, object: &Object) -> Duration {
    interval.mul_f64(0.9) + slots::phase(&object.uid, interval / 5)
}

/// Whether AWS has to be listed for this object.
fn wants(situation: &Situation) -> bool {
    let elsewhere = |lane: &LaneView| situation.remembered.region.as_deref().is_some_and(|it| it != lane.id.region());
    match situation.state() {
        State::Unreadable(_)
        | State::Suspended
        | State::ClaimedByAnother(_)
        | State::NotAllowed(_)
        | State::AccessRefused(_)
        | State::RegionMissing
        | State::Released => false,
        // Another account may be the right one again at the next List; a region does not come back by itself.
        State::TargetChanged { .. } => !situation.lane.as_ref().is_some_and(elsewhere),
        _ => true,
    }
}

const NOTHING: Knowledge = Knowledge {
    presence: Presence::NotListed,
    wants_describe: false,
    tags_due: None,
    tags_unconfirmed: false,
    as_of: None,
    details: Details { policy: None, channels: None, puts_add: false },
};
