//! Resources that are gone, and have marked their group as this operator's. Pure.

use super::{Memory, Sought, key::Key};
use crate::domain::{desired::Desired, observation::Observation, owner::Mark};

/// A group whose resource is gone, and from which the mark of that is to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// The group.
    pub group: Sought,
    /// How it is marked.
    pub mark: Mark,
}

impl Departure {
    /// The ARN of the group while AWS is known to show the mark.
    #[must_use]
    pub fn marked(&self, observation: &Observation) -> Option<String> {
        let tags = observation.tags.as_ref()?;
        observation.arn.clone().filter(|_| self.mark.is_in(tags))
    }
}

impl Memory {
    /// The group that `key` leaves, if it has marked it, and no other resource names it.
    pub(super) fn departure(&self, key: &Key) -> Option<Departure> {
        let entry = self.objects.get(key)?;
        let owner = self.settings.owner.as_ref()?;
        let spec = entry.object.spec.as_ref().ok()?;
        let Desired { manages, suspended, .. } = Desired::of(spec, self.allowed(None), self.settings.observe_only);
        let group = entry.wants.clone().filter(|_| manages && !suspended)?;
        let is_alone = self.claims.rivals(key).next().is_none();
        let departure = Departure { group, mark: Mark::new(owner, &key.namespace, &key.name) };
        is_alone.then_some(departure)
    }

    /// Whether a resource names this group.
    #[must_use]
    pub fn names(&self, sought: &Sought) -> bool {
        self.claims.claimants(&self.group_of(sought)).next().is_some()
    }
}
