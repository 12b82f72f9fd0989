//! Rows: the resource-based policy of a group.

use super::{CHANGE_ERRORS, GROUP_LABEL, TEXT, UUID_TEXT, between, one_of, optional, required};
use crate::errors::{INTERNAL_SERVER, RESOURCE_NOT_FOUND, THROTTLING};
use crate::model::Location::{Body, Path, Query};
use crate::model::{Action, Member, Operation, Shape, Text};
use crate::service::Service;

pub static OPERATIONS: &[Operation] = &[
    Operation {
        name: "GetPolicy",
        action: Action::GetPolicy,
        service: Service::CodeGuruProfiler,
        method: "GET",
        path: "/profilingGroups/{profilingGroupName}/policy",
        success: 200,
        signed: true,
        members: &[GROUP_LABEL],
        errors: &[&INTERNAL_SERVER, &THROTTLING, &RESOURCE_NOT_FOUND],
    },
    Operation {
        name: "PutPermission",
        action: Action::PutPermission,
        service: Service::CodeGuruProfiler,
        method: "PUT",
        path: "/profilingGroups/{profilingGroupName}/policy/{actionGroup}",
        success: 200,
        signed: true,
        members: &[
            GROUP_LABEL,
            ACTION_GROUP_LABEL,
            required("principals", Body, Shape::List { length: Some(between(1, 50)), item: &TEXT }),
            optional("revisionId", Body, Shape::Text(&UUID_TEXT)),
        ],
        errors: CHANGE_ERRORS,
    },
    Operation {
        name: "RemovePermission",
        action: Action::RemovePermission,
        service: Service::CodeGuruProfiler,
        method: "DELETE",
        path: "/profilingGroups/{profilingGroupName}/policy/{actionGroup}",
        success: 200,
        signed: true,
        members: &[GROUP_LABEL, ACTION_GROUP_LABEL, required("revisionId", Query, Shape::Text(&UUID_TEXT))],
        errors: CHANGE_ERRORS,
    },
];

const ACTION_GROUP_LABEL: Member = required("actionGroup", Path, Shape::Text(&ACTION_GROUP));

static ACTION_GROUP: Text = one_of(&["agentPermissions"]);
