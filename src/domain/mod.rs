//! Decisions, pure: no clock, no I/O, no client. A rule is changed here, beside its table test.

pub mod agents;
pub mod backoff;
pub mod claims;
pub mod conditions;
pub mod desired;
pub mod drift;
pub mod failure;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod lane_id;
pub mod moment;
pub mod observation;
pub mod plan;
pub mod remembered;
pub mod situation;
pub mod slots;
pub mod status;
pub mod status_merge;
pub mod transitions;
pub mod writes;
