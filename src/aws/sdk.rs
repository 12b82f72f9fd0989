//! `ProfilerService` on the AWS SDK for Rust: configuration, calls, translation. The only room that knows the SDK.

mod answer;
mod failure;
mod translate;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aws_config::{
    AppName, BehaviorVersion, ConfigLoader, Region, SdkConfig, environment::EnvironmentVariableRegionProvider, imds,
    meta::region::RegionProviderChain, profile::ProfileFileRegionProvider, timeout::TimeoutConfig,
};
use aws_sdk_codeguruprofiler::{
    config::{StalledStreamProtectionConfig, retry::RetryConfig},
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
    types::AgentOrchestrationConfig,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use futures::{FutureExt, future::BoxFuture};
use tracing::{Instrument, debug, debug_span};

use self::answer::Answer;
use super::{
    error::{AwsError, BoxError, Effect, Operation},
    metrics::AwsMetrics,
    service::{Page, ProfilerService},
};
use crate::{api::Reason, domain::observation::Observation};

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

/// How to call AWS.
#[derive(Clone, Debug)]
pub struct SdkSettings {
    /// The region of resources that name none; AWS's usual sources are asked when it is absent.
    pub region: Option<String>,
    /// Where Amazon CodeGuru Profiler is; STS never is there.
    pub endpoint_url: Option<String>,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long a call may take, connection and credentials included.
    pub attempt_timeout: Duration,
}

/// The operator's own identity, from which the clients of all regions are made.
pub struct SdkServices {
    shared: SdkConfig,
    endpoint_url: Option<String>,
    default_region: Option<String>,
    metrics: Arc<AwsMetrics>,
}

impl SdkServices {
    /// Reads AWS's usual sources of configuration, once. No credentials are fetched yet.
    ///
    /// Takes two seconds at most where nothing but the instance's metadata could tell the region and nobody answers
    /// there, as in most clusters.
    pub async fn load(settings: SdkSettings, metrics: Arc<AwsMetrics>) -> Self {
        let region = match &settings.region {
            Some(region) => Some(Region::new(region.clone())),
            None => usual_region().await,
        };
        Self::load_with(configuration(&settings), settings, region, metrics).await
    }

    async fn load_with(
        loader: ConfigLoader,
        settings: SdkSettings,
        region: Option<Region>,
        metrics: Arc<AwsMetrics>,
    ) -> Self {
        let default_region = region.as_ref().map(ToString::to_string);
        // Without a region the loader would ask the instance's metadata by itself, and for much longer.
        let shared = loader.region(region.unwrap_or(Region::from_static(STS_REGION))).load().await;
        Self { shared, endpoint_url: settings.endpoint_url, default_region, metrics }
    }

    /// The region of resources that name none.
    #[must_use]
    pub fn default_region(&self) -> Option<String> {
        self.default_region.clone()
    }

    /// A client for one region. Make one per region and keep it: it owns its connections.
    #[must_use]
    pub fn for_region(&self, region: &str) -> Arc<dyn ProfilerService> {
        let here = Region::new(region.to_owned());
        let profiler = aws_sdk_codeguruprofiler::config::Builder::from(&self.shared).region(here.clone());
        let profiler = match &self.endpoint_url {
            Some(url) => profiler.endpoint_url(url),
            None => profiler,
        };
        let sts = aws_sdk_sts::config::Builder::from(&self.shared).region(here);
        Arc::new(SdkService {
            region: region.to_owned(),
            profiler: aws_sdk_codeguruprofiler::Client::from_conf(profiler.build()),
            sts: aws_sdk_sts::Client::from_conf(sts.build()),
            metrics: Arc::clone(&self.metrics),
        })
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
        // The queue retries, with the limiter in between: retries in here would multiply.
        .retry_config(RetryConfig::disabled())
        // The attempt's time-out bounds slow answers too, and tells one kind of failure from none.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    match AppName::new(APP_NAME) {
        Ok(name) => loader.app_name(name),
        Err(_) => loader,
    }
}

/// AWS's usual sources of a region, with less patience for the instance's metadata than the SDK has.
async fn usual_region() -> Option<Region> {
    let metadata = imds::region::ImdsRegionProvider::builder().imds_client(impatient(imds::Client::builder())).build();
    RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::builder().build())
        .or_else(metadata)
        .region()
        .await
}

/// Pods usually can't reach the instance's metadata, where packets are dropped, not refused.
fn impatient(metadata: imds::client::Builder) -> imds::Client {
    let patience = Duration::from_secs(1);
    metadata
        .max_attempts(1)
        .connect_timeout(patience)
        .read_timeout(patience)
        .operation_attempt_timeout(2 * patience)
        .operation_timeout(2 * patience)
        .build()
}

struct SdkService {
    region: String,
    profiler: aws_sdk_codeguruprofiler::Client,
    sts: aws_sdk_sts::Client,
    metrics: Arc<AwsMetrics>,
}

impl SdkService {
    /// Sends one request, reads its answer, counts and logs what came of it. What `read` refuses is a malformed answer.
    async fn call<Output, Fault, T>(
        &self,
        operation: Operation,
        group: Option<&str>,
        send: impl AsyncFnOnce(Answer) -> Result<Output, SdkError<Fault, HttpResponse>>,
        read: impl FnOnce(Output, &Answer) -> Result<T, BoxError>,
    ) -> Result<T, AwsError>
    where
        Output: RequestId,
        Fault: std::error::Error + ProvideErrorMetadata + RequestId + Send + Sync + 'static,
    {
        let answer = Answer::default();
        let start = Instant::now();
        let came = send(answer.clone()).await;
        let elapsed = start.elapsed();
        let blank = |reason, effect| AwsError::new(operation, &self.region, group, reason, effect);
        let result = match came {
            Ok(output) => {
                let answered = answer.answered(output.request_id());
                if let Some(id) = &answered.request_id {
                    tracing::Span::current().record(REQUEST_ID, id);
                }
                debug!(request_id = answered.request_id, http_status = answered.http_status, ?elapsed, "AWS answered");
                read(output, &answer).map_err(|why| AwsError {
                    answer: Some(Box::new(answered)),
                    source: Some(why),
                    ..blank(Reason::MalformedAnswer, Effect::Unclear)
                })
            }
            Err(error) => Err(failure::translate(error, answer.was_sent(), blank)),
        };
        if let Err(error) = &result {
            debug!(error = error.detail(), ?elapsed, "AWS call failed");
        }
        self.metrics.record(operation, &self.region, answer.http_status(), result.as_ref().err(), elapsed);
        result
    }

    fn span(&self, operation: Operation, group: Option<&str>) -> tracing::Span {
        debug_span!("aws", %operation, region = self.region, group, { REQUEST_ID } = tracing::field::Empty)
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
        let send = async |answer| request.customize().interceptor(answer).send().await;
        self.call(Operation::List, None, send, translate::page).instrument(self.span(Operation::List, None)).boxed()
    }

    fn describe(&self, name: &str) -> BoxFuture<'_, Result<Observation, AwsError>> {
        let name = name.to_owned();
        let span = self.span(Operation::Describe, Some(&name));
        async move {
            let request = self.profiler.describe_profiling_group().profiling_group_name(&name);
            let send = async |answer| request.customize().interceptor(answer).send().await;
            self.call(Operation::Describe, Some(&name), send, |output, answer| {
                translate::group(output.profiling_group, &name, answer)
            })
            .await
        }
        .instrument(span)
        .boxed()
    }

    fn update(&self, name: &str, profiling_enabled: bool) -> BoxFuture<'_, Result<Observation, AwsError>> {
        let name = name.to_owned();
        let span = self.span(Operation::Update, Some(&name));
        async move {
            let request = self.profiler.update_profiling_group().profiling_group_name(&name);
            let send = async |answer| {
                let config = AgentOrchestrationConfig::builder().profiling_enabled(profiling_enabled).build()?;
                request.agent_orchestration_config(config).customize().interceptor(answer).send().await
            };
            self.call(Operation::Update, Some(&name), send, |output, answer| {
                let group = translate::group(output.profiling_group, &name, answer)?;
                match group.profiling_enabled {
                    Some(value) if value == profiling_enabled => Ok(group),
                    Some(value) => Err(format!("asked for {profiling_enabled}, AWS answers {value}").into()),
                    None => Err("the answer does not say profilingEnabled".into()),
                }
            })
            .await
        }
        .instrument(span)
        .boxed()
    }

    fn account(&self) -> BoxFuture<'_, Result<String, AwsError>> {
        let request = self.sts.get_caller_identity();
        let send = async |answer| request.customize().interceptor(answer).send().await;
        let operation = Operation::GetCallerIdentity;
        self.call(operation, None, send, |output, _| output.account.ok_or("the answer names no account".into()))
            .instrument(self.span(operation, None))
            .boxed()
    }
}

#[cfg(test)]
mod tests;
