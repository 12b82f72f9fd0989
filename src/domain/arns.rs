//! Parts of a group that are sets of ARNs and in no List: each is managed as a whole, and its order means nothing. Pure.

use std::collections::BTreeSet;

use super::{
    facet::{Facet, Step},
    plan::Cause,
};
use crate::api::{FieldDifference, Timestamp};

/// How many members of a difference are named.
const MOST_SHOWN: usize = 5;

/// ARNs in no order; of principals also the unique ids that IAM shows instead of deleted ones.
pub type Arns = BTreeSet<String>;

/// What is known of a part of a group, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dated<T> {
    /// What is known.
    pub value: T,
    /// When the read began, or the answer to our own write came.
    pub as_of: Timestamp,
}

/// One set of a resource that manages it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArnsView<'a> {
    /// Which part of the group it is.
    pub facet: Facet,
    /// What the spec requests.
    pub desired: &'a Arns,
    /// What AWS last confirmed; `None` before the first time.
    pub applied: Option<&'a Arns>,
    /// What AWS reported.
    pub observed: BTreeSet<&'a str>,
    /// Whether AWS has what is desired.
    pub agrees: bool,
    /// Whether it was not changed, though it differs: then it is not corrected.
    pub tolerated: bool,
    /// Whether a write of ours has begun that AWS has not confirmed as a whole.
    pub unfinished: bool,
    /// The next call that brings AWS closer to what is desired.
    pub step: Option<Step>,
}

impl ArnsView<'_> {
    fn is_applied(&self) -> bool {
        self.applied == Some(self.desired)
    }

    /// Whether it differs, as far as that is to be reported.
    #[must_use]
    pub fn differs(&self) -> bool {
        !(self.agrees || (self.tolerated && self.is_applied()))
    }

    /// Whether it differs because AWS was changed.
    #[must_use]
    pub fn drifted(&self) -> bool {
        self.differs() && self.is_applied() && !self.unfinished
    }

    /// Why it is to be written, if it is.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        match self.applied {
            _ if self.agrees => None,
            None => Some(Cause::Adoption),
            Some(applied) if applied != self.desired => Some(Cause::Edit),
            Some(_) if self.unfinished => Some(Cause::Unfinished),
            Some(_) => self.drifted().then_some(Cause::Drift),
        }
    }

    /// What AWS has confirmed by now.
    #[must_use]
    pub fn confirmed(&self) -> Option<&Arns> {
        if self.agrees { Some(self.desired) } else { self.applied }
    }

    /// What AWS has, and what it is to have, as people read it.
    #[must_use]
    pub fn difference(&self) -> FieldDifference {
        FieldDifference {
            field: self.facet.name().into(),
            observed: shown(self.observed.iter().copied()),
            desired: shown(self.desired.iter().map(String::as_str)),
        }
    }
}

/// Some of them by name, or `none`.
pub fn shown<'a>(members: impl ExactSizeIterator<Item = &'a str>) -> String {
    let number = members.len();
    let mut shown: Vec<_> = members.take(MOST_SHOWN).map(str::to_owned).collect();
    match number.checked_sub(MOST_SHOWN) {
        _ if number == 0 => return "none".into(),
        Some(more @ 1..) => shown.push(format!("and {more} more")),
        _ => {}
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixtures::arns;

    #[test]
    fn why_a_set_is_written_follows_from_what_aws_has_confirmed() {
        let [none, a, b] = ["", "a", "b"].map(arns);
        #[rustfmt::skip]
        let rows = [
            // applied, desired, agrees, tolerated, unfinished: the cause, and whether it is drift and a difference.
            ("in sync", Some(&a), &a, true, false, false, None, false, false),
            ("nothing applied yet", None, &a, false, false, false, Some(Cause::Adoption), false, true),
            ("edited", Some(&b), &a, false, false, false, Some(Cause::Edit), false, true),
            ("removed", Some(&a), &none, false, false, false, Some(Cause::Edit), false, true),
            ("changed externally", Some(&a), &a, false, false, false, Some(Cause::Drift), true, true),
            ("half written", Some(&a), &a, false, false, true, Some(Cause::Unfinished), false, true),
            ("nobody has changed it", Some(&a), &a, false, true, false, None, false, false),
            ("edited, though nobody has changed it", Some(&b), &a, false, true, false, Some(Cause::Edit), false, true),
        ];
        for (name, applied, desired, agrees, tolerated, unfinished, cause, drifted, differs) in rows {
            let (observed, step) = (BTreeSet::new(), None);
            let facet = Facet::Permissions;
            let view = ArnsView { facet, desired, applied, observed, agrees, tolerated, unfinished, step };
            assert_eq!((view.cause(), view.drifted(), view.differs()), (cause, drifted, differs), "{name}");
            assert_eq!(view.confirmed(), if agrees { Some(desired) } else { applied }, "{name}");
        }
    }

    #[test]
    fn a_long_set_is_not_shown_as_a_whole() {
        let many = arns("a b c d e f g");
        assert_eq!(shown(many.iter().map(String::as_str)), "a, b, c, d, e, and 2 more");
        assert_eq!(shown(arns("").iter().map(String::as_str)), "none");
        assert_eq!(shown(arns("a b c d e").iter().map(String::as_str)), "a, b, c, d, e");
    }
}
