//! Decisions, pure: no clock, no I/O, no client. A rule is changed here, beside its table test.

pub mod failure;
pub mod observation;
