//! What happens in AWS when a resource is deleted, and when it may go. Pure.

use super::{
    account::Access,
    desired::NotAllowed,
    facet::Step,
    observation::Observation,
    owner::Owned,
    situation::{Ownership, Presence, Situation},
};
use crate::api::{CreatedStatus, DeletionPolicy, Grant, OriginalStatus};

/// Where a resource is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Life {
    /// It is not being deleted.
    Alive {
        /// Whether it has the operator's finalizer.
        finalizer: bool,
    },
    /// It is being deleted, and the operator's finalizer holds it.
    Deleting,
}

/// A change of the operator's finalizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finalizer {
    /// The resource is not to go before AWS was changed.
    Add,
    /// The resource needs it no longer.
    Remove,
    /// The resource may go.
    Release(Release),
}

/// Why a resource that is being deleted may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// Nothing was requested, or it is done.
    Done,
    /// The resource is suspended.
    Suspended,
    /// AWS is only observed.
    Observed,
    /// The spec can't be read.
    Unreadable,
    /// The resource never named a region.
    NoRegion,
    /// Another resource owns the group.
    NotOwner,
    /// The group is marked as that of another operator.
    OwnedByAnother,
    /// The resource may not use the identity that it names.
    AccessRefused,
    /// The platform team does not allow it.
    NotAllowed(Grant),
    /// The group was not created by this resource.
    NotCreatedHere,
}

/// What is to be done for a resource that is being deleted.
pub(super) enum Ending {
    Wait,
    Confirm,
    ReadTags,
    Write(Step),
    Release(Release),
}

impl Release {
    /// What a Warning event reports, if what the policy requests was not done.
    #[must_use]
    pub fn warning(self) -> Option<String> {
        let why = match self {
            Self::Done => return None,
            Self::Suspended => "the resource is suspended".into(),
            Self::Observed => "AWS is only observed".into(),
            Self::Unreadable => "the spec can't be read".into(),
            Self::NoRegion => "no region is known".into(),
            Self::OwnedByAnother => "its tags show that it belongs to another operator".into(),
            Self::NotOwner => "another ProfilingGroup owns the group".into(),
            Self::AccessRefused => "the resource may not use the AWS identity that it names".into(),
            Self::NotAllowed(grant) => format!("this operator does not allow {}", grant.needed_by()),
            Self::NotCreatedHere => "this resource did not create the group".into(),
        };
        Some(format!("The group is left in AWS as it is, although spec.deletionPolicy requests a change: {why}."))
    }
}

impl Situation {
    /// Whether the resource is being deleted.
    #[must_use]
    pub fn is_deleting(&self) -> bool {
        self.life == Life::Deleting
    }

    /// The change of the finalizer that is due now.
    #[must_use]
    pub fn finalizer(&self) -> Option<Finalizer> {
        let waits = self.backoff().is_some_and(|backoff| self.now < backoff.retry_at);
        self.finalizer_due().filter(|_| !waits)
    }

    /// The same, whether its time has come or not.
    pub(super) fn finalizer_due(&self) -> Option<Finalizer> {
        match self.life {
            Life::Deleting => self.release().map(Finalizer::Release),
            Life::Alive { finalizer: true } => {
                let keeps = self.unreadable.is_some() || self.desired.deletion != DeletionPolicy::Retain;
                (!keeps).then_some(Finalizer::Remove)
            }
            Life::Alive { finalizer: false } => {
                (self.lacks_finalizer() && !self.lacks_original()).then_some(Finalizer::Add)
            }
        }
    }

    /// Whether nothing is to be written to AWS before the finalizer is there.
    pub(super) fn lacks_finalizer(&self) -> bool {
        let acts = self.desired.deletion != DeletionPolicy::Retain && self.desired.manages;
        acts && self.life == Life::Alive { finalizer: false } && self.blocked().is_none()
    }

    /// Whether the value that is to be restored has to be stored before AWS is written to.
    pub(super) fn lacks_original(&self) -> bool {
        let restores = self.desired.deletion == DeletionPolicy::Restore && self.desired.manages && !self.is_deleting();
        let existed = self.knowledge.presence != Presence::Missing && !self.has_created();
        restores && existed && self.remembered.original.is_none()
    }

    /// The value that is to be restored, as it is to be stored. Where the resource has been managed before, it may not be
    /// the first one.
    #[must_use]
    pub fn original_to_record(&self) -> Option<OriginalStatus> {
        let profiling_enabled = self.observed_switch().filter(|_| self.lacks_original())?;
        let managed_before = self.remembered.last_applied.is_some() || self.life == Life::Alive { finalizer: true };
        Some(OriginalStatus { profiling_enabled, captured_at: self.now, at_adoption: !managed_before })
    }

    /// The creations by this resource: a copy of its status in another resource counts for nothing.
    fn creation_here(&self) -> Option<&CreatedStatus> {
        self.remembered.created.as_deref().filter(|created| *created.uid == *self.uid)
    }

    /// Whether AWS has confirmed the last creation by this resource.
    fn has_created(&self) -> bool {
        self.creation_here().is_some_and(|created| created.at.is_some() && created.found_at.is_none())
    }

    /// Whether there may be a group that this resource has created.
    fn may_have_created(&self) -> bool {
        self.has_created() || self.creation_here().is_some_and(|created| created.group_created_at.is_some())
    }

    /// Whether the group that AWS has described is the one that this resource created; `None` if AWS has not reported
    /// enough to decide that.
    fn is_created_here(&self, observation: &Observation) -> Option<bool> {
        let Some(then) = self.creation_here().and_then(|created| created.group_created_at) else { return Some(false) };
        observation.created_at.map(|now| now == then)
    }

    /// Whether the resource requests the deletion of a group that it did not create.
    #[must_use]
    pub fn is_not_created_here(&self) -> bool {
        let requests = self.desired.deletion == DeletionPolicy::Delete && self.pending_creation().is_none();
        requests && self.observation().is_some_and(|group| self.is_created_here(group) == Some(false))
    }

    fn release(&self) -> Option<Release> {
        match self.ending()? {
            Ending::Release(release) => Some(release),
            Ending::Wait | Ending::Confirm | Ending::ReadTags | Ending::Write(_) => None,
        }
    }

    /// What is to be done at the end; `None` for a resource that is not being deleted, or that has to be changed first.
    pub(super) fn ending(&self) -> Option<Ending> {
        if !self.is_deleting() {
            return None;
        }
        if let Some(release) = self.released_unchanged() {
            return Some(Ending::Release(release));
        }
        if self.blocked().is_some() {
            return None;
        }
        if self.target_is_unverified() {
            return Some(Ending::Wait);
        }
        if let Some(ending) = self.ending_of_another() {
            return Some(ending);
        }
        Some(match self.desired.deletion {
            DeletionPolicy::Retain => Ending::Release(Release::Done),
            DeletionPolicy::Restore | DeletionPolicy::Disable => self.last_switch(),
            DeletionPolicy::Delete => self.last_existence(),
        })
    }

    /// Where nothing may be done in AWS, nothing is waited for either: no resource is held for ever.
    fn released_unchanged(&self) -> Option<Release> {
        if self.unreadable.is_some() {
            return Some(Release::Unreadable);
        }
        if self.desired.deletion == DeletionPolicy::Retain {
            return Some(Release::Done);
        }
        if self.desired.suspended {
            return Some(Release::Suspended);
        }
        if !self.desired.manages {
            return Some(Release::Observed);
        }
        match self.access {
            Access::Granted => {}
            Access::Unknown => return None,
            Access::Refused(_) => return Some(Release::AccessRefused),
        }
        // Who may be named no longer matters.
        if let Some(NotAllowed::Grant(grant)) = &self.desired.not_allowed {
            return Some(Release::NotAllowed(*grant));
        }
        if self.ownership != Ownership::Owner {
            return Some(Release::NotOwner);
        }
        if self.lane.is_none() {
            return Some(Release::NoRegion);
        }
        let nothing_to_restore = self.desired.deletion == DeletionPolicy::Restore && self.remembered.original.is_none();
        nothing_to_restore.then_some(Release::Done)
    }

    /// What the mark of another operator on the group decides, or that it may have one.
    fn ending_of_another(&self) -> Option<Ending> {
        let owned = self.owned()?;
        match &self.knowledge.presence {
            Presence::NotListed => Some(Ending::Wait),
            Presence::Unconfirmed => Some(Ending::Confirm),
            Presence::Missing => None,
            Presence::Present(_) => match owned {
                Owned::Unknown | Owned::Unconfirmed => Some(Ending::ReadTags),
                Owned::Other(_) | Owned::ToTakeOver(_) => Some(Ending::Release(Release::OwnedByAnother)),
                Owned::Ours | Owned::Free => None,
            },
        }
    }

    fn last_switch(&self) -> Ending {
        let write = Ending::Write(Step::Switch(self.desired.profiling_enabled));
        match &self.knowledge.presence {
            Presence::Missing => Ending::Release(Release::Done),
            _ if self.is_edited() => write,
            Presence::NotListed => Ending::Wait,
            Presence::Unconfirmed => Ending::Confirm,
            Presence::Present(_) if self.observed_switch() == Some(self.desired.profiling_enabled) => {
                Ending::Release(Release::Done)
            }
            Presence::Present(_) => write,
        }
    }

    fn last_existence(&self) -> Ending {
        let pending = self.pending_creation();
        match &self.knowledge.presence {
            _ if pending.is_none() && !self.may_have_created() => Ending::Release(Release::NotCreatedHere),
            Presence::Missing => Ending::Release(Release::Done),
            Presence::NotListed => Ending::Wait,
            Presence::Unconfirmed => Ending::Confirm,
            Presence::Present(group) => match (pending, self.is_created_here(group)) {
                // The same call shows whose it is.
                (Some(created), _) => Ending::Write(Step::Create(self.new_group(created))),
                (None, Some(true)) => Ending::Write(Step::Delete),
                (None, None) if self.knowledge.wants_describe => Ending::Confirm,
                (None, _) => Ending::Release(Release::NotCreatedHere),
            },
        }
    }
}

#[cfg(test)]
mod tests;
