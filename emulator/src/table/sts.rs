//! Rows: the part of AWS STS by which a client gets to its identity.

use super::{between, optional, required};
use crate::errors::{
    EXPIRED_TOKEN_OF_STS, ErrorShape, IDP_COMMUNICATION, IDP_REJECTED_CLAIM, INVALID_IDENTITY_TOKEN, MALFORMED_POLICY,
    PACKED_POLICY_TOO_LARGE, REGION_DISABLED,
};
use crate::model::Location::Body;
use crate::model::{Action, Length, Member, Operation, Shape, Text};
use crate::patterns::{
    DIGITS, EXTERNAL_ID, POLICY, Pattern, ROLE_ARN, SERIAL_NUMBER, SESSION_NAME, TAG_KEY, TAG_VALUE,
};
use crate::service::Service;

pub static OPERATIONS: &[Operation] = &[
    Operation {
        name: "GetCallerIdentity",
        action: Action::GetCallerIdentity,
        service: Service::Sts,
        method: "POST",
        path: "/",
        success: 200,
        signed: true,
        members: &[],
        errors: &[],
    },
    Operation {
        name: "AssumeRole",
        action: Action::AssumeRole,
        service: Service::Sts,
        method: "POST",
        path: "/",
        success: 200,
        signed: true,
        members: &[
            required("RoleArn", Body, Shape::Text(&ARN)),
            required("RoleSessionName", Body, Shape::Text(&SESSION)),
            optional("PolicyArns", Body, POLICY_ARNS),
            optional("Policy", Body, Shape::Text(&LONG_POLICY)),
            optional("DurationSeconds", Body, DURATION),
            optional("Tags", Body, Shape::List { length: Some(between(0, 50)), item: &TAG }),
            optional("TransitiveTagKeys", Body, Shape::List { length: Some(between(0, 50)), item: &KEY }),
            optional("ExternalId", Body, Shape::Text(&EXTERNAL)),
            optional("SerialNumber", Body, Shape::Text(&SERIAL)),
            optional("TokenCode", Body, Shape::Text(&CODE)),
            optional("SourceIdentity", Body, Shape::Text(&SESSION)),
            optional("ProvidedContexts", Body, Shape::List { length: Some(between(1, 5)), item: &CONTEXT }),
            optional("MinimumSessionTokenSize", Body, TOKEN_SIZE),
        ],
        errors: &[&MALFORMED_POLICY, &PACKED_POLICY_TOO_LARGE, &REGION_DISABLED, &EXPIRED_TOKEN_OF_STS],
    },
    Operation {
        name: "AssumeRoleWithWebIdentity",
        action: Action::AssumeRoleWithWebIdentity,
        service: Service::Sts,
        method: "POST",
        path: "/",
        success: 200,
        signed: false,
        members: &[
            required("RoleArn", Body, Shape::Text(&ARN)),
            required("RoleSessionName", Body, Shape::Text(&SESSION)),
            required("WebIdentityToken", Body, Shape::Text(&WEB_IDENTITY_TOKEN)),
            optional("ProviderId", Body, Shape::Text(&URL)),
            optional("PolicyArns", Body, POLICY_ARNS),
            optional("Policy", Body, Shape::Text(&SHORT_POLICY)),
            optional("DurationSeconds", Body, DURATION),
            optional("MinimumSessionTokenSize", Body, TOKEN_SIZE),
        ],
        errors: WEB_IDENTITY_ERRORS,
    },
];

const WEB_IDENTITY_ERRORS: &[&ErrorShape] = &[
    &MALFORMED_POLICY,
    &PACKED_POLICY_TOO_LARGE,
    &IDP_REJECTED_CLAIM,
    &IDP_COMMUNICATION,
    &INVALID_IDENTITY_TOKEN,
    &EXPIRED_TOKEN_OF_STS,
    &REGION_DISABLED,
];

const DURATION: Shape = Shape::Integer { min: 900, max: 43_200 };
const TOKEN_SIZE: Shape = Shape::Integer { min: 0, max: 4096 };
const POLICY_ARNS: Shape = Shape::List { length: None, item: &POLICY_ARN };

static ARN: Text = text(Some(between(20, 2048)), Some(&ROLE_ARN));
static SESSION: Text = text(Some(between(2, 64)), Some(&SESSION_NAME));
static EXTERNAL: Text = text(Some(between(2, 1224)), Some(&EXTERNAL_ID));
static SERIAL: Text = text(Some(between(9, 256)), Some(&SERIAL_NUMBER));
static CODE: Text = text(Some(between(6, 6)), Some(&DIGITS));
static LONG_POLICY: Text = text(Some(Length { min: 1, max: None }), Some(&POLICY));
static SHORT_POLICY: Text = text(Some(between(1, 2048)), Some(&POLICY));
static WEB_IDENTITY_TOKEN: Text = text(Some(between(4, 20_000)), None);
static URL: Text = text(Some(between(4, 2048)), None);
static TAG_KEY_TEXT: Text = text(Some(between(1, 128)), Some(&TAG_KEY));
static TAG_VALUE_TEXT: Text = text(Some(between(0, 256)), Some(&TAG_VALUE));

static KEY: Shape = Shape::Text(&TAG_KEY_TEXT);
static POLICY_ARN: Shape = Shape::Structure { members: &[optional("arn", Body, Shape::Text(&ARN))] };
static TAG: Shape = Shape::Structure { members: TAG_MEMBERS };
const TAG_MEMBERS: &[Member] =
    &[required("Key", Body, Shape::Text(&TAG_KEY_TEXT)), required("Value", Body, Shape::Text(&TAG_VALUE_TEXT))];
static CONTEXT: Shape = Shape::Structure {
    members: &[optional("ProviderArn", Body, Shape::Text(&ARN)), optional("ContextAssertion", Body, Shape::Text(&URL))],
};

const fn text(length: Option<Length>, pattern: Option<&'static Pattern>) -> Text {
    Text { length, pattern, one_of: &[] }
}
