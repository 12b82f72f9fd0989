//! What the status remembers, as far as a decision depends on it. Pure.

use std::collections::BTreeMap;

use super::{conditions, facet::Tags};
use crate::api::{ConditionType, DriftStatus, ProfilingGroupStatus, Timestamp};

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
        }
    }
}
