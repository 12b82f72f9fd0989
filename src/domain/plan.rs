//! What to do about one resource: total, pure, and the only place that decides to write to AWS.

use super::{
    drift,
    facet::{Facet, Step},
    failure::{Class, Failure, FailureReason},
    remembered::Remembered,
    situation::{Backoff, LaneView, Ownership, Presence, Situation},
    tags::TagsView,
};
use crate::api::{FieldDifference, Timestamp};

/// Why AWS is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The desired value is not the one last applied.
    Edit,
    /// Nothing was ever applied, and AWS differs.
    Adoption,
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
    /// The resource manages what the platform team does not allow.
    FacetNotAllowed(Facet),
    /// The group is about to be changed.
    Writing(Step),
    /// AWS was changed externally, and the policy is to report it.
    DriftReported(Vec<FieldDifference>),
    /// AWS differs, and is never written to.
    Differs(Vec<FieldDifference>),
    /// Nothing new is known yet since the process began; what was reported holds.
    Kept,
    /// What is known is too old to be trusted.
    Stale,
    /// AWS matches.
    InSync,
}

/// What should be done if nothing had failed.
enum Intent {
    Wait,
    Confirm,
    Missing,
    SwitchUnknown,
    TagsUnknown,
    Differs(Vec<FieldDifference>),
    DriftReported(Vec<FieldDifference>),
    HeldBack,
    Write { step: Step, cause: Cause },
    InSync,
}

impl Intent {
    /// What comes first for two facets of one group: edits, then adoptions, then corrections, and the first facet where
    /// both are the same.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Differs(one), Self::Differs(other)) => Self::Differs([one, other].concat()),
            (Self::DriftReported(one), Self::DriftReported(other)) => Self::DriftReported([one, other].concat()),
            (one, other) if other.rank() < one.rank() => other,
            (one, _) => one,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Write { cause: Cause::Edit, .. } => 0,
            Self::Write { cause: Cause::Adoption, .. } => 1,
            Self::Write { cause: Cause::Drift, .. } => 2,
            Self::Wait | Self::Confirm | Self::Missing => 3,
            Self::SwitchUnknown => 4,
            Self::TagsUnknown => 5,
            Self::HeldBack => 6,
            Self::Differs(_) | Self::DriftReported(_) => 7,
            Self::InSync => 8,
        }
    }
}

/// The next step. A pure function of the situation; the answer to an update leaves nothing to do, the answer to a
/// Describe may leave one update for each facet.
#[must_use]
pub fn plan(situation: &Situation) -> Plan {
    if situation.blocked().is_some() || situation.backoff().is_some_and(|backoff| situation.now < backoff.retry_at) {
        return Plan::Rest;
    }
    match situation.intent() {
        Intent::Write { step, cause } => Plan::Write { step, cause },
        Intent::Wait | Intent::Missing => Plan::Rest,
        Intent::Confirm
        | Intent::SwitchUnknown
        | Intent::TagsUnknown
        | Intent::Differs(_)
        | Intent::DriftReported(_)
        | Intent::HeldBack
        | Intent::InSync => {
            if situation.knowledge.wants_describe {
                Plan::Describe
            } else if situation.tags_due().is_some_and(|due| due <= situation.now) {
                Plan::ReadTags
            } else {
                Plan::Rest
            }
        }
    }
}

impl State<'_> {
    /// Whether nothing will change until someone acts.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        match self {
            Self::Failed(failure) | Self::LaneFailed(failure) => failure.reason.class() == Class::FixMe,
            Self::Unreadable(_)
            | Self::ClaimedByAnother(_)
            | Self::RegionMissing
            | Self::TargetChanged { .. }
            | Self::FacetNotAllowed(_)
            | Self::GroupMissing => true,
            Self::Suspended
            | Self::Contested
            | Self::SwitchUnknown
            | Self::Waiting
            | Self::Writing(_)
            | Self::DriftReported(_)
            | Self::Differs(_)
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
        if let Some(state) = self.blocked() {
            return state;
        }
        let intent = self.intent();
        let lane_failure = self.lane.as_ref().and_then(|lane| lane.failure.as_ref()).map(State::LaneFailed);
        let backoff = self.backoff().map(|backoff| match backoff.failure.reason {
            FailureReason::GroupNotFound => State::GroupMissing,
            _ => State::Failed(&backoff.failure),
        });
        let failed = match intent {
            Intent::SwitchUnknown if !self.knowledge.wants_describe => backoff,
            Intent::Write { .. } | Intent::Confirm | Intent::SwitchUnknown | Intent::TagsUnknown => {
                backoff.or(self.circuit().map(State::LaneFailed))
            }
            // What was reported for this generation is kept when the lane fails.
            Intent::Wait if !self.was_ready() => lane_failure,
            Intent::InSync | Intent::Differs(_) | Intent::DriftReported(_) if self.is_stale() && !self.was_ready() => {
                Some(lane_failure.unwrap_or(State::Waiting))
            }
            // A read that only refreshes what is known may fail without changing what was reported.
            _ => None,
        };
        match (intent, failed) {
            (Intent::Missing, _) => State::GroupMissing,
            (_, Some(failed)) if failed.is_stalled() => failed,
            _ if self.is_contested() => State::Contested,
            (_, Some(failed)) => failed,
            (Intent::SwitchUnknown, None) if !self.knowledge.wants_describe => State::SwitchUnknown,
            (Intent::SwitchUnknown | Intent::TagsUnknown | Intent::Confirm, None) => State::Waiting,
            (Intent::Write { step, .. }, None) => State::Writing(step),
            (Intent::Wait, None) if !self.was_reported() => State::Waiting,
            (_, None) if self.is_stale() && self.was_ready() => State::Stale,
            (Intent::Wait, None) => State::Kept,
            (Intent::DriftReported(differences), None) => State::DriftReported(differences),
            (Intent::Differs(differences), None) => State::Differs(differences),
            (Intent::InSync | Intent::HeldBack, None) => State::InSync,
        }
    }

    /// When time alone changes the plan or the state. Conditions on agents have times of their own.
    #[must_use]
    pub fn recheck_at(&self) -> Option<Timestamp> {
        if self.blocked().is_some() {
            return None;
        }
        let slowdown = self.remembered.drift.slowdown;
        [
            self.backoff().map(|backoff| backoff.retry_at),
            slowdown.map(|slowdown| slowdown.until),
            drift::calm_at(&self.remembered.drift, self.limits.drift_window),
            self.stale_at(),
            self.tags_due(),
        ]
        .into_iter()
        .flatten()
        .filter(|time| *time > self.now)
        .min()
    }

    /// States that forbid every call, whatever else is known.
    fn blocked(&self) -> Option<State<'_>> {
        if let Some(why) = &self.unreadable {
            return Some(State::Unreadable(why));
        }
        if self.desired.suspended {
            return Some(State::Suspended);
        }
        if let Some(facet) = self.desired.not_allowed {
            return Some(State::FacetNotAllowed(facet));
        }
        if let Ownership::ClaimedBy(owner) = &self.ownership {
            return Some(State::ClaimedByAnother(owner));
        }
        let Some(lane) = &self.lane else { return Some(State::RegionMissing) };
        self.target_changed(lane)
    }

    fn target_changed(&self, lane: &LaneView) -> Option<State<'_>> {
        let (account, region) = (self.remembered.account.as_deref()?, self.remembered.region.as_deref()?);
        let is_account = lane.account.as_deref().unwrap_or(account);
        (self.remembered.seen && (is_account, lane.id.region()) != (account, region)).then(|| State::TargetChanged {
            was: format!("account {account}, region {region}"),
            is: format!("account {is_account}, region {}", lane.id.region()),
        })
    }

    /// An edit that was made while the process was away must not reach an account that AWS has not confirmed yet.
    fn target_is_unverified(&self) -> bool {
        self.remembered.seen && self.lane.as_ref().is_some_and(|lane| lane.account.is_none())
    }

    /// Whether it waits for its lane's circuit to close.
    #[must_use]
    pub fn waits_for_circuit(&self) -> bool {
        self.circuit().is_some() && matches!(self.state(), State::LaneFailed(_))
    }

    /// The last failure, unless it is over: a newer read shows that what was tried is no longer needed, or possible; or
    /// the whole lane had failed, and has recovered.
    fn backoff(&self) -> Option<&Backoff> {
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
        if self.blocked().is_some() || self.knowledge.as_of.is_none_or(|as_of| as_of <= backoff.failed_at) {
            return false;
        }
        let missed = self.group_was_missed() && self.observation().is_some();
        missed || matches!(self.intent(), Intent::InSync | Intent::Differs(_) | Intent::DriftReported(_))
    }

    fn intent(&self) -> Intent {
        if self.is_edited() {
            if self.target_is_unverified() {
                return Intent::Wait;
            }
            // AWS has refused this very edit because there is no group: a List will show when there is one.
            if self.knowledge.presence == Presence::Missing && self.group_was_missed() {
                return Intent::Missing;
            }
            return Intent::Write { step: Step::Switch(self.desired.profiling_enabled), cause: Cause::Edit };
        }
        match &self.knowledge.presence {
            Presence::NotListed => Intent::Wait,
            Presence::Unconfirmed => Intent::Confirm,
            Presence::Missing => Intent::Missing,
            Presence::Present(_) => self.switch_intent().and(self.tags_intent()),
        }
    }

    fn switch_intent(&self) -> Intent {
        if self.observed_switch().is_none() {
            return Intent::SwitchUnknown;
        }
        let Some(difference) = self.switch_difference() else { return Intent::InSync };
        let cause = match self.remembered.last_applied {
            None => Cause::Adoption,
            // Our own change, whose answer was lost, and which the user has taken back since.
            Some(_) if self.remembered.in_doubt == self.observed_switch() => Cause::Edit,
            Some(_) => Cause::Drift,
        };
        self.decide(difference, Step::Switch(self.desired.profiling_enabled), cause)
    }

    fn tags_intent(&self) -> Intent {
        if self.desired.tags.is_none() {
            return Intent::InSync;
        }
        let Some(tags) = self.tags() else { return Intent::TagsUnknown };
        let edited = tags.edited();
        let (keys, cause) = match tags.applied {
            _ if !self.desired.manages => (tags.all(), Cause::Drift),
            None => (tags.all(), Cause::Adoption),
            Some(_) if edited.is_empty() => (tags.drifted(), Cause::Drift),
            Some(_) => (edited, Cause::Edit),
        };
        match self.tags_difference(&keys).zip(tags.step(&keys)) {
            Some((difference, step)) => self.decide(difference, step, cause),
            None => Intent::InSync,
        }
    }

    /// What the policies make of a difference in one facet.
    fn decide(&self, difference: FieldDifference, step: Step, cause: Cause) -> Intent {
        if !self.desired.manages {
            return Intent::Differs(vec![difference]);
        }
        match cause {
            Cause::Drift if !self.desired.corrects_drift => Intent::DriftReported(vec![difference]),
            Cause::Drift if self.remembered.drift.slowdown.is_some_and(|slowdown| self.now < slowdown.until) => {
                Intent::HeldBack
            }
            Cause::Edit | Cause::Adoption | Cause::Drift => Intent::Write { step, cause },
        }
    }

    /// Whether the fight goes on: corrections are slowed down until AWS has agreed for a full window. A resource that
    /// does not correct does not fight.
    fn is_contested(&self) -> bool {
        let calm_at = drift::calm_at(&self.remembered.drift, self.limits.drift_window);
        let at_peace = self.differences().is_empty() && calm_at.is_some_and(|calm| calm <= self.now);
        let corrects = self.desired.manages && self.desired.corrects_drift;
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

    /// What another writer has changed: AWS reports another value than the desired one, which was applied before.
    #[must_use]
    pub fn drifted(&self) -> Vec<FieldDifference> {
        let applied = self.remembered.last_applied == Some(self.desired.profiling_enabled);
        let ours = self.remembered.in_doubt == self.observed_switch();
        let switch = self.switch_difference().filter(|_| applied && !ours);
        let tags = self.tags().and_then(|tags| self.tags_difference(&tags.drifted()));
        switch.into_iter().chain(tags).collect()
    }
}

impl Remembered {
    /// What is remembered once AWS has taken `step`. The situation is the one that led to it: a correction's record
    /// holds what AWS had reported before.
    #[must_use]
    pub fn after_step(mut self, situation: &Situation, step: &Step, cause: Cause, now: Timestamp) -> Self {
        match step {
            Step::Switch(to) => {
                self.last_applied = Some(*to);
                self.in_doubt = None;
            }
            Step::Tag(_) | Step::Untag(_) => {
                if let Some(tags) = situation.tags() {
                    let mut observed = tags.observed.clone();
                    step.change_tags(&mut observed);
                    self.tags = TagsView { observed: &observed, ..tags }.confirmed();
                }
                self.tags_in_doubt.clear();
            }
        }
        if cause == Cause::Edit {
            // Whatever the fight was about, the user has decided again.
            self.drift.slowdown = None;
            self.drift.recent_corrections.clear();
        }
        if cause == Cause::Drift {
            let field = step.facet().field();
            if let Some(difference) = situation.drifted().into_iter().find(|drifted| drifted.field == field) {
                self.drift = drift::corrected(self.drift, difference, now, situation.limits.drift_window);
            }
        }
        self
    }

    /// Whether both remember the same writes to AWS.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        (self.last_applied, &self.tags, &self.drift) == (other.last_applied, &other.tags, &other.drift)
    }

    /// AWS may have taken `step`: the answer was lost.
    pub fn doubt(&mut self, step: Step) {
        match step {
            Step::Switch(to) => self.in_doubt = Some(to),
            Step::Tag(tags) => self.tags_in_doubt.extend(tags.into_iter().map(|(key, value)| (key, Some(value)))),
            Step::Untag(keys) => self.tags_in_doubt.extend(keys.into_iter().map(|key| (key, None))),
        }
    }

    /// What AWS shows to be settled is no longer in doubt.
    pub fn settle(&mut self, situation: &Situation) {
        if situation.observed_switch() == Some(situation.desired.profiling_enabled) {
            self.in_doubt = None;
        }
        if situation.tags().is_some_and(|tags| tags.all().is_empty()) {
            self.tags_in_doubt.clear();
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
