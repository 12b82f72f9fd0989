//! Where the anomalies of a group are reported to. Pure.

use serde::{Deserialize, Serialize};

use super::Refusal;

/// As documented: two for each group.
const MOST: usize = 2;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// None only in a request: the service gives every channel an id.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    uri: String,
    event_publishers: Vec<String>,
}

impl Channel {
    /// A channel as somebody else has left it.
    pub(super) fn of(uri: String, id: String) -> Self {
        Self { id: Some(id), uri, event_publishers: vec!["AnomalyDetection".to_owned()] }
    }

    /// Where its notifications go to.
    pub fn uri(&self) -> &str {
        &self.uri
    }
}

/// Adds channels, those without an id under a new one.
pub(super) fn add(
    channels: &mut Vec<Channel>,
    added: Vec<Channel>,
    new_id: impl Fn() -> String,
) -> Result<(), Refusal> {
    for mut channel in added {
        if !channel.uri.starts_with("arn:aws:sns:") {
            return Err(Refusal::NotATopic(channel.uri));
        }
        let id = channel.id.get_or_insert_with(&new_id);
        if channels.iter().any(|other| other.uri == channel.uri || other.id.as_ref() == Some(id)) {
            return Err(Refusal::ChannelExists(channel.uri));
        }
        if channels.len() == MOST {
            return Err(Refusal::ChannelQuotaReached(MOST));
        }
        channels.push(channel);
    }
    Ok(())
}

pub(super) fn remove(channels: &mut Vec<Channel>, id: &str) -> Result<(), Refusal> {
    let before = channels.len();
    channels.retain(|channel| channel.id.as_deref() != Some(id));
    if channels.len() == before { Err(Refusal::NoSuchChannel(id.to_owned())) } else { Ok(()) }
}
