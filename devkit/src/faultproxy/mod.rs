//! An HTTP proxy before the real API server that cuts, delays and refuses by its rules, so that no API server has to be imitated.

mod rules;

use std::convert::Infallible;
use std::future::pending;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{StreamExt, stream};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::config::Kubeconfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

pub use rules::{Effect, Rule};
use rules::{Rules, failure, is_watch};

use crate::Error;
use crate::controlplane::ControlPlane;

/// Why a connection was closed. Nobody reads it.
type Failure = String;
type Answer = Response<UnsyncBoxBody<Bytes, Failure>>;

/// A running proxy, on the runtime it was started on.
#[derive(Debug)]
pub struct FaultProxy {
    url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    upstream: Mutex<kube::Client>,
    rules: Mutex<Rules>,
    watches: Mutex<CancellationToken>,
    held: AtomicU32,
    connections: CancellationToken,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl FaultProxy {
    /// Starts a proxy before this control plane's API server. It adds no credentials: the caller's own pass through.
    pub async fn start(control_plane: &ControlPlane) -> Result<Self, Error> {
        let upstream = Mutex::new(nobody(control_plane.kubeconfig()).await?);
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::io("listen for the fault proxy"))?;
        let address = listener.local_addr().map_err(Error::io("listen for the fault proxy"))?;
        let shared = Arc::new(Shared {
            upstream,
            rules: Mutex::default(),
            watches: Mutex::default(),
            held: AtomicU32::new(0),
            connections: CancellationToken::new(),
        });
        let task = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Ok(Self { url: format!("http://{address}"), shared, task })
    }

    /// Passes requests on to the API server of this kubeconfig from now on, and cuts every watch that is open now.
    pub async fn redirect(&self, kubeconfig: &Path) -> Result<(), Error> {
        let upstream = nobody(kubeconfig).await?;
        *self.shared.upstream.lock().unwrap_or_else(PoisonError::into_inner) = upstream;
        self.cut_watches();
        Ok(())
    }

    /// Where it listens, as the server of a kubeconfig.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Adds a rule after those in force, and returns its number.
    // Most rules are added and never looked up.
    #[allow(clippy::must_use_candidate)]
    pub fn add(&self, rule: Rule) -> u64 {
        self.rules().add(rule)
    }

    /// Takes a rule away.
    pub fn remove(&self, id: u64) {
        self.rules().remove(id);
    }

    /// Takes all rules away. What hangs goes on hanging.
    pub fn clear(&self) {
        self.rules().clear();
    }

    /// How many requests a rule has taken.
    #[must_use]
    pub fn hits(&self, id: u64) -> u32 {
        self.rules().hits(id)
    }

    /// How many answers were kept back, all of requests that the API server has carried out.
    #[must_use]
    pub fn held(&self) -> u32 {
        self.shared.held.load(Ordering::Relaxed)
    }

    /// Cuts every watch that is open now.
    pub fn cut_watches(&self) {
        std::mem::take(&mut *self.shared.watches()).cancel();
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.shared.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
        self.shared.connections.cancel();
    }
}

impl Shared {
    fn watches(&self) -> MutexGuard<'_, CancellationToken> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client that trusts the API server's certificate and has no identity of its own.
async fn nobody(kubeconfig: &Path) -> Result<kube::Client, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Unexpected(format!("the way to the API server: {error}"));
    let mut kubeconfig = Kubeconfig::read_from(kubeconfig).map_err(|error| failed(&error))?;
    for user in &mut kubeconfig.auth_infos {
        user.auth_info = None;
    }
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &kube::config::KubeConfigOptions::default()).await;
    let mut config = config.map_err(|error| failed(&error))?;
    // What the server sends is passed on as it is, and a failure is for the caller to see.
    config.disable_compression = true;
    config.default_retry = false;
    config.read_timeout = None;
    kube::Client::try_from(config).map_err(Error::kube("make a client for the fault proxy"))
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(connection(stream, Arc::clone(&shared)));
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let stopped = shared.connections.clone();
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { answer(&shared, request).await }
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // However a connection ends is the client's to deal with: that is what this is for.
    let _ = stopped.run_until_cancelled(served).await;
}

/// An error closes the connection without an answer.
async fn answer(shared: &Shared, request: Request<Incoming>) -> Result<Answer, Failure> {
    let uri = request.uri().to_string();
    let effect = shared.rules.lock().unwrap_or_else(PoisonError::into_inner).decide(request.method(), &uri);
    match effect {
        Some(Effect::Answer { code, retry_after }) => refuse(code, retry_after),
        Some(Effect::WatchError(code)) => {
            let event = serde_json::json!({ "type": "ERROR", "object": failure(code) });
            Ok(whole(Response::new(format!("{event}\n").into())))
        }
        Some(Effect::Cut) => Err("cut".into()),
        Some(Effect::Hang) => pending().await,
        Some(Effect::LoseAnswer) => {
            pass_on(shared, request, &uri).await?;
            Err("the answer is lost".into())
        }
        Some(Effect::HoldAnswer) => {
            pass_on(shared, request, &uri).await?;
            shared.held.fetch_add(1, Ordering::Relaxed);
            pending().await
        }
        Some(Effect::Delay(time)) => {
            tokio::time::sleep(time).await;
            pass_on(shared, request, &uri).await
        }
        Some(Effect::Split { bytes, pause }) => {
            Ok(pass_on(shared, request, &uri).await?.map(|body| split(body, bytes, pause)))
        }
        None => pass_on(shared, request, &uri).await,
    }
}

fn split(body: UnsyncBoxBody<Bytes, Failure>, bytes: usize, pause: Duration) -> UnsyncBoxBody<Bytes, Failure> {
    let pieces = body.into_data_stream().flat_map(move |data| {
        let pieces: Vec<_> = match data {
            Ok(data) => data.chunks(bytes).map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect(),
            Err(error) => vec![Err(error)],
        };
        stream::iter(pieces).then(move |piece| async move {
            tokio::time::sleep(pause).await;
            piece
        })
    });
    StreamBody::new(pieces).boxed_unsync()
}

fn refuse(code: u16, retry_after: Option<u32>) -> Result<Answer, Failure> {
    let mut response = Response::new(failure(code).to_string().into());
    *response.status_mut() = StatusCode::from_u16(code).map_err(text)?;
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(whole(response))
}

fn whole(mut response: Response<Full<Bytes>>) -> Answer {
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.map(|body| body.map_err(|never: Infallible| match never {}).boxed_unsync())
}

/// Passes a request on, and its answer back as it comes, without waiting for the end of it.
async fn pass_on(shared: &Shared, request: Request<Incoming>, uri: &str) -> Result<Answer, Failure> {
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await.map_err(text)?.to_bytes();
    parts.headers.remove(header::HOST);
    parts.headers.remove(header::CONTENT_LENGTH);
    // The watches that are open from now on: one that is cut while it is being opened is cut too.
    let cut = is_watch(uri).then(|| shared.watches().clone().cancelled_owned());
    let upstream = shared.upstream.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let answer = upstream.send(Request::from_parts(parts, body.into())).await.map_err(text)?;
    let (mut parts, body) = answer.into_parts();
    // Whether the answer is chunked is a matter of this connection alone.
    parts.headers.remove(header::TRANSFER_ENCODING);
    let body = Cuttable { body: body.map_err(text).boxed_unsync(), cut: cut.map(Box::pin) };
    Ok(Response::from_parts(parts, body.boxed_unsync()))
}

fn text(error: impl std::fmt::Display) -> Failure {
    error.to_string()
}

/// A body that breaks off on request.
struct Cuttable {
    body: UnsyncBoxBody<Bytes, Failure>,
    cut: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl Body for Cuttable {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        if let Some(cut) = &mut self.cut
            && cut.as_mut().poll(context).is_ready()
        {
            self.cut = None;
            return Poll::Ready(Some(Err("cut".into())));
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
