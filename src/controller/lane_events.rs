//! Reports once, in an event about the operator's own pod, that a lane is in trouble, and once that it has recovered.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ObjectReference;
use parking_lot::Mutex;

use super::settings::Pod;
use crate::domain::{
    failure::{Failure, FailureReason},
    lane_id::LaneId,
    transitions::EventDraft,
};

/// What was last reported of each lane.
#[derive(Default)]
pub struct LaneEvents(Mutex<BTreeMap<LaneId, FailureReason>>);

impl LaneEvents {
    /// What is worth an event once a lane has changed: why calls about its groups wait, or why its last List failed. What
    /// keeps both from working is reported once.
    pub fn changed(&self, lane: &LaneId, circuit: Option<&Failure>, list: Option<&Failure>) -> Option<EventDraft> {
        let mut reported = self.0.lock();
        let trouble = circuit.or(list);
        let reason = trouble.map(|failure| failure.reason);
        if reported.get(lane).copied() == reason {
            return None;
        }
        let region = lane.region();
        let Some(Failure { reason, message, detail, .. }) = trouble else {
            reported.remove(lane);
            let note = format!("Region {region}: AWS answers again.");
            return Some(EventDraft { warning: false, reason: "Recovered", action: "Call", note });
        };
        reported.insert(lane.clone(), *reason);
        let (action, waiting) = match circuit {
            Some(_) => ("Call", "calls about profiling groups wait, and one at a time is tried: "),
            None => ("List", ""),
        };
        let note = format!("Region {region}: {waiting}{message}. {detail}");
        Some(EventDraft { warning: true, reason: reason.as_str(), action, note })
    }

    /// The lane has ended.
    pub fn forget(&self, lane: &LaneId) {
        self.0.lock().remove(lane);
    }
}

/// How events name the operator's own pod.
pub fn regarding(pod: &Pod) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".into()),
        kind: Some("Pod".into()),
        namespace: Some(pod.namespace.clone()),
        name: Some(pod.name.clone()),
        ..ObjectReference::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(reason: FailureReason) -> Failure {
        Failure { reason, message: "allow it".into(), detail: "denied".into(), retry_after: None }
    }

    #[test]
    fn trouble_is_reported_once_and_so_is_its_end() {
        let (events, lane) = (LaneEvents::default(), LaneId::of_region("eu-west-1"));
        let failure = failure(FailureReason::AccessDenied);
        assert_eq!(events.changed(&lane, None, None), None);
        let said = events.changed(&lane, None, Some(&failure)).unwrap();
        assert_eq!((said.warning, said.reason, said.action), (true, "AccessDenied", "List"));
        assert_eq!(said.note, "Region eu-west-1: allow it. denied");
        assert_eq!(events.changed(&lane, None, Some(&failure)), None);
        let recovered = events.changed(&lane, None, None).unwrap();
        assert_eq!((recovered.warning, recovered.reason), (false, "Recovered"));
        assert_eq!(events.changed(&lane, None, None), None);
    }

    #[test]
    fn what_keeps_lists_and_other_calls_from_working_is_reported_once() {
        let (events, lane) = (LaneEvents::default(), LaneId::of_region("eu-west-1"));
        let expired = failure(FailureReason::CredentialsExpired);
        assert!(events.changed(&lane, None, Some(&expired)).is_some());
        assert_eq!(events.changed(&lane, Some(&expired), Some(&expired)), None);
        assert_eq!(events.changed(&lane, Some(&expired), None), None, "calls still wait");
        assert_eq!(events.changed(&lane, None, None).unwrap().reason, "Recovered");
        let said = events.changed(&lane, Some(&expired), None).unwrap();
        assert_eq!((said.reason, said.action), ("CredentialsExpired", "Call"));
        assert!(said.note.contains("calls about profiling groups wait"), "{}", said.note);
    }
}
