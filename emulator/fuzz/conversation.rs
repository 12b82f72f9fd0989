//! Requests as text, and what must hold of every answer. For the fuzz target, and for the test that replays its corpus.

use codeguru_profiler_emulator::Offline;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use hyper::body::Bytes;
use jiff::Timestamp;

/// What a request may take from an earlier answer, as `{name}`.
const TAKEN: [&str; 2] = ["revisionId", "nextToken"];

/// What a request may take from the clock, so that a signature is looked at: the place, and the form of the time.
const TIMES: [(&str, &str); 2] = [("{now}", "%Y%m%dT%H%M%SZ"), ("{today}", "%Y%m%d")];

/// Has the requests of a text answered by two new emulators, of which one verifies signatures.
///
/// The text is in the `.http` format: method and target, headers, an empty line, a body; `###` between two requests. What can't be
/// a request is left out.
///
/// Panics when an answer is not one that the service could give.
pub async fn check(text: &[u8]) -> Vec<Response<Bytes>> {
    answers(&verifying(), text).await;
    answers(&Offline::new(Vec::new()), text).await
}

/// An emulator that knows a single key.
pub fn verifying() -> Offline {
    Offline::new(vec!["AKIDEXAMPLE=secret,111122223333".parse().expect("the key is well-formed")])
}

#[allow(clippy::disallowed_methods, reason = "a text is sent at the time of the day")]
pub async fn answers(emulator: &Offline, text: &[u8]) -> Vec<Response<Bytes>> {
    let mut answers = Vec::new();
    let now = Timestamp::now();
    let text = TIMES.into_iter().fold(text.to_vec(), |text, (place, form)| {
        replace(&text, place.as_bytes(), now.strftime(form).to_string().as_bytes())
    });
    let mut taken = TAKEN.map(|name| (format!("{{{name}}}"), name, Vec::new()));
    for part in split(&text, b"\n###\n") {
        let part = taken.iter().fold(part.to_vec(), |text, (place, _, value)| replace(&text, place.as_bytes(), value));
        let Some(request) = request(&part) else { continue };
        let shown = format!("{} {}", request.method(), request.uri());
        let answer = emulator.answer(request).await.expect("no fault is ordered that resets connections");
        assert_answer(&shown, &answer);
        let json: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        for (_, name, value) in &mut taken {
            if let Some(newer) = json[*name].as_str() {
                *value = newer.as_bytes().to_vec();
            }
        }
        answers.push(answer);
    }
    answers
}

fn replace(text: &[u8], place: &[u8], value: &[u8]) -> Vec<u8> {
    split(text, place).join(value)
}

/// Guarantee: a success, or an error in the format of the service, with a code, a message and a request id; never an error of ours.
fn assert_answer(request: &str, answer: &Response<Bytes>) {
    let (status, headers, body) = (answer.status(), answer.headers(), answer.body());
    assert!(headers.contains_key("x-amzn-requestid"), "{request}: no request id");
    assert!(status.is_success() || status.is_client_error(), "{request}: {status} {body:?}");
    if status.is_client_error() {
        match header(headers, "content-type") {
            "application/json" => {
                assert!(header(headers, "x-amzn-errortype").starts_with(|c: char| c.is_ascii_uppercase()), "{request}");
                let error: serde_json::Value = serde_json::from_slice(body).expect("an error is JSON");
                assert!(error["message"].is_string(), "{request}: {error}");
            }
            "text/xml" => {
                let error = String::from_utf8_lossy(body);
                let holds = |element: &str| error.matches(element).count() == 1;
                assert!(["<Code>", "</Code>", "<Message>", "</Message>"].into_iter().all(holds), "{request}: {error}");
            }
            other => panic!("{request}: an error as {other}"),
        }
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn request(text: &[u8]) -> Option<Request<Bytes>> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let (head, body) = split_once(text, b"\n\n").unwrap_or((text, b""));
    let mut lines = head.split(|byte| *byte == b'\n');
    let (method, target) = split_once(lines.next()?, b" ")?;
    let mut request = Request::builder().method(method).uri(target);
    for line in lines {
        let (name, value) = split_once(line, b": ")?;
        request = request.header(HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?);
    }
    request.body(Bytes::copy_from_slice(body)).ok()
}

fn split<'a>(mut text: &'a [u8], separator: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    while let Some((part, rest)) = split_once(text, separator) {
        parts.push(part);
        text = rest;
    }
    parts.push(text);
    parts
}

fn split_once<'a>(text: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(separator.len()).position(|window| window == separator)?;
    Some((&text[..at], &text[at + separator.len()..]))
}
