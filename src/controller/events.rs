//! Publishes Kubernetes events (events.k8s.io). A failure is logged, and fails nothing.
//!
//! Each event is an object of its own: kube's recorder joins events whose reason and action are the same, and keeps the
//! text of the first.

use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Client, api::PostParams};

use super::settings::Pod;
use crate::{domain::transitions::EventDraft, process::system::System};

/// What reports events.
const CONTROLLER: &str = "codeguru-profiler-operator";
/// The API server refuses a longer note.
const LONGEST_NOTE: usize = 1024;
/// The API server refuses a longer name, of which the time takes a part.
const LONGEST_NAME: usize = 253 - 17;
/// Where events about cluster-scoped objects are.
const DEFAULT_NAMESPACE: &str = "default";

/// Publishes events. Cheap to clone.
#[derive(Clone)]
pub struct Events {
    client: Client,
    instance: String,
    system: System,
}

impl Events {
    /// Events of this pod.
    #[must_use]
    pub fn new(client: Client, pod: Option<&Pod>, system: System) -> Self {
        let instance = pod.map_or_else(|| CONTROLLER.to_owned(), |pod| pod.name.clone());
        Self { client, instance: cut(instance, 128), system }
    }

    /// Publishes one event about what `regarding` names.
    pub async fn publish(&self, regarding: &ObjectReference, draft: EventDraft) {
        let reason = draft.reason;
        let event = self.event(regarding, draft);
        let namespace = regarding.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        if let Err(error) = api.create(&PostParams::default(), &event).await {
            tracing::warn!(reason, error = %error, "can't publish an event");
        }
    }

    fn event(&self, regarding: &ObjectReference, draft: EventDraft) -> Event {
        let EventDraft { warning, reason, action, note } = draft;
        let now = self.system.now();
        let name = cut_at(regarding.name.as_deref().unwrap_or(CONTROLLER), LONGEST_NAME).trim_end_matches(['.', '-']);
        let unique = u64::try_from(now.as_nanosecond()).unwrap_or_default() ^ self.system.chance().to_bits();
        Event {
            metadata: ObjectMeta {
                name: Some(format!("{name}.{unique:016x}")),
                namespace: regarding.namespace.clone().or(Some(DEFAULT_NAMESPACE.into())),
                ..ObjectMeta::default()
            },
            action: Some(action.into()),
            event_time: Some(MicroTime(now)),
            note: Some(cut(note, LONGEST_NOTE)),
            reason: Some(reason.into()),
            regarding: Some(regarding.clone()),
            reporting_controller: Some(CONTROLLER.into()),
            reporting_instance: Some(self.instance.clone()),
            type_: Some(if warning { "Warning" } else { "Normal" }.into()),
            ..Event::default()
        }
    }
}

/// At most so many bytes, and whole characters.
fn cut(mut text: String, longest: usize) -> String {
    if text.len() > longest {
        text.truncate(cut_at(&text, longest - '…'.len_utf8()).len());
        text.push('…');
    }
    text
}

fn cut_at(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_cut_between_characters() {
        for letter in ["a", "é", "語", "🦀"] {
            let note = cut(letter.repeat(2000), LONGEST_NOTE);
            assert!(note.len() <= LONGEST_NOTE && note.len() > LONGEST_NOTE - 8, "{}", note.len());
            assert!(note.ends_with('…'));
        }
        assert_eq!(cut("short".into(), LONGEST_NOTE), "short");
    }
}
