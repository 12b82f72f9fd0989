//! The calls about what no List has: how the operator's become requests, and what the answers contain.

use codeguru_profiler_operator::{
    aws::error::Operation,
    domain::{arns::Arns, notifications::Channels, permissions::Policy},
};
use serde_json::{Value, json};

/// One call about a group.
#[derive(Clone, Debug)]
pub enum Detail {
    /// Its policy.
    Policy,
    /// These principals are permitted, on top of this revision.
    Put(Arns, Option<String>),
    /// The permission with this revision is removed.
    RemovePermission(String),
    /// Its notification channels.
    Channels,
    /// These topics are added.
    Add(Arns),
    /// The channel with this id is removed.
    RemoveChannel(String),
}

impl Detail {
    pub fn operation(&self) -> Operation {
        match self {
            Self::Policy => Operation::GetPolicy,
            Self::Put(..) => Operation::PutPermission,
            Self::RemovePermission(_) => Operation::RemovePermission,
            Self::Channels => Operation::GetChannels,
            Self::Add(_) => Operation::AddChannels,
            Self::RemoveChannel(_) => Operation::RemoveChannel,
        }
    }

    pub fn mutates(&self) -> bool {
        !matches!(self, Self::Policy | Self::Channels)
    }

    /// Method, target and body of the request about the group `name`.
    pub fn request(&self, name: &str) -> (&'static str, String, Value) {
        let policy = format!("/profilingGroups/{name}/policy");
        let channels = format!("/profilingGroups/{name}/notificationConfiguration");
        match self {
            Self::Policy => ("GET", policy, Value::Null),
            Self::Put(principals, revision) => {
                let body = json!({ "principals": principals, "revisionId": revision });
                ("PUT", format!("{policy}/agentPermissions"), without_nulls(body))
            }
            Self::RemovePermission(revision) => {
                ("DELETE", format!("{policy}/agentPermissions?revisionId={revision}"), Value::Null)
            }
            Self::Channels => ("GET", channels, Value::Null),
            Self::Add(topics) => {
                let channel = |topic| json!({ "uri": topic, "eventPublishers": ["AnomalyDetection"] });
                ("POST", channels, json!({ "channels": topics.iter().map(channel).collect::<Vec<_>>() }))
            }
            Self::RemoveChannel(id) => ("DELETE", format!("{channels}/{id}"), Value::Null),
        }
    }

    /// The call that a request with this path behind `profilingGroups/` makes, and its group.
    pub fn of_request(method: &str, path: &str, query: &str, body: impl FnOnce() -> Value) -> Option<(String, Self)> {
        let (name, rest) = path.split_once('/')?;
        let detail = match (method, rest.split_once('/').map_or((rest, None), |(kind, more)| (kind, Some(more)))) {
            ("GET", ("policy", None)) => Self::Policy,
            ("PUT", ("policy", Some(_))) => {
                let body = body();
                let revision = body["revisionId"].as_str().map(str::to_owned);
                Self::Put(serde_json::from_value(body["principals"].clone()).unwrap(), revision)
            }
            ("DELETE", ("policy", Some(_))) => {
                Self::RemovePermission(query.strip_prefix("revisionId=").unwrap_or_default().to_owned())
            }
            ("GET", ("notificationConfiguration", None)) => Self::Channels,
            ("POST", ("notificationConfiguration", None)) => {
                let body = body();
                let channels = body["channels"].as_array().into_iter().flatten();
                Self::Add(channels.filter_map(|channel| Some(channel["uri"].as_str()?.to_owned())).collect())
            }
            ("DELETE", ("notificationConfiguration", Some(id))) => Self::RemoveChannel(id.to_owned()),
            _ => return None,
        };
        Some((name.to_owned(), detail))
    }

    /// Whether this spec requests it, and not only a part of the set that nobody has requested.
    pub fn is_requested(&self, spec: &Value) -> bool {
        let principals = arns(&spec["agentPermissions"]["principals"], None);
        let topics = arns(&spec["anomalyNotifications"], Some("topicArn"));
        match self {
            Self::Policy | Self::RemovePermission(_) => principals.is_some(),
            Self::Put(put, _) => principals.as_ref() == Some(put),
            Self::Channels | Self::RemoveChannel(_) => topics.is_some(),
            Self::Add(added) => topics.is_some_and(|topics| added.is_subset(&topics)),
        }
    }
}

/// The texts of a list, or this member of each.
pub fn arns(list: &Value, member: Option<&str>) -> Option<Arns> {
    let texts = list.as_array()?.iter().map(|one| member.map_or(one, |member| &one[member]).as_str());
    texts.map(|text| text.map(str::to_owned)).collect()
}

fn without_nulls(mut body: Value) -> Value {
    body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    body
}

/// The policy of an answer.
pub fn policy(body: &Value) -> Policy {
    let document: Value = body["policy"].as_str().map(|text| serde_json::from_str(text).unwrap()).unwrap_or_default();
    let named = &document["Statement"][0]["Principal"]["AWS"];
    let many = named.as_array().into_iter().flatten();
    let principals = many.chain(named.as_str().map(|_| named)).filter_map(Value::as_str).map(str::to_owned).collect();
    Policy { revision: body["revisionId"].as_str().map(str::to_owned), principals, put: None }
}

/// The channels of an answer.
pub fn channels(body: &Value) -> Channels {
    let channels = body["notificationConfiguration"]["channels"].as_array().into_iter().flatten();
    channels
        .filter_map(|channel| Some((channel["uri"].as_str()?.to_owned(), channel["id"].as_str()?.to_owned())))
        .collect()
}
