//! The devkit's only plain HTTP client: one request, one whole answer, from this machine: loopback, or the address of a node made here.

use std::time::Duration;

use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::Error;

/// No answer of a program of ours takes this long.
const LIMIT: Duration = Duration::from_secs(30);

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body as text.
    pub text: String,
}

impl Answer {
    /// The body as JSON; `Null` for an empty one.
    pub fn json(&self) -> Result<Value, Error> {
        if self.text.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&self.text).map_err(|error| Error::Http(format!("{error} in {}", self.text)))
    }
}

/// Gets a page.
pub async fn get(url: &str) -> Result<Answer, Error> {
    request(Method::GET, url, None).await
}

/// Sends one request, with a JSON body or none.
pub async fn request(method: Method, url: &str, body: Option<&Value>) -> Result<Answer, Error> {
    let failed = |error: &dyn std::error::Error| Error::Http(format!("{method} {url}: {}", chain(error)));
    let mut request = Request::builder().method(&method).uri(url);
    if body.is_some() {
        request = request.header(http::header::CONTENT_TYPE, "application/json");
    }
    let body = body.map(ToString::to_string).unwrap_or_default();
    let request = request.body(Full::new(Bytes::from(body))).map_err(|error| failed(&error))?;
    let exchange = async {
        // A connection for each: these are few, and one kept open would belong to the runtime of the test that made it.
        let client: Client<_, Full<Bytes>> =
            Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        let answer = client.request(request).await.map_err(|error| failed(&error))?;
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await.map_err(|error| failed(&error))?.to_bytes();
        Ok(Answer { status, text: String::from_utf8_lossy(&bytes).into_owned() })
    };
    match tokio::time::timeout(LIMIT, exchange).await {
        Ok(answer) => answer,
        Err(_) => Err(Error::TimedOut { what: format!("{method} {url}"), limit: LIMIT, detail: String::new() }),
    }
}

/// An error with its causes: hyper's own text has little.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
