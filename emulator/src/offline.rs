//! The service port without a network: requests and answers as values.

use std::sync::Arc;

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;

use crate::identity::AccessKey;
use crate::journal::Journal;
use crate::ports::service;
use crate::world::World;

/// An emulator that is called directly, for programs that make requests faster than a network carries them.
#[derive(Debug)]
pub struct Offline {
    world: Arc<World>,
}

impl Offline {
    /// An emulator without any groups that knows these keys; without any, everyone.
    #[must_use]
    pub fn new(access_keys: Vec<AccessKey>) -> Self {
        Self { world: Arc::new(World::new(access_keys, Journal::default())) }
    }

    /// What the service answers; none when it resets the connection. Needs a tokio runtime with time.
    pub async fn answer(&self, request: Request<Bytes>) -> Option<Response<Bytes>> {
        let answer = service::answer(Arc::clone(&self.world), request.map(Full::new)).await.ok()?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some(Response::from_parts(parts, body))
    }
}
