//! Whether what is reported as a correction of drift was one: somebody else had changed the group. Pure bookkeeping.

use std::collections::{BTreeMap, BTreeSet};

/// Who has changed the switch of each group, by region and name, in the order of time.
#[derive(Default)]
pub struct Corrections(BTreeMap<(String, String), Vec<Change>>);

enum Change {
    /// Somebody who is no operator, or an operator that had given up waiting for the answer.
    Foreign,
    Own(Own),
}

/// A mutation of an operator process.
pub struct Own {
    /// Which process.
    pub process: u64,
    /// The value.
    pub to: bool,
    /// The resources that request it, as far as the process knows.
    pub asking: BTreeSet<String>,
    /// Whether an event has reported it as a correction.
    pub reported: bool,
}

impl Corrections {
    /// Somebody else has changed the switch, or made the group.
    pub fn foreign(&mut self, region: &str, group: &str) {
        self.of(region, group).push(Change::Foreign);
    }

    /// AWS carries out a mutation.
    pub fn own(&mut self, region: &str, group: &str, own: Own) {
        self.of(region, group).push(Change::Own(own));
    }

    /// A process reports that it has set the group back to this value for a resource. Between one of its mutations for
    /// it and the one before, somebody else must have changed the group: another process, which its own predecessor is,
    /// or itself for another resource.
    pub fn reported(
        &mut self,
        region: &str,
        group: &str,
        process: u64,
        resource: &str,
        to: bool,
    ) -> Result<(), String> {
        let mut changed = false;
        for change in self.of(region, group) {
            match change {
                Change::Own(own) if own.process == process && own.asking.contains(resource) => {
                    if changed && own.to == to && !own.reported {
                        own.reported = true;
                        return Ok(());
                    }
                    changed = false;
                }
                Change::Own(_) | Change::Foreign => changed = true,
            }
        }
        Err(format!("its own change of {group} in {region} is called drift, and corrected to {to} for {resource}"))
    }

    fn of(&mut self, region: &str, group: &str) -> &mut Vec<Change> {
        self.0.entry((region.to_owned(), group.to_owned())).or_default()
    }
}
