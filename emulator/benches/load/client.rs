//! Sends one request over and over, on so many connections at once, and notes how long each answer took.

use std::time::{Duration, Instant};

use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

pub struct Load {
    pub request: Request<Bytes>,
    pub connections: usize,
    pub time: Duration,
}

/// What came of a load.
pub struct Outcome {
    /// How long each answer took, the shortest first.
    pub latencies: Vec<Duration>,
    pub time: Duration,
}

impl Load {
    /// Puts the load on a server. Every answer must be a success.
    pub async fn on(&self, address: &str) -> Outcome {
        let measured_from = Instant::now() + self.time / 5;
        let until = measured_from + self.time;
        let mut senders = Vec::new();
        for _ in 0..self.connections {
            let mut connection = connect(address).await;
            let request = self.request.clone();
            senders.push(tokio::spawn(async move {
                let mut latencies = Vec::new();
                while Instant::now() < until {
                    let start = Instant::now();
                    exchange(&mut connection, request.clone()).await;
                    if start >= measured_from {
                        latencies.push(start.elapsed());
                    }
                }
                latencies
            }));
        }
        let mut latencies = Vec::new();
        for sender in senders {
            latencies.extend(sender.await.unwrap());
        }
        latencies.sort_unstable();
        Outcome { latencies, time: self.time }
    }
}

impl Outcome {
    pub fn per_second(&self) -> f64 {
        let count = u32::try_from(self.latencies.len()).unwrap();
        f64::from(count) / self.time.as_secs_f64()
    }

    /// So many of a hundred answers took no longer.
    pub fn percentile(&self, percent: usize) -> Duration {
        self.latencies[(self.latencies.len() * percent / 100).min(self.latencies.len() - 1)]
    }
}

/// The body of the answer to one request.
pub async fn once(address: &str, request: Request<Bytes>) -> Bytes {
    exchange(&mut connect(address).await, request).await
}

async fn connect(address: &str) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn exchange(connection: &mut SendRequest<Full<Bytes>>, request: Request<Bytes>) -> Bytes {
    connection.ready().await.unwrap();
    let answer = connection.send_request(request.map(Full::new)).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(status.is_success(), "{status} {body:?}");
    body
}
