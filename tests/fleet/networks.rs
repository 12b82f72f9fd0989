//! A region, or the way to AWS, is in trouble: each call ends by its time-out, nothing else waits for it, and a process can
//! still end.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    by_hand,
    world::{World, condition},
};

const OTHER: &str = "us-east-1";
const AWS_TIMEOUT: Duration = Duration::from_secs(2);
/// The time-out, and one report.
const REPORTED_WITHIN: Duration = Duration::from_secs(15);
/// From SIGTERM to the end: no call may outlast its time-out.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_region_that_hangs_delays_no_edit_of_another_one() {
    let edits = by_hand("FLEET_EDITS", 20);
    let world = World::new().await;
    let _operator = world.start().await;
    world.flip("healthy", true).await;
    world.create("healthy", true, json!({})).await;
    world.condition("healthy", "Ready", "True", "InSync").await;
    for number in 0..30 {
        let name = format!("hung-{number}");
        world.aws.put_group(OTHER, &name, json!({ "profilingEnabled": true })).await.unwrap();
        world.create(&name, true, json!({ "region": OTHER })).await;
    }
    for number in 0..30 {
        world.condition(&format!("hung-{number}"), "Ready", "True", "InSync").await;
    }
    let before = median_edit(&world, edits).await;
    world.aws.fault(json!({ "region": OTHER, "effect": { "type": "hang" } })).await.unwrap();
    for number in 0..30 {
        world.patch(&format!("hung-{number}"), json!({ "spec": { "profilingEnabled": false } })).await;
    }
    let during = median_edit(&world, edits).await;
    println!("an edit takes {before:?} before, and {during:?} while another region hangs");
    assert!(during <= before * 2 + Duration::from_millis(50), "{before:?}, {during:?}");
    world.aws.clear_faults().await.unwrap();
    for number in 0..30 {
        world.condition(&format!("hung-{number}"), "Ready", "True", "InSync").await;
    }
    world.judge().await;
}

/// From the edit to AWS and back into the status.
async fn median_edit(world: &World, count: usize) -> Duration {
    let mut times = Vec::new();
    for number in 0..count {
        let enabled = world.enabled("healthy").await == Some(false);
        let began = Instant::now();
        world.patch("healthy", json!({ "spec": { "profilingEnabled": enabled } })).await;
        world.condition("healthy", "Ready", "True", "InSync").await;
        times.push(began.elapsed());
        assert_eq!(world.enabled("healthy").await, Some(enabled), "edit {number}");
    }
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test]
async fn an_endpoint_that_never_answers_is_given_up() {
    let endpoint = endpoint(|connection| async move {
        // Kept open, and never read.
        std::future::pending::<()>().await;
        drop(connection);
    })
    .await;
    is_given_up(&endpoint, "TimedOut").await;
}

#[tokio::test]
async fn an_endpoint_that_answers_a_byte_a_second_is_given_up() {
    let endpoint = endpoint(|mut connection| async move {
        let mut request = [0; 16 << 10];
        let _ = connection.read(&mut request).await;
        for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{".iter().chain(b" ".iter().cycle()) {
            if connection.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
    .await;
    is_given_up(&endpoint, "TimedOut").await;
}

#[tokio::test]
async fn an_endpoint_that_closes_every_connection_is_reported() {
    let endpoint = endpoint(|connection| async move { drop(connection) }).await;
    is_given_up(&endpoint, "Unreachable").await;
}

#[tokio::test]
async fn an_endpoint_whose_name_is_unknown_is_reported() {
    // A label that is too long for DNS: the resolver refuses it without a query.
    is_given_up(&format!("https://{}.invalid", "x".repeat(64)), "Unreachable").await;
}

/// An operator with this endpoint reports the reason, stays alive, and ends on SIGTERM.
async fn is_given_up(endpoint: &str, reason: &str) {
    let world = World::new().await;
    world.create("a", true, json!({})).await;
    let start = world.operator().await;
    let timeout = format!("{}s", AWS_TIMEOUT.as_secs());
    let start = start.flag("--endpoint-url", endpoint).flag("--aws-timeout", &timeout);
    let operator = start.flag("--aws-connect-timeout", "1s").start().await.unwrap();
    let began = Instant::now();
    let status = world.until("a", reason, |object| condition(&object["status"], "Ready")["reason"] == reason).await;
    let reported = began.elapsed();
    let stopped = Instant::now();
    let code = operator.stop_gracefully().await.unwrap().code();
    println!("{reason} reported after {reported:?}, ended {:?} after SIGTERM", stopped.elapsed());
    assert_eq!(status["arn"], serde_json::Value::Null, "nothing is known of the group");
    assert!(reported <= REPORTED_WITHIN && stopped.elapsed() <= ENDS_WITHIN);
    assert_eq!(code, Some(0), "{}", operator.logs());
    world.judge().await;
}

/// Where each connection meets this.
async fn endpoint<F: Future<Output = ()> + Send + 'static>(meets: impl Fn(TcpStream) -> F + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(meets(connection));
        }
    });
    format!("http://{address}")
}
