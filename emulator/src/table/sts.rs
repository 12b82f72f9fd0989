//! Rows: the part of AWS STS by which a client gets to its identity.

use crate::model::{Action, Operation, Service};

pub static OPERATIONS: &[Operation] = &[Operation {
    name: "GetCallerIdentity",
    action: Action::GetCallerIdentity,
    service: Service::Sts,
    method: "POST",
    path: "/",
    success: 200,
    signed: true,
    members: &[],
    errors: &[],
}];
