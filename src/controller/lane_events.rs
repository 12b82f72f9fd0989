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
    /// What is worth an event after an attempt to list a lane.
    pub fn attempted(&self, lane: &LaneId, failure: Option<&Failure>) -> Option<EventDraft> {
        let mut reported = self.0.lock();
        let reason = failure.map(|failure| failure.reason);
        if reported.get(lane).copied() == reason {
            return None;
        }
        let region = lane.region();
        let (warning, reason, note) = if let Some(failure) = failure {
            reported.insert(lane.clone(), failure.reason);
            (true, failure.reason.as_str(), format!("Region {region}: {}. {}", failure.message, failure.detail))
        } else {
            reported.remove(lane);
            (false, "Recovered", format!("Region {region}: AWS can be listed again."))
        };
        Some(EventDraft { warning, reason, action: "List", note })
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

    #[test]
    fn trouble_is_reported_once_and_so_is_its_end() {
        let (events, lane) = (LaneEvents::default(), LaneId::of_region("eu-west-1"));
        let failure = Failure {
            reason: FailureReason::AccessDenied,
            message: "allow it".into(),
            detail: "denied".into(),
            retry_after: None,
        };
        assert_eq!(events.attempted(&lane, None), None);
        let said = events.attempted(&lane, Some(&failure)).unwrap();
        assert_eq!((said.warning, said.reason), (true, "AccessDenied"));
        assert_eq!(said.note, "Region eu-west-1: allow it. denied");
        assert_eq!(events.attempted(&lane, Some(&failure)), None);
        assert_eq!(events.attempted(&lane, None).unwrap().reason, "Recovered");
        assert_eq!(events.attempted(&lane, None), None);
    }
}
