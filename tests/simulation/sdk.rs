//! The AWS SDK for Rust on the simulated network: its requests are read, carried like all others, and answered as HTTP.

use std::{fmt, sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, SdkConfig, timeout::TimeoutConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use codeguru_profiler_operator::{
    aws::{metrics::AwsMetrics, sdk::SdkServices},
    domain::facet::NewGroup,
};
use serde_json::Value;

use crate::{
    aws::{AWS_TIMEOUT, Call, Came, Route},
    details::Detail,
    process::Process,
    world::World,
};

/// The SDK's clients of one process.
pub fn services(world: &World, process: &Process, metrics: Arc<AwsMetrics>) -> SdkServices {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(AWS_TIMEOUT)
        .operation_timeout(AWS_TIMEOUT + Duration::from_secs(1))
        .build();
    let credentials = Credentials::for_tests();
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .timeout_config(timeouts)
        .http_client(Network { world: world.clone(), process: process.clone() })
        .build();
    SdkServices::of(config, metrics)
}

#[derive(Clone)]
struct Network {
    world: World,
    process: Process,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}

impl HttpClient for Network {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Network {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            let (region, call) = read(&request);
            match this.process.send(&this.world, &Route::own(region), call.clone()).await {
                Some(Came::Answer(status, body)) => Ok(respond(status, None, &call, &body)),
                Some(Came::Refused(status, code)) => Ok(respond(status, Some(code), &call, &Value::Null)),
                Some(Came::Lost) | None => Err(ConnectorError::io("the connection was reset".into())),
            }
        })
    }
}

/// The region and the call of a request, from its address.
fn read(request: &HttpRequest) -> (String, Call) {
    let uri = request.uri();
    let (host, target) = uri.trim_start_matches("https://").split_once('/').unwrap_or((uri, ""));
    let region = host.split('.').nth(1).unwrap_or_default().to_owned();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let token = query.split('&').find_map(|pair| pair.strip_prefix("nextToken="));
    let body = || serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap();
    let detail =
        path.strip_prefix("profilingGroups/").map(|path| Detail::of_request(request.method(), path, query, body));
    if let Some((name, detail)) = detail.flatten() {
        return (region, Call::Detail(name, detail));
    }
    let call = match (request.method(), path.split_once('/').map(|(_, name)| name)) {
        (method, Some(arn)) if path.starts_with("tags/") => {
            let name = arn.rsplit("%2F").next().unwrap_or_default().to_owned();
            let keys = query.split('&').filter_map(|pair| pair.strip_prefix("tagKeys="));
            match method {
                "POST" => {
                    let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap();
                    Call::Tag(name, serde_json::from_value(body["tags"].clone()).unwrap())
                }
                "DELETE" => Call::Untag(name, keys.map(|key| key.replace("%2F", "/")).collect()),
                _ => Call::ListTags(name),
            }
        }
        ("POST", None) if path == "profilingGroups" => {
            let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap();
            let token = query.split('&').find_map(|pair| pair.strip_prefix("clientToken=")).unwrap_or_default();
            let group = NewGroup {
                token: token.to_owned(),
                platform: serde_json::from_value(body["computePlatform"].clone()).ok(),
                profiling_enabled: body["agentOrchestrationConfig"]["profilingEnabled"] == true,
                tags: serde_json::from_value(body["tags"].clone()).ok(),
            };
            Call::Create(body["profilingGroupName"].as_str().unwrap_or_default().to_owned(), group)
        }
        ("POST", _) => Call::Account,
        ("PUT", Some(name)) => {
            let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap();
            Call::Update(name.into(), body["agentOrchestrationConfig"]["profilingEnabled"] == true)
        }
        ("DELETE", Some(name)) => Call::Delete(name.into()),
        (_, Some(name)) => Call::Describe(name.into()),
        (_, None) => Call::List(token.map(str::to_owned)),
    };
    (region, call)
}

fn respond(status: u16, code: Option<&str>, call: &Call, body: &Value) -> HttpResponse {
    let text = match (call, code) {
        (Call::Account, None) => format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{}</Account></GetCallerIdentityResult>\
             </GetCallerIdentityResponse>",
            body["account"].as_str().unwrap_or_default()
        ),
        (Call::Account, Some(code)) => format!("<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>"),
        (_, Some(_)) => "{}".into(),
        (_, None) => body.to_string(),
    };
    let code = code.map(str::to_owned).or_else(|| body["__type"].as_str().map(str::to_owned));
    let code = code.or_else(|| (status == 404).then(|| "ResourceNotFoundException".to_owned()));
    let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(text));
    if let Some(code) = code {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}
