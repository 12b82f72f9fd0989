//! The API server's own record of every request: the oracle for "how many writes".

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;

use super::{ControlPlane, client_from};
use crate::{Error, wait};

const FENCE_LIMIT: Duration = Duration::from_secs(10);
const WRITES: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Who sent the request, as in RBAC: `system:serviceaccount:NAMESPACE:NAME` or `admin`.
    pub user: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` and the like.
    pub verb: String,
    /// The plural name, empty where the request is not about a resource.
    pub resource: String,
    /// `status` and the like, else empty.
    pub subresource: String,
    /// Empty for what has none.
    pub namespace: String,
    /// Empty where the request names none.
    pub name: String,
    /// Path and query.
    pub uri: String,
    /// The HTTP status of the answer.
    pub code: u16,
    /// What the client calls itself.
    pub user_agent: String,
    /// When the request came.
    pub received_at: Timestamp,
}

impl Event {
    /// Whether the request was one that changes something.
    #[must_use]
    pub fn is_write(&self) -> bool {
        WRITES.contains(&self.verb.as_str())
    }
}

/// A part of the record, narrowed down as far as one likes.
#[derive(Debug, Clone, Default)]
pub struct Audit {
    /// What is in it, in the order of the answers.
    pub events: Vec<Event>,
    position: u64,
}

impl Audit {
    /// Where this part ends: [`ControlPlane::audit_since`] goes on from here.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How many requests are in it.
    #[must_use]
    pub fn count(&self) -> usize {
        self.events.len()
    }

    /// Only what this accepts.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&Event) -> bool) -> Self {
        let events = self.events.iter().filter(|event| keep(event)).cloned().collect();
        Self { events, position: self.position }
    }

    /// Only this user's.
    #[must_use]
    pub fn by(&self, user: &str) -> Self {
        self.only(|event| event.user == user)
    }

    /// Only with this verb.
    #[must_use]
    pub fn verb(&self, verb: &str) -> Self {
        self.only(|event| event.verb == verb)
    }

    /// Only about this resource (its plural name).
    #[must_use]
    pub fn resource(&self, resource: &str) -> Self {
        self.only(|event| event.resource == resource)
    }

    /// Only about this subresource; the empty one is the resource itself.
    #[must_use]
    pub fn subresource(&self, subresource: &str) -> Self {
        self.only(|event| event.subresource == subresource)
    }

    /// Only in this namespace.
    #[must_use]
    pub fn namespace(&self, namespace: &str) -> Self {
        self.only(|event| event.namespace == namespace)
    }

    /// Only about the object of this name.
    #[must_use]
    pub fn name(&self, name: &str) -> Self {
        self.only(|event| event.name == name)
    }

    /// Only what changes something.
    #[must_use]
    pub fn writes(&self) -> Self {
        self.only(Event::is_write)
    }

    /// Only what this user changed or tried to.
    #[must_use]
    pub fn writes_by(&self, user: &str) -> Self {
        self.by(user).writes()
    }

    /// Only what was answered with 2xx.
    #[must_use]
    pub fn accepted(&self) -> Self {
        self.only(|event| (200..300).contains(&event.code))
    }
}

impl ControlPlane {
    /// Every request since the control plane started.
    pub async fn audit(&self) -> Result<Audit, Error> {
        self.audit_since(0).await
    }

    /// Every request since this position. Guarantee: what was answered before this is called is in it.
    pub async fn audit_since(&self, position: u64) -> Result<Audit, Error> {
        // An answer may leave the server a moment before its line is written, so a request of our own closes the part.
        let fence = format!("/version?fence={}", super::access::secret()?);
        let request = ::http::Request::get(&fence).body(Vec::new());
        let request = request.map_err(|error| Error::Unexpected(error.to_string()))?;
        let client = client_from(self.kubeconfig()).await?;
        client.request_text(request).await.map_err(Error::kube("close a part of the audit log"))?;
        wait::until("the audit log is written", FENCE_LIMIT, || async {
            let text = self.read_audit(position).ok()?;
            let end = text[..=text.rfind('\n')?].to_owned();
            end.contains(&fence).then(|| parse(&end, position, &fence))
        })
        .await?
    }

    fn read_audit(&self, position: u64) -> Result<String, Error> {
        let path = self.servers.audit_log();
        let what = format!("read {}", path.display());
        let mut text = String::new();
        let mut file = File::open(path).map_err(Error::io(what.clone()))?;
        file.seek(SeekFrom::Start(position)).map_err(Error::io(what.clone()))?;
        file.read_to_string(&mut text).map_err(Error::io(what))?;
        Ok(text)
    }
}

/// Reads whole lines that start at this position. A watch is one event, written when it starts or is refused.
fn parse(lines: &str, position: u64, fence: &str) -> Result<Audit, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Line {
        stage: String,
        verb: String,
        #[serde(rename = "requestURI")]
        uri: String,
        user: User,
        #[serde(default)]
        user_agent: String,
        #[serde(default)]
        object_ref: Object,
        #[serde(default)]
        response_status: Status,
        request_received_timestamp: MicroTime,
    }
    #[derive(Deserialize)]
    struct User {
        #[serde(default)]
        username: String,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Object {
        resource: String,
        subresource: String,
        namespace: String,
        name: String,
    }
    #[derive(Deserialize, Default)]
    struct Status {
        #[serde(default)]
        code: u16,
    }

    let mut events = Vec::new();
    for line in lines.lines() {
        let line: Line = serde_json::from_str(line)
            .map_err(|error| Error::Unexpected(format!("{error} in the audit log: {line}")))?;
        // A long-running request has two lines: its start, which counts, and its end.
        let refused = line.response_status.code >= 400;
        let counts = (line.stage == "ResponseStarted") == (line.verb == "watch" && !refused);
        if !counts || line.uri == fence {
            continue;
        }
        events.push(Event {
            user: line.user.username,
            verb: line.verb,
            resource: line.object_ref.resource,
            subresource: line.object_ref.subresource,
            namespace: line.object_ref.namespace,
            name: line.object_ref.name,
            uri: line.uri,
            code: line.response_status.code,
            user_agent: line.user_agent,
            received_at: line.request_received_timestamp.0,
        });
    }
    Ok(Audit { events, position: position + lines.len() as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_counts_once_and_the_fence_never() {
        let line = |stage: &str, verb: &str, uri: &str| {
            serde_json::json!({"stage": stage, "verb": verb, "requestURI": uri, "user": {"username": "me"},
                "responseStatus": {"code": 200}, "requestReceivedTimestamp": "2026-01-01T00:00:00Z"})
            .to_string()
        };
        let text = [
            line("ResponseStarted", "watch", "/a"),
            line("ResponseComplete", "watch", "/a"),
            line("ResponseComplete", "patch", "/b"),
            line("ResponseComplete", "get", "/fence"),
            String::new(),
        ]
        .join("\n");
        let audit = parse(&text, 7, "/fence").unwrap();
        assert_eq!((audit.count(), audit.writes_by("me").count()), (2, 1));
        assert_eq!(audit.position(), 7 + text.len() as u64);
    }
}
