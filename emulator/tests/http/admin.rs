//! The admin port.

use codeguru_profiler_emulator::{Config, Emulator, switches};
use serde_json::{Map, Value, json};

use crate::rig::{ACCOUNT, Rig, signed};

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
        ("accessKey", json!(format!("AKIA{ACCOUNT}"))),
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
    let truth = seen
        .as_object()
        .unwrap()
        .clone()
        .into_iter()
        .chain([("principals".into(), json!([])), ("topics".into(), json!([]))]);
    assert_eq!(truth.collect::<Value>(), made.json());
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
    let defaults: Map<String, Value> = switches().into_iter().map(|switch| (switch.name, switch.default)).collect();
    let defaults = Value::Object(defaults);
    assert_eq!(rig.admin("GET", "/settings", Value::Null).await.json(), defaults);
    rig.settings(json!({"quota": 7})).await;
    let seen = rig.admin("GET", &format!("/settings?account={ACCOUNT}&region=eu-west-1"), Value::Null).await.json();
    assert_eq!(seen["quota"], 7);
    assert_eq!(rig.admin("GET", "/settings?account=444455556666", Value::Null).await.json(), defaults);
}

#[tokio::test]
async fn the_admin_port_returns_what_is_wrong_with_a_request() {
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
async fn every_request_in_the_documentation_is_known() {
    let rig = Rig::start().await;
    let document = include_str!("../../../docs/emulator.md");
    let (_, section) = document.split_once("\n## The admin port\n").unwrap();
    let (table, _) = section.split_once("\n#").unwrap();
    let requests: Vec<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(request, _)| request)
        .collect();
    assert!(requests.len() >= 24, "{requests:?}");
    for request in requests {
        rig.create("a").await;
        let (method, path) = request.split_once(' ').unwrap();
        let path = path.replace("{account}", ACCOUNT).replace("{region}", "eu-west-1").replace("{name}", "a");
        assert_ne!(rig.admin(method, &path, Value::Null).await.status, 404, "{request}");
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
