//! Keeps claims and lanes in step with the watch: who speaks for a group, and which lanes have something to do.

use std::{collections::HashSet, sync::Mutex};

use kube::{Resource, ResourceExt, api::DynamicObject};
use serde_json::Value;

use super::{
    claims::{Claims, Group, Seniority},
    objects::{Key, called, key},
    stored,
};
use crate::{
    api::ProfilingGroupSpec,
    aws::lanes::Lanes,
    domain::{observation::Observation, situation::Ownership},
    process::lock::lock,
};

/// Who speaks for which group.
#[derive(Default)]
pub struct Owners(Mutex<State>);

#[derive(Default)]
struct State {
    claims: Claims<Key>,
    suspended: HashSet<Key>,
}

impl Owners {
    /// An object is there. Answers the others whose standing may have changed.
    pub fn applied(&self, object: &DynamicObject, default_region: Option<&str>, lanes: &Lanes) -> Vec<Key> {
        let key = key(object);
        let spec =
            object.data.get("spec").cloned().and_then(|spec| serde_json::from_value::<ProfilingGroupSpec>(spec).ok());
        let claim = spec.filter(|_| object.meta().deletion_timestamp.is_none()).and_then(|spec| {
            let region = spec.region.or(default_region.map(Into::into))?;
            Some((Group { region, name: spec.profiling_group_name }, spec.suspend == Some(true)))
        });
        let Some((group, suspended)) = claim else { return self.deleted(&key, lanes) };
        let status = stored::read(object.data.get("status").unwrap_or(&Value::Null));
        let incumbent = status.arn.is_some() && status.region.as_deref() == Some(&group.region);
        let seniority = Seniority {
            newcomer: !incumbent,
            created: object.creation_timestamp().map_or(i64::MAX, |created| created.0.as_second()),
            uid: object.uid().unwrap_or_default(),
        };
        let remembered = status.profiling_enabled.filter(|_| incumbent).map(|on| Observation {
            name: group.name.clone(),
            profiling_enabled: Some(on),
            updated_at: status.updated_at,
            ..Observation::default()
        });

        let mut state = lock(&self.0);
        let mut groups = state.claims.claim(&key, group.clone(), seniority);
        let moved = if suspended { state.suspended.insert(key.clone()) } else { state.suspended.remove(&key) };
        if moved {
            groups.push(group.clone());
        }
        state.settle(&groups, lanes, |changed| remembered.clone().filter(|_| *changed == group))
    }

    /// An object is gone. Answers the others whose standing may have changed.
    pub fn deleted(&self, key: &Key, lanes: &Lanes) -> Vec<Key> {
        let mut state = lock(&self.0);
        state.suspended.remove(key);
        let groups = state.claims.release(key);
        state.settle(&groups, lanes, |_| None)
    }

    /// Whether `key` speaks for `group`.
    #[must_use]
    pub fn ownership(&self, key: &Key, group: &Group) -> Ownership {
        match lock(&self.0).claims.owner(group) {
            Some(owner) if owner != key => Ownership::ClaimedBy(called(owner)),
            _ => Ownership::Owner,
        }
    }
}

impl State {
    /// A lane asks for a group while its owner is not suspended.
    fn settle(&self, groups: &[Group], lanes: &Lanes, remembered: impl Fn(&Group) -> Option<Observation>) -> Vec<Key> {
        for group in groups {
            let lane = lanes.get(&group.region);
            match self.claims.owner(group) {
                Some(owner) if !self.suspended.contains(owner) => lane.join(&group.name, remembered(group)),
                _ => lane.leave(&group.name),
            }
        }
        groups.iter().flat_map(|group| self.claims.claimants(group)).cloned().collect()
    }
}
