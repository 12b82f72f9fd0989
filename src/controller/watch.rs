//! Joins the watches of several namespaces: complete when each has listed or is refused. Each lists again alone.

pub mod pauses;
pub mod refusal;

use std::{collections::BTreeSet, fmt::Debug, iter, mem};

use futures::{Stream, StreamExt, future::ready, stream};
use kube::{
    Api, Client, Resource,
    core::Status,
    runtime::watcher::{self, Event},
};
use serde::de::DeserializeOwned;

use self::{pauses::with_pauses, refusal::Refusal};
use super::memory::{key::Key, raw::RawProfilingGroup};
use crate::{
    domain::moment::Moment,
    process::{error_chain::error_chain, system::System},
};

/// What the watch reports.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are objects")]
pub enum Watched {
    /// An object was created, changed, or listed.
    Applied(RawProfilingGroup),
    /// An object is gone.
    Deleted(Key),
    /// A namespace was listed, or all when it is empty.
    Listed {
        /// The namespace.
        namespace: String,
        /// All objects that are there.
        keys: BTreeSet<Key>,
    },
    /// Every namespace has listed, or may not be listed.
    Complete,
    /// A namespace is refused; it joins when it can be listed.
    Refused {
        /// The namespace; empty for all.
        namespace: String,
        /// The API server's message.
        detail: String,
    },
}

/// Watches the resource in these namespaces, or in all when there are none. Failures are logged and retried for ever.
pub fn merged_watch(
    client: &Client,
    namespaces: &[String],
    system: &System,
) -> impl Stream<Item = Watched> + Send + use<> {
    let sources: Vec<(String, Api<RawProfilingGroup>)> = match namespaces {
        [] => vec![(String::new(), Api::all(client.clone()))],
        some => some.iter().map(|namespace| (namespace.clone(), Api::namespaced(client.clone(), namespace))).collect(),
    };
    let mut merge = Merge::new(sources.iter().map(|(namespace, _)| namespace.clone()).collect());
    let watches = sources.into_iter().enumerate().map(|(source, (_, api))| {
        with_pauses(listed_and_watched(api).boxed(), system.clone()).map(move |event| (source, event)).boxed()
    });
    let clock = system.clone();
    stream::select_all(watches).flat_map(move |(source, event)| {
        let now = Moment::after(clock.elapsed());
        stream::iter(match event {
            Ok(event) => merge.take(source, event),
            Err(error) => {
                tracing::warn!(error = error_chain(&error), "the watch of ProfilingGroups failed");
                merge.failed(source, &error, now)
            }
        })
    })
}

/// The API server streams the list, which takes the least time and memory on both sides; in pages where it can't.
pub fn listed_and_watched<K>(api: Api<K>) -> impl Stream<Item = watcher::Result<Event<K>>> + Send
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let streams = watcher::watcher(api.clone(), watcher::Config::default().streaming_lists());
    let pages = watcher::watcher(api, watcher::Config::default());
    streams.take_while(|event| ready(!event.as_ref().is_err_and(lacks_watch_list))).chain(pages)
}

/// Whether the feature gate WatchList is off: the only reason for which the API server calls such a request invalid.
fn lacks_watch_list(error: &watcher::Error) -> bool {
    status_of(error).is_some_and(|status| status.code == 422)
}

/// Joins the events of several watches.
struct Merge {
    sources: Vec<Source>,
    complete: bool,
}

struct Source {
    namespace: String,
    synced: bool,
    refusal: Refusal,
    listing: BTreeSet<Key>,
}

impl Merge {
    fn new(namespaces: Vec<String>) -> Self {
        let source =
            |namespace| Source { namespace, synced: false, refusal: Refusal::default(), listing: BTreeSet::new() };
        Self { sources: namespaces.into_iter().map(source).collect(), complete: false }
    }

    fn take(&mut self, source: usize, event: Event<RawProfilingGroup>) -> Vec<Watched> {
        let source = &mut self.sources[source];
        if !matches!(event, Event::Init) {
            source.refusal.ends();
        }
        match event {
            Event::Init => {
                source.listing.clear();
                Vec::new()
            }
            Event::InitApply(object) => {
                source.listing.insert(Key::of(&object));
                vec![Watched::Applied(object)]
            }
            Event::InitDone => {
                source.synced = true;
                let (namespace, keys) = (source.namespace.clone(), mem::take(&mut source.listing));
                let listed = Watched::Listed { namespace, keys };
                iter::once(listed).chain(self.completed()).collect()
            }
            Event::Apply(object) => vec![Watched::Applied(object)],
            Event::Delete(object) => vec![Watched::Deleted(Key::of(&object))],
        }
    }

    /// A namespace that is gone or forbidden must not stop the others.
    fn failed(&mut self, source: usize, error: &watcher::Error, now: Moment) -> Vec<Watched> {
        let source = &mut self.sources[source];
        if !source.refusal.failed(is_refusal(error), now) {
            return Vec::new();
        }
        let namespace = source.namespace.clone();
        let mut events = vec![Watched::Refused { namespace, detail: error_chain(error) }];
        events.extend(self.completed());
        events
    }

    /// While no namespace can be listed, the operator is not ready.
    fn completed(&mut self) -> Option<Watched> {
        let listed = self.sources.iter().any(|source| source.synced);
        let settled = self.sources.iter().all(|source| source.synced || source.refusal.holds());
        (!self.complete && listed && settled).then(|| {
            self.complete = true;
            Watched::Complete
        })
    }
}

/// Whether the API server has refused it: the kind or namespace is not there, or may not be listed.
pub fn is_refusal(error: &watcher::Error) -> bool {
    // A kind that is not installed has no path, and so no answer of the API's form.
    status_of(error).is_some_and(|status| status.is_forbidden() || status.is_not_found() || status.code == 404)
}

/// The API server's answer, if it was one that failed the watch.
fn status_of(error: &watcher::Error) -> Option<&Status> {
    match error {
        watcher::Error::WatchError(status) => Some(status),
        _ => match error_of(error)? {
            kube::Error::Api(status) => Some(status),
            _ => None,
        },
    }
}

/// Why a request failed, if it was one that failed the watch.
fn error_of(error: &watcher::Error) -> Option<&kube::Error> {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => Some(error),
        watcher::Error::WatchError(_) | watcher::Error::NoResourceVersion => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(namespace: &str, name: &str) -> RawProfilingGroup {
        serde_json::from_value(json!({ "metadata": { "name": name, "namespace": namespace } })).unwrap()
    }

    fn merge() -> Merge {
        Merge::new(vec!["x".into(), "y".into()])
    }

    fn forbidden() -> watcher::Error {
        watcher::Error::InitialListFailed(kube::Error::Api(Box::new(Status::failure("no", "Forbidden").with_code(403))))
    }

    fn shown(events: &[Watched]) -> Vec<String> {
        let shown = |event: &Watched| match event {
            Watched::Applied(object) => format!("applied {}", Key::of(object)),
            Watched::Deleted(key) => format!("deleted {key}"),
            Watched::Listed { namespace, keys } => {
                let names: Vec<_> = keys.iter().map(|key| &*key.name).collect();
                format!("listed {namespace}: {}", names.join(" "))
            }
            Watched::Complete => "complete".into(),
            Watched::Refused { namespace, .. } => format!("refused {namespace}"),
        };
        events.iter().map(shown).collect()
    }

    #[test]
    fn the_watch_is_complete_when_every_namespace_has_listed() {
        let mut merge = merge();
        merge.take(0, Event::Init);
        assert_eq!(shown(&merge.take(0, Event::InitApply(object("x", "a")))), ["applied x/a"]);
        assert_eq!(shown(&merge.take(0, Event::InitDone)), ["listed x: a"]);
        merge.take(1, Event::Init);
        assert_eq!(shown(&merge.take(1, Event::InitDone)), ["listed y: ", "complete"]);
        assert_eq!(shown(&merge.take(0, Event::Apply(object("x", "c")))), ["applied x/c"]);
    }

    #[test]
    fn a_list_that_began_again_reports_what_it_has_found_itself() {
        let mut merge = merge();
        merge.take(0, Event::Init);
        merge.take(0, Event::InitApply(object("x", "a")));
        merge.take(0, Event::Init);
        merge.take(0, Event::InitApply(object("x", "b")));
        assert_eq!(shown(&merge.take(0, Event::InitDone)), ["listed x: b"]);
    }

    /// A namespace that was deleted with its Role once stopped all others at the next start.
    #[test]
    fn a_namespace_that_is_refused_for_a_while_counts_as_empty_and_joins_later() {
        let mut merge = merge();
        merge.take(0, Event::Init);
        merge.take(0, Event::InitDone);
        assert!(merge.failed(1, &forbidden(), Moment(0)).is_empty());
        assert!(merge.take(1, Event::Init).is_empty(), "the next attempt begins");
        assert!(merge.failed(1, &forbidden(), Moment(9_999)).is_empty());
        assert_eq!(shown(&merge.failed(1, &forbidden(), Moment(10_000))), ["refused y", "complete"]);
        assert!(merge.failed(1, &forbidden(), Moment(20_000)).is_empty(), "reported once");
        merge.take(1, Event::Init);
        assert_eq!(shown(&merge.take(1, Event::InitApply(object("y", "b")))), ["applied y/b"]);
    }

    #[test]
    fn where_nothing_can_be_listed_the_watch_is_not_complete() {
        let mut merge = merge();
        for source in [0, 1] {
            merge.failed(source, &forbidden(), Moment(0));
            let events = merge.failed(source, &forbidden(), Moment(10_000));
            assert_eq!(events.len(), 1, "refused, and not complete");
        }
    }
}
