//! Reports once, in an event about the operator's own pod, that a lane is in trouble, and once that it has recovered.
//! What was not reported as trouble is not reported as over.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::api::core::v1::ObjectReference;
use parking_lot::Mutex;

use super::settings::Pod;
use crate::domain::{
    failure::{Failure, FailureReason},
    lane_id::LaneId,
    moment::Moment,
    transitions::EventDraft,
};

/// The same trouble that comes back within this time is reported only if it lasts for as long: a lane that comes and goes
/// must not flood the events.
const REPORTED_AGAIN_AFTER: Duration = Duration::from_mins(1);

/// What was last reported of each lane.
#[derive(Default)]
pub struct LaneEvents(Mutex<BTreeMap<LaneId, Reports>>);

#[derive(Default)]
struct Reports {
    trouble: Option<FailureReason>,
    last: BTreeMap<FailureReason, Moment>,
}

impl LaneEvents {
    /// What is worth an event once a lane has changed: why calls about its groups wait, or why its last List failed. What
    /// keeps both from working is reported once.
    pub fn changed(
        &self,
        lane: &LaneId,
        circuit: Option<&Failure>,
        list: Option<&Failure>,
        now: Moment,
    ) -> Option<EventDraft> {
        let mut lanes = self.0.lock();
        let reports = lanes.entry(lane.clone()).or_default();
        let trouble = circuit.or(list);
        if reports.trouble == trouble.map(|failure| failure.reason) {
            return None;
        }
        let place = match lane.account() {
            Some(account) => format!("ProfilerAccount {account}, region {}", lane.region()),
            None => format!("Region {}", lane.region()),
        };
        let Some(Failure { reason, message, detail, .. }) = trouble else {
            reports.trouble = None;
            let note = format!("{place}: AWS answers again.");
            return Some(EventDraft { warning: false, reason: "Recovered", action: "Call", note });
        };
        if reports.last.get(reason).is_some_and(|last| now.since(*last) < REPORTED_AGAIN_AFTER) {
            return None;
        }
        reports.trouble = Some(*reason);
        reports.last.insert(*reason, now);
        let (action, waiting) = match circuit {
            Some(_) => ("Call", "calls about profiling groups wait, and one at a time is tried: "),
            None => ("List", ""),
        };
        let note = format!("{place}: {waiting}{message}. {detail}");
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

    fn at(seconds: u64) -> Moment {
        Moment::after(Duration::from_secs(seconds))
    }

    #[test]
    fn trouble_is_reported_once_and_so_is_its_end() {
        let (events, lane) = (LaneEvents::default(), LaneId::of_region("eu-west-1"));
        let failure = failure(FailureReason::AccessDenied);
        assert_eq!(events.changed(&lane, None, None, at(0)), None);
        let draft = events.changed(&lane, None, Some(&failure), at(1)).unwrap();
        assert_eq!((draft.warning, draft.reason, draft.action), (true, "AccessDenied", "List"));
        assert_eq!(draft.note, "Region eu-west-1: allow it. denied");
        assert_eq!(events.changed(&lane, None, Some(&failure), at(100)), None);
        let recovered = events.changed(&lane, None, None, at(101)).unwrap();
        assert_eq!((recovered.warning, recovered.reason), (false, "Recovered"));
        assert_eq!(events.changed(&lane, None, None, at(102)), None);
    }

    #[test]
    fn what_keeps_lists_and_other_calls_from_working_is_reported_once() {
        let (events, lane) = (LaneEvents::default(), LaneId::of_region("eu-west-1"));
        let expired = failure(FailureReason::CredentialsExpired);
        assert!(events.changed(&lane, None, Some(&expired), at(0)).is_some());
        assert_eq!(events.changed(&lane, Some(&expired), Some(&expired), at(1)), None);
        assert_eq!(events.changed(&lane, Some(&expired), None, at(2)), None, "calls still wait");
        assert_eq!(events.changed(&lane, None, None, at(3)).unwrap().reason, "Recovered");
        let draft = events.changed(&lane, Some(&expired), None, at(100)).unwrap();
        assert_eq!((draft.reason, draft.action), ("CredentialsExpired", "Call"));
        assert!(draft.note.contains("calls about profiling groups wait"), "{}", draft.note);
    }

    /// A region that failed every other List once made more than twenty events a minute.
    #[test]
    fn trouble_that_comes_and_goes_is_reported_once_a_minute_and_at_last_if_it_lasts() {
        let (events, lane) = (LaneEvents::default(), LaneId::of_region("eu-west-1"));
        let failure = failure(FailureReason::Unreachable);
        let reports = |range: std::ops::Range<u64>| {
            let reports = range.filter_map(|second| {
                let failed = (second % 2 == 0).then_some(&failure);
                events.changed(&lane, None, failed, at(second)).map(|event| (second, event.reason))
            });
            reports.collect::<Vec<_>>()
        };
        assert_eq!(reports(0..60), [(0, "Unreachable"), (1, "Recovered")]);
        assert_eq!(reports(60..100), [(60, "Unreachable"), (61, "Recovered")]);
        assert_eq!(events.changed(&lane, None, Some(&failure), at(119)), None);
        assert!(events.changed(&lane, None, Some(&failure), at(120)).is_some(), "it lasts");
        assert_eq!(events.changed(&lane, None, None, at(121)).unwrap().reason, "Recovered");
    }
}
