//! Makes the client of the Kubernetes API server. Reads the kubeconfig or the pod's service account; sends nothing.

use std::{env, time::Duration};

use futures::FutureExt;
use http::{HeaderValue, Uri, header::USER_AGENT};
use hyper_util::client::proxy::matcher::Matcher;
use kube::{
    Client, Config,
    client::ClientBuilder,
    config::{InferConfigError, Kubeconfig},
};
use prometheus_client::registry::Registry;

use super::{busy::BusyLayer, head_timeout::HeadTimeoutLayer, permit::Permit, rest_client::RestClientLayer};

/// How long the API server may take to begin a response. After half a minute a retry is better than waiting; a server
/// under load sends its 429 long before.
pub const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// How long a connection may stay silent in the middle of a response. Longer than the 290 s after which kube's watches
/// end by themselves, so that it cuts only connections whose other end is gone.
const SILENT_AT_MOST: Duration = Duration::from_secs(295);

/// The client's user agent: `name/version`. The API server's audit log shows it beside every request.
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

/// The process's clients of one API server.
pub struct Clients {
    /// For resources and events.
    pub resources: Client,
    /// For the Lease alone: a renewal never waits behind other requests.
    pub leases: Client,
}

/// The clients for the cluster that the kubeconfig, else the pod's environment names.
///
/// # Guarantees
/// * It never retries by itself: a call is bounded by its time-out, and every request is counted.
/// * All that [`HeadTimeoutLayer`] and [`RestClientLayer`] promise: what is given up counts too. The families are
///   registered in `registry`; call it once a registry.
/// * A pause that the API server requests is in the error: see [`requested_pause`](super::busy::requested_pause).
/// * A server that goes silent within an answer is given up after 295 s.
/// * A proxy is used as kubectl uses it, and never in a pod.
pub async fn connect(registry: &mut Registry) -> Result<Clients, KubeClientError> {
    let mut config = Config::infer().await.map_err(|error| KubeClientError::NoCluster(Box::new(error)))?;
    if let Ok(kubeconfig) = Kubeconfig::read() {
        config.proxy_url = proxy(&config.cluster_url, own_proxy(&kubeconfig), |name| env::var(name).ok());
    }
    let counted = RestClientLayer::register(registry, host(&config));
    let build = |config| build(config, HEAD_WITHIN, &counted);
    Ok(Clients { resources: build(config.clone())?, leases: build(config)? })
}

fn host(config: &Config) -> String {
    config.cluster_url.authority().map(ToString::to_string).unwrap_or_default()
}

/// The `proxy-url` of the cluster that the kubeconfig's current context names.
fn own_proxy(kubeconfig: &Kubeconfig) -> Option<&str> {
    let context =
        kubeconfig.contexts.iter().find(|context| Some(&context.name) == kubeconfig.current_context.as_ref())?;
    let name = &context.context.as_ref()?.cluster;
    let cluster = kubeconfig.clusters.iter().find(|cluster| cluster.name == *name)?;
    cluster.cluster.as_ref()?.proxy_url.as_deref().filter(|url| !url.is_empty())
}

/// The proxy in front of `server`: the kubeconfig's own, else `HTTPS_PROXY` unless `NO_PROXY` covers the server.
/// kube compares `NO_PROXY` with the address of the proxy instead (5.0.0). `variable` reads the environment.
fn proxy(server: &Uri, own: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Option<Uri> {
    if let Some(own) = own {
        return own.parse().ok();
    }
    let first = |names: [&str; 2]| names.into_iter().filter_map(&variable).find(|value| !value.is_empty());
    let given = first(["HTTPS_PROXY", "https_proxy"])?;
    let excluded = first(["NO_PROXY", "no_proxy"]).unwrap_or_default();
    Matcher::builder().https(&given).no(excluded).build().intercept(server)?;
    let url = if given.contains("://") { given } else { format!("http://{given}") };
    url.parse().ok()
}

fn build(mut config: Config, head_within: Duration, counted: &RestClientLayer) -> Result<Client, KubeClientError> {
    config.default_retry = false;
    config.read_timeout = Some(SILENT_AT_MOST);
    config.reset_reader_on_write = true;
    config.headers.push((USER_AGENT, HeaderValue::from_static(IDENTITY)));
    let builder = ClientBuilder::try_from(config).map_err(|error| KubeClientError::Unusable(Box::new(error)))?;
    Ok(builder.with_layer(&HeadTimeoutLayer(head_within)).with_layer(counted).with_layer(&BusyLayer).build())
}

/// Cuts a request to the API server off at the deadline of `permit`.
pub fn in_time<T>(
    permit: &Permit,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> impl Future<Output = Result<T, kube::Error>> {
    let late = |_| Err(kube::Error::Service("the API server did not answer in time".into()));
    permit.deadline().bound(request).map(move |answer| answer.unwrap_or_else(late))
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{Router, http::HeaderMap, http::StatusCode, routing::get};
    use http::Request;
    use tokio::{
        io::{AsyncBufReadExt, BufReader},
        net::TcpListener,
    };

    use super::*;
    use crate::process::metrics::Metrics;

    /// An API server that returns the user agent, is always too busy, or never answers.
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

    fn client(config: Config, head_within: Duration, registry: &mut Registry) -> Result<Client, KubeClientError> {
        let counted = RestClientLayer::register(registry, host(&config));
        build(config, head_within, &counted)
    }

    fn ask(path: &str) -> Request<Vec<u8>> {
        Request::get(path).body(Vec::new()).unwrap()
    }

    #[tokio::test]
    async fn our_requests_can_be_found_in_the_audit_log() {
        let (config, _) = server().await;
        let client = client(config, HEAD_WITHIN, Metrics::new().registry()).unwrap();
        let name = client.request_text(ask("/whoami")).await.unwrap();
        assert_eq!(name, format!("codeguru-profiler-operator/{}", env!("CARGO_PKG_VERSION")));
    }

    const PROXY: &str = "http://proxy.example.com:3128/";

    /// The proxy in front of `https://10.0.0.1:6443`, or of another server.
    fn chosen(server: &str, own: Option<&str>, variables: &[(&str, &str)]) -> String {
        let variable = |name: &str| Some(variables.iter().find(|(given, _)| *given == name)?.1.to_owned());
        proxy(&server.parse().unwrap(), own, variable).map(|url| url.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_proxy_is_used_unless_no_proxy_covers_the_api_server() {
        let (address, name) = ("https://10.0.0.1:6443", "https://api.example.com:6443");
        for (server, no_proxy, used) in [
            (address, "", true),
            (address, "10.0.0.0/8", false),
            (address, "169.254.170.23, 10.0.0.1,", false),
            (address, "10.0.0.2,example.com", true),
            (name, "example.com", false),
            (name, ".example.com", false),
            (name, "other.example.com", true),
            (name, "*", false),
            // An entry that covers the proxy means nothing for the API server.
            (address, "proxy.example.com", true),
        ] {
            let found = chosen(server, None, &[("HTTPS_PROXY", PROXY), ("NO_PROXY", no_proxy)]);
            assert_eq!(found == PROXY, used, "{server} {no_proxy}: {found}");
        }
    }

    #[test]
    fn the_kubeconfigs_own_proxy_wins_and_small_letters_and_a_missing_scheme_do_as_well() {
        let server = "https://10.0.0.1:6443";
        let variables = [("HTTPS_PROXY", "http://other.example.com"), ("NO_PROXY", "*")];
        assert_eq!(chosen(server, Some(PROXY), &variables), PROXY);
        assert_eq!(chosen(server, None, &[("https_proxy", "proxy.example.com:3128")]), PROXY);
        assert_eq!(chosen(server, None, &[("https_proxy", PROXY), ("no_proxy", "10.0.0.1")]), "");
        assert_eq!(chosen("http://10.0.0.1:8001", None, &[("HTTPS_PROXY", PROXY)]), "", "a server without TLS");
        assert_eq!(chosen(server, None, &[]), "");
    }

    #[test]
    fn the_kubeconfigs_own_proxy_is_that_of_its_current_context() {
        let kubeconfig = "{current-context: b, contexts: [{name: a, context: {cluster: one}}, {name: b, context: {cluster: two}}], \
                          clusters: [{name: one, cluster: {proxy-url: 'http://one'}}, {name: two, cluster: {proxy-url: 'http://two'}}]}";
        let kubeconfig = Kubeconfig::from_yaml(kubeconfig).unwrap();
        assert_eq!(own_proxy(&kubeconfig), Some("http://two"));
        assert_eq!(own_proxy(&Kubeconfig { current_context: None, ..kubeconfig }), None);
    }

    #[tokio::test]
    async fn a_tunnel_to_the_api_server_is_requested_from_a_proxy() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut config = Config::new("https://10.0.0.1:6443".parse().unwrap());
        config.proxy_url = Some(format!("http://{}", listener.local_addr().unwrap()).parse().unwrap());
        let client = client(config, HEAD_WITHIN, Metrics::new().registry()).unwrap();
        tokio::spawn(async move { client.request_text(ask("/version")).await });
        let (connection, _) = listener.accept().await.unwrap();
        let mut line = String::new();
        BufReader::new(connection).read_line(&mut line).await.unwrap();
        assert_eq!(line, "CONNECT 10.0.0.1:6443 HTTP/1.1\r\n");
    }

    #[tokio::test]
    async fn a_busy_server_gets_one_request() {
        let (config, busy) = server().await;
        let client = client(config, HEAD_WITHIN, Metrics::new().registry()).unwrap();
        assert!(client.request_text(ask("/busy")).await.is_err());
        assert_eq!(busy.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_silent_server_is_given_up_and_the_metrics_name_it() {
        let (config, _) = server().await;
        let host = config.cluster_url.authority().unwrap().to_string();
        let mut metrics = Metrics::new();
        let client = client(config, Duration::from_millis(50), metrics.registry()).unwrap();
        let error = client.request_text(ask("/silent")).await.unwrap_err();
        assert!(error.to_string().contains("did not begin to answer GET /silent"), "{error}");
        let text = metrics.encode().unwrap();
        let line = format!(r#"rest_client_requests_total{{code="<error>",method="GET",host="{host}"}} 1"#);
        assert!(text.contains(&line), "no {line} in\n{text}");
    }
}
