//! Names one ProfilingGroup. Plain data.

use std::{fmt, sync::Arc};

use super::raw::RawProfilingGroup;

/// A namespace and a name; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// `metadata.namespace`.
    pub namespace: Arc<str>,
    /// `metadata.name`.
    pub name: Arc<str>,
}

impl Key {
    /// The key of `object`.
    #[must_use]
    pub fn of(object: &RawProfilingGroup) -> Self {
        let text = |part: &Option<String>| part.as_deref().unwrap_or_default().into();
        Self { namespace: text(&object.metadata.namespace), name: text(&object.metadata.name) }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
