//! The service port: one request from its arrival to its answer, with the faults that meet it. What it means is in `call`.

use std::error::Error;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{self, Bytes};
use tokio::time::sleep;

use super::{Body, Reset, request};
use crate::answer::Answer;
use crate::call::Call;
use crate::errors::{ApiError, INTERNAL_SERVER, THROTTLING, status_of};
use crate::faults::{Effect, Fault};
use crate::world::World;

pub async fn answer<B>(world: Arc<World>, request: Request<B>) -> Result<Response<Body>, Reset>
where
    B: body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let arrived = world.clock.now();
    let (parts, body) = request.into_parts();
    let body = request::read(body).await;
    let call = Call::new(&world, parts, body);
    let request_id = call.request_id.clone();

    let fault = call.target().and_then(|target| world.faults().meet(&target));
    let by_fault = fault.as_ref().is_some_and(|fault| fault.effect != Effect::Delay);
    let arrival = call.arrival(arrived.stamp, by_fault);
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
    tracing::debug!(%request_id, status = answer.status, "answered");
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
            let status = match status {
                Some(status) => status,
                None if code == THROTTLING.name => call.settings(&world).throttling_status.into(),
                None => status_of(&code).unwrap_or(400),
            };
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
