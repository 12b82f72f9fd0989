//! The admin port: what tests and demonstrations do to the emulator, as JSON over HTTP.

use std::sync::Arc;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use hyper::body::{Bytes, Incoming};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Reset, request};
use crate::agents;
use crate::answer::{Body, full};
use crate::faults::Order;
use crate::identity::Role;
use crate::journal::{Entry, Filter};
use crate::model::Text;
use crate::route::{decode, pairs};
use crate::settings::Change;
use crate::state::{BehindTheBack, Truth};
use crate::table::{COMPUTE_PLATFORM, GROUP_NAME};
use crate::validate::text_violations;
use crate::world::{World, lock};

pub async fn answer(world: Arc<World>, request: Request<Incoming>) -> Result<Response<Body>, Reset> {
    let (parts, body) = request.into_parts();
    let response = match request::read(body).await {
        Ok(body) => respond(&world, &parts, &body),
        Err(error) => Reply::Refused(error.message).into_response(),
    };
    Ok(response.map(full))
}

/// The same without a network.
pub fn respond(world: &Arc<World>, Parts { method, uri, .. }: &Parts, body: &[u8]) -> Response<Bytes> {
    let reply = handle(world, method.as_str(), uri.path(), uri.query().unwrap_or_default(), body);
    reply.unwrap_or_else(|error| Reply::Refused(error.to_string())).into_response()
}

/// Does what a request would do that comes from nowhere; what it answers is only of interest when it is a refusal.
pub fn apply(world: &Arc<World>, method: &str, target: &str, body: &[u8]) -> Result<(), String> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    match handle(world, method, path, query, body) {
        Ok(Reply::Healthy | Reply::Json(_) | Reply::Done) => Ok(()),
        Ok(Reply::NotFound) => Err("not found".to_owned()),
        Ok(Reply::Refused(message)) => Err(message),
        Err(refused) => Err(refused.to_string()),
    }
}

fn handle(world: &Arc<World>, method: &str, path: &str, query: &str, body: &[u8]) -> Result<Reply, Refused> {
    let path: Vec<String> = path.split('/').skip(1).map(decode).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match (method, path.as_slice()) {
        ("GET", ["healthz"]) => Ok(Reply::Healthy),
        ("GET", ["journal"]) => {
            let entries = world.journal().entries(&from_query::<Filter>(query)?)?;
            reply(&Entries { entries })
        }
        ("DELETE", ["journal"]) => {
            world.journal().clear(from_query::<Owner>(query)?.account.as_deref());
            Ok(Reply::Done)
        }
        ("GET", ["counts"]) => {
            let counts = world.journal().counts(&from_query::<Filter>(query)?)?;
            reply(&json!({"counts": counts}))
        }
        ("POST", ["faults"]) => {
            let order: Order = from_body(body)?;
            reply(&json!({"id": world.faults().add(order)}))
        }
        ("DELETE", ["faults"]) => {
            world.faults().clear(from_query::<Owner>(query)?.account.as_deref());
            Ok(Reply::Done)
        }
        ("PUT", ["settings"]) => {
            let place: Place = from_query(query)?;
            let change: Change = from_body(body)?;
            let mut book = world.settings();
            book.change(place.account.as_deref(), place.region.as_deref(), change)?;
            reply(&book.effective(place.account.as_deref(), place.region.as_deref()))
        }
        ("GET", ["settings"]) => {
            let place: Place = from_query(query)?;
            reply(&world.settings().effective(place.account.as_deref(), place.region.as_deref()))
        }
        ("PUT", ["clock"]) => {
            world.clock.set_offset_ms(from_body::<ClockChange>(body)?.offset_ms)?;
            clock(world)
        }
        ("GET", ["clock"]) => clock(world),
        ("POST", ["seed"]) => seed(world, &from_body(body)?),
        ("POST", ["flip"]) => {
            let flip: Flip = from_body(body)?;
            let region = world.region(&flip.account, &flip.region);
            let flipped = lock(&region).flip(&flip.prefix, world.clock.now());
            reply(&json!({"flipped": flipped}))
        }
        ("PUT", ["groups", account, region, name]) => {
            let change: BehindTheBack = if body.is_empty() { BehindTheBack::default() } else { from_body(body)? };
            check(&GROUP_NAME, name, "name")?;
            if let Some(platform) = &change.compute_platform {
                check(&COMPUTE_PLATFORM, platform, "computePlatform")?;
            }
            let region = world.region(account, region);
            let group = lock(&region).put(name, change, || world.ids.uuid(), world.clock.now());
            reply(&Truth::of(&group))
        }
        ("GET", ["groups", account, region, name]) => {
            let region = world.region(account, region);
            let group = lock(&region).truth(name).cloned();
            group.map_or(Ok(Reply::NotFound), |group| reply(&Truth::of(&group)))
        }
        ("DELETE", ["groups", account, region, name]) => {
            let token_stays = world.settings().effective(Some(account), Some(region)).token_outlives_group;
            let region = world.region(account, region);
            let deleted = lock(&region).delete(name, token_stays, world.clock.now());
            Ok(if deleted.is_ok() { Reply::Done } else { Reply::NotFound })
        }
        ("POST", ["agents"]) => reply(&json!({"agents": agents::start(world, from_body(body)?)?})),
        ("GET", ["agents"]) => {
            let owner: Owner = from_query(query)?;
            reply(&json!({"agents": world.fleets().count(owner.account.as_deref())}))
        }
        ("DELETE", ["agents"]) => {
            world.fleets().end(from_query::<Owner>(query)?.account.as_deref());
            Ok(Reply::Done)
        }
        ("PUT", ["limits", account]) => {
            world.limits().put(account, from_body(body)?)?;
            Ok(Reply::Done)
        }
        ("GET", ["limits", account]) => reply(&world.limits().of(account)),
        ("PUT", ["rules", account]) => {
            world.rules().put(account, from_body(body)?);
            Ok(Reply::Done)
        }
        ("GET", ["rules", account]) => reply(&world.rules().of(account)),
        ("PUT", ["roles", account, name @ ..]) if !name.is_empty() => {
            let arn = format!("arn:aws:iam::{account}:role/{}", name.join("/"));
            let role = Role::of_arn(&arn).ok_or_else(|| Refused::Invalid(format!("{arn} is not the ARN of a role")))?;
            world.roles().put(&role, from_body(body)?);
            Ok(Reply::Done)
        }
        ("DELETE", ["accounts", account]) => {
            world.forget_account(account);
            Ok(Reply::Done)
        }
        _ => Ok(Reply::NotFound),
    }
}

#[derive(Serialize)]
struct Entries {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Owner {
    account: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    account: Option<String>,
    region: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClockChange {
    offset_ms: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Seed {
    account: String,
    region: String,
    count: usize,
    prefix: String,
    profiling_enabled: Option<bool>,
    compute_platform: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Flip {
    account: String,
    region: String,
    #[serde(default)]
    prefix: String,
}

/// More than any benchmark needs, less than exhausts a machine by a slip of the finger.
const MAX_SEED: usize = 100_000;

fn seed(world: &World, seed: &Seed) -> Result<Reply, Refused> {
    check(&GROUP_NAME, &format!("{}-00000", seed.prefix), "prefix")?;
    if let Some(platform) = &seed.compute_platform {
        check(&COMPUTE_PLATFORM, platform, "computePlatform")?;
    }
    if seed.count > MAX_SEED {
        return Err(Refused::Invalid(format!("count must be at most {MAX_SEED}")));
    }
    let change = BehindTheBack {
        profiling_enabled: seed.profiling_enabled,
        compute_platform: seed.compute_platform.clone(),
        ..BehindTheBack::default()
    };
    let region = world.region(&seed.account, &seed.region);
    let created = lock(&region).seed(&seed.prefix, seed.count, &change, world.clock.now());
    reply(&json!({"created": created}))
}

fn clock(world: &World) -> Result<Reply, Refused> {
    reply(&json!({"offsetMs": world.clock.offset_ms(), "now": world.clock.now().stamp}))
}

fn check(text: &Text, value: &str, at: &str) -> Result<(), Refused> {
    let violations = text_violations(text, value, at);
    if violations.is_empty() { Ok(()) } else { Err(Refused::Invalid(violations.join("; "))) }
}

/// Why the admin port refuses a request; each answers 400.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Setting(#[from] crate::settings::BadSetting),
    #[error(transparent)]
    Agents(#[from] agents::BadOrder),
    #[error(transparent)]
    Limit(#[from] crate::limits::BadLimit),
    #[error(transparent)]
    Seq(#[from] crate::journal::BadSeq),
    #[error(transparent)]
    Clock(#[from] crate::clock::OffsetTooLarge),
}

enum Reply {
    Healthy,
    Json(Vec<u8>),
    Done,
    NotFound,
    Refused(String),
}

impl Reply {
    fn into_response(self) -> Response<Bytes> {
        let (status, content_type, body) = match self {
            Self::Healthy => (StatusCode::OK, "text/plain", b"ok".to_vec()),
            Self::Json(body) => (StatusCode::OK, "application/json", body),
            Self::Done => (StatusCode::NO_CONTENT, "application/json", Vec::new()),
            Self::NotFound => (StatusCode::NOT_FOUND, "application/json", error("not found")),
            Self::Refused(message) => (StatusCode::BAD_REQUEST, "application/json", error(&message)),
        };
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
    }
}

fn error(message: &str) -> Vec<u8> {
    json!({"error": message}).to_string().into_bytes()
}

fn reply(value: &impl Serialize) -> Result<Reply, Refused> {
    Ok(Reply::Json(serde_json::to_vec(value)?))
}

fn from_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    Ok(serde_json::from_slice(body)?)
}

/// Empty values count as absent.
fn from_query<T: DeserializeOwned>(query: &str) -> Result<T, Refused> {
    let members: Map<String, Value> = pairs(query)
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name, Value::String(value)))
        .collect();
    Ok(serde_json::from_value(Value::Object(members))?)
}
