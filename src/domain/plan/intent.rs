//! What should be done about each facet if nothing had failed, and which comes first. Pure.

use super::Cause;
use crate::{
    api::{CreatedStatus, FieldDifference},
    domain::{
        facet::{Facet, NewGroup, Step, Tags},
        owner::{Mark, Owned},
        situation::{Presence, Situation},
    },
};

/// What should be done if nothing had failed.
pub(super) enum Intent {
    Wait,
    Confirm,
    Missing,
    OwnedByAnother,
    OwnerUnconfirmed,
    SwitchUnknown,
    TagsUnknown,
    DetailsUnknown,
    Differs(Vec<FieldDifference>),
    DriftReported(Vec<FieldDifference>),
    HeldBack,
    Record,
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
            Self::Write { cause: Cause::Unfinished, .. } => 1,
            Self::Write { cause: Cause::Adoption, .. } => 2,
            Self::Write { cause: Cause::Drift, .. } => 3,
            Self::Wait
            | Self::Confirm
            | Self::Missing
            | Self::Record
            | Self::OwnedByAnother
            | Self::OwnerUnconfirmed => 4,
            Self::SwitchUnknown => 5,
            Self::TagsUnknown => 6,
            Self::DetailsUnknown => 7,
            Self::HeldBack => 8,
            Self::Differs(_) | Self::DriftReported(_) => 9,
            Self::InSync => 10,
        }
    }
}

impl Situation {
    pub(super) fn intent(&self) -> Intent {
        if self.is_edited() && self.target_is_unverified() {
            return Intent::Wait;
        }
        // A group that may be another operator's is not written to before AWS has reported its tags.
        if self.is_edited() && self.mark().is_none() {
            if let Some(intent) = self.creation() {
                return intent;
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
            Presence::Missing => self.creation().unwrap_or(Intent::Missing),
            Presence::Present(_) => match self.owned() {
                None | Some(Owned::Ours) => self.facets_intent(),
                Some(Owned::Unknown) => Intent::TagsUnknown,
                Some(Owned::Unconfirmed) => Intent::OwnerUnconfirmed,
                Some(Owned::Other(_)) => Intent::OwnedByAnother,
                Some(Owned::Free | Owned::ToTakeOver(_)) => self.marking_intent(self.facets_intent()),
            },
        }
    }

    fn facets_intent(&self) -> Intent {
        if let Some(creation) = self.creation() {
            return creation;
        }
        let details = Facet::DETAILS.map(|facet| self.details_intent(facet));
        details.into_iter().fold(self.switch_intent().and(self.tags_intent()), Intent::and)
    }

    /// Nothing is written without the mark, which comes first, and for the reason of what follows it.
    fn marking_intent(&self, others: Intent) -> Intent {
        let Some((difference, step)) = self.owner_difference().zip(self.marking()) else { return others };
        let cause = match &others {
            Intent::Write { step: Step::Create(_), .. } => return others,
            Intent::Write { cause, .. } if *cause != Cause::Drift => *cause,
            _ if self.was_ours() && self.owned() == Some(Owned::Free) => Cause::Drift,
            _ => Cause::Adoption,
        };
        let marking = self.decide(vec![difference], cause, Intent::Write { step, cause });
        match others {
            Intent::Write { .. } => marking,
            others => others.and(marking),
        }
    }

    /// Whether this resource has recorded a creation that AWS has not confirmed.
    pub(in crate::domain) fn pending_creation(&self) -> Option<&CreatedStatus> {
        let is_pending = |created: &&CreatedStatus| created.at.is_none() && created.found_at.is_none();
        self.remembered.created.as_deref().filter(|created| *created.uid == *self.uid).filter(is_pending)
    }

    /// The creation of the group, where it is to be created: recorded first, so that after a crash it is known under which
    /// token AWS was called. A group that is there while a creation is pending may be ours: only the same call can show it.
    fn creation(&self) -> Option<Intent> {
        let pending = self.pending_creation();
        match &self.knowledge.presence {
            Presence::Missing if self.desired.creates => {}
            Presence::Present(_) if pending.is_some() && self.desired.creates && self.desired.manages => {}
            _ => return None,
        }
        if self.target_is_unverified() {
            return Some(Intent::Wait);
        }
        let difference: Vec<_> = self.existence_difference().into_iter().collect();
        let cause = if self.existed() && !difference.is_empty() { Cause::Drift } else { Cause::Adoption };
        let then = match pending {
            None => Intent::Record,
            Some(created) => Intent::Write { step: Step::Create(self.new_group(created)), cause },
        };
        Some(self.decide(difference, cause, then))
    }

    pub(in crate::domain) fn new_group(&self, created: &CreatedStatus) -> NewGroup {
        NewGroup {
            token: format!("{}-{}", created.uid, created.number),
            platform: self.desired.platform,
            profiling_enabled: self.desired.profiling_enabled,
            tags: self.new_tags(),
        }
    }

    fn new_tags(&self) -> Option<Tags> {
        let mark = self.mark().map(Mark::tags);
        let tags = self.desired.tags.iter().chain(&mark).flatten();
        (self.desired.tags.is_some() || mark.is_some())
            .then(|| tags.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    /// Whether the group was there when it was last reported on, or has been missed since: another writer has deleted it.
    pub(super) fn existed(&self) -> bool {
        let missed = |difference: &FieldDifference| difference.field == Facet::Existence.name();
        self.remembered.switch.is_some() || self.remembered.drift.fields.iter().any(missed)
    }

    fn is_slowed_down(&self) -> bool {
        self.remembered.drift.slowdown.is_some_and(|slowdown| self.now < slowdown.until)
    }

    fn switch_intent(&self) -> Intent {
        if self.is_edited() {
            return Intent::Write { step: Step::Switch(self.desired.profiling_enabled), cause: Cause::Edit };
        }
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
        let step = Step::Switch(self.desired.profiling_enabled);
        self.decide(vec![difference], cause, Intent::Write { step, cause })
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
            Some((difference, step)) => self.decide(vec![difference], cause, Intent::Write { step, cause }),
            None => Intent::InSync,
        }
    }

    fn details_intent(&self, facet: Facet) -> Intent {
        if !self.desired.manages(facet) {
            return Intent::InSync;
        }
        let Some(arns) = self.arns(facet) else { return Intent::DetailsUnknown };
        let cause = if self.desired.manages { arns.cause() } else { arns.differs().then_some(Cause::Drift) };
        match cause.zip(arns.step.clone()) {
            Some((cause, step)) => self.decide(vec![arns.difference()], cause, Intent::Write { step, cause }),
            None => Intent::InSync,
        }
    }

    /// What the policies make of a difference in one facet: `then`, unless it is not to be written, or not yet.
    fn decide(&self, difference: Vec<FieldDifference>, cause: Cause, then: Intent) -> Intent {
        match cause {
            _ if !self.desired.manages => Intent::Differs(difference),
            Cause::Drift if !self.desired.corrects_drift => Intent::DriftReported(difference),
            Cause::Drift if self.is_slowed_down() => Intent::HeldBack,
            Cause::Edit | Cause::Adoption | Cause::Unfinished | Cause::Drift => then,
        }
    }
}
