//! Watches Argo CD's Applications, keeps every version, and reports which resources went out of sync without a new commit.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use devkit::{argocd::NAMESPACE, wait};
use futures::StreamExt;
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
    core::GroupVersionKind,
    runtime::watcher::{self, Event, watcher},
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

const LIMIT: Duration = Duration::from_mins(2);
const REFRESH: &str = "argocd.argoproj.io/refresh";

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

    /// Has Argo CD look at git now, as a webhook does, and waits until it has.
    pub async fn refresh(&self, name: &str) {
        let patch = json!({ "metadata": { "annotations": { REFRESH: "normal" } } });
        self.api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
        // Argo CD takes the request away when it has compared.
        let done = || async { (!self.api.get(name).await.unwrap().annotations().contains_key(REFRESH)).then_some(()) };
        wait::until("compared with git", LIMIT, done).await.unwrap();
    }

    /// Waits for a version of this Application that was seen after this time and is like this; when it was seen, and the version.
    pub async fn until(&self, name: &str, since: SystemTime, what: &str, like: impl Fn(&Value) -> bool) -> Version {
        let like = |version: &Value| version["metadata"]["name"] == name && like(version);
        let like = &like;
        let found = wait::until(what, LIMIT, || async {
            let seen = self.seen.lock().unwrap();
            seen.iter().find(|(at, version)| *at >= since && like(version)).cloned()
        })
        .await;
        found.unwrap_or_else(|error| panic!("{error}: {:#}", self.seen.lock().unwrap().last().unwrap().1))
    }

    /// What went out of sync without a new commit, in any version so far.
    pub fn out_of_sync(&self) -> Vec<String> {
        out_of_sync(self.seen.lock().unwrap().iter().map(|(_, version)| version))
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

/// Synced, and at the same commit no longer: nothing but a writer beside git does that. Out of sync all along is Argo CD at work, even for a moment after a sync.
fn out_of_sync<'a>(versions: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let mut last: BTreeMap<String, (&str, &str)> = BTreeMap::new();
    let mut broken = Vec::new();
    for version in versions {
        let revision = text(version, "/status/sync/revision");
        for resource in version["status"]["resources"].as_array().into_iter().flatten() {
            let name = [text(version, "/metadata/name"), text(resource, "/kind"), text(resource, "/name")].join("/");
            let now = (revision, text(resource, "/status"));
            if last.insert(name, now) == Some((revision, "Synced")) && now.1 == "OutOfSync" {
                broken.push(format!("out of sync at {revision}, at which it was synced: {resource}"));
            }
        }
    }
    broken
}

#[test]
fn only_what_no_commit_explains_is_held_against_the_operator() {
    let version = |(revision, synced): &(&str, &str)| {
        json!({ "metadata": { "name": "profiling" }, "status": {
            "sync": { "revision": revision },
            "resources": [{ "kind": "ProfilingGroup", "name": "checkout", "status": synced }],
        } })
    };
    let table: [(&[(&str, &str)], usize); 5] = [
        (&[("1", "OutOfSync"), ("1", "OutOfSync"), ("1", "Synced")], 0),
        (&[("1", "Synced"), ("2", "OutOfSync"), ("2", "Synced")], 0),
        (&[("1", "Synced"), ("1", "OutOfSync")], 1),
        (&[("1", "Synced"), ("1", "OutOfSync"), ("1", "OutOfSync"), ("1", "Synced"), ("1", "OutOfSync")], 2),
        (&[("1", "Synced"), ("1", ""), ("2", "OutOfSync")], 0),
    ];
    for (versions, broken) in table {
        let versions: Vec<_> = versions.iter().map(version).collect();
        assert_eq!(out_of_sync(versions.iter()).len(), broken, "{versions:#?}");
    }
}
