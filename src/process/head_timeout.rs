//! Gives up on requests to the Kubernetes API server that get no response head in time, as a layer of its client.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use http::Request;
use tower::{BoxError, Layer, Service};

use super::rest_client::verb;

/// The API server sent no response head in time.
#[derive(Debug, thiserror::Error)]
#[error(
    "the Kubernetes API server did not begin to answer {verb} {path} within {}",
    humantime::format_duration(*.within)
)]
pub struct NoResponseHead {
    verb: String,
    path: String,
    within: Duration,
}

/// The layer for `kube::client::ClientBuilder::with_layer`. Unlike tower's own, it names the request in its error.
///
/// # Guarantees
/// * A request without a response head within the limit fails with [`NoResponseHead`]. Only the head is timed: a
///   watch goes on for as long as the server lets it.
#[derive(Clone, Copy, Debug)]
pub struct HeadTimeoutLayer(pub Duration);

impl<S> Layer<S> for HeadTimeoutLayer {
    type Service = HeadTimeout<S>;

    fn layer(&self, inner: S) -> HeadTimeout<S> {
        HeadTimeout { inner, within: self.0 }
    }
}

/// A client with a [`HeadTimeoutLayer`] around it.
#[derive(Clone, Debug)]
pub struct HeadTimeout<S> {
    inner: S,
    within: Duration,
}

impl<S, Q> Service<Request<Q>> for HeadTimeout<S>
where
    S: Service<Request<Q>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let within = self.within;
        let verb = verb(&request);
        let path = request.uri().path().to_owned();
        let head = tokio::time::timeout(within, self.inner.call(request));
        async move {
            match head.await {
                Ok(answer) => answer.map_err(Into::into),
                Err(_elapsed) => Err(NoResponseHead { verb, path, within }.into()),
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use http::Response;
    use tower::{ServiceExt, service_fn};

    use super::*;

    #[tokio::test]
    async fn a_server_that_never_answers_is_given_up() {
        let server = service_fn(|_: Request<()>| pending::<Result<Response<()>, BoxError>>());
        let client = HeadTimeoutLayer(Duration::from_millis(20)).layer(server);
        let request = Request::get("/api/v1/pods?watch=true").extension("list").body(()).unwrap();
        let error = client.oneshot(request).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the Kubernetes API server did not begin to answer LIST /api/v1/pods within 20ms"
        );
    }
}
