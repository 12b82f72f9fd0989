//! What the user requests now. Pure.

use crate::api::{DriftPolicy, ManagementPolicy, ProfilingGroupSpec};

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
}

impl Desired {
    /// `observe_only` is the operator-wide switch: it wins over every resource.
    #[must_use]
    pub fn of(spec: &ProfilingGroupSpec, observe_only: bool) -> Self {
        Self {
            name: spec.profiling_group_name.clone(),
            profiling_enabled: spec.profiling_enabled,
            manages: !observe_only && spec.management_policy != Some(ManagementPolicy::Observe),
            corrects_drift: spec.drift_policy != Some(DriftPolicy::Report),
            suspended: spec.suspend == Some(true),
        }
    }
}
