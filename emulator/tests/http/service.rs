//! The service as its clients see it.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rig::{ACCOUNT, Answer, Rig, exchange, signed, signed_for};

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

    let strange = rig.call("GET", "/profilingGroups?nextToken=p-1", Value::Null).await;
    assert_eq!(strange.error(), (400, "ValidationException".into()));
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
async fn a_request_is_refused_for_the_first_thing_that_is_wrong() {
    let rig = Rig::start().await;
    let refused = async |target: &str, headers: &str, body: &str| rig.send("PUT", target, headers, body).await.error();
    let (target, update) = ("/profilingGroups/a", r#"{"agentOrchestrationConfig":{"profilingEnabled":true}}"#);
    let denied = json!([{"effect": "deny", "action": "*"}]);
    rig.admin("PUT", &format!("/rules/{ACCOUNT}"), denied).await;
    rig.admin("PUT", &format!("/limits/{ACCOUNT}"), json!({"*": {"perSecond": 0}})).await;
    assert_eq!(refused(target, &signed(), "{").await.1, "SerializationException", "the only request within the limit");

    assert_eq!(refused("/nothing", "", "{").await.1, "UnknownOperationException");
    assert_eq!(refused(target, "", "{").await.1, "MissingAuthenticationTokenException");
    assert_eq!(refused(target, &signed(), "{").await.1, "ThrottlingException");
    rig.admin("PUT", &format!("/limits/{ACCOUNT}"), json!({})).await;
    assert_eq!(refused(target, &signed(), "{").await.1, "SerializationException");
    assert_eq!(refused(target, &signed(), "{}").await.1, "AccessDeniedException");
    rig.admin("PUT", &format!("/rules/{ACCOUNT}"), json!([])).await;
    assert_eq!(refused(target, &signed(), "{}").await.1, "ValidationException");
    assert_eq!(refused(target, &signed(), update).await.1, "ResourceNotFoundException");
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
async fn what_is_no_http_is_refused_and_harms_no_other() {
    let rig = Rig::start().await;
    let headers = format!("GET /profilingGroups HTTP/1.1\r\nhost: t\r\n{}\r\n", "a: b\r\n".repeat(1000));
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(70_000));
    for (bytes, status) in [
        ("\u{16}\u{3}\u{1}\u{2} no TLS here\r\n\r\n", 400),
        ("GET\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nno header\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400),
        (headers.as_str(), 431),
        (long.as_str(), 414),
    ] {
        let answer = Answer::parse(&exchange(&rig.emulator.service_url, bytes).await.unwrap());
        assert_eq!(answer.status, status, "{bytes:.40}");
    }
    assert!(rig.journal("").await.is_empty());
    assert_eq!(rig.create("a").await.status, 201);
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
async fn sts_returns_whose_key_it_is() {
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
