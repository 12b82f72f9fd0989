//! Rows: where a group's anomalies are reported to.

use super::{FREE_TEXT, GROUP_ERRORS, GROUP_LABEL, UUID_TEXT, between, one_of, optional, required};
use crate::errors::{CONFLICT, INTERNAL_SERVER, RESOURCE_NOT_FOUND, SERVICE_QUOTA_EXCEEDED, THROTTLING, VALIDATION};
use crate::model::Location::{Body, Path};
use crate::model::{Action, Operation, Shape, Text};
use crate::service::Service;

pub static OPERATIONS: &[Operation] = &[
    Operation {
        name: "AddNotificationChannels",
        action: Action::AddNotificationChannels,
        service: Service::CodeGuruProfiler,
        method: "POST",
        path: "/profilingGroups/{profilingGroupName}/notificationConfiguration",
        success: 200,
        signed: true,
        members: &[
            GROUP_LABEL,
            required("channels", Body, Shape::List { length: Some(between(1, 2)), item: &CHANNEL }),
        ],
        errors: &[&SERVICE_QUOTA_EXCEEDED, &INTERNAL_SERVER, &CONFLICT, &VALIDATION, &THROTTLING, &RESOURCE_NOT_FOUND],
    },
    Operation {
        name: "RemoveNotificationChannel",
        action: Action::RemoveNotificationChannel,
        service: Service::CodeGuruProfiler,
        method: "DELETE",
        path: "/profilingGroups/{profilingGroupName}/notificationConfiguration/{channelId}",
        success: 200,
        signed: true,
        members: &[GROUP_LABEL, required("channelId", Path, Shape::Text(&UUID_TEXT))],
        errors: GROUP_ERRORS,
    },
    Operation {
        name: "GetNotificationConfiguration",
        action: Action::GetNotificationConfiguration,
        service: Service::CodeGuruProfiler,
        method: "GET",
        path: "/profilingGroups/{profilingGroupName}/notificationConfiguration",
        success: 200,
        signed: true,
        members: &[GROUP_LABEL],
        errors: GROUP_ERRORS,
    },
];

static EVENT_PUBLISHER: Text = one_of(&["AnomalyDetection"]);

static CHANNEL: Shape = Shape::Structure {
    members: &[
        optional("id", Body, Shape::Text(&UUID_TEXT)),
        required("uri", Body, Shape::Text(&FREE_TEXT)),
        required(
            "eventPublishers",
            Body,
            Shape::List { length: Some(between(1, 1)), item: &Shape::Text(&EVENT_PUBLISHER) },
        ),
    ],
};
