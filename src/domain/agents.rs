//! Whether profiling really happens, from what AWS reports about the agents. Pure.

use std::time::Duration;

use super::conditions::Verdict;
use crate::api::{ProfilingStatus, Reason, Timestamp};

/// Agents fetch their configuration every five minutes, and then post the profile that they had begun: after this long
/// with profiling off, no profile should arrive.
const OBEYS_WITHIN: Duration = Duration::from_mins(10);
const LAMBDA: &str = "AWSLambda";

/// What is known about the agents of one group.
#[derive(Clone, Copy, Debug)]
pub struct Agents<'a> {
    /// The switch as reported by AWS, and since when it has that value.
    pub switch: Option<(bool, Timestamp)>,
    /// The agents' timestamps; `None` while AWS has not reported them.
    pub status: Option<&'a ProfilingStatus>,
    /// The group's compute platform.
    pub platform: Option<&'a str>,
    /// A profile older than this is stale.
    pub stale_after: Duration,
    /// When this is evaluated.
    pub now: Timestamp,
}

impl Agents<'_> {
    /// The condition `AgentsReporting`, and when it would change by time alone.
    #[must_use]
    pub fn reporting(&self) -> (Verdict, Option<Timestamp>) {
        if self.platform == Some(LAMBDA) {
            return (not_evaluated_for_lambda(), None);
        }
        let (Some((on, since)), Some(status)) = (self.switch, self.status) else { return (not_yet_known(), None) };
        let orchestrated = status.latest_agent_orchestrated_at;
        let reported = status.latest_agent_profile_reported_at;
        let stale_at = |time: Timestamp| time.plus(self.stale_after);
        let fresh = |time: Option<Timestamp>| time.map(stale_at).filter(|stale| *stale > self.now);

        if !on {
            let disobeyed = reported.filter(|reported| *reported > since.plus(OBEYS_WITHIN));
            return match fresh(disobeyed) {
                Some(stale) => (
                    Verdict::no(
                        Reason::ReportsAlthoughOff,
                        "Profiling is off, but an agent still reports profiles: is its role allowed to call \
                         codeguru-profiler:ConfigureAgent? An agent that can't keeps its last setting.",
                    ),
                    Some(stale),
                ),
                None => (Verdict::no(Reason::ProfilingOff, "Profiling is off: agents do not profile."), None),
            };
        }
        if let Some(stale) = fresh(reported) {
            return (Verdict::yes(Reason::AgentsReporting, "Agents report profiles."), Some(stale));
        }
        if orchestrated.is_none() && reported.is_none() {
            return (
                Verdict::no(
                    Reason::NoAgentEverSeen,
                    "Profiling is on, but no agent has ever been seen: does the application include the agent, and is \
                     it configured with this group and this region?",
                ),
                None,
            );
        }
        if let Some(judged) = fresh(Some(since)) {
            return (
                Verdict::unknown(
                    Reason::NotYetKnown,
                    "Profiling was turned on recently; agents need some time to report.",
                ),
                Some(judged),
            );
        }
        match fresh(orchestrated) {
            Some(stale) => (
                Verdict::no(
                    Reason::AgentsSilent,
                    "Agents fetch their configuration but report no profile: is their role allowed to call \
                     codeguru-profiler:PostAgentProfile?",
                ),
                Some(stale),
            ),
            None => (
                Verdict::no(
                    Reason::AgentsSilent,
                    "Profiling is on, but agents have stopped reporting: is the application running, and can it reach AWS?",
                ),
                None,
            ),
        }
    }

    /// The condition `AgentsUpToDate`.
    #[must_use]
    pub fn up_to_date(&self) -> Verdict {
        if self.platform == Some(LAMBDA) {
            return not_evaluated_for_lambda();
        }
        let (Some((_, since)), Some(status)) = (self.switch, self.status) else { return not_yet_known() };
        if status.latest_agent_orchestrated_at.is_some_and(|fetched| fetched > since) {
            return Verdict::yes(
                Reason::AgentsUpToDate,
                "An agent has fetched its configuration since profiling was last switched.",
            );
        }
        Verdict::no(
            Reason::WaitingForAgents,
            "No agent has fetched its configuration since profiling was last switched; a running agent does so every five \
             minutes.",
        )
    }
}

fn not_evaluated_for_lambda() -> Verdict {
    Verdict::unknown(Reason::NotJudged, "Not evaluated for AWS Lambda: agents live only as long as an invocation.")
}

/// While AWS has not reported anything about the agents.
#[must_use]
pub fn not_yet_known() -> Verdict {
    Verdict::unknown(Reason::NotYetKnown, "AWS has not reported on agents yet.")
}

/// While there is no group.
#[must_use]
pub fn no_group() -> Verdict {
    Verdict::unknown(Reason::NotYetKnown, "The profiling group does not exist in AWS.")
}

/// While no AWS calls are made for the group.
#[must_use]
pub fn not_evaluated() -> Verdict {
    Verdict::unknown(Reason::NotYetKnown, "Not evaluated: see the condition Ready.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(n: i128) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + n * 60_000)
    }

    /// now = minute 100, stale after 20 minutes; times in minutes.
    #[test]
    fn the_two_timestamps_show_whether_profiling_happens() {
        use Reason as R;
        let rows = [
            // on, since, orchestrated, reported => status, reason, changes at
            (true, 0, Some(98), Some(97), "True", R::AgentsReporting, Some(117)),
            (true, 0, Some(98), Some(80), "False", R::AgentsSilent, Some(118)),
            (true, 0, Some(50), Some(50), "False", R::AgentsSilent, None),
            (true, 0, Some(98), None, "False", R::AgentsSilent, Some(118)),
            (true, 0, None, None, "False", R::NoAgentEverSeen, None),
            (true, 95, None, None, "False", R::NoAgentEverSeen, None),
            (true, 95, Some(50), Some(50), "Unknown", R::NotYetKnown, Some(115)),
            (true, 99, Some(98), Some(97), "True", R::AgentsReporting, Some(117)),
            (false, 0, Some(98), Some(97), "False", R::ReportsAlthoughOff, Some(117)),
            (false, 90, Some(98), Some(97), "False", R::ProfilingOff, None),
            (false, 0, Some(98), Some(70), "False", R::ProfilingOff, None),
            (false, 0, None, None, "False", R::ProfilingOff, None),
        ];
        for (on, since, orchestrated, reported, status, reason, changes) in rows {
            let seen = ProfilingStatus {
                latest_agent_orchestrated_at: orchestrated.map(minutes),
                latest_agent_profile_reported_at: reported.map(minutes),
                latest_aggregated_profile: None,
            };
            let agents = Agents {
                switch: Some((on, minutes(since))),
                status: Some(&seen),
                platform: Some("Default"),
                stale_after: Duration::from_mins(20),
                now: minutes(100),
            };
            let (verdict, changes_at) = agents.reporting();
            assert_eq!(
                (verdict.status.as_str(), verdict.reason, changes_at),
                (status, reason, changes.map(minutes)),
                "on={on} since={since} orchestrated={orchestrated:?} reported={reported:?}"
            );
            let lambda = Agents { platform: Some(LAMBDA), ..agents };
            assert_eq!(lambda.reporting().0.reason, Reason::NotJudged);
            assert_eq!(lambda.up_to_date().reason, Reason::NotJudged);
            let unknown = Agents { status: None, ..agents };
            assert_eq!(unknown.reporting().0.reason, Reason::NotYetKnown);
        }
    }

    #[test]
    fn agents_are_up_to_date_once_one_has_fetched_its_configuration_after_the_switch() {
        for (orchestrated, reason) in [
            (None, Reason::WaitingForAgents),
            (Some(9), Reason::WaitingForAgents),
            (Some(10), Reason::WaitingForAgents),
            (Some(11), Reason::AgentsUpToDate),
        ] {
            let seen =
                ProfilingStatus { latest_agent_orchestrated_at: orchestrated.map(minutes), ..Default::default() };
            let agents = Agents {
                switch: Some((true, minutes(10))),
                status: Some(&seen),
                platform: None,
                stale_after: Duration::ZERO,
                now: minutes(100),
            };
            assert_eq!(agents.up_to_date().reason, reason, "{orchestrated:?}");
        }
    }
}
