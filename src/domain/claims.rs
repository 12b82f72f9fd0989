//! Which resource owns a group when several name it. Pure.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::moment::Moment;

/// A group in AWS: one and the same for all identities of one AWS account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// The AWS account; `None` for that of the operator's own identity.
    pub account: Option<Arc<str>>,
    /// The region.
    pub region: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

/// What decides between two resources: the one that has the group keeps it, else the older one has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seniority {
    /// False sorts first: its status holds the group's ARN.
    pub newcomer: bool,
    /// `metadata.creationTimestamp`, in seconds.
    pub created: i64,
    /// `metadata.uid`, where two were created in one second.
    pub uid: Arc<str>,
}

/// The standing of a resource towards the group that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing<K> {
    /// It owns the group.
    Owner,
    /// Another one owns it, or owned it and may come back until then.
    Waits {
        /// The owner, or the former one.
        owner: K,
        /// When the former owner's time is over; `None` while the owner is there.
        until: Option<Moment>,
    },
}

/// Which resource names which group. `K` names a resource.
///
/// Guarantees:
/// * A group has at most one owner, and the owner keeps it whatever others write into their status.
/// * When the owner goes while others wait, the group has no owner during the grace time; a resource of the former
///   owner's name owns it at once.
/// * A call returns the resources whose standing it has changed, and no others: a newcomer that waits changes no other
///   standing.
#[derive(Debug)]
pub struct Claims<K> {
    grace: Duration,
    groups: BTreeMap<Arc<Group>, Claimants<K>>,
    claimed: BTreeMap<K, (Arc<Group>, Seniority)>,
}

#[derive(Debug)]
struct Claimants<K> {
    /// In the order of seniority. Nearly always one: a map would cost a kilobyte for it.
    ranked: Vec<(Seniority, K)>,
    vacancy: Option<Box<Vacancy<K>>>,
}

#[derive(Debug)]
struct Vacancy<K> {
    former: K,
    until: Moment,
}

impl<K: Clone + Ord> Claims<K> {
    /// No claims; `grace` is how long a group waits for its former owner.
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        Self { grace, groups: BTreeMap::new(), claimed: BTreeMap::new() }
    }

    /// `key` names `group` from now on. Returns the others whose standing has changed.
    pub fn claim(&mut self, key: &K, group: &Group, mut seniority: Seniority, now: Moment) -> Vec<K> {
        let mut changed = Vec::new();
        let before = self.owner(group, now).cloned();
        if let Some((known, rank)) = self.claimed.get(key) {
            if **known == *group {
                let owns = before.as_ref() == Some(key);
                if rank.uid == seniority.uid {
                    // Writing an ARN into a status does not push out the owner.
                    seniority.newcomer &= rank.newcomer;
                    if *rank == seniority || !owns {
                        return changed;
                    }
                } else {
                    // Replaced in place, and its deletion was never reported.
                    seniority.newcomer &= !owns;
                }
                let rank = rank.clone();
                if let Some(claimants) = self.groups.get_mut(group) {
                    claimants.remove(&rank);
                }
            } else {
                changed = self.release(key, now);
            }
        }
        let group =
            self.groups.get_key_value(group).map_or_else(|| Arc::new(group.clone()), |(known, _)| Arc::clone(known));
        let claimants = self
            .groups
            .entry(Arc::clone(&group))
            .or_insert_with(|| Claimants { ranked: Vec::with_capacity(1), vacancy: None });
        match &claimants.vacancy {
            Some(vacancy) if vacancy.is_open(now) && vacancy.former == *key => {
                seniority.newcomer = false;
                claimants.vacancy = None;
            }
            Some(vacancy) if !vacancy.is_open(now) => claimants.vacancy = None,
            _ => {}
        }
        claimants.insert(seniority.clone(), key.clone());
        self.claimed.insert(key.clone(), (Arc::clone(&group), seniority));
        if self.owner(&group, now) != before.as_ref() {
            changed.extend(self.claimants(&group).filter(|other| *other != key).cloned());
        }
        changed
    }

    /// `key` names no group any more. Returns the others whose standing has changed.
    pub fn release(&mut self, key: &K, now: Moment) -> Vec<K> {
        let Some((group, seniority)) = self.claimed.remove(key) else { return Vec::new() };
        let owned = self.owner(&group, now) == Some(key);
        let Some(claimants) = self.groups.get_mut(&group) else { return Vec::new() };
        claimants.remove(&seniority);
        if claimants.ranked.is_empty() {
            self.groups.remove(&group);
            return Vec::new();
        }
        if !owned {
            return Vec::new();
        }
        claimants.vacancy = Some(Box::new(Vacancy { former: key.clone(), until: now.plus(self.grace) }));
        claimants.keys().cloned().collect()
    }

    /// The group that `key` names.
    #[must_use]
    pub fn group(&self, key: &K) -> Option<&Group> {
        self.claimed.get(key).map(|(group, _)| &**group)
    }

    /// Where `key` stands with the group that it names; the owner's standing when it names none.
    #[must_use]
    pub fn standing(&self, key: &K, now: Moment) -> Standing<K> {
        let Some(claimants) = self.group(key).and_then(|group| self.groups.get(group)) else {
            return Standing::Owner;
        };
        match &claimants.vacancy {
            Some(vacancy) if vacancy.is_open(now) => {
                Standing::Waits { owner: vacancy.former.clone(), until: Some(vacancy.until) }
            }
            _ => match claimants.keys().next() {
                Some(owner) if owner != key => Standing::Waits { owner: owner.clone(), until: None },
                _ => Standing::Owner,
            },
        }
    }

    /// The others that name the same group as `key`, for as long as it names one.
    pub fn rivals<'a>(&'a self, key: &'a K) -> impl Iterator<Item = &'a K> {
        self.group(key).into_iter().flat_map(|group| self.claimants(group)).filter(move |other| *other != key)
    }

    fn owner(&self, group: &Group, now: Moment) -> Option<&K> {
        let claimants = self.groups.get(group)?;
        let vacant = claimants.vacancy.as_ref().is_some_and(|vacancy| vacancy.is_open(now));
        claimants.keys().next().filter(|_| !vacant)
    }

    /// The resources that name this group, in the order of their seniority.
    pub fn claimants(&self, group: &Group) -> impl Iterator<Item = &K> {
        self.groups.get(group).into_iter().flat_map(Claimants::keys)
    }
}

impl<K> Claimants<K> {
    fn keys(&self) -> impl Iterator<Item = &K> {
        self.ranked.iter().map(|(_, key)| key)
    }

    fn insert(&mut self, seniority: Seniority, key: K) {
        match self.position(&seniority) {
            Ok(at) => self.ranked[at] = (seniority, key),
            Err(at) => self.ranked.insert(at, (seniority, key)),
        }
    }

    fn remove(&mut self, seniority: &Seniority) {
        if let Ok(at) = self.position(seniority) {
            self.ranked.remove(at);
        }
    }

    fn position(&self, seniority: &Seniority) -> Result<usize, usize> {
        self.ranked.binary_search_by(|(rank, _)| rank.cmp(seniority))
    }
}

impl<K> Vacancy<K> {
    fn is_open(&self, now: Moment) -> bool {
        now < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_mins(1);
    const START: Moment = Moment(0);

    fn group() -> Group {
        Group { account: None, region: "eu-west-1".into(), name: "a".into() }
    }

    fn rank(newcomer: bool, created: i64, uid: &str) -> Seniority {
        Seniority { newcomer, created, uid: uid.into() }
    }

    fn claims() -> Claims<&'static str> {
        Claims::new(GRACE)
    }

    fn owns(claims: &Claims<&'static str>, key: &'static str, now: Moment) -> bool {
        claims.standing(&key, now) == Standing::Owner
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
            let mut claims = claims();
            claims.claim(&"first", &group(), first.clone(), START);
            claims.claim(&"second", &group(), second.clone(), START);
            for key in ["first", "second"] {
                assert_eq!(owns(&claims, key, START), key == owner, "{key}: {first:?} {second:?}");
            }
        }
    }

    /// Once the standing of every claimant was taken for changed: 1,500 resources of one group made 1,125,000 triggers.
    #[test]
    fn one_more_that_waits_changes_no_other_standing() {
        let mut claims: Claims<usize> = Claims::new(GRACE);
        let mut changed = 0;
        for key in 0..1500_usize {
            let created = i64::try_from(key).unwrap();
            changed += claims.claim(&key, &group(), rank(true, created, &key.to_string()), START).len();
        }
        assert_eq!(changed, 0);
        assert_eq!(claims.release(&700, START).len(), 0);
        assert_eq!(claims.release(&0, START).len(), 1498, "the owner's end concerns all that wait");
    }

    #[test]
    fn the_one_that_waits_takes_over_only_after_a_grace_time() {
        let mut claims = claims();
        claims.claim(&"old", &group(), rank(false, 1, "x"), START);
        claims.claim(&"new", &group(), rank(true, 2, "y"), START);
        assert_eq!(claims.release(&"old", START), ["new"]);
        let waits = Standing::Waits { owner: "old", until: Some(START.plus(GRACE)) };
        assert_eq!(claims.standing(&"new", Moment(59_999)), waits);
        assert!(owns(&claims, "new", Moment(60_000)));
        assert!(claims.release(&"old", START).is_empty());
    }

    #[test]
    fn a_resource_of_the_former_owners_name_has_the_group_at_once() {
        let mut claims = claims();
        claims.claim(&"owner", &group(), rank(false, 1, "x"), START);
        claims.claim(&"waiting", &group(), rank(true, 2, "y"), START);
        claims.release(&"owner", START);
        claims.claim(&"owner", &group(), rank(true, 9, "z"), Moment(500));
        assert!(owns(&claims, "owner", Moment(500)) && !owns(&claims, "waiting", Moment(500)));
        assert!(owns(&claims, "owner", Moment(90_000)), "and keeps it");
    }

    #[test]
    fn the_former_owner_comes_too_late_after_the_grace_time() {
        let mut claims = claims();
        claims.claim(&"owner", &group(), rank(false, 1, "x"), START);
        claims.claim(&"waiting", &group(), rank(true, 2, "y"), START);
        claims.release(&"owner", START);
        claims.claim(&"owner", &group(), rank(true, 9, "z"), Moment(61_000));
        assert!(owns(&claims, "waiting", Moment(61_000)) && !owns(&claims, "owner", Moment(61_000)));
    }

    #[test]
    fn a_group_without_waiting_resources_has_no_grace_time() {
        let mut claims = claims();
        claims.claim(&"old", &group(), rank(false, 1, "x"), START);
        claims.release(&"old", START);
        claims.claim(&"new", &group(), rank(true, 2, "y"), START);
        assert!(owns(&claims, "new", START));
    }

    #[test]
    fn an_owner_replaced_in_place_keeps_the_group() {
        let mut claims = claims();
        claims.claim(&"owner", &group(), rank(false, 1, "x"), START);
        claims.claim(&"waiting", &group(), rank(true, 2, "y"), START);
        assert!(claims.claim(&"owner", &group(), rank(true, 9, "z"), START).is_empty());
        assert!(owns(&claims, "owner", START));
    }

    #[test]
    fn moving_to_another_group_frees_the_former_one() {
        let other = Group { region: "us-east-1".into(), ..group() };
        let mut claims = claims();
        claims.claim(&"a", &group(), rank(true, 1, "x"), START);
        claims.claim(&"b", &group(), rank(true, 2, "y"), START);
        assert_eq!(claims.claim(&"a", &other, rank(true, 1, "x"), START), ["b"]);
        assert!(owns(&claims, "a", START));
    }

    #[test]
    fn the_owner_keeps_the_group_though_its_status_was_wiped() {
        let mut claims = claims();
        claims.claim(&"owner", &group(), rank(false, 9, "x"), START);
        claims.claim(&"older", &group(), rank(true, 1, "y"), START);
        claims.claim(&"owner", &group(), rank(true, 9, "x"), START);
        assert!(owns(&claims, "owner", START));
    }

    #[test]
    fn a_loser_does_not_become_the_incumbent_by_writing_an_arn() {
        let mut claims = claims();
        claims.claim(&"owner", &group(), rank(true, 5, "x"), START);
        claims.claim(&"loser", &group(), rank(true, 9, "y"), START);
        claims.claim(&"loser", &group(), rank(false, 9, "y"), START);
        assert!(owns(&claims, "owner", START));
    }
}
