//! Names a lane: one identity and one region, to AWS what a reflector is to Kubernetes. Pure.

use std::{fmt, sync::Arc};

/// The operator's own identity in one region. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneId {
    region: Arc<str>,
}

impl LaneId {
    /// The operator's own identity in `region`.
    #[must_use]
    pub fn of_region(region: &str) -> Self {
        Self { region: region.into() }
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }
}

impl fmt::Display for LaneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.region)
    }
}
