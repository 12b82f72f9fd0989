//! The rules of the state, each as a sentence.

use serde_json::{Value, json};

use super::*;

const QUOTA: CreateRules =
    CreateRules { quota: 500, same_token: SameToken::FirstAnswer, tag_limits: TagLimits::AwsWide, enabled: true };
const TAGGING: TagRules = TagRules { limits: TagLimits::AwsWide, touch: false };
const ANY_TAGS: TagRules = TagRules { limits: TagLimits::None, ..TAGGING };
const TOUCH: UpdateRules = UpdateRules { always_touch: true, conflict_within: Duration::ZERO };
const LAZY: UpdateRules = UpdateRules { always_touch: false, conflict_within: Duration::ZERO };

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

fn up_to(quota: usize) -> CreateRules {
    CreateRules { quota, ..QUOTA }
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
    region.update("a", false, TOUCH, at(1)).unwrap();
    assert_eq!(region.create("t", asked("a"), up_to(0), at(2)), Ok(first));
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
    region.delete("a", false, at(2)).unwrap();
    let again = region.create("t", asked("a"), QUOTA, at(3)).unwrap();
    assert_eq!(again.created_at, at(3).stamp);
}

#[test]
fn the_quota_counts_living_groups() {
    let mut region = region();
    region.create("1", asked("a"), up_to(2), at(0)).unwrap();
    region.create("2", asked("b"), up_to(2), at(0)).unwrap();
    assert_eq!(region.create("3", asked("c"), up_to(2), at(0)), Err(Refusal::QuotaReached(2)));
    region.delete("a", false, at(1)).unwrap();
    assert!(region.create("3", asked("c"), up_to(2), at(2)).is_ok());
}

#[test]
fn an_update_moves_updated_at_even_without_a_change_unless_set_otherwise() {
    let mut region = region();
    region.create("t", asked("a"), QUOTA, at(0)).unwrap();
    assert_eq!(region.update("a", true, LAZY, at(1)).unwrap().updated_at, at(0).stamp);
    assert_eq!(region.update("a", true, TOUCH, at(2)).unwrap().updated_at, at(2).stamp);
    let changed = region.update("a", false, LAZY, at(3)).unwrap();
    assert_eq!((changed.profiling_enabled, changed.updated_at, changed.created_at), (false, at(3).stamp, at(0).stamp));
}

#[test]
fn what_does_not_exist_can_be_neither_described_nor_changed() {
    let mut region = region();
    let missing = || Refusal::NoSuchGroup("a".into());
    assert_eq!(region.describe("a", read(0, 0)), Err(missing()));
    assert_eq!(region.update("a", true, TOUCH, at(0)), Err(missing()));
    assert_eq!(region.delete("a", false, at(0)), Err(missing()));
    assert_eq!(region.change_tags("a", ANY_TAGS, Tags::clear, at(0)), Err(missing()));
}

#[test]
fn pages_follow_the_order_of_names_and_end_without_a_token() {
    let mut region = region();
    for (number, name) in ["d", "B", "a", "c", "e"].into_iter().enumerate() {
        region.create(&number.to_string(), asked(name), QUOTA, at(0)).unwrap();
    }
    let first = region.list(None, 2, None, read(1, 0)).unwrap();
    let second = region.list(first.next_token.as_deref(), 2, None, read(1, 0)).unwrap();
    let third = region.list(second.next_token.as_deref(), 2, None, read(1, 0)).unwrap();
    assert_eq!([names(&first), names(&second), names(&third)], [vec!["B", "a"], vec!["c", "d"], vec!["e"]]);
    assert_eq!(third.next_token, None);
    assert_eq!(region.list(None, 5, None, read(1, 0)).unwrap().next_token, None, "a full last page is the last");
}

#[test]
fn a_page_continues_after_a_group_that_was_deleted_meanwhile() {
    let mut region = region();
    for name in ["a", "b", "c"] {
        region.create(name, asked(name), QUOTA, at(0)).unwrap();
    }
    let first = region.list(None, 1, None, read(1, 0)).unwrap();
    region.delete("a", false, at(2)).unwrap();
    region.create("0", asked("0"), QUOTA, at(2)).unwrap();
    assert_eq!(names(&region.list(first.next_token.as_deref(), 5, None, read(3, 0)).unwrap()), ["b", "c"]);
}

#[test]
fn a_token_that_no_list_gave_is_refused() {
    assert_eq!(region().list(Some("p-1"), 5, None, read(0, 0)).unwrap_err(), Refusal::UnknownPageToken);
}

#[test]
fn a_lagging_read_sees_each_group_as_it_was() {
    let mut region = region();
    region.create("t", asked("a"), QUOTA, at(1000)).unwrap();
    region.update("a", false, TOUCH, at(2000)).unwrap();
    region.delete("a", false, at(3000)).unwrap();
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
    region.delete("old", false, at(1000)).unwrap();
    region.create("2", asked("new"), QUOTA, at(1000)).unwrap();
    assert_eq!(names(&region.list(None, 5, None, read(1100, 500)).unwrap()), ["old"]);
    assert_eq!(names(&region.list(None, 5, None, read(1500, 500)).unwrap()), ["new"]);
    assert_eq!(names(&region.list(None, 5, None, read(1100, 0)).unwrap()), ["new"]);
}

#[test]
fn old_states_and_deleted_groups_are_forgotten() {
    let mut region = region();
    let long = 2 * u64::try_from(HISTORY.as_millis()).unwrap();
    region.create("1", asked("gone"), QUOTA, at(0)).unwrap();
    region.delete("gone", false, at(1)).unwrap();
    region.create("2", asked("kept"), QUOTA, at(2)).unwrap();
    region.update("kept", false, TOUCH, at(3)).unwrap();
    region.update("kept", true, TOUCH, at(long)).unwrap();
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
    region.delete("a", false, at(1)).unwrap();
    region.create("2", asked("a"), QUOTA, at(2)).unwrap();
    region.update("a", true, TOUCH, at(long)).unwrap();
    assert!(region.describe("a", ReadAt { now: at(long), lag: NO_LAG }).is_ok());
}

#[test]
fn tags_change_without_moving_updated_at() {
    let mut region = region();
    region.create("t", asked("a"), QUOTA, at(0)).unwrap();
    region.change_tags("a", TAGGING, |tags| tags.extend([("k".into(), "v".into())]), at(1)).unwrap();
    assert_eq!(region.truth("a").unwrap().tags.get("k").map(String::as_str), Some("v"));
    assert_eq!(region.truth("a").unwrap().updated_at, at(0).stamp);
}

#[test]
fn acting_behind_the_back_makes_what_is_missing_and_changes_what_is_given() {
    let mut region = region();
    let change = |value: Value| serde_json::from_value::<BehindTheBack>(value).unwrap();
    let made =
        region.put("a", change(json!({"profilingEnabled": false, "computePlatform": "AWSLambda"})), String::new, at(1));
    assert_eq!((made.profiling_enabled, made.compute_platform.as_str()), (false, "AWSLambda"));
    let agent = json!({
        "latestAgentOrchestratedAt": "2026-06-01T13:15:02.001Z",
        "latestAggregatedProfile": {"start": "2026-06-01T13:10:00Z", "period": "PT5M"},
    });
    let pinged = region.put("a", change(agent), String::new, at(2));
    assert_eq!(
        shown(&pinged)["profilingStatus"],
        json!({
            "latestAgentOrchestratedAt": "2026-06-01T13:15:02.001Z",
            "latestAggregatedProfile": {"start": "2026-06-01T13:10:00.000Z", "period": "PT5M"},
        })
    );
    assert_eq!(pinged.updated_at, at(1).stamp, "an agent's ping is not an update");
    let cleared = region.put(
        "a",
        change(json!({"latestAgentOrchestratedAt": null, "profilingEnabled": true})),
        String::new,
        at(3),
    );
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
fn a_thin_list_leaves_out_what_its_setting_names() {
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
    assert_eq!(members(ThinList::NoTags), without("tags"));
    assert_eq!(members(ThinList::NoEmptyTags), without("tags"), "it has none");
    let mut bare = members(ThinList::Bare);
    bare.sort();
    assert_eq!(bare, ["arn", "name"]);
    assert!(members(ThinList::NamesOnly).is_empty());
}

fn with_group() -> Region {
    let mut region = region();
    region.create("t", asked("a"), QUOTA, at(0)).unwrap();
    region
}

#[test]
fn the_same_token_conflicts_when_it_is_read_so() {
    let mut region = with_group();
    let strict = CreateRules { same_token: SameToken::Conflict, ..QUOTA };
    assert_eq!(region.create("t", asked("a"), strict, at(1)), Err(Refusal::TokenUsed));
}

#[test]
fn an_update_soon_after_another_conflicts_when_it_is_read_so() {
    let mut region = with_group();
    let strict = UpdateRules { conflict_within: Duration::from_millis(10), ..TOUCH };
    assert_eq!(region.update("a", false, strict, at(9)), Err(Refusal::ChangedMeanwhile));
    assert!(region.update("a", false, strict, at(10)).is_ok());
}

#[test]
fn tags_keep_to_the_limits_of_aws_or_to_none() {
    let long = |length| "k".repeat(length);
    for (key, value) in [("aws:x".to_owned(), String::new()), (long(129), String::new()), ("k".to_owned(), long(257))] {
        let tag = |tags: &mut Tags| tags.extend([(key.clone(), value.clone())]);
        let mut region = with_group();
        assert!(matches!(region.change_tags("a", TAGGING, tag, at(1)), Err(Refusal::TagLimit(_))), "{key}");
        assert!(region.truth("a").unwrap().tags.is_empty(), "{key}");
        assert_eq!(region.change_tags("a", ANY_TAGS, tag, at(1)), Ok(()), "{key}");
    }
    let many = |tags: &mut Tags| tags.extend((0..51).map(|number| (number.to_string(), String::new())));
    assert!(with_group().change_tags("a", TAGGING, many, at(1)).is_err());
}

const PRINCIPAL: &str = "arn:aws:iam::111122223333:role/app";

fn put<'a>(principals: &[&str], on_top_of: Option<&'a str>) -> Put<'a> {
    Put { principals: principals.iter().map(ToString::to_string).collect(), on_top_of, merges: false }
}

#[test]
fn a_policy_is_only_changed_on_top_of_its_newest_revision() {
    let mut region = with_group();
    let mut put_on = |on_top_of: Option<&str>, revision: &str| {
        let group = region.put_permission("a", put(&[PRINCIPAL], on_top_of), revision.into(), at(1))?;
        Ok::<_, Refusal>(group.policy.clone().unwrap().revision)
    };
    assert_eq!(put_on(Some("r0"), "r1"), Err(Refusal::OtherRevision), "there is no policy yet");
    assert_eq!(put_on(None, "r1"), Ok("r1".into()));
    assert_eq!(put_on(None, "r2"), Err(Refusal::OtherRevision));
    assert_eq!(put_on(Some("r1"), "r2"), Ok("r2".into()));
    assert_eq!(put_on(Some("r1"), "r3"), Err(Refusal::OtherRevision));

    assert_eq!(region.remove_permission("a", "r1", "r3".into(), at(2)), Err(Refusal::OtherRevision));
    let (group, left) = region.remove_permission("a", "r2", "r3".into(), at(2)).unwrap();
    assert_eq!((&group.policy, left.revision.as_str()), (&None, "r3"));
    assert_eq!(left.document("arn"), r#"{"Statement":[],"Version":"2012-10-17"}"#);
    assert_eq!(region.remove_permission("a", "r3", "r4".into(), at(2)), Err(Refusal::NoPolicy));
}

#[test]
fn principals_are_arns_without_wildcards_and_replace_the_former_ones() {
    let mut region = with_group();
    for bad in ["*", "app", "arn:aws:iam::111122223333:role/*"] {
        let refused = region.put_permission("a", put(&[PRINCIPAL, bad], None), "r".into(), at(1));
        assert_eq!(refused, Err(Refusal::NotAPrincipal(bad.into())));
    }
    let principals = |group: &Group| {
        let document: Value = serde_json::from_str(&group.policy.as_ref().unwrap().document("arn")).unwrap();
        document["Statement"][0]["Principal"]["AWS"].clone()
    };
    let other = "arn:aws:iam::111122223333:user/me";
    let group = region.put_permission("a", put(&[PRINCIPAL, other, other], None), "r1".into(), at(1)).unwrap();
    assert_eq!(principals(&group), json!([PRINCIPAL, other]));
    let group = region.put_permission("a", put(&[other], Some("r1")), "r2".into(), at(1)).unwrap();
    assert_eq!(principals(&group), json!(other));
    let adding = Put { merges: true, ..put(&[PRINCIPAL, other], Some("r2")) };
    let group = region.put_permission("a", adding, "r3".into(), at(1)).unwrap();
    assert_eq!(principals(&group), json!([other, PRINCIPAL]));
}

#[test]
fn a_deleted_role_is_shown_by_its_unique_id_under_the_same_revision() {
    let mut region = with_group();
    let change = |value: Value| serde_json::from_value::<BehindTheBack>(value).unwrap();
    let user = "arn:aws:iam::111122223333:user/me";
    let set = json!({"principals": [PRINCIPAL, user], "topics": ["arn:aws:sns:eu-west-1:111122223333:t"]});
    let group = region.put("a", change(set), || "id".to_owned(), at(1));
    assert_eq!(shown_truth(&group)["topics"], json!(["arn:aws:sns:eu-west-1:111122223333:t"]));
    let group = region.put("a", change(json!({"deletedPrincipals": [PRINCIPAL, user]})), String::new, at(1));
    let principals = shown_truth(&group)["principals"].clone();
    for (number, prefix) in ["AROA", "AIDA"].iter().enumerate() {
        let id = principals[number].as_str().unwrap();
        assert!(id.len() == 21 && id.starts_with(prefix), "{id}");
    }
    assert_eq!(group.policy.as_ref().unwrap().revision, "id");
    let group = region.put("a", change(json!({"principals": [], "topics": []})), String::new, at(1));
    assert_eq!((&group.policy, group.channels.len()), (&None, 0));
}

fn shown_truth(group: &Group) -> Value {
    serde_json::to_value(Truth::of(group)).unwrap()
}

fn topic(name: &str) -> Channel {
    let uri = format!("arn:aws:sns:eu-west-1:111122223333:{name}");
    serde_json::from_value(json!({"uri": uri, "eventPublishers": ["AnomalyDetection"]})).unwrap()
}

#[test]
fn a_group_has_two_channels_at_most_each_with_an_id() {
    let mut region = with_group();
    let id = || "id-of-one".to_owned();
    let group = region.add_channels("a", vec![topic("one")], id, at(1)).unwrap();
    assert_eq!(serde_json::to_value(&group.channels).unwrap()[0]["id"], "id-of-one");
    let again = region.add_channels("a", vec![topic("one")], || "other".into(), at(1));
    assert!(matches!(again, Err(Refusal::ChannelExists(_))));
    let same_id = region.add_channels("a", vec![topic("two")], id, at(1));
    assert!(matches!(same_id, Err(Refusal::ChannelExists(_))));
    let ids = std::cell::Cell::new(0);
    let next = || {
        ids.set(ids.get() + 1);
        format!("id-{}", ids.get())
    };
    let three = region.add_channels("a", vec![topic("two"), topic("three")], next, at(1));
    assert_eq!(three, Err(Refusal::ChannelQuotaReached(2)));
    assert_eq!(region.truth("a").unwrap().channels.len(), 1, "all or none");
    region.add_channels("a", vec![topic("two")], next, at(1)).unwrap();
    assert_eq!(region.remove_channel("a", "id-of-one", at(2)).unwrap().channels.len(), 1);
    assert!(matches!(region.remove_channel("a", "id-of-one", at(2)), Err(Refusal::NoSuchChannel(_))));
}

#[test]
fn agents_move_the_timestamps_each_its_own() {
    let mut region = with_group();
    assert_eq!(region.orchestrate("a", at(1000)), Ok(true));
    region.report("a", Some("p"), true, at(2000)).unwrap();
    assert_eq!(
        shown(region.truth("a").unwrap())["profilingStatus"],
        json!({
            "latestAgentOrchestratedAt": "2026-05-28T20:26:41.000Z",
            "latestAgentProfileReportedAt": "2026-05-28T20:26:42.000Z",
            "latestAggregatedProfile": {"start": "2026-05-28T20:25:00.000Z", "period": "PT5M"},
        })
    );
    region.report("a", Some("p"), true, at(3000)).unwrap();
    assert_eq!(region.truth("a").unwrap().reported_at, Some(at(2000).stamp), "a repetition is no new profile");
    region.update("a", false, TOUCH, at(4000)).unwrap();
    assert_eq!(region.orchestrate("a", at(5000)), Ok(false));
    assert_eq!(region.report("a", None, false, at(6000)), Err(Refusal::Disabled));
    assert_eq!(region.report("a", None, true, at(6000)), Ok(()));
    assert_eq!(region.orchestrate("b", at(7000)), Err(Refusal::NoSuchGroup("b".into())));
}

#[test]
fn profile_times_come_in_pages_in_the_order_requested() {
    let mut region = with_group();
    let five_minutes = 300_000;
    for step in 0..5 {
        region.report("a", None, true, at(step * five_minutes)).unwrap();
    }
    let range = TimeRange { start: at(0).stamp.earlier(Duration::from_hours(1)), end: at(5 * five_minutes).stamp };
    let mut all = |period, descending, limit| {
        let query = TimesQuery { period, range, descending };
        let (mut starts, mut token): (Vec<Stamp>, _) = (Vec::new(), None::<String>);
        loop {
            let page = region.profile_times("a", query, token.as_deref(), limit, None, at(2_000_000)).unwrap();
            assert!(page.0.len() <= limit);
            starts.extend(page.0);
            token = page.1;
            if token.is_none() {
                return starts;
            }
        }
    };
    let ascending = all(AggregationPeriod::FiveMinutes, false, 2);
    assert_eq!(ascending.len(), 5);
    assert!(ascending.is_sorted());
    let mut descending = all(AggregationPeriod::FiveMinutes, true, 2);
    descending.reverse();
    assert_eq!(ascending, descending);
    assert_eq!(all(AggregationPeriod::Hour, true, 10).len(), 1);
}

#[test]
fn profiles_are_kept_as_long_as_documented() {
    let mut region = with_group();
    region.report("a", None, true, at(0)).unwrap();
    let day = 24 * 3600 * 1000;
    for (days, five_minutes, hours, daily) in [(14, 1, 1, 1), (16, 0, 1, 1), (61, 0, 0, 1), (1100, 0, 0, 0)] {
        let range = TimeRange { start: at(0).stamp.earlier(Duration::from_hours(24)), end: at(1).stamp };
        let count = |region: &mut Region, period| {
            let query = TimesQuery { period, range, descending: false };
            region.profile_times("a", query, None, 9, None, at(days * day)).unwrap().0.len()
        };
        let counts = [AggregationPeriod::FiveMinutes, AggregationPeriod::Hour, AggregationPeriod::Day]
            .map(|period| count(&mut region, period));
        assert_eq!(counts, [five_minutes, hours, daily], "{days}");
    }
}
