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

/// Why an attempt failed: those of the conditions' reasons that a failure may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureReason {
    /// There is no such group in this account and region.
    GroupNotFound,
    /// AWS denies the action.
    AccessDenied,
    /// The credentials have expired.
    CredentialsExpired,
    /// AWS does not know the credentials.
    CredentialsInvalid,
    /// The process has no credentials.
    CredentialsMissing,
    /// The signature is wrong: the clock or the secret.
    SignatureRejected,
    /// AWS finds the request invalid.
    InvalidRequest,
    /// A quota of the account is used up.
    QuotaExceeded,
    /// The group was changed by someone else at the same time.
    Conflict,
    /// AWS throttles the calls.
    Throttled,
    /// AWS is unavailable.
    ServiceUnavailable,
    /// No connection to AWS could be made.
    Unreachable,
    /// AWS did not answer in time.
    TimedOut,
    /// The response of AWS can't be read.
    MalformedAnswer,
    /// A part of the operator failed.
    InternalError,
}

impl FailureReason {
    /// The reason as written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Reason::from(self).as_str()
    }

    /// What it asks for.
    #[must_use]
    pub fn class(self) -> Class {
        match self {
            Self::GroupNotFound
            | Self::AccessDenied
            | Self::CredentialsExpired
            | Self::CredentialsInvalid
            | Self::CredentialsMissing
            | Self::SignatureRejected
            | Self::InvalidRequest
            | Self::QuotaExceeded => Class::FixMe,
            Self::Throttled => Class::Throttled,
            Self::Conflict => Class::Conflict,
            Self::ServiceUnavailable
            | Self::Unreachable
            | Self::TimedOut
            | Self::MalformedAnswer
            | Self::InternalError => Class::Transient,
        }
    }
}

impl From<FailureReason> for Reason {
    fn from(reason: FailureReason) -> Self {
        match reason {
            FailureReason::GroupNotFound => Self::GroupNotFound,
            FailureReason::AccessDenied => Self::AccessDenied,
            FailureReason::CredentialsExpired => Self::CredentialsExpired,
            FailureReason::CredentialsInvalid => Self::CredentialsInvalid,
            FailureReason::CredentialsMissing => Self::CredentialsMissing,
            FailureReason::SignatureRejected => Self::SignatureRejected,
            FailureReason::InvalidRequest => Self::InvalidRequest,
            FailureReason::QuotaExceeded => Self::QuotaExceeded,
            FailureReason::Conflict => Self::Conflict,
            FailureReason::Throttled => Self::Throttled,
            FailureReason::ServiceUnavailable => Self::ServiceUnavailable,
            FailureReason::Unreachable => Self::Unreachable,
            FailureReason::TimedOut => Self::TimedOut,
            FailureReason::MalformedAnswer => Self::MalformedAnswer,
            FailureReason::InternalError => Self::InternalError,
        }
    }
}

/// One failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason of the condition, the event and the metric.
    pub reason: FailureReason,
    /// What to do about it; holds nothing that changes by itself.
    pub message: String,
    /// The whole chain of causes with the request id, for logs and events.
    pub detail: String,
    /// How long AWS asked to be left alone.
    pub retry_after: Option<Duration>,
}
