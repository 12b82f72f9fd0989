//! The words in which the table of operations is written. Types only: what they mean for a request is in `route` and `validate`.

use serde::Serialize;

use crate::errors::ErrorShape;
use crate::patterns::Pattern;
use crate::service::Service;

/// What an operation does; `operations` has one arm for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    CreateProfilingGroup,
    DescribeProfilingGroup,
    UpdateProfilingGroup,
    DeleteProfilingGroup,
    ListProfilingGroups,
    TagResource,
    UntagResource,
    ListTagsForResource,
    GetPolicy,
    PutPermission,
    RemovePermission,
    AddNotificationChannels,
    RemoveNotificationChannel,
    GetNotificationConfiguration,
    ConfigureAgent,
    PostAgentProfile,
    GetProfile,
    ListProfileTimes,
    BatchGetFrameMetricData,
    GetRecommendations,
    ListFindingsReports,
    GetFindingsReportAccountSummary,
    SubmitFeedback,
    GetCallerIdentity,
    AssumeRole,
    AssumeRoleWithWebIdentity,
}

/// One row of the table.
#[derive(Debug, Serialize)]
pub struct Operation {
    pub name: &'static str,
    #[serde(skip)]
    pub action: Action,
    pub service: Service,
    pub method: &'static str,
    /// Raw path template; each `{label}` stands for exactly one percent-encoded segment.
    pub path: &'static str,
    pub success: u16,
    /// Whether a request needs a signature.
    pub signed: bool,
    pub members: &'static [Member],
    pub errors: &'static [&'static ErrorShape],
}

/// One member of an operation's input.
#[derive(Debug, Serialize)]
pub struct Member {
    pub name: &'static str,
    pub location: Location,
    pub required: bool,
    #[serde(flatten)]
    pub shape: Shape,
}

/// Where a member travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Location {
    Path,
    Query,
    Header,
    /// A member of the JSON object, or of STS's form.
    Body,
    /// The whole body, which is no JSON.
    Payload,
}

/// A member's type with its constraints.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Shape {
    Text(&'static Text),
    Integer {
        min: i64,
        max: i64,
    },
    Boolean,
    /// A date and time of RFC 3339.
    Timestamp,
    Blob,
    List {
        #[serde(skip_serializing_if = "Option::is_none")]
        length: Option<Length>,
        item: &'static Shape,
    },
    Map {
        key: &'static Text,
        value: &'static Text,
    },
    Structure {
        members: &'static [Member],
    },
}

/// Constraints of a string.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Text {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<Length>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<&'static Pattern>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub one_of: &'static [&'static str],
}

/// Bounds of a length, both included: of a string in characters, of a list in entries.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Length {
    pub min: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<usize>,
}
