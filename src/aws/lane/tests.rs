//! When a lane lists, what it makes of the answers, and whose turn a group is: on paused time, with an AWS of one group.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{FutureExt, future::BoxFuture};

use super::*;
use crate::{aws::service::Page, domain::situation::Presence, process::permit::Permits};

const INTERVAL: Duration = Duration::from_mins(1);

/// An AWS with one group, `a`, that counts what it is asked.
#[derive(Default)]
struct Aws {
    lists: AtomicUsize,
    accounts: AtomicUsize,
    /// Every page names the same next one.
    endless: bool,
    /// Updates are never answered.
    silent: bool,
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
        let missing = AwsError::new(Operation::Describe, "r", Some(name), Reason::GroupNotFound, Effect::Refused);
        async move { Err(missing) }.boxed()
    }

    fn update(&self, name: &str, _: bool) -> BoxFuture<'_, Result<Observation, AwsError>> {
        let answer = group(name);
        if self.silent { std::future::pending().boxed() } else { async move { Ok(answer) }.boxed() }
    }

    fn account(&self) -> BoxFuture<'_, Result<String, AwsError>> {
        self.accounts.fetch_add(1, Ordering::Relaxed);
        async { Ok("111122223333".to_owned()) }.boxed()
    }
}

fn lane(aws: Aws) -> (Arc<Aws>, Arc<Lane>) {
    let aws = Arc::new(aws);
    let settings = LaneSettings { poll_interval: INTERVAL, calls_per_second: NonZeroU32::new(100).unwrap() };
    let lane = Arc::new(Lane::new("eu-west-1", Arc::clone(&aws) as Arc<dyn ProfilerService>, settings, System::real()));
    tokio::spawn(Arc::clone(&lane).poll(|| {}, CancellationToken::new()));
    (aws, lane)
}

/// The clock is the test's: this lets everything happen that is due until then, and takes no time.
async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

#[tokio::test(start_paused = true)]
async fn a_lane_lists_only_while_somebody_asks_for_a_group() {
    let (aws, lane) = lane(Aws::default());
    pass(INTERVAL * 5).await;
    assert_eq!(aws.lists.load(Ordering::Relaxed), 0);
    lane.join("a", None);
    pass(Duration::from_millis(10)).await;
    assert_eq!(aws.lists.load(Ordering::Relaxed), 1, "at once for the first one");
    pass(INTERVAL * 10).await;
    let lists = aws.lists.load(Ordering::Relaxed);
    assert!((10..=12).contains(&lists), "ten intervals, jittered: {lists}");
    lane.leave("a");
    pass(INTERVAL * 5).await;
    assert_eq!(aws.lists.load(Ordering::Relaxed), lists);
}

#[tokio::test(start_paused = true)]
async fn requests_of_a_second_are_gathered_into_one_list_that_begins_after_all_of_them() {
    let (aws, lane) = lane(Aws::default());
    lane.join("a", None);
    pass(Duration::from_secs(2)).await;
    let asked = Instant::now();
    for _ in 0..50 {
        lane.request_list();
        pass(Duration::from_millis(10)).await;
    }
    let last = Instant::now();
    assert!(!lane.attempted_since(asked));
    pass(Duration::from_secs(1)).await;
    assert!(lane.attempted_since(last));
    assert_eq!(aws.lists.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_known_before_a_lane_was_idle_is_not_taken_for_news() {
    let (_, lane) = lane(Aws::default());
    lane.join("a", None);
    pass(Duration::from_millis(10)).await;
    assert!(matches!(lane.view("a").1.presence, Presence::Present(_)));
    lane.leave("a");
    pass(INTERVAL * 3).await;
    lane.join("a", None);
    assert_eq!(lane.view("a").1.presence, Presence::NotListed);
    pass(Duration::from_millis(10)).await;
    assert!(matches!(lane.view("a").1.presence, Presence::Present(_)));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_never_ends_is_a_failure_and_not_a_loop() {
    let (aws, lane) = lane(Aws { endless: true, ..Aws::default() });
    lane.join("a", None);
    pass(Duration::from_millis(10)).await;
    assert_eq!(lane.failure().map(|failure| failure.reason), Some(Reason::MalformedAnswer));
    assert_eq!(aws.lists.load(Ordering::Relaxed), 2, "the second page names itself as the next one");
}

/// Nobody was told of a region that could not be listed from the start on.
#[tokio::test(start_paused = true)]
async fn an_inventory_that_never_came_is_as_old_as_the_first_attempt() {
    let (_, lane) = lane(Aws { endless: true, ..Aws::default() });
    pass(INTERVAL).await;
    assert_eq!(lane.inventory_age(), None, "nobody asks");
    lane.join("a", None);
    pass(INTERVAL * 5).await;
    assert!(lane.failure().is_some());
    assert_eq!(lane.inventory_age(), Some(INTERVAL * 5));
    lane.leave("a");
    assert_eq!(lane.inventory_age(), None, "nobody asks any more");
    pass(INTERVAL * 20).await;
    lane.join("a", None);
    assert_eq!(lane.inventory_age(), None, "it begins anew");
    pass(INTERVAL).await;
    assert_eq!(lane.inventory_age(), Some(INTERVAL));
}

#[tokio::test(start_paused = true)]
async fn an_inventory_is_as_old_as_its_last_complete_list() {
    let (_, lane) = lane(Aws::default());
    lane.join("a", None);
    pass(INTERVAL * 5).await;
    assert!(lane.inventory_age().unwrap() < INTERVAL * 2);
}

#[tokio::test(start_paused = true)]
async fn the_account_is_asked_for_until_it_is_known_and_then_no_more() {
    let (aws, lane) = lane(Aws::default());
    lane.join("a", None);
    pass(INTERVAL * 5).await;
    assert_eq!(lane.view("a").0.account.as_deref(), Some("111122223333"));
    assert_eq!(aws.accounts.load(Ordering::Relaxed), 1, "the groups here have no ARN to tell it");
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_up_on_an_update_leaves_the_switch_unknown_and_the_turn_to_the_next() {
    let (_, lane) = lane(Aws { silent: true, ..Aws::default() });
    lane.join("a", None);
    pass(Duration::from_millis(10)).await;
    let permit = Permits::always_granted().acquire(INTERVAL).unwrap();
    let turn = lane.turn("a").await;
    assert!(tokio::time::timeout(Duration::from_secs(1), lane.update(turn, permit, false)).await.is_err());
    let Presence::Present(group) = lane.view("a").1.presence else { panic!("it is still there") };
    assert_eq!(group.profiling_enabled, None);
    tokio::time::timeout(Duration::from_secs(1), lane.turn("a")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_group_has_one_turn_at_a_time_and_others_need_not_wait_for_it() {
    let (_, lane) = lane(Aws::default());
    let held = lane.turn("a").await;
    tokio::time::timeout(Duration::from_secs(1), lane.turn("b")).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(1), lane.turn("a")).await.is_err());
    drop(held);
    tokio::time::timeout(Duration::from_secs(1), lane.turn("a")).await.unwrap();
}
