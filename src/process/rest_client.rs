//! Counts and times the requests to the Kubernetes API server, as a layer of its client.

use std::{
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures::{FutureExt, future::BoxFuture};
use http::{Method, Request, Response};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};
use tower::{Layer, Service};

/// client-go's buckets of a request's duration, in seconds.
const REQUEST_SECONDS: [f64; 12] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0];

/// client-go's code of a request that got no answer.
const NO_ANSWER: &str = "<error>";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    code: String,
    method: String,
    host: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DurationLabels {
    verb: String,
    host: String,
}

/// The layer for `kube::client::ClientBuilder::with_layer`.
///
/// # Guarantees
/// * Each request that got an answer, or failed counts once in
///   `rest_client_requests_total{code,method,host}` (client-go's name; `code` is `<error>` without an answer). One that
///   its caller gave up is not counted.
/// * `rest_client_request_duration_seconds{verb,host}` holds the time to the response head. `verb` is the HTTP method,
///   but for lists and watches, which are `LIST` and `WATCH` as in the API server's own metrics.
#[derive(Clone, Debug)]
pub struct RestClientLayer {
    requests: Family<RequestLabels, Counter>,
    seconds: Family<DurationLabels, Histogram, fn() -> Histogram>,
    host: String,
}

impl RestClientLayer {
    /// Registers the two families. `host` is the API server's host and port as the label shows it.
    pub fn register(registry: &mut Registry, host: String) -> Self {
        let layer = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(REQUEST_SECONDS)),
            host,
        };
        registry.register(
            "rest_client_requests",
            "Number of HTTP requests, partitioned by status code, method, and host",
            layer.requests.clone(),
        );
        registry.register(
            "rest_client_request_duration_seconds",
            "Time to the response head in seconds, by verb and host",
            layer.seconds.clone(),
        );
        layer
    }

    fn record(&self, method: &Method, verb: &str, code: String, took: Duration) {
        self.requests.get_or_create(&RequestLabels { code, method: method.to_string(), host: self.host.clone() }).inc();
        self.seconds
            .get_or_create(&DurationLabels { verb: verb.to_owned(), host: self.host.clone() })
            .observe(took.as_secs_f64());
    }
}

impl<S> Layer<S> for RestClientLayer {
    type Service = RestClient<S>;

    fn layer(&self, inner: S) -> RestClient<S> {
        RestClient { inner, layer: self.clone() }
    }
}

/// A client with a [`RestClientLayer`] around it.
#[derive(Clone, Debug)]
pub struct RestClient<S> {
    inner: S,
    layer: RestClientLayer,
}

impl<S, Q, R> Service<Request<Q>> for RestClient<S>
where
    S: Service<Request<Q>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<R>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let layer = self.layer.clone();
        let method = request.method().clone();
        let verb = verb(&request);
        let started = Instant::now();
        let head = self.inner.call(request);
        async move {
            let answer = head.await;
            let code =
                answer.as_ref().map_or_else(|_| NO_ANSWER.to_owned(), |answer| answer.status().as_str().to_owned());
            layer.record(&method, &verb, code, started.elapsed());
            answer
        }
        .boxed()
    }
}

/// The API verb. kube names each request's operation in its extensions: `list`, `watch_metadata`, `replace_status`.
pub(super) fn verb<B>(request: &Request<B>) -> String {
    let operation = request.extensions().get::<&'static str>().copied().unwrap_or_default();
    match operation.split('_').next() {
        Some("list") => "LIST".to_owned(),
        Some("watch") => "WATCH".to_owned(),
        _ => request.method().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use futures::future::ready;
    use http::StatusCode;
    use tower::{BoxError, ServiceExt, service_fn};

    use super::*;
    use crate::process::metrics::Metrics;

    fn request(method: Method, operation: &'static str) -> Request<()> {
        Request::builder().method(method).uri("/api/v1/pods?watch=true").extension(operation).body(()).unwrap()
    }

    fn lines(metrics: &Metrics) -> Vec<String> {
        let text = metrics.encode().unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn layer() -> (Metrics, RestClientLayer) {
        let mut metrics = Metrics::new();
        let layer = RestClientLayer::register(metrics.registry(), "10.96.0.1:443".to_owned());
        (metrics, layer)
    }

    #[tokio::test]
    async fn every_answer_counts_under_its_code_method_and_host() {
        let (metrics, layer) = layer();
        let server = service_fn(|request: Request<()>| {
            let code = if request.method() == Method::PUT { StatusCode::CONFLICT } else { StatusCode::OK };
            ready(Ok::<_, BoxError>(Response::builder().status(code).body(()).unwrap()))
        });
        let client = layer.layer(server);
        for (method, operation) in [
            (Method::GET, "get"),
            (Method::GET, "list"),
            (Method::GET, "watch_metadata"),
            (Method::PUT, "replace_status"),
        ] {
            client.clone().oneshot(request(method, operation)).await.unwrap();
        }

        let lines = lines(&metrics);
        for line in [
            r#"rest_client_requests_total{code="200",method="GET",host="10.96.0.1:443"} 3"#,
            r#"rest_client_requests_total{code="409",method="PUT",host="10.96.0.1:443"} 1"#,
            r#"rest_client_request_duration_seconds_count{verb="GET",host="10.96.0.1:443"} 1"#,
            r#"rest_client_request_duration_seconds_count{verb="LIST",host="10.96.0.1:443"} 1"#,
            r#"rest_client_request_duration_seconds_count{verb="WATCH",host="10.96.0.1:443"} 1"#,
            r#"rest_client_request_duration_seconds_count{verb="PUT",host="10.96.0.1:443"} 1"#,
        ] {
            assert!(lines.iter().any(|found| found == line), "no {line} in {lines:#?}");
        }
    }

    #[tokio::test]
    async fn a_request_without_an_answer_counts_as_an_error() {
        let (metrics, layer) = layer();
        let client = layer.layer(service_fn(|_: Request<()>| ready(Err::<Response<()>, _>(BoxError::from("refused")))));
        client.oneshot(request(Method::GET, "list")).await.unwrap_err();
        let line = r#"rest_client_requests_total{code="<error>",method="GET",host="10.96.0.1:443"} 1"#;
        assert!(lines(&metrics).iter().any(|found| found == line));
    }
}
