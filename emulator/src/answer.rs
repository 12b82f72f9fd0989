//! The wire format of answers: JSON for CodeGuru Profiler, XML for STS, and the ways in which a fault spoils them.

use std::collections::BTreeMap;
use std::io;

use futures::stream::{self, StreamExt};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};

use crate::errors::ApiError;
use crate::identity::{Session, WebIdentity};
use crate::moment::Stamp;
use crate::operations::Output;
use crate::service::Service;

const JSON: &str = "application/json";
const XML: &str = "text/xml";

/// The body of an answer on the wire.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An answer before it goes on the wire.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub error_code: Option<String>,
    content_type: Option<String>,
    headers: BTreeMap<String, String>,
    body: Bytes,
    truncated: bool,
}

impl Answer {
    pub fn success(status: u16, output: Output, request_id: &str) -> Self {
        match output {
            Output::Empty => Self::plain(status, None, Bytes::new()),
            Output::Json(body) => Self::plain(status, Some(JSON), body),
            Output::Payload { content_type, body } => Self::plain(status, Some(content_type), body),
            Output::CallerIdentity { arn, user_id, account } => {
                let result = element("Arn", &arn) + &element("UserId", &user_id) + &element("Account", &account);
                Self::plain(status, Some(XML), xml("GetCallerIdentity", &result, request_id))
            }
            Output::Session { session, web_identity } => {
                Self::plain(status, Some(XML), assumed(&session, web_identity.as_ref(), request_id))
            }
        }
    }

    pub fn error(error: &ApiError, service: Service, request_id: &str) -> Self {
        let ApiError { code, status, message } = error;
        let mut answer = match service {
            Service::CodeGuruProfiler => {
                let body = serde_json::json!({"message": message}).to_string();
                let mut answer = Self::plain(*status, Some(JSON), body);
                answer.headers.insert("x-amzn-errortype".to_owned(), code.clone());
                answer
            }
            Service::Sts => {
                let fault = if *status < 500 { "Sender" } else { "Receiver" };
                let (code, message) = (escape(code), escape(message));
                let body = format!(
                    "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>{fault}</Type>\
                     <Code>{code}</Code><Message>{message}</Message></Error><RequestId>{request_id}</RequestId>\
                     </ErrorResponse>"
                );
                Self::plain(*status, Some(XML), body)
            }
        };
        answer.error_code = Some(code.clone());
        answer
    }

    pub fn raw(status: u16, content_type: &str, body: String) -> Self {
        Self::plain(status, Some(content_type), body)
    }

    pub fn with_headers(mut self, headers: BTreeMap<String, String>) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Half the body under the content length of the whole; an answer without a body stays whole.
    pub fn truncated(self) -> Self {
        Self { truncated: !self.body.is_empty(), ..self }
    }

    /// Headers and status codes that HTTP cannot carry are left out: a fault may request anything.
    pub fn into_response(self, request_id: &str, date: Stamp) -> Response<Body> {
        let whole = self.body.len();
        let body = if self.truncated { half(&self.body) } else { full(self.body) };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        let mut set = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        set(DATE, &date.http_date());
        set(HeaderName::from_static("x-amzn-requestid"), request_id);
        if let Some(content_type) = &self.content_type {
            set(CONTENT_TYPE, content_type);
        }
        if self.truncated {
            set(CONTENT_LENGTH, &whole.to_string());
        }
        for (name, value) in &self.headers {
            if let Ok(name) = HeaderName::try_from(name) {
                set(name, value);
            }
        }
        response
    }

    fn plain(status: u16, content_type: Option<&str>, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            error_code: None,
            content_type: content_type.map(str::to_owned),
            headers: BTreeMap::new(),
            body: body.into(),
            truncated: false,
        }
    }
}

pub fn full(body: impl Into<Bytes>) -> Body {
    Full::new(body.into()).map_err(|never| match never {}).boxed_unsync()
}

/// The first half, then the connection breaks off.
fn half(whole: &Bytes) -> Body {
    let sent = stream::iter([Ok(Frame::data(whole.slice(..whole.len() / 2)))]);
    let broken = stream::once(async {
        // Gives the first half the time to leave before the connection goes.
        tokio::task::yield_now().await;
        Err(io::Error::other("the answer is truncated on request"))
    });
    StreamBody::new(sent.chain(broken)).boxed_unsync()
}

fn assumed(session: &Session, web_identity: Option<&WebIdentity>, request_id: &str) -> String {
    let credentials = element("AccessKeyId", &session.key)
        + &element("SecretAccessKey", &session.secret)
        + &element("SessionToken", &session.token)
        + &element("Expiration", &session.expires.to_string());
    let user = element("AssumedRoleId", &session.user_id) + &element("Arn", &session.arn);
    let result = format!("<Credentials>{credentials}</Credentials><AssumedRoleUser>{user}</AssumedRoleUser>");
    match web_identity {
        None => xml("AssumeRole", &result, request_id),
        Some(identity) => {
            let result = result
                + &element("SubjectFromWebIdentityToken", &identity.subject)
                + &element("Audience", &identity.audience)
                + &element("Provider", &identity.issuer);
            xml("AssumeRoleWithWebIdentity", &result, request_id)
        }
    }
}

fn xml(operation: &str, result: &str, request_id: &str) -> String {
    format!(
        "<{operation}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{operation}Result>{result}\
         </{operation}Result><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    )
}

fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
