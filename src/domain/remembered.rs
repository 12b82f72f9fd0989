//! What the status remembers, as far as a decision depends on it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    arns::Arns,
    conditions, drift,
    facet::{Facet, Step, Tags},
    plan::Cause,
    situation::Situation,
    tags::TagsView,
};
use crate::api::{
    AppliedState, ConditionType, CreatedStatus, DriftStatus, OriginalStatus, OwnerStatus, ProfilingGroupStatus,
    Timestamp,
};

/// What AWS last confirmed of what is in no List.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AppliedDetails {
    /// The principals.
    pub principals: Option<Arns>,
    /// The revision of the policy with which it confirmed them.
    pub revision: Option<String>,
    /// The topics.
    pub topics: Option<Arns>,
}

impl AppliedDetails {
    /// Nothing for nearly every resource.
    #[must_use]
    pub fn of(applied: &AppliedState) -> Option<Box<Self>> {
        let set = |members: &Option<Vec<String>>| members.as_ref().map(|members| members.iter().cloned().collect());
        let details = Self {
            principals: set(&applied.principals),
            revision: applied.policy_revision_id.clone(),
            topics: set(&applied.topics),
        };
        (details != Self::default()).then(|| Box::new(details))
    }
}

/// Read from the status once; from then on the process's own memory, so that a meddler's change of the status does not
/// move AWS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Remembered {
    /// The generation last reported on.
    pub observed_generation: Option<i64>,
    /// Whether that report was a good one.
    pub ready: bool,
    /// The last value that AWS agreed to or answered.
    pub last_applied: Option<bool>,
    /// The tags of the resource that AWS last confirmed.
    pub tags: Option<Tags>,
    /// What is in no List, as AWS last confirmed it.
    pub details: Option<Box<AppliedDetails>>,
    /// The last creation of the group by this resource, carried out or about to be.
    pub created: Option<Box<CreatedStatus>>,
    /// The mark of the operator on the group.
    pub owner: Option<Box<OwnerStatus>>,
    /// The switch as it was found, once that is stored.
    pub original: Option<Box<OriginalStatus>>,
    /// The switch as last seen, and since when.
    pub switch: Option<(bool, Timestamp)>,
    /// `updatedAt` as last seen.
    pub updated_at: Option<Timestamp>,
    /// The account last reported.
    pub account: Option<String>,
    /// The region last reported.
    pub region: Option<String>,
    /// Whether AWS has ever described the group to this resource.
    pub seen: bool,
    /// The record of drift.
    pub drift: DriftStatus,
    /// The last request to reconcile that was handled.
    pub handled_request: Option<String>,
    /// A value of ours that AWS may have taken: the answer was lost. Known to this process only.
    pub in_doubt: Option<bool>,
    /// Tags that AWS may have changed, with the value they would have: the answer was lost. Known to this process only.
    pub tags_in_doubt: BTreeMap<String, Option<String>>,
    /// The details that this resource has begun to write, and that AWS has not confirmed as a whole: more calls follow, or
    /// an answer was lost. Known to this process only.
    pub unfinished: BTreeSet<Facet>,
}

impl Remembered {
    /// What `status` remembers.
    #[must_use]
    pub fn of(status: &ProfilingGroupStatus) -> Self {
        Self {
            observed_generation: status.observed_generation.filter(|generation| *generation >= 0),
            ready: conditions::find(&status.conditions, ConditionType::Ready).is_some_and(conditions::is_true),
            last_applied: status.last_applied.as_ref().and_then(|applied| applied.profiling_enabled),
            tags: status.last_applied.as_ref().and_then(|applied| applied.tags.clone()),
            details: status.last_applied.as_ref().and_then(AppliedDetails::of),
            created: status.managed.as_ref().and_then(|managed| managed.created.clone()).map(Box::new),
            owner: status.managed.as_ref().and_then(|managed| managed.owner.clone()).map(Box::new),
            original: status.original.clone().map(Box::new),
            switch: status.profiling_enabled.zip(status.profiling_enabled_since),
            updated_at: status.updated_at,
            account: status.account.clone(),
            region: status.region.clone(),
            // Someone else may have removed the ARN.
            seen: status.arn.is_some() || status.last_applied.is_some(),
            drift: status.drift.clone().unwrap_or_default(),
            handled_request: status.last_handled_reconcile_at.clone(),
            in_doubt: None,
            tags_in_doubt: BTreeMap::new(),
            unfinished: BTreeSet::new(),
        }
    }

    /// What is remembered once AWS has taken `step`. The situation is the one that led to it: a correction's record
    /// holds what AWS had reported before.
    #[must_use]
    pub fn after_step(mut self, situation: &Situation, step: &Step, cause: Cause, now: Timestamp) -> Self {
        match step {
            Step::Create(group) => {
                self.last_applied = Some(group.profiling_enabled);
                self.tags.clone_from(&situation.desired.tags);
                self.owner = situation.marked(now).map(Box::new);
                // A new group has none.
                self.details = None;
                if let Some(created) = &mut self.created {
                    created.at = Some(now);
                }
            }
            Step::Delete | Step::Unmark(_) => {}
            Step::Mark(_) => self.owner = situation.marked(now).map(Box::new),
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
            Step::PutPermission { .. }
            | Step::RemovePermission { .. }
            | Step::AddChannels(_)
            | Step::RemoveChannel { .. } => drop(self.unfinished.insert(step.facet())),
        }
        if cause == Cause::Edit {
            // Whatever the fight was about, the user has decided again.
            self.drift.slowdown = None;
            self.drift.recent_corrections.clear();
        }
        if cause == Cause::Drift {
            let field = step.facet().name();
            if let Some(difference) = situation.drifted().into_iter().find(|drifted| drifted.field == field) {
                self.drift = drift::corrected(self.drift, difference, now, situation.limits.drift_window);
            }
        }
        self
    }

    /// The group that this resource created has this `createdAt`.
    pub fn created_group(&mut self, created_at: Option<Timestamp>) {
        if let Some(created) = &mut self.created {
            created.group_created_at = created_at;
        }
    }

    /// What is remembered once it is certain that the group was not created by this resource: it is found, like any other.
    pub fn found_instead(&mut self, now: Timestamp) {
        if let Some(created) = &mut self.created {
            created.found_at = Some(now);
        }
    }

    /// Whether both remember the same writes to AWS.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        (self.last_applied, &self.tags, &self.details, &self.created, &self.owner, &self.drift)
            == (other.last_applied, &other.tags, &other.details, &other.created, &other.owner, &other.drift)
    }

    /// AWS may have taken `step`: the answer was lost. Of a creation, the same call shows it.
    pub fn doubt(&mut self, step: &Step) {
        if let Step::Switch(to) = step {
            self.in_doubt = Some(*to);
        }
        if step.facet() == Facet::Tags {
            self.tags_in_doubt.extend(step.changed_tags());
        }
        if Facet::DETAILS.contains(&step.facet()) {
            self.unfinished.insert(step.facet());
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
        self.owner = situation.owner_record().map(Box::new).or(self.owner.take());
        self.unfinished.retain(|facet| situation.arns(*facet).is_none_or(|arns| !arns.agrees));
    }
}
