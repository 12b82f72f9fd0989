//! The real API server, in the model's terms.

use std::time::Duration;

use futures::{StreamExt, stream::BoxStream};
use http_body_util::BodyExt;
use kube::client::Body;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::time::timeout;

use crate::apiserver::Request;

/// Longer than any frame takes that will come.
const FRAME_WITHIN: Duration = Duration::from_secs(10);
/// Shorter than any frame takes that should not come.
const NO_FRAME_WITHIN: Duration = Duration::from_millis(20);

/// An answer that is no stream.
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

/// A watch of the real server.
pub struct Frames {
    bytes: BoxStream<'static, Vec<u8>>,
    buffer: Vec<u8>,
}

pub async fn ask(client: &kube::Client, request: &Request) -> Reply {
    let (status, body) = send(client, request).await;
    let bytes = body.collect().await.unwrap().to_bytes();
    let body =
        serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    Reply { status, body }
}

/// A watch, or what the server returns instead.
pub async fn watch(client: &kube::Client, request: &Request) -> Result<Frames, Reply> {
    let (status, body) = send(client, request).await;
    if status != 200 {
        let bytes = body.collect().await.unwrap().to_bytes();
        return Err(Reply { status, body: serde_json::from_slice(&bytes).unwrap() });
    }
    let bytes = body.into_data_stream().filter_map(async |chunk| chunk.ok().map(|bytes| bytes.to_vec())).boxed();
    Ok(Frames { bytes, buffer: Vec::new() })
}

async fn send(client: &kube::Client, request: &Request) -> (u16, Body) {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let query: Vec<_> =
        request.query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    let body = if request.body.is_null() { Vec::new() } else { request.body.to_string().into_bytes() };
    let built = http::Request::builder()
        .method(request.method.clone())
        .uri(format!("{}?{}", request.path, query.join("&")))
        .header("content-type", &request.content_type)
        .header("accept", "application/json")
        .body(Body::from(body))
        .unwrap();
    let (parts, body) = client.send(built).await.unwrap().into_parts();
    (parts.status.as_u16(), body)
}

/// Whether the server only shows that the watch is alive, which it does when it likes.
fn is_for_progress(frame: &Value) -> bool {
    frame["type"] == "BOOKMARK" && frame["object"]["metadata"]["annotations"].is_null()
}

impl Frames {
    /// The next frames: as many as are expected, and any that follow at once.
    pub async fn take(&mut self, expected: usize) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            let within = if frames.len() < expected { FRAME_WITHIN } else { NO_FRAME_WITHIN };
            match timeout(within, self.next()).await {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) | Err(_) => return frames,
            }
        }
    }

    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let frame: Value = serde_json::from_slice(&line).unwrap();
                if is_for_progress(&frame) {
                    continue;
                }
                return Some(frame);
            }
            let chunk = self.bytes.next().await?;
            self.buffer.extend(chunk);
        }
    }
}
