//! The flags of leader election, and which of their combinations work. Pure.

use std::time::Duration;

use clap::{Args, builder::BoolishValueParser};

use super::values;
use crate::{controller::settings::CALL_SLACK, domain::election::Terms, election::ElectionSettings};

/// The flags.
#[derive(Clone, Debug, Args)]
pub struct LeaderElectionArgs {
    /// Elect one leader among the replicas, which acts alone. false for a single process that is started by hand.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_LEADER_ELECTION",
        value_name = "BOOL",
        default_value = "true",
        num_args = 0..=1,
        default_missing_value = "true",
        require_equals = true,
        action = clap::ArgAction::Set,
        value_parser = BoolishValueParser::new()
    )]
    pub leader_election: bool,

    /// Name of the Lease. Installations that divide the namespaces of a cluster each have their own.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_LEADER_ELECTION_LEASE_NAME",
        value_name = "NAME",
        default_value = env!("CARGO_PKG_NAME"),
        value_parser = values::object_name
    )]
    pub leader_election_lease_name: String,

    /// Namespace of the Lease. Defaults to --pod-namespace, or the namespace of the kubeconfig.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_LEADER_ELECTION_NAMESPACE",
        value_name = "NAME",
        value_parser = values::namespace
    )]
    pub leader_election_namespace: Option<String>,

    /// Time after which another replica may replace a leader that does not renew the Lease.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_LEADER_ELECTION_LEASE_DURATION",
        value_name = "DURATION",
        default_value = "15s",
        value_parser = values::duration(Duration::from_secs(1))
    )]
    pub leader_election_lease_duration: Duration,

    /// Time after which a replica that can't renew the Lease no longer reports that it leads.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_LEADER_ELECTION_RENEW_DEADLINE",
        value_name = "DURATION",
        default_value = "10s",
        value_parser = values::duration(Duration::from_millis(100))
    )]
    pub leader_election_renew_deadline: Duration,

    /// Interval between two renewals, or two attempts.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_LEADER_ELECTION_RETRY_PERIOD",
        value_name = "DURATION",
        default_value = "2s",
        value_parser = values::duration(Duration::from_millis(100))
    )]
    pub leader_election_retry_period: Duration,
}

/// Times that could not work together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// A leader would try to renew when it is too late.
    #[error("--leader-election-retry-period must be less than half of --leader-election-renew-deadline")]
    Retry,
    /// A leader would still count as one when another may lead.
    #[error("--leader-election-renew-deadline must be less than --leader-election-lease-duration")]
    Deadline,
    /// No AWS call could be made.
    #[error(
        "--aws-timeout must be at most {}: it and a second must end within --leader-election-lease-duration less two \
         --leader-election-retry-period",
        humantime::format_duration(*.longest)
    )]
    AwsTimeout {
        /// The longest time-out that works.
        longest: Duration,
    },
}

impl LeaderElectionArgs {
    /// The times, if an AWS call with this time-out can be made under them.
    pub fn terms(&self, aws_timeout: Duration) -> Result<Terms, TermsError> {
        let terms = Terms {
            lease: self.leader_election_lease_duration,
            renew_deadline: self.leader_election_renew_deadline,
            retry: self.leader_election_retry_period,
        };
        if terms.retry * 2 >= terms.renew_deadline {
            return Err(TermsError::Retry);
        }
        if terms.renew_deadline >= terms.lease {
            return Err(TermsError::Deadline);
        }
        if aws_timeout + CALL_SLACK > terms.longest_call() {
            return Err(TermsError::AwsTimeout { longest: terms.longest_call().saturating_sub(CALL_SLACK) });
        }
        Ok(terms)
    }

    /// The Lease; in `namespace` unless a flag names another one.
    #[must_use]
    pub fn lease(&self, terms: Terms, namespace: &str) -> ElectionSettings {
        let namespace = self.leader_election_namespace.as_deref().unwrap_or(namespace).to_owned();
        ElectionSettings { namespace, name: self.leader_election_lease_name.clone(), terms }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Run {
        #[command(flatten)]
        args: LeaderElectionArgs,
    }

    fn terms(flags: &str, aws_timeout: u64) -> Result<Terms, String> {
        let flags = flags.split_whitespace().map(|flag| format!("--leader-election-{flag}"));
        let args = Run::parse_from(["run".to_owned()].into_iter().chain(flags)).args;
        args.terms(Duration::from_millis(aws_timeout)).map_err(|error| error.to_string())
    }

    #[test]
    fn only_times_that_work_together_are_accepted() {
        for (flags, aws_timeout, refused) in [
            ("", 8_000, None),
            ("", 10_000, None),
            ("", 10_001, Some("--aws-timeout must be at most 10s")),
            ("lease-duration=60s renew-deadline=40s retry-period=5s", 30_000, None),
            ("lease-duration=10s", 1_000, Some("--leader-election-renew-deadline must be less")),
            ("retry-period=5s", 1_000, Some("--leader-election-retry-period must be less")),
            ("lease-duration=3s renew-deadline=2s retry-period=500ms", 1_000, None),
            ("lease-duration=3s renew-deadline=2s retry-period=500ms", 2_000, Some("--aws-timeout must be at most 1s")),
        ] {
            let found = terms(flags, aws_timeout).err();
            assert_eq!(found.is_some(), refused.is_some(), "{flags} {aws_timeout}: {found:?}");
            assert!(found.unwrap_or_default().contains(refused.unwrap_or_default()), "{flags} {aws_timeout}");
        }
    }

    #[test]
    fn it_is_on_unless_it_is_switched_off() {
        let on = |flags: &[&str]| Run::parse_from([&["run"], flags].concat()).args.leader_election;
        assert!(on(&[]) && on(&["--leader-election"]) && !on(&["--leader-election=false"]));
    }
}
