//! Accepts connections and speaks HTTP/1.1 on them, until it is aborted; with it end all its connections.

use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::Reset;
use super::write_timeout::WriteTimeout;
use crate::answer::Body;

/// Longer than clients keep idle connections, so that no request is sent into a closing one.
const HEAD_TIMEOUT: Duration = Duration::from_mins(2);

/// A client that takes nothing of its answer for so long is cut off.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Between two attempts to accept when the system refuses, for instance for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

pub async fn serve<H, F>(listener: TcpListener, handler: H) -> Infallible
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<Body>, Reset>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, handler.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn connection<H, F>(stream: TcpStream, handler: H)
where
    H: Fn(Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = Result<Response<Body>, Reset>> + Send + 'static,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch Nagle's algorithm off");
    }
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(WriteTimeout::new(stream, WRITE_TIMEOUT)), service_fn(handler));
    if let Err(error) = (&mut connection).await {
        tracing::debug!(%error, "a connection ended early");
        if error.source().is_some_and(<dyn Error>::is::<Reset>) {
            let stream = connection.into_parts().io.into_inner().into_inner();
            // Closing without lingering sends RST, not FIN.
            if let Err(error) = stream.set_zero_linger() {
                tracing::debug!(%error, "cannot reset a connection");
            }
        }
    }
}
