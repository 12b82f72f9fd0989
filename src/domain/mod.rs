//! Decisions, pure: no clock, no I/O, no client. A rule is changed here, beside its table test.

pub mod account;
pub(crate) mod account_status;
pub(crate) mod agents;
pub mod arns;
pub(crate) mod backoff;
pub(crate) mod claims;
pub(crate) mod conditions;
pub mod deletion;
pub mod desired;
pub(crate) mod drift;
pub mod election;
pub mod facet;
pub mod failure;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod glob;
pub mod lane_id;
pub(crate) mod moment;
pub mod notifications;
pub mod observation;
pub mod owner;
pub mod permissions;
pub(crate) mod plan;
pub(crate) mod remembered;
pub(crate) mod situation;
pub(crate) mod slots;
pub(crate) mod status;
pub(crate) mod status_merge;
pub(crate) mod tags;
pub(crate) mod transitions;
pub(crate) mod writes;
