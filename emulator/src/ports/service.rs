//! The service port: one request from its arrival to its answer. Routing, validation and state are elsewhere; the order is here.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{Request, Response, header};
use hyper::body::{Bytes, Incoming};
use serde_json::{Map, Value};
use tokio::time::sleep;

use super::answer::Answer;
use super::{Body, Reset, request};
use crate::errors::{
    ApiError, INCOMPLETE_SIGNATURE, INTERNAL_SERVER, INVALID_ACTION, INVALID_SIGNATURE, MISSING_TOKEN, SERIALIZATION,
    UNKNOWN_OPERATION, status_of,
};
use crate::faults::{Effect, Fault, Target};
use crate::identity::{self, Caller, NoCaller};
use crate::journal::Arrival;
use crate::model::{Location, Service};
use crate::operations::{self, Context};
use crate::route::{self, Route};
use crate::settings::Settings;
use crate::validate;
use crate::world::World;

/// Larger bodies are left out of the journal, which keeps many entries.
const MAX_RECORDED: usize = 16 * 1024;

pub async fn answer(world: Arc<World>, request: Request<Incoming>) -> Result<Response<Body>, Reset> {
    let arrived = world.clock.now();
    let (parts, body) = request.into_parts();
    let body = request::read(body).await;
    let call = Call::new(&parts, body, world.request_id());
    let request_id = call.request_id.clone();

    let fault = call.meet_fault(&world);
    let arrival = Arrival {
        started_at: arrived.stamp,
        account: call.caller.as_ref().ok().map(|caller| caller.account.clone()),
        region: call.caller.as_ref().ok().map(|caller| caller.region.clone()),
        operation: call.route.as_ref().map(|route| route.operation.name),
        group: call.group(),
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        request_id: request_id.clone(),
        user_agent: header(&parts, header::USER_AGENT.as_str()),
        request: call.recorded_body(),
        fault: fault.as_ref().is_some_and(|fault| fault.effect != Effect::Delay),
    };
    let seq = world.journal().begin(arrival);
    let mut record = Record { world: Arc::clone(&world), seq, outcome: (0, None) };

    let service = call.service;
    // On a task of its own: what a client asked for happens even when the client doesn't wait for it.
    let work = tokio::spawn(carry_out(Arc::clone(&world), call, fault));
    let answer = match work.await {
        Ok(Ending::Answer(answer)) => answer,
        Ok(Ending::Hang) => pending().await,
        Ok(Ending::Reset) => return Err(Reset),
        Err(error) => {
            tracing::error!(%error, %request_id, "a request failed in the emulator");
            Answer::error(&INTERNAL_SERVER.with("The emulator failed; see its log"), service, &request_id)
        }
    };
    tracing::debug!(%request_id, status = answer.status, method = %parts.method, path = parts.uri.path(), "answered");
    record.outcome = (answer.status, answer.error_code.clone());
    Ok(answer.into_response(&request_id, world.clock.now().stamp))
}

/// Ends the journal's entry when the request ends, in whichever way: dropped without an outcome, the connection is gone.
struct Record {
    world: Arc<World>,
    seq: u64,
    outcome: (u16, Option<String>),
}

impl Drop for Record {
    fn drop(&mut self) {
        let now = self.world.clock.now().stamp;
        let (status, code) = std::mem::take(&mut self.outcome);
        self.world.journal().end(self.seq, now, status, code);
    }
}

enum Ending {
    Answer(Answer),
    Hang,
    Reset,
}

async fn carry_out(world: Arc<World>, call: Call, fault: Option<Fault>) -> Ending {
    wait(Duration::from_millis(call.settings(&world).latency_ms)).await;
    let Some(fault) = fault else { return Ending::Answer(call.true_answer(&world)) };

    let early = fault.after.then(|| call.true_answer(&world));
    wait(fault.delay).await;
    let truth = || early.unwrap_or_else(|| call.true_answer(&world));
    Ending::Answer(match fault.effect {
        Effect::Hang => return Ending::Hang,
        Effect::Reset => return Ending::Reset,
        Effect::Error { code, status, message, headers } => {
            let status = status.or_else(|| status_of(&code)).unwrap_or(400);
            let message = message.unwrap_or_else(|| "A fault of the emulator".to_owned());
            let error = ApiError { code, status, message };
            Answer::error(&error, call.service, &call.request_id).with_headers(headers)
        }
        Effect::Body { status, content_type, body } => Answer::raw(status.unwrap_or(200), &content_type, body),
        Effect::Truncate => truth().truncated(),
        Effect::Delay => truth(),
    })
}

async fn wait(time: Duration) {
    if !time.is_zero() {
        sleep(time).await;
    }
}

/// A request as far as it could be understood.
struct Call {
    caller: Result<Caller, NoCaller>,
    service: Service,
    route: Option<Route>,
    query: Vec<(String, String)>,
    body: Result<Bytes, ApiError>,
    request_id: String,
}

impl Call {
    fn new(parts: &Parts, body: Result<Bytes, ApiError>, request_id: String) -> Self {
        let caller = identity::caller(header(parts, header::AUTHORIZATION.as_str()).as_deref());
        let for_sts = match &caller {
            Ok(caller) => caller.service == Service::Sts.signing_name(),
            Err(_) => parts.uri.path() == "/",
        };
        let (service, route) = if for_sts {
            let form = body.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
            let action = route::pairs(&form).into_iter().find(|(name, _)| name == "Action").map(|(_, action)| action);
            (Service::Sts, action.and_then(|action| route::by_action(&action)))
        } else {
            (Service::CodeGuruProfiler, route::by_path(parts.method.as_str(), parts.uri.path()))
        };
        let query = route::pairs(parts.uri.query().unwrap_or_default());
        Self { caller, service, route, query, body, request_id }
    }

    /// The JSON object in the body; none when there is no body.
    fn json(&self) -> Result<Map<String, Value>, ApiError> {
        let bytes = self.body.as_ref().map_err(ApiError::clone)?;
        if bytes.is_empty() {
            return Ok(Map::new());
        }
        serde_json::from_slice(bytes)
            .map_err(|error| SERIALIZATION.with(format!("The body is not a JSON object: {error}")))
    }

    fn recorded_body(&self) -> Option<Value> {
        let bytes = self.body.as_ref().ok().filter(|bytes| bytes.len() <= MAX_RECORDED)?;
        serde_json::from_slice(bytes).ok()
    }

    /// The group that the request is about, wherever it names it.
    fn group(&self) -> Option<String> {
        let route = self.route.as_ref()?;
        let label = |wanted| route.labels.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str());
        if let Some(name) = label("profilingGroupName") {
            return Some(name.to_owned());
        }
        if let Some((_, name)) = label("resourceArn").and_then(|arn| arn.split_once(":profilingGroup/")) {
            return Some(name.to_owned());
        }
        if !route.operation.members.iter().any(|member| member.name == "profilingGroupName") {
            return None;
        }
        self.json().ok()?.get("profilingGroupName")?.as_str().map(str::to_owned)
    }

    fn meet_fault(&self, world: &World) -> Option<Fault> {
        let (caller, route) = (self.caller.as_ref().ok()?, self.route.as_ref()?);
        let group = self.group();
        world.faults().meet(Target {
            account: &caller.account,
            region: &caller.region,
            operation: route.operation.name,
            group: group.as_deref(),
        })
    }

    fn settings(&self, world: &World) -> Settings {
        let caller = self.caller.as_ref().ok();
        world
            .settings()
            .effective(caller.map(|caller| caller.account.as_str()), caller.map(|caller| caller.region.as_str()))
    }

    /// What the service itself says now.
    fn true_answer(&self, world: &World) -> Answer {
        self.perform(world).unwrap_or_else(|error| Answer::error(&error, self.service, &self.request_id))
    }

    /// The order of the checks is AWS's: an unknown operation is unknown to everyone, and a stranger learns nothing else.
    fn perform(&self, world: &World) -> Result<Answer, ApiError> {
        let route = match (&self.route, self.service) {
            (Some(route), _) => route,
            (None, Service::CodeGuruProfiler) => {
                return Err(UNKNOWN_OPERATION.with("No operation has this method and path"));
            }
            (None, Service::Sts) => {
                self.known_caller()?;
                return Err(INVALID_ACTION.with("Could not find this operation for version 2011-06-15"));
            }
        };
        let caller = self.known_caller()?;
        let operation = route.operation;
        let has_body = operation.members.iter().any(|member| member.location == Location::Body);
        let body = if has_body { self.json()? } else { self.body.clone().map(|_| Map::new())? };
        let input = validate::input(operation, &route.labels, &self.query, &body)?;
        let context = Context { caller, settings: self.settings(world), now: world.clock.now() };
        let region = world.region(&caller.account, &caller.region);
        let output = operations::run(operation.action, input, &region, &context)?;
        Ok(Answer::success(operation.success, output, &self.request_id))
    }

    fn known_caller(&self) -> Result<&Caller, ApiError> {
        let caller = match &self.caller {
            Ok(caller) => caller,
            Err(NoCaller::Unsigned) => return Err(MISSING_TOKEN.with("Missing Authentication Token")),
            Err(NoCaller::Malformed) => {
                return Err(
                    INCOMPLETE_SIGNATURE.with("The Authorization header holds no complete AWS4-HMAC-SHA256 credential")
                );
            }
        };
        let expected = self.service.signing_name();
        if caller.service == expected {
            Ok(caller)
        } else {
            Err(INVALID_SIGNATURE.with(format!("Credential should be scoped to correct service: '{expected}'.")))
        }
    }
}

fn header(parts: &Parts, name: &str) -> Option<String> {
    parts.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}
