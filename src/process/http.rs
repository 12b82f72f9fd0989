//! Serves the probes and the metrics. Listens on one address; sends no requests.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    health::{Liveness, Readiness},
    metrics::{self, Metrics},
};

#[derive(Debug, thiserror::Error)]
#[error("can't listen on {address} for probes and metrics: choose another address with --listen-address")]
pub struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

/// What the endpoints show.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// `/livez`: 200 while the heart beats.
    pub liveness: Liveness,
    /// `/readyz`: 200 once set; before, 503 naming what is missing. Never depends on AWS, so that an outage there
    /// stops no rollout here.
    pub readiness: Readiness,
    /// `/metrics`: `OpenMetrics` text.
    pub metrics: Arc<Metrics>,
}

/// A bound address that is not served yet; connections wait.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
}

impl Server {
    /// Binds `address`, and logs what it became (port 0 takes a free one) as the field `listening`. `[::]` answers IPv4
    /// as well, and becomes `0.0.0.0` where IPv6 is off.
    pub async fn bind(address: SocketAddr) -> Result<Self, ListenError> {
        let failed = |source| ListenError { address, source };
        let listener = on_both_families(address, TcpListener::bind).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        tracing::info!(listening = %address, "serving probes and metrics");
        Ok(Self { listener })
    }

    /// Answers until `stop` is cancelled and the requests in flight are answered.
    pub async fn serve(self, endpoints: Endpoints, stop: CancellationToken) -> io::Result<()> {
        axum::serve(self.listener, routes(endpoints)).with_graceful_shutdown(stop.cancelled_owned()).await
    }
}

/// Binds every IPv4 address instead of every IPv6 address where the system has no IPv6.
async fn on_both_families<T>(address: SocketAddr, bind: impl AsyncFn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    match bind(address).await {
        Err(error) if address.ip() == Ipv6Addr::UNSPECIFIED && is_without_ipv6(&error) => {
            bind((Ipv4Addr::UNSPECIFIED, address.port()).into()).await
        }
        bound => bound,
    }
}

/// Linux refuses the socket when it has no IPv6 at all, and the address when IPv6 is switched off.
fn is_without_ipv6(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.raw_os_error() == Some(EAFNOSUPPORT) || error.kind() == ErrorKind::AddrNotAvailable
}

fn routes(endpoints: Endpoints) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(endpoints)
}

async fn livez(State(endpoints): State<Endpoints>) -> (StatusCode, String) {
    match endpoints.liveness.silent_too_long() {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(silent) => (StatusCode::SERVICE_UNAVAILABLE, format!("no progress for {} s\n", silent.as_secs())),
    }
}

async fn readyz(State(endpoints): State<Endpoints>) -> (StatusCode, String) {
    match endpoints.readiness.missing() {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(what) => (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for {what}\n")),
    }
}

async fn metrics(State(endpoints): State<Endpoints>) -> Response {
    match endpoints.metrics.encode() {
        Ok(text) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a metric can't be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;

    struct Answer {
        code: u16,
        head: String,
        body: String,
    }

    async fn ask(address: SocketAddr, path: &str) -> Answer {
        let mut connection = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: operator\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer {
            code: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    fn endpoints() -> Endpoints {
        Endpoints {
            liveness: Liveness::new(),
            readiness: Readiness::waiting_for("the watch of Things"),
            metrics: Arc::new(Metrics::new()),
        }
    }

    async fn serve(endpoints: Endpoints) -> SocketAddr {
        let server = Server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = server.listener.local_addr().unwrap();
        tokio::spawn(server.serve(endpoints, CancellationToken::new()));
        address
    }

    #[tokio::test]
    async fn readyz_names_what_is_missing_until_the_watch_has_synced() {
        let endpoints = endpoints();
        let address = serve(endpoints.clone()).await;

        let before = ask(address, "/readyz").await;
        assert_eq!((before.code, before.body.as_str()), (503, "waiting for the watch of Things\n"));

        endpoints.readiness.set();
        let after = ask(address, "/readyz").await;
        assert_eq!((after.code, after.body.as_str()), (200, "ok\n"));
    }

    #[tokio::test]
    async fn livez_holds_while_the_heart_beats_and_fails_when_it_is_silent() {
        let beating = endpoints();
        let mut silent = endpoints();
        silent.liveness = Liveness::with_limit(Duration::ZERO);
        tokio::time::sleep(Duration::from_millis(5)).await;

        assert_eq!(ask(serve(beating).await, "/livez").await.code, 200);
        let answer = ask(serve(silent).await, "/livez").await;
        assert_eq!(answer.code, 503);
        assert!(answer.body.starts_with("no progress for "), "{}", answer.body);
    }

    #[tokio::test]
    async fn metrics_are_openmetrics_text_by_their_content_type() {
        let address = serve(endpoints()).await;
        let answer = ask(address, "/metrics").await;
        assert_eq!(answer.code, 200);
        assert!(
            answer.head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
            "{}",
            answer.head
        );
        assert_eq!(answer.body, "# EOF\n");
    }

    /// The address that is bound in the end, on a system that refuses IPv6 with this error.
    async fn bound(address: &str, refusal: fn() -> io::Error) -> io::Result<String> {
        let bind = async |address: SocketAddr| if address.is_ipv6() { Err(refusal()) } else { Ok(address) };
        on_both_families(address.parse().unwrap(), bind).await.map(|address| address.to_string())
    }

    #[tokio::test]
    async fn where_ipv6_is_off_every_ipv4_address_is_listened_on_instead() {
        let no_family = || io::Error::from_raw_os_error(97);
        let no_address = || io::Error::from(ErrorKind::AddrNotAvailable);
        let taken = || io::Error::from(ErrorKind::AddrInUse);
        assert_eq!(bound("[::]:8080", no_family).await.unwrap(), "0.0.0.0:8080");
        assert_eq!(bound("[::]:8080", no_address).await.unwrap(), "0.0.0.0:8080");
        assert_eq!(bound("[::]:8080", taken).await.unwrap_err().kind(), ErrorKind::AddrInUse);
        // One configured address is never replaced by all addresses.
        assert!(bound("[::1]:8080", no_address).await.is_err());
        assert_eq!(bound("10.0.0.1:8080", no_family).await.unwrap(), "10.0.0.1:8080");
    }

    #[tokio::test]
    async fn the_address_of_both_families_answers_on_each_that_the_system_has() {
        let server = Server::bind("[::]:0".parse().unwrap()).await.unwrap();
        let address = server.listener.local_addr().unwrap();
        tokio::spawn(server.serve(endpoints(), CancellationToken::new()));
        assert_eq!(ask((Ipv4Addr::LOCALHOST, address.port()).into(), "/livez").await.code, 200);
        if address.is_ipv6() {
            assert_eq!(ask((Ipv6Addr::LOCALHOST, address.port()).into(), "/livez").await.code, 200);
        }
    }

    #[tokio::test]
    async fn the_server_ends_on_request() {
        let server = Server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(server.serve(endpoints(), stop.clone()));
        stop.cancel();
        serving.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_named_with_the_way_out() {
        let server = Server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = server.listener.local_addr().unwrap();
        let error = Server::bind(address).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("can't listen on {address} for probes and metrics: choose another address with --listen-address")
        );
    }
}
