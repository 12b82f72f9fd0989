//! Rows: recommendations, findings reports and feedback on anomalies.

use super::{FREE_TEXT, GROUP_ERRORS, GROUP_LABEL, MAX_RESULTS, NEXT_TOKEN, UUID_TEXT, one_of, optional, required};
use crate::errors::{INTERNAL_SERVER, THROTTLING, VALIDATION};
use crate::model::Location::{Body, Path, Query};
use crate::model::{Action, Operation, Shape, Text};
use crate::service::Service;

pub static OPERATIONS: &[Operation] = &[
    Operation {
        name: "GetRecommendations",
        action: Action::GetRecommendations,
        service: Service::CodeGuruProfiler,
        method: "GET",
        path: "/internal/profilingGroups/{profilingGroupName}/recommendations",
        success: 200,
        signed: true,
        members: &[
            GROUP_LABEL,
            required("startTime", Query, Shape::Timestamp),
            required("endTime", Query, Shape::Timestamp),
            optional("locale", Query, Shape::Text(&FREE_TEXT)),
        ],
        errors: GROUP_ERRORS,
    },
    Operation {
        name: "ListFindingsReports",
        action: Action::ListFindingsReports,
        service: Service::CodeGuruProfiler,
        method: "GET",
        path: "/internal/profilingGroups/{profilingGroupName}/findingsReports",
        success: 200,
        signed: true,
        members: &[
            GROUP_LABEL,
            required("startTime", Query, Shape::Timestamp),
            required("endTime", Query, Shape::Timestamp),
            optional("dailyReportsOnly", Query, Shape::Boolean),
            MAX_RESULTS,
            NEXT_TOKEN,
        ],
        errors: GROUP_ERRORS,
    },
    Operation {
        name: "GetFindingsReportAccountSummary",
        action: Action::GetFindingsReportAccountSummary,
        service: Service::CodeGuruProfiler,
        method: "GET",
        path: "/internal/findingsReports",
        success: 200,
        signed: true,
        members: &[optional("dailyReportsOnly", Query, Shape::Boolean), MAX_RESULTS, NEXT_TOKEN],
        errors: &[&INTERNAL_SERVER, &VALIDATION, &THROTTLING],
    },
    Operation {
        name: "SubmitFeedback",
        action: Action::SubmitFeedback,
        service: Service::CodeGuruProfiler,
        method: "POST",
        path: "/internal/profilingGroups/{profilingGroupName}/anomalies/{anomalyInstanceId}/feedback",
        success: 204,
        signed: true,
        members: &[
            GROUP_LABEL,
            required("anomalyInstanceId", Path, Shape::Text(&UUID_TEXT)),
            required("type", Body, Shape::Text(&FEEDBACK_TYPE)),
            optional("comment", Body, Shape::Text(&FREE_TEXT)),
        ],
        errors: GROUP_ERRORS,
    },
];

static FEEDBACK_TYPE: Text = one_of(&["Positive", "Negative"]);
