//! An HTTP server that gives every request the same raw answer and remembers the requests.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

#[derive(Clone)]
pub(super) enum Behaviour {
    /// These bytes, then the connection ends.
    Answer(Vec<u8>),
    /// Headers of a good answer, and a body without end.
    Flood,
    /// No answer, and the connection stays.
    Hang,
    /// No answer, and the connection ends.
    Close,
    /// No answer, and the connection is reset.
    Reset,
}

pub(super) struct Server {
    address: std::net::SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(super) async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::default();
        let log = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, behaviour.clone(), Arc::clone(&log)));
            }
        });
        Self { address, requests, task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests: request line, headers and body, one string each.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().clone()
    }
}

async fn serve(mut stream: TcpStream, behaviour: Behaviour, log: Arc<Mutex<Vec<String>>>) {
    let Some(request) = read(&mut stream).await else { return };
    log.lock().push(String::from_utf8_lossy(&request).into_owned());
    match behaviour {
        Behaviour::Answer(bytes) => stream.write_all(&bytes).await.unwrap_or_default(),
        Behaviour::Flood => {
            let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"nextToken\":\"";
            let mut sent = stream.write_all(head).await;
            while sent.is_ok() {
                sent = stream.write_all(&[b'x'; 8192]).await;
            }
        }
        Behaviour::Hang => std::future::pending().await,
        Behaviour::Close => {}
        Behaviour::Reset => stream.set_zero_linger().unwrap(),
    }
}

/// A whole request, unless the client goes away.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    while !is_complete(&request) {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return None;
        }
    }
    Some(request)
}

/// The same behind TLS, as localhost and 127.0.0.1, by an authority that nobody trusts.
pub(super) struct TlsServer {
    port: u16,
    task: JoinHandle<()>,
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl TlsServer {
    pub(super) async fn start(behaviour: Behaviour) -> Self {
        let Behaviour::Answer(bytes) = behaviour else { panic!("it can only answer") };
        let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, bytes) = (acceptor.clone(), bytes.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    if read(&mut stream).await.is_some() {
                        stream.write_all(&bytes).await.unwrap_or_default();
                        stream.shutdown().await.unwrap_or_default();
                    }
                });
            }
        });
        Self { port, task }
    }

    pub(super) fn url(&self, host: &str) -> String {
        format!("https://{host}:{}", self.port)
    }
}

fn is_complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    body.len() >= length.unwrap_or(0_usize)
}

/// A whole answer of the given status, headers and body.
pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Behaviour {
    let headers: String = headers.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
    let length = body.len();
    let text =
        format!("HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}");
    Behaviour::Answer(text.into_bytes())
}
