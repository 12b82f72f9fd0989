//! What went wrong, as far as a decision depends on it. Pure.

use std::time::Duration;

use crate::api::Reason;

/// What a failure requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Nothing will change until someone acts: report it, and retry slowly.
    FixMe,
    /// AWS throttles: fewer calls.
    Throttled,
    /// It may succeed the next time.
    Transient,
    /// Another writer changed the group at the same time.
    Conflict,
}

macro_rules! failure_reasons {
    ($($class:ident: $($name:ident)*;)*) => {
        /// Why an attempt failed: those of the conditions' reasons that a failure may have.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FailureReason { $($(#[doc = concat!("[`Reason::", stringify!($name), "`].")] $name,)*)* }

        impl FailureReason {
            /// What it requires.
            #[must_use]
            pub fn class(self) -> Class {
                match self { $($(Self::$name)|* => Class::$class,)* }
            }
        }

        impl From<FailureReason> for Reason {
            fn from(reason: FailureReason) -> Self {
                match reason { $($(FailureReason::$name => Self::$name,)*)* }
            }
        }
    };
}

failure_reasons! {
    FixMe: GroupNotFound AccessDenied CredentialsExpired CredentialsInvalid CredentialsMissing SignatureRejected
        InvalidRequest QuotaExceeded FinalizerDenied AccountNotReady;
    Throttled: Throttled;
    Conflict: Conflict;
    Transient: ServiceUnavailable Unreachable TimedOut MalformedAnswer InternalError;
}

impl FailureReason {
    /// The reason as written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Reason::from(self).as_str()
    }

    /// Whether every call of a lane would fail like this, and not that about one group alone: there is no way to AWS, or
    /// AWS does not know the caller.
    #[must_use]
    pub fn affects_lane(self) -> bool {
        match self {
            Self::ServiceUnavailable
            | Self::Unreachable
            | Self::TimedOut
            | Self::CredentialsExpired
            | Self::CredentialsInvalid
            | Self::CredentialsMissing
            | Self::SignatureRejected
            | Self::AccountNotReady => true,
            Self::GroupNotFound
            | Self::AccessDenied
            | Self::InvalidRequest
            | Self::QuotaExceeded
            | Self::FinalizerDenied
            | Self::Throttled
            | Self::Conflict
            | Self::MalformedAnswer
            | Self::InternalError => false,
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
    /// How long AWS requested to wait.
    pub retry_after: Option<Duration>,
}
