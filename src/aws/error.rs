//! A failed AWS call: what it was, what it requires, and whether AWS may have acted on it. No I/O here.

mod codes;
mod messages;
pub mod party;

use std::{error::Error, fmt, time::Duration};

pub(super) use codes::{clean, codeless, is_known, reason_of};

use self::party::{Finding, Party};
use crate::{
    domain::failure::{Failure, FailureReason},
    process::error_chain::error_chain,
};

/// Any error.
pub type BoxError = Box<dyn Error + Send + Sync>;

macro_rules! operations {
    ($($service:literal: $($(#[$doc:meta])* $name:ident $operation:literal,)*)*) => {
        /// The calls that the operator makes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation { $($($(#[$doc])* $name,)*)* }

        impl Operation {
            /// Every call there is.
            pub const ALL: &[Self] = &[$($(Self::$name,)*)*];

            /// The name in the API.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $($(Self::$name => $operation,)*)* }
            }

            /// What an IAM policy has to allow.
            #[must_use]
            pub fn iam_action(self) -> &'static str {
                match self { $($(Self::$name => concat!($service, ":", $operation),)*)* }
            }
        }
    };
}

operations! {
    "codeguru-profiler":
        /// All groups of an account and region, page by page.
        List "ListProfilingGroups",
        /// One group.
        Describe "DescribeProfilingGroup",
        /// One group that is not there yet.
        Create "CreateProfilingGroup",
        /// One group that is not to be there any more.
        Delete "DeleteProfilingGroup",
        /// The switch of one group.
        Update "UpdateProfilingGroup",
        /// The tags of one group.
        ListTags "ListTagsForResource",
        /// Sets tags of one group.
        Tag "TagResource",
        /// Removes tags of one group.
        Untag "UntagResource",
        /// Who may act as an agent of one group.
        GetPolicy "GetPolicy",
        /// Permits agents of one group.
        PutPermission "PutPermission",
        /// Removes the permission of agents of one group.
        RemovePermission "RemovePermission",
        /// The notification channels of one group.
        GetChannels "GetNotificationConfiguration",
        /// Adds notification channels to one group.
        AddChannels "AddNotificationChannels",
        /// Removes a notification channel of one group.
        RemoveChannel "RemoveNotificationChannel",
    "sts":
        /// Whose credentials these are.
        GetCallerIdentity "GetCallerIdentity",
}

impl Operation {
    /// Whether it reads or changes what is in no List.
    #[must_use]
    pub fn is_about_details(self) -> bool {
        matches!(
            self,
            Self::GetPolicy
                | Self::PutPermission
                | Self::RemovePermission
                | Self::GetChannels
                | Self::AddChannels
                | Self::RemoveChannel
        )
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a failed call may have done to AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing: AWS refused the call, or it was never sent.
    Refused,
    /// Unknown: AWS may have acted on it.
    Unclear,
}

/// What AWS, or whatever stands in front of it, answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseDetails {
    /// The HTTP status.
    pub http_status: u16,
    /// The error code, without namespace and suffix.
    pub code: Option<String>,
    /// AWS's own message; never one that may repeat the request's credentials.
    pub message: Option<String>,
    /// AWS's request id.
    pub request_id: Option<String>,
}

/// A failed call.
#[derive(Debug)]
pub struct AwsError {
    /// Which call.
    pub operation: Operation,
    /// Through which ProfilerAccount; the operator's own identity when absent.
    pub account: Option<String>,
    /// In which region.
    pub region: String,
    /// Of which group, if of one.
    pub group: Option<String>,
    /// What went wrong.
    pub reason: FailureReason,
    /// Who failed.
    pub party: Party,
    /// What was found there, where the reason alone does not determine what to do.
    pub finding: Option<Finding>,
    /// What it may have done.
    pub effect: Effect,
    /// How long AWS requested to wait.
    pub retry_after: Option<Duration>,
    /// What came back, if anything did.
    pub answer: Option<Box<ResponseDetails>>,
    /// The error behind it; holds no credentials.
    pub source: Option<BoxError>,
}

impl AwsError {
    /// A failure about which nothing more is known.
    #[must_use]
    pub fn new(operation: Operation, region: &str, group: Option<&str>, reason: FailureReason, effect: Effect) -> Self {
        Self {
            operation,
            account: None,
            region: region.to_owned(),
            group: group.map(str::to_owned),
            reason,
            party: Party::Service,
            finding: None,
            effect,
            retry_after: None,
            answer: None,
            source: None,
        }
    }

    /// AWS's error code.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.answer.as_ref()?.code.as_deref()
    }

    /// The HTTP status; `None` when nothing came back.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        Some(self.answer.as_ref()?.http_status)
    }

    /// AWS's request id.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.answer.as_ref()?.request_id.as_deref()
    }

    /// What to do about it; holds nothing that changes by itself.
    #[must_use]
    pub fn advice(&self) -> String {
        messages::advice(self)
    }

    /// This and every error behind it, in one line.
    #[must_use]
    pub fn detail(&self) -> String {
        error_chain(self)
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.operation)?;
        if let Some(group) = &self.group {
            write!(f, " of {group}")?;
        }
        write!(f, " in {}: {}", self.region, self.reason.as_str())?;
        if let Party::Credentials(source) = &self.party {
            write!(f, ": no credentials from {source}")?;
        }
        let Some(ResponseDetails { http_status, code, message, request_id }) = self.answer.as_deref() else {
            return Ok(());
        };
        write!(f, " (HTTP {http_status}")?;
        if let Some(code) = code {
            write!(f, ", {code}")?;
        }
        if let Some(request_id) = request_id {
            write!(f, ", request id {request_id}")?;
        }
        f.write_str(")")?;
        message.as_ref().map_or(Ok(()), |message| write!(f, ": {message}"))
    }
}

impl Error for AwsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<&AwsError> for Failure {
    fn from(error: &AwsError) -> Self {
        Self { reason: error.reason, message: error.advice(), detail: error.detail(), retry_after: error.retry_after }
    }
}
