//! One request, from its bytes to the service's answer: who calls, what is asked, what comes of it. No network and no faults here.

use http::header;
use http::request::Parts;
use hyper::body::Bytes;
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::errors::{
    ApiError, INCOMPLETE_SIGNATURE, INVALID_ACTION, INVALID_SIGNATURE, MISSING_TOKEN, SERIALIZATION, UNKNOWN_OPERATION,
};
use crate::faults::Target;
use crate::identity::{self, Caller, NoCaller};
use crate::journal::Arrival;
use crate::model::{Location, Service};
use crate::moment::Stamp;
use crate::operations::{self, Context};
use crate::route::{self, Route};
use crate::settings::Settings;
use crate::validate;
use crate::world::World;

/// Larger bodies are left out of the journal, which keeps many entries.
const MAX_RECORDED: usize = 16 * 1024;

/// A request as far as it could be understood.
pub struct Call {
    parts: Parts,
    caller: Result<Caller, NoCaller>,
    pub service: Service,
    route: Option<Route>,
    query: Vec<(String, String)>,
    body: Result<Bytes, ApiError>,
    pub request_id: String,
}

impl Call {
    pub fn new(parts: Parts, body: Result<Bytes, ApiError>, request_id: String) -> Self {
        let caller = identity::caller(header(&parts, header::AUTHORIZATION.as_str()).as_deref());
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
        Self { parts, caller, service, route, query, body, request_id }
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

    /// What the journal says of the request when it comes.
    pub fn arrival(&self, started_at: Stamp, fault: bool) -> Arrival {
        let caller = self.caller.as_ref().ok();
        Arrival {
            started_at,
            account: caller.map(|caller| caller.account.clone()),
            region: caller.map(|caller| caller.region.clone()),
            operation: self.route.as_ref().map(|route| route.operation.name),
            group: self.group(),
            method: self.parts.method.to_string(),
            path: self.parts.uri.path().to_owned(),
            query: self.parts.uri.query().map(str::to_owned),
            request_id: self.request_id.clone(),
            user_agent: header(&self.parts, header::USER_AGENT.as_str()),
            request: self.recorded_body(),
            fault,
        }
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

    /// What a fault can meet; only of a request whose caller and operation are known.
    pub fn target(&self) -> Option<Target> {
        let (caller, route) = (self.caller.as_ref().ok()?, self.route.as_ref()?);
        Some(Target {
            account: caller.account.clone(),
            region: caller.region.clone(),
            operation: route.operation.name,
            group: self.group(),
        })
    }

    pub fn settings(&self, world: &World) -> Settings {
        let caller = self.caller.as_ref().ok();
        world
            .settings()
            .effective(caller.map(|caller| caller.account.as_str()), caller.map(|caller| caller.region.as_str()))
    }

    /// What the service itself says now.
    pub fn true_answer(&self, world: &World) -> Answer {
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
        let header = |name: &str| header(&self.parts, name);
        let parts = validate::Parts { labels: &route.labels, query: &self.query, header: &header, body: &body };
        let input = validate::input(operation, parts)?;
        let context = Context { caller, settings: self.settings(world), now: world.clock.now(), ids: &world.ids };
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
