//! Says once, in an event about the operator's own pod, that a lane is in trouble, and once that it is not any more.

use std::{collections::HashMap, sync::Mutex};

use k8s_openapi::api::core::v1::ObjectReference;

use super::settings::Pod;
use crate::{
    api::Reason,
    domain::{failure::Failure, transitions::EventDraft},
    process::lock::lock,
};

/// What was last said of each lane.
#[derive(Default)]
pub struct LaneEvents(Mutex<HashMap<String, Reason>>);

impl LaneEvents {
    /// What is worth saying of the lane of `region` after an attempt to list it.
    pub fn attempted(&self, region: &str, failure: Option<&Failure>) -> Option<EventDraft> {
        let mut said = lock(&self.0);
        let reason = failure.map(|failure| failure.reason);
        if said.get(region).copied() == reason {
            return None;
        }
        let (warning, reason, note) = if let Some(failure) = failure {
            said.insert(region.into(), failure.reason);
            (true, failure.reason.as_str(), format!("Region {region}: {}. {}", failure.message, failure.detail))
        } else {
            said.remove(region);
            (false, "Recovered", format!("Region {region}: AWS can be listed again."))
        };
        Some(EventDraft { warning, reason, action: "List", note })
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
    use crate::domain::failure::Class;

    #[test]
    fn trouble_is_said_once_and_so_is_its_end() {
        let events = LaneEvents::default();
        let failure = Failure {
            reason: Reason::AccessDenied,
            class: Class::FixMe,
            message: "allow it".into(),
            detail: "denied".into(),
            retry_after: None,
        };
        assert_eq!(events.attempted("eu-west-1", None), None);
        let said = events.attempted("eu-west-1", Some(&failure)).unwrap();
        assert_eq!((said.warning, said.reason), (true, "AccessDenied"));
        assert_eq!(said.note, "Region eu-west-1: allow it. denied");
        assert_eq!(events.attempted("eu-west-1", Some(&failure)), None);
        assert_eq!(events.attempted("eu-west-1", None).unwrap().reason, "Recovered");
        assert_eq!(events.attempted("eu-west-1", None), None);
    }
}
