//! The service port: one request from its arrival to its answer, with the faults that meet it. What it means is in `call`.

use std::error::Error;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{self, Bytes};
use tokio::time::sleep;

use super::{Reset, request};
use crate::answer::{Answer, Body};
use crate::call::Call;
use crate::errors::{ApiError, INTERNAL_SERVER, THROTTLING, status_of};
use crate::faults::{Effect, Fault};
use crate::world::World;

pub async fn answer<B>(world: Arc<World>, request: Request<B>) -> Result<Response<Body>, Reset>
where
    B: body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (call, fault, record) = arrive(&world, request).await;
    let (service, request_id) = (call.service, call.request_id.clone());
    // On a task of its own: what a client requested happens even when the client doesn't wait for it.
    let ending = tokio::spawn(carry_out(world, call, fault)).await.unwrap_or_else(|error| {
        tracing::error!(%error, %request_id, "a request failed in the emulator");
        let error = INTERNAL_SERVER.with("The emulator failed; see its log");
        Ending::Answer(Answer::error(&error, service, &request_id))
    });
    record.end(ending).await
}

/// The same for a caller in this process, on the caller's task: what it does not wait for does not happen.
pub async fn answer_here(world: Arc<World>, request: Request<Bytes>) -> Result<Response<Body>, Reset> {
    let (call, fault, record) = arrive(&world, request.map(Full::new)).await;
    record.end(carry_out(world, call, fault).await).await
}

/// Reads a request, chooses the fault that meets it, and writes it down.
async fn arrive<B>(world: &Arc<World>, request: Request<B>) -> (Call, Option<Fault>, Record)
where
    B: body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let arrived = world.clock.now();
    let (parts, body) = request.into_parts();
    let body = request::read(body).await;
    let call = Call::new(world, parts, body);
    let fault = call.target().and_then(|target| world.faults().meet(&target));
    let by_fault = fault.as_ref().is_some_and(|fault| fault.effect != Effect::Delay);
    let seq = world.journal().begin(call.arrival(arrived.stamp, by_fault));
    let request_id = call.request_id.clone();
    (call, fault, Record { world: Arc::clone(world), seq, request_id, outcome: (0, None) })
}

/// Ends the journal's entry when the request ends, in whichever way: dropped without an outcome, the connection is gone.
struct Record {
    world: Arc<World>,
    seq: u64,
    request_id: String,
    outcome: (u16, Option<String>),
}

impl Record {
    async fn end(mut self, ending: Ending) -> Result<Response<Body>, Reset> {
        let answer = match ending {
            Ending::Answer(answer) => answer,
            Ending::Hang => pending().await,
            Ending::Reset => return Err(Reset),
        };
        tracing::debug!(request_id = self.request_id, status = answer.status, "answered");
        self.outcome = (answer.status, answer.error_code.clone());
        Ok(answer.into_response(&self.request_id, self.world.clock.now().stamp))
    }
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
            let status = match status {
                Some(status) => status,
                None if code == THROTTLING.name => call.settings(&world).throttling_status.into(),
                None => status_of(&code).unwrap_or(400),
            };
            let message = message.unwrap_or_else(|| "Injected by a fault of the emulator".to_owned());
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
