//! What to do about one resource: total, pure, and the only place that decides to write to AWS.

mod intent;

use self::intent::Intent;
use super::{
    account::{Access, Refusal},
    arns::ArnsView,
    deletion::Ending,
    desired::NotAllowed,
    drift,
    facet::{Facet, Step},
    failure::{Class, Failure, FailureReason},
    owner::Owned,
    situation::{Backoff, LaneView, Ownership, Presence, Situation},
};
use crate::api::{FieldDifference, Timestamp};

/// Why AWS is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The desired value is not the one last applied.
    Edit,
    /// Nothing was ever applied, and AWS differs.
    Adoption,
    /// This resource has begun to write, and AWS has not confirmed the whole: more calls are needed, or an answer was lost.
    Unfinished,
    /// AWS differs from what was applied: another writer changed it.
    Drift,
}

/// The one next step in AWS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Plan {
    /// None.
    Rest,
    /// Describe this one group.
    Describe,
    /// Read the tags of this one group.
    ReadTags,
    /// Read the policy of this one group.
    ReadPolicy,
    /// Read the notification channels of this one group.
    ReadChannels,
    /// Change the group.
    Write {
        /// How.
        step: Step,
        /// Why.
        cause: Cause,
    },
}

/// The state of a resource; each has its row in the table of conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State<'a> {
    /// The spec can't be read.
    Unreadable(&'a str),
    /// The resource is suspended.
    Suspended,
    /// Another resource owns the group.
    ClaimedByAnother(&'a str),
    /// The resource may not use the identity that it names.
    AccessRefused(&'a Refusal),
    /// The role belongs to another AWS account than the one that AWS reports.
    AccountDiffers {
        /// The account that AWS reports.
        is: &'a str,
        /// The role's.
        wanted: &'a str,
    },
    /// Neither the resource nor the operator names a region.
    RegionMissing,
    /// It would now be looked for elsewhere than it was found.
    TargetChanged {
        /// Where it was found.
        was: String,
        /// Where it would be looked for.
        is: String,
    },
    /// The last attempt failed; the class decides whether it is retried.
    Failed(&'a Failure),
    /// There is no such group.
    GroupMissing,
    /// The lane's Lists fail, and nothing was known before; or a call is needed, and all calls wait.
    LaneFailed(&'a Failure),
    /// Corrections are slowed down.
    Contested,
    /// AWS does not report whether it is on.
    SwitchUnknown,
    /// For the first List, or for a Describe.
    Waiting,
    /// The resource needs what the platform team does not allow.
    NotAllowed(&'a NotAllowed),
    /// The group has another compute platform than the resource, which AWS can't change.
    PlatformDiffers {
        /// The group's.
        is: &'a str,
        /// The resource's.
        wanted: &'static str,
    },
    /// The group is marked as that of another operator, which has this owner id.
    OwnedByAnother(&'a str),
    /// The group is about to be created: that is recorded first.
    Recording,
    /// The group is about to be changed: what will be restored is recorded first.
    RecordingOriginal(Step),
    /// The group is about to be changed.
    Writing(Step),
    /// AWS was changed externally, and the policy is to report it.
    DriftReported(Vec<FieldDifference>),
    /// AWS differs, and is never written to.
    Differs(Vec<FieldDifference>),
    /// The resource is being deleted, and AWS can't be changed as that requests.
    DeletionFailed(&'a Failure),
    /// The resource is being deleted, and may go.
    Released,
    /// Nothing new is known yet since the process began; what was reported holds.
    Kept,
    /// What is known is too old to be trusted.
    Stale,
    /// AWS matches.
    InSync,
}

/// The next step. A pure function of the situation; the answer to an update leaves nothing to do, the answer to a
/// Describe may leave one update for each facet.
#[must_use]
pub fn plan(situation: &Situation) -> Plan {
    if situation.is_deleting() {
        return last_plan(situation);
    }
    if situation.blocked().is_some() || situation.backoff().is_some_and(|backoff| situation.now < backoff.retry_at) {
        return Plan::Rest;
    }
    match situation.intent() {
        Intent::Write { .. } if situation.lacks_finalizer() || situation.lacks_original() => {
            if situation.knowledge.wants_describe { Plan::Describe } else { Plan::Rest }
        }
        Intent::Write { step, cause } => Plan::Write { step, cause },
        Intent::Wait | Intent::Missing | Intent::Record => Plan::Rest,
        Intent::OwnerUnconfirmed => read_tags(situation),
        Intent::Confirm
        | Intent::OwnedByAnother
        | Intent::SwitchUnknown
        | Intent::TagsUnknown
        | Intent::DetailsUnknown
        | Intent::Differs(_)
        | Intent::DriftReported(_)
        | Intent::HeldBack
        | Intent::InSync => {
            let is_due = |due: Option<Timestamp>| due.is_some_and(|due| due <= situation.now);
            if situation.knowledge.wants_describe {
                Plan::Describe
            } else if is_due(situation.tags_due()) {
                read_tags(situation)
            } else if is_due(situation.details_due(Facet::Permissions)) {
                Plan::ReadPolicy
            } else if is_due(situation.details_due(Facet::Notifications)) {
                Plan::ReadChannels
            } else {
                Plan::Rest
            }
        }
    }
}

/// The call needs the group's ARN.
fn read_tags(situation: &Situation) -> Plan {
    if situation.arn().is_some() { Plan::ReadTags } else { Plan::Rest }
}

/// The last change in AWS is the resource's own, like an edit.
fn last_plan(situation: &Situation) -> Plan {
    if situation.backoff().is_some_and(|backoff| situation.now < backoff.retry_at) {
        return Plan::Rest;
    }
    match situation.ending() {
        Some(Ending::Write(step)) => Plan::Write { step, cause: Cause::Edit },
        Some(Ending::Confirm | Ending::ReadTags) if situation.knowledge.wants_describe => Plan::Describe,
        Some(Ending::ReadTags) => read_tags(situation),
        Some(Ending::Confirm | Ending::Wait | Ending::Release(_)) | None => Plan::Rest,
    }
}

impl State<'_> {
    /// Whether it is a failure that someone has to act on, and that no other group would have.
    fn is_of_this_group(&self) -> bool {
        let is_own = |failure: &Failure| failure.reason.class() == Class::FixMe && !failure.reason.affects_lane();
        matches!(self, Self::Failed(failure) if is_own(failure)) || *self == Self::GroupMissing
    }

    /// Whether nothing will change until someone acts.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        match self {
            Self::Failed(failure) | Self::LaneFailed(failure) | Self::DeletionFailed(failure) => {
                failure.reason.class() == Class::FixMe
            }
            Self::Unreadable(_)
            | Self::ClaimedByAnother(_)
            | Self::AccessRefused(_)
            | Self::AccountDiffers { .. }
            | Self::RegionMissing
            | Self::TargetChanged { .. }
            | Self::NotAllowed(_)
            | Self::PlatformDiffers { .. }
            | Self::OwnedByAnother(_)
            | Self::GroupMissing => true,
            Self::Suspended
            | Self::Contested
            | Self::SwitchUnknown
            | Self::Waiting
            | Self::Recording
            | Self::RecordingOriginal(_)
            | Self::Writing(_)
            | Self::DriftReported(_)
            | Self::Differs(_)
            | Self::Released
            | Self::Kept
            | Self::Stale
            | Self::InSync => false,
        }
    }
}

impl Situation {
    /// The state of the resource: the first row that matches decides.
    #[must_use]
    pub fn state(&self) -> State<'_> {
        if let Some(ending) = self.ending() {
            return self.last_state(ending);
        }
        if let Some(state) = self.blocked() {
            return state;
        }
        let intent = self.intent();
        let lane_failure = self.lane.as_ref().and_then(|lane| lane.failure.as_ref()).map(State::LaneFailed);
        let backoff = self.backoff().map(|backoff| match backoff.failure.reason {
            FailureReason::GroupNotFound => State::GroupMissing,
            _ => State::Failed(&backoff.failure),
        });
        let finalizer_is_denied = |failed: &State<'_>| matches!(failed, State::Failed(failure) if failure.reason == FailureReason::FinalizerDenied);
        let failed = match intent {
            _ if backoff.as_ref().is_some_and(finalizer_is_denied) => backoff,
            Intent::SwitchUnknown if !self.knowledge.wants_describe => backoff,
            Intent::Write { .. }
            | Intent::Record
            | Intent::Confirm
            | Intent::SwitchUnknown
            | Intent::TagsUnknown
            | Intent::OwnerUnconfirmed => backoff.or(self.circuit().map(State::LaneFailed)),
            // What was reported holds, unless someone has to act.
            Intent::DetailsUnknown => {
                let circuit = self.circuit().map(State::LaneFailed);
                backoff.or(circuit).filter(|failed| !self.was_ready() || failed.is_of_this_group())
            }
            // What was reported for this generation is kept when the lane fails.
            Intent::Wait if !self.was_ready() || self.is_contested() => lane_failure,
            Intent::InSync | Intent::Differs(_) | Intent::DriftReported(_) if self.is_stale() && !self.was_ready() => {
                Some(lane_failure.unwrap_or(State::Waiting))
            }
            // A read that only refreshes what is known may fail without changing what was reported.
            _ => None,
        };
        match (intent, failed) {
            (Intent::Missing, _) => State::GroupMissing,
            (Intent::OwnedByAnother, _) if let Some(Owned::Other(id)) = self.owned() => State::OwnedByAnother(id),
            (_, Some(failed)) if failed.is_stalled() => failed,
            _ if self.is_contested() => State::Contested,
            (_, Some(failed)) => failed,
            (Intent::SwitchUnknown, None) if !self.knowledge.wants_describe => State::SwitchUnknown,
            (
                Intent::SwitchUnknown
                | Intent::TagsUnknown
                | Intent::OwnerUnconfirmed
                | Intent::OwnedByAnother
                | Intent::Confirm,
                None,
            ) => State::Waiting,
            (Intent::Write { step, .. }, None) if self.original_to_record().is_some() => State::RecordingOriginal(step),
            (Intent::Write { .. }, None) if self.lacks_original() => State::Waiting,
            (Intent::Write { step, .. }, None) => State::Writing(step),
            (Intent::Record, None) => State::Recording,
            (Intent::Wait | Intent::DetailsUnknown, None) if !self.was_reported() => State::Waiting,
            (_, None) if self.is_stale() && self.was_ready() => State::Stale,
            (Intent::Wait | Intent::DetailsUnknown, None) => State::Kept,
            (Intent::DriftReported(differences), None) => State::DriftReported(differences),
            (Intent::Differs(differences), None) => State::Differs(differences),
            (Intent::InSync | Intent::HeldBack, None) => State::InSync,
        }
    }

    fn last_state(&self, ending: Ending) -> State<'_> {
        let lane = self.lane.as_ref();
        let failed = self.backoff().map(|backoff| &backoff.failure).or(self.circuit());
        let failed = failed.or_else(|| lane.and_then(|lane| lane.failure.as_ref()));
        match (ending, failed) {
            (Ending::Release(_), _) => State::Released,
            (_, Some(failure)) => State::DeletionFailed(failure),
            (Ending::Write(step), None) => State::Writing(step),
            (Ending::Wait | Ending::Confirm | Ending::ReadTags, None) => State::Waiting,
        }
    }

    /// Whether the creation of the group is to be recorded now: the report is a step of its own, whatever else it reports.
    #[must_use]
    pub fn records_creation(&self) -> bool {
        let waits = self.backoff().is_some_and(|backoff| self.now < backoff.retry_at) || self.circuit().is_some();
        !self.is_deleting() && !waits && self.blocked().is_none() && matches!(self.intent(), Intent::Record)
    }

    /// When what is known is too old, if nothing newer is known until then.
    #[must_use]
    pub fn turns_stale_at(&self) -> Option<Timestamp> {
        self.stale_at().filter(|at| *at > self.now && self.blocked().is_none())
    }

    /// When time alone changes the plan or the state, whatever is known then. Conditions on agents have times of their own.
    #[must_use]
    pub fn recheck_at(&self) -> Option<Timestamp> {
        if self.blocked().is_some() && !self.is_deleting() {
            return None;
        }
        let slowdown = self.remembered.drift.slowdown;
        [
            self.backoff().map(|backoff| backoff.retry_at),
            slowdown.map(|slowdown| slowdown.until),
            drift::calm_at(&self.remembered.drift, self.limits.drift_window),
            self.tags_due(),
            self.details_due(Facet::Permissions),
            self.details_due(Facet::Notifications),
        ]
        .into_iter()
        .flatten()
        .filter(|time| *time > self.now)
        .min()
    }

    /// States that forbid every call, whatever else is known.
    pub(super) fn blocked(&self) -> Option<State<'_>> {
        if let Some(why) = &self.unreadable {
            return Some(State::Unreadable(why));
        }
        if self.desired.suspended {
            return Some(State::Suspended);
        }
        match &self.access {
            Access::Granted => {}
            // What was reported is kept, as after a restart.
            Access::Unknown => return Some(if self.was_reported() { State::Kept } else { State::Waiting }),
            Access::Refused(refusal) => return Some(State::AccessRefused(refusal)),
        }
        if let Some(what) = &self.desired.not_allowed {
            return Some(State::NotAllowed(what));
        }
        if let Ownership::ClaimedBy(owner) = &self.ownership {
            return Some(State::ClaimedByAnother(owner));
        }
        let Some(lane) = &self.lane else { return Some(State::RegionMissing) };
        let differs = || self.platform_differs().filter(|_| !self.is_deleting());
        account_differs(lane).or_else(|| self.target_changed(lane)).or_else(differs)
    }

    fn platform_differs(&self) -> Option<State<'_>> {
        let is = self.observation()?.compute_platform.as_deref()?;
        let wanted = self.desired.platform?.as_str();
        (is != wanted).then_some(State::PlatformDiffers { is, wanted })
    }

    fn target_changed(&self, lane: &LaneView) -> Option<State<'_>> {
        let (account, region) = (self.remembered.account.as_deref()?, self.remembered.region.as_deref()?);
        let is_account = lane.account.as_deref().or(lane.id.role().map(|role| &*role.aws_account)).unwrap_or(account);
        (self.remembered.seen && (is_account, lane.id.region()) != (account, region)).then(|| State::TargetChanged {
            was: format!("account {account}, region {region}"),
            is: format!("account {is_account}, region {}", lane.id.region()),
        })
    }

    /// An edit that was made while the process was away must not reach an account that AWS has not confirmed yet, and
    /// nothing is written through a role before AWS has confirmed the account that it belongs to.
    pub(super) fn target_is_unverified(&self) -> bool {
        let unknown = |lane: &LaneView| lane.account.is_none() && (self.remembered.seen || lane.id.role().is_some());
        self.lane.as_ref().is_some_and(unknown)
    }

    /// Whether it waits for its lane's circuit to close.
    #[must_use]
    pub fn waits_for_circuit(&self) -> bool {
        self.circuit().is_some() && matches!(self.state(), State::LaneFailed(_))
    }

    /// The last failure, unless it is over: a newer read shows that what was tried is no longer needed, or possible; or
    /// the whole lane had failed, and has recovered.
    pub(super) fn backoff(&self) -> Option<&Backoff> {
        self.backoff.as_ref().filter(|backoff| !self.is_over(backoff))
    }

    /// Whether the last failure is over, and to be forgotten.
    #[must_use]
    pub fn forgets_backoff(&self) -> bool {
        self.backoff.as_ref().is_some_and(|backoff| self.is_over(backoff))
    }

    fn group_was_missed(&self) -> bool {
        self.backoff.as_ref().is_some_and(|backoff| backoff.failure.reason == FailureReason::GroupNotFound)
    }

    fn is_over(&self, backoff: &Backoff) -> bool {
        let recovered = self.lane.as_ref().and_then(|lane| lane.recovered);
        if backoff.failure.reason.affects_lane() && recovered.is_some_and(|recovered| recovered > backoff.failed_at) {
            return true;
        }
        if backoff.failure.reason == FailureReason::FinalizerDenied {
            return self.finalizer_due().is_none();
        }
        if let Some(ending) = self.ending() {
            return matches!(ending, Ending::Release(_));
        }
        if self.group_was_missed() && self.desired.creates && self.knowledge.presence == Presence::Missing {
            return true;
        }
        if self.blocked().is_some() || self.knowledge.as_of.is_none_or(|as_of| as_of <= backoff.failed_at) {
            return false;
        }
        let missed = self.group_was_missed() && self.observation().is_some();
        missed
            || matches!(
                self.intent(),
                Intent::InSync | Intent::OwnedByAnother | Intent::Differs(_) | Intent::DriftReported(_)
            )
    }

    /// Whether the fight goes on: corrections are slowed down until AWS has agreed for a full window. A resource that
    /// does not correct does not fight.
    fn is_contested(&self) -> bool {
        let calm_at = drift::calm_at(&self.remembered.drift, self.limits.drift_window);
        let at_peace = self.agrees() && self.drifted().is_empty() && calm_at.is_some_and(|calm| calm <= self.now);
        let corrects = self.desired.manages && self.desired.corrects_drift && !self.is_deleting();
        corrects && self.remembered.drift.slowdown.is_some() && !at_peace
    }

    /// After a restart, what was reported of this generation holds until something new is known.
    fn was_reported(&self) -> bool {
        self.remembered.seen && self.remembered.observed_generation == Some(self.generation)
    }

    fn was_ready(&self) -> bool {
        self.remembered.ready && self.was_reported()
    }

    /// Whether this resource's own change of the switch still waits for AWS's answer, whatever AWS reported before it.
    #[must_use]
    pub fn is_edited(&self) -> bool {
        self.desired.manages
            && self.remembered.last_applied.is_some_and(|applied| applied != self.desired.profiling_enabled)
    }

    /// Whether AWS has confirmed the switch as it is desired.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.observed_switch() == Some(self.desired.profiling_enabled) && !self.is_edited()
    }

    /// What another writer has changed: AWS reports another value than the desired one, which was applied before.
    #[must_use]
    pub fn drifted(&self) -> Vec<FieldDifference> {
        let applied = self.remembered.last_applied == Some(self.desired.profiling_enabled);
        let ours = self.remembered.in_doubt == self.observed_switch();
        let switch = self.switch_difference().filter(|_| applied && !ours);
        let tags = self.tags().and_then(|tags| self.tags_difference(&tags.drifted()));
        let existence = self.existence_difference().filter(|_| self.existed());
        let details = self.all_arns().filter(ArnsView::drifted).map(|arns| arns.difference());
        let owner = self.owner_difference().filter(|_| self.was_ours() && self.owned() == Some(Owned::Free));
        existence.into_iter().chain(owner).chain(switch).chain(tags).chain(details).collect()
    }
}

fn account_differs(lane: &LaneView) -> Option<State<'_>> {
    let (is, wanted) = (lane.account.as_deref()?, &*lane.id.role()?.aws_account);
    (is != wanted).then_some(State::AccountDiffers { is, wanted })
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
