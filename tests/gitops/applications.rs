//! Watches Argo CD's Applications, keeps every version, and says which of them are out of sync without a new commit.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use devkit::{argocd::NAMESPACE, wait};
use futures::StreamExt;
use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
    core::GroupVersionKind,
    runtime::watcher::{self, Event, watcher},
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

const LIMIT: Duration = Duration::from_mins(2);

/// A version, and when it was seen.
type Version = (SystemTime, Value);

pub struct Applications {
    pub api: Api<DynamicObject>,
    seen: Arc<Mutex<Vec<Version>>>,
    task: JoinHandle<()>,
}

impl Applications {
    pub fn watch(client: kube::Client) -> Self {
        let gvk = GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application");
        let api: Api<DynamicObject> = Api::namespaced_with(client, NAMESPACE, &ApiResource::from_gvk(&gvk));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(follow(api.clone(), Arc::clone(&seen)));
        Self { api, seen, task }
    }

    /// Asks Argo CD to look at git now, as a webhook does.
    pub async fn refresh(&self, name: &str) {
        let patch = json!({ "metadata": { "annotations": { "argocd.argoproj.io/refresh": "normal" } } });
        self.api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    /// Waits for a version that was seen after this time and is like this; when it was seen, and the version.
    pub async fn until(&self, since: SystemTime, what: &str, like: impl Fn(&Value) -> bool) -> Version {
        let like = &like;
        let found = wait::until(what, LIMIT, || async {
            let seen = self.seen.lock().unwrap();
            seen.iter().find(|(at, version)| *at >= since && like(version)).cloned()
        })
        .await;
        found.unwrap_or_else(|error| panic!("{error}: {:#}", self.seen.lock().unwrap().last().unwrap().1))
    }

    /// What broke the rule that nothing but a commit makes an Application out of sync, in any version so far.
    pub fn out_of_sync(&self) -> Vec<String> {
        out_of_sync(self.seen.lock().unwrap().iter().map(|(_, version)| version))
    }

    pub fn dump(&self) {
        for (at, v) in self.seen.lock().unwrap().iter() {
            let s = &v["status"];
            let out: Vec<_> = s["resources"].as_array().into_iter().flatten().filter(|r| r["status"] != "Synced").map(|r| format!("{}={}", r["name"], r["status"])).collect();
            eprintln!("DUMP {at:?} {} {:.7} health {} op {} {} {:.7} {} reconciled {} {out:?}", s["sync"]["status"], s["sync"]["revision"].as_str().unwrap_or(""), s["health"]["status"], s["operationState"]["phase"], s["operationState"]["startedAt"], s["operationState"]["operation"]["sync"]["revision"].as_str().unwrap_or(""), s["operationState"]["message"], s["reconciledAt"]);
        }
    }

    pub fn versions(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

impl Drop for Applications {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(api: Api<DynamicObject>, seen: Arc<Mutex<Vec<Version>>>) {
    let mut events = pin!(watcher(api, watcher::Config::default()));
    while let Some(event) = events.next().await {
        if let Ok(Event::Apply(object) | Event::InitApply(object)) = event {
            seen.lock().unwrap().push((SystemTime::now(), serde_json::to_value(&object).unwrap()));
        }
    }
}

/// Whether all of this commit is there, in this health.
pub fn is(version: &Value, revision: &str, health: &str) -> bool {
    let status = &version["status"];
    let done = status["operationState"]["phase"] != "Running";
    done && status["sync"]["status"] == "Synced"
        && status["sync"]["revision"] == revision
        && status["health"]["status"] == health
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn out_of_sync<'a>(versions: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let mut broken = Vec::new();
    let mut operations: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for version in versions.filter(|version| version["metadata"]["deletionTimestamp"].is_null()) {
        let status = &version["status"];
        let synced = status["history"].as_array().and_then(|all| all.last()).map_or("", |last| text(last, "/revision"));
        let (revision, finished) = (text(status, "/sync/revision"), text(status, "/operationState/finishedAt"));
        // Both have whole seconds: what was compared in the second in which a sync ended may be from before it.
        let compared_since = !finished.is_empty() && text(status, "/reconciledAt") > finished;
        if text(status, "/sync/status") == "OutOfSync" && revision == synced && compared_since {
            broken.push(format!("out of sync at {revision}, which was synced: {}", status["resources"]));
        }
        let started = text(status, "/operationState/startedAt");
        if !started.is_empty() {
            let of = text(status, "/operationState/operation/sync/revision");
            let of = format!("{} {of}", text(version, "/metadata/name"));
            operations.entry(of).or_default().insert(started.to_owned());
        }
    }
    let twice = operations.iter().filter(|(_, times)| times.len() > 1);
    broken.extend(twice.map(|(of, times)| format!("{of} was synced more than once: {times:?}")));
    broken
}

#[test]
fn only_what_no_commit_explains_is_held_against_the_operator() {
    let version = |status: &str, revision: &str, synced: &str, reconciled: &str, started: &str| {
        json!({ "metadata": { "name": "a" }, "status": {
            "sync": { "status": status, "revision": revision }, "history": [{ "revision": synced }],
            "reconciledAt": reconciled,
            "operationState": { "startedAt": started, "finishedAt": "10:00:05", "operation": { "sync": { "revision": synced } } },
        } })
    };
    let table = [
        (vec![version("Synced", "1", "1", "10:00:09", "10:00:01")], 0),
        (vec![version("OutOfSync", "2", "1", "10:00:09", "10:00:01")], 0),
        (vec![version("OutOfSync", "1", "1", "10:00:05", "10:00:01")], 0),
        (vec![version("OutOfSync", "1", "1", "10:00:09", "10:00:01")], 1),
        (
            vec![
                version("Synced", "1", "1", "10:00:09", "10:00:01"),
                version("Synced", "1", "1", "10:00:19", "10:00:11"),
            ],
            1,
        ),
        (
            vec![
                version("Synced", "1", "1", "10:00:09", "10:00:01"),
                version("Synced", "2", "2", "10:00:19", "10:00:11"),
            ],
            0,
        ),
    ];
    for (versions, broken) in table {
        assert_eq!(out_of_sync(versions.iter()).len(), broken, "{versions:#?}");
    }
}
