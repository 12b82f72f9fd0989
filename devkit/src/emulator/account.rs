//! One account of the emulator: its requests, what it holds, how it misbehaves.

use std::collections::BTreeMap;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::send;
use crate::{Error, http::request};

/// The admin interface, bound to one account.
#[derive(Debug, Clone)]
pub struct Account {
    admin: String,
    id: String,
}

/// One request that the emulator has recorded.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its number, growing.
    pub seq: u64,
    /// When it came, RFC 3339.
    #[serde(default)]
    pub started_at: String,
    /// When it was answered; none while it is not.
    #[serde(default)]
    pub ended_at: Option<String>,
    /// The access key that it was signed with.
    #[serde(default)]
    pub access_key: Option<String>,
    /// The region of its credential scope.
    #[serde(default)]
    pub region: Option<String>,
    /// The operation, such as `ListProfilingGroups`.
    #[serde(default)]
    pub operation: Option<String>,
    /// The profiling group it names.
    #[serde(default)]
    pub group: Option<String>,
    /// The HTTP method.
    #[serde(default)]
    pub method: String,
    /// The path as sent.
    #[serde(default)]
    pub path: String,
    /// The query as sent.
    #[serde(default)]
    pub query: Option<String>,
    /// The HTTP status of the answer; none when there was no whole answer.
    #[serde(default)]
    pub http_status: Option<u16>,
    /// The error code of the answer.
    #[serde(default)]
    pub error_code: Option<String>,
    /// The request id of the answer.
    #[serde(default)]
    pub request_id: Option<String>,
    /// What the client calls itself.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// The body as sent.
    #[serde(default)]
    pub request: Value,
    /// The fault that answered it.
    #[serde(default)]
    pub fault: Value,
}

impl Entry {
    /// Whether it is of this operation.
    #[must_use]
    pub fn is(&self, operation: &str) -> bool {
        self.operation.as_deref() == Some(operation)
    }
}

impl Account {
    pub(super) fn new(admin: &str, id: &str) -> Self {
        Self { admin: admin.trim_end_matches('/').to_owned(), id: id.to_owned() }
    }

    /// The account's 12 digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The access key that stands for this account.
    #[must_use]
    pub fn access_key(&self) -> String {
        format!("AKIA{}", self.id)
    }

    /// Every request so far.
    pub async fn journal(&self) -> Result<Vec<Entry>, Error> {
        self.journal_since(0).await
    }

    /// Every request with a greater number.
    pub async fn journal_since(&self, seq: u64) -> Result<Vec<Entry>, Error> {
        #[derive(Deserialize)]
        struct Journal {
            entries: Vec<Entry>,
        }
        let url = format!("{}/journal?account={}&sinceSeq={seq}", self.admin, self.id);
        let journal = serde_json::from_value::<Journal>(send(Method::GET, &url, None).await?);
        Ok(journal.map_err(|error| Error::Http(format!("{url}: {error}")))?.entries)
    }

    /// How many requests there were of each operation in a region.
    pub async fn counts(&self, region: &str) -> Result<BTreeMap<String, u64>, Error> {
        let url = format!("{}/counts?account={}&region={region}", self.admin, self.id);
        let mut answer = send(Method::GET, &url, None).await?;
        serde_json::from_value(answer["counts"].take()).map_err(|error| Error::Http(format!("{url}: {error}")))
    }

    /// Forgets the requests so far.
    pub async fn clear_journal(&self) -> Result<(), Error> {
        self.delete(&format!("journal?account={}", self.id)).await
    }

    /// Adds a fault, for this account whichever it names, and returns its number.
    pub async fn fault(&self, mut fault: Value) -> Result<u64, Error> {
        fault["account"] = json!(self.id);
        let answer = send(Method::POST, &format!("{}/faults", self.admin), Some(&fault)).await?;
        answer["id"].as_u64().ok_or_else(|| Error::Http(format!("no id for a fault: {answer}")))
    }

    /// Removes every fault of this account.
    pub async fn clear_faults(&self) -> Result<(), Error> {
        self.delete(&format!("faults?account={}", self.id)).await
    }

    /// Changes how a region answers: latency, lag, page size and the like.
    pub async fn settings(&self, region: &str, settings: Value) -> Result<(), Error> {
        let url = format!("{}/settings?account={}&region={region}", self.admin, self.id);
        send(Method::PUT, &url, Some(&settings)).await.map(|_| ())
    }

    /// Replaces how many requests a second each operation takes; none without a limit.
    pub async fn limits(&self, limits: Value) -> Result<(), Error> {
        send(Method::PUT, &format!("{}/limits/{}", self.admin, self.id), Some(&limits)).await.map(|_| ())
    }

    /// Lets these, and no others, assume a role of this account.
    pub async fn trust(&self, role: &str, trust: Value) -> Result<(), Error> {
        send(Method::PUT, &format!("{}/roles/{}/{role}", self.admin, self.id), Some(&trust)).await.map(|_| ())
    }

    /// Says what may be done in this account, as IAM's policies do.
    pub async fn rules(&self, rules: &[Value]) -> Result<(), Error> {
        send(Method::PUT, &format!("{}/rules/{}", self.admin, self.id), Some(&json!(rules))).await.map(|_| ())
    }

    /// Makes this many groups, named by the prefix and a number.
    pub async fn seed(&self, region: &str, count: usize, prefix: &str, enabled: bool) -> Result<(), Error> {
        let seed = json!({
            "account": self.id, "region": region, "count": count, "prefix": prefix, "profilingEnabled": enabled,
        });
        send(Method::POST, &format!("{}/seed", self.admin), Some(&seed)).await.map(|_| ())
    }

    /// Makes a group, or changes what is given of one, behind everybody's back.
    pub async fn put_group(&self, region: &str, name: &str, group: Value) -> Result<(), Error> {
        send(Method::PUT, &self.group_url(region, name), Some(&group)).await.map(|_| ())
    }

    /// A group as it is, if it is there.
    pub async fn group(&self, region: &str, name: &str) -> Result<Option<Value>, Error> {
        let url = self.group_url(region, name);
        let answer = request(Method::GET, &url, None).await?;
        match answer.status {
            200 => answer.json().map(Some),
            404 => Ok(None),
            status => Err(Error::Http(format!("GET {url}: {status} {}", answer.text))),
        }
    }

    /// Removes a group behind everybody's back.
    pub async fn delete_group(&self, region: &str, name: &str) -> Result<(), Error> {
        send(Method::DELETE, &self.group_url(region, name), None).await.map(|_| ())
    }

    /// Flips the switch of every group of a region behind everybody's back.
    pub async fn flip_all(&self, region: &str) -> Result<(), Error> {
        let flip = json!({ "account": self.id, "region": region });
        send(Method::POST, &format!("{}/flip", self.admin), Some(&flip)).await.map(|_| ())
    }

    /// Forgets everything about this account.
    pub async fn forget(&self) -> Result<(), Error> {
        self.delete(&format!("accounts/{}", self.id)).await
    }

    async fn delete(&self, path: &str) -> Result<(), Error> {
        send(Method::DELETE, &format!("{}/{path}", self.admin), None).await.map(|_| ())
    }

    fn group_url(&self, region: &str, name: &str) -> String {
        format!("{}/groups/{}/{region}/{name}", self.admin, self.id)
    }
}
