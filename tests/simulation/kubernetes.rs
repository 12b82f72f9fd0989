//! The way from one process to the model API server, as the service behind `kube::Client`, with the faults in between.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use http::{
    Method, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Bytes, Frame};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::{
    sync::oneshot,
    time::{sleep, sleep_until},
};
use tower::{BoxError, Service};

use crate::{
    apiserver::{Answer, Request, Watch},
    faults::Fault,
    oracle::Acts,
    process::{Process, STATUS_TIMEOUT},
    world::World,
};

/// The pause that a busy API server requests.
const RETRY_AFTER: Duration = Duration::from_secs(20);
/// What a connection may stay silent for, as in the real client.
const SILENT_AT_MOST: Duration = Duration::from_secs(295);

/// The body of an answer.
type Sent = UnsyncBoxBody<Bytes, BoxError>;

/// One process's way to the API server.
#[derive(Clone)]
pub struct Transport {
    world: World,
    process: Process,
}

impl Transport {
    /// For the client of `process`.
    pub fn new(world: &World, process: &Process) -> Self {
        Self { world: world.clone(), process: process.clone() }
    }
}

impl Service<http::Request<Body>> for Transport {
    type Response = Response<Sent>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Sent>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let this = self.clone();
        async move {
            let metadata_alone = accepts_metadata_alone(&request);
            let request = read(request).await?;
            if !this.process.is_running() {
                return std::future::pending().await;
            }
            let _acts = is_status_write(&request).then(|| Acts::begin(&this.world, &this.process, STATUS_TIMEOUT));
            let breaks = this.sends(&request, metadata_alone);
            let (answered, answer) = oneshot::channel();
            let (network, carried) = (this.clone(), request.clone());
            // The network carries a request on when its sender gives up.
            tokio::spawn(async move {
                if let Some(came) = network.carry(carried, breaks).await {
                    drop(answered.send(came));
                }
            });
            match answer.await {
                Ok(Came::Answer(status, body)) => {
                    let body = if metadata_alone && status < 400 { metadata_of(&body) } else { body };
                    // The metadata of a list's first page has nothing of what is there.
                    if !(metadata_alone && body["items"].is_array()) {
                        this.gets(&request, status, &body);
                    }
                    Ok(respond(status, &body))
                }
                Ok(Came::Watch(watch, lasts)) => Ok(this.stream(request.path, watch, lasts)),
                Ok(Came::Lost) | Err(_) => Err("the connection was reset".into()),
            }
        }
        .boxed()
    }
}

enum Came {
    Answer(u16, Value),
    Watch(Watch, Duration),
    Lost,
}

impl Transport {
    /// The process sends a request. Returns the rule that it breaks if it is carried out.
    fn sends(&self, request: &Request, metadata_alone: bool) -> Option<String> {
        let Request { method, path, body, .. } = request;
        let (_, rest) = path.split_once("/namespaces/")?;
        let parts: Vec<_> = rest.split('/').collect();
        let [namespace, "profilinggroups", name, ..] = parts[..] else { return None };
        if is_status_write(request) {
            let stored = self.world.api().object("profilinggroups", namespace, name).cloned();
            return self.world.oracle().writes_status(&self.process, stored.as_deref(), body);
        }
        if method == Method::GET && !metadata_alone {
            self.world.oracle().reads(&self.process, &format!("{namespace}/{name}"));
        }
        None
    }

    /// The process gets an answer.
    fn gets(&self, request: &Request, status: u16, body: &Value) {
        let mut oracle = self.world.oracle();
        if let Some(items) = body["items"].as_array() {
            oracle.listed(&self.process, &request.path, items);
        } else if let Some(account) = account_in(&request.path) {
            match status {
                404 => oracle.account_is_gone(&self.process, account),
                _ => oracle.answered_with(&self.process, body),
            }
        } else if status == 409 && is_status_write(request) {
            oracle.saw_conflict(&self.process, &request.body);
        } else {
            oracle.answered_with(&self.process, body);
        }
    }

    /// `None` is an answer that never comes.
    async fn carry(&self, request: Request, breaks: Option<String>) -> Option<Came> {
        let world = &self.world;
        sleep(world.between(Duration::from_millis(1), Duration::from_millis(15))).await;
        let meets = |fault| world.faults().meets(fault, world.elapsed());
        let status_write = is_status_write(&request);
        let refused = !self.process.options().elects && world.faults().holds(Fault::PermitsRefused, world.elapsed());
        if (status_write || request.method == Method::PATCH) && refused {
            world.oracle().without_permit(world, &request.path);
        }
        if meets(Fault::KubeUnreachable) {
            return Some(Came::Lost);
        }
        if meets(Fault::KubeSlow) {
            sleep(world.between(Duration::from_secs(1), Duration::from_secs(20))).await;
        }
        if meets(Fault::KubeFails) || (status_write && meets(Fault::StatusWritesFail)) {
            return Some(refusal(500, "InternalError"));
        }
        let lists_a_namespace =
            request.method == Method::GET && request.path.ends_with("/namespaces/b/profilinggroups");
        let forbidden = (status_write && meets(Fault::StatusWritesForbidden))
            || (request.path.contains("/events") && meets(Fault::EventsForbidden))
            || (lists_a_namespace && meets(Fault::NamespaceForbidden));
        if forbidden {
            return Some(refusal(403, "Forbidden"));
        }
        if meets(Fault::KubeThrottles) {
            return Some(busy());
        }
        if status_write && meets(Fault::StatusWritesHang) {
            return std::future::pending().await;
        }
        let lasts = request.query.iter().find(|(name, _)| name == "timeoutSeconds");
        let lasts = Duration::from_secs(lasts.and_then(|(_, seconds)| seconds.parse().ok()).unwrap_or(290));
        let answer = world.api().handle(world.now(), &request);
        world.wake_watches();
        let came = match answer {
            Answer::Object { status, body } => {
                self.judge(&request, status, &body, breaks.as_deref());
                Came::Answer(status, body)
            }
            Answer::Watch(watch) => Came::Watch(watch, lasts),
        };
        sleep(world.between(Duration::from_millis(1), Duration::from_millis(15))).await;
        if matches!(came, Came::Answer(..)) && meets(Fault::KubeAnswersLate) {
            sleep(world.between(Duration::from_secs(1), Duration::from_secs(20))).await;
        }
        let lost = world.chance() < 0.7;
        if request.method != Method::GET && lost && world.faults().meets(Fault::KubeAnswersLost, world.elapsed()) {
            return if world.chance() < 0.5 { Some(Came::Lost) } else { None };
        }
        Some(came)
    }

    /// Traces a request, and lets the oracle see what was stored.
    fn judge(&self, request: &Request, status: u16, body: &Value, breaks: Option<&str>) {
        let name = self.process.name();
        if request.method == Method::GET {
            if let Some(items) = body["items"].as_array() {
                self.world.trace(name, format!("lists {} objects: {status}", items.len()));
            } else {
                self.world.trace(name, format!("GET {}: {status}", request.path));
            }
            return;
        }
        self.world.trace(name, shown(request, status));
        if request.path.contains("/events") {
            self.world.oracle().event(&self.world, &self.process, &request.body);
        } else if status == 404 {
            self.world.oracle().not_found();
        } else if status == 409 {
            self.world.oracle().conflicted();
        } else if (200..300).contains(&status) && request.path.contains("/leases") {
            self.world.oracle().lease_written(&self.world, &self.process, body);
        } else if (200..300).contains(&status) && account_in(&request.path).is_some() {
            self.world.oracle().account_status_written(&self.world, &self.process, body);
        } else if (200..300).contains(&status) && request.path.ends_with("/status") {
            self.world.oracle().status_written(&self.world, &self.process, body, breaks);
        }
    }

    fn stream(&self, path: String, watch: Watch, lasts: Duration) -> Response<Sent> {
        let (world, process) = (self.world.clone(), self.process.clone());
        let ends = tokio::time::Instant::now() + lasts;
        let frames = stream::unfold(Some((watch, Vec::<Value>::new(), Vec::<Value>::new())), move |state| {
            let (world, process, path) = (world.clone(), process.clone(), path.clone());
            async move {
                let (mut watch, mut queued, mut initial) = state?;
                loop {
                    if queued.is_empty() {
                        let written = world.written();
                        queued = world.api().events(&mut watch);
                        queued.reverse();
                        if queued.is_empty() {
                            let silent = world.faults().until(Fault::WatchSilent, world.elapsed());
                            tokio::select! {
                                biased;
                                () = sleep_until(ends) => return None,
                                () = written => {}
                                () = sleep(Duration::from_mins(1)) => {
                                    if silent.is_none() {
                                        queued.extend(world.api().bookmark(&mut watch));
                                    }
                                }
                            }
                            continue;
                        }
                    }
                    let Some(frame) = queued.last().cloned() else { continue };
                    if !pass(&world, &process, &frame).await {
                        return Some((Err(BoxError::from("the watch was cut")), None));
                    }
                    if !world.faults().meets(Fault::WatchDoubled, world.elapsed()) || world.chance() < 0.5 {
                        queued.pop();
                    }
                    process_reads(&world, &process, &frame);
                    if frame["type"] == "ADDED" {
                        initial.push(frame["object"].clone());
                    }
                    if frame["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"] == "true" {
                        world.oracle().listed(&process, &path, &initial);
                    }
                    let line = Bytes::from(format!("{frame}\n"));
                    return Some((Ok(Frame::data(line)), Some((watch, queued, initial))));
                }
            }
        });
        let mut response = Response::new(StreamBody::new(frames.boxed()).boxed_unsync());
        response.headers_mut().insert(CONTENT_TYPE, "application/json".parse().unwrap());
        response
    }
}

fn process_reads(world: &World, process: &Process, frame: &Value) {
    let kind = frame["type"].as_str().unwrap_or_default();
    let object = &frame["object"];
    if kind == "DELETED" {
        world.oracle().saw_deleted(process, object);
    } else if kind != "BOOKMARK" {
        world.oracle().told(process, object);
    }
    if kind != "BOOKMARK" {
        world.trace(process.name(), format!("sees {kind} {}", object["metadata"]["name"].as_str().unwrap_or("")));
    }
}

/// Lets one frame pass after the time that the faults have; false when the watch is cut instead.
async fn pass(world: &World, process: &Process, frame: &Value) -> bool {
    let of_rival = process.name() == "rival" && frame["object"]["kind"] == "ProfilingGroup";
    let silences = [(Fault::WatchSilent, true), (Fault::RivalsWatchSilent, of_rival)];
    for (fault, _) in silences.into_iter().filter(|(_, concerns)| *concerns) {
        let Some(until) = world.faults().until(fault, world.elapsed()) else { continue };
        world.faults().meets(fault, world.elapsed());
        let silent = until.saturating_sub(world.elapsed());
        sleep(silent.min(SILENT_AT_MOST)).await;
        if silent > SILENT_AT_MOST {
            return false;
        }
    }
    let delayed = world.faults().meets(Fault::WatchDelayed, world.elapsed());
    if delayed {
        sleep(world.between(Duration::ZERO, Duration::from_secs(8))).await;
    } else if world.chance() < 0.7 {
        // Else the frame comes together with the one before it.
        sleep(world.between(Duration::from_millis(1), Duration::from_millis(10))).await;
    }
    !(world.chance() < 0.3 && world.faults().meets(Fault::WatchCut, world.elapsed()))
}

/// The ProfilerAccount that this path names.
fn account_in(path: &str) -> Option<&str> {
    path.split_once("/profileraccounts/").map(|(_, name)| name.trim_end_matches("/status"))
}

fn is_status_write(request: &Request) -> bool {
    request.method == Method::PUT && request.path.ends_with("/status")
}

fn accepts_metadata_alone(request: &http::Request<Body>) -> bool {
    let accepts = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepts.contains("as=PartialObjectMetadata")
}

fn metadata_of(body: &Value) -> Value {
    let metadata = &body["metadata"];
    match body["items"].as_array() {
        None => json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata }),
        Some(items) => json!({
            "kind": "PartialObjectMetadataList",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
            "items": items.iter().map(metadata_of).collect::<Vec<_>>(),
        }),
    }
}

async fn read(request: http::Request<Body>) -> Result<Request, BoxError> {
    let (parts, body) = request.into_parts();
    let bytes = body.collect().await?.to_bytes();
    let query = parts.uri.query().unwrap_or_default();
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let query = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(&value.replace('+', " "))))
        .collect();
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Ok(Request {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query,
        content_type: content_type.to_owned(),
        body: if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? },
    })
}

fn respond(status: u16, body: &Value) -> Response<Sent> {
    let body = Full::new(Bytes::from(body.to_string())).map_err(BoxError::from);
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert(CONTENT_TYPE, "application/json".parse().unwrap());
    response
}

fn refusal(status: u16, reason: &str) -> Came {
    Came::Answer(status, failure(status, reason))
}

fn busy() -> Came {
    let mut body = failure(429, "TooManyRequests");
    body["details"] = json!({ "retryAfterSeconds": RETRY_AFTER.as_secs() });
    Came::Answer(429, body)
}

fn failure(status: u16, reason: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "metadata": {},
        "message": "a fault of the simulation", "reason": reason, "code": status,
    })
}

fn shown(request: &Request, status: u16) -> String {
    let Request { method, path, body, .. } = request;
    let what = path.rsplit_once("/namespaces/").map_or(path.as_str(), |(_, rest)| rest);
    if path.contains("/events") {
        return format!("event {} {}: {status}", body["reason"], body["note"]);
    }
    let ready = body["status"]["conditions"].as_array().into_iter().flatten().find(|c| c["type"] == "Ready");
    let ready = ready.map(|c| format!(" Ready={} {}", c["status"], c["reason"])).unwrap_or_default();
    format!("{method} {what}{ready}: {status}")
}
