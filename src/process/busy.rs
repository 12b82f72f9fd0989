//! The pauses that the API server requests, as a layer of its client: kube drops the header `Retry-After`.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use http::{HeaderMap, Request, Response, StatusCode, header::RETRY_AFTER};
use tower::{BoxError, Layer, Service};

/// What a proxy requests by mistake must not stop the operator.
const LONGEST: Duration = Duration::from_mins(5);

/// The API server has requested a pause instead of carrying out a request.
#[derive(Debug, thiserror::Error)]
#[error("the Kubernetes API server is busy ({status}) and requests a pause of {}", humantime::format_duration(*.pause))]
pub struct Busy {
    status: StatusCode,
    pause: Duration,
}

/// How long the API server requests to wait before the next attempt, at most five minutes; zero when it requests nothing.
#[must_use]
pub fn requested_pause(error: &kube::Error) -> Duration {
    let pause = match error {
        kube::Error::Service(error) => error.downcast_ref::<Busy>().map(|busy| busy.pause),
        kube::Error::Api(status) => {
            let seconds = status.details.as_ref().map(|details| details.retry_after_seconds);
            seconds.map(|seconds| Duration::from_secs(seconds.into()))
        }
        _ => None,
    };
    pause.unwrap_or_default().min(LONGEST)
}

/// The layer for `kube::client::ClientBuilder::with_layer`.
///
/// # Guarantees
/// * An answer of 429 or 503 that has the header `Retry-After`, in seconds, becomes a [`Busy`].
#[derive(Clone, Copy, Debug)]
pub struct BusyLayer;

impl<S> Layer<S> for BusyLayer {
    type Service = BusyService<S>;

    fn layer(&self, inner: S) -> BusyService<S> {
        BusyService { inner }
    }
}

/// A client with a [`BusyLayer`] around it.
#[derive(Clone, Debug)]
pub struct BusyService<S> {
    inner: S,
}

impl<S, Q, R> Service<Request<Q>> for BusyService<S>
where
    S: Service<Request<Q>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    type Response = Response<R>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<R>, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let head = self.inner.call(request);
        async move {
            let answer = head.await.map_err(Into::into)?;
            match pause(answer.status(), answer.headers()) {
                Some(pause) => Err(Busy { status: answer.status(), pause }.into()),
                None => Ok(answer),
            }
        }
        .boxed()
    }
}

fn pause(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let is_busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let seconds = headers.get(RETRY_AFTER).filter(|_| is_busy)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use tower::{ServiceExt, service_fn};

    use super::*;

    async fn pause_after(status: u16, header: Option<&'static str>) -> Option<Duration> {
        let server = service_fn(|_: Request<()>| async move {
            let answer = Response::builder().status(status);
            let answer = header.into_iter().fold(answer, |answer, seconds| answer.header(RETRY_AFTER, seconds));
            Ok::<_, BoxError>(answer.body(()).unwrap())
        });
        let answer = BusyLayer.layer(server).oneshot(Request::new(())).await;
        answer.err().map(|error| requested_pause(&kube::Error::Service(error)))
    }

    #[tokio::test]
    async fn the_pause_that_the_api_server_requests_is_known_after_the_error() {
        for (status, header, pause) in [
            (429, Some("7"), Some(7)),
            (503, Some("1"), Some(1)),
            (429, Some("86400"), Some(300)),
            (429, None, None),
            (429, Some("Wed, 21 Oct 2026 07:28:00 GMT"), None),
            (200, Some("7"), None),
            (409, Some("7"), None),
        ] {
            assert_eq!(pause_after(status, header).await, pause.map(Duration::from_secs), "{status} {header:?}");
        }
    }

    #[test]
    fn a_status_may_request_a_pause_too() {
        let status = serde_json::json!({ "code": 429, "details": { "retryAfterSeconds": 9 } });
        let error = kube::Error::Api(Box::new(serde_json::from_value(status).unwrap()));
        assert_eq!(requested_pause(&error), Duration::from_secs(9));
    }
}
