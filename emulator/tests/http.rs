//! The real server over loopback, with HTTP written by hand: nothing between the test and the bytes.
// A helper that panics fails its test, as it should.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use codeguru_profiler_emulator::{Config, Emulator};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ACCOUNT: &str = "111122223333";

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer has a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes[end + 4..].to_vec() }
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    fn error(&self) -> (u16, String) {
        (self.status, self.header("x-amzn-errortype").unwrap_or_default().to_owned())
    }
}

fn bytes_of(method: &str, target: &str, headers: &str, body: &str) -> String {
    format!(
        "{method} {target} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

fn signed_for(account: &str, region: &str, service: &str) -> String {
    format!(
        "authorization: AWS4-HMAC-SHA256 Credential=AKIA{account}/20260101/{region}/{service}/aws4_request, \
         SignedHeaders=host, Signature=0\r\n"
    )
}

fn signed() -> String {
    signed_for(ACCOUNT, "eu-west-1", "codeguru-profiler")
}

async fn exchange(url: &str, bytes: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await?;
    stream.write_all(bytes.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

struct Rig {
    emulator: Emulator,
}

impl Rig {
    async fn start() -> Self {
        Self { emulator: Emulator::start(Config::default()).await.unwrap() }
    }

    async fn send(&self, method: &str, target: &str, headers: &str, body: &str) -> Answer {
        Answer::parse(&exchange(&self.emulator.service_url, &bytes_of(method, target, headers, body)).await.unwrap())
    }

    async fn call(&self, method: &str, target: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, target, &signed(), &body).await
    }

    async fn create(&self, name: &str) -> Answer {
        self.call("POST", &format!("/profilingGroups?clientToken={name}"), json!({"profilingGroupName": name})).await
    }

    async fn update(&self, name: &str, enabled: bool) -> Answer {
        let body = json!({"agentOrchestrationConfig": {"profilingEnabled": enabled}});
        self.call("PUT", &format!("/profilingGroups/{name}"), body).await
    }

    async fn describe(&self, name: &str) -> Answer {
        self.call("GET", &format!("/profilingGroups/{name}"), Value::Null).await
    }

    async fn list(&self, query: &str) -> Value {
        let answer = self.call("GET", &format!("/profilingGroups?{query}"), Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    async fn admin(&self, method: &str, target: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Answer::parse(&exchange(&self.emulator.admin_url, &bytes_of(method, target, "", &body)).await.unwrap())
    }

    async fn settings(&self, change: Value) {
        let answer = self.admin("PUT", &format!("/settings?account={ACCOUNT}"), change).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    async fn fault(&self, order: Value) {
        let answer = self.admin("POST", "/faults", order).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.json()["id"].is_u64());
    }

    async fn journal(&self, query: &str) -> Vec<Value> {
        let answer = self.admin("GET", &format!("/journal?{query}"), Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["entries"].as_array().unwrap().clone()
    }

    async fn truth(&self, name: &str) -> Value {
        self.admin("GET", &format!("/groups/{ACCOUNT}/eu-west-1/{name}"), Value::Null).await.json()
    }

    fn spawn_exchange(&self, bytes: String) -> tokio::task::JoinHandle<std::io::Result<Vec<u8>>> {
        let url = self.emulator.service_url.clone();
        tokio::spawn(async move { exchange(&url, &bytes).await })
    }
}

/// Waits for what must come soon.
async fn eventually<F: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> F) {
    let start = Instant::now();
    while !check().await {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_group_lives_from_create_to_delete() {
    let rig = Rig::start().await;
    let created = rig.create("orders").await;
    assert_eq!(created.status, 201);
    assert_eq!(created.header("content-type"), Some("application/json"));
    assert!(created.header("x-amzn-requestid").is_some());
    assert_eq!(created.json()["arn"], format!("arn:aws:codeguru-profiler:eu-west-1:{ACCOUNT}:profilingGroup/orders"));
    assert_eq!(created.json()["createdAt"].as_str().unwrap().len(), "2026-06-01T13:15:02.001Z".len());

    let updated = rig.update("orders", false).await;
    assert_eq!(updated.status, 200);
    assert_eq!(updated.json()["agentOrchestrationConfig"]["profilingEnabled"], false);
    assert_eq!(rig.describe("orders").await.json(), updated.json());

    let deleted = rig.call("DELETE", "/profilingGroups/orders", Value::Null).await;
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    assert!(deleted.header("x-amzn-requestid").is_some());
    let gone = rig.describe("orders").await;
    assert_eq!(gone.error(), (404, "ResourceNotFoundException".into()));
    assert!(gone.json()["message"].as_str().unwrap().contains("orders"));
}

#[tokio::test]
async fn the_same_token_answers_the_first_group_again() {
    let rig = Rig::start().await;
    let first = rig.create("a").await;
    let again = rig.create("a").await;
    assert_eq!((again.status, again.json()), (201, first.json()));
    let other = rig.call("POST", "/profilingGroups?clientToken=a", json!({"profilingGroupName": "b"})).await;
    assert_eq!(other.error(), (409, "ConflictException".into()));
    let clash = rig.call("POST", "/profilingGroups?clientToken=b", json!({"profilingGroupName": "a"})).await;
    assert_eq!(clash.error(), (409, "ConflictException".into()));
}

#[tokio::test]
async fn the_quota_answers_402() {
    let rig = Rig::start().await;
    rig.settings(json!({"quota": 1})).await;
    rig.create("a").await;
    assert_eq!(rig.create("b").await.error(), (402, "ServiceQuotaExceededException".into()));
}

#[tokio::test]
async fn accounts_and_regions_are_apart() {
    let rig = Rig::start().await;
    rig.create("a").await;
    for (account, region) in [("444455556666", "eu-west-1"), (ACCOUNT, "us-east-1")] {
        let headers = signed_for(account, region, "codeguru-profiler");
        assert_eq!(rig.send("GET", "/profilingGroups/a", &headers, "").await.status, 404, "{account} {region}");
    }
}

#[tokio::test]
async fn tags_travel_under_an_encoded_arn() {
    let rig = Rig::start().await;
    rig.create("a").await;
    let target = format!("/tags/arn%3Aaws%3Acodeguru-profiler%3Aeu-west-1%3A{ACCOUNT}%3AprofilingGroup%2Fa");
    assert_eq!(rig.call("POST", &target, json!({"tags": {"team": "x", "a b": "y"}})).await.status, 204);
    assert_eq!(rig.call("DELETE", &format!("{target}?tagKeys=team&tagKeys=nothing"), Value::Null).await.status, 204);
    assert_eq!(rig.call("GET", &target, Value::Null).await.json(), json!({"tags": {"a b": "y"}}));
    assert_eq!(rig.describe("a").await.json()["tags"], json!({"a b": "y"}));

    let journal = rig.journal("operation=TagResource&group=a").await;
    assert_eq!(journal[0]["path"], target);
    assert_eq!(rig.call("GET", &target.replace("%2Fa", "%2Fb"), Value::Null).await.status, 404);
    assert_eq!(rig.call("GET", "/tags/a", Value::Null).await.error(), (400, "ValidationException".into()));
    assert_eq!(rig.call("DELETE", &target, Value::Null).await.error(), (400, "ValidationException".into()));
}

#[tokio::test]
async fn lists_come_in_pages_of_names_or_descriptions() {
    let rig = Rig::start().await;
    let seeded = rig
        .admin(
            "POST",
            "/seed",
            json!({"account": ACCOUNT, "region": "eu-west-1", "count": 250, "prefix": "g", "profilingEnabled": false}),
        )
        .await;
    assert_eq!(seeded.json(), json!({"created": 250}));

    let first = rig.list("").await;
    assert_eq!(first["profilingGroupNames"].as_array().unwrap().len(), 100);
    assert!(first.get("profilingGroups").is_none());
    let mut names: Vec<String> = Vec::new();
    let mut query = "includeDescription=true&maxResults=99".to_owned();
    loop {
        let page = rig.list(&query).await;
        assert_eq!(page["profilingGroupNames"], json!([]));
        for group in page["profilingGroups"].as_array().unwrap() {
            assert_eq!(group["agentOrchestrationConfig"]["profilingEnabled"], false);
            names.push(group["name"].as_str().unwrap().to_owned());
        }
        let Some(token) = page["nextToken"].as_str() else { break };
        query = format!("includeDescription=true&maxResults=99&nextToken={token}");
    }
    assert_eq!(names, (0..250).map(|number| format!("g-{number:05}")).collect::<Vec<_>>());

    rig.settings(json!({"maxPageSize": 10})).await;
    assert_eq!(rig.list("maxResults=1000").await["profilingGroupNames"].as_array().unwrap().len(), 10);
    let strange = rig.call("GET", "/profilingGroups?nextToken=p-1", Value::Null).await;
    assert_eq!(strange.error(), (400, "ValidationException".into()));
}

#[tokio::test]
async fn thin_lists_leave_out_what_the_setting_says() {
    let rig = Rig::start().await;
    rig.create("a").await;
    for (thin, present, absent) in [
        ("noOrchestrationConfig", "profilingStatus", "agentOrchestrationConfig"),
        ("noProfilingStatus", "agentOrchestrationConfig", "profilingStatus"),
        ("bare", "arn", "tags"),
    ] {
        rig.settings(json!({"thinList": thin})).await;
        let group = &rig.list("includeDescription=true").await["profilingGroups"][0];
        assert!(group.get(present).is_some() && group.get(absent).is_none(), "{thin}: {group}");
    }
    rig.settings(json!({"thinList": "namesOnly"})).await;
    assert_eq!(rig.list("includeDescription=true").await, json!({"profilingGroupNames": ["a"]}));
}

#[tokio::test]
async fn reads_lag_behind_writes_when_told_so() {
    let rig = Rig::start().await;
    rig.create("a").await;
    rig.settings(json!({"readLagMs": 60_000})).await;
    assert_eq!(rig.describe("a").await.status, 404);
    assert_eq!(rig.list("").await["profilingGroupNames"], json!([]));
    assert_eq!(rig.update("a", false).await.status, 200, "writes see the truth");
    assert_eq!(rig.truth("a").await["agentOrchestrationConfig"]["profilingEnabled"], false);

    rig.settings(json!({"readLagMs": 300})).await;
    eventually("the read catches up", || async {
        let seen = rig.describe("a").await;
        seen.status == 200 && seen.json()["agentOrchestrationConfig"]["profilingEnabled"] == false
    })
    .await;
}

#[tokio::test]
async fn who_is_not_signed_for_the_service_is_turned_away() {
    let rig = Rig::start().await;
    let refused = |headers: String| {
        let rig = &rig;
        async move { rig.send("GET", "/profilingGroups", &headers, "").await.error() }
    };
    assert_eq!(refused(String::new()).await, (403, "MissingAuthenticationTokenException".into()));
    assert_eq!(refused("authorization: Bearer x\r\n".into()).await, (403, "IncompleteSignatureException".into()));
    let for_s3 = signed_for(ACCOUNT, "eu-west-1", "s3");
    assert_eq!(refused(for_s3).await, (403, "InvalidSignatureException".into()));
}

#[tokio::test]
async fn malformed_requests_get_the_services_error() {
    let rig = Rig::start().await;
    for (method, target, body, expected) in [
        ("GET", "/nothing/here", "", (404, "UnknownOperationException")),
        ("PATCH", "/profilingGroups", "", (404, "UnknownOperationException")),
        ("GET", "/profilingGroups/", "", (404, "UnknownOperationException")),
        ("GET", "/profilingGroups/a%20b", "", (400, "ValidationException")),
        ("GET", "/profilingGroups/%FF%FE", "", (400, "ValidationException")),
        ("GET", "/profilingGroups?maxResults=1001", "", (400, "ValidationException")),
        ("PUT", "/profilingGroups/a", "", (400, "ValidationException")),
        ("PUT", "/profilingGroups/a", "{", (400, "SerializationException")),
        ("PUT", "/profilingGroups/a", "[]", (400, "SerializationException")),
        ("PUT", "/profilingGroups/a", "\u{0}\u{1}", (400, "SerializationException")),
        ("POST", "/profilingGroups", r#"{"profilingGroupName":"a"}"#, (400, "ValidationException")),
    ] {
        let answer = rig.send(method, target, &signed(), body).await;
        assert_eq!(answer.error(), (expected.0, expected.1.to_owned()), "{method} {target} {body:?}");
        assert!(answer.json()["message"].is_string(), "{method} {target}");
        assert!(answer.header("x-amzn-requestid").is_some(), "{method} {target}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(rig.send("PUT", "/profilingGroups/a", &signed(), &deep).await.status, 400);
    assert_eq!(rig.create("alive").await.status, 201);
}

#[tokio::test]
async fn a_body_without_an_end_is_refused_at_the_limit() {
    let rig = Rig::start().await;
    let head = format!("PUT /profilingGroups/a HTTP/1.1\r\nhost: t\r\ncontent-length: 9999999999\r\n{}\r\n", signed());
    let mut stream = TcpStream::connect(rig.emulator.service_url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    tokio::spawn(async move { while writing.write_all(&[b' '; 8192]).await.is_ok() {} });
    let mut answer = [0; 12];
    reading.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let rig = Rig::start().await;
    let mut stream = TcpStream::connect(rig.emulator.service_url.trim_start_matches("http://")).await.unwrap();
    for _ in 0..3 {
        let request = format!("GET /profilingGroups HTTP/1.1\r\nhost: t\r\n{}\r\n", signed());
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(br#"{"profilingGroupNames":[]}"#) {
            assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0, "the connection stays open");
        }
    }
}

#[tokio::test]
async fn sts_says_whose_key_it_is() {
    let rig = Rig::start().await;
    let headers = signed_for(ACCOUNT, "us-east-1", "sts");
    let answer = rig.send("POST", "/", &headers, "Action=GetCallerIdentity&Version=2011-06-15").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/xml")));
    assert!(answer.text().contains(&format!("<Account>{ACCOUNT}</Account>")), "{}", answer.text());

    let unknown = rig.send("POST", "/", &headers, "Action=GetSessionToken").await;
    assert_eq!(unknown.status, 400);
    assert!(unknown.text().contains("<Code>InvalidAction</Code>"), "{}", unknown.text());
    let unsigned = rig.send("POST", "/", "", "Action=GetCallerIdentity").await;
    assert_eq!(unsigned.status, 403);
    assert!(unsigned.text().contains("<Code>MissingAuthenticationToken</Code>"), "{}", unsigned.text());

    rig.fault(
        json!({"operation": "GetCallerIdentity", "effect": {"type": "error", "code": "AccessDenied", "status": 403}}),
    )
    .await;
    let denied = rig.send("POST", "/", &headers, "Action=GetCallerIdentity").await;
    assert_eq!(denied.status, 403);
    assert!(denied.text().contains("<Code>AccessDenied</Code>"), "{}", denied.text());
}

#[tokio::test]
async fn an_error_fault_answers_so_many_times_and_changes_nothing() {
    let rig = Rig::start().await;
    rig.create("a").await;
    rig.fault(json!({
        "account": ACCOUNT, "operation": "UpdateProfilingGroup", "group": "a", "count": 2,
        "effect": {"type": "error", "code": "ThrottlingException", "message": "slow down", "headers": {"x-amz-retry-after": "300"}},
    }))
    .await;
    for _ in 0..2 {
        let answer = rig.update("a", false).await;
        assert_eq!(answer.error(), (429, "ThrottlingException".into()), "the status comes from the table");
        assert_eq!(answer.json(), json!({"message": "slow down"}));
        assert_eq!(answer.header("x-amz-retry-after"), Some("300"));
    }
    assert_eq!(rig.truth("a").await["agentOrchestrationConfig"]["profilingEnabled"], true);
    assert_eq!(rig.update("a", false).await.status, 200);
    let journal = rig.journal("operation=UpdateProfilingGroup").await;
    let seen: Vec<_> = journal.iter().map(|entry| (&entry["fault"], &entry["errorCode"])).collect();
    let throttled = (&json!(true), &json!("ThrottlingException"));
    assert_eq!(seen, [throttled, throttled, (&json!(false), &Value::Null)]);
}

#[tokio::test]
async fn a_fault_after_the_effect_hides_a_change_that_happened() {
    let rig = Rig::start().await;
    rig.create("a").await;
    rig.fault(json!({"after": true, "count": 1, "effect": {"type": "error", "code": "InternalServerException"}})).await;
    assert_eq!(rig.update("a", false).await.error(), (500, "InternalServerException".into()));
    assert_eq!(rig.truth("a").await["agentOrchestrationConfig"]["profilingEnabled"], false);
}

#[tokio::test]
async fn a_reset_fault_resets_the_connection() {
    let rig = Rig::start().await;
    rig.fault(json!({"effect": {"type": "reset"}})).await;
    let error =
        exchange(&rig.emulator.service_url, &bytes_of("GET", "/profilingGroups", &signed(), "")).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let journal = rig.journal("").await;
    assert_eq!((&journal[0]["httpStatus"], journal[0]["endedAt"].is_string()), (&json!(0), true));
}

#[tokio::test]
async fn a_hanging_request_is_in_the_journal_without_an_end_until_its_client_leaves() {
    let rig = Rig::start().await;
    rig.fault(json!({"effect": {"type": "hang"}})).await;
    let client = rig.spawn_exchange(bytes_of("GET", "/profilingGroups/a", &signed(), ""));
    eventually("the request arrives", || async {
        rig.journal("").await.iter().any(|entry| entry["endedAt"].is_null() && entry["fault"] == true)
    })
    .await;
    assert!(!client.is_finished());
    client.abort();
    eventually("the end is noted", || async {
        rig.journal("").await.iter().all(|entry| entry["endedAt"].is_string() && entry["httpStatus"] == 0)
    })
    .await;
}

#[tokio::test]
async fn what_a_client_asked_for_happens_although_the_client_left() {
    let rig = Rig::start().await;
    rig.create("a").await;
    rig.fault(json!({"operation": "UpdateProfilingGroup", "delayMs": 1000, "effect": {"type": "delay"}})).await;
    let body = r#"{"agentOrchestrationConfig":{"profilingEnabled":false}}"#;
    let client = rig.spawn_exchange(bytes_of("PUT", "/profilingGroups/a", &signed(), body));
    eventually("the request arrives", || async { !rig.journal("operation=UpdateProfilingGroup").await.is_empty() })
        .await;
    client.abort();
    assert_eq!(rig.truth("a").await["agentOrchestrationConfig"]["profilingEnabled"], true, "it is still waiting");
    eventually("the update happens", || async {
        rig.truth("a").await["agentOrchestrationConfig"]["profilingEnabled"] == false
    })
    .await;
}

#[tokio::test]
async fn a_delay_after_the_effect_answers_with_the_older_state() {
    let rig = Rig::start().await;
    rig.create("a").await;
    let order = json!({"operation": "DescribeProfilingGroup", "count": 1, "delayMs": 400, "after": true, "effect": {"type": "delay"}});
    rig.fault(order).await;
    let late = rig.spawn_exchange(bytes_of("GET", "/profilingGroups/a", &signed(), ""));
    eventually("the read arrives", || async { !rig.journal("operation=DescribeProfilingGroup").await.is_empty() })
        .await;
    rig.update("a", false).await;
    let late = Answer::parse(&late.await.unwrap().unwrap());
    assert_eq!(late.json()["agentOrchestrationConfig"]["profilingEnabled"], true);
}

#[tokio::test]
async fn body_faults_answer_with_any_bytes() {
    let rig = Rig::start().await;
    rig.fault(
        json!({"count": 1, "effect": {"type": "body", "status": 503, "contentType": "text/html", "body": "<html>"}}),
    )
    .await;
    let answer = rig.describe("a").await;
    assert_eq!(
        (answer.status, answer.header("content-type"), answer.text()),
        (503, Some("text/html"), "<html>".into())
    );
    assert_eq!(answer.header("x-amzn-errortype"), None);
    rig.fault(json!({"count": 1, "effect": {"type": "body", "body": "{}"}})).await;
    let answer = rig.describe("a").await;
    assert_eq!((answer.status, answer.json()), (200, json!({})));
}

#[tokio::test]
async fn a_truncated_answer_promises_the_whole_and_breaks_off_in_the_middle() {
    let rig = Rig::start().await;
    rig.create("a").await;
    let whole = rig.describe("a").await;
    rig.fault(json!({"count": 1, "effect": {"type": "truncate"}})).await;
    let half = rig.describe("a").await;
    assert_eq!(half.header("content-length"), Some(whole.body.len().to_string().as_str()));
    assert_eq!(half.body, whole.body[..whole.body.len() / 2]);
}

#[tokio::test]
async fn the_journal_has_the_request_and_its_outcome() {
    let rig = Rig::start().await;
    let headers = format!("{}user-agent: test/1\r\n", signed());
    let body = r#"{"profilingGroupName":"a"}"#;
    let answer = rig.send("POST", "/profilingGroups?clientToken=t", &headers, body).await;
    rig.describe("missing").await;
    let journal = rig.journal(&format!("account={ACCOUNT}&region=&operation=")).await;
    let entry = &journal[0];
    for (member, value) in [
        ("account", json!(ACCOUNT)),
        ("region", json!("eu-west-1")),
        ("operation", json!("CreateProfilingGroup")),
        ("group", json!("a")),
        ("method", json!("POST")),
        ("path", json!("/profilingGroups")),
        ("query", json!("clientToken=t")),
        ("httpStatus", json!(201)),
        ("errorCode", Value::Null),
        ("requestId", json!(answer.header("x-amzn-requestid").unwrap())),
        ("userAgent", json!("test/1")),
        ("request", json!({"profilingGroupName": "a"})),
        ("fault", json!(false)),
    ] {
        assert_eq!(entry[member], value, "{member}");
    }
    assert_eq!(journal[1]["errorCode"], "ResourceNotFoundException");
    assert_eq!(rig.journal(&format!("sinceSeq={}", entry["seq"])).await.len(), 1);

    let counts = rig.admin("GET", &format!("/counts?account={ACCOUNT}&region=eu-west-1"), Value::Null).await.json();
    assert_eq!(counts, json!({"counts": {"CreateProfilingGroup": 1, "DescribeProfilingGroup": 1}}));
    assert_eq!(rig.admin("DELETE", &format!("/journal?account={ACCOUNT}"), Value::Null).await.status, 204);
    assert!(rig.journal("").await.is_empty());
}

#[tokio::test]
async fn the_admin_port_acts_behind_the_clients_back() {
    let rig = Rig::start().await;
    let target = format!("/groups/{ACCOUNT}/eu-west-1/a");
    assert_eq!(rig.admin("GET", &target, Value::Null).await.status, 404);
    let made = rig
        .admin(
            "PUT",
            &target,
            json!({"profilingEnabled": false, "tags": {"k": "v"}, "latestAgentOrchestratedAt": "2026-06-01T13:15:02.001Z"}),
        )
        .await;
    assert_eq!(made.status, 200, "{}", made.text());
    let seen = rig.describe("a").await.json();
    assert_eq!(seen, made.json());
    assert_eq!(seen["profilingStatus"], json!({"latestAgentOrchestratedAt": "2026-06-01T13:15:02.001Z"}));

    let place = json!({"account": ACCOUNT, "region": "eu-west-1"});
    assert_eq!(rig.admin("POST", "/flip", place).await.json(), json!({"flipped": 1}));
    assert_eq!(rig.describe("a").await.json()["agentOrchestrationConfig"]["profilingEnabled"], true);
    assert_eq!(rig.admin("DELETE", &target, Value::Null).await.status, 204);
    assert_eq!(rig.admin("DELETE", &target, Value::Null).await.status, 404);

    rig.create("b").await;
    assert_eq!(rig.admin("DELETE", &format!("/accounts/{ACCOUNT}"), Value::Null).await.status, 204);
    assert_eq!(rig.describe("b").await.status, 404);
}

#[tokio::test]
async fn the_clock_moves_every_timestamp() {
    let rig = Rig::start().await;
    assert_eq!(rig.admin("PUT", "/clock", json!({"offsetMs": -31_536_000_000_i64})).await.status, 200);
    let clock = rig.admin("GET", "/clock", Value::Null).await.json();
    assert_eq!(clock["offsetMs"], -31_536_000_000_i64);
    let year = &clock["now"].as_str().unwrap()[..4];
    let created = rig.create("a").await;
    assert!(created.json()["createdAt"].as_str().unwrap().starts_with(year));
    assert!(created.header("date").unwrap().contains(year));
    assert_eq!(created.head.to_ascii_lowercase().matches("\r\ndate:").count(), 1);
}

#[tokio::test]
async fn settings_show_what_is_in_force() {
    let rig = Rig::start().await;
    let defaults = json!({
        "latencyMs": 0, "readLagMs": 0, "thinList": "full", "pageSize": 100, "maxPageSize": 1000, "pageTokenLifeMs": 0,
        "quota": 500, "sameTokenCreate": "firstAnswer", "updateWithoutChangeMovesUpdatedAt": true, "updateConflictMs": 0,
        "disabledGroupTakesProfiles": true, "throttlingStatus": 429, "tagLimits": "awsWide", "missingPolicy": "empty",
        "agentPeriodSeconds": 300, "agentSamplingIntervalMs": 1000, "agentMinimumReportingMs": 60000,
        "agentMaxStackDepth": 1000, "agentMemoryLimitPercent": 10,
    });
    assert_eq!(rig.admin("GET", "/settings", Value::Null).await.json(), defaults);
    rig.settings(json!({"updateWithoutChangeMovesUpdatedAt": false, "latencyMs": 50})).await;
    let created = rig.create("a").await.json();
    let start = Instant::now();
    assert_eq!(rig.update("a", true).await.json()["updatedAt"], created["updatedAt"]);
    assert!(start.elapsed() >= Duration::from_millis(50));
    assert_eq!(rig.admin("GET", "/settings?account=444455556666", Value::Null).await.json(), defaults);
}

#[tokio::test]
async fn the_admin_port_says_what_is_wrong_with_a_request() {
    let rig = Rig::start().await;
    assert_eq!(rig.admin("GET", "/healthz", Value::Null).await.text(), "ok");
    assert_eq!(rig.admin("GET", "/nothing", Value::Null).await.status, 404);
    for (method, target, body) in [
        ("PUT", "/settings?region=eu-west-1", json!({})),
        ("PUT", "/settings", json!({"thinList": "slim"})),
        ("PUT", "/settings", json!({"quotas": 3})),
        ("PUT", "/settings", json!({"throttlingStatus": 418})),
        ("PUT", "/clock", json!({"offsetMs": "soon"})),
        ("PUT", "/clock", json!({"offsetMs": i64::MIN})),
        ("POST", "/faults", json!({"effect": {"type": "explode"}})),
        ("PUT", "/groups/1/r/a%20b", json!({})),
        ("PUT", "/groups/1/r/a", json!({"computePlatform": "Mainframe"})),
        ("POST", "/seed", json!({"account": "1", "region": "r", "count": 1, "prefix": "a b"})),
        ("GET", "/journal?colour=blue", Value::Null),
    ] {
        let answer = rig.admin(method, target, body).await;
        assert_eq!(answer.status, 400, "{method} {target}");
        assert!(!answer.json()["error"].as_str().unwrap().is_empty(), "{method} {target}");
    }
}

#[tokio::test]
async fn stopping_frees_the_ports() {
    let rig = Rig::start().await;
    rig.create("a").await;
    let listen = rig.emulator.service_url.trim_start_matches("http://").parse().unwrap();
    rig.emulator.stop().await;
    let again = Emulator::start(Config { listen, ..Config::default() }).await.unwrap();
    assert_eq!(again.service_url, format!("http://{listen}"));
}
