//! Names a lane: one identity and one region, to AWS what a reflector is to Kubernetes. Pure.

use std::{fmt, sync::Arc};

use super::account::Role;

/// An identity in one region: the operator's own, or the role of a ProfilerAccount. A role that was changed is another
/// identity, and so another lane. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneId {
    role: Option<Arc<Role>>,
    region: Arc<str>,
}

impl LaneId {
    /// The operator's own identity in `region`.
    #[must_use]
    pub fn of_region(region: &str) -> Self {
        Self { role: None, region: region.into() }
    }

    /// This role in `region`; without one, the operator's own identity.
    #[must_use]
    pub fn new(role: Option<&Arc<Role>>, region: &str) -> Self {
        Self { role: role.cloned(), region: region.into() }
    }

    /// The same lane; what is the same text as `region` is kept once.
    #[must_use]
    pub fn sharing(self, region: &Arc<str>) -> Self {
        if self.region == *region { Self { region: Arc::clone(region), ..self } } else { self }
    }

    /// The role; `None` for the operator's own identity.
    #[must_use]
    pub fn role(&self) -> Option<&Arc<Role>> {
        self.role.as_ref()
    }

    /// The ProfilerAccount; `None` for the operator's own identity.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.role.as_deref().map(|role| &*role.account)
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The same, to be kept.
    #[must_use]
    pub fn shared_region(&self) -> Arc<str> {
        Arc::clone(&self.region)
    }
}

impl fmt::Display for LaneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(account) = self.account() {
            write!(f, "{account}/")?;
        }
        f.write_str(&self.region)
    }
}
