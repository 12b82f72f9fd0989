//! The rules of the state, each as a sentence.

use serde_json::{Value, json};

use super::*;

const QUOTA: usize = 500;
const NO_LAG: Duration = Duration::ZERO;

fn region() -> Region {
    Region::new("111122223333".into(), "eu-west-1".into())
}

fn at(ms: u64) -> Moment {
    let stamp = jiff::Timestamp::from_millisecond(1_780_000_000_000 + i64::try_from(ms).unwrap()).unwrap();
    Moment { stamp: crate::moment::Stamp::new(stamp), tick: Duration::from_millis(ms) }
}

fn asked(name: &str) -> NewGroup {
    serde_json::from_value(json!({"profilingGroupName": name})).unwrap()
}

fn read(ms: u64, lag_ms: u64) -> ReadAt {
    ReadAt { now: at(ms), lag: Duration::from_millis(lag_ms) }
}

fn shown(group: &Group) -> Value {
    serde_json::to_value(Description::full(group)).unwrap()
}

fn names(page: &Page) -> Vec<&str> {
    page.groups.iter().map(|group| group.name.as_str()).collect()
}

#[test]
fn a_new_group_is_enabled_on_the_default_platform_and_never_had_an_agent() {
    let group = region().create("t", asked("orders"), QUOTA, at(5)).unwrap();
    assert_eq!(
        shown(&group),
        json!({
            "name": "orders",
            "arn": "arn:aws:codeguru-profiler:eu-west-1:111122223333:profilingGroup/orders",
            "computePlatform": "Default",
            "createdAt": "2026-05-28T20:26:40.005Z",
            "updatedAt": "2026-05-28T20:26:40.005Z",
            "agentOrchestrationConfig": {"profilingEnabled": true},
            "profilingStatus": {},
            "tags": {},
        })
    );
}

#[test]
fn a_second_create_with_the_same_token_answers_the_first_group() {
    let mut region = region();
    let first = region.create("t", asked("a"), QUOTA, at(0)).unwrap();
    region.update("a", false, true, at(1)).unwrap();
    assert_eq!(region.create("t", asked("a"), 0, at(2)), Ok(first));
}

#[test]
fn a_token_used_for_another_input_is_a_conflict() {
    let mut region = region();
    region.create("t", asked("a"), QUOTA, at(0)).unwrap();
    assert_eq!(region.create("t", asked("b"), QUOTA, at(1)), Err(Refusal::TokenUsed));
}

#[test]
fn a_name_is_taken_until_its_group_is_deleted() {
    let mut region = region();
    region.create("t", asked("a"), QUOTA, at(0)).unwrap();
    assert_eq!(region.create("u", asked("a"), QUOTA, at(1)), Err(Refusal::NameTaken("a".into())));
    region.delete("a", at(2)).unwrap();
    let again = region.create("t", asked("a"), QUOTA, at(3)).unwrap();
    assert_eq!(again.created_at, at(3).stamp);
}

#[test]
fn the_quota_counts_living_groups() {
    let mut region = region();
    region.create("1", asked("a"), 2, at(0)).unwrap();
    region.create("2", asked("b"), 2, at(0)).unwrap();
    assert_eq!(region.create("3", asked("c"), 2, at(0)), Err(Refusal::QuotaReached(2)));
    region.delete("a", at(1)).unwrap();
    assert!(region.create("3", asked("c"), 2, at(2)).is_ok());
}

#[test]
fn an_update_moves_updated_at_even_without_a_change_unless_told_otherwise() {
    let mut region = region();
    region.create("t", asked("a"), QUOTA, at(0)).unwrap();
    assert_eq!(region.update("a", true, false, at(1)).unwrap().updated_at, at(0).stamp);
    assert_eq!(region.update("a", true, true, at(2)).unwrap().updated_at, at(2).stamp);
    let changed = region.update("a", false, false, at(3)).unwrap();
    assert_eq!((changed.profiling_enabled, changed.updated_at, changed.created_at), (false, at(3).stamp, at(0).stamp));
}

#[test]
fn what_does_not_exist_can_be_neither_described_nor_changed() {
    let mut region = region();
    let missing = || Refusal::NoSuchGroup("a".into());
    assert_eq!(region.describe("a", read(0, 0)), Err(missing()));
    assert_eq!(region.update("a", true, true, at(0)), Err(missing()));
    assert_eq!(region.delete("a", at(0)), Err(missing()));
    assert_eq!(region.change_tags("a", Tags::clear, at(0)), None);
}

#[test]
fn pages_follow_the_order_of_names_and_end_without_a_token() {
    let mut region = region();
    for (number, name) in ["d", "B", "a", "c", "e"].into_iter().enumerate() {
        region.create(&number.to_string(), asked(name), QUOTA, at(0)).unwrap();
    }
    let first = region.list(None, 2, read(1, 0)).unwrap();
    let second = region.list(first.next_token.as_deref(), 2, read(1, 0)).unwrap();
    let third = region.list(second.next_token.as_deref(), 2, read(1, 0)).unwrap();
    assert_eq!([names(&first), names(&second), names(&third)], [vec!["B", "a"], vec!["c", "d"], vec!["e"]]);
    assert_eq!(third.next_token, None);
    assert_eq!(region.list(None, 5, read(1, 0)).unwrap().next_token, None, "a full last page is the last");
}

#[test]
fn a_page_continues_after_a_group_that_was_deleted_meanwhile() {
    let mut region = region();
    for name in ["a", "b", "c"] {
        region.create(name, asked(name), QUOTA, at(0)).unwrap();
    }
    let first = region.list(None, 1, read(1, 0)).unwrap();
    region.delete("a", at(2)).unwrap();
    region.create("0", asked("0"), QUOTA, at(2)).unwrap();
    assert_eq!(names(&region.list(first.next_token.as_deref(), 5, read(3, 0)).unwrap()), ["b", "c"]);
}

#[test]
fn a_token_that_no_list_gave_is_refused() {
    assert_eq!(region().list(Some("p-1"), 5, read(0, 0)).unwrap_err(), Refusal::UnknownPageToken);
}

#[test]
fn a_lagging_read_sees_each_group_as_it_was() {
    let mut region = region();
    region.create("t", asked("a"), QUOTA, at(1000)).unwrap();
    region.update("a", false, true, at(2000)).unwrap();
    region.delete("a", at(3000)).unwrap();
    let seen = |now| region.describe("a", read(now, 500)).map(|group| group.profiling_enabled).ok();
    assert_eq!(
        [400, 1499, 1500, 2499, 2500, 3499, 3500].map(seen),
        [None, None, Some(true), Some(true), Some(false), Some(false), None]
    );
}

#[test]
fn a_lagging_list_sees_deleted_groups_and_misses_new_ones() {
    let mut region = region();
    region.create("1", asked("old"), QUOTA, at(0)).unwrap();
    region.delete("old", at(1000)).unwrap();
    region.create("2", asked("new"), QUOTA, at(1000)).unwrap();
    assert_eq!(names(&region.list(None, 5, read(1100, 500)).unwrap()), ["old"]);
    assert_eq!(names(&region.list(None, 5, read(1500, 500)).unwrap()), ["new"]);
    assert_eq!(names(&region.list(None, 5, read(1100, 0)).unwrap()), ["new"]);
}

#[test]
fn old_states_and_deleted_groups_are_forgotten() {
    let mut region = region();
    let long = 2 * u64::try_from(HISTORY.as_millis()).unwrap();
    region.create("1", asked("gone"), QUOTA, at(0)).unwrap();
    region.delete("gone", at(1)).unwrap();
    region.create("2", asked("kept"), QUOTA, at(2)).unwrap();
    region.update("kept", false, true, at(3)).unwrap();
    region.update("kept", true, true, at(long)).unwrap();
    assert_eq!(region.groups.len(), 1);
    let full_lag = region.describe("kept", ReadAt { now: at(long), lag: HISTORY }).unwrap();
    assert!(!full_lag.profiling_enabled, "the longest lag still sees the state before the last");
    assert!(region.graves.is_empty());
}

#[test]
fn a_name_created_again_outlives_its_own_grave() {
    let mut region = region();
    let long = 2 * u64::try_from(HISTORY.as_millis()).unwrap();
    region.create("1", asked("a"), QUOTA, at(0)).unwrap();
    region.delete("a", at(1)).unwrap();
    region.create("2", asked("a"), QUOTA, at(2)).unwrap();
    region.update("a", true, true, at(long)).unwrap();
    assert!(region.describe("a", ReadAt { now: at(long), lag: NO_LAG }).is_ok());
}

#[test]
fn tags_change_without_moving_updated_at() {
    let mut region = region();
    region.create("t", asked("a"), QUOTA, at(0)).unwrap();
    region.change_tags("a", |tags| tags.extend([("k".into(), "v".into())]), at(1)).unwrap();
    assert_eq!(region.truth("a").unwrap().tags.get("k").map(String::as_str), Some("v"));
    assert_eq!(region.truth("a").unwrap().updated_at, at(0).stamp);
}

#[test]
fn acting_behind_the_back_makes_what_is_missing_and_changes_what_is_given() {
    let mut region = region();
    let change = |value: Value| serde_json::from_value::<BehindTheBack>(value).unwrap();
    let made = region.put("a", change(json!({"profilingEnabled": false, "computePlatform": "AWSLambda"})), at(1));
    assert_eq!((made.profiling_enabled, made.compute_platform.as_str()), (false, "AWSLambda"));
    let agent = json!({
        "latestAgentOrchestratedAt": "2026-06-01T13:15:02.001Z",
        "latestAggregatedProfile": {"start": "2026-06-01T13:10:00Z", "period": "PT5M"},
    });
    let pinged = region.put("a", change(agent), at(2));
    assert_eq!(
        shown(&pinged)["profilingStatus"],
        json!({
            "latestAgentOrchestratedAt": "2026-06-01T13:15:02.001Z",
            "latestAggregatedProfile": {"start": "2026-06-01T13:10:00.000Z", "period": "PT5M"},
        })
    );
    assert_eq!(pinged.updated_at, at(1).stamp, "an agent's ping is not an update");
    let cleared = region.put("a", change(json!({"latestAgentOrchestratedAt": null, "profilingEnabled": true})), at(3));
    assert_eq!((cleared.orchestrated_at, cleared.aggregated.is_some()), (None, true));
    assert_eq!(cleared.updated_at, at(3).stamp);
}

#[test]
fn seeding_leaves_what_exists_and_flipping_keeps_to_the_prefix() {
    let mut region = region();
    region.create("t", asked("g-00001"), QUOTA, at(0)).unwrap();
    let off = BehindTheBack { profiling_enabled: Some(false), ..BehindTheBack::default() };
    assert_eq!(region.seed("g", 3, &off, at(1)), 2);
    region.create("u", asked("other"), QUOTA, at(1)).unwrap();
    assert_eq!(region.flip("g-", at(2)), 3);
    let enabled = |name: &str| region.truth(name).unwrap().profiling_enabled;
    assert_eq!(["g-00000", "g-00001", "g-00002", "other"].map(enabled), [true, false, true, true]);
}

#[test]
fn a_thin_list_leaves_out_what_its_setting_says() {
    let group = region().create("t", asked("a"), QUOTA, at(0)).unwrap();
    let members = |thin| -> Vec<String> {
        let value = serde_json::to_value(Description::thinned(&group, thin)).unwrap();
        value.as_object().map(|members| members.keys().cloned().collect()).unwrap_or_default()
    };
    let full = members(ThinList::Full);
    assert_eq!(full.len(), 8);
    let without = |gone: &str| full.iter().filter(|name| *name != gone).cloned().collect::<Vec<_>>();
    assert_eq!(members(ThinList::NoOrchestrationConfig), without("agentOrchestrationConfig"));
    assert_eq!(members(ThinList::NoProfilingStatus), without("profilingStatus"));
    let mut bare = members(ThinList::Bare);
    bare.sort();
    assert_eq!(bare, ["arn", "name"]);
    assert!(members(ThinList::NamesOnly).is_empty());
}
