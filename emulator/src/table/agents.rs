//! Rows: what agents call.

use super::{FREE_TEXT, GROUP_ERRORS, GROUP_LABEL, TOKEN, between, one_of, optional, required};
use crate::model::Location::{Body, Header, Payload, Query};
use crate::model::{Action, Operation, Shape, Text};
use crate::service::Service;

pub static OPERATIONS: &[Operation] = &[
    Operation {
        name: "ConfigureAgent",
        action: Action::ConfigureAgent,
        service: Service::CodeGuruProfiler,
        method: "POST",
        path: "/profilingGroups/{profilingGroupName}/configureAgent",
        success: 200,
        signed: true,
        members: &[
            GROUP_LABEL,
            optional("fleetInstanceId", Body, Shape::Text(&FLEET_INSTANCE_ID)),
            optional("metadata", Body, Shape::Map { key: &METADATA_FIELD, value: &FREE_TEXT }),
        ],
        errors: GROUP_ERRORS,
    },
    Operation {
        name: "PostAgentProfile",
        action: Action::PostAgentProfile,
        service: Service::CodeGuruProfiler,
        method: "POST",
        path: "/profilingGroups/{profilingGroupName}/agentProfile",
        success: 204,
        signed: true,
        members: &[
            GROUP_LABEL,
            required("Content-Type", Header, Shape::Text(&FREE_TEXT)),
            optional("profileToken", Query, Shape::Text(&TOKEN)),
            required("agentProfile", Payload, Shape::Blob),
        ],
        errors: GROUP_ERRORS,
    },
];

static FLEET_INSTANCE_ID: Text = Text { length: Some(between(1, 255)), pattern: None, one_of: &[] };

static METADATA_FIELD: Text = one_of(&[
    "ComputePlatform",
    "AgentId",
    "AwsRequestId",
    "ExecutionEnvironment",
    "LambdaFunctionArn",
    "LambdaMemoryLimitInMB",
    "LambdaRemainingTimeInMilliseconds",
    "LambdaTimeGapBetweenInvokesInMilliseconds",
    "LambdaPreviousExecutionTimeInMilliseconds",
]);
