//! Publishes Kubernetes events (events.k8s.io). A failure is logged, and fails nothing.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Resource,
    api::DynamicObject,
    runtime::events::{Event, EventType, Recorder},
};

use super::objects::resource;
use crate::domain::transitions::EventDraft;

/// The API server refuses a longer note.
const LONGEST_NOTE: usize = 1024;

/// Publishes one event about `object`.
pub async fn publish(recorder: &Recorder, object: &DynamicObject, draft: EventDraft) {
    publish_about(recorder, &object.object_ref(&resource()), draft).await;
}

/// Publishes one event about whatever `regarding` names.
pub async fn publish_about(recorder: &Recorder, regarding: &ObjectReference, draft: EventDraft) {
    let EventDraft { warning, reason, action, note } = draft;
    let event = Event {
        type_: if warning { EventType::Warning } else { EventType::Normal },
        reason: reason.into(),
        note: Some(cut(note)),
        action: action.into(),
        secondary: None,
    };
    if let Err(error) = recorder.publish(&event, regarding).await {
        tracing::warn!(reason, error = %error, "can't publish an event");
    }
}

/// At most so many bytes, and whole characters.
fn cut(mut note: String) -> String {
    if note.len() > LONGEST_NOTE {
        note.truncate(note.floor_char_boundary(LONGEST_NOTE - '…'.len_utf8()));
        note.push('…');
    }
    note
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_cut_between_characters() {
        for letter in ["a", "é", "語", "🦀"] {
            let note = cut(letter.repeat(2000));
            assert!(note.len() <= LONGEST_NOTE && note.len() > LONGEST_NOTE - 8, "{}", note.len());
            assert!(note.ends_with('…'));
        }
        assert_eq!(cut("short".into()), "short");
    }
}
