//! What is to be reported of ProfilerAccounts. Pure.

use std::sync::Arc;

use super::{
    Memory,
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
                waits: lanes.is_empty() && role.is_ok_and(|role| self.is_used(role)),
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

    /// Whether a resource is to be looked up with this role.
    fn is_used(&self, role: &Arc<Role>) -> bool {
        self.objects.values().any(|entry| entry.wants.as_ref().is_some_and(|sought| sought.lane.role() == Some(role)))
            || self.objects.iter().any(|(key, entry)| {
                let suspended = entry.object.spec.as_ref().is_ok_and(|spec| spec.suspend == Some(true));
                !suspended && self.sought(key, entry).is_some_and(|sought| sought.lane.role() == Some(role))
            })
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
