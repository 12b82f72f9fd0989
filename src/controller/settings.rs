//! The operator's settings, as the controller needs them. Plain data.

use std::{num::NonZeroU32, time::Duration};

use crate::{
    aws::lane::LaneSettings,
    domain::{
        account::{Role, Users},
        desired::Allowed,
        owner::OwnerId,
        situation::Limits,
    },
};

/// The shortest time that a group waits for its former owner.
const SHORTEST_GRACE: Duration = Duration::from_secs(30);

/// How much longer than its time-out an AWS call may take.
pub const CALL_SLACK: Duration = Duration::from_secs(1);

/// What the command line decided.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The namespaces to work on; all when empty.
    pub namespaces: Vec<String>,
    /// The region of resources without `spec.region`.
    pub default_region: Option<String>,
    /// The time between two Lists of a lane, before jitter.
    pub poll_interval: Duration,
    /// The shortest time between two writes of the agents' timestamps alone.
    pub status_refresh: Duration,
    /// How long agents may go without reporting.
    pub agent_stale_after: Duration,
    /// How often what is in no List is read.
    pub details_interval: Duration,
    /// Never write to AWS, whatever a resource requests.
    pub observe_only: bool,
    /// By which owner id groups are marked as this operator's, if they are.
    pub owner: Option<OwnerId>,
    /// What resources that use the operator's own identity may do.
    pub allowed: Allowed,
    /// Which resources may use the operator's own identity.
    pub own_users: Users,
    /// Whether ProfilerAccounts are watched.
    pub accounts: bool,
    /// How long one AWS call may take.
    pub aws_timeout: Duration,
    /// How long one write of a status may take.
    pub status_timeout: Duration,
    /// The operator's own pod, for events about a lane.
    pub pod: Option<Pod>,
    /// AWS calls a second and lane, at most.
    pub calls_per_second: NonZeroU32,
}

/// The pod that the operator runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Settings {
    /// What a lane needs.
    #[must_use]
    pub fn lane(&self) -> LaneSettings {
        LaneSettings { poll_interval: self.poll_interval, calls_per_second: self.calls_per_second }
    }

    /// The longest time that passes between the beginning of an AWS call and its end.
    #[must_use]
    pub fn aws_call(&self) -> Duration {
        self.aws_timeout + CALL_SLACK
    }

    /// What decisions need about a resource that uses this role, or the operator's own identity.
    #[must_use]
    pub fn limits(&self, role: Option<&Role>) -> Limits {
        Limits::new(self.lane().with(role).poll_interval, self.agent_stale_after, self.details_interval)
    }

    /// How long a group waits for its former owner while others want it.
    #[must_use]
    pub fn claim_grace(&self) -> Duration {
        self.poll_interval.max(SHORTEST_GRACE)
    }
}
