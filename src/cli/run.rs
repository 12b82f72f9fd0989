//! `run`: its flags, and the order in which the operator starts and ends. Reads the environment.

use std::{env, io, net::SocketAddr, num::NonZeroU32, sync::Arc, time::Duration};

use clap::{Args, builder::BoolishValueParser};
use kube::Client;
use prometheus_client::registry::Registry;
use tokio::runtime::{self, Runtime};
use tokio_util::sync::CancellationToken;

use super::{
    endpoint::{self, Endpoint, EndpointError},
    leader_election::{LeaderElectionArgs, TermsError},
    values,
};
use crate::{
    api::Grant,
    aws::{
        metrics::AwsMetrics,
        sdk::{ConfigurationError, SdkServices, SdkSettings},
    },
    controller::{
        self, Ended, Health, Surroundings,
        instruments::Instruments,
        settings::{Pod, Settings},
    },
    domain::{account::Users, desired::Allowed, election::Terms, glob::Glob, owner::OwnerId},
    election::{Candidate, ElectionMetrics, LeaseLost},
    process::{
        health::{Liveness, Readiness},
        http::{Endpoints, ListenError, Server},
        kube_client::{self, KubeClientError},
        metrics::Metrics,
        permit::Permits,
        shutdown,
        system::System,
        telemetry::{self, LogFormat, TelemetryError},
        usage,
    },
};

/// How long the rest of the runtime may delay the end: a DNS look-up, for one, can't be cancelled.
const LEFTOVERS: Duration = Duration::from_millis(500);

/// How long the write of a status may take, or less where the Lease is shorter.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

/// The flags of `run`. Each is also an environment variable, `CODEGURU_PROFILER_OPERATOR_` and the flag's name in
/// capitals; the flag wins.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Namespace to watch; can be repeated. All namespaces by default. In the environment, names are separated by commas.
    #[arg(
        long = "namespace",
        env = "CODEGURU_PROFILER_OPERATOR_NAMESPACE",
        value_name = "NAME",
        value_delimiter = ',',
        value_parser = values::namespace
    )]
    pub namespaces: Vec<String>,

    /// Default region for resources without spec.region. When absent, the AWS SDK's sources are used: AWS_REGION,
    /// AWS_DEFAULT_REGION, the profile, instance metadata.
    #[arg(long, env = "CODEGURU_PROFILER_OPERATOR_REGION", value_parser = values::region)]
    pub region: Option<String>,

    /// Interval between two Lists of an account and region, jittered.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_POLL_INTERVAL",
        value_name = "DURATION",
        default_value = "60s",
        value_parser = values::duration(Duration::from_secs(1))
    )]
    pub poll_interval: Duration,

    /// Minimum interval between status writes that update only the agents' timestamps.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_STATUS_REFRESH",
        value_name = "DURATION",
        default_value = "15m",
        value_parser = values::duration(Duration::from_secs(1))
    )]
    pub status_refresh: Duration,

    /// Time without a profile after which AgentsReporting becomes False.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_AGENT_STALE_AFTER",
        value_name = "DURATION",
        default_value = "20m",
        value_parser = values::duration(Duration::from_secs(1))
    )]
    pub agent_stale_after: Duration,

    /// Never write to AWS; only report differences.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_OBSERVE_ONLY",
        value_parser = BoolishValueParser::new()
    )]
    pub observe_only: bool,

    /// Interval between two reads of the permissions and notifications of a group, jittered; only for resources that
    /// manage them.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_DETAILS_INTERVAL",
        value_name = "DURATION",
        default_value = "10m",
        value_parser = values::duration(Duration::from_secs(1))
    )]
    pub details_interval: Duration,

    /// What resources may do beside setting profilingEnabled, separated by commas: create, delete, restore, tags,
    /// permissions, notifications.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_ALLOWED_FACETS",
        value_name = "FACETS",
        value_delimiter = ',',
        value_parser = values::grant
    )]
    pub allowed_facets: Vec<Grant>,

    /// Principals that spec.agentPermissions may name, as patterns of their ARNs, separated by commas: * stands for any
    /// characters, ? for one. None by default.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_ALLOWED_PRINCIPALS",
        value_name = "PATTERNS",
        value_delimiter = ',',
        value_parser = values::pattern
    )]
    pub allowed_principals: Vec<Glob>,

    /// SNS topics that spec.anomalyNotifications may name, as patterns of their ARNs, separated by commas. None by
    /// default.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_ALLOWED_TOPICS",
        value_name = "PATTERNS",
        value_delimiter = ',',
        value_parser = values::pattern
    )]
    pub allowed_topics: Vec<Glob>,

    /// Namespaces whose resources can use the operator's own AWS identity, separated by commas; all by default. Resources
    /// elsewhere need spec.accountRef.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_OWN_IDENTITY_NAMESPACES",
        value_name = "NAMES",
        value_delimiter = ',',
        value_parser = values::namespace
    )]
    pub own_identity_namespaces: Vec<String>,

    /// Patterns of the names of groups that the operator's own AWS identity can be used for, separated by commas; "*"
    /// stands for any characters. All by default.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_OWN_IDENTITY_GROUP_NAMES",
        value_name = "PATTERNS",
        value_delimiter = ',',
        value_parser = values::group_pattern
    )]
    pub own_identity_group_names: Vec<Glob>,

    /// Owner ID of this operator: groups are marked with it by tags, and those that another operator has marked are left
    /// alone. For several clusters that manage groups of one AWS account. Off by default.
    #[arg(long, env = "CODEGURU_PROFILER_OPERATOR_OWNER_ID", value_name = "ID", value_parser = values::owner_id)]
    pub owner_id: Option<String>,

    /// Owner ID of another operator, whose groups this one takes over where a resource names them; each group once.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_TAKE_OVER_FROM",
        value_name = "ID",
        requires = "owner_id",
        value_parser = values::owner_id
    )]
    pub take_over_from: Option<String>,

    /// Watch ProfilerAccounts, which needs permissions in the whole cluster. If false, resources with spec.accountRef are
    /// refused.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_ACCOUNTS",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "true",
        default_missing_value = "true",
        action = clap::ArgAction::Set,
        value_parser = BoolishValueParser::new()
    )]
    pub accounts: bool,

    /// Endpoint of CodeGuru Profiler instead of the AWS default.
    #[arg(long, env = "CODEGURU_PROFILER_OPERATOR_ENDPOINT_URL", value_name = "URL")]
    pub endpoint_url: Option<Endpoint>,

    /// Allow endpoints with plain HTTP on other machines, in this flag and in the AWS SDK's variables.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_ALLOW_PLAIN_HTTP_ENDPOINT",
        value_parser = BoolishValueParser::new()
    )]
    pub allow_plain_http_endpoint: bool,

    /// Timeout of an AWS call.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_AWS_TIMEOUT",
        value_name = "DURATION",
        default_value = "8s",
        value_parser = values::duration(Duration::from_millis(100))
    )]
    pub aws_timeout: Duration,

    /// Timeout for connecting to AWS, included in --aws-timeout.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_AWS_CONNECT_TIMEOUT",
        value_name = "DURATION",
        default_value = "3s",
        value_parser = values::duration(Duration::from_millis(100))
    )]
    pub aws_connect_timeout: Duration,

    /// Maximum number of AWS calls per second for each account and region.
    #[arg(long, env = "CODEGURU_PROFILER_OPERATOR_AWS_CALLS_PER_SECOND", value_name = "NUMBER", default_value = "100")]
    pub aws_calls_per_second: NonZeroU32,

    /// Time for calls in flight to finish after SIGTERM or SIGINT. Must be less than the pod's
    /// terminationGracePeriodSeconds.
    #[arg(
        long,
        env = "CODEGURU_PROFILER_OPERATOR_GRACEFUL_SHUTDOWN_TIMEOUT",
        value_name = "DURATION",
        default_value = "30s",
        value_parser = values::duration(Duration::ZERO)
    )]
    pub graceful_shutdown_timeout: Duration,

    /// Leader election.
    #[command(flatten)]
    pub election: LeaderElectionArgs,

    /// Address for probes and metrics: /livez, /readyz, /metrics. [::] serves IPv4 and IPv6, or IPv4 alone where IPv6 is
    /// disabled.
    #[arg(
        long = "listen-address",
        env = "CODEGURU_PROFILER_OPERATOR_LISTEN_ADDRESS",
        value_name = "ADDRESS:PORT",
        default_value = "[::]:8080",
        value_parser = values::address
    )]
    pub probes_and_metrics: SocketAddr,

    /// Name of the operator's pod: events about a region are attached to this pod.
    #[arg(long, env = "CODEGURU_PROFILER_OPERATOR_POD_NAME", value_name = "NAME", requires = "pod_namespace")]
    pub pod_name: Option<String>,

    /// Namespace of the operator's pod.
    #[arg(long, env = "CODEGURU_PROFILER_OPERATOR_POD_NAMESPACE", value_name = "NAME")]
    pub pod_namespace: Option<String>,

    /// Log format.
    #[arg(long, env = "CODEGURU_PROFILER_OPERATOR_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,

    /// Log level: error, warn, info, debug or trace, or target=level pairs separated by commas. Defaults to RUST_LOG, or
    /// info.
    #[arg(long, env = "CODEGURU_PROFILER_OPERATOR_LOG_LEVEL", value_name = "LEVEL")]
    pub log_level: Option<String>,
}

/// Why the operator could not start, or ended unexpectedly.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The flags, or the AWS SDK's variables, name an endpoint that is not allowed.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The flags of leader election can't work together.
    #[error(transparent)]
    Terms(#[from] TermsError),
    /// The log can't be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The system provides no threads or no signal handlers.
    #[error("can't start the runtime")]
    Runtime(#[source] io::Error),
    /// AWS's variables or profile can't be used.
    #[error(transparent)]
    Aws(#[from] ConfigurationError),
    /// There is no Kubernetes client.
    #[error(transparent)]
    Kubernetes(#[from] KubeClientError),
    /// Probes and metrics can't be served.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A part of the operator ended by itself: a fault of the program.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// Another replica leads now.
    #[error(transparent)]
    LeaseLost(#[from] LeaseLost),
}

/// Runs the operator until a signal stops it; returns once it has ended in good order.
pub(super) fn run(args: &RunArgs) -> Result<(), RunError> {
    endpoint::check(args.endpoint_url.as_ref(), args.allow_plain_http_endpoint, |name| env::var(name).ok())?;
    let terms = args.election.leader_election.then(|| args.election.terms(args.aws_timeout)).transpose()?;
    telemetry::init(args.log_format, &args.log_filter(|name| env::var(name).ok()))?;
    let runtime = runtime().map_err(RunError::Runtime)?;
    let ended = runtime.block_on(operate(args, terms));
    runtime.shutdown_timeout(LEFTOVERS);
    ended
}

fn runtime() -> io::Result<Runtime> {
    runtime::Builder::new_multi_thread().enable_all().build()
}

async fn operate(args: &RunArgs, terms: Option<Terms>) -> Result<(), RunError> {
    let stop = shutdown::on_signal().map_err(RunError::Runtime)?;
    let mut metrics = Metrics::new();
    usage::register(metrics.registry());
    let clients = kube_client::connect(metrics.registry()).await?;
    let system = System::real();
    let candidate = terms.map(|terms| args.candidate(terms, clients.leases, system.clone(), metrics.registry()));
    let (candidate, permits) =
        candidate.map_or((None, Permits::always_granted()), |(one, permits)| (Some(one), permits));
    let aws_metrics = Arc::new(AwsMetrics::register(metrics.registry()));
    let instruments = Instruments::register(metrics.registry(), Arc::clone(&aws_metrics));
    let server = Server::bind(args.probes_and_metrics).await?;
    let health =
        Health { liveness: Liveness::new(), readiness: Readiness::waiting_for("the first list of ProfilingGroups") };
    let endpoints = Endpoints {
        liveness: health.liveness.clone(),
        readiness: health.readiness.clone(),
        metrics: Arc::new(metrics),
    };
    let server_stop = CancellationToken::new();
    let serving = tokio::spawn(server.serve(endpoints, server_stop.clone()));

    let services = SdkServices::load(args.sdk(), aws_metrics).await?;
    let settings = args.settings(services.default_region(), terms);
    let surroundings = Surroundings {
        client: clients.resources,
        connect: Box::new(move |lane| services.for_lane(lane)),
        permits,
        system,
        stop: stop.clone(),
    };
    let work = controller::run(surroundings, settings, instruments, health);
    let work = shutdown::drain(&stop, args.graceful_shutdown_timeout, work);
    let ended = match candidate {
        Some(candidate) => candidate.accompany(work).await,
        None => Ok(work.await),
    };

    server_stop.cancel();
    shutdown::drain(&server_stop, LEFTOVERS, serving).await;
    tracing::info!("stopped");
    ended?.unwrap_or(Ok(())).map_err(RunError::Ended)
}

impl RunArgs {
    fn candidate(&self, terms: Terms, client: Client, system: System, registry: &mut Registry) -> (Candidate, Permits) {
        let namespace = self.pod_namespace.as_deref().unwrap_or(client.default_namespace());
        let settings = self.election.lease(terms, namespace);
        let metrics = ElectionMetrics::register(registry, &settings.name);
        let process = self.pod_name.as_deref().unwrap_or(env!("CARGO_PKG_NAME"));
        Candidate::new(client, settings, process, metrics, system)
    }

    fn sdk(&self) -> SdkSettings {
        SdkSettings {
            region: self.region.clone(),
            endpoint_url: self.endpoint_url.as_ref().map(ToString::to_string),
            connect_timeout: self.aws_connect_timeout,
            attempt_timeout: self.aws_timeout,
        }
    }

    fn settings(&self, default_region: Option<String>, terms: Option<Terms>) -> Settings {
        Settings {
            namespaces: self.namespaces.clone(),
            default_region,
            poll_interval: self.poll_interval,
            status_refresh: self.status_refresh,
            agent_stale_after: self.agent_stale_after,
            details_interval: self.details_interval,
            observe_only: self.observe_only,
            owner: self.owner(),
            allowed: Allowed {
                grants: self.allowed_facets.clone(),
                principals: self.allowed_principals.clone(),
                topics: self.allowed_topics.clone(),
            },
            own_users: self.users_of_own_identity(),
            accounts: self.accounts,
            aws_timeout: self.aws_timeout,
            status_timeout: terms.map_or(STATUS_TIMEOUT, |terms| STATUS_TIMEOUT.min(terms.longest_call())),
            pod: self.pod_namespace.clone().zip(self.pod_name.clone()).map(|(namespace, name)| Pod { namespace, name }),
            calls_per_second: self.aws_calls_per_second,
        }
    }

    fn owner(&self) -> Option<OwnerId> {
        let id = self.owner_id.clone()?;
        Some(OwnerId { id, takes_over_from: self.take_over_from.clone() })
    }

    fn users_of_own_identity(&self) -> Users {
        let Self { own_identity_namespaces: namespaces, own_identity_group_names: names, .. } = self;
        Users {
            namespaces: (!namespaces.is_empty()).then(|| namespaces.iter().cloned().collect()),
            group_names: (!names.is_empty()).then(|| names.clone()),
        }
    }

    /// The flag, else `RUST_LOG`, else `info`. `variable` reads the environment; an empty one counts as not set.
    fn log_filter(&self, variable: impl Fn(&str) -> Option<String>) -> String {
        let mut given = [self.log_level.clone(), variable("RUST_LOG")].into_iter().flatten();
        given.find(|filter| !filter.is_empty()).unwrap_or_else(|| "info".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use clap::{CommandFactory, Parser};

    use super::*;

    /// `run` alone, without the sub-command.
    #[derive(Debug, Parser)]
    struct Run {
        #[command(flatten)]
        args: RunArgs,
    }

    fn parse(flags: &[&str]) -> Result<RunArgs, clap::Error> {
        let line = [&["run"], flags].concat();
        Run::try_parse_from(line).map(|run| run.args)
    }

    #[test]
    fn every_flag_is_also_an_environment_variable_of_the_same_name() {
        let command = Run::command();
        let mut flags = 0;
        for argument in command.get_arguments() {
            let Some(flag) = argument.get_long().filter(|flag| *flag != "help") else {
                continue;
            };
            let expected = format!("CODEGURU_PROFILER_OPERATOR_{}", flag.replace('-', "_").to_uppercase());
            let found = argument.get_env().and_then(|name| name.to_str());
            assert_eq!(found, Some(expected.as_str()), "--{flag}");
            flags += 1;
        }
        assert_eq!(flags, 32);
    }

    #[test]
    fn without_flags_the_defaults_hold() {
        let args = parse(&[]).unwrap();
        assert!(args.namespaces.is_empty());
        assert_eq!(args.region, None);
        assert_eq!(args.poll_interval, Duration::from_mins(1));
        assert_eq!(args.status_refresh, Duration::from_mins(15));
        assert_eq!(args.agent_stale_after, Duration::from_mins(20));
        assert!(!args.observe_only);
        assert_eq!(args.details_interval, Duration::from_mins(10));
        assert!(args.allowed_facets.is_empty() && args.allowed_principals.is_empty() && args.allowed_topics.is_empty());
        assert_eq!(args.endpoint_url, None);
        assert!(!args.allow_plain_http_endpoint);
        assert_eq!(args.aws_timeout, Duration::from_secs(8));
        assert_eq!(args.aws_connect_timeout, Duration::from_secs(3));
        assert_eq!(args.aws_calls_per_second.get(), 100);
        assert_eq!(args.graceful_shutdown_timeout, Duration::from_secs(30));
        assert_eq!(args.probes_and_metrics, SocketAddr::from((Ipv6Addr::UNSPECIFIED, 8080)));
        assert_eq!(args.log_format, LogFormat::Json);
        assert_eq!(args.log_level, None);
    }

    #[test]
    fn namespaces_are_given_one_by_one_or_separated_by_commas() {
        let args = parse(&["--namespace", "a", "--namespace", "b,c"]).unwrap();
        assert_eq!(args.namespaces, ["a", "b", "c"]);
    }

    #[test]
    fn a_value_that_makes_no_sense_is_refused_with_what_to_give() {
        for (flag, value, advice) in [
            ("--poll-interval", "500ms", "give at least 1s"),
            ("--poll-interval", "60", "give a number with a unit"),
            ("--namespace", "Shop", "give 1 to 63 of a-z"),
            ("--region", "Ireland", "give its code, such as eu-west-1"),
            ("--endpoint-url", "emulator:8000", "give a URL such as https://host"),
            ("--aws-calls-per-second", "0", "non-zero"),
            ("--listen-address", "8080", "give an IP address and a port"),
            ("--allowed-facets", "switch", "give create, delete, restore, tags, permissions, notifications"),
            ("--allowed-principals", "agent", "give the ARN of a role or user"),
            ("--owner-id", "a;b", "give 1 to 256 letters"),
            ("--log-format", "xml", "[possible values: json, text]"),
        ] {
            let error = parse(&[flag, value]).unwrap_err().to_string();
            assert!(error.contains(flag) && error.contains(advice), "{flag} {value}: {error}");
        }
    }

    #[test]
    fn the_log_level_is_the_flag_else_rust_log_else_info() {
        let given = parse(&["--log-level", "debug"]).unwrap();
        let none = parse(&[]).unwrap();
        let rust_log = |_: &str| Some("kube=trace".to_owned());
        assert_eq!(given.log_filter(rust_log), "debug");
        assert_eq!(parse(&["--log-level", ""]).unwrap().log_filter(rust_log), "kube=trace");
        assert_eq!(none.log_filter(rust_log), "kube=trace");
        assert_eq!(none.log_filter(|_| None), "info");
        assert_eq!(none.log_filter(|_| Some(String::new())), "info");
    }
}
