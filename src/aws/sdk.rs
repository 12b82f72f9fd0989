//! `ProfilerService` on the AWS SDK for Rust: configuration, calls, translation. The only layer that knows the SDK.

mod assumed_role;
mod credentials;
mod default_region;
mod details;
mod failure;
mod http_client;
mod keys;
mod response_probe;
mod translate;

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use aws_config::{
    AppName, BehaviorVersion, ConfigLoader, Region, SdkConfig, identity::IdentityCache, timeout::TimeoutConfig,
};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_codeguruprofiler::{
    config::{StalledStreamProtectionConfig, retry::RetryConfig},
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
    types::{ActionGroup, AgentOrchestrationConfig, ComputePlatform},
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use futures::{FutureExt, future::BoxFuture};
use tracing::{Instrument, debug, debug_span};

use self::{
    assumed_role::AssumedRole,
    credentials::{Checked, Configured},
    response_probe::ResponseProbe,
};
use super::{
    error::{AwsError, BoxError, Effect, Operation, party::KeyProblem},
    metrics::AwsMetrics,
    service::{Page, ProfilerService},
};
use crate::domain::{
    account::Role,
    arns::Arns,
    facet::{NewGroup, Tags},
    failure::FailureReason,
    lane_id::LaneId,
    notifications::Channels,
    observation::Observation,
    permissions::Policy,
};

/// The field of the caller's span that is given AWS's request id.
pub const REQUEST_ID: &str = "aws_request_id";
/// How CloudTrail shows the operator's calls.
const APP_NAME: &str = "codeguru-profiler-operator";
/// The largest page that AWS allows.
const MAX_RESULTS: i32 = 1000;
/// How much longer than its attempt a call may take; there is one attempt a call.
const OPERATION_SLACK: Duration = Duration::from_secs(1);
/// Where the credentials' own STS calls go if no region is known at all.
const STS_REGION: &str = "us-east-1";
/// How often credentials are requested before a call fails: doing so again changes nothing.
const CREDENTIAL_ATTEMPTS: u32 = 3;

/// How to call AWS.
#[derive(Clone, Debug)]
pub struct SdkSettings {
    /// The region of resources without one; AWS's usual sources are used when it is absent.
    pub region: Option<String>,
    /// Where Amazon CodeGuru Profiler is; STS never is there.
    pub endpoint_url: Option<String>,
    /// The time-out for connecting.
    pub connect_timeout: Duration,
    /// How long a call may take, connection and credentials included.
    pub attempt_timeout: Duration,
}

/// Why AWS can't be called with the configuration in the environment.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// What is named there can't be a region. It is not repeated: it may be anything.
    #[error("{0} is not an AWS region; give its code, such as eu-west-1")]
    Region(&'static str),
    /// An access key can't be sent.
    #[error("{0}, which no access key does: remove it, for instance from the end of the Secret it comes from")]
    Key(#[from] KeyProblem),
    /// The file of `AWS_CA_BUNDLE` gives nothing to trust.
    #[error("the CA bundle {0} (AWS_CA_BUNDLE) can't be used; give a file of certificates in PEM")]
    CaBundle(String, #[source] BoxError),
}

/// The operator's own identity, from which the clients of all regions are made.
pub struct SdkServices {
    shared: SdkConfig,
    configured: Configured,
    endpoint_url: Option<String>,
    default_region: Option<String>,
    metrics: Arc<AwsMetrics>,
}

impl SdkServices {
    /// Reads AWS's usual sources of configuration, once. No credentials are fetched yet.
    ///
    /// Takes two seconds at most where only the instance's metadata could provide the region and nothing answers
    /// there, as in most clusters.
    pub async fn load(settings: SdkSettings, metrics: Arc<AwsMetrics>) -> Result<Self, ConfigurationError> {
        let region = match &settings.region {
            Some(region) => Some(region.clone()),
            None => default_region::usual().await?,
        };
        let configured = Configured::load(region.as_deref().unwrap_or(STS_REGION)).await?;
        let loader = configuration(&settings).http_client(http_client::client()?);
        Ok(Self::load_with(loader, settings, configured, region, metrics).await)
    }

    async fn load_with(
        loader: ConfigLoader,
        settings: SdkSettings,
        configured: Configured,
        default_region: Option<String>,
        metrics: Arc<AwsMetrics>,
    ) -> Self {
        // Without a region the loader would try the instance's metadata by itself, and for much longer.
        let region = default_region.clone().map_or(Region::from_static(STS_REGION), Region::new);
        let mut shared = loader.region(region).load().await;
        if let Some(provider) = shared.credentials_provider() {
            let checked = Checked::new(configured.clone(), provider);
            let builder = shared.into_builder().credentials_provider(SharedCredentialsProvider::new(checked));
            shared = builder.build();
        }
        Self { shared, configured, endpoint_url: settings.endpoint_url, default_region, metrics }
    }

    /// The same identity by a configuration made elsewhere, HTTP client and credentials included: of a simulation.
    #[must_use]
    pub fn of(shared: SdkConfig, metrics: Arc<AwsMetrics>) -> Self {
        Self {
            shared,
            configured: Configured::from(STS_REGION, |_| None, |_| None),
            endpoint_url: None,
            default_region: None,
            metrics,
        }
    }

    /// The region of resources without one.
    #[must_use]
    pub fn default_region(&self) -> Option<String> {
        self.default_region.clone()
    }

    /// The client of one lane. Make one per lane and keep it: it owns its connections.
    #[must_use]
    pub fn for_lane(&self, lane: &LaneId) -> Arc<dyn ProfilerService> {
        let region = lane.region();
        let here = Region::new(region.to_owned());
        // The queue retries these calls, with the limiter in between: retries in here would multiply.
        let once = RetryConfig::disabled();
        let shared = match lane.role() {
            Some(role) => &self.with_role(role, region),
            None => &self.shared,
        };
        let profiler =
            aws_sdk_codeguruprofiler::config::Builder::from(shared).region(here.clone()).retry_config(once.clone());
        let profiler = match &self.endpoint_url {
            Some(url) => profiler.endpoint_url(url),
            None => profiler,
        };
        let sts = aws_sdk_sts::config::Builder::from(shared).region(here).retry_config(once);
        Arc::new(SdkService {
            lane: lane.clone(),
            profiler: aws_sdk_codeguruprofiler::Client::from_conf(profiler.build()),
            sts: aws_sdk_sts::Client::from_conf(sts.build()),
            configured: self.configured.clone(),
            metrics: Arc::clone(&self.metrics),
        })
    }

    /// The same configuration with the credentials of this role, assumed at STS of `region`.
    fn with_role(&self, role: &Arc<Role>, region: &str) -> SdkConfig {
        // Repeated as requests for the operator's own credentials are: nothing else repeats them.
        let sts = aws_sdk_sts::config::Builder::from(&self.shared).region(Region::new(region.to_owned()));
        let sts = aws_sdk_sts::Client::from_conf(sts.build());
        let assumed = SharedCredentialsProvider::new(AssumedRole::new(Arc::clone(role), region, sts));
        let checked = Checked::new(Configured::role(region), assumed);
        let builder = self.shared.clone().into_builder();
        builder.credentials_provider(SharedCredentialsProvider::new(checked)).build()
    }
}

fn configuration(settings: &SdkSettings) -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(settings.connect_timeout)
        .operation_attempt_timeout(settings.attempt_timeout)
        .operation_timeout(settings.attempt_timeout + OPERATION_SLACK)
        .build();
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts)
        // For the credentials, whose calls nothing else repeats. The pauses fit into the attempt that waits for them.
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(CREDENTIAL_ATTEMPTS)
                .with_initial_backoff(settings.attempt_timeout / 20),
        )
        // The attempt's time-out ends the wait for credentials, too, so that there is one reason for it.
        .identity_cache(IdentityCache::lazy().load_timeout(settings.attempt_timeout + OPERATION_SLACK).build())
        // The attempt's time-out bounds slow answers too, and distinguishes one kind of failure from none.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    match AppName::new(APP_NAME) {
        Ok(name) => loader.app_name(name),
        Err(_) => loader,
    }
}

struct SdkService {
    lane: LaneId,
    profiler: aws_sdk_codeguruprofiler::Client,
    sts: aws_sdk_sts::Client,
    configured: Configured,
    metrics: Arc<AwsMetrics>,
}

impl SdkService {
    /// Sends one request, reads its response, counts and logs what came of it. What `read` refuses is a malformed response.
    async fn call<Output, Fault, T>(
        &self,
        operation: Operation,
        group: Option<&str>,
        send: impl AsyncFnOnce(ResponseProbe) -> Result<Output, SdkError<Fault, HttpResponse>>,
        read: impl FnOnce(Output, &ResponseProbe) -> Result<T, BoxError>,
    ) -> Result<T, AwsError>
    where
        Output: RequestId,
        Fault: std::error::Error + ProvideErrorMetadata + RequestId + Send + Sync + 'static,
    {
        let (account, region) = (self.lane.account(), self.lane.region());
        let span = debug_span!("aws", %operation, account, region, group, { REQUEST_ID } = tracing::field::Empty);
        async {
            let probe = ResponseProbe::default();
            let start = Instant::now();
            let came = send(probe.clone()).await;
            let elapsed = start.elapsed();
            let blank = |reason, effect| AwsError {
                account: self.lane.account().map(Into::into),
                ..AwsError::new(operation, self.lane.region(), group, reason, effect)
            };
            let result = match came {
                Ok(output) => {
                    let details = probe.details(output.request_id());
                    if let Some(id) = &details.request_id {
                        tracing::Span::current().record(REQUEST_ID, id);
                    }
                    debug!(
                        request_id = details.request_id,
                        http_status = details.http_status,
                        ?elapsed,
                        "AWS responded"
                    );
                    read(output, &probe).map_err(|why| AwsError {
                        answer: Some(Box::new(details)),
                        source: Some(why),
                        ..blank(FailureReason::MalformedAnswer, Effect::Unclear)
                    })
                }
                Err(error) => {
                    let blank = blank(FailureReason::InternalError, Effect::Unclear);
                    Err(failure::translate(error, probe.was_sent(), &self.configured, SystemTime::now(), blank))
                }
            };
            if let Err(error) = &result {
                debug!(error = error.detail(), ?elapsed, "AWS call failed");
            }
            self.metrics.record(operation, &self.lane, probe.http_status(), result.as_ref().err(), elapsed);
            result
        }
        .instrument(span)
        .await
    }
}

impl ProfilerService for SdkService {
    fn list_page(&self, next_token: Option<String>) -> BoxFuture<'_, Result<Page, AwsError>> {
        let request = self
            .profiler
            .list_profiling_groups()
            .include_description(true)
            .max_results(MAX_RESULTS)
            .set_next_token(next_token);
        let send = async |probe| request.customize().interceptor(probe).send().await;
        self.call(Operation::List, None, send, translate::page).boxed()
    }

    fn describe(&self, name: &str) -> BoxFuture<'_, Result<Observation, AwsError>> {
        let name = name.to_owned();
        async move {
            let request = self.profiler.describe_profiling_group().profiling_group_name(&name);
            let send = async |probe| request.customize().interceptor(probe).send().await;
            self.call(Operation::Describe, Some(&name), send, |output, probe| {
                translate::group(output.profiling_group, &name, probe)
            })
            .await
        }
        .boxed()
    }

    fn create<'a>(&'a self, name: &'a str, group: &'a NewGroup) -> BoxFuture<'a, Result<Observation, AwsError>> {
        let NewGroup { token, platform, profiling_enabled, tags } = group;
        let request = self
            .profiler
            .create_profiling_group()
            .profiling_group_name(name)
            .client_token(token)
            .set_compute_platform(platform.map(|platform| ComputePlatform::from(platform.as_str())))
            .set_tags(tags.clone().map(|tags| tags.into_iter().collect()));
        let send = async |probe| {
            let config = AgentOrchestrationConfig::builder().profiling_enabled(*profiling_enabled).build()?;
            request.agent_orchestration_config(config).customize().interceptor(probe).send().await
        };
        self.call(Operation::Create, Some(name), send, |output, probe| {
            translate::group(output.profiling_group, name, probe)
        })
        .boxed()
    }

    fn delete<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), AwsError>> {
        let request = self.profiler.delete_profiling_group().profiling_group_name(name);
        let send = async |probe| request.customize().interceptor(probe).send().await;
        self.call(Operation::Delete, Some(name), send, |_, _| Ok(())).boxed()
    }

    fn update(&self, name: &str, profiling_enabled: bool) -> BoxFuture<'_, Result<Observation, AwsError>> {
        let name = name.to_owned();
        async move {
            let request = self.profiler.update_profiling_group().profiling_group_name(&name);
            let send = async |probe| {
                let config = AgentOrchestrationConfig::builder().profiling_enabled(profiling_enabled).build()?;
                request.agent_orchestration_config(config).customize().interceptor(probe).send().await
            };
            self.call(Operation::Update, Some(&name), send, |output, probe| {
                let group = translate::group(output.profiling_group, &name, probe)?;
                match group.profiling_enabled {
                    Some(value) if value == profiling_enabled => Ok(group),
                    Some(value) => Err(format!("requested {profiling_enabled}, AWS returned {value}").into()),
                    None => Err("the response holds no profilingEnabled".into()),
                }
            })
            .await
        }
        .boxed()
    }

    fn list_tags<'a>(&'a self, name: &'a str, arn: &'a str) -> BoxFuture<'a, Result<Tags, AwsError>> {
        let request = self.profiler.list_tags_for_resource().resource_arn(arn);
        let send = async |probe| request.customize().interceptor(probe).send().await;
        self.call(Operation::ListTags, Some(name), send, |output, _| {
            Ok(output.tags.unwrap_or_default().into_iter().collect())
        })
        .boxed()
    }

    fn tag<'a>(&'a self, name: &'a str, arn: &'a str, tags: &'a Tags) -> BoxFuture<'a, Result<(), AwsError>> {
        let tags = tags.clone().into_iter().collect();
        let request = self.profiler.tag_resource().resource_arn(arn).set_tags(Some(tags));
        let send = async |probe| request.customize().interceptor(probe).send().await;
        self.call(Operation::Tag, Some(name), send, |_, _| Ok(())).boxed()
    }

    fn untag<'a>(
        &'a self,
        name: &'a str,
        arn: &'a str,
        keys: &'a BTreeSet<String>,
    ) -> BoxFuture<'a, Result<(), AwsError>> {
        let keys = keys.iter().cloned().collect();
        let request = self.profiler.untag_resource().resource_arn(arn).set_tag_keys(Some(keys));
        let send = async |probe| request.customize().interceptor(probe).send().await;
        self.call(Operation::Untag, Some(name), send, |_, _| Ok(())).boxed()
    }

    fn policy<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Policy, AwsError>> {
        let request = self.profiler.get_policy().profiling_group_name(name);
        let send = async |probe| request.customize().interceptor(probe).send().await;
        self.call(Operation::GetPolicy, Some(name), send, |output, _| {
            details::policy(output.policy(), output.revision_id())
        })
        .boxed()
    }

    fn put_permission<'a>(
        &'a self,
        name: &'a str,
        principals: &'a Arns,
        revision: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Policy, AwsError>> {
        let request = self
            .profiler
            .put_permission()
            .profiling_group_name(name)
            .action_group(ActionGroup::AgentPermissions)
            .set_principals(Some(principals.iter().cloned().collect()))
            .set_revision_id(revision.map(str::to_owned));
        let send = async |probe| request.customize().interceptor(probe).send().await;
        self.call(Operation::PutPermission, Some(name), send, |output, _| {
            details::policy(output.policy(), output.revision_id())
        })
        .boxed()
    }

    fn remove_permission<'a>(&'a self, name: &'a str, revision: &'a str) -> BoxFuture<'a, Result<Policy, AwsError>> {
        let request = self
            .profiler
            .remove_permission()
            .profiling_group_name(name)
            .action_group(ActionGroup::AgentPermissions)
            .revision_id(revision);
        let send = async |probe| request.customize().interceptor(probe).send().await;
        self.call(Operation::RemovePermission, Some(name), send, |output, _| {
            details::policy(output.policy(), output.revision_id())
        })
        .boxed()
    }

    fn channels<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Channels, AwsError>> {
        let request = self.profiler.get_notification_configuration().profiling_group_name(name);
        let send = async |probe| request.customize().interceptor(probe).send().await;
        self.call(Operation::GetChannels, Some(name), send, |output, _| {
            details::channels(output.notification_configuration())
        })
        .boxed()
    }

    fn add_channels<'a>(&'a self, name: &'a str, topics: &'a Arns) -> BoxFuture<'a, Result<Channels, AwsError>> {
        let request = self.profiler.add_notification_channels().profiling_group_name(name);
        let send = async |probe| {
            let channels = topics.iter().map(|topic| details::channel(topic)).collect::<Result<_, _>>()?;
            request.set_channels(Some(channels)).customize().interceptor(probe).send().await
        };
        self.call(Operation::AddChannels, Some(name), send, |output, _| {
            details::channels(output.notification_configuration())
        })
        .boxed()
    }

    fn remove_channel<'a>(&'a self, name: &'a str, id: &'a str) -> BoxFuture<'a, Result<Channels, AwsError>> {
        let request = self.profiler.remove_notification_channel().profiling_group_name(name).channel_id(id);
        let send = async |probe| request.customize().interceptor(probe).send().await;
        self.call(Operation::RemoveChannel, Some(name), send, |output, _| {
            details::channels(output.notification_configuration())
        })
        .boxed()
    }

    fn account(&self) -> BoxFuture<'_, Result<String, AwsError>> {
        let request = self.sts.get_caller_identity();
        let send = async |probe| request.customize().interceptor(probe).send().await;
        let operation = Operation::GetCallerIdentity;
        self.call(operation, None, send, |output, _| output.account.ok_or("the response holds no account".into()))
            .boxed()
    }
}

#[cfg(test)]
mod tests;
