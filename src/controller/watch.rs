//! One watch out of several namespaces': ready when all of them are, and each re-listed on its own.

use std::collections::HashMap;

use futures::{Stream, StreamExt, stream};
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DynamicObject},
    runtime::{
        WatchStreamExt,
        reflector::ObjectRef,
        watcher::{self, Event},
    },
};

/// Watches the resource in these namespaces, or in all when there are none. Failures are logged and retried for ever.
pub fn watch(
    client: &Client,
    resource: &ApiResource,
    namespaces: &[String],
) -> impl Stream<Item = Event<DynamicObject>> + Send + use<> {
    let apis: Vec<Api<DynamicObject>> = match namespaces {
        [] => vec![Api::all_with(client.clone(), resource)],
        some => some.iter().map(|namespace| Api::namespaced_with(client.clone(), namespace, resource)).collect(),
    };
    let mut merge = Merge::new(apis.len(), resource.clone());
    let watches = apis.into_iter().enumerate().map(|(source, api)| {
        watcher::watcher(api, watcher::Config::default())
            .default_backoff()
            .modify(|object| object.managed_fields_mut().clear())
            .filter_map(move |event| async move {
                event
                    .inspect_err(|error| tracing::warn!(error = %error, "the watch of ProfilingGroups failed"))
                    .ok()
                    .map(|event| (source, event))
            })
            .boxed()
    });
    stream::select_all(watches).flat_map(move |(source, event)| stream::iter(merge.take(source, event)))
}

type Key = ObjectRef<DynamicObject>;

/// Joins the events of several watches into those of one: one initial list, then changes only.
struct Merge {
    resource: ApiResource,
    sources: Vec<Source>,
    ready: bool,
}

#[derive(Default)]
struct Source {
    synced: bool,
    objects: HashMap<Key, Option<DynamicObject>>,
    listing: Option<Vec<DynamicObject>>,
}

impl Merge {
    fn new(sources: usize, resource: ApiResource) -> Self {
        Self { resource, sources: (0..sources).map(|_| Source::default()).collect(), ready: false }
    }

    fn take(&mut self, source: usize, event: Event<DynamicObject>) -> Vec<Event<DynamicObject>> {
        let (resource, ready) = (&self.resource, self.ready);
        let key = |object: &DynamicObject| ObjectRef::from_obj_with(object, resource.clone());
        let source = &mut self.sources[source];
        match event {
            Event::Init => {
                source.listing = Some(Vec::new());
                Vec::new()
            }
            Event::InitApply(object) => {
                source.listing.get_or_insert_default().push(object);
                Vec::new()
            }
            Event::InitDone => {
                let listed = source.listing.take().unwrap_or_default();
                let mut vanished = std::mem::take(&mut source.objects);
                source.synced = true;
                let mut events = Vec::new();
                for object in listed {
                    vanished.remove(&key(&object));
                    // Kept only until the first list is complete: afterwards the store has it.
                    source.objects.insert(key(&object), (!ready).then(|| object.clone()));
                    events.push(Event::Apply(object));
                }
                events.extend(vanished.into_keys().map(|key| Event::Delete(stub(&key, resource))));
                if ready { events } else { self.first_list() }
            }
            Event::Apply(object) => {
                source.objects.insert(key(&object), (!ready).then(|| object.clone()));
                if ready { vec![Event::Apply(object)] } else { Vec::new() }
            }
            Event::Delete(object) => {
                source.objects.remove(&key(&object));
                if ready { vec![Event::Delete(object)] } else { Vec::new() }
            }
        }
    }

    fn first_list(&mut self) -> Vec<Event<DynamicObject>> {
        if !self.sources.iter().all(|source| source.synced) {
            return Vec::new();
        }
        self.ready = true;
        let objects = self.sources.iter_mut().flat_map(|source| source.objects.values_mut());
        let listed = objects.filter_map(Option::take).map(Event::InitApply);
        [Event::Init].into_iter().chain(listed).chain([Event::InitDone]).collect()
    }
}

/// An object of which only the name is known.
pub(super) fn stub(key: &Key, resource: &ApiResource) -> DynamicObject {
    let object = DynamicObject::new(&key.name, resource);
    match &key.namespace {
        Some(namespace) => object.within(namespace),
        None => object,
    }
}

#[cfg(test)]
mod tests {
    use kube::Resource;

    use super::*;
    use crate::api::ProfilingGroup;

    fn resource() -> ApiResource {
        ApiResource::erase::<ProfilingGroup>(&())
    }

    fn object(namespace: &str, name: &str) -> DynamicObject {
        DynamicObject::new(name, &resource()).within(namespace)
    }

    fn told(events: &[Event<DynamicObject>]) -> Vec<String> {
        let name = |object: &DynamicObject| object.meta().name.clone().unwrap_or_default();
        events
            .iter()
            .map(|event| match event {
                Event::Init => "init".into(),
                Event::InitApply(o) => format!("listed {}", name(o)),
                Event::InitDone => "done".into(),
                Event::Apply(o) => format!("apply {}", name(o)),
                Event::Delete(o) => format!("delete {}", name(o)),
            })
            .collect()
    }

    #[test]
    fn the_first_list_is_complete_when_every_watch_has_listed() {
        let mut merge = Merge::new(2, resource());
        for event in [Event::Init, Event::InitApply(object("x", "a")), Event::InitDone, Event::Delete(object("x", "a"))]
        {
            assert!(merge.take(0, event).is_empty());
        }
        assert!(merge.take(0, Event::Apply(object("x", "b"))).is_empty());
        merge.take(1, Event::Init);
        assert_eq!(told(&merge.take(1, Event::InitDone)), ["init", "listed b", "done"]);
        assert_eq!(told(&merge.take(0, Event::Apply(object("x", "c")))), ["apply c"]);
    }

    #[test]
    fn a_later_list_of_one_namespace_tells_what_vanished_there_and_leaves_the_others_alone() {
        let mut merge = Merge::new(2, resource());
        merge.take(0, Event::Init);
        merge.take(0, Event::InitApply(object("x", "a")));
        merge.take(0, Event::InitDone);
        merge.take(1, Event::InitApply(object("y", "other")));
        merge.take(1, Event::InitDone);
        merge.take(0, Event::Init);
        merge.take(0, Event::InitApply(object("x", "b")));
        assert_eq!(told(&merge.take(0, Event::InitDone)), ["apply b", "delete a"]);
    }
}
