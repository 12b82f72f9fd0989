//! Each switch, by what it changes for a caller.

use serde_json::{Value, json};

use crate::rig::{ACCOUNT, Answer, Rig, eventually, signed};

/// What a caller sees by default, and with the switch set; each on an emulator of its own.
async fn seen<F: AsyncFn(&Rig) -> Value>(switch: &str, value: Value, look: F) -> (Value, Value) {
    let rig = Rig::start().await;
    let by_default = look(&rig).await;
    let rig = Rig::start().await;
    rig.settings(json!({switch: value})).await;
    (by_default, look(&rig).await)
}

fn status(answer: &Answer) -> Value {
    json!(answer.error())
}

fn ok() -> Value {
    json!([200, ""])
}

fn enabled(answer: &Answer) -> Value {
    answer.json()["agentOrchestrationConfig"]["profilingEnabled"].clone()
}

fn arn_of(group: &str) -> String {
    format!("/tags/arn%3Aaws%3Acodeguru-profiler%3Aeu-west-1%3A{ACCOUNT}%3AprofilingGroup%2F{group}")
}

/// Moves the emulator's clock, so that times differ.
async fn a_minute_passes(rig: &Rig) {
    let offset = rig.admin("GET", "/clock", Value::Null).await.json()["offsetMs"].as_i64().unwrap();
    assert_eq!(rig.admin("PUT", "/clock", json!({"offsetMs": offset + 60_000})).await.status, 200);
}

async fn whether_updated_at_moves(rig: &Rig, change: impl AsyncFn()) -> Value {
    rig.create("a").await;
    let before = rig.describe("a").await.json()["updatedAt"].clone();
    a_minute_passes(rig).await;
    change().await;
    json!(rig.describe("a").await.json()["updatedAt"] != before)
}

#[tokio::test]
async fn latency_ms_holds_every_answer_back() {
    let took_long = async |rig: &Rig| {
        let start = std::time::Instant::now();
        rig.list("").await;
        json!(start.elapsed().as_millis() >= 500)
    };
    assert_eq!(seen("latencyMs", json!(500), took_long).await, (json!(false), json!(true)));
}

#[tokio::test]
async fn read_lag_ms_shows_an_older_state() {
    let look = async |rig: &Rig| {
        rig.create("a").await;
        json!([rig.describe("a").await.status, rig.list("").await["profilingGroupNames"].as_array().unwrap().len()])
    };
    assert_eq!(seen("readLagMs", json!(60_000), look).await, (json!([200, 1]), json!([404, 0])));
}

#[tokio::test]
async fn read_lag_ms_lets_reads_catch_up_and_writes_see_the_truth() {
    let rig = Rig::start().await;
    rig.create("a").await;
    rig.settings(json!({"readLagMs": 300})).await;
    assert_eq!(rig.update("a", false).await.status, 200);
    eventually("the read catches up", || async { enabled(&rig.describe("a").await) == json!(false) }).await;
}

#[tokio::test]
async fn thin_list_leaves_members_of_a_list_out() {
    for (value, left) in [
        (
            "noOrchestrationConfig",
            json!(["arn", "computePlatform", "createdAt", "name", "profilingStatus", "tags", "updatedAt"]),
        ),
        (
            "noProfilingStatus",
            json!(["agentOrchestrationConfig", "arn", "computePlatform", "createdAt", "name", "tags", "updatedAt"]),
        ),
        (
            "noTags",
            json!([
                "agentOrchestrationConfig",
                "arn",
                "computePlatform",
                "createdAt",
                "name",
                "profilingStatus",
                "updatedAt"
            ]),
        ),
        ("bare", json!(["arn", "name"])),
        ("namesOnly", json!(null)),
    ] {
        let members = async |rig: &Rig| {
            rig.create("a").await;
            let list = rig.list("includeDescription=true").await;
            match list["profilingGroups"][0].as_object() {
                Some(group) => json!(group.keys().collect::<Vec<_>>()),
                None => Value::Null,
            }
        };
        let (by_default, thinned) = seen("thinList", json!(value), members).await;
        assert_eq!(by_default.as_array().unwrap().len(), 8);
        assert_eq!(thinned, left, "{value}");
    }
}

async fn names_on_first_page(rig: &Rig, query: &str) -> Value {
    let seed = json!({"account": ACCOUNT, "region": "eu-west-1", "count": 130, "prefix": "g"});
    rig.admin("POST", "/seed", seed).await;
    json!(rig.list(query).await["profilingGroupNames"].as_array().unwrap().len())
}

#[tokio::test]
async fn page_size_is_that_of_a_page_without_max_results() {
    let look = async |rig: &Rig| names_on_first_page(rig, "").await;
    assert_eq!(seen("pageSize", json!(7), look).await, (json!(100), json!(7)));
    let look = async |rig: &Rig| names_on_first_page(rig, "maxResults=20").await;
    assert_eq!(seen("pageSize", json!(7), look).await, (json!(20), json!(20)));
}

#[tokio::test]
async fn max_page_size_caps_the_page_of_a_request() {
    let look = async |rig: &Rig| names_on_first_page(rig, "maxResults=1000").await;
    assert_eq!(seen("maxPageSize", json!(10), look).await, (json!(130), json!(10)));
}

#[tokio::test]
async fn page_token_life_ms_lets_tokens_expire() {
    let first_page = async |rig: &Rig| {
        rig.create("a").await;
        rig.create("b").await;
        rig.list("maxResults=1").await["nextToken"].as_str().unwrap().to_owned()
    };
    let next_page = async |rig: &Rig, token: &str| {
        status(&rig.call("GET", &format!("/profilingGroups?nextToken={token}"), Value::Null).await)
    };
    let (by_default, short) = (Rig::start().await, Rig::start().await);
    short.settings(json!({"pageTokenLifeMs": 10})).await;
    let (lasting, expiring) = (first_page(&by_default).await, first_page(&short).await);
    eventually("the token expires", async || next_page(&short, &expiring).await == json!([400, "ValidationException"]))
        .await;
    assert_eq!(next_page(&by_default, &lasting).await, ok());
}

#[tokio::test]
async fn quota_limits_the_groups_of_a_region() {
    let look = async |rig: &Rig| {
        rig.create("a").await;
        status(&rig.create("b").await)
    };
    let refused = json!([402, "ServiceQuotaExceededException"]);
    assert_eq!(seen("quota", json!(1), look).await, (json!([201, ""]), refused));
}

#[tokio::test]
async fn create_without_config_enables_decides_where_the_request_does_not() {
    let look = async |rig: &Rig| enabled(&rig.create("a").await);
    assert_eq!(seen("createWithoutConfigEnables", json!(false), look).await, (json!(true), json!(false)));
}

#[tokio::test]
async fn same_token_create_answers_again_or_conflicts() {
    let look = async |rig: &Rig| {
        rig.create("a").await;
        status(&rig.create("a").await)
    };
    let conflict = json!([409, "ConflictException"]);
    assert_eq!(seen("sameTokenCreate", json!("conflict"), look).await, (json!([201, ""]), conflict));
}

#[tokio::test]
async fn token_outlives_group_or_not() {
    let look = async |rig: &Rig| {
        rig.create("a").await;
        assert_eq!(rig.call("DELETE", "/profilingGroups/a", Value::Null).await.status, 204);
        assert_eq!(rig.create("a").await.status, 201);
        json!(rig.call("GET", "/profilingGroups/a", Value::Null).await.status)
    };
    assert_eq!(seen("tokenOutlivesGroup", json!(true), look).await, (json!(200), json!(404)), "the first answer again");
}

#[tokio::test]
async fn update_without_change_moves_updated_at_or_not() {
    let look = async |rig: &Rig| {
        whether_updated_at_moves(rig, async || assert_eq!(rig.update("a", true).await.status, 200)).await
    };
    assert_eq!(seen("updateWithoutChangeMovesUpdatedAt", json!(false), look).await, (json!(true), json!(false)));
    let look = async |rig: &Rig| {
        whether_updated_at_moves(rig, async || assert_eq!(rig.update("a", false).await.status, 200)).await
    };
    assert_eq!(seen("updateWithoutChangeMovesUpdatedAt", json!(false), look).await, (json!(true), json!(true)));
}

#[tokio::test]
async fn tags_move_updated_at_or_not() {
    let look = async |rig: &Rig| {
        let tag = async || {
            assert_eq!(rig.call("POST", &arn_of("a"), json!({"tags": {"k": "v"}})).await.status, 204);
        };
        whether_updated_at_moves(rig, tag).await
    };
    assert_eq!(seen("tagsMoveUpdatedAt", json!(true), look).await, (json!(false), json!(true)));
}

#[tokio::test]
async fn update_conflict_ms_refuses_an_update_soon_after_another() {
    let look = async |rig: &Rig| {
        rig.create("a").await;
        let at_once = rig.update("a", false).await;
        a_minute_passes(rig).await;
        json!([status(&at_once), status(&rig.update("a", false).await)])
    };
    let conflict = json!([409, "ConflictException"]);
    assert_eq!(seen("updateConflictMs", json!(60_000), look).await, (json!([ok(), ok()]), json!([conflict, ok()])));
}

#[tokio::test]
async fn disabled_group_takes_profiles_or_refuses_them() {
    let look = async |rig: &Rig| {
        rig.create("a").await;
        rig.update("a", false).await;
        let headers = format!("{}content-type: application/json\r\n", signed());
        status(&rig.send("POST", "/profilingGroups/a/agentProfile", &headers, "{}").await)
    };
    let refused = json!([400, "ValidationException"]);
    assert_eq!(seen("disabledGroupTakesProfiles", json!(false), look).await, (json!([204, ""]), refused));
}

#[tokio::test]
async fn throttling_status_is_that_of_faults_and_of_limits() {
    let by_fault = async |rig: &Rig| {
        rig.fault(json!({"effect": {"type": "error", "code": "ThrottlingException"}})).await;
        status(&rig.describe("a").await)
    };
    let by_limit = async |rig: &Rig| {
        rig.admin("PUT", &format!("/limits/{ACCOUNT}"), json!({"*": {"perSecond": 0}})).await;
        rig.describe("a").await;
        status(&rig.describe("a").await)
    };
    let expected = (json!([429, "ThrottlingException"]), json!([400, "ThrottlingException"]));
    assert_eq!(seen("throttlingStatus", json!(400), by_fault).await, expected);
    assert_eq!(seen("throttlingStatus", json!(400), by_limit).await, expected);
}

#[tokio::test]
async fn tag_limits_are_those_of_aws_or_none() {
    let look = async |rig: &Rig| {
        rig.create("a").await;
        let tagged = rig.call("POST", &arn_of("a"), json!({"tags": {"aws:k": "v"}})).await;
        let body = json!({"profilingGroupName": "b", "tags": {"k": "v".repeat(257)}});
        let created = rig.call("POST", "/profilingGroups?clientToken=b", body).await;
        json!([status(&tagged), status(&created)])
    };
    let refused = json!([400, "ValidationException"]);
    let expected = (json!([refused, refused]), json!([[204, ""], [201, ""]]));
    assert_eq!(seen("tagLimits", json!("none"), look).await, expected);
}

#[tokio::test]
async fn missing_policy_is_empty_or_not_found() {
    let look = async |rig: &Rig| {
        rig.create("a").await;
        let answer = rig.call("GET", "/profilingGroups/a/policy", Value::Null).await;
        json!([status(&answer), answer.json().get("policy")])
    };
    let not_found = json!([[404, "ResourceNotFoundException"], null]);
    assert_eq!(seen("missingPolicy", json!("notFound"), look).await, (json!([ok(), null]), not_found));
}

#[tokio::test]
async fn put_permission_merges_adds_principals_to_those_that_are_there() {
    let look = async |rig: &Rig| {
        rig.create("a").await;
        let put = "/profilingGroups/a/policy/agentPermissions";
        let [one, other] = ["one", "other"].map(|role| format!("arn:aws:iam::{ACCOUNT}:role/{role}"));
        let revision = rig.call("PUT", put, json!({"principals": [one]})).await.json()["revisionId"].clone();
        let answer = rig.call("PUT", put, json!({"principals": [other], "revisionId": revision})).await.json();
        let policy = answer["policy"].as_str().unwrap();
        json!([policy.contains("role/one"), policy.contains("role/other")])
    };
    assert_eq!(seen("putPermissionMerges", json!(true), look).await, (json!([false, true]), json!([true, true])));
}

async fn sent_to_agents(rig: &Rig) -> Value {
    rig.create("a").await;
    rig.call("POST", "/profilingGroups/a/configureAgent", json!({})).await.json()
}

#[tokio::test]
async fn agent_period_seconds_is_what_agents_get() {
    let look = async |rig: &Rig| sent_to_agents(rig).await["periodInSeconds"].clone();
    assert_eq!(seen("agentPeriodSeconds", json!(3), look).await, (json!(300), json!(3)));
}

#[tokio::test]
async fn the_agents_parameters_are_what_agents_get_as_text() {
    for (switch, parameter, by_default) in [
        ("agentSamplingIntervalMs", "SamplingIntervalInMilliseconds", "1000"),
        ("agentMinimumReportingMs", "MinimumTimeForReportingInMilliseconds", "60000"),
        ("agentMaxStackDepth", "MaxStackDepth", "1000"),
        ("agentMemoryLimitPercent", "MemoryUsageLimitPercent", "10"),
    ] {
        let look = async |rig: &Rig| sent_to_agents(rig).await["agentParameters"][parameter].clone();
        assert_eq!(seen(switch, json!(7), look).await, (json!(by_default), json!("7")), "{switch}");
    }
}

#[tokio::test]
async fn every_value_that_is_documented_can_be_set() {
    let rig = Rig::start().await;
    for switch in codeguru_profiler_emulator::switches() {
        let named = switch.values.split('`').skip(1).step_by(2).filter(|value| *value != "aws:");
        let values: Vec<Value> =
            named.map(|value| serde_json::from_str(value).unwrap_or_else(|_| value.into())).collect();
        for value in values.iter().chain([&switch.default]) {
            let answer = rig.admin("PUT", "/settings", json!({&switch.name: value})).await;
            assert_eq!((answer.status, &answer.json()[&switch.name]), (200, value), "{}", switch.name);
        }
    }
}

#[test]
fn every_switch_is_tested_here() {
    let source = include_str!("switches.rs");
    for switch in codeguru_profiler_emulator::switches() {
        assert!(source.contains(&format!("\"{}\"", switch.name)), "no test sets {}", switch.name);
    }
}
