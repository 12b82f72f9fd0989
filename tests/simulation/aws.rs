//! AWS: the emulator's core in process, and the service trait that the operator calls, with the faults in between.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::resume_unwind,
    sync::Arc,
    time::Duration,
};

use codeguru_profiler_emulator::Offline;
use codeguru_profiler_operator::{
    api::{AggregatedProfile, ProfilingStatus, Timestamp},
    aws::{
        error::{AwsError, Effect, Operation, ResponseDetails},
        service::{Page, ProfilerService},
    },
    controller::settings::CALL_SLACK,
    domain::{
        arns::Arns,
        facet::{NewGroup, Tags},
        failure::FailureReason,
        lane_id::LaneId,
        notifications::Channels,
        observation::Observation,
        permissions::Policy,
    },
};
use futures::{FutureExt, future::BoxFuture};
use http::Request;
use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout},
};

use crate::{
    details::{self, Detail},
    faults::Fault,
    oracle::Acts,
    process::Process,
    schedule::REGIONS,
    world::{World, time_at},
};

/// The account of the operator's credentials.
pub const ACCOUNT: &str = "111122223333";
/// The account that they are of while `Fault::OtherAccount` holds.
pub const OTHER_ACCOUNT: &str = "999988887777";
/// The account that the roles of all ProfilerAccounts belong to.
pub const ROLES_ACCOUNT: &str = "444455556666";
/// How long an AWS call may take, as `--aws-timeout` has it.
pub const AWS_TIMEOUT: Duration = Duration::from_secs(10);

/// The way of a lane to its groups.
#[derive(Clone, Debug)]
pub struct Route {
    /// The lane, as the operator names it.
    pub lane: String,
    /// Where its groups are: a region, or one of another account, as `region@account`.
    pub place: String,
}

impl Route {
    /// That of a lane.
    pub fn of(lane: &LaneId) -> Self {
        let place = match lane.role() {
            Some(role) => format!("{}@{}", lane.region(), role.aws_account),
            None => lane.region().to_owned(),
        };
        Self { lane: lane.to_string(), place }
    }

    /// That of the operator's own identity.
    pub fn own(region: String) -> Self {
        Self { lane: region.clone(), place: region }
    }

    fn region(&self) -> &str {
        region_and_account(&self.place).0
    }

    /// The AWS account, if it is a role's.
    fn account(&self) -> Option<&str> {
        region_and_account(&self.place).1
    }
}

fn region_and_account(place: &str) -> (&str, Option<&str>) {
    place.split_once('@').map_or((place, None), |(region, account)| (region, Some(account)))
}

/// Of the admin port.
fn path(place: &str, name: &str) -> String {
    let (region, account) = region_and_account(place);
    format!("/groups/{}/{region}/{name}", account.unwrap_or(ACCOUNT))
}

/// The accounts of AWS.
pub struct Aws {
    emulator: Offline,
}

impl Aws {
    /// No groups; the time of day is the true one.
    pub fn new(began: Instant, seed: u64) -> Self {
        let time = move || (time_at(began.elapsed()), began.elapsed());
        Self { emulator: Offline::simulated(Vec::new(), time, seed) }
    }

    /// A request to the admin port.
    pub fn admin(&self, method: &str, target: &str, body: &Value) -> Option<Value> {
        let request = Request::builder().method(method).uri(target).body(bytes(body)).unwrap();
        let answer = self.emulator.admin(request);
        answer.status().is_success().then(|| serde_json::from_slice(answer.body()).unwrap_or_default())
    }

    /// Makes a group, or changes one, as somebody else would.
    pub fn put(&self, place: &str, name: &str, group: &Value) {
        self.admin("PUT", &path(place, name), group).unwrap();
    }

    /// The tags; `None` without the group.
    pub fn tags(&self, place: &str, name: &str) -> Option<Tags> {
        let group = self.admin("GET", &path(place, name), &Value::Null)?;
        Some(serde_json::from_value(group["tags"].clone()).unwrap_or_default())
    }

    /// The principals and the topics; `None` without the group.
    pub fn details(&self, place: &str, name: &str) -> Option<[Arns; 2]> {
        let group = self.admin("GET", &path(place, name), &Value::Null)?;
        Some(["principals", "topics"].map(|member| serde_json::from_value(group[member].clone()).unwrap()))
    }

    /// Whether profiling is on; `None` without the group.
    pub fn enabled(&self, place: &str, name: &str) -> Option<bool> {
        let group = self.admin("GET", &path(place, name), &Value::Null)?;
        group["agentOrchestrationConfig"]["profilingEnabled"].as_bool()
    }

    /// Deletes a group as somebody else would.
    pub fn delete(&self, place: &str, name: &str) {
        self.admin("DELETE", &path(place, name), &Value::Null);
    }

    async fn answer(&self, account: &str, region: &str, call: &Call) -> Option<(u16, Value)> {
        let (service, method, target, body) = match call {
            Call::List(token) => {
                let next = token.as_ref().map(|token| format!("&nextToken={token}")).unwrap_or_default();
                let target = format!("/profilingGroups?includeDescription=true&maxResults=1000{next}");
                ("codeguru-profiler", "GET", target, Bytes::new())
            }
            Call::Describe(name) => ("codeguru-profiler", "GET", format!("/profilingGroups/{name}"), Bytes::new()),
            Call::Update(name, to) => {
                let body = bytes(&json!({ "agentOrchestrationConfig": { "profilingEnabled": to } }));
                ("codeguru-profiler", "PUT", format!("/profilingGroups/{name}"), body)
            }
            Call::Create(name, group) => {
                let target = format!("/profilingGroups?clientToken={}", group.token);
                let mut body = json!({
                    "profilingGroupName": name,
                    "agentOrchestrationConfig": { "profilingEnabled": group.profiling_enabled },
                });
                if let Some(platform) = group.platform {
                    body["computePlatform"] = platform.as_str().into();
                }
                if let Some(tags) = &group.tags {
                    body["tags"] = json!(tags);
                }
                ("codeguru-profiler", "POST", target, bytes(&body))
            }
            Call::Delete(name) => ("codeguru-profiler", "DELETE", format!("/profilingGroups/{name}"), Bytes::new()),
            Call::ListTags(name) => ("codeguru-profiler", "GET", tags_path(account, region, name), Bytes::new()),
            Call::Tag(name, tags) => {
                ("codeguru-profiler", "POST", tags_path(account, region, name), bytes(&json!({ "tags": tags })))
            }
            Call::Untag(name, keys) => {
                let keys: Vec<_> = keys.iter().map(|key| format!("tagKeys={key}")).collect();
                let target = format!("{}?{}", tags_path(account, region, name), keys.join("&"));
                ("codeguru-profiler", "DELETE", target, Bytes::new())
            }
            Call::Detail(name, detail) => {
                let (method, target, body) = detail.request(name);
                ("codeguru-profiler", method, target, bytes(&body))
            }
            Call::Account => return Some((200, json!({ "account": account }))),
        };
        let scope = format!("20260101/{region}/{service}/aws4_request");
        let claim = format!("AWS4-HMAC-SHA256 Credential=AKIA{account}/{scope}, SignedHeaders=host, Signature=0");
        let request = Request::builder().method(method).uri(target).header("authorization", claim).body(body).unwrap();
        let answer = self.emulator.answer(request).await?;
        let mut body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        if let Some(code) = answer.headers().get("x-amzn-errortype").and_then(|code| code.to_str().ok()) {
            body["__type"] = code.into();
        }
        Some((answer.status().as_u16(), body))
    }
}

fn tags_path(account: &str, region: &str, name: &str) -> String {
    let arn = format!("arn:aws:codeguru-profiler:{region}:{account}:profilingGroup/{name}");
    format!("/tags/{}", arn.replace(':', "%3A").replace('/', "%2F"))
}

fn bytes(value: &Value) -> Bytes {
    if value.is_null() { Bytes::new() } else { Bytes::from(value.to_string()) }
}

/// One call of the operator.
#[derive(Clone, Debug)]
pub enum Call {
    /// A page of a List, after this token.
    List(Option<String>),
    /// A Describe of this group.
    Describe(String),
    /// An Update of this group to this value.
    Update(String, bool),
    /// This group is created.
    Create(String, NewGroup),
    /// This group is deleted.
    Delete(String),
    /// The tags of this group.
    ListTags(String),
    /// These tags are set on this group.
    Tag(String, Tags),
    /// The tags with these keys are removed from this group.
    Untag(String, BTreeSet<String>),
    /// Something that no List has, of this group.
    Detail(String, Detail),
    /// The account of the credentials.
    Account,
}

impl Call {
    fn operation(&self) -> Operation {
        match self {
            Self::List(_) => Operation::List,
            Self::Describe(_) => Operation::Describe,
            Self::Update(..) => Operation::Update,
            Self::Create(..) => Operation::Create,
            Self::Delete(_) => Operation::Delete,
            Self::ListTags(_) => Operation::ListTags,
            Self::Tag(..) => Operation::Tag,
            Self::Untag(..) => Operation::Untag,
            Self::Detail(_, detail) => detail.operation(),
            Self::Account => Operation::GetCallerIdentity,
        }
    }

    fn group(&self) -> Option<&str> {
        match self {
            Self::Describe(name)
            | Self::Update(name, _)
            | Self::Create(name, _)
            | Self::Delete(name)
            | Self::ListTags(name)
            | Self::Tag(name, _)
            | Self::Untag(name, _)
            | Self::Detail(name, _) => Some(name),
            Self::List(_) | Self::Account => None,
        }
    }

    fn mutates(&self) -> bool {
        match self {
            Self::Create(..) | Self::Delete(_) | Self::Update(..) | Self::Tag(..) | Self::Untag(..) => true,
            Self::Detail(_, detail) => detail.mutates(),
            Self::List(_) | Self::Describe(_) | Self::ListTags(_) | Self::Account => false,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Update(name, to) => format!("Update {name} to {to}"),
            Self::Describe(name) => format!("Describe {name}"),
            Self::List(_) => "List".into(),
            Self::Create(name, group) => format!("Create {name} with {group:?}"),
            Self::Delete(name) => format!("Delete {name}"),
            Self::ListTags(name) => format!("ListTags {name}"),
            Self::Tag(name, tags) => format!("Tag {name} with {tags:?}"),
            Self::Untag(name, keys) => format!("Untag {name}: {keys:?}"),
            Self::Detail(name, detail) => format!("{} {name}: {detail:?}", detail.operation()),
            Self::Account => "GetCallerIdentity".into(),
        }
    }
}

/// Stands for STS's refusal of a role.
const ROLE_REFUSED: &str = "AssumeRole";

/// What came of a call on its way.
pub enum Came {
    /// What AWS has answered.
    Answer(u16, Value),
    /// Refused before AWS acted.
    Refused(u16, &'static str),
    /// Lost on the way back.
    Lost,
}

/// The client of one lane of one process.
pub struct Service {
    world: World,
    process: Process,
    route: Route,
}

impl Service {
    /// A client for a lane.
    pub fn connect(world: &World, process: &Process, route: Route) -> Arc<dyn ProfilerService> {
        Arc::new(Self { world: world.clone(), process: process.clone(), route })
    }

    async fn call(&self, call: Call) -> Result<Value, AwsError> {
        let (operation, group) = (call.operation(), call.group().map(str::to_owned));
        let fail = |reason, effect| AwsError::new(operation, self.route.region(), group.as_deref(), reason, effect);
        match timeout(AWS_TIMEOUT, self.process.send(&self.world, &self.route, call)).await {
            Err(_) => Err(fail(FailureReason::TimedOut, Effect::Unclear)),
            Ok(None | Some(Came::Lost)) => Err(fail(FailureReason::Unreachable, Effect::Unclear)),
            Ok(Some(Came::Refused(status, code))) => Err(refused(fail, status, code)),
            Ok(Some(Came::Answer(status, body))) if (200..300).contains(&status) => Ok(body),
            Ok(Some(Came::Answer(status, body))) => {
                let code = body["__type"].as_str().or_else(|| body["code"].as_str()).unwrap_or_default().to_owned();
                let code = if code.is_empty() && status == 404 { "ResourceNotFoundException" } else { &code };
                Err(refused(fail, status, code))
            }
        }
    }
}

impl Process {
    /// Sends a call; `None` when nothing answers and the connection is gone.
    pub async fn send(&self, world: &World, route: &Route, call: Call) -> Option<Came> {
        if !self.is_running() {
            std::future::pending::<()>().await;
        }
        if world.faults().meets(Fault::AwsPanics, world.elapsed()) {
            // As a panic, but without the message of each in the test's output.
            resume_unwind(Box::new("a panic in the AWS client"));
        }
        world.oracle().called(world, self, route, &call_of(&call));
        let _acts = call.mutates().then(|| Acts::begin(world, self, AWS_TIMEOUT + CALL_SLACK));
        world.trace(self.name(), format!("{} in {}", call.shown(), route.lane));
        let sent = world.elapsed();
        let mut doubt = matches!(call, Call::Update(..)).then(|| Doubt {
            process: self,
            place: &route.place,
            call: &call,
            settled: false,
        });
        let (answered, answer) = oneshot::channel();
        let (network, from, to, carried) = (world.clone(), self.clone(), route.clone(), call.clone());
        // The network carries a request on when its sender gives up.
        tokio::spawn(async move {
            if let Some(came) = carry(&network, &from, &to, &carried).await {
                drop(answered.send(came));
            }
        });
        let came = answer.await.ok()?;
        let settles = matches!(came, Came::Answer(..500, _) | Came::Refused(..500, _));
        if let Some(doubt) = &mut doubt {
            doubt.settled = settles;
        }
        if let Came::Answer(status, body) = &came {
            world.oracle().answered(self, route, &call_of(&call), *status, sent);
            if (200..300).contains(status) {
                world.oracle().got(self, &route.place, &call_of(&call), body, sent);
            }
        }
        Some(came)
    }
}

/// An Update under way. Unless the answer settles it, it is not known whether AWS has done it.
struct Doubt<'a> {
    process: &'a Process,
    place: &'a str,
    call: &'a Call,
    settled: bool,
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if let (false, Some(group)) = (self.settled, self.call.group()) {
            self.process.world().oracle().in_doubt(self.process, self.place, group);
        }
    }
}

/// What the oracle sees of a call.
pub enum Seen<'a> {
    /// A page of a List.
    List,
    /// A Describe of this group.
    Describe(&'a str),
    /// An Update of this group to this value.
    Update(&'a str, bool),
    /// This group is created under this token.
    Create(&'a str, &'a NewGroup),
    /// This group is deleted.
    Delete(&'a str),
    /// The tags of this group.
    ListTags(&'a str),
    /// A change of this group's tags: the keys, with the value that each is to have.
    Tags(&'a str, BTreeMap<&'a str, Option<&'a str>>),
    /// Something that no List has, of this group.
    Detail(&'a str, &'a Detail),
    /// A question for the account.
    Account,
}

impl Seen<'_> {
    /// Whether it changes a group.
    pub fn mutates(&self) -> bool {
        match self {
            Self::Update(..) | Self::Create(..) | Self::Delete(_) | Self::Tags(..) => true,
            Self::Detail(_, detail) => detail.mutates(),
            Self::List | Self::Describe(_) | Self::ListTags(_) | Self::Account => false,
        }
    }
}

fn call_of(call: &Call) -> Seen<'_> {
    match call {
        Call::List(_) => Seen::List,
        Call::Describe(name) => Seen::Describe(name),
        Call::Update(name, to) => Seen::Update(name, *to),
        Call::Create(name, group) => Seen::Create(name, group),
        Call::Delete(name) => Seen::Delete(name),
        Call::ListTags(name) => Seen::ListTags(name),
        Call::Tag(name, tags) => Seen::Tags(name, tags.iter().map(|(key, value)| (&**key, Some(&**value))).collect()),
        Call::Untag(name, keys) => Seen::Tags(name, keys.iter().map(|key| (&**key, None)).collect()),
        Call::Detail(name, detail) => Seen::Detail(name, detail),
        Call::Account => Seen::Account,
    }
}

async fn carry(world: &World, from: &Process, route: &Route, call: &Call) -> Option<Came> {
    let sent = world.elapsed();
    let latency = world.between(Duration::from_millis(5), Duration::from_millis(80));
    sleep(latency).await;
    let meets = |fault| world.faults().meets(fault, world.elapsed());
    if meets(Fault::AwsHangs) || route.region() != REGIONS[0] && meets(Fault::OtherRegionsHang) {
        return std::future::pending().await;
    }
    if meets(Fault::AwsSlow) {
        sleep(world.between(Duration::from_secs(1), Duration::from_secs(14))).await;
    }
    if meets(Fault::CredentialsExpired) {
        return Some(Came::Refused(403, "ExpiredTokenException"));
    }
    if route.account().is_some() && meets(Fault::RolesRefused) {
        return Some(Came::Refused(403, ROLE_REFUSED));
    }
    let profiler = !matches!(call, Call::Account);
    if profiler && meets(Fault::AwsThrottles) {
        return Some(Came::Refused(429, "ThrottlingException"));
    }
    if profiler && meets(Fault::AwsFails) {
        return Some(Came::Refused(500, "InternalServerException"));
    }
    if matches!(call, Call::List(_)) && meets(Fault::ListDenied) {
        return Some(Came::Refused(403, "AccessDeniedException"));
    }
    if call.mutates() && meets(Fault::UpdatesFail) {
        return Some(Came::Refused(500, "InternalServerException"));
    }
    if call.mutates() && meets(Fault::UpdateDenied) {
        return Some(Came::Refused(403, "AccessDeniedException"));
    }
    let elsewhere = world.faults().met_at(Fault::OtherAccount, from.started(), world.elapsed());
    let account = route.account().unwrap_or(if elsewhere { OTHER_ACCOUNT } else { ACCOUNT });
    if let Call::Update(name, to) = call {
        world.oracle().mutated(from, sent, account, &route.place, name, *to);
    }
    let answer = world.aws().answer(account, route.region(), call).await;
    let reads = !call.mutates() && !matches!(call, Call::Account);
    if reads && meets(Fault::AwsReadsLate) {
        sleep(world.between(Duration::from_millis(100), Duration::from_secs(9))).await;
    }
    sleep(latency).await;
    if world.chance() < 0.7 && world.faults().meets(Fault::AwsAnswersLost, world.elapsed()) {
        return Some(Came::Lost);
    }
    let (status, body) = answer?;
    Some(Came::Answer(status, body))
}

fn refused(fail: impl Fn(FailureReason, Effect) -> AwsError, status: u16, code: &str) -> AwsError {
    let (reason, effect) = match code {
        "ThrottlingException" => (FailureReason::Throttled, Effect::Refused),
        ROLE_REFUSED => (FailureReason::AccountNotReady, Effect::Refused),
        "ExpiredTokenException" => (FailureReason::CredentialsExpired, Effect::Refused),
        "AccessDeniedException" => (FailureReason::AccessDenied, Effect::Refused),
        "ResourceNotFoundException" => (FailureReason::GroupNotFound, Effect::Refused),
        "ConflictException" => (FailureReason::Conflict, Effect::Refused),
        "ValidationException" => (FailureReason::InvalidRequest, Effect::Refused),
        "ServiceQuotaExceededException" => (FailureReason::QuotaExceeded, Effect::Refused),
        _ => (FailureReason::ServiceUnavailable, Effect::Unclear),
    };
    let answer = ResponseDetails { http_status: status, code: Some(code.to_owned()), ..ResponseDetails::default() };
    AwsError { answer: Some(Box::new(answer)), ..fail(reason, effect) }
}

impl ProfilerService for Service {
    fn list_page(&self, next_token: Option<String>) -> BoxFuture<'_, Result<Page, AwsError>> {
        async move {
            let body = self.call(Call::List(next_token)).await?;
            let mut groups: Vec<_> = body["profilingGroups"].as_array().into_iter().flatten().map(observe).collect();
            let named = body["profilingGroupNames"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let bare: Vec<_> = named.filter(|name| !groups.iter().any(|group| group.name == *name)).collect();
            groups.extend(bare.into_iter().map(|name| Observation { name: name.into(), ..Observation::default() }));
            Ok(Page { groups, next_token: body["nextToken"].as_str().map(str::to_owned) })
        }
        .boxed()
    }

    fn describe(&self, name: &str) -> BoxFuture<'_, Result<Observation, AwsError>> {
        let call = Call::Describe(name.into());
        async move { self.call(call).await.map(|body| observe(&body)) }.boxed()
    }

    fn update(&self, name: &str, profiling_enabled: bool) -> BoxFuture<'_, Result<Observation, AwsError>> {
        let call = Call::Update(name.into(), profiling_enabled);
        async move { self.call(call).await.map(|body| observe(&body)) }.boxed()
    }

    fn create<'a>(&'a self, name: &'a str, group: &'a NewGroup) -> BoxFuture<'a, Result<Observation, AwsError>> {
        let call = Call::Create(name.into(), group.clone());
        async move { self.call(call).await.map(|body| observe(&body)) }.boxed()
    }

    fn delete<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), AwsError>> {
        let call = Call::Delete(name.into());
        async move { self.call(call).await.map(drop) }.boxed()
    }

    fn list_tags<'a>(&'a self, name: &'a str, _: &'a str) -> BoxFuture<'a, Result<Tags, AwsError>> {
        let call = Call::ListTags(name.into());
        async move { self.call(call).await.map(|body| serde_json::from_value(body["tags"].clone()).unwrap_or_default()) }
            .boxed()
    }

    fn tag<'a>(&'a self, name: &'a str, _: &'a str, tags: &'a Tags) -> BoxFuture<'a, Result<(), AwsError>> {
        let call = Call::Tag(name.into(), tags.clone());
        async move { self.call(call).await.map(drop) }.boxed()
    }

    fn untag<'a>(
        &'a self,
        name: &'a str,
        _: &'a str,
        keys: &'a BTreeSet<String>,
    ) -> BoxFuture<'a, Result<(), AwsError>> {
        let call = Call::Untag(name.into(), keys.clone());
        async move { self.call(call).await.map(drop) }.boxed()
    }

    fn policy<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Policy, AwsError>> {
        async move { self.call(Call::Detail(name.into(), Detail::Policy)).await.map(|body| details::policy(&body)) }
            .boxed()
    }

    fn put_permission<'a>(
        &'a self,
        name: &'a str,
        principals: &'a Arns,
        revision: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Policy, AwsError>> {
        let call = Call::Detail(name.into(), Detail::Put(principals.clone(), revision.map(str::to_owned)));
        async move { self.call(call).await.map(|body| details::policy(&body)) }.boxed()
    }

    fn remove_permission<'a>(&'a self, name: &'a str, revision: &'a str) -> BoxFuture<'a, Result<Policy, AwsError>> {
        let call = Call::Detail(name.into(), Detail::RemovePermission(revision.into()));
        async move { self.call(call).await.map(|body| details::policy(&body)) }.boxed()
    }

    fn channels<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Channels, AwsError>> {
        let call = Call::Detail(name.into(), Detail::Channels);
        async move { self.call(call).await.map(|body| details::channels(&body)) }.boxed()
    }

    fn add_channels<'a>(&'a self, name: &'a str, topics: &'a Arns) -> BoxFuture<'a, Result<Channels, AwsError>> {
        let call = Call::Detail(name.into(), Detail::Add(topics.clone()));
        async move { self.call(call).await.map(|body| details::channels(&body)) }.boxed()
    }

    fn remove_channel<'a>(&'a self, name: &'a str, id: &'a str) -> BoxFuture<'a, Result<Channels, AwsError>> {
        let call = Call::Detail(name.into(), Detail::RemoveChannel(id.into()));
        async move { self.call(call).await.map(|body| details::channels(&body)) }.boxed()
    }

    fn account(&self) -> BoxFuture<'_, Result<String, AwsError>> {
        async move { self.call(Call::Account).await.map(|body| body["account"].as_str().unwrap_or_default().into()) }
            .boxed()
    }
}

fn observe(group: &Value) -> Observation {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let time = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let status = &group["profilingStatus"];
    let aggregated = &status["latestAggregatedProfile"];
    Observation {
        name: text(&group["name"]).unwrap_or_default(),
        arn: text(&group["arn"]),
        compute_platform: text(&group["computePlatform"]),
        created_at: time(&group["createdAt"]),
        updated_at: time(&group["updatedAt"]),
        profiling_enabled: group["agentOrchestrationConfig"]["profilingEnabled"].as_bool(),
        profiling_status: status.is_object().then(|| ProfilingStatus {
            latest_agent_orchestrated_at: time(&status["latestAgentOrchestratedAt"]),
            latest_agent_profile_reported_at: time(&status["latestAgentProfileReportedAt"]),
            latest_aggregated_profile: aggregated
                .is_object()
                .then(|| AggregatedProfile { start: time(&aggregated["start"]), period: text(&aggregated["period"]) }),
        }),
        tags: serde_json::from_value(group["tags"].clone()).ok(),
    }
}
