//! How many requests a second the emulator answers and how soon, beside a bare server that answers the same bytes; and its memory.
// What can't go on here ends the measurement, which is one of time.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod client;
mod floor;
mod process;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use http::{Method, Request};
use hyper::body::Bytes;

use crate::client::{Load, once};
use crate::process::{Process, emulator};

/// Groups in a List: as many as one page can have.
const LISTED: usize = 1000;
const CONCURRENCY: [usize; 3] = [1, 16, 64];
const ACCOUNT: &str = "111122223333";

#[derive(Parser)]
struct Arguments {
    /// How long each measurement takes, after a fifth of it to warm up
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Given by Cargo
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Subcommand)]
enum Role {
    /// Be the bare server: answer a GET with the bytes of one file, a PUT with those of another
    #[command(hide = true)]
    Floor { get: PathBuf, put: PathBuf },
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    match arguments.role {
        Some(Role::Floor { get, put }) => floor::run(&get, &put).await,
        None => measure(Duration::from_secs(arguments.seconds)).await,
    }
}

async fn measure(time: Duration) {
    let loaded = emulator().await;
    loaded.seed("g", LISTED).await;
    let directory = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (request, name) in [(list(), "list"), (update(), "update")] {
        let file = directory.path().join(name);
        let answer = once(loaded.service(), request).await;
        std::fs::write(&file, &answer).unwrap();
        println!("An answer to {name} has {} bytes.", answer.len());
        files.push(file);
    }
    let floor = process::floor(&files[0], &files[1]).await;

    println!("\n{}", report::HEAD);
    for (name, request) in [("List of 1,000 descriptions", list()), ("Update of one group", update())] {
        for connections in CONCURRENCY {
            let load = Load { request: request.clone(), connections, time };
            let of_floor = load.on(floor.service()).await;
            let of_emulator = load.on(loaded.service()).await;
            println!("{}", report::row(name, connections, &of_floor, &of_emulator));
        }
    }
    println!("\nResident after this load, with a full journal: {}.", report::mib(loaded.rss_kib()));

    let sized = emulator().await;
    print!("Resident without groups: {}", report::mib(sized.rss_kib()));
    for groups in [500, 50_000] {
        sized.seed("g", groups).await;
        print!("; with {groups}: {}", report::mib(sized.rss_kib()));
    }
    println!(".");
}

fn list() -> Request<Bytes> {
    request(Method::GET, "/profilingGroups?includeDescription=true&maxResults=1000", "")
}

fn update() -> Request<Bytes> {
    let body = r#"{"agentOrchestrationConfig":{"profilingEnabled":false}}"#;
    request(Method::PUT, "/profilingGroups/g-00500", body)
}

fn request(method: Method, target: &str, body: &'static str) -> Request<Bytes> {
    let credential = format!("AKIA{ACCOUNT}/20260101/eu-west-1/codeguru-profiler/aws4_request");
    Request::builder()
        .method(method)
        .uri(target)
        .header("host", "127.0.0.1")
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"))
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap()
}

impl Process {
    async fn seed(&self, prefix: &str, count: usize) {
        let body = serde_json::json!({"account": ACCOUNT, "region": "eu-west-1", "count": count, "prefix": prefix});
        let request = Request::post("/seed").header("host", "127.0.0.1").body(Bytes::from(body.to_string())).unwrap();
        once(self.admin(), request).await;
    }
}
