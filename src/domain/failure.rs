//! What went wrong, as far as a decision depends on it. Pure.

use std::time::Duration;

use crate::api::Reason;

/// What a failure asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Nothing will change until someone acts: say so, and try again slowly.
    FixMe,
    /// AWS asks for fewer calls.
    Throttled,
    /// It may work the next time.
    Transient,
    /// Somebody else wrote at the same time.
    Conflict,
}

/// One failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason of the condition, the event and the metric.
    pub reason: Reason,
    /// What it asks for.
    pub class: Class,
    /// What to do about it; holds nothing that changes by itself.
    pub message: String,
    /// The whole chain of causes with the request id, for logs and events.
    pub detail: String,
    /// How long AWS asked to be left alone.
    pub retry_after: Option<Duration>,
}
