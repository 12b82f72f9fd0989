//! The end of a story: everything follows its spec, and nothing more is written.

use kube::{ResourceExt, api::ListParams};

use crate::{record::UPDATE, world::World};

/// Waits until every resource is in sync and AWS is as they report it, and checks that further Lists cost no write.
pub async fn comes_to_rest(world: &World) {
    for group in world.groups.list(&ListParams::default()).await.unwrap() {
        let (name, spec) = (group.name_any(), &group.data["spec"]);
        let (wanted, group) = (spec["profilingEnabled"].as_bool(), spec["profilingGroupName"].as_str().unwrap());
        let what = format!("AWS is as {name} reports");
        world.eventually(&what, async || (world.enabled(group).await == wanted).then_some(())).await;
        world.condition(&name, "Ready", "True", "InSync").await;
    }
    // What was under way is recorded: an event follows its status.
    world.lists(1).await;
    let before = (world.calls(UPDATE).await, versions(world).await);
    world.lists(2).await;
    assert_eq!((world.calls(UPDATE).await, versions(world).await), before, "writes at rest");
}

async fn versions(world: &World) -> Vec<Option<String>> {
    let groups = world.groups.list(&ListParams::default()).await.unwrap();
    groups.iter().map(ResourceExt::resource_version).collect()
}
