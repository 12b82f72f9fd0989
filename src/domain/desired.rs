//! What the user requests now. Pure.

use super::{facet::Tags, grant::Grant};
use crate::api::{ComputePlatform, CreationPolicy, DeletionPolicy, DriftPolicy, ManagementPolicy, ProfilingGroupSpec};

/// The spec with its defaults filled in, and with the operator's own limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub struct Desired {
    /// The group's name in AWS.
    pub name: String,
    /// The value that AWS should have.
    pub profiling_enabled: bool,
    /// False when AWS must never be written to.
    pub manages: bool,
    /// False when external changes in AWS are only reported.
    pub corrects_drift: bool,
    /// True when the resource is suspended.
    pub suspended: bool,
    /// True when the group is to be created where there is none.
    pub creates: bool,
    /// What happens in AWS when the resource is deleted.
    pub deletion: DeletionPolicy,
    /// The compute platform that the group is to have, if that matters.
    pub platform: Option<ComputePlatform>,
    /// The tags that the group should have beside those of others; `None` when they are not managed.
    pub tags: Option<Tags>,
    /// What the resource needs although the platform team does not allow it.
    pub not_allowed: Option<Grant>,
}

/// What the operator's own settings allow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Never write to AWS, whatever a resource requests.
    pub observe_only: bool,
    /// What resources may do beside setting the switch.
    pub grants: Vec<Grant>,
}

impl Desired {
    /// The operator's settings win over every resource.
    #[must_use]
    pub fn of(spec: &ProfilingGroupSpec, allowed: &Allowed) -> Self {
        let creates = spec.creation_policy == Some(CreationPolicy::IfMissing);
        let deletion = spec.deletion_policy.unwrap_or_default();
        let needed = [creates.then_some(Grant::Create), needed_by(deletion), spec.tags.as_ref().map(|_| Grant::Tags)];
        Self {
            name: spec.profiling_group_name.clone(),
            profiling_enabled: spec.profiling_enabled,
            manages: !allowed.observe_only && spec.management_policy != Some(ManagementPolicy::Observe),
            corrects_drift: spec.drift_policy != Some(DriftPolicy::Report),
            suspended: spec.suspend == Some(true),
            tags: spec.tags.clone(),
            creates,
            deletion,
            platform: spec.compute_platform,
            not_allowed: needed.into_iter().flatten().find(|grant| !allowed.grants.contains(grant)),
        }
    }
    /// What is requested once the resource is being deleted. `original` is the switch as it was found.
    #[must_use]
    pub fn at_deletion(self, original: Option<bool>, allowed: &Allowed) -> Self {
        let profiling_enabled = match self.deletion {
            DeletionPolicy::Retain | DeletionPolicy::Delete => self.profiling_enabled,
            DeletionPolicy::Disable => false,
            DeletionPolicy::Restore => original.unwrap_or(self.profiling_enabled),
        };
        let not_allowed = needed_by(self.deletion).filter(|grant| !allowed.grants.contains(grant));
        Self { profiling_enabled, not_allowed, ..self }
    }
}

fn needed_by(deletion: DeletionPolicy) -> Option<Grant> {
    match deletion {
        DeletionPolicy::Retain => None,
        DeletionPolicy::Restore | DeletionPolicy::Disable => Some(Grant::Restore),
        DeletionPolicy::Delete => Some(Grant::Delete),
    }
}
