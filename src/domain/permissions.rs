//! Who may act as an agent of a group: its policy, compared with what the spec requests. Pure.

use super::{
    arns::{Arns, ArnsView},
    facet::{Facet, Step},
};

/// The policy of a group, as far as it is about agents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Policy {
    /// `revisionId`; `None` where there is no policy.
    pub revision: Option<String>,
    /// The principals: ARNs, or the unique ids of deleted ones.
    pub principals: Arns,
    /// What our own Put of this revision has set, where nothing more is to be done for it: IAM may show it otherwise.
    pub put: Option<Arns>,
}

impl Policy {
    /// The policy as AWS answered it to a Put of `sent`, where `before` was known. With whether that shows that a Put adds:
    /// it then has what was not sent, and was there before.
    #[must_use]
    pub fn after_put(mut self, sent: &Arns, before: Option<&Self>) -> (Self, bool) {
        let was_there = |principal: &&String| before.is_some_and(|before| before.principals.contains(*principal));
        let adds = others(&self.principals, sent).any(|principal| was_there(&principal));
        self.put = (!adds).then(|| sent.clone());
        (self, adds)
    }
}

/// What a resource that manages permissions makes of them.
#[derive(Clone, Copy, Debug)]
pub struct Permissions<'a> {
    /// `spec.agentPermissions.principals`.
    pub desired: &'a Arns,
    /// Those that AWS last confirmed.
    pub applied: Option<&'a Arns>,
    /// The revision with which it did.
    pub revision: Option<&'a str>,
    /// What AWS has.
    pub policy: &'a Policy,
    /// Whether a write of ours has begun that is not confirmed.
    pub unfinished: bool,
    /// Whether PutPermission is known to add, and not to replace.
    pub puts_add: bool,
}

impl<'a> Permissions<'a> {
    /// In sync are equal sets, and the very revision that we have written for this set.
    #[must_use]
    pub fn view(self) -> ArnsView<'a> {
        let Self { desired, applied, revision, policy, unfinished, .. } = self;
        let unchanged = policy.revision.is_some() && policy.revision.as_deref() == revision && applied == Some(desired);
        ArnsView {
            facet: Facet::Permissions,
            desired,
            applied,
            observed: policy.principals.iter().map(String::as_str).collect(),
            agrees: policy.principals == *desired || policy.put.as_ref() == Some(desired) || unchanged,
            tolerated: self.differs_by_deleted_principals(),
            unfinished,
            step: self.step(),
        }
    }

    /// Whether each principal that is missing may be one that was deleted, which IAM shows by its unique id.
    fn differs_by_deleted_principals(&self) -> bool {
        let Self { desired, policy, .. } = self;
        let missing = desired.difference(&policy.principals).count();
        let deleted = unique_ids(&policy.principals).count();
        deleted > 0 && missing <= deleted && others(&policy.principals, desired).next().is_none()
    }

    fn step(&self) -> Option<Step> {
        let Self { desired, policy, .. } = self;
        let remove = || Some(Step::RemovePermission { revision: policy.revision.clone()? });
        if desired.is_empty() || (self.puts_add && others(&policy.principals, desired).next().is_some()) {
            return remove();
        }
        Some(Step::PutPermission { principals: (*desired).clone(), revision: policy.revision.clone() })
    }
}

/// The principals beside `expected` that are there for sure: not the unique ids of deleted ones.
fn others<'a>(principals: &'a Arns, expected: &'a Arns) -> impl Iterator<Item = &'a String> {
    principals.difference(expected).filter(|principal| !is_unique_id(principal))
}

/// The unique ids of roles and users that were deleted.
pub fn unique_ids(principals: &Arns) -> impl Iterator<Item = &str> {
    principals.iter().map(String::as_str).filter(|principal| is_unique_id(principal))
}

fn is_unique_id(principal: &str) -> bool {
    (principal.starts_with("AROA") || principal.starts_with("AIDA"))
        && principal.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{fixtures::arns, plan::Cause};

    fn policy(revision: &str, principals: &str) -> Policy {
        Policy {
            revision: Some(revision.to_owned()).filter(|revision| !revision.is_empty()),
            principals: arns(principals),
            put: None,
        }
    }

    #[allow(clippy::unnecessary_wraps, reason = "as a view has it")]
    fn put(principals: &str, revision: &str) -> Option<Step> {
        let revision = Some(revision.to_owned()).filter(|revision| !revision.is_empty());
        Some(Step::PutPermission { principals: arns(principals), revision })
    }

    #[allow(clippy::unnecessary_wraps, reason = "as a view has it")]
    fn remove(revision: &str) -> Option<Step> {
        Some(Step::RemovePermission { revision: revision.into() })
    }

    #[test]
    fn the_policy_is_managed_as_a_whole() {
        #[rustfmt::skip]
        let rows = [
            // desired, applied with its revision, the policy, whether a Put adds: why it is written, and how.
            ("in sync", "a b", Some(("a b", "r1")), ("r1", "b a"), false, None, put("a b", "r1")),
            ("no policy yet", "a", None, ("", ""), false, Some(Cause::Adoption), put("a", "")),
            ("adopted as found", "a", None, ("r1", "a"), false, None, put("a", "r1")),
            ("none is to be there, and none is", "", None, ("", ""), false, None, None),
            ("another one is added", "a b", Some(("a", "r1")), ("r1", "a"), false, Some(Cause::Edit), put("a b", "r1")),
            ("added, where a Put adds", "a b", Some(("a", "r1")), ("r1", "a"), true, Some(Cause::Edit), put("a b", "r1")),
            ("one is removed", "a", Some(("a b", "r1")), ("r1", "a b"), false, Some(Cause::Edit), put("a", "r1")),
            ("one is removed, where a Put adds", "a", Some(("a b", "r1")), ("r1", "a b"), true, Some(Cause::Edit), remove("r1")),
            ("all are removed", "", Some(("a", "r1")), ("r1", "a"), false, Some(Cause::Edit), remove("r1")),
            ("all are removed, the deleted as well", "", Some(("a", "r1")), ("r1", "AROA1"), false, Some(Cause::Edit), remove("r1")),
            ("changed externally", "a", Some(("a", "r1")), ("r2", "b"), false, Some(Cause::Drift), put("a", "r2")),
            ("removed externally", "a", Some(("a", "r1")), ("", ""), false, Some(Cause::Drift), put("a", "")),
            ("changed externally, and back", "a", Some(("a", "r1")), ("r3", "a"), false, None, put("a", "r3")),
            ("IAM shows it otherwise", "a", Some(("a", "r1")), ("r1", "x"), false, None, put("a", "r1")),
            ("a role was deleted", "a b", Some(("a b", "r1")), ("r1", "AROA1 b"), false, None, put("a b", "r1")),
            ("one was deleted, and the policy written again", "a b", Some(("a b", "r1")), ("r2", "AROA1 b"), false, None, put("a b", "r2")),
            ("one was deleted, another removed", "a b c", Some(("a b c", "r1")), ("r2", "AROA1 b"), false, Some(Cause::Drift), put("a b c", "r2")),
            ("one was deleted, another added", "a b", Some(("a b", "r1")), ("r2", "AIDA1 b c"), false, Some(Cause::Drift), put("a b", "r2")),
            ("one was deleted, and replaced in the spec", "b", Some(("a", "r1")), ("r1", "AROA1"), false, Some(Cause::Edit), put("b", "r1")),
        ];
        for (name, desired, applied, (revision, principals), puts_add, cause, step) in rows {
            let (desired, policy) = (arns(desired), policy(revision, principals));
            let applied = applied.map(|(principals, revision)| (arns(principals), revision));
            let (applied, revision) = (applied.as_ref().map(|it| &it.0), applied.as_ref().map(|it| it.1));
            let unfinished = false;
            let view =
                Permissions { desired: &desired, applied, revision, policy: &policy, unfinished, puts_add }.view();
            assert_eq!((view.cause(), view.step), (cause, step), "{name}");
        }
    }

    #[test]
    fn the_answer_to_a_put_shows_whether_it_adds() {
        #[rustfmt::skip]
        let rows = [
            // before, sent, answered: whether it adds.
            ("", "a", "a", false),
            ("b", "a", "a", false),
            ("b", "a", "a b", true),
            ("a", "a b", "a b", false),
            ("AROA1", "a", "AROA1 a", false),
            ("b", "a", "x", false),
        ];
        for (before, sent, answered, adds) in rows {
            let sent = arns(sent);
            let (after, found) = policy("r2", answered).after_put(&sent, Some(&policy("r1", before)));
            assert_eq!((found, after.put), (adds, (!adds).then_some(sent)), "{before} {answered}");
        }
    }

    #[test]
    fn what_our_put_has_set_agrees_however_iam_shows_it() {
        let desired = arns("a");
        let (policy, _) = policy("r2", "x").after_put(&desired, None);
        let permissions = Permissions {
            desired: &desired,
            applied: None,
            revision: None,
            policy: &policy,
            unfinished: true,
            puts_add: false,
        };
        assert!(permissions.view().agrees);
    }
}
