//! Makes the client of the Kubernetes API server. Reads the kubeconfig or the pod's service account; sends nothing.

use std::time::Duration;

use http::{HeaderValue, header::USER_AGENT};
use kube::{Client, Config, client::ClientBuilder, config::InferConfigError};
use prometheus_client::registry::Registry;

use super::rest_client::RestClientLayer;

/// How long the API server may take to begin an answer. What it can't begin in half a minute is better asked again
/// than waited for; a server under load sends its 429 long before.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// How long a connection may stay silent in the midst of an answer. Longer than the 290 s after which kube's watches
/// end by themselves, so that it cuts only connections whose other end is gone.
const SILENT_AT_MOST: Duration = Duration::from_secs(295);

/// Who the client says it is: `name/version`. The API server's audit log shows it beside every request.
const IDENTITY: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// There is no way to reach an API server.
#[derive(Debug, thiserror::Error)]
pub enum KubeClientError {
    /// Neither a kubeconfig nor a pod's service account was found, or it can't be read.
    #[error("found no Kubernetes cluster to work on: set KUBECONFIG, or run in a pod with a service account")]
    NoCluster(#[source] Box<InferConfigError>),
    /// What was found is not usable: a certificate that can't be read, for one.
    #[error("can't use the Kubernetes client configuration")]
    Unusable(#[source] Box<kube::Error>),
}

/// The client for the cluster that the kubeconfig, else the pod's environment names.
///
/// # Guarantees
/// * It never retries by itself: a call takes as long as its time-out says, and every request is counted.
/// * All that [`RestClientLayer`] promises, with the families registered in `registry`. Call it once a registry.
/// * A server that goes silent within an answer is given up after 295 s.
pub async fn connect(registry: &mut Registry) -> Result<Client, KubeClientError> {
    let config = Config::infer().await.map_err(|error| KubeClientError::NoCluster(Box::new(error)))?;
    build(config, HEAD_WITHIN, registry)
}

fn build(mut config: Config, head_within: Duration, registry: &mut Registry) -> Result<Client, KubeClientError> {
    config.default_retry = false;
    config.read_timeout = Some(SILENT_AT_MOST);
    config.reset_reader_on_write = true;
    config.headers.push((USER_AGENT, HeaderValue::from_static(IDENTITY)));
    let host = config.cluster_url.authority().map(ToString::to_string).unwrap_or_default();
    let layer = RestClientLayer::register(registry, host, head_within);
    let builder = ClientBuilder::try_from(config).map_err(|error| KubeClientError::Unusable(Box::new(error)))?;
    Ok(builder.with_layer(&layer).build())
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{Router, http::HeaderMap, http::StatusCode, routing::get};
    use http::Request;
    use tokio::net::TcpListener;

    use super::*;
    use crate::process::metrics::Metrics;

    /// An API server that says who asked, is always too busy, or never answers.
    async fn server() -> (Config, Arc<AtomicUsize>) {
        let busy = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&busy);
        let routes = Router::new()
            .route("/whoami", get(async |headers: HeaderMap| headers[USER_AGENT].to_str().unwrap().to_owned()))
            .route(
                "/busy",
                get(async move || {
                    count.fetch_add(1, Ordering::Relaxed);
                    StatusCode::TOO_MANY_REQUESTS
                }),
            )
            .route("/silent", get(async || std::future::pending::<()>().await));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (Config::new(format!("http://{address}").parse().unwrap()), busy)
    }

    fn ask(path: &str) -> Request<Vec<u8>> {
        Request::get(path).body(Vec::new()).unwrap()
    }

    #[tokio::test]
    async fn the_audit_log_can_tell_our_requests_from_others() {
        let (config, _) = server().await;
        let client = build(config, HEAD_WITHIN, Metrics::new().registry()).unwrap();
        let name = client.request_text(ask("/whoami")).await.unwrap();
        assert_eq!(name, format!("codeguru-profiler-operator/{}", env!("CARGO_PKG_VERSION")));
    }

    #[tokio::test]
    async fn a_busy_server_is_asked_once() {
        let (config, busy) = server().await;
        let client = build(config, HEAD_WITHIN, Metrics::new().registry()).unwrap();
        assert!(client.request_text(ask("/busy")).await.is_err());
        assert_eq!(busy.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_silent_server_is_given_up_and_the_metrics_name_it() {
        let (config, _) = server().await;
        let host = config.cluster_url.authority().unwrap().to_string();
        let mut metrics = Metrics::new();
        let client = build(config, Duration::from_millis(50), metrics.registry()).unwrap();
        let error = client.request_text(ask("/silent")).await.unwrap_err();
        assert!(error.to_string().contains("did not begin to answer GET /silent"), "{error}");
        let text = metrics.encode().unwrap();
        let line = format!(r#"rest_client_requests_total{{code="<error>",method="GET",host="{host}"}} 1"#);
        assert!(text.contains(&line), "no {line} in\n{text}");
    }
}
