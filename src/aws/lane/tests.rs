//! When a lane lists, what it makes of the answers, and whose turn a group is: on paused time, with an AWS of one group.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::{FutureExt, future::BoxFuture};

use super::*;
use crate::{
    api::Timestamp,
    aws::service::Page,
    domain::{
        arns::Arns,
        facet::{NewGroup, Step, Tags},
        moment::Now,
        notifications::Channels,
        permissions::Policy,
        situation::{Details, Presence},
    },
    process::permit::Permits,
};

const INTERVAL: Duration = Duration::from_mins(1);

/// An AWS with one group, `a`, that counts its requests.
#[derive(Default)]
struct Aws {
    lists: AtomicUsize,
    accounts: AtomicUsize,
    /// Every page names the same next one.
    endless: bool,
    /// Updates are never answered.
    silent: bool,
    /// Describes do not reach it.
    unreachable: AtomicBool,
}

fn group(name: &str) -> Observation {
    Observation { name: name.into(), profiling_enabled: Some(true), ..Observation::default() }
}

impl ProfilerService for Aws {
    fn list_page(&self, _: Option<String>) -> BoxFuture<'_, Result<Page, AwsError>> {
        self.lists.fetch_add(1, Ordering::Relaxed);
        let next_token = self.endless.then(|| "again".to_owned());
        async move { Ok(Page { groups: vec![group("a")], next_token }) }.boxed()
    }

    fn describe(&self, name: &str) -> BoxFuture<'_, Result<Observation, AwsError>> {
        let unreachable = self.unreachable.load(Ordering::Relaxed);
        let reason = if unreachable { FailureReason::Unreachable } else { FailureReason::GroupNotFound };
        let error = AwsError::new(Operation::Describe, "r", Some(name), reason, Effect::Refused);
        async move { Err(error) }.boxed()
    }

    fn update(&self, name: &str, _: bool) -> BoxFuture<'_, Result<Observation, AwsError>> {
        let answer = group(name);
        if self.silent { std::future::pending().boxed() } else { async move { Ok(answer) }.boxed() }
    }

    fn create<'a>(&'a self, name: &'a str, _: &'a NewGroup) -> BoxFuture<'a, Result<Observation, AwsError>> {
        async { Ok(group(name)) }.boxed()
    }

    fn delete<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<(), AwsError>> {
        async { Ok(()) }.boxed()
    }

    fn list_tags<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<Tags, AwsError>> {
        async { Ok(Tags::new()) }.boxed()
    }

    fn tag<'a>(&'a self, _: &'a str, _: &'a str, _: &'a Tags) -> BoxFuture<'a, Result<(), AwsError>> {
        async { Ok(()) }.boxed()
    }

    fn untag<'a>(&'a self, _: &'a str, _: &'a str, _: &'a BTreeSet<String>) -> BoxFuture<'a, Result<(), AwsError>> {
        async { Ok(()) }.boxed()
    }

    fn policy<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Policy, AwsError>> {
        let error = AwsError::new(Operation::GetPolicy, "r", None, FailureReason::GroupNotFound, Effect::Refused);
        async { Err(error) }.boxed()
    }

    fn put_permission<'a>(
        &'a self,
        name: &'a str,
        _: &'a Arns,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Policy, AwsError>> {
        self.policy(name)
    }

    fn remove_permission<'a>(&'a self, name: &'a str, _: &'a str) -> BoxFuture<'a, Result<Policy, AwsError>> {
        self.policy(name)
    }

    fn channels<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Channels, AwsError>> {
        async { Ok(Channels::new()) }.boxed()
    }

    fn add_channels<'a>(&'a self, name: &'a str, _: &'a Arns) -> BoxFuture<'a, Result<Channels, AwsError>> {
        self.channels(name)
    }

    fn remove_channel<'a>(&'a self, name: &'a str, _: &'a str) -> BoxFuture<'a, Result<Channels, AwsError>> {
        self.channels(name)
    }

    fn account(&self) -> BoxFuture<'_, Result<String, AwsError>> {
        self.accounts.fetch_add(1, Ordering::Relaxed);
        async { Ok("111122223333".to_owned()) }.boxed()
    }
}

fn lane(aws: Aws) -> (Arc<Aws>, Arc<Lane>) {
    let aws = Arc::new(aws);
    let settings = LaneSettings { poll_interval: INTERVAL, calls_per_second: NonZeroU32::new(100).unwrap() };
    let id = LaneId::of_region("eu-west-1");
    let state = Arc::new(Mutex::new(LaneState::new(id.clone(), INTERVAL, Moment(0))));
    let service = Arc::clone(&aws) as Arc<dyn ProfilerService>;
    let stop = CancellationToken::new();
    let lane = Arc::new(Lane::new(id, service, state, settings, System::real(), stop, Box::new(|| {})));
    let polled = Arc::clone(&lane);
    tokio::spawn(async move { polled.poll(INTERVAL * 1000).await });
    (aws, lane)
}

impl Lane {
    fn want(&self, name: &str) {
        let now = self.moment();
        self.state().want(&name.into(), None, now);
        self.wake();
    }

    fn unwant(&self, name: &str) {
        let now = self.moment();
        self.state().unwant(name, now);
        self.wake();
    }

    fn presence(&self, name: &str) -> Presence {
        let now = Now { wall: Timestamp::from_millis(0), moment: self.moment() };
        self.state().view(name, now).1.presence
    }
}

/// The clock is the test's: this lets everything happen that is due until then, and takes no time.
async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

#[tokio::test(start_paused = true)]
async fn a_lane_lists_only_while_a_group_is_wanted() {
    let (aws, lane) = lane(Aws::default());
    pass(INTERVAL * 5).await;
    assert_eq!(aws.lists.load(Ordering::Relaxed), 0);
    lane.want("a");
    pass(Duration::from_millis(10)).await;
    assert_eq!(aws.lists.load(Ordering::Relaxed), 1, "at once for the first one");
    pass(INTERVAL * 10).await;
    let lists = aws.lists.load(Ordering::Relaxed);
    assert!((10..=12).contains(&lists), "ten intervals, jittered: {lists}");
    lane.unwant("a");
    pass(INTERVAL * 5).await;
    assert_eq!(aws.lists.load(Ordering::Relaxed), lists);
}

#[tokio::test(start_paused = true)]
async fn a_lane_of_which_nothing_is_wanted_ends() {
    let (_, lane) = lane(Aws::default());
    lane.want("a");
    let polled = Arc::clone(&lane);
    let ended = tokio::spawn(async move { polled.poll(INTERVAL).await });
    pass(INTERVAL * 3).await;
    assert!(!ended.is_finished());
    lane.unwant("a");
    pass(INTERVAL * 2).await;
    assert!(ended.is_finished());
}

#[tokio::test(start_paused = true)]
async fn requests_of_a_second_are_gathered_into_one_list_that_begins_after_all_of_them() {
    let (aws, lane) = lane(Aws::default());
    lane.want("a");
    pass(Duration::from_secs(2)).await;
    let requested = lane.moment();
    for _ in 0..50 {
        let now = lane.moment();
        lane.state().request_list(now);
        lane.wake();
        pass(Duration::from_millis(10)).await;
    }
    let last = lane.moment();
    assert!(!lane.state().attempted_since(requested));
    pass(Duration::from_secs(1)).await;
    assert!(lane.state().attempted_since(last));
    assert_eq!(aws.lists.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_never_ends_is_a_failure_and_not_a_loop() {
    let (aws, lane) = lane(Aws { endless: true, ..Aws::default() });
    lane.want("a");
    pass(Duration::from_millis(10)).await;
    assert_eq!(lane.state().failure().map(|failure| failure.reason), Some(FailureReason::MalformedAnswer));
    assert_eq!(aws.lists.load(Ordering::Relaxed), 2, "the second page names itself as the next one");
}

/// Once nothing was reported of a region that could not be listed from the start on.
#[tokio::test(start_paused = true)]
async fn an_inventory_that_never_came_is_as_old_as_the_first_attempt() {
    let (_, lane) = lane(Aws { endless: true, ..Aws::default() });
    pass(INTERVAL).await;
    let age = |lane: &Lane| lane.state().inventory_age(lane.moment());
    assert_eq!(age(&lane), None, "nothing is wanted");
    lane.want("a");
    pass(INTERVAL * 5).await;
    assert!(lane.state().failure().is_some());
    assert_eq!(age(&lane), Some(INTERVAL * 5));
    lane.unwant("a");
    assert_eq!(age(&lane), None, "nothing is wanted any more");
}

#[tokio::test(start_paused = true)]
async fn an_inventory_is_as_old_as_its_last_complete_list() {
    let (_, lane) = lane(Aws::default());
    lane.want("a");
    pass(INTERVAL * 5).await;
    assert!(lane.state().inventory_age(lane.moment()).unwrap() < INTERVAL * 2);
}

#[tokio::test(start_paused = true)]
async fn the_account_is_requested_until_it_is_known_and_then_no_more() {
    let (aws, lane) = lane(Aws::default());
    lane.want("a");
    pass(INTERVAL * 5).await;
    let now = Now { wall: Timestamp::from_millis(0), moment: lane.moment() };
    assert_eq!(lane.state().view("a", now).0.account.as_deref(), Some("111122223333"));
    assert_eq!(aws.accounts.load(Ordering::Relaxed), 1, "the groups here have no ARN to tell it");
}

#[tokio::test(start_paused = true)]
async fn giving_up_on_an_update_leaves_the_switch_unknown_and_the_group_to_the_next() {
    let (_, lane) = lane(Aws { silent: true, ..Aws::default() });
    lane.want("a");
    pass(Duration::from_millis(10)).await;
    let permit = Permits::always_granted().acquire(INTERVAL).await;
    let guard = lane.guard("a").await.unwrap();
    let (_, turn) = lane.turn(&[Class::Edit].into()).unwrap();
    assert!(
        tokio::time::timeout(Duration::from_secs(1), turn.write(guard, permit, &Step::Switch(false), ""))
            .await
            .is_err()
    );
    let Presence::Present(group) = lane.presence("a") else { panic!("it is still there") };
    assert_eq!(group.profiling_enabled, None);
    tokio::time::timeout(Duration::from_secs(1), lane.guard("a")).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_group_is_written_by_one_at_a_time_and_others_need_not_wait_for_it() {
    let (_, lane) = lane(Aws::default());
    let held = lane.guard("a").await.unwrap();
    tokio::time::timeout(Duration::from_secs(1), lane.guard("b")).await.unwrap().unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(1), lane.guard("a")).await.is_err());
    drop(held);
    tokio::time::timeout(Duration::from_secs(1), lane.guard("a")).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn calls_that_fail_in_a_row_make_the_others_wait_until_one_is_answered() {
    let (aws, lane) = lane(Aws { unreachable: true.into(), ..Aws::default() });
    let turn = || lane.turn(&[Class::Describe].into()).map(|(_, turn)| turn);
    for _ in 0..5 {
        assert!(lane.state().circuit().is_none());
        turn().unwrap().describe("a").await.unwrap_err();
    }
    assert_eq!(lane.state().circuit().map(|failure| failure.reason), Some(FailureReason::Unreachable));
    let wait = turn().err().flatten().unwrap();
    assert!(wait <= Duration::from_secs(1), "{wait:?}");
    pass(wait).await;
    drop(turn().unwrap());
    let probe = turn().expect("the one before was not sent");
    assert_eq!(turn().err(), Some(None), "until the probe has ended");
    aws.unreachable.store(false, Ordering::Relaxed);
    probe.describe("a").await.unwrap();
    assert!(lane.state().circuit().is_none());
    assert!(turn().is_ok());
}

/// Found by the simulation: credentials that had become those of the right account again were never noticed.
#[tokio::test(start_paused = true)]
async fn an_account_that_no_list_shows_is_requested_again_after_a_while() {
    let (aws, lane) = lane(Aws::default());
    lane.want("a");
    pass(INTERVAL * 25).await;
    assert_eq!(aws.accounts.load(Ordering::Relaxed), 3, "every ten minutes");
}

/// GetPolicy has no other answer where there is no policy: only Lists and Describes show that there is no group.
#[tokio::test(start_paused = true)]
async fn a_policy_that_is_not_found_is_none_and_a_change_based_on_it_is_repeated_after_a_read() {
    let (_, lane) = lane(Aws::default());
    lane.want("a");
    sleep(Duration::from_secs(1)).await;
    let turn = || lane.turn(&[Class::Details].into()).map(|(_, turn)| turn).ok().unwrap();
    let details = || -> Details {
        let now = Now { wall: Timestamp::from_millis(0), moment: lane.moment() };
        lane.state().view("a", now).1.details
    };
    turn().policy("a").await.unwrap();
    assert_eq!(details().policy.unwrap().value, Policy::default());

    let step = Step::RemovePermission { revision: "r1".into() };
    let permit = Permits::always_granted().grant(INTERVAL).unwrap();
    let guard = lane.guard("a").await.unwrap();
    let (failure, effect) = turn().write(guard, permit, &step, "").await.unwrap_err();
    assert_eq!((failure.reason, effect), (FailureReason::Conflict, Effect::Refused));
    assert_eq!(details().policy, None);
    assert!(matches!(lane.presence("a"), Presence::Present(_)));
}
