//! Rows: what is read out of profiles.

use super::{
    AGGREGATION_PERIOD, FREE_TEXT, GROUP_ERRORS, GROUP_LABEL, MAX_RESULTS, NEXT_TOKEN, TEXT, between, one_of, optional,
    required,
};
use crate::model::Location::{Body, Header, Query};
use crate::model::{Action, Operation, Shape, Text};
use crate::service::Service;

pub static OPERATIONS: &[Operation] = &[
    Operation {
        name: "GetProfile",
        action: Action::GetProfile,
        service: Service::CodeGuruProfiler,
        method: "GET",
        path: "/profilingGroups/{profilingGroupName}/profile",
        success: 200,
        signed: true,
        members: &[
            GROUP_LABEL,
            optional("Accept", Header, Shape::Text(&FREE_TEXT)),
            optional("startTime", Query, Shape::Timestamp),
            optional("endTime", Query, Shape::Timestamp),
            optional("period", Query, Shape::Text(&PERIOD)),
            optional("maxDepth", Query, Shape::Integer { min: 1, max: 10_000 }),
        ],
        errors: GROUP_ERRORS,
    },
    Operation {
        name: "ListProfileTimes",
        action: Action::ListProfileTimes,
        service: Service::CodeGuruProfiler,
        method: "GET",
        path: "/profilingGroups/{profilingGroupName}/profileTimes",
        success: 200,
        signed: true,
        members: &[
            GROUP_LABEL,
            required("startTime", Query, Shape::Timestamp),
            required("endTime", Query, Shape::Timestamp),
            required("period", Query, Shape::Text(&AGGREGATION_PERIOD)),
            optional("orderBy", Query, Shape::Text(&ORDER_BY)),
            MAX_RESULTS,
            NEXT_TOKEN,
        ],
        errors: GROUP_ERRORS,
    },
    Operation {
        name: "BatchGetFrameMetricData",
        action: Action::BatchGetFrameMetricData,
        service: Service::CodeGuruProfiler,
        method: "POST",
        path: "/profilingGroups/{profilingGroupName}/frames/-/metrics",
        success: 200,
        signed: true,
        members: &[
            GROUP_LABEL,
            optional("startTime", Query, Shape::Timestamp),
            optional("endTime", Query, Shape::Timestamp),
            optional("period", Query, Shape::Text(&PERIOD)),
            optional("targetResolution", Query, Shape::Text(&AGGREGATION_PERIOD)),
            optional("frameMetrics", Body, Shape::List { length: None, item: &FRAME_METRIC }),
        ],
        errors: GROUP_ERRORS,
    },
];

/// A duration of ISO 8601; the model constrains its length only.
static PERIOD: Text = Text { length: Some(between(1, 64)), pattern: None, one_of: &[] };

static ORDER_BY: Text = one_of(&["TimestampDescending", "TimestampAscending"]);

static METRIC_TYPE: Text = one_of(&["AggregatedRelativeTotalTime"]);

static FRAME_METRIC: Shape = Shape::Structure {
    members: &[
        required("frameName", Body, Shape::Text(&FREE_TEXT)),
        required("type", Body, Shape::Text(&METRIC_TYPE)),
        required("threadStates", Body, Shape::List { length: None, item: &TEXT }),
    ],
};
