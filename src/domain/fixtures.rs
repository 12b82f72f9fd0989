//! Situations in sentences, for tests: `synced().asks_for(false).observed_only()`.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    account::Access,
    arns::{Arns, Dated},
    conditions,
    deletion::Life,
    desired::{Allowed, Desired, NotAllowed},
    facet::{Step, Tags},
    failure::{Failure, FailureReason},
    lane_id::LaneId,
    observation::Observation,
    owner::{Mark, OwnerId},
    permissions::Policy,
    plan::Cause,
    remembered::Remembered,
    situation::{Backoff, Details, Knowledge, LaneView, Limits, Ownership, Presence, Request, Situation},
    status,
};
use crate::api::{
    AggregatedProfile, ComputePlatform, ConditionType, CreatedStatus, DeletionPolicy, DriftStatus, Grant,
    OriginalStatus, ProfilingGroupStatus, ProfilingStatus, Slowdown, Timestamp,
};

/// When every situation takes place.
pub const NOW: i64 = 100;
/// The generation of every spec.
pub const GENERATION: i64 = 3;
const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";

/// A point in time by its minute; now is minute 100.
pub fn minute(minute: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + i128::from(minute) * 60_000)
}

/// Tags as text: `team=shop stage=prod`.
pub fn tags(text: &str) -> Tags {
    let pair = |pair: &str| pair.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    text.split_whitespace().filter_map(pair).collect()
}

/// A set as text: `a b`.
pub fn arns(text: &str) -> Arns {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A failed attempt.
pub fn failure(reason: FailureReason) -> Failure {
    Failure {
        reason,
        message: format!("What to do about {}.", reason.as_str()),
        detail: "Caused by: a request of id 42".into(),
        retry_after: None,
    }
}

/// Everything that AWS can report about a group whose agents report.
pub fn observation(on: Option<bool>) -> Observation {
    Observation {
        name: "Checkout_Service".into(),
        arn: Some(format!("arn:aws:codeguru-profiler:{REGION}:{ACCOUNT}:profilingGroup/Checkout_Service")),
        compute_platform: Some("Default".into()),
        created_at: Some(minute(1)),
        updated_at: Some(minute(40)),
        profiling_enabled: on,
        profiling_status: Some(ProfilingStatus {
            latest_agent_orchestrated_at: Some(minute(98)),
            latest_agent_profile_reported_at: Some(minute(97)),
            latest_aggregated_profile: Some(AggregatedProfile { start: Some(minute(90)), period: Some("PT5M".into()) }),
        }),
        tags: Some([("team".into(), "shop".into())].into()),
    }
}

/// A resource without a status, which requests profiling, in a lane that has not listed yet.
pub fn new() -> Situation {
    Situation {
        now: minute(NOW),
        uid: "uid".into(),
        generation: GENERATION,
        unreadable: None,
        life: Life::Alive { finalizer: false },
        access: Access::Granted,
        desired: Desired {
            name: "Checkout_Service".into(),
            profiling_enabled: true,
            manages: true,
            corrects_drift: true,
            suspended: false,
            creates: false,
            deletion: DeletionPolicy::Retain,
            platform: None,
            tags: None,
            principals: None,
            topics: None,
            not_allowed: None,
        },
        remembered: Remembered::default(),
        ownership: Ownership::Owner,
        mark: None,
        lane: Some(LaneView {
            id: LaneId::of_region(REGION),
            account: None,
            since: minute(99),
            failure: None,
            circuit: None,
            recovered: None,
        }),
        knowledge: Knowledge {
            presence: Presence::NotListed,
            wants_describe: false,
            tags_due: None,
            tags_unconfirmed: false,
            as_of: None,
            details: Details::default(),
        },
        backoff: None,
        request: None,
        limits: Limits::new(Duration::from_mins(1), Duration::from_mins(20), Duration::from_mins(10)),
    }
}

/// A resource never reported on, for which AWS reports that profiling is `on`.
pub fn found(on: bool) -> Situation {
    new().sees(Some(on))
}

/// A resource that AWS matches, and which was reported so.
pub fn synced() -> Situation {
    found(true).reported()
}

/// The same after a restart: only the status remembers.
pub fn restarted() -> Situation {
    let Situation { remembered, .. } = synced();
    Situation { remembered, ..new() }
}

/// A resource whose corrections are slowed down for two more minutes while AWS differs.
pub fn contested() -> Situation {
    synced().sees(Some(false)).slowed_down(1, 102, 98)
}

impl Situation {
    pub(crate) fn asks_for(mut self, on: bool) -> Self {
        self.desired.profiling_enabled = on;
        self
    }

    /// A new generation requests it.
    pub(crate) fn edited_to(self, on: bool) -> Self {
        Self { generation: self.generation + 1, ..self }.asks_for(on)
    }

    pub(crate) fn observes(mut self) -> Self {
        self.desired.manages = false;
        self
    }

    pub(crate) fn reports_drift(mut self) -> Self {
        self.desired.corrects_drift = false;
        self
    }

    /// It manages these tags: `team=shop stage=prod`.
    pub(crate) fn tagged(mut self, tags: &str) -> Self {
        self.desired.tags = Some(self::tags(tags));
        self
    }

    /// The operator has the owner id `ours`, and takes over from `former`.
    pub(crate) fn marks(mut self) -> Self {
        let owner = OwnerId { id: "ours".into(), takes_over_from: Some("former".into()) };
        self.mark = Some(Box::new(Mark::new(&owner, "shop", "checkout")));
        self
    }

    /// AWS has reported the tags as they are.
    pub(crate) fn confirms_tags(mut self) -> Self {
        self.knowledge.tags_unconfirmed = false;
        self
    }

    /// The group is marked as that of the operator with this owner id.
    pub(crate) fn marked_by(self, id: &str, resource: &str) -> Self {
        let tags =
            format!("team=shop codeguruprofiler.dev/owner-id={id} codeguruprofiler.dev/owner-resource={resource}");
        self.sees_tags(Some(&tags))
    }

    /// It creates the group where there is none.
    pub(crate) fn creates(mut self) -> Self {
        self.desired.creates = true;
        self
    }

    /// It has the operator's finalizer.
    pub(crate) fn with_finalizer(mut self) -> Self {
        self.life = Life::Alive { finalizer: true };
        self
    }

    /// It requests this for its deletion.
    pub(crate) fn ends_with(mut self, policy: DeletionPolicy) -> Self {
        self.desired.deletion = policy;
        self
    }

    /// The switch was found like this, and that is stored.
    pub(crate) fn with_original(mut self, on: bool) -> Self {
        let original = OriginalStatus { profiling_enabled: on, captured_at: minute(90), at_adoption: true };
        self.remembered.original = Some(Box::new(original));
        self
    }

    /// A resource with this UID has created the group, or is about to.
    pub(crate) fn created_by(mut self, uid: &str, confirmed: bool) -> Self {
        self.remembered.created = Some(Box::new(CreatedStatus {
            uid: uid.into(),
            number: 1,
            requested_at: minute(90),
            at: confirmed.then(|| minute(91)),
            group_created_at: observation(None).created_at.filter(|_| confirmed),
            found_at: None,
        }));
        self
    }

    /// It is being deleted.
    pub(crate) fn goes(mut self) -> Self {
        let allowed = Allowed { grants: Grant::ALL.to_vec(), ..Allowed::default() };
        let original = self.remembered.original.as_ref().map(|original| original.profiling_enabled);
        self.desired = self.desired.at_deletion(original, &allowed);
        self.life = Life::Deleting;
        self
    }

    /// It is to have this compute platform; the group has Default.
    pub(crate) fn on_platform(mut self, platform: ComputePlatform) -> Self {
        self.desired.platform = Some(platform);
        self
    }

    /// It was recorded that others have deleted the group.
    pub(crate) fn with_existence_missed(mut self) -> Self {
        self.remembered.drift.fields.extend(self.existence_difference());
        self
    }

    /// The platform team does not allow what it manages.
    pub(crate) fn without_permission(mut self) -> Self {
        self.desired.not_allowed = Some(NotAllowed::Grant(Grant::Tags));
        self
    }

    /// AWS reports these tags; `None` when it leaves them out.
    pub(crate) fn sees_tags(self, tags: Option<&str>) -> Self {
        let seen = self.observation().cloned().unwrap_or_else(|| observation(Some(true)));
        self.sees_all(Observation { tags: tags.map(self::tags), ..seen })
    }

    /// It manages these principals.
    pub(crate) fn permits(mut self, principals: &str) -> Self {
        self.desired.principals = Some(arns(principals));
        self
    }

    /// It manages these topics.
    pub(crate) fn notifies(mut self, topics: &str) -> Self {
        self.desired.topics = Some(arns(topics));
        self
    }

    /// AWS reports this policy.
    pub(crate) fn sees_policy(mut self, revision: &str, principals: &str) -> Self {
        let value = Policy { revision: Some(revision.into()), principals: arns(principals), put: None };
        self.knowledge.details.policy = Some(Dated { value, as_of: self.now });
        self
    }

    /// AWS reports channels with these topics.
    pub(crate) fn sees_channels(mut self, topics: &str) -> Self {
        let value = arns(topics).into_iter().map(|topic| (topic.clone(), format!("id-of-{topic}"))).collect();
        self.knowledge.details.channels = Some(Dated { value, as_of: self.now });
        self
    }

    /// What is in no List was read at this minute.
    pub(crate) fn read_at(mut self, at: i64) -> Self {
        let details = &mut self.knowledge.details;
        details.policy.iter_mut().for_each(|known| known.as_of = minute(at));
        details.channels.iter_mut().for_each(|known| known.as_of = minute(at));
        self
    }

    /// What AWS answers to a step about what is in no List.
    fn answers(mut self, step: &Step) -> Self {
        let (now, details) = (self.now, &mut self.knowledge.details);
        match step {
            Step::Create(_)
            | Step::Delete
            | Step::Mark(_)
            | Step::Unmark(_)
            | Step::Switch(_)
            | Step::Tag(_)
            | Step::Untag(_) => {}
            Step::PutPermission { principals, .. } => {
                let revision = Some("ours".to_owned());
                let value = Policy { revision, principals: principals.clone(), put: Some(principals.clone()) };
                details.policy = Some(Dated { value, as_of: now });
            }
            Step::RemovePermission { .. } => {
                details.policy = Some(Dated { value: Policy::default(), as_of: now });
            }
            Step::AddChannels(topics) => {
                let known = details.channels.iter().flat_map(|known| known.value.clone());
                let added = topics.iter().map(|topic| (topic.clone(), format!("id-of-{topic}")));
                details.channels = Some(Dated { value: known.chain(added).collect(), as_of: now });
            }
            Step::RemoveChannel { topic, .. } => {
                details.channels.iter_mut().for_each(|known| drop(known.value.remove(topic)));
            }
        }
        self
    }

    /// The tags are to be read by a call of their own at this minute.
    pub(crate) fn with_tags_due(mut self, at: i64) -> Self {
        self.knowledge.tags_due = Some(minute(at));
        self
    }

    pub(crate) fn suspended(mut self) -> Self {
        self.desired.suspended = true;
        self
    }

    pub(crate) fn claimed(mut self) -> Self {
        self.ownership = Ownership::ClaimedBy("shop/checkout".into());
        self
    }

    pub(crate) fn without_region(mut self) -> Self {
        self.lane = None;
        self
    }

    pub(crate) fn lane(mut self, change: impl FnOnce(&mut LaneView)) -> Self {
        change(self.lane.as_mut().expect("a lane"));
        self
    }

    /// The operator's account is another one now.
    pub(crate) fn moved(self) -> Self {
        self.lane(|lane| lane.account = Some("999988887777".into()))
    }

    /// The last List failed.
    pub(crate) fn lane_fails(self, reason: FailureReason) -> Self {
        self.lane(|lane| {
            lane.failure = Some(failure(reason));
        })
    }

    /// Calls about groups wait.
    pub(crate) fn circuit_is_open(self, reason: FailureReason) -> Self {
        self.lane(|lane| lane.circuit = Some(failure(reason)))
    }

    /// The way to AWS was found to be open again.
    pub(crate) fn recovered_at(self, at: i64) -> Self {
        self.lane(|lane| lane.recovered = Some(minute(at)))
    }

    pub(crate) fn knows(mut self, presence: Presence) -> Self {
        if presence != Presence::NotListed {
            self.knowledge.as_of = Some(minute(NOW));
        }
        self.knowledge.wants_describe = presence == Presence::Unconfirmed;
        self.knowledge.presence = presence;
        self
    }

    /// AWS describes the group so.
    pub(crate) fn sees(self, on: Option<bool>) -> Self {
        self.sees_all(observation(on))
    }

    pub(crate) fn sees_all(self, observation: Observation) -> Self {
        self.lane(|lane| lane.account = Some(ACCOUNT.into())).knows(Presence::Present(observation))
    }

    pub(crate) fn misses(self) -> Self {
        self.knows(Presence::Missing)
    }

    pub(crate) fn wants_describe(mut self) -> Self {
        self.knowledge.wants_describe = true;
        self
    }

    /// The newest knowledge is of this minute.
    pub(crate) fn known_at(mut self, known: i64) -> Self {
        self.knowledge.as_of = Some(minute(known));
        self
    }

    /// AWS could not be read for ten minutes.
    pub(crate) fn stale(self) -> Self {
        let situation = self.lane(|lane| lane.since = minute(60));
        if situation.knowledge.as_of.is_some() { situation.known_at(90) } else { situation }
    }

    pub(crate) fn failed(mut self, reason: FailureReason, retry_at: i64) -> Self {
        self.backoff = Some(Backoff { failure: failure(reason), failed_at: minute(NOW), retry_at: minute(retry_at) });
        self
    }

    /// A throttled attempt that is not yet due again.
    pub(crate) fn throttled(self) -> Self {
        self.failed(FailureReason::Throttled, NOW + 1)
    }

    /// A throttled attempt that is due again.
    pub(crate) fn throttled_before(self) -> Self {
        self.failed(FailureReason::Throttled, NOW)
    }

    /// An attempt that was denied and is not yet due again.
    pub(crate) fn denied(self) -> Self {
        self.failed(FailureReason::AccessDenied, NOW + 1)
    }

    pub(crate) fn slowed_down(mut self, step: u32, until: i64, detected: i64) -> Self {
        self.remembered.drift = DriftStatus {
            corrections: 4,
            last_detected_at: Some(minute(detected)),
            last_corrected_at: Some(minute(detected)),
            slowdown: Some(Slowdown { step, until: minute(until) }),
            ..DriftStatus::default()
        };
        self
    }

    pub(crate) fn requested(mut self, attempted: bool) -> Self {
        self.request = Some(Request { token: "tuesday".into(), noticed: self.now, attempted });
        self
    }

    pub(crate) fn at(mut self, now: i64) -> Self {
        self.now = minute(now);
        self
    }

    /// What is reported is remembered.
    pub(crate) fn reported(mut self) -> Self {
        self.remembered = Remembered::of(&self.report());
        self
    }

    /// This status is remembered.
    pub(crate) fn reported_as(self, status: &ProfilingGroupStatus) -> Self {
        Self { remembered: Remembered::of(status), ..self }
    }

    /// The status of a resource without one.
    pub(crate) fn report(&self) -> ProfilingGroupStatus {
        self.report_after(&ProfilingGroupStatus::default())
    }

    pub(crate) fn report_after(&self, previous: &ProfilingGroupStatus) -> ProfilingGroupStatus {
        status::next_status(self, previous).status
    }

    /// AWS has taken this change of the switch.
    pub(crate) fn updated(self, to: bool, cause: Cause) -> Self {
        self.takes(&Step::Switch(to), cause)
    }

    /// AWS has taken the step that was planned here.
    pub(crate) fn takes(self, step: &Step, cause: Cause) -> Self {
        let remembered = self.remembered.clone().after_step(&self, step, cause, self.now);
        let mut answer = match step {
            Step::Switch(to) => {
                // The switch changes no tags.
                let tags = self.observation().and_then(|known| known.tags.clone());
                let answer = Observation { updated_at: Some(self.now), tags, ..observation(Some(*to)) };
                answer.absorb(self.observation())
            }
            Step::Create(group) => {
                Observation { updated_at: Some(self.now), ..observation(Some(group.profiling_enabled)) }
            }
            Step::Delete
            | Step::Mark(_)
            | Step::Unmark(_)
            | Step::Tag(_)
            | Step::Untag(_)
            | Step::PutPermission { .. }
            | Step::RemovePermission { .. }
            | Step::AddChannels(_)
            | Step::RemoveChannel { .. } => self.observation().cloned().unwrap_or_default(),
        };
        if let Some(tags) = &mut answer.tags {
            step.change_tags(tags);
        }
        let after = Self { remembered, backoff: None, ..self };
        let mut after = if *step == Step::Delete { after.misses() } else { after.sees_all(answer).answers(step) };
        after.knowledge.as_of = Some(after.now);
        after.knowledge.tags_unconfirmed |= matches!(step, Step::Mark(_) | Step::Tag(_) | Step::Untag(_));
        let settled = after.clone();
        after.remembered.settle(&settled);
        after
    }
}

/// The conditions in short: `Ready=True/InSync`.
pub fn summary(status: &ProfilingGroupStatus) -> Vec<String> {
    let shown = [ConditionType::Ready, ConditionType::Synced, ConditionType::Reconciling, ConditionType::Stalled];
    let short = |condition: &Condition| format!("{}={}/{}", condition.type_, condition.status, condition.reason);
    shown.into_iter().filter_map(|kind| conditions::find(&status.conditions, kind)).map(short).collect()
}

/// Flux's rules for the conditions of a final state, FAIL0001 to FAIL0011 and WARN.
pub fn break_of_rules(status: &ProfilingGroupStatus, generation: i64) -> Option<&'static str> {
    let of = |kind| conditions::find(&status.conditions, kind).map(|condition| condition.status.as_str());
    let ready = of(ConditionType::Ready);
    let (reconciling, stalled) = (of(ConditionType::Reconciling), of(ConditionType::Stalled));
    let generations = status.conditions.iter().map(|condition| condition.observed_generation);
    let rules = [
        (ready.is_none(), "Ready is missing"),
        (reconciling.is_some() && ready == Some("True"), "Reconciling beside Ready"),
        (stalled.is_some() && ready == Some("True"), "Stalled beside Ready"),
        (reconciling.is_some() && stalled.is_some(), "Reconciling beside Stalled"),
        (reconciling.is_some_and(|s| s != "True") || stalled.is_some_and(|s| s != "True"), "left behind, not removed"),
        (status.observed_generation != Some(generation), "not of this generation"),
        (generations.into_iter().any(|of| of != Some(generation)), "a condition of another generation"),
        (ready == Some("Unknown") && reconciling.is_none(), "Ready unknown and nothing done about it"),
        (status.conditions.iter().any(|condition| condition.message.is_empty()), "an empty message"),
    ];
    rules.into_iter().find(|(broken, _)| *broken).map(|(_, rule)| rule)
}
