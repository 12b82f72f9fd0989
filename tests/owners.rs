//! Several operators on one AWS account: each leaves the groups alone that another one has marked.

use devkit::operator::Operator;
use serde_json::{Value, json};

use crate::world::{REGION, SECRET, World, condition, correction, message};

const MARK: &str = "TagResource";
const UNMARK: &str = "UntagResource";
const READ: &str = "ListTagsForResource";
const UPDATE: &str = "UpdateProfilingGroup";
const ID: &str = "codeguruprofiler.dev/owner-id";
const RESOURCE: &str = "codeguruprofiler.dev/owner-resource";

/// The operator of `here`, on the AWS account of `aws`.
async fn operator(here: &World, aws: &World, flags: &[&str]) -> Operator {
    let start = here.operator_without_aws(&here.kubeconfig().await).aws(&aws.emulator, &aws.aws);
    let start = start.env("AWS_SECRET_ACCESS_KEY", SECRET);
    flags.iter().fold(start, |start, flag| start.arg(flag)).start().await.unwrap()
}

impl World {
    fn mark(&self, owner: &str, name: &str) -> Value {
        json!({ ID: owner, RESOURCE: format!("{}/{name}", self.namespace) })
    }

    async fn put(&self, group: &str, enabled: bool, tags: Value) {
        self.aws.put_group(REGION, group, json!({ "profilingEnabled": enabled, "tags": tags })).await.unwrap();
    }

    async fn has_tags(&self, group: &str, expected: Value) {
        self.eventually(&format!("{expected}"), async || (self.tags(group).await == expected).then_some(())).await;
    }

    /// Marks, removals of marks, and Updates.
    async fn changes(&self) -> [usize; 3] {
        [self.calls(MARK).await, self.calls(UNMARK).await, self.calls(UPDATE).await]
    }
}

#[tokio::test]
async fn a_group_is_marked_read_again_and_then_changed_and_unmarked_when_its_resource_goes() {
    let world = World::new().await;
    world.put("a", false, json!({ "team": "shop" })).await;
    let _operator = operator(&world, &world, &["--owner-id=here"]).await;
    world.create("a", true, json!({})).await;
    let status = world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!((&status["managed"]["owner"]["id"], &status["drift"]), (&json!("here"), &Value::Null));
    let journal = world.aws.journal().await.unwrap();
    let calls: Vec<_> = [MARK, READ, UPDATE].map(|call| journal.iter().position(|entry| entry.is(call))).into();
    assert!(calls.is_sorted() && calls[0].is_some(), "{calls:?}");
    let mut tags = world.mark("here", "a");
    tags["team"] = json!("shop");
    assert_eq!(world.tags("a").await, tags);
    world.has_event("a", "Updated").await;
    world.lists(2).await;
    assert_eq!((world.changes().await, world.calls(READ).await), ([1, 0, 1], 1));

    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.eventually("the edit", async || world.enabled("a").await.filter(|on| !on)).await;
    world.delete("a").await;
    world.has_tags("a", json!({ "team": "shop" })).await;
    assert_eq!(world.changes().await, [1, 1, 2]);
    world.judge().await;
}

#[tokio::test]
async fn a_group_of_another_operator_is_left_alone_until_that_lets_it_go() {
    let (one, other) = (World::new().await, World::new().await);
    one.put("a", false, json!({})).await;
    let _one = operator(&one, &one, &["--owner-id=one"]).await;
    one.create("a", true, json!({})).await;
    one.condition("a", "Ready", "True", "InSync").await;
    let _other = operator(&other, &one, &["--owner-id=other"]).await;
    other.create("a", false, json!({ "deletionPolicy": "Retain" })).await;
    let status = other.condition("a", "Stalled", "True", "OwnedByAnother").await;
    let message = message(&status, "Ready");
    let resource = format!("owner ID one (resource {}/a)", one.namespace);
    assert!(message.contains(&resource) && message.contains("--take-over-from=one"), "{message}");
    other.patch("a", json!({ "spec": { "profilingEnabled": true } })).await;
    other.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    one.lists(3).await;
    assert_eq!(one.changes().await, [1, 0, 1]);

    one.delete("a").await;
    other.condition("a", "Ready", "True", "InSync").await;
    assert_eq!((one.enabled("a").await, one.tags("a").await), (Some(false), other.mark("other", "a")));
    assert_eq!(one.changes().await, [2, 1, 2]);
    one.judge().await;
    other.judge().await;
}

/// AWS has no conditional write of tags: the last mark counts, and the other operator sees it.
#[tokio::test]
async fn two_clusters_that_adopt_the_same_groups_at_the_same_time_settle() {
    const GROUPS: usize = 8;
    let (one, other) = (World::new().await, World::apart().await);
    for name in (0..GROUPS).map(|n| format!("g{n}")) {
        one.put(&name, false, json!({})).await;
    }
    one.aws.fault(json!({ "operation": MARK, "delayMs": 300, "effect": { "type": "delay" } })).await.unwrap();
    let _one = operator(&one, &one, &["--owner-id=one"]).await;
    let _other = operator(&other, &one, &["--owner-id=other"]).await;
    for name in (0..GROUPS).map(|n| format!("g{n}")) {
        let (here, there) = (one.create(&name, true, json!({})), other.create(&name, false, json!({})));
        futures::future::join(here, there).await;
    }
    let is = async |world: &World, name: &str, reason: &str| {
        condition(&world.status(name).await, "Ready")["reason"] == reason
    };
    for name in (0..GROUPS).map(|n| format!("g{n}")) {
        one.eventually(&format!("one owner of {name}"), async || {
            let (tags, enabled) = (one.tags(&name).await, one.enabled(&name).await);
            let (owner, loser) = if tags == one.mark("one", &name) { (&one, &other) } else { (&other, &one) };
            let settled = is(owner, &name, "InSync").await && is(loser, &name, "OwnedByAnother").await;
            // The loser may have written before it saw that.
            let requested = owner.get(&name).await["spec"]["profilingEnabled"].as_bool();
            (settled && enabled == requested).then_some(())
        })
        .await;
    }
    let before = one.changes().await;
    one.lists(4).await;
    assert_eq!(one.changes().await, before, "nobody fights");
    for name in (0..GROUPS).map(|n| format!("g{n}")) {
        assert!(one.calls_for(MARK, &name).await <= 2 && one.calls_for(UPDATE, &name).await <= 2, "{name}");
    }
    one.judge().await;
    other.judge().await;
}

#[tokio::test]
async fn a_group_is_handed_over_once() {
    let (former, new) = (World::new().await, World::new().await);
    former.put("a", false, json!({})).await;
    let running = operator(&former, &former, &["--owner-id=former"]).await;
    former.create("a", true, json!({})).await;
    former.condition("a", "Ready", "True", "InSync").await;
    let _new = operator(&new, &former, &["--owner-id=new", "--take-over-from=former"]).await;
    new.create("a", false, json!({ "driftPolicy": "Report" })).await;
    let status = new.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(status["managed"]["owner"]["takenOverFrom"], "former");
    former.condition("a", "Stalled", "True", "OwnedByAnother").await;
    assert_eq!((former.enabled("a").await, former.tags("a").await), (Some(false), new.mark("new", "a")));
    running.stop_gracefully().await.unwrap();

    // Each takes over once: there is an end.
    let _former = operator(&former, &former, &["--owner-id=former", "--take-over-from=new"]).await;
    former.condition("a", "Ready", "True", "InSync").await;
    let status = new.condition("a", "Stalled", "True", "OwnedByAnother").await;
    let message = message(&status, "Ready");
    assert!(message.contains("remove the tag codeguruprofiler.dev/owner-id"), "{message}");
    let before = former.changes().await;
    former.lists(3).await;
    assert_eq!(former.changes().await, before);

    former.delete("a").await;
    former.has_tags("a", json!({})).await;
    // A mark that was removed is drift, which this resource reports; an edit needs it.
    new.condition("a", "Ready", "True", "DriftReported").await;
    new.patch("a", json!({ "spec": { "profilingEnabled": true, "driftPolicy": "Correct" } })).await;
    new.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(former.tags("a").await, new.mark("new", "a"));
    former.judge().await;
    new.judge().await;
}

/// What AWS omits is unknown: it is read before a group is marked.
#[tokio::test]
async fn a_mark_that_lists_leave_out_is_read_before_anything_is_written() {
    for thin in ["noTags", "noEmptyTags", "bare"] {
        let world = World::new().await;
        world.aws.settings(REGION, json!({ "thinList": thin })).await.unwrap();
        world.put("free", false, json!({})).await;
        world.put("theirs", false, json!({ ID: "them" })).await;
        let _operator = operator(&world, &world, &["--owner-id=here"]).await;
        world.create("theirs", true, json!({})).await;
        world.create("free", true, json!({})).await;
        world.condition("free", "Ready", "True", "InSync").await;
        world.condition("theirs", "Stalled", "True", "OwnedByAnother").await;
        world.lists(2).await;
        assert_eq!(world.changes().await, [1, 0, 1], "{thin}");
        assert_eq!((world.tags("free").await, world.enabled("free").await), (world.mark("here", "free"), Some(true)));
        world.judge().await;
    }
}

#[tokio::test]
async fn an_edit_that_was_made_while_the_operator_was_away_waits_for_the_mark() {
    let world = World::new().await;
    for name in ["kept", "lost"] {
        world.put(name, false, json!({})).await;
    }
    let running = operator(&world, &world, &["--owner-id=here"]).await;
    for name in ["kept", "lost"] {
        world.create(name, true, json!({})).await;
        world.condition(name, "Ready", "True", "InSync").await;
    }
    running.stop_gracefully().await.unwrap();
    world.put("lost", true, json!({ ID: "them", RESOURCE: "their/resource" })).await;
    let before = world.changes().await;
    for name in ["kept", "lost"] {
        world.patch(name, json!({ "spec": { "profilingEnabled": false } })).await;
    }
    let _operator = operator(&world, &world, &["--owner-id=here"]).await;
    world.condition("kept", "Ready", "True", "InSync").await;
    world.condition("lost", "Stalled", "True", "OwnedByAnother").await;
    assert_eq!((world.enabled("kept").await, world.enabled("lost").await), (Some(false), Some(true)));
    assert_eq!(world.changes().await, [before[0], before[1], before[2] + 1]);
    world.judge().await;
}

#[tokio::test]
async fn a_mark_that_was_left_does_not_keep_the_same_operator_from_the_group() {
    let world = World::new().await;
    world.put("a", false, json!({})).await;
    let running = operator(&world, &world, &["--owner-id=here"]).await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    running.stop_gracefully().await.unwrap();
    world.delete("a").await;
    assert_eq!(world.tags("a").await, world.mark("here", "a"));

    let _operator = operator(&world, &world, &["--owner-id=here"]).await;
    world.try_create("b", json!({ "profilingGroupName": "a", "profilingEnabled": false })).await.unwrap();
    world.condition("b", "Ready", "True", "InSync").await;
    assert_eq!((world.enabled("a").await, world.tags("a").await), (Some(false), world.mark("here", "b")));
    world.judge().await;
}

#[tokio::test]
async fn a_group_that_is_created_is_marked_by_the_same_call() {
    let world = World::new().await;
    world.allow_finalizers().await;
    let _operator = operator(&world, &world, &["--owner-id=here", "--allowed-facets=create,delete,tags"]).await;
    let owned = json!({ "creationPolicy": "IfMissing", "deletionPolicy": "Delete" });
    world.create("a", true, owned.clone()).await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.tags("a").await, world.mark("here", "a"));
    let mut tagged = owned;
    tagged["tags"] = json!({ "team": "shop" });
    world.create("b", true, tagged).await;
    let status = world.condition("b", "Ready", "True", "InSync").await;
    let mut tags = world.mark("here", "b");
    tags["team"] = json!("shop");
    assert_eq!((world.tags("b").await, &status["lastApplied"]["tags"]), (tags, &json!({ "team": "shop" })));
    for name in ["a", "b"] {
        world.delete(name).await;
        assert_eq!(world.aws.group(REGION, name).await.unwrap(), None);
    }
    assert_eq!(world.changes().await, [0, 0, 0]);
    world.judge().await;
}

#[tokio::test]
async fn a_mark_that_others_remove_is_drift() {
    let world = World::new().await;
    world.put("a", true, json!({})).await;
    let _operator = operator(&world, &world, &["--owner-id=here"]).await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.put("a", true, json!({})).await;
    let status = world.until("a", "a correction", |o| o["status"]["drift"]["corrections"] == 1).await;
    let desired = format!("here {}/a", world.namespace);
    assert_eq!(correction(&status), ["owner", "none none", &desired]);
    world.has_tags("a", world.mark("here", "a")).await;
    world.has_event("a", "DriftCorrected").await;
    world.judge().await;
}

#[tokio::test]
async fn where_marking_is_denied_nothing_is_written_and_the_action_is_named() {
    let world = World::new().await;
    world.put("a", false, json!({})).await;
    let all = json!({ "effect": "allow", "action": "codeguru-profiler:*" });
    let deny = json!({ "effect": "deny", "action": "codeguru-profiler:TagResource" });
    world.aws.rules(&[all.clone(), deny]).await.unwrap();
    let _operator = operator(&world, &world, &["--owner-id=here"]).await;
    world.create("a", true, json!({})).await;
    let status = world.condition("a", "Stalled", "True", "AccessDenied").await;
    let message = message(&status, "Ready");
    assert!(message.contains("codeguru-profiler:TagResource"), "{message}");
    assert_eq!((world.enabled("a").await, world.calls(UPDATE).await), (Some(false), 0));

    world
        .aws
        .rules(&[all.clone(), json!({ "effect": "deny", "action": "codeguru-profiler:UntagResource" })])
        .await
        .unwrap();
    world.request("a", "now").await;
    world.condition("a", "Ready", "True", "InSync").await;
    // A mark that can't be removed holds no resource.
    world.delete("a").await;
    world.eventually("the call", async || (world.calls(UNMARK).await == 1).then_some(())).await;
    assert_eq!(world.tags("a").await, world.mark("here", "a"));
    world.judge().await;
}

#[tokio::test]
async fn a_resource_that_observes_or_is_suspended_changes_no_mark() {
    let world = World::new().await;
    for (name, tags) in [("observing", json!({})), ("suspended", json!({})), ("theirs", json!({ ID: "them" }))] {
        world.put(name, false, tags).await;
    }
    let _operator = operator(&world, &world, &["--owner-id=here"]).await;
    world.create("observing", true, json!({ "managementPolicy": "Observe" })).await;
    world.create("theirs", true, json!({ "managementPolicy": "Observe" })).await;
    world.create("suspended", true, json!({})).await;
    world.condition("observing", "Ready", "True", "Observed").await;
    world.condition("theirs", "Ready", "True", "Observed").await;
    world.condition("suspended", "Ready", "True", "InSync").await;
    let before = world.changes().await;
    world.patch("suspended", json!({ "spec": { "suspend": true } })).await;
    world.condition("suspended", "Ready", "True", "Suspended").await;
    for name in ["observing", "suspended", "theirs"] {
        world.delete(name).await;
    }
    world.create("last", true, json!({ "profilingGroupName": "theirs", "managementPolicy": "Observe" })).await;
    world.condition("last", "Ready", "True", "Observed").await;
    world.lists(1).await;
    assert_eq!((world.changes().await, world.tags("suspended").await), (before, world.mark("here", "suspended")));
    world.judge().await;
}

#[tokio::test]
async fn at_the_end_a_group_of_another_operator_is_left_as_it_is() {
    let world = World::new().await;
    world.allow_finalizers().await;
    world.put("a", true, json!({})).await;
    let _operator = operator(&world, &world, &["--owner-id=here", "--allowed-facets=restore"]).await;
    world.create("a", true, json!({ "deletionPolicy": "Disable" })).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.put("a", true, json!({ ID: "them" })).await;
    world.condition("a", "Stalled", "True", "OwnedByAnother").await;
    world.delete("a").await;
    let note = world.has_event("a", "Retained").await;
    assert!(note.contains("belongs to another operator"), "{note}");
    assert_eq!((world.enabled("a").await, world.tags("a").await), (Some(true), json!({ ID: "them" })));
    world.judge().await;
}
