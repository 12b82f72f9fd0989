//! Who speaks for a group when several resources name it. Pure.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

/// A group in AWS, as far as one identity can tell: region and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    /// The region.
    pub region: String,
    /// The group's name.
    pub name: String,
}

/// What decides between two resources: whoever has the group keeps it, else the older one has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seniority {
    /// False sorts first: its status holds the group's ARN.
    pub newcomer: bool,
    /// `metadata.creationTimestamp`, in seconds.
    pub created: i64,
    /// `metadata.uid`, where two were created in one second.
    pub uid: String,
}

/// Which resource names which group. `K` names a resource.
#[derive(Debug)]
pub struct Claims<K> {
    groups: HashMap<Group, BTreeMap<Seniority, K>>,
    claimants: HashMap<K, (Group, Seniority)>,
}

impl<K> Default for Claims<K> {
    fn default() -> Self {
        Self { groups: HashMap::new(), claimants: HashMap::new() }
    }
}

impl<K: Clone + Eq + Hash> Claims<K> {
    /// `key` names `group` from now on. Answers the groups whose owner may be another one now.
    pub fn claim(&mut self, key: &K, group: Group, mut seniority: Seniority) -> Vec<Group> {
        if let Some((known, rank)) =
            self.claimants.get(key).filter(|(known, rank)| *known == group && rank.uid == seniority.uid)
        {
            // A new incumbent does not push out the one that has the group meanwhile.
            seniority.newcomer &= rank.newcomer;
            if *rank == seniority || self.owner(known) != Some(key) {
                return Vec::new();
            }
        }
        let mut changed = self.release(key);
        self.groups.entry(group.clone()).or_default().insert(seniority.clone(), key.clone());
        self.claimants.insert(key.clone(), (group.clone(), seniority));
        changed.push(group);
        changed
    }

    /// `key` names no group any more.
    pub fn release(&mut self, key: &K) -> Vec<Group> {
        let Some((group, seniority)) = self.claimants.remove(key) else { return Vec::new() };
        if let Some(claimants) = self.groups.get_mut(&group) {
            claimants.remove(&seniority);
            if claimants.is_empty() {
                self.groups.remove(&group);
            }
        }
        vec![group]
    }

    /// Who speaks for `group`.
    #[must_use]
    pub fn owner(&self, group: &Group) -> Option<&K> {
        self.groups.get(group)?.values().next()
    }

    /// Everyone who names `group`.
    pub fn claimants(&self, group: &Group) -> impl Iterator<Item = &K> {
        self.groups.get(group).into_iter().flat_map(BTreeMap::values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> Group {
        Group { region: "eu-west-1".into(), name: "a".into() }
    }

    fn rank(newcomer: bool, created: i64, uid: &str) -> Seniority {
        Seniority { newcomer, created, uid: uid.into() }
    }

    #[test]
    fn the_incumbent_keeps_the_group_and_among_new_ones_the_older_has_it() {
        for (first, second, owner) in [
            (rank(true, 5, "x"), rank(true, 9, "y"), "first"),
            (rank(true, 9, "x"), rank(true, 5, "y"), "second"),
            (rank(true, 5, "y"), rank(true, 5, "x"), "second"),
            (rank(false, 9, "x"), rank(true, 5, "y"), "first"),
            (rank(false, 9, "x"), rank(false, 5, "y"), "second"),
        ] {
            let mut claims = Claims::default();
            claims.claim(&"first", group(), first.clone());
            claims.claim(&"second", group(), second.clone());
            assert_eq!(claims.owner(&group()), Some(&owner), "{first:?} {second:?}");
        }
    }

    #[test]
    fn the_other_one_takes_over_when_the_owner_goes() {
        let mut claims = Claims::default();
        claims.claim(&"old", group(), rank(false, 1, "x"));
        claims.claim(&"new", group(), rank(true, 2, "y"));
        assert_eq!(claims.release(&"old"), [group()]);
        assert_eq!(claims.owner(&group()), Some(&"new"));
        assert!(claims.release(&"old").is_empty());
    }

    #[test]
    fn moving_to_another_group_frees_the_former_one() {
        let other = Group { region: "us-east-1".into(), ..group() };
        let mut claims = Claims::default();
        claims.claim(&"a", group(), rank(true, 1, "x"));
        assert_eq!(claims.claim(&"a", other.clone(), rank(true, 1, "x")), [group(), other.clone()]);
        assert_eq!((claims.owner(&group()), claims.owner(&other)), (None, Some(&"a")));
    }

    #[test]
    fn a_repeated_claim_changes_nothing() {
        let mut claims = Claims::default();
        claims.claim(&"a", group(), rank(true, 1, "x"));
        assert!(claims.claim(&"a", group(), rank(true, 1, "x")).is_empty());
    }

    #[test]
    fn who_has_the_group_keeps_it_though_its_status_was_wiped() {
        let mut claims = Claims::default();
        claims.claim(&"owner", group(), rank(false, 9, "x"));
        claims.claim(&"older", group(), rank(true, 1, "y"));
        claims.claim(&"owner", group(), rank(true, 9, "x"));
        assert_eq!(claims.owner(&group()), Some(&"owner"));
    }

    #[test]
    fn a_loser_does_not_become_the_incumbent_by_writing_an_arn() {
        let mut claims = Claims::default();
        claims.claim(&"owner", group(), rank(true, 5, "x"));
        claims.claim(&"loser", group(), rank(true, 9, "y"));
        claims.claim(&"loser", group(), rank(false, 9, "y"));
        assert_eq!(claims.owner(&group()), Some(&"owner"));
    }
}
