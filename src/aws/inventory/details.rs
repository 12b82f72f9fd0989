//! What is known of a group beside what Lists report: only for resources that manage it. No I/O, no clock.

use crate::domain::{arns::Arns, facet::Facet, moment::Moment, notifications::Channels, permissions::Policy};

/// What a call returned that read a detail, or changed it.
#[derive(Clone, Debug)]
pub enum Detail {
    /// The policy.
    Policy(Policy),
    /// The policy after a Put of these principals.
    Put(Arns, Policy),
    /// The notification channels.
    Channels(Channels),
}

/// Each with the moment at which its read began, or the answer to our own change came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Details {
    pub(super) policy: Option<(Policy, Moment)>,
    pub(super) channels: Option<(Channels, Moment)>,
    /// When our last change ended: reads that began earlier are ignored.
    settled: Moment,
}

impl Details {
    /// A call that reads began at `began`, and was answered.
    pub(super) fn read(&mut self, detail: Detail, began: Moment) {
        let is_newer = |as_of: Option<Moment>| began >= self.settled && as_of.is_none_or(|as_of| began >= as_of);
        match detail {
            Detail::Policy(mut policy) if is_newer(self.policy.as_ref().map(|known| known.1)) => {
                let same = |known: &(Policy, Moment)| policy.revision.is_some() && known.0.revision == policy.revision;
                // The very revision that we have written.
                policy.put = self.policy.take().filter(same).and_then(|known| known.0.put);
                self.policy = Some((policy, began));
            }
            Detail::Channels(channels) if is_newer(self.channels.as_ref().map(|known| known.1)) => {
                self.channels = Some((channels, began));
            }
            Detail::Policy(_) | Detail::Channels(_) | Detail::Put(..) => {}
        }
    }

    /// A change of ours was answered at `now`. Returns whether that shows that PutPermission adds.
    pub(super) fn changed(&mut self, detail: Detail, now: Moment) -> bool {
        self.settled = now;
        match detail {
            // Which revision the next Put has to name is not documented: it is read.
            Detail::Policy(_) => self.policy = None,
            Detail::Put(sent, policy) => {
                let before = self.policy.take();
                let (policy, adds) = policy.after_put(&sent, before.as_ref().map(|known| &known.0));
                self.policy = Some((policy, now));
                return adds;
            }
            Detail::Channels(channels) => self.channels = Some((channels, now)),
        }
        false
    }

    /// What is known is not certain any more.
    pub(super) fn forget(&mut self, facet: Facet, now: Moment) {
        self.settled = now;
        match facet {
            Facet::Existence | Facet::Owner | Facet::Switch | Facet::Tags => {}
            Facet::Permissions => self.policy = None,
            Facet::Notifications => self.channels = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixtures::arns;

    fn policy(revision: &str, principals: &str) -> Policy {
        Policy { revision: Some(revision.into()), principals: arns(principals), put: None }
    }

    #[test]
    fn a_read_that_began_before_our_change_ended_is_ignored() {
        let mut details = Details::default();
        details.read(Detail::Policy(policy("r1", "a")), Moment(1));
        assert!(!details.changed(Detail::Put(arns("b"), policy("r2", "b")), Moment(5)));
        details.read(Detail::Policy(policy("r1", "a")), Moment(4));
        assert_eq!(details.policy.as_ref().unwrap().0.revision.as_deref(), Some("r2"));
        details.read(Detail::Policy(policy("r3", "c")), Moment(6));
        details.read(Detail::Policy(policy("r2", "b")), Moment(5));
        assert_eq!(details.policy.as_ref().unwrap().0, policy("r3", "c"));

        details.forget(Facet::Permissions, Moment(7));
        details.read(Detail::Policy(policy("r3", "c")), Moment(6));
        assert_eq!(details.policy, None);
    }

    #[test]
    fn the_revision_of_our_put_is_known_for_as_long_as_it_is_read() {
        let mut details = Details::default();
        details.changed(Detail::Put(arns("a"), policy("r1", "x")), Moment(1));
        details.read(Detail::Policy(policy("r1", "x")), Moment(2));
        assert_eq!(details.policy.as_ref().unwrap().0.put, Some(arns("a")));
        details.read(Detail::Policy(policy("r2", "x")), Moment(3));
        assert_eq!(details.policy.as_ref().unwrap().0.put, None);
    }

    #[test]
    fn after_a_removal_the_policy_is_read_again() {
        let mut details = Details::default();
        details.read(Detail::Policy(policy("r1", "a")), Moment(1));
        details.changed(Detail::Policy(policy("r2", "")), Moment(2));
        assert_eq!(details.policy, None);
    }
}
