//! Rows: the groups themselves.

use super::{
    CHANGE_ERRORS, COMPUTE_PLATFORM, GROUP_ERRORS, GROUP_LABEL, GROUP_NAME, MAX_RESULTS, NEXT_TOKEN, TAGS, TOKEN,
};
use super::{optional, required};
use crate::errors::{CONFLICT, INTERNAL_SERVER, SERVICE_QUOTA_EXCEEDED, THROTTLING, VALIDATION};
use crate::model::Location::{Body, Query};
use crate::model::{Action, Operation, Shape};
use crate::service::Service;

pub static OPERATIONS: &[Operation] = &[
    Operation {
        name: "CreateProfilingGroup",
        action: Action::CreateProfilingGroup,
        service: Service::CodeGuruProfiler,
        method: "POST",
        path: "/profilingGroups",
        success: 201,
        signed: true,
        members: &[
            required("clientToken", Query, Shape::Text(&TOKEN)),
            required("profilingGroupName", Body, Shape::Text(&GROUP_NAME)),
            optional("computePlatform", Body, Shape::Text(&COMPUTE_PLATFORM)),
            optional("agentOrchestrationConfig", Body, ORCHESTRATION),
            optional("tags", Body, TAGS),
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
        signed: true,
        members: &[GROUP_LABEL],
        errors: GROUP_ERRORS,
    },
    Operation {
        name: "UpdateProfilingGroup",
        action: Action::UpdateProfilingGroup,
        service: Service::CodeGuruProfiler,
        method: "PUT",
        path: "/profilingGroups/{profilingGroupName}",
        success: 200,
        signed: true,
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
        signed: true,
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
        signed: true,
        members: &[optional("includeDescription", Query, Shape::Boolean), MAX_RESULTS, NEXT_TOKEN],
        errors: &[&INTERNAL_SERVER, &THROTTLING],
    },
];

const ORCHESTRATION: Shape = Shape::Structure { members: &[required("profilingEnabled", Body, Shape::Boolean)] };
