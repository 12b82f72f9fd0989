//! Watches Argo CD's Applications, keeps every version, and says which of them are out of sync without a new commit.

use std::{
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

/// Only ProfilingGroups count: right after a sync, Argo CD itself may not know yet that a resource that it made is there.
fn out_of_sync<'a>(versions: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let broken = |version: &'a Value| {
        let status = &version["status"];
        let last = status["history"].as_array()?.last()?;
        let (revision, finished) = (text(last, "/revision"), text(status, "/operationState/finishedAt"));
        // Both have whole seconds: what was compared in the second in which a sync ended may be from before it.
        let started = text(status, "/operationState/startedAt");
        let from_before = if finished.is_empty() {
            // The history has this very sync already, which is about to end.
            !started.is_empty() && started <= text(last, "/deployStartedAt")
        } else {
            text(status, "/reconciledAt") <= finished
        };
        let deleted = !version["metadata"]["deletionTimestamp"].is_null();
        if deleted || from_before || text(status, "/sync/revision") != revision {
            return None;
        }
        let resources = status["resources"].as_array()?.iter();
        let mut ours = resources.filter(|resource| resource["kind"] == "ProfilingGroup");
        let resource = ours.find(|resource| resource["status"] == "OutOfSync")?;
        Some(format!("out of sync at {revision}, which was synced: {resource}"))
    };
    versions.filter_map(broken).collect()
}

#[test]
fn only_what_no_commit_explains_is_held_against_the_operator() {
    let version = |kind: &str, revision: &str, synced: &str, reconciled: &str, finished: Option<&str>| {
        json!({ "metadata": {}, "status": {
            "sync": { "revision": revision }, "history": [{ "revision": synced }], "reconciledAt": reconciled,
            "operationState": { "finishedAt": finished }, "resources": [{ "kind": kind, "status": "OutOfSync" }],
        } })
    };
    let (ours, before, after) = ("ProfilingGroup", Some("10:00:05"), "10:00:09");
    let table = [
        (version(ours, "1", "1", after, before), 1),
        (version(ours, "1", "1", after, None), 1),
        (version(ours, "1", "1", "10:00:05", before), 0),
        (version(ours, "2", "1", after, before), 0),
        (version("ConfigMap", "1", "1", after, before), 0),
    ];
    for (version, broken) in table {
        assert_eq!(out_of_sync([&version].into_iter()).len(), broken, "{version:#}");
    }
}
