//! A running emulator, and the requests of its clients as bytes.

use std::time::{Duration, Instant};

use codeguru_profiler_emulator::{Config, Emulator};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const ACCOUNT: &str = "111122223333";

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer has a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes[end + 4..].to_vec() }
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub fn error(&self) -> (u16, String) {
        (self.status, self.header("x-amzn-errortype").unwrap_or_default().to_owned())
    }
}

pub fn bytes_of(method: &str, target: &str, headers: &str, body: &str) -> String {
    format!(
        "{method} {target} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

pub fn signed_for(account: &str, region: &str, service: &str) -> String {
    format!(
        "authorization: AWS4-HMAC-SHA256 Credential=AKIA{account}/20260101/{region}/{service}/aws4_request, \
         SignedHeaders=host, Signature=0\r\n"
    )
}

pub fn signed() -> String {
    signed_for(ACCOUNT, "eu-west-1", "codeguru-profiler")
}

pub async fn exchange(url: &str, bytes: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await?;
    stream.write_all(bytes.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

pub struct Rig {
    pub emulator: Emulator,
}

impl Rig {
    pub async fn start() -> Self {
        Self { emulator: Emulator::start(Config::default()).await.unwrap() }
    }

    pub async fn send(&self, method: &str, target: &str, headers: &str, body: &str) -> Answer {
        Answer::parse(&exchange(&self.emulator.service_url, &bytes_of(method, target, headers, body)).await.unwrap())
    }

    pub async fn call(&self, method: &str, target: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, target, &signed(), &body).await
    }

    pub async fn create(&self, name: &str) -> Answer {
        self.call("POST", &format!("/profilingGroups?clientToken={name}"), json!({"profilingGroupName": name})).await
    }

    pub async fn update(&self, name: &str, enabled: bool) -> Answer {
        let body = json!({"agentOrchestrationConfig": {"profilingEnabled": enabled}});
        self.call("PUT", &format!("/profilingGroups/{name}"), body).await
    }

    pub async fn describe(&self, name: &str) -> Answer {
        self.call("GET", &format!("/profilingGroups/{name}"), Value::Null).await
    }

    pub async fn list(&self, query: &str) -> Value {
        let answer = self.call("GET", &format!("/profilingGroups?{query}"), Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    pub async fn admin(&self, method: &str, target: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Answer::parse(&exchange(&self.emulator.admin_url, &bytes_of(method, target, "", &body)).await.unwrap())
    }

    pub async fn settings(&self, change: Value) {
        let answer = self.admin("PUT", &format!("/settings?account={ACCOUNT}"), change).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    pub async fn fault(&self, order: Value) {
        let answer = self.admin("POST", "/faults", order).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.json()["id"].is_u64());
    }

    pub async fn journal(&self, query: &str) -> Vec<Value> {
        let answer = self.admin("GET", &format!("/journal?{query}"), Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["entries"].as_array().unwrap().clone()
    }

    pub async fn truth(&self, name: &str) -> Value {
        self.admin("GET", &format!("/groups/{ACCOUNT}/eu-west-1/{name}"), Value::Null).await.json()
    }

    pub fn spawn_exchange(&self, bytes: String) -> tokio::task::JoinHandle<std::io::Result<Vec<u8>>> {
        let url = self.emulator.service_url.clone();
        tokio::spawn(async move { exchange(&url, &bytes).await })
    }
}

/// Waits for what must come soon.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> F) {
    let start = Instant::now();
    while !check().await {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
