//! What is to be reported of ProfilerAccounts. Pure.

use std::sync::Arc;

use super::{
    Memory, Sought,
    accounts::{AccountReport, Stored},
};
use crate::{
    api::RegionStatus,
    domain::{
        account::Role,
        account_status::{AccountView, LaneReport, next_account_status},
        lane_id::LaneId,
        moment::Now,
    },
};

impl Memory {
    /// What is to be reported of each ProfilerAccount; `rate` is how fast a lane calls AWS.
    #[must_use]
    pub fn account_reports(&self, now: Now, rate: impl Fn(&LaneId) -> Option<f64>) -> Vec<AccountReport> {
        let report = |(name, role, stored): (&String, Result<&Arc<Role>, &String>, &Stored)| {
            let of_role = |id: &&LaneId| role.is_ok_and(|role| id.role() == Some(role));
            let lanes: Vec<_> = self.lanes.keys().filter(of_role).map(|id| self.lane_report(id, now, &rate)).collect();
            let view = AccountView {
                generation: stored.generation,
                account_id: role.map(|role| role.aws_account.to_string()).map_err(Clone::clone),
                waits: lanes.is_empty() && role.is_ok_and(|role| self.is_used(role, now)),
                lanes,
            };
            AccountReport {
                name: name.clone(),
                uid: stored.uid.clone(),
                version: stored.version.clone(),
                next: next_account_status(&view, &stored.status, now.wall),
                stored: stored.status.clone(),
            }
        };
        self.accounts.all().map(report).collect()
    }

    /// Whether a resource is to be looked up with this role: not one that is suspended, or waits for another one's group.
    fn is_used(&self, role: &Arc<Role>, now: Now) -> bool {
        let is_of_role = |sought: &Sought| sought.lane.role() == Some(role);
        let seekers =
            self.objects.iter().filter(|(key, entry)| self.sought(key, entry).as_ref().is_some_and(is_of_role));
        let mut seekers = seekers.filter_map(|(key, _)| self.evaluate(key, now));
        seekers.any(|evaluation| evaluation.wants.is_some())
    }

    fn lane_report(&self, id: &LaneId, now: Now, rate: impl Fn(&LaneId) -> Option<f64>) -> LaneReport {
        let lane = self.lanes[id].lock();
        let listed = lane.listed();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate is small, and never negative"
        )]
        let calls_per_second = rate(id).map(|rate| rate as u32);
        LaneReport {
            region: RegionStatus {
                region: id.region().to_owned(),
                last_listed_at: listed.map(|(began, ..)| now.wall_at(began)),
                groups: listed.map(|(_, groups, _)| count(groups)),
                managed: listed.map(|(.., managed)| count(managed)),
                unmanaged: listed.map(|(_, groups, managed)| count(groups.saturating_sub(managed))),
                calls_per_second,
            },
            failure: lane.circuit().or(lane.failure()).cloned(),
        }
    }
}
