//! Watches on a real API server that break, come in pieces, are too old to be resumed, or lag behind: no edit is lost, and
//! nothing is done from what is over.

use std::time::Duration;

use devkit::{
    controlplane::{Options, client_from},
    faultproxy::{Effect, Rule},
};
use kube::Api;
use serde_json::json;

use crate::{by_hand, link::Link, record::UPDATE, rest::comes_to_rest, world::World};

const WATCH: &str = "/profilinggroups?";
const UNAVAILABLE: Effect = Effect::Answer { code: 503, retry_after: None };

/// Groups that are on, and their resources in sync.
async fn in_sync(world: &World, names: &[&str]) {
    for name in names {
        world.flip(name, true).await;
        world.create(name, true, json!({})).await;
    }
    for name in names {
        world.condition(name, "Ready", "True", "InSync").await;
    }
}

async fn switch_off(world: &World, name: &str) {
    world.patch(name, json!({ "spec": { "profilingEnabled": false } })).await;
}

/// What was deleted is off in AWS by somebody else's hand, and stays so.
async fn is_left_alone(world: &World, deleted: &str) {
    comes_to_rest(world).await;
    assert_eq!(world.enabled(deleted).await, Some(false), "what is deleted is nobody's business");
}

#[tokio::test]
async fn what_changed_before_etcd_was_compacted_under_the_watch_is_listed_again() {
    let world = World::apart().await;
    let (proxy, start) = world.behind_a_proxy().await;
    let operator = start.start().await.unwrap();
    in_sync(&world, &["edited", "deleted"]).await;
    let away = proxy.add(Rule::new(UNAVAILABLE).path(WATCH).watches(true));
    proxy.cut_watches();
    world.eventually("the watch fails", async || (proxy.hits(away) > 0).then_some(())).await;

    switch_off(&world, "edited").await;
    world.delete("deleted").await;
    world.flip("deleted", false).await;
    world.plane.compact().await.unwrap();
    world.plane.stop_api_server();
    world.plane.start_api_server().await.unwrap();
    proxy.clear();

    world.eventually("the edit", async || world.enabled("edited").await.filter(|on| !on)).await;
    is_left_alone(&world, "deleted").await;
    assert_eq!(world.calls(UPDATE).await, 1);
    assert!(operator.logs().contains("too old resource version"), "{}", operator.logs());
    world.judge().await;
}

#[tokio::test]
async fn frames_that_come_in_pieces_and_break_off_lose_no_edit_and_no_deletion() {
    let edits = by_hand("FLEET_EDITS", 30);
    let world = World::new().await;
    let (proxy, start) = world.behind_a_proxy().await;
    let pieces = Effect::Split { bytes: 100, pause: Duration::from_millis(2) };
    proxy.add(Rule::new(pieces).path(WATCH).watches(true));
    let _operator = start.start().await.unwrap();
    let names = ["a", "b", "c", "deleted"];
    in_sync(&world, &names).await;
    let editing = async {
        for number in 0..edits {
            let name = names[number % 3];
            let enabled = world.enabled(name).await == Some(false);
            world.patch(name, json!({ "spec": { "profilingEnabled": enabled } })).await;
            if number == edits / 2 {
                world.delete("deleted").await;
                world.flip("deleted", false).await;
            }
            world.condition(name, "Ready", "True", "InSync").await;
            assert_eq!(world.enabled(name).await, Some(enabled), "edit {number} of {name}");
        }
    };
    let breaking = async {
        let mut breaks = tokio::time::interval(Duration::from_millis(700));
        loop {
            breaks.tick().await;
            proxy.cut_watches();
        }
    };
    tokio::select! {
        () = editing => {}
        () = breaking => {}
    }
    is_left_alone(&world, "deleted").await;
    assert_eq!(world.calls(UPDATE).await, edits);
    world.judge().await;
}

/// Two API servers on one etcd. One knows nothing of what has happened since: the operator is moved to it, and then another
/// one begins there.
#[tokio::test]
async fn an_api_server_that_lags_behind_brings_nothing_back_that_is_over() {
    let world = World::apart().await;
    let link = Link::to(world.plane.etcd_url()).await;
    let late = world.plane.another_api_server(&link.url()).await.unwrap();
    let (proxy, start) = world.behind_a_proxy().await;
    let operator = start.start().await.unwrap();
    in_sync(&world, &["edited", "deleted"]).await;
    let groups: Api<kube::api::DynamicObject> = Api::namespaced_with(
        client_from(late.kubeconfig()).await.unwrap(),
        &world.namespace,
        &devkit::auditor::profiling_groups(),
    );
    groups.get("edited").await.unwrap();

    link.hold();
    switch_off(&world, "edited").await;
    world.condition("edited", "Ready", "True", "InSync").await;
    world.delete("deleted").await;
    world.flip("deleted", false).await;
    world.lists(1).await;
    proxy.redirect(late.kubeconfig()).await.unwrap();
    world.lists(3).await;
    operator.stop_gracefully().await.unwrap();
    let asked = proxy.add(Rule::new(Effect::Delay(Duration::ZERO)).path(WATCH));
    let kubeconfig = world.plane.kubeconfig_through(proxy.url(), &world.token().await).unwrap();
    let next = world.operator_with(&kubeconfig).start_unready().await.unwrap();
    world.eventually("it reads from the API server that lags", async || (proxy.hits(asked) > 0).then_some(())).await;
    assert_eq!((world.calls(UPDATE).await, world.enabled("deleted").await), (1, Some(false)));

    link.let_go();
    next.ready(Duration::from_mins(1)).await.unwrap();
    is_left_alone(&world, "deleted").await;
    assert_eq!((world.calls(UPDATE).await, world.enabled("edited").await), (1, Some(false)));
    world.judge().await;
}

/// Older clusters, and those whose operators have switched the feature off.
#[tokio::test]
async fn an_api_server_that_streams_no_lists_is_listed_in_pages() {
    let world = World::apart_with(Options {
        api_server_args: vec!["--feature-gates=WatchList=false".into()],
        ..Options::default()
    })
    .await;
    let (proxy, start) = world.behind_a_proxy().await;
    let asked = proxy.add(Rule::new(Effect::Delay(Duration::ZERO)).path("sendInitialEvents=true"));
    let operator = start.start().await.unwrap();
    in_sync(&world, &["edited", "deleted"]).await;
    switch_off(&world, "edited").await;
    world.eventually("the edit", async || world.enabled("edited").await.filter(|on| !on)).await;
    proxy.cut_watches();
    world.delete("deleted").await;
    world.flip("deleted", false).await;
    is_left_alone(&world, "deleted").await;
    assert_eq!(
        (proxy.hits(asked), world.calls(UPDATE).await),
        (2, 1),
        "one request for each kind shows whether it streams lists"
    );
    operator.stop_gracefully().await.unwrap();
    world.judge().await;
}
