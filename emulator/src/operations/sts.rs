//! The part of STS by which a client gets to its identity: who it is, and the roles that it takes on.

use std::time::Duration;

use serde::Deserialize;

use super::Output;
use crate::errors::{ApiError, Common, EXPIRED_TOKEN_OF_STS, INVALID_IDENTITY_TOKEN};
use crate::identity::{BadToken, Caller, Role, Session, WebIdentity};
use crate::ids::Ids;
use crate::moment::Stamp;
use crate::service::Service;
use crate::world::World;

const DEFAULT_DURATION_SECONDS: u64 = 3600;

/// The letters that the random part of an access key is made of.
const KEY_LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssumeRole {
    role_arn: String,
    role_session_name: String,
    duration_seconds: Option<u64>,
    external_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssumeRoleWithWebIdentity {
    role_arn: String,
    role_session_name: String,
    web_identity_token: String,
    duration_seconds: Option<u64>,
}

pub fn caller_identity(caller: &Caller) -> Output {
    let Caller { account, region: _, arn, user_id } = caller;
    Output::CallerIdentity { arn: arn.clone(), user_id: user_id.clone(), account: account.clone() }
}

pub fn assume_role(asked: &AssumeRole, caller: &Caller, world: &World, now: Stamp) -> Result<Output, ApiError> {
    let trusted = Role::of_arn(&asked.role_arn)
        .filter(|role| world.roles().trusts_caller(role, caller, asked.external_id.as_deref()));
    let role = trusted.ok_or_else(|| {
        Common::AccessDenied.of(Service::Sts).with(format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {}",
            caller.arn, asked.role_arn
        ))
    })?;
    let session = open(&role, &asked.role_session_name, asked.duration_seconds, &world.ids, now);
    world.keys().remember(session.clone(), now);
    Ok(Output::Session { session, web_identity: None })
}

pub fn assume_role_with_web_identity(
    asked: &AssumeRoleWithWebIdentity,
    world: &World,
    now: Stamp,
) -> Result<Output, ApiError> {
    let identity = WebIdentity::read(&asked.web_identity_token, now).map_err(|bad| match bad {
        BadToken::Malformed => INVALID_IDENTITY_TOKEN.with("The ID Token provided is not a valid JWT."),
        BadToken::Expired => EXPIRED_TOKEN_OF_STS.with("Token expired: it must be used before its expiration time"),
    })?;
    let trusted = Role::of_arn(&asked.role_arn).filter(|role| world.roles().trusts_web_identity(role, &identity));
    let role = trusted.ok_or_else(|| {
        let denied = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
        Common::AccessDenied.of(Service::Sts).with(denied)
    })?;
    let session = open(&role, &asked.role_session_name, asked.duration_seconds, &world.ids, now);
    world.keys().remember(session.clone(), now);
    Ok(Output::Session { session, web_identity: Some(identity) })
}

/// The access key ends in the role's account, so that it shows the account even to an emulator that never gave it out.
fn open(role: &Role, name: &str, duration_seconds: Option<u64>, ids: &Ids, now: Stamp) -> Session {
    let [high, low] = ids.pair();
    let letters: String =
        high.to_le_bytes().iter().take(4).map(|byte| char::from(KEY_LETTERS[usize::from(byte % 32)])).collect();
    let [more_high, more_low] = ids.pair();
    Session {
        key: format!("ASIA{letters}{}", role.account),
        secret: format!("{low:016x}{more_high:016x}{:08x}", more_low >> 32),
        token: format!("emulator-session-{}", ids.uuid()),
        account: role.account.clone(),
        arn: role.session_arn(name),
        user_id: format!("{}:{name}", role.id()),
        expires: now.later(Duration::from_secs(duration_seconds.unwrap_or(DEFAULT_DURATION_SECONDS))),
    }
}
