//! What AWS reported about a group, in our own types. Pure.

use std::collections::BTreeMap;

use crate::api::{ProfilingStatus, Timestamp};

/// One description of a group: AWS's `ProfilingGroupDescription`, in which every member is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Observation {
    /// `name`.
    pub name: String,
    /// `arn`.
    pub arn: Option<String>,
    /// `computePlatform`.
    pub compute_platform: Option<String>,
    /// `createdAt`.
    pub created_at: Option<Timestamp>,
    /// `updatedAt`.
    pub updated_at: Option<Timestamp>,
    /// `agentOrchestrationConfig.profilingEnabled`; `None` is unknown, never false.
    pub profiling_enabled: Option<bool>,
    /// `profilingStatus`; `None` when AWS did not send it, empty when there is nothing to report.
    pub profiling_status: Option<ProfilingStatus>,
    /// `tags`.
    pub tags: Option<BTreeMap<String, String>>,
}

impl Observation {
    /// What is known after this and an older observation: an absent member never erases a known one, unless the group
    /// is another one of the same name.
    #[must_use]
    pub fn absorb(self, older: Option<&Self>) -> Self {
        let Some(older) = older.filter(|older| !self.is_another_group(older.created_at)) else { return self };
        let Self { name, arn, compute_platform, created_at, updated_at, profiling_enabled, profiling_status, tags } =
            self;
        Self {
            name,
            arn: arn.or_else(|| older.arn.clone()),
            compute_platform: compute_platform.or_else(|| older.compute_platform.clone()),
            created_at: created_at.or(older.created_at),
            updated_at: updated_at.or(older.updated_at),
            profiling_enabled: profiling_enabled.or(older.profiling_enabled),
            profiling_status: absorb_status(profiling_status, older.profiling_status.as_ref()),
            tags: tags.or_else(|| older.tags.clone()),
        }
    }

    /// Whether it was created again since the group of this name that was created at `created_at`.
    #[must_use]
    pub fn is_another_group(&self, created_at: Option<Timestamp>) -> bool {
        matches!((self.created_at, created_at), (Some(new), Some(old)) if new != old)
    }

    /// The account that owns the group: the fifth part of its ARN.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.arn.as_deref()?.split(':').nth(4).filter(|account| !account.is_empty())
    }
}

fn absorb_status(newer: Option<ProfilingStatus>, older: Option<&ProfilingStatus>) -> Option<ProfilingStatus> {
    let (Some(newer), Some(older)) = (&newer, older) else { return newer.or_else(|| older.cloned()) };
    let ProfilingStatus { latest_agent_orchestrated_at, latest_agent_profile_reported_at, latest_aggregated_profile } =
        newer;
    Some(ProfilingStatus {
        latest_agent_orchestrated_at: latest_agent_orchestrated_at.or(older.latest_agent_orchestrated_at),
        latest_agent_profile_reported_at: latest_agent_profile_reported_at.or(older.latest_agent_profile_reported_at),
        latest_aggregated_profile: latest_aggregated_profile
            .clone()
            .or_else(|| older.latest_aggregated_profile.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(second: u8) -> Timestamp {
        format!("2026-06-01T00:00:{second:02}Z").parse().unwrap()
    }

    #[test]
    fn an_absent_member_never_erases_a_known_one() {
        let known = Observation {
            name: "a".into(),
            arn: Some("arn:aws:codeguru-profiler:eu-west-1:111122223333:profilingGroup/a".into()),
            created_at: Some(time(1)),
            profiling_enabled: Some(true),
            profiling_status: Some(ProfilingStatus {
                latest_agent_orchestrated_at: Some(time(3)),
                ..Default::default()
            }),
            ..Default::default()
        };
        let thin = Observation { name: "a".into(), updated_at: Some(time(2)), ..Default::default() };
        let merged = thin.absorb(Some(&known));
        assert_eq!(merged, Observation { updated_at: Some(time(2)), ..known.clone() });
        let empty =
            Observation { name: "a".into(), profiling_status: Some(ProfilingStatus::default()), ..Default::default() };
        assert_eq!(empty.absorb(Some(&known)).profiling_status, known.profiling_status);
    }

    #[test]
    fn a_group_recreated_under_the_same_name_inherits_nothing() {
        let old = Observation {
            name: "a".into(),
            created_at: Some(time(1)),
            profiling_enabled: Some(true),
            ..Default::default()
        };
        let new = Observation { name: "a".into(), created_at: Some(time(2)), ..Default::default() };
        assert_eq!(new.clone().absorb(Some(&old)), new);
    }

    #[test]
    fn the_account_is_read_from_the_arn() {
        for (arn, account) in [
            (Some("arn:aws:codeguru-profiler:eu-west-1:111122223333:profilingGroup/a"), Some("111122223333")),
            (Some("arn:aws:codeguru-profiler:eu-west-1::profilingGroup/a"), None),
            (Some("nonsense"), None),
            (None, None),
        ] {
            let observation = Observation { arn: arn.map(Into::into), ..Default::default() };
            assert_eq!(observation.account(), account, "{arn:?}");
        }
    }
}
