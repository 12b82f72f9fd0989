//! Clients that take their time. The clock stands still but where everyone waits, then it jumps to the next deadline.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::rig::{ACCOUNT, Answer, Rig, bytes_of, signed};

async fn connect(rig: &Rig) -> TcpStream {
    TcpStream::connect(rig.emulator.service_url.trim_start_matches("http://")).await.unwrap()
}

async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset after the last bytes is an end, too.
    let _ = stream.read_to_end(&mut bytes).await;
    bytes
}

#[tokio::test(start_paused = true)]
async fn a_head_without_an_end_is_cut_off_after_two_minutes() {
    let rig = Rig::start().await;
    let mut stream = connect(&rig).await;
    let start = Instant::now();
    stream.write_all(b"GET /profilingGroups HTTP/1.1\r\nhost: t\r\n").await.unwrap();
    rest(&mut stream).await;
    assert_eq!(start.elapsed().as_secs(), 120);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_given_up_after_half_a_minute() {
    let rig = Rig::start().await;
    let mut stream = connect(&rig).await;
    let start = Instant::now();
    let request = bytes_of("PUT", "/profilingGroups/a", &signed(), "0123456789");
    stream.write_all(&request.as_bytes()[..request.len() - 1]).await.unwrap();
    let answer = Answer::parse(&rest(&mut stream).await);
    assert_eq!(answer.error(), (408, "RequestTimeoutException".into()));
    assert_eq!(start.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_cut_off_after_half_a_minute() {
    const REQUESTS: usize = 200;
    let rig = Rig::start().await;
    let seed = json!({"account": ACCOUNT, "region": "eu-west-1", "count": 1000, "prefix": "g"});
    rig.admin("POST", "/seed", seed).await;
    let target = "/profilingGroups?includeDescription=true&maxResults=1000";
    let whole = rig.call("GET", target, Value::Null).await.body.len() * REQUESTS;

    let mut stream = connect(&rig).await;
    let request = bytes_of("GET", target, &signed(), "").replace("connection: close\r\n", "");
    stream.write_all(request.repeat(REQUESTS).as_bytes()).await.unwrap();
    sleep(Duration::from_secs(31)).await;
    let sent = rest(&mut stream).await.len();
    assert!((1..whole).contains(&sent), "{sent} of {whole} bytes");
}
