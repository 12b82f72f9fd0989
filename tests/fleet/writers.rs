//! Five others write to the same objects all the time: nothing of theirs is lost, and nobody waits for anybody.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    time::{Duration, Instant},
};

use k8s_openapi::jiff::SignedDuration;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::{
    replicas::Fleet,
    rest::comes_to_rest,
    world::{REGION, World, condition},
};

const OBJECTS: usize = 20;
const WRITE_FOR: Duration = Duration::from_secs(10);
/// How often one status is tried in a row when someone else is faster.
const TRIES: usize = 3;
/// The shortest pause after that. An edit does not wait for its end.
const PAUSE: SignedDuration = SignedDuration::from_millis(750);
const CHECKED: &str = "example.com/Checked";

/// The last value that the API server has accepted from each writer, for each object.
type Accepted = RefCell<BTreeMap<(&'static str, String), String>>;

#[tokio::test]
async fn what_five_others_write_at_the_same_time_survives_and_no_status_is_tried_more_than_three_times_without_a_pause()
{
    let world = World::new().await;
    world.aws.seed(REGION, OBJECTS, "g", true).await.unwrap();
    let names: Vec<_> = (0..OBJECTS).map(|i| format!("g-{i:05}")).collect();
    apply(&world, &names, 0).await;
    let fleet = Fleet::new(&world);
    let (leader, _standby) = fleet.pair().await;
    for name in &names {
        world.condition(name, "Ready", "True", "InSync").await;
    }
    let accepted = Accepted::default();
    let end = Instant::now() + WRITE_FOR;
    let rounds = tokio::join!(
        rounds(end, async |round| {
            apply(&world, &names, round).await;
            keep(&accepted, "applied", &names, round);
        }),
        each(end, &names, async |name, round| {
            force(&world, name, round).await;
            keep(&accepted, "forced", &[name.to_owned()], round);
        }),
        each(end, &names, async |name, round| {
            world.patch(name, json!({ "metadata": { "labels": { "churn": round.to_string() } } })).await;
            keep(&accepted, "churn", &[name.to_owned()], round);
        }),
        rounds(end, async |round| {
            for name in replace_stale(&world, &names, round).await {
                keep(&accepted, "replaced", &[name], round);
            }
        }),
        each(end, &names, async |name, round| {
            if check(&world, name, round).await {
                keep(&accepted, "checked", &[name.to_owned()], round);
            }
        }),
    );
    println!("rounds of the five writers: {rounds:?}");
    comes_to_rest(&world).await;

    for ((writer, name), value) in accepted.take() {
        let object = world.get(&name).await;
        let found = match writer {
            "applied" | "churn" => object["metadata"]["labels"][writer].clone(),
            "forced" | "replaced" => object["metadata"]["annotations"][writer].clone(),
            _ => condition(&object["status"], CHECKED)["message"].clone(),
        };
        assert_eq!(found, json!(value), "{name}: what {writer} wrote last");
    }
    let statuses = world.audit_of(&leader.user).await.subresource("status");
    let edits = world.audit_of("admin").await.only(|event| event.user_agent.starts_with("kubectl"));
    let mut conflicts = 0;
    for name in &names {
        let tries = statuses.name(name).events;
        conflicts += tries.iter().filter(|event| event.code == 409).count();
        let edits: Vec<_> = edits.name(name).events.iter().map(|event| event.received_at).collect();
        assert!(!edits.is_empty(), "kubectl edits {name}");
        for row in
            tries.chunk_by(|one, next| one.code == 409 && next.received_at.duration_since(one.received_at) < PAUSE)
        {
            let meanwhile = row[0].received_at - PAUSE..row[row.len() - 1].received_at;
            let edits = edits.iter().filter(|at| meanwhile.contains(at)).count();
            assert!(row.len() <= TRIES * (1 + edits), "{name}, {edits} edits meanwhile: {row:#?}");
        }
    }
    println!("{} status writes, {conflicts} conflicts", statuses.count());
    // Theirs is of an older generation than the edits that follow it.
    world.judge_all_but(|rule| rule.ends_with(&format!("[{CHECKED}]"))).await;
}

fn keep(accepted: &Accepted, writer: &'static str, names: &[String], round: usize) {
    let values = names.iter().map(|name| ((writer, name.clone()), round.to_string()));
    accepted.borrow_mut().extend(values);
}

/// Does something again and again until the end; answers how often.
async fn rounds(end: Instant, write: impl AsyncFn(usize)) -> usize {
    let mut round = 0;
    while Instant::now() < end {
        round += 1;
        write(round).await;
    }
    round
}

async fn each(end: Instant, names: &[String], write: impl AsyncFn(&str, usize)) -> usize {
    rounds(end, async |round| {
        for name in names {
            write(name, round).await;
        }
    })
    .await
}

/// `kubectl apply` of all of them, which turns their switches.
async fn apply(world: &World, names: &[String], round: usize) {
    let object = |name: &String| {
        json!({
            "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilingGroup",
            "metadata": { "name": name, "namespace": world.namespace, "labels": { "applied": round.to_string() } },
            "spec": { "profilingGroupName": name, "profilingEnabled": round.is_multiple_of(2) },
        })
    };
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": names.iter().map(object).collect::<Vec<Value>>() });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), list.to_string()).unwrap();
    let output = world.plane.kubectl(&["apply", "--filename", file.path().to_str().unwrap()]).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Server-side apply with force.
async fn force(world: &World, name: &str, round: usize) {
    let patch = json!({
        "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilingGroup",
        "metadata": { "annotations": { "forced": round.to_string() } },
    });
    let params = PatchParams::apply("forcer").force();
    world.groups.patch(name, &params, &Patch::Apply(patch)).await.unwrap();
}

/// Reads all of them, and replaces each by what was read: most come too late. Answers those that did not.
async fn replace_stale(world: &World, names: &[String], round: usize) -> Vec<String> {
    let mut read = Vec::new();
    for name in names {
        read.push(world.groups.get(name).await.unwrap());
    }
    let mut replaced = Vec::new();
    for (name, mut object) in names.iter().zip(read) {
        object.metadata.managed_fields = None;
        object.metadata.annotations.get_or_insert_default().insert("replaced".to_owned(), round.to_string());
        match world.groups.replace(name, &PostParams::default(), &object).await {
            Ok(_) => replaced.push(name.clone()),
            Err(kube::Error::Api(status)) if status.is_conflict() => {}
            Err(error) => panic!("{error}"),
        }
    }
    replaced
}

/// Puts a condition of one's own beside the operator's; false where someone else was faster.
async fn check(world: &World, name: &str, round: usize) -> bool {
    let object = world.get(name).await;
    let mut conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.retain(|condition| condition["type"] != CHECKED);
    conditions.push(json!({
        "type": CHECKED, "status": "True", "reason": "Yes", "message": round.to_string(),
        "observedGeneration": object["metadata"]["generation"], "lastTransitionTime": "2026-06-01T00:00:00Z",
    }));
    let version = &object["metadata"]["resourceVersion"];
    let patch = json!({ "metadata": { "resourceVersion": version }, "status": { "conditions": conditions } });
    match world.groups.patch_status(name, &PatchParams::default(), &Patch::Merge(patch)).await {
        Ok(_) => true,
        Err(kube::Error::Api(status)) if status.is_conflict() => false,
        Err(error) => panic!("{error}"),
    }
}
