//! From the CRD before creation, deletion and tags to today's, and back: nothing happens that nobody requested.

use devkit::paths;
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::world::{LIMIT, REGION, World};

const MUTATIONS: [&str; 5] =
    ["CreateProfilingGroup", "DeleteProfilingGroup", "UpdateProfilingGroup", "TagResource", "UntagResource"];

fn read(path: &str) -> String {
    std::fs::read_to_string(paths::workspace().join(path)).unwrap()
}

impl World {
    /// Serves this CRD; returns once the API server keeps `spec.tags`, or no longer does.
    async fn serves(&self, crd: &str, keeps_tags: bool) {
        self.plane.apply(&read(crd)).await.unwrap();
        let probe = json!({
            "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilingGroup", "metadata": { "name": "probe" },
            "spec": { "profilingGroupName": "probe", "profilingEnabled": true, "tags": { "a": "1" } },
        });
        let dry_run = PostParams { dry_run: true, ..PostParams::default() };
        devkit::wait::until("the schema", LIMIT, async || {
            let made = self.groups.create(&dry_run, &serde_json::from_value(probe.clone()).unwrap()).await.ok()?;
            (made.data["spec"]["tags"].is_object() == keeps_tags).then_some(())
        })
        .await
        .unwrap();
    }

    /// Stores the resource as the former operator has left it, for a group that has not changed since.
    async fn stores(&self, mut object: Value) {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        if let Some(enabled) = object["status"]["profilingEnabled"].as_bool() {
            let mut group = object["status"]["profilingStatus"].clone();
            group["profilingEnabled"] = enabled.into();
            self.aws.put_group(REGION, &name, group).await.unwrap();
            let group = self.aws.group(REGION, &name).await.unwrap().unwrap();
            for member in ["createdAt", "updatedAt"] {
                object["status"][member] = group[member].clone();
            }
        }
        self.try_create(&name, object["spec"].clone()).await.unwrap();
        self.patch_status(&name, object["status"].clone()).await;
    }

    async fn mutations(&self) -> usize {
        self.aws.journal().await.unwrap().iter().filter(|entry| MUTATIONS.iter().any(|it| entry.is(it))).count()
    }
}

#[tokio::test]
async fn resources_of_the_former_crd_keep_working_through_an_upgrade_and_the_way_back() {
    let world = World::apart().await;
    world.serves("tests/former/crd.yaml", false).await;
    let objects: Vec<Value> = serde_saphyr::from_multiple(&read("tests/former/objects.yaml")).unwrap();
    for object in objects.iter().filter(|object| !object.is_null()) {
        world.stores(object.clone()).await;
    }

    let operator = world.operator().await.arg("--allowed-facets=create,tags").start().await.unwrap();
    world.lists(2).await;
    assert_eq!((world.status_writes().await, world.mutations().await), (0, 0), "today's operator, the former CRD");
    world.serves("crds/profilinggroups.codeguruprofiler.dev.yaml", true).await;
    world.lists(2).await;
    assert_eq!((world.status_writes().await, world.mutations().await), (0, 0), "today's CRD");
    operator.stop_gracefully().await.unwrap();
    let operator = world.operator().await.arg("--allowed-facets=create,tags").start().await.unwrap();
    world.lists(2).await;
    assert_eq!((world.status_writes().await, world.mutations().await), (0, 0), "a restart");

    world.patch("on", json!({ "spec": { "tags": { "team": "shop" } } })).await;
    world.until("on", "the tags", |object| object["status"]["lastApplied"]["tags"]["team"] == "shop").await;
    world.patch("missing", json!({ "spec": { "creationPolicy": "IfMissing" } })).await;
    world.condition("missing", "Ready", "True", "InSync").await;
    let before = world.mutations().await;

    operator.stop_gracefully().await.unwrap();
    world.serves("tests/former/crd.yaml", false).await;
    let _operator = world.operator().await.start().await.unwrap();
    world.lists(3).await;
    assert_eq!(world.mutations().await, before, "the way back");
    assert_eq!(world.tags("on").await, json!({ "team": "shop" }), "what is no longer managed stays");
    let writes = world.status_writes().await;
    for name in ["on", "off", "drifted", "observed", "missing"] {
        let enabled = world.enabled(name).await.unwrap();
        world
            .patch(
                name,
                json!({ "spec": { "profilingEnabled": !enabled, "driftPolicy": null, "managementPolicy": null } }),
            )
            .await;
        world.condition(name, "Ready", "True", "InSync").await;
        assert_eq!(world.enabled(name).await, Some(!enabled), "{name}");
    }
    assert!(world.status_writes().await <= writes + 5, "one write an edit");
    world.judge().await;
}
