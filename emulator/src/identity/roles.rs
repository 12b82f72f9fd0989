//! Roles that callers take on, and whom a role trusts. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Caller, WebIdentity, like};
use crate::hash::fnv1a;

/// A role by its ARN, `arn:aws:iam::<account>:role/<path and name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub account: String,
    /// Without the path.
    pub name: String,
    pub arn: String,
}

impl Role {
    pub fn of_arn(arn: &str) -> Option<Self> {
        let (account, path) = arn.strip_prefix("arn:aws:iam::")?.split_once(":role/")?;
        let name = path.rsplit('/').next().filter(|name| !name.is_empty())?;
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        is_account.then(|| Self { account: account.to_owned(), name: name.to_owned(), arn: arn.to_owned() })
    }

    /// What STS names a session of the role.
    pub fn session_arn(&self, session: &str) -> String {
        format!("arn:aws:sts::{}:assumed-role/{}/{session}", self.account, self.name)
    }

    /// The unique id that IAM would give the role, here always the same for an ARN.
    pub fn id(&self) -> String {
        format!("AROA{:016X}", fnv1a(self.arn.as_bytes()))
    }
}

/// Who may take on a role, by which of the two ways. Patterns may have `*` and `?`; absent members match all.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trust {
    assume_role: Option<Assume>,
    web_identity: Option<Web>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Assume {
    /// Patterns of callers' ARNs.
    principals: Option<Vec<String>>,
    external_id: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Web {
    subject: Option<String>,
    audience: Option<String>,
    issuer: Option<String>,
}

/// The roles with a trust; any other trusts everyone.
#[derive(Debug, Default)]
pub struct RoleBook {
    trusts: BTreeMap<String, Trust>,
}

impl RoleBook {
    pub fn put(&mut self, role: &Role, trust: Trust) {
        self.trusts.insert(role.arn.clone(), trust);
    }

    pub fn forget_account(&mut self, account: &str) {
        self.trusts.retain(|arn, _| Role::of_arn(arn).is_some_and(|role| role.account != account));
    }

    pub fn trusts_caller(&self, role: &Role, caller: &Caller, external_id: Option<&str>) -> bool {
        let Some(trust) = self.trusts.get(&role.arn) else { return true };
        trust.assume_role.as_ref().is_some_and(|assume| {
            let named = assume.principals.as_ref().is_none_or(|all| all.iter().any(|one| like(one, &caller.arn)));
            named && (assume.external_id.is_none() || assume.external_id.as_deref() == external_id)
        })
    }

    pub fn trusts_web_identity(&self, role: &Role, identity: &WebIdentity) -> bool {
        let Some(trust) = self.trusts.get(&role.arn) else { return true };
        let fits = |pattern: &Option<String>, text: &str| pattern.as_ref().is_none_or(|pattern| like(pattern, text));
        trust.web_identity.as_ref().is_some_and(|web| {
            fits(&web.subject, &identity.subject)
                && fits(&web.audience, &identity.audience)
                && fits(&web.issuer, &identity.issuer)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn role() -> Role {
        Role::of_arn("arn:aws:iam::111122223333:role/path/app").unwrap()
    }

    fn book(trust: Value) -> RoleBook {
        let mut book = RoleBook::default();
        book.put(&role(), serde_json::from_value(trust).unwrap());
        book
    }

    fn caller(arn: &str) -> Caller {
        Caller { account: "444455556666".into(), region: "r".into(), arn: arn.into(), user_id: "u".into() }
    }

    #[test]
    fn a_role_is_named_by_its_arn() {
        assert_eq!((role().account.as_str(), role().name.as_str()), ("111122223333", "app"));
        assert_eq!(role().session_arn("s"), "arn:aws:sts::111122223333:assumed-role/app/s");
        assert_eq!(role().id().len(), 20);
        for bad in
            ["app", "arn:aws:iam::1:role/app", "arn:aws:iam::111122223333:user/app", "arn:aws:iam::111122223333:role/"]
        {
            assert_eq!(Role::of_arn(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_role_without_a_trust_trusts_everyone() {
        assert!(RoleBook::default().trusts_caller(&role(), &caller("anyone"), None));
    }

    #[test]
    fn the_external_id_and_the_caller_must_be_the_ones_of_the_trust() {
        let trusted = "arn:aws:iam::444455556666:user/emulator";
        let book = book(json!({"assumeRole": {"principals": ["arn:aws:iam::444455556666:*"], "externalId": "x1"}}));
        for (arn, id, expected) in [
            (trusted, Some("x1"), true),
            (trusted, Some("x2"), false),
            (trusted, None, false),
            ("arn:aws:iam::777788889999:user/emulator", Some("x1"), false),
        ] {
            assert_eq!(book.trusts_caller(&role(), &caller(arn), id), expected, "{arn} {id:?}");
        }
        let identity = WebIdentity { subject: "s".into(), audience: "a".into(), issuer: "i".into() };
        assert!(!book.trusts_web_identity(&role(), &identity), "this trust is not for web identities");
    }

    #[test]
    fn subject_and_audience_must_be_the_ones_of_the_trust() {
        let book =
            book(json!({"webIdentity": {"subject": "system:serviceaccount:ns:*", "audience": "sts.amazonaws.com"}}));
        let of = |subject: &str, audience: &str| WebIdentity {
            subject: subject.into(),
            audience: audience.into(),
            issuer: "i".into(),
        };
        assert!(book.trusts_web_identity(&role(), &of("system:serviceaccount:ns:app", "sts.amazonaws.com")));
        assert!(!book.trusts_web_identity(&role(), &of("system:serviceaccount:other:app", "sts.amazonaws.com")));
        assert!(!book.trusts_web_identity(&role(), &of("system:serviceaccount:ns:app", "other")));
        assert!(!book.trusts_caller(&role(), &caller("anyone"), None));
    }
}
