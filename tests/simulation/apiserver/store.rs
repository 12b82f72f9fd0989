//! Everything that is stored, and everything that ever was: one counter of versions, as etcd has.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

/// An object among those of its kind; in the order of lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub namespace: String,
    pub name: String,
}

impl Key {
    pub(super) fn of(object: &Value) -> Self {
        let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
        Self { namespace: text("namespace"), name: text("name") }
    }
}

/// What is stored under a key.
#[derive(Debug)]
pub(super) struct Stored {
    pub object: Arc<Value>,
    /// Whether readers are shown more than was written, by the schema's defaults: then no later write is without effect.
    pub bare: bool,
}

/// How a version came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The object did not exist before.
    Created,
    /// It did.
    Modified,
    /// It does not exist any more; the version is its last state.
    Deleted,
}

/// A write that has been carried out: a version of an object.
#[derive(Debug, Clone)]
pub struct Change {
    /// The resourceVersion.
    pub version: u64,
    /// The plural name of its resource.
    pub resource: Arc<str>,
    /// The object.
    pub object: Arc<Value>,
    /// How it came about.
    pub how: How,
    /// Who wrote it.
    pub actor: String,
    pub(super) kind: usize,
    pub(super) key: Key,
    /// What was there before.
    pub(super) before: Option<Arc<Value>>,
}

/// The objects of one kind.
#[derive(Debug, Default)]
struct Table {
    objects: BTreeMap<Key, Stored>,
    /// No version before this one can be watched.
    since: u64,
}

/// All objects, and all versions.
#[derive(Debug)]
pub(super) struct Store {
    tables: Vec<Table>,
    version: u64,
    compacted: u64,
    history: Vec<Change>,
}

/// A write: by whom, of what.
pub(super) struct Write<'a> {
    pub kind: usize,
    pub resource: &'a Arc<str>,
    pub actor: &'a str,
    pub object: Value,
}

impl Store {
    pub(super) fn new() -> Self {
        Self { tables: Vec::new(), version: 1, compacted: 0, history: Vec::new() }
    }

    /// The kind with this index is served from now on.
    pub(super) fn install(&mut self, kind: usize) {
        self.version += 1;
        if self.tables.len() == kind {
            self.tables.push(Table::default());
        }
        self.tables[kind].since = self.version;
    }

    /// Shows all objects of a kind by another schema. None of them is written.
    pub(super) fn present_again(&mut self, kind: usize, present: impl Fn(&mut Value)) {
        for stored in self.tables[kind].objects.values_mut() {
            let mut object = Value::clone(&stored.object);
            present(&mut object);
            stored.bare |= object != *stored.object;
            stored.object = Arc::new(object);
        }
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn history(&self) -> &[Change] {
        &self.history
    }

    /// The versions after this one.
    pub(super) fn after(&self, version: u64) -> &[Change] {
        &self.history[self.history.partition_point(|stored| stored.version <= version)..]
    }

    pub(super) fn get(&self, kind: usize, key: &Key) -> Option<&Stored> {
        self.tables[kind].objects.get(key)
    }

    pub(super) fn all(&self, kind: usize) -> impl Iterator<Item = (&Key, &Stored)> {
        self.tables[kind].objects.iter()
    }

    /// The objects of one kind as they were at a version.
    pub(super) fn at(&self, kind: usize, version: u64) -> BTreeMap<&Key, &Arc<Value>> {
        let mut objects: BTreeMap<_, _> = self.all(kind).map(|(key, stored)| (key, &stored.object)).collect();
        for undone in self.after(version).iter().rev().filter(|undone| undone.kind == kind) {
            match &undone.before {
                Some(before) => objects.insert(&undone.key, before),
                None => objects.remove(&undone.key),
            };
        }
        objects
    }

    /// Forgets all versions up to now, as when something else has been written since.
    pub(super) fn compact(&mut self) {
        self.version += 1;
        self.compacted = self.version;
    }

    pub(super) fn compacted(&self) -> u64 {
        self.compacted
    }

    /// The oldest version from which this kind can be watched.
    pub(super) fn oldest(&self, kind: usize) -> u64 {
        self.tables[kind].since.max(self.compacted)
    }

    /// Stores an object, and returns it with its version. `bare` is as in [`Stored`].
    pub(super) fn put(&mut self, write: Write<'_>, bare: bool) -> Arc<Value> {
        self.version += 1;
        let Write { kind, resource, actor, mut object } = write;
        object["metadata"]["resourceVersion"] = Value::String(self.version.to_string());
        let (key, object) = (Key::of(&object), Arc::new(object));
        let stored = Stored { object: object.clone(), bare };
        let before = self.tables[kind].objects.insert(key.clone(), stored).map(|stored| stored.object);
        let how = if before.is_some() { How::Modified } else { How::Created };
        self.history.push(Change {
            version: self.version,
            resource: resource.clone(),
            object: object.clone(),
            how,
            actor: actor.to_owned(),
            kind,
            key,
            before,
        });
        object
    }

    /// Removes an object, and returns its last state with the version of its removal.
    pub(super) fn remove(&mut self, kind: usize, resource: &Arc<str>, actor: &str, key: &Key) -> Option<Arc<Value>> {
        let stored = self.tables[kind].objects.remove(key)?;
        self.version += 1;
        let mut object = Value::clone(&stored.object);
        object["metadata"]["resourceVersion"] = Value::String(self.version.to_string());
        let object = Arc::new(object);
        self.history.push(Change {
            version: self.version,
            resource: resource.clone(),
            object: object.clone(),
            how: How::Deleted,
            actor: actor.to_owned(),
            kind,
            key: key.clone(),
            before: Some(stored.object),
        });
        Some(object)
    }
}
