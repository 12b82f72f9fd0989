//! Rows: tags, which are on the ARN of a group.

use super::{FREE_TEXT, TAGS, TEXT, required};
use crate::errors::{ErrorShape, INTERNAL_SERVER, RESOURCE_NOT_FOUND, VALIDATION};
use crate::model::Location::{Body, Path, Query};
use crate::model::{Action, Member, Operation, Shape};
use crate::service::Service;

pub static OPERATIONS: &[Operation] = &[
    Operation {
        name: "TagResource",
        action: Action::TagResource,
        service: Service::CodeGuruProfiler,
        method: "POST",
        path: "/tags/{resourceArn}",
        success: 204,
        signed: true,
        members: &[ARN_LABEL, required("tags", Body, TAGS)],
        errors: TAG_ERRORS,
    },
    Operation {
        name: "UntagResource",
        action: Action::UntagResource,
        service: Service::CodeGuruProfiler,
        method: "DELETE",
        path: "/tags/{resourceArn}",
        success: 204,
        signed: true,
        members: &[ARN_LABEL, required("tagKeys", Query, Shape::List { length: None, item: &TEXT })],
        errors: TAG_ERRORS,
    },
    Operation {
        name: "ListTagsForResource",
        action: Action::ListTagsForResource,
        service: Service::CodeGuruProfiler,
        method: "GET",
        path: "/tags/{resourceArn}",
        success: 200,
        signed: true,
        members: &[ARN_LABEL],
        errors: TAG_ERRORS,
    },
];

const ARN_LABEL: Member = required("resourceArn", Path, Shape::Text(&FREE_TEXT));

const TAG_ERRORS: &[&ErrorShape] = &[&INTERNAL_SERVER, &VALIDATION, &RESOURCE_NOT_FOUND];
