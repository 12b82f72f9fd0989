//! The table of operations: data only. Routing, validation, status codes and modelled errors all follow from these rows.

use crate::errors::{
    CONFLICT, ErrorShape, INTERNAL_SERVER, RESOURCE_NOT_FOUND, SERVICE_QUOTA_EXCEEDED, THROTTLING, VALIDATION,
};
use crate::model::Location::{Body, Path, Query};
use crate::model::{Action, Length, Location, Member, Operation, Pattern, Service, Shape, Text};

/// Every operation that the emulator answers.
pub static OPERATIONS: &[Operation] = &[
    Operation {
        name: "CreateProfilingGroup",
        action: Action::CreateProfilingGroup,
        service: Service::CodeGuruProfiler,
        method: "POST",
        path: "/profilingGroups",
        success: 201,
        members: &[
            required("clientToken", Query, Shape::Text(&TOKEN)),
            required("profilingGroupName", Body, Shape::Text(&GROUP_NAME)),
            optional("computePlatform", Body, Shape::Text(&COMPUTE_PLATFORM)),
            optional("agentOrchestrationConfig", Body, ORCHESTRATION),
            optional("tags", Body, Shape::TextMap),
        ],
        errors: &[&SERVICE_QUOTA_EXCEEDED, &INTERNAL_SERVER, &CONFLICT, &VALIDATION, &THROTTLING],
    },
    Operation {
        name: "DescribeProfilingGroup",
        action: Action::DescribeProfilingGroup,
        service: Service::CodeGuruProfiler,
        method: "GET",
        path: "/profilingGroups/{profilingGroupName}",
        success: 200,
        members: &[GROUP_LABEL],
        errors: &[&INTERNAL_SERVER, &VALIDATION, &THROTTLING, &RESOURCE_NOT_FOUND],
    },
    Operation {
        name: "UpdateProfilingGroup",
        action: Action::UpdateProfilingGroup,
        service: Service::CodeGuruProfiler,
        method: "PUT",
        path: "/profilingGroups/{profilingGroupName}",
        success: 200,
        members: &[GROUP_LABEL, required("agentOrchestrationConfig", Body, ORCHESTRATION)],
        errors: CHANGE_ERRORS,
    },
    Operation {
        name: "DeleteProfilingGroup",
        action: Action::DeleteProfilingGroup,
        service: Service::CodeGuruProfiler,
        method: "DELETE",
        path: "/profilingGroups/{profilingGroupName}",
        success: 204,
        members: &[GROUP_LABEL],
        errors: CHANGE_ERRORS,
    },
    Operation {
        name: "ListProfilingGroups",
        action: Action::ListProfilingGroups,
        service: Service::CodeGuruProfiler,
        method: "GET",
        path: "/profilingGroups",
        success: 200,
        members: &[
            optional("includeDescription", Query, Shape::Boolean),
            optional("maxResults", Query, Shape::Integer { min: 1, max: 1000 }),
            optional("nextToken", Query, Shape::Text(&TOKEN)),
        ],
        errors: &[&INTERNAL_SERVER, &THROTTLING],
    },
    Operation {
        name: "TagResource",
        action: Action::TagResource,
        service: Service::CodeGuruProfiler,
        method: "POST",
        path: "/tags/{resourceArn}",
        success: 204,
        members: &[ARN_LABEL, required("tags", Body, Shape::TextMap)],
        errors: TAG_ERRORS,
    },
    Operation {
        name: "UntagResource",
        action: Action::UntagResource,
        service: Service::CodeGuruProfiler,
        method: "DELETE",
        path: "/tags/{resourceArn}",
        success: 204,
        members: &[ARN_LABEL, required("tagKeys", Query, Shape::TextList)],
        errors: TAG_ERRORS,
    },
    Operation {
        name: "ListTagsForResource",
        action: Action::ListTagsForResource,
        service: Service::CodeGuruProfiler,
        method: "GET",
        path: "/tags/{resourceArn}",
        success: 200,
        members: &[ARN_LABEL],
        errors: TAG_ERRORS,
    },
    Operation {
        name: "GetCallerIdentity",
        action: Action::GetCallerIdentity,
        service: Service::Sts,
        method: "POST",
        path: "/",
        success: 200,
        members: &[],
        errors: &[],
    },
];

/// The constraint on a profiling group's name, which the admin port keeps to as well.
pub static GROUP_NAME: Text =
    Text { length: Some(Length { min: 1, max: 255 }), pattern: Some(Pattern::Word), one_of: &[] };

/// The constraint on a compute platform, which the admin port keeps to as well.
pub static COMPUTE_PLATFORM: Text = Text { length: None, pattern: None, one_of: &["Default", "AWSLambda"] };

/// clientToken and nextToken have the same form.
static TOKEN: Text = Text { length: Some(Length { min: 1, max: 64 }), pattern: Some(Pattern::Word), one_of: &[] };

static FREE_TEXT: Text = Text { length: None, pattern: None, one_of: &[] };

const GROUP_LABEL: Member = required("profilingGroupName", Path, Shape::Text(&GROUP_NAME));
const ARN_LABEL: Member = required("resourceArn", Path, Shape::Text(&FREE_TEXT));
const ORCHESTRATION: Shape = Shape::Structure { members: &[required("profilingEnabled", Body, Shape::Boolean)] };

const CHANGE_ERRORS: &[&ErrorShape] = &[&INTERNAL_SERVER, &CONFLICT, &VALIDATION, &THROTTLING, &RESOURCE_NOT_FOUND];
const TAG_ERRORS: &[&ErrorShape] = &[&INTERNAL_SERVER, &VALIDATION, &RESOURCE_NOT_FOUND];

const fn required(name: &'static str, location: Location, shape: Shape) -> Member {
    Member { name, location, required: true, shape }
}

const fn optional(name: &'static str, location: Location, shape: Shape) -> Member {
    Member { name, location, required: false, shape }
}
