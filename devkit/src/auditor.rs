//! Watches every ProfilingGroup beside a story, and judges every version that was stored.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::watcher::{self, Event, watcher};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::flux;
use crate::kstatus::{self, Status, text};
use crate::{Error, wait};

const CATCH_UP_LIMIT: Duration = Duration::from_secs(15);

/// A rule that a stored version broke.
#[derive(Debug, Clone)]
pub struct Violation {
    /// The namespace of the object.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The rule, in Flux's words.
    pub rule: String,
    /// The version that broke it.
    pub object: Value,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, name, rule, object } = self;
        let (generation, status) = (&object["metadata"]["generation"], &object["status"]);
        write!(f, "{namespace}/{name} breaks a rule of Flux: {rule}; metadata.generation {generation}, status {status}")
    }
}

/// A watch that runs until it is dropped.
#[derive(Debug)]
pub struct Auditor {
    api: Api<DynamicObject>,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

type Key = (String, String);

#[derive(Debug, Default)]
struct Seen {
    versions: BTreeMap<Key, Vec<Value>>,
    gone: BTreeSet<Key>,
}

/// How a ProfilingGroup is served.
#[must_use]
pub fn profiling_groups() -> ApiResource {
    let gvk = GroupVersionKind::gvk("codeguruprofiler.dev", "v1alpha1", "ProfilingGroup");
    ApiResource::from_gvk_with_plural(&gvk, "profilinggroups")
}

impl Auditor {
    /// Watches one namespace from now on, on the caller's runtime. The kind must be served.
    pub async fn start_in(client: kube::Client, namespace: &str) -> Result<Self, Error> {
        // Before anything is measured or waited for: a first build keeps the machine busy.
        flux::MODULE.built().await?;
        let api = Api::namespaced_with(client, namespace, &profiling_groups());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let task = tokio::spawn(follow(api.clone(), Arc::clone(&seen)));
        Ok(Self { api, seen, task })
    }

    /// Every version of one object that was seen, the oldest first.
    #[must_use]
    pub fn versions(&self, namespace: &str, name: &str) -> Vec<Value> {
        self.seen().versions.get(&(namespace.to_owned(), name.to_owned())).cloned().unwrap_or_default()
    }

    /// Every version of every object that was seen.
    #[must_use]
    pub fn all_versions(&self) -> Vec<Value> {
        self.seen().versions.values().flatten().cloned().collect()
    }

    /// How many objects are like this in the last version that was seen, those that are gone left out.
    #[must_use]
    pub fn count(&self, like: impl Fn(&Value) -> bool) -> usize {
        let seen = self.seen();
        let there = seen.versions.iter().filter(|(key, _)| !seen.gone.contains(*key));
        there.filter_map(|(_, versions)| versions.last()).filter(|object| like(object)).count()
    }

    /// What kstatus computed for one object, one version after the other, without repetitions.
    #[must_use]
    pub fn words(&self, namespace: &str, name: &str) -> Vec<Status> {
        let mut words: Vec<_> =
            self.versions(namespace, name).iter().map(|object| kstatus::compute(object).0).collect();
        words.dedup();
        words
    }

    /// All of Flux's rules that were broken, as reported by Flux itself.
    ///
    /// Guarantee: every version stored before the call has been judged.
    pub async fn final_check(&self) -> Result<Vec<Violation>, Error> {
        let stored = self.api.list(&ListParams::default()).await.map_err(Error::kube("list the profiling groups"))?;
        let stored: Vec<(Key, String)> = stored
            .items
            .iter()
            .map(|object| (key(object), object.metadata.resource_version.clone().unwrap_or_default()))
            .collect();
        wait::until("the watch has caught up", CATCH_UP_LIMIT, || async {
            let seen = self.seen();
            let has = |(key, version): &(Key, String)| {
                let versions = seen.versions.get(key).map_or(&[][..], Vec::as_slice);
                versions.iter().any(|object| object["metadata"]["resourceVersion"] == version.as_str())
            };
            stored.iter().all(has).then_some(())
        })
        .await?;
        let versions = self.all_versions();
        let documents: Vec<String> = versions.iter().map(Value::to_string).collect();
        let verdicts = flux::judge(&documents).await?;
        let broken = versions.iter().zip(&verdicts).flat_map(|(object, verdict)| {
            let rules = flux::Stage::of(object).map_or(&[][..], |stage| verdict.broken(stage));
            rules.iter().map(|rule| violation(rule, object))
        });
        Ok(broken.collect())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Auditor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(api: Api<DynamicObject>, seen: Arc<Mutex<Seen>>) {
    let mut events = pin!(watcher(api, watcher::Config::default()));
    while let Some(event) = events.next().await {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => seen.record(&object),
            Ok(Event::Delete(object)) => {
                seen.gone.insert(key(&object));
            }
            // The watcher tries again by itself, as it must while a story takes the API server away.
            Ok(Event::Init | Event::InitDone) | Err(_) => {}
        }
    }
}

impl Seen {
    fn record(&mut self, object: &DynamicObject) {
        let Ok(value) = serde_json::to_value(object) else { return };
        let key = key(object);
        self.gone.remove(&key);
        let versions = self.versions.entry(key).or_default();
        // A watch that starts again shows what was seen before.
        if versions
            .last()
            .is_some_and(|last| last["metadata"]["resourceVersion"] == value["metadata"]["resourceVersion"])
        {
            return;
        }
        versions.push(value);
    }
}

fn key(object: &DynamicObject) -> Key {
    let metadata = &object.metadata;
    (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
}

fn violation(rule: &str, object: &Value) -> Violation {
    let [namespace, name] = ["namespace", "name"].map(|member| text(&object["metadata"], member).to_owned());
    Violation { namespace, name, rule: rule.to_owned(), object: object.clone() }
}
