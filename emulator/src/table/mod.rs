//! The table of operations: data only. Routing, validation, status codes and modelled errors all follow from its rows.

mod agents;
mod groups;
mod notifications;
mod permissions;
mod profiles;
mod reports;
mod sts;
mod tags;

use crate::errors::{CONFLICT, ErrorShape, INTERNAL_SERVER, RESOURCE_NOT_FOUND, THROTTLING, VALIDATION};
use crate::model::Location::{Path, Query};
use crate::model::{Length, Location, Member, Operation, Shape, Text};
use crate::patterns::{UUID, WORD};

/// Every operation that the emulator answers.
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    [
        groups::OPERATIONS,
        tags::OPERATIONS,
        permissions::OPERATIONS,
        notifications::OPERATIONS,
        agents::OPERATIONS,
        profiles::OPERATIONS,
        reports::OPERATIONS,
        sts::OPERATIONS,
    ]
    .into_iter()
    .flatten()
}

/// The constraint on a profiling group's name, which the admin port keeps to as well.
pub static GROUP_NAME: Text = Text { length: Some(between(1, 255)), pattern: Some(&WORD), one_of: &[] };

/// The constraint on a compute platform, which the admin port keeps to as well.
pub static COMPUTE_PLATFORM: Text = one_of(&["Default", "AWSLambda"]);

/// clientToken, profileToken and nextToken have the same form.
static TOKEN: Text = Text { length: Some(between(1, 64)), pattern: Some(&WORD), one_of: &[] };

static UUID_TEXT: Text = Text { length: None, pattern: Some(&UUID), one_of: &[] };

static AGGREGATION_PERIOD: Text = one_of(&["PT5M", "PT1H", "P1D"]);

static FREE_TEXT: Text = one_of(&[]);

static TEXT: Shape = Shape::Text(&FREE_TEXT);

const GROUP_LABEL: Member = required("profilingGroupName", Path, Shape::Text(&GROUP_NAME));
const NEXT_TOKEN: Member = optional("nextToken", Query, Shape::Text(&TOKEN));
const MAX_RESULTS: Member = optional("maxResults", Query, Shape::Integer { min: 1, max: 1000 });
const TAGS: Shape = Shape::Map { key: &FREE_TEXT, value: &FREE_TEXT };

/// Of an operation that reads or takes something of one group.
const GROUP_ERRORS: &[&ErrorShape] = &[&INTERNAL_SERVER, &VALIDATION, &THROTTLING, &RESOURCE_NOT_FOUND];
/// Of an operation that changes one group.
const CHANGE_ERRORS: &[&ErrorShape] = &[&INTERNAL_SERVER, &CONFLICT, &VALIDATION, &THROTTLING, &RESOURCE_NOT_FOUND];

const fn required(name: &'static str, location: Location, shape: Shape) -> Member {
    Member { name, location, required: true, shape }
}

const fn optional(name: &'static str, location: Location, shape: Shape) -> Member {
    Member { name, location, required: false, shape }
}

const fn one_of(values: &'static [&'static str]) -> Text {
    Text { length: None, pattern: None, one_of: values }
}

const fn between(min: usize, max: usize) -> Length {
    Length { min, max: Some(max) }
}
