//! One request, from its bytes to the service's answer: who calls, what is requested, what comes of it. No network and no faults here.

use http::header;
use http::request::Parts;
use hyper::body::Bytes;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::errors::{ApiError, Common, INVALID_ACTION, UNKNOWN_OPERATION};
use crate::faults::Target;
use crate::form;
use crate::identity::{Caller, Claim, NoClaim, Role, Untrue, Verdict};
use crate::journal::Arrival;
use crate::model::{Location, Operation};
use crate::moment::Stamp;
use crate::operations::{self, Context};
use crate::route::{self, Route};
use crate::service::Service;
use crate::settings::Settings;
use crate::state::arn_of_group;
use crate::validate;
use crate::world::World;

/// Larger bodies are left out of the journal, which keeps many entries.
const MAX_RECORDED: usize = 16 * 1024;

/// A request as far as it could be understood.
pub struct Call {
    parts: Parts,
    claim: Result<Claim, NoClaim>,
    /// Whom the request is from if its claim is true; none when it has none.
    caller: Option<Caller>,
    pub service: Service,
    route: Option<Route>,
    query: Vec<(String, String)>,
    /// The body as STS reads it; empty for the other service.
    form: Vec<(String, String)>,
    body: Result<Bytes, ApiError>,
    pub request_id: String,
}

impl Call {
    pub fn new(world: &World, parts: Parts, body: Result<Bytes, ApiError>) -> Self {
        let claim = Claim::read(header(&parts, header::AUTHORIZATION.as_str()).as_deref());
        let for_sts = match &claim {
            Ok(claim) => claim.service == Service::Sts.signing_name(),
            Err(_) => parts.uri.path() == "/",
        };
        let query = route::pairs(parts.uri.query().unwrap_or_default());
        let mut form = Vec::new();
        let (service, route) = if for_sts {
            form = body.as_ref().map(|bytes| route::pairs(&String::from_utf8_lossy(bytes))).unwrap_or_default();
            (Service::Sts, value(&form, "Action").and_then(route::by_action))
        } else {
            (Service::CodeGuruProfiler, route::by_path(parts.method.as_str(), parts.uri.path()))
        };
        let caller = match (&claim, &route) {
            (Ok(claim), _) => Some(world.keys().caller(claim)),
            (Err(_), Some(route)) if !route.operation.signed => of_role(&form),
            (Err(_), _) => None,
        };
        Self { parts, claim, caller, service, route, query, form, body, request_id: world.ids.uuid() }
    }

    /// The members in the body: a JSON object, or a form for STS. None when there is no body.
    fn members(&self, operation: &Operation) -> Result<Map<String, Value>, ApiError> {
        let bytes = self.body.as_ref().map_err(ApiError::clone)?;
        if self.service == Service::Sts {
            return Ok(form::members(operation.members, &self.form));
        }
        let has_members = operation.members.iter().any(|member| member.location == Location::Body);
        if bytes.is_empty() || !has_members {
            return Ok(Map::new());
        }
        serde_json::from_slice(bytes).map_err(|error| {
            Common::Unreadable.of(self.service).with(format!("The body is not a JSON object: {error}"))
        })
    }

    /// What the journal has of the request when it comes.
    pub fn arrival(&self, started_at: Stamp, fault: bool) -> Arrival {
        let caller = self.caller.as_ref();
        Arrival {
            started_at,
            account: caller.map(|caller| caller.account.clone()),
            access_key: self.claim.as_ref().ok().map(|claim| claim.access_key.clone()),
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

    /// On one line, whatever the client sent.
    fn recorded_body(&self) -> Option<Box<RawValue>> {
        let bytes = self.body.as_ref().ok().filter(|bytes| bytes.len() <= MAX_RECORDED)?;
        let json: Value = serde_json::from_slice(bytes).ok()?;
        to_raw_value(&json).ok()
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
        self.members(route.operation).ok()?.get("profilingGroupName")?.as_str().map(str::to_owned)
    }

    /// What a fault can meet; only of a request whose caller and operation are known.
    pub fn target(&self) -> Option<Target> {
        let (caller, route) = (self.caller.as_ref()?, self.route.as_ref()?);
        Some(Target {
            account: caller.account.clone(),
            region: caller.region.clone(),
            operation: route.operation.name,
            group: self.group(),
        })
    }

    pub fn settings(&self, world: &World) -> Settings {
        let caller = self.caller.as_ref();
        world
            .settings()
            .effective(caller.map(|caller| caller.account.as_str()), caller.map(|caller| caller.region.as_str()))
    }

    /// What the service itself returns now.
    pub fn true_answer(&self, world: &World) -> Answer {
        self.perform(world).unwrap_or_else(|error| Answer::error(&error, self.service, &self.request_id))
    }

    /// The order of the checks is AWS's: an unknown operation is unknown to everyone, and a stranger learns nothing else.
    fn perform(&self, world: &World) -> Result<Answer, ApiError> {
        let Some(route) = &self.route else {
            return Err(match self.service {
                Service::CodeGuruProfiler => UNKNOWN_OPERATION.with("No operation has this method and path"),
                Service::Sts => {
                    self.authenticate(world)?;
                    INVALID_ACTION.with("Could not find this operation for version 2011-06-15")
                }
            });
        };
        let operation = route.operation;
        if operation.signed {
            self.authenticate(world)?;
        }
        self.admit(world, operation)?;
        let members = self.members(operation)?;
        let header = |name: &str| header(&self.parts, name);
        let parts = validate::Parts { labels: &route.labels, query: &self.query, header: &header, body: &members };
        let Some(caller) = &self.caller else {
            // Only of an unsigned request that names no role, which the table requires.
            return Err(validate::input(operation, parts).err().unwrap_or_else(|| self.no_token()));
        };
        self.authorize(world, caller, operation)?;
        let input = validate::input(operation, parts)?;
        let context = Context { caller, settings: self.settings(world), now: world.clock.now(), world };
        let region = world.region(&caller.account, &caller.region);
        let output = operations::run(operation.action, input, &region, &context)?;
        Ok(Answer::success(operation.success, output, &self.request_id))
    }

    /// Whether the request is from whom it claims to be from.
    fn authenticate(&self, world: &World) -> Result<(), ApiError> {
        let claim = self.claim.as_ref().map_err(|none| match none {
            NoClaim::Unsigned => self.no_token(),
            NoClaim::Malformed => Common::IncompleteSignature
                .of(self.service)
                .with("The Authorization header contains no complete AWS4-HMAC-SHA256 credential"),
        })?;
        let expected = self.service.signing_name();
        if claim.service != expected {
            let message = format!("Credential should be scoped to correct service: '{expected}'.");
            return Err(Common::InvalidSignature.of(self.service).with(message));
        }
        let body = self.body.as_ref().map_err(ApiError::clone)?;
        world.keys().verify(claim, &self.parts, body, world.clock.now().stamp).map_err(|untrue| {
            let common = match &untrue {
                Untrue::UnknownKey => Common::UnknownClient,
                Untrue::Expired => Common::ExpiredToken,
                Untrue::Incomplete(_) => Common::IncompleteSignature,
                Untrue::OtherSignature | Untrue::SignedLongAgo { .. } | Untrue::SignedInTheFuture { .. } => {
                    Common::InvalidSignature
                }
            };
            common.of(self.service).with(untrue.to_string())
        })
    }

    /// Whether the limits let one more request pass.
    fn admit(&self, world: &World, operation: &Operation) -> Result<(), ApiError> {
        let Some(caller) = &self.caller else { return Ok(()) };
        let tick = world.clock.now().tick;
        if world.limits().admit(&caller.account, &caller.region, operation.name, tick) {
            return Ok(());
        }
        let mut throttled = Common::Throttling.of(self.service).with("Rate exceeded");
        if self.service == Service::CodeGuruProfiler {
            throttled.status = self.settings(world).throttling_status.into();
        }
        Err(throttled)
    }

    fn no_token(&self) -> ApiError {
        Common::MissingToken.of(self.service).with("Missing Authentication Token")
    }

    /// Whether the rules of the caller's account let it do this. Everyone may request their own identity.
    fn authorize(&self, world: &World, caller: &Caller, operation: &Operation) -> Result<(), ApiError> {
        let names_one = operation.members.iter().any(|member| member.location == Location::Path);
        let resource = match self.service {
            Service::CodeGuruProfiler if names_one => {
                arn_of_group(&caller.account, &caller.region, &self.group().unwrap_or_default())
            }
            // Create and the Lists are not for single groups.
            Service::CodeGuruProfiler => "*".to_owned(),
            Service::Sts => match value(&self.form, "RoleArn") {
                Some(role) if operation.signed => role.to_owned(),
                _ => return Ok(()),
            },
        };
        let action = format!("{}:{}", self.service.signing_name(), operation.name);
        let because = match world.rules().judge(&caller.account, &caller.arn, &action, &resource) {
            Verdict::Allowed => return Ok(()),
            Verdict::NotAllowed => format!("because no identity-based policy allows the {action} action"),
            Verdict::Denied => "with an explicit deny in an identity-based policy".to_owned(),
        };
        let message =
            format!("User: {} is not authorized to perform: {action} on resource: {resource} {because}", caller.arn);
        Err(Common::AccessDenied.of(self.service).with(message))
    }
}

/// Whom a request is for that needs no signature: the role that it requests.
fn of_role(form: &[(String, String)]) -> Option<Caller> {
    let role = Role::of_arn(value(form, "RoleArn")?)?;
    // Nothing in the request names a region.
    Some(Caller { account: role.account, region: "aws-global".to_owned(), arn: role.arn, user_id: String::new() })
}

fn value<'a>(form: &'a [(String, String)], wanted: &str) -> Option<&'a str> {
    form.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
}

fn header(parts: &Parts, name: &str) -> Option<String> {
    parts.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}
