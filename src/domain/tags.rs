//! Which tags differ, and why: each key is compared by itself, and keys that were never this resource's are never touched.
//! Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::facet::{Step, Tags};

/// How many keys of a difference are named.
const MOST_SHOWN: usize = 5;

/// What a key is to have, and has; `None` is no such tag.
type Value<'a> = Option<&'a str>;

/// The tags of a resource that manages some, compared key by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagsView<'a> {
    /// `spec.tags`.
    pub desired: &'a Tags,
    /// The tags of this resource that AWS last confirmed; `None` before the first time.
    pub applied: Option<&'a Tags>,
    /// The tags of the group, the others' included.
    pub observed: &'a Tags,
    /// A change of ours that AWS may have taken: the answer was lost.
    pub in_doubt: &'a BTreeMap<String, Option<String>>,
}

impl<'a> TagsView<'a> {
    /// The keys that are this resource's: those of the spec, and those that were in it when AWS last confirmed them.
    fn keys(&self) -> BTreeSet<&'a str> {
        let applied = self.applied.into_iter().flat_map(Tags::keys);
        self.desired.keys().chain(applied).map(String::as_str).collect()
    }

    fn differing(&self) -> impl Iterator<Item = &'a str> {
        self.keys().into_iter().filter(|key| value(self.observed, key) != value(self.desired, key))
    }

    /// Whether the user has changed this key since AWS last confirmed it, or takes back a change that AWS may have taken.
    fn is_edited(&self, key: &str) -> bool {
        let edited = self.applied.is_some_and(|applied| value(applied, key) != value(self.desired, key));
        edited || self.in_doubt.get(key).is_some_and(|doubt| doubt.as_deref() == value(self.observed, key))
    }

    /// The keys that differ because this resource was changed.
    #[must_use]
    pub fn edited(&self) -> BTreeSet<&'a str> {
        self.differing().filter(|key| self.is_edited(key)).collect()
    }

    /// The keys that differ because AWS was changed.
    #[must_use]
    pub fn drifted(&self) -> BTreeSet<&'a str> {
        self.differing().filter(|key| self.applied.is_some() && !self.is_edited(key)).collect()
    }

    /// Every key that differs.
    #[must_use]
    pub fn all(&self) -> BTreeSet<&'a str> {
        self.differing().collect()
    }

    /// The next call that gives these keys what they are to have: tags are set before others are removed.
    #[must_use]
    pub fn step(&self, keys: &BTreeSet<&str>) -> Option<Step> {
        let set: Tags =
            keys.iter().filter_map(|key| Some(((*key).to_owned(), self.desired.get(*key)?.clone()))).collect();
        if !set.is_empty() {
            return Some(Step::Tag(set));
        }
        let removed: BTreeSet<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        (!removed.is_empty()).then_some(Step::Untag(removed))
    }

    /// The tags of this resource that AWS has confirmed by now: what differs stays as it was confirmed before. `None`
    /// until all have been confirmed once.
    #[must_use]
    pub fn confirmed(&self) -> Option<Tags> {
        let differing = self.all();
        if differing.is_empty() {
            return Some(self.desired.clone());
        }
        let applied = self.applied?;
        let of = |key: &str| if differing.contains(key) { applied.get(key) } else { self.desired.get(key) };
        Some(self.keys().into_iter().filter_map(|key| Some((key.to_owned(), of(key)?.clone()))).collect())
    }

    /// These keys with what AWS has, and with what they are to have, as people read them.
    #[must_use]
    pub fn shown(&self, keys: &BTreeSet<&str>) -> (String, String) {
        (shown(keys, self.observed), shown(keys, self.desired))
    }
}

fn value<'a>(tags: &'a Tags, key: &str) -> Value<'a> {
    tags.get(key).map(String::as_str)
}

fn shown(keys: &BTreeSet<&str>, tags: &Tags) -> String {
    let one = |key: &&str| match value(tags, key) {
        Some(value) => format!("{key}={value}"),
        None => format!("{key} absent"),
    };
    let mut shown: Vec<_> = keys.iter().take(MOST_SHOWN).map(one).collect();
    if let Some(more @ 1..) = keys.len().checked_sub(MOST_SHOWN) {
        shown.push(format!("and {more} more"));
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixtures::tags;

    fn set(text: &str) -> Step {
        Step::Tag(tags(text))
    }

    fn remove(key: &str) -> Step {
        Step::Untag([key.to_owned()].into())
    }

    #[test]
    fn each_key_is_compared_by_itself_and_those_of_others_are_left_alone() {
        #[rustfmt::skip]
        let rows = [
            // desired, applied, observed: what the next calls for edits and for drift would be, and what is confirmed.
            ("in sync", "a=1", Some("a=1"), "a=1 theirs=9", None, None, Some("a=1")),
            ("an edited value", "a=2", Some("a=1"), "a=1", Some(set("a=2")), None, Some("a=1")),
            ("a new key", "a=1 b=2", Some("a=1"), "a=1", Some(set("b=2")), None, Some("a=1")),
            ("a removed key", "", Some("a=1"), "a=1 theirs=9", Some(remove("a")), None, Some("a=1")),
            ("a removed key that is gone already", "", Some("a=1"), "theirs=9", None, None, Some("")),
            ("one changed, one removed: set first", "b=3", Some("a=1 b=2"), "a=1 b=2", Some(set("b=3")), None, Some("a=1 b=2")),
            ("a removed key whose value others changed", "", Some("a=1"), "a=7", Some(remove("a")), None, Some("a=1")),
            ("changed externally", "a=1", Some("a=1"), "a=7", None, Some(set("a=1")), Some("a=1")),
            ("removed externally", "a=1", Some("a=1"), "", None, Some(set("a=1")), Some("a=1")),
            ("edited and changed externally", "a=1 b=3", Some("a=1 b=2"), "a=7 b=2", Some(set("b=3")), Some(set("a=1")), Some("a=1 b=2")),
            ("edited to what others have set", "a=7", Some("a=1"), "a=7", None, None, Some("a=7")),
            ("adopted as found", "a=1", None, "a=1", None, None, Some("a=1")),
            ("adopted, not confirmed", "a=1 b=2", None, "a=1", None, None, None),
        ];
        for (name, desired, applied, observed, edit, drift, confirmed) in rows {
            let (desired, applied, observed) = (tags(desired), applied.map(tags), tags(observed));
            let view = TagsView {
                desired: &desired,
                applied: applied.as_ref(),
                observed: &observed,
                in_doubt: &BTreeMap::new(),
            };
            assert_eq!(view.step(&view.edited()), edit, "{name}: edits");
            assert_eq!(view.step(&view.drifted()), drift, "{name}: drift");
            assert_eq!(view.confirmed(), confirmed.map(tags), "{name}: confirmed");
        }
    }

    #[test]
    fn what_was_ours_and_was_taken_back_is_an_edit() {
        let (desired, observed) = (tags("a=1"), tags("a=2"));
        let doubt = BTreeMap::from([("a".to_owned(), Some("2".to_owned()))]);
        let view = TagsView { desired: &desired, applied: Some(&desired), observed: &observed, in_doubt: &doubt };
        assert_eq!((view.step(&view.edited()), view.drifted()), (Some(set("a=1")), BTreeSet::new()));
    }

    #[test]
    fn a_difference_names_the_keys_and_both_values() {
        let (desired, observed) = (tags("a=1"), tags("b=2 theirs=9"));
        let applied = tags("a=1 b=2");
        let view =
            TagsView { desired: &desired, applied: Some(&applied), observed: &observed, in_doubt: &BTreeMap::new() };
        assert_eq!(view.shown(&view.all()), ("a absent, b=2".to_owned(), "a=1, b absent".to_owned()));
    }
}
