//! Which lanes resources need, and for which groups. Pure.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use parking_lot::Mutex;

use super::{Entry, Memory, Sought, Wanted, is_of, key::Key};
use crate::{
    api::{ProfilingGroupSpec, ProfilingGroupStatus},
    aws::{
        inventory::Answer,
        lane::SharedLaneState,
        lane_state::{LaneState, News},
    },
    domain::{
        account::{Access, Account},
        claims::Group,
        desired::Desired,
        lane_id::LaneId,
        moment::{Moment, Now},
        remembered::Remembered,
    },
};

impl Memory {
    /// This process leads, and may not know every object yet: AWS lists the regions that the known ones name, and those
    /// that follow, meanwhile.
    pub fn list_early(&mut self, now: Now) -> Wanted {
        self.lists_early = true;
        let mut wanted = Wanted::default();
        let keys: Vec<_> = self.objects.keys().cloned().collect();
        for key in keys {
            self.want_early(&key, now, &mut wanted);
        }
        wanted
    }

    /// One object that needs a lane is enough for its first List.
    pub(super) fn want_early(&mut self, key: &Key, now: Now, wanted: &mut Wanted) {
        let Some(entry) = self.objects.get(key).filter(|_| self.lists_early) else { return };
        let sought = self.sought(key, entry).filter(|sought| !self.lanes.contains_key(&sought.lane));
        let allowed = |spec| {
            let allowed = self.allowed(self.access(key, spec).1);
            let Desired { suspended, not_allowed, .. } = Desired::of(spec, allowed, self.settings.observe_only);
            !suspended && not_allowed.is_none()
        };
        if sought.is_some() && entry.object.spec.as_ref().is_ok_and(allowed) {
            let status = entry.object.status.decode().ours;
            self.want(key, sought, &status, now, wanted);
        }
    }

    /// Which group a resource names, unless it was found elsewhere, or it may not use its identity: then it names none.
    pub(super) fn sought(&self, key: &Key, entry: &Entry) -> Option<Sought> {
        let spec = entry.object.spec.as_ref().ok()?;
        let (access, account) = self.access(key, spec);
        let lane = self.lane_of(spec, account).filter(|_| access == Access::Granted)?;
        let Remembered { seen, region, account, .. } = &entry.record.remembered;
        let elsewhere = |found: &Option<String>, is: Option<&str>| {
            *seen && found.as_deref().zip(is).is_some_and(|(found, is)| found != is)
        };
        if elsewhere(region, Some(lane.region())) || elsewhere(account, lane.role().map(|role| &*role.aws_account)) {
            return None;
        }
        // What is the same text is kept once.
        let name = &*spec.profiling_group_name;
        Some(match self.claims.group(key) {
            Some(group) if *group.name == *name => {
                Sought { lane: lane.sharing(&group.region), name: Arc::clone(&group.name) }
            }
            _ => Sought { lane, name: name.into() },
        })
    }

    /// The same group, whatever the identity.
    pub(super) fn group_of(&self, Sought { lane, name }: &Sought) -> Group {
        let account = lane.role().map(|role| &role.aws_account);
        let account = account.filter(|account| self.own_account.as_deref() != Some(&***account));
        Group { account: account.cloned(), region: lane.shared_region(), name: Arc::clone(name) }
    }

    /// The lane of a resource that may use its identity: none without a region.
    pub(super) fn lane_of(&self, spec: &ProfilingGroupSpec, account: Option<&Account>) -> Option<LaneId> {
        let of_account = account.and_then(|account| account.region.as_deref());
        let region = spec.region.as_deref().or(of_account).or(self.settings.default_region.as_deref())?;
        Some(LaneId::new(account.map(|account| &account.role), region))
    }

    /// A lane has attempted a List, or learned its account. Returns what concerns its objects.
    pub fn handle_lane_news(&mut self, id: &LaneId, now: Now) -> Wanted {
        let Some(lane) = self.lanes.get(id) else { return Wanted::default() };
        let (news, account) = {
            let mut lane = lane.lock();
            (lane.take_news(), lane.account().map(str::to_owned))
        };
        let merged = if news == News::All && id.role().is_none() { self.learn_own(account) } else { Vec::new() };
        let needs_lane = |key: &&Key| self.objects.get(*key).is_some_and(|entry| entry.is_of_lane(id));
        let recheck: BTreeSet<Key> = match news {
            News::All => self.objects.keys().filter(needs_lane).cloned().collect(),
            News::Groups(names) => {
                let groups = names.into_iter().map(|name| self.group_of(&Sought { lane: id.clone(), name }));
                let concerned: BTreeSet<_> =
                    groups.flat_map(|group| self.claims.claimants(&group).cloned().collect::<Vec<_>>()).collect();
                concerned.iter().chain(&self.requests).filter(needs_lane).cloned().collect()
            }
        };
        let mut wanted = self.claim_again(merged, now);
        wanted.recheck.extend(recheck);
        wanted
    }

    /// The AWS account of the operator's own identity is known: a role that belongs to it leads to the same groups. Returns
    /// the resources that refer to such a role.
    pub(super) fn learn_own(&mut self, account: Option<String>) -> Vec<Key> {
        let Some(account) = account.filter(|account| self.own_account.as_ref() != Some(account)) else {
            return Vec::new();
        };
        self.own_account = Some(account);
        let refers = |entry: &Entry| entry.object.spec.as_ref().is_ok_and(|spec| spec.account_ref.is_some());
        self.objects.iter().filter(|(_, entry)| refers(entry)).map(|(key, _)| key.clone()).collect()
    }

    /// The lane has been idle. Returns false if it is needed again.
    pub fn handle_lane_idle(&mut self, id: &LaneId, idle: Duration, now: Moment) -> bool {
        let ends = self.lanes.get(id).is_none_or(|lane| lane.lock().idle_for(now).is_some_and(|for_| for_ >= idle));
        if ends {
            self.lanes.remove(id);
        }
        ends
    }

    /// `key` needs a lane for this group, of which `status` has what was known last, and for no other one.
    pub(super) fn want(
        &mut self,
        key: &Key,
        sought: Option<Sought>,
        status: &ProfilingGroupStatus,
        now: Now,
        wanted: &mut Wanted,
    ) {
        self.unwant(key, now, wanted);
        let (Some(entry), Some(group)) = (self.objects.get_mut(key), sought) else { return };
        let ours = is_of(&group.lane, status);
        let remembered = status
            .profiling_enabled
            .filter(|_| ours)
            .map(|on| Answer { profiling_enabled: Some(on), updated_at: status.updated_at });
        let interval = self.settings.lane().of(&group.lane).poll_interval;
        let is_new = !self.lanes.contains_key(&group.lane);
        let state = self
            .lanes
            .entry(group.lane.clone())
            .or_insert_with(|| Arc::new(Mutex::new(LaneState::new(group.lane.clone(), interval, now.moment))));
        let mut state = state.lock();
        let was_stale = state.want(&group.name, remembered, now.moment);
        if self.requests.contains(key) {
            state.request_list(now.moment);
        }
        wanted.lanes.insert(group.lane.clone());
        if is_new || was_stale {
            wanted.recheck.insert(key.clone());
        }
        entry.wants = Some(group);
    }

    pub(super) fn unwant(&mut self, key: &Key, now: Now, wanted: &mut Wanted) {
        let Some(group) = self.objects.get_mut(key).and_then(|entry| entry.wants.take()) else { return };
        let still = self.claims.rivals(key).filter_map(|rival| self.objects.get(rival));
        if still.filter_map(|entry| entry.wants.as_ref()).any(|other| *other == group) {
            return;
        }
        if let Some(lane) = self.lanes.get(&group.lane) {
            lane.lock().unwant(&group.name, now.moment);
            wanted.lanes.insert(group.lane);
        }
    }

    /// What a lane knows, shared with the task that makes its calls.
    #[must_use]
    pub fn lane(&self, id: &LaneId) -> Option<SharedLaneState> {
        self.lanes.get(id).cloned()
    }
}
