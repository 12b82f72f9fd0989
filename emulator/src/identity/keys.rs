//! The access keys that the emulator knows: those it was started with, and those that STS gave out. Pure.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::Caller;
use super::claim::Claim;
use crate::hash::fnv1a;
use crate::moment::Stamp;

/// More than any test assumes roles.
const SESSIONS: usize = 100_000;

/// A key with its secret, as `id=secret,account`.
#[derive(Clone)]
pub struct AccessKey {
    id: String,
    secret: String,
    account: String,
}

/// A text that is no access key.
#[derive(Debug, thiserror::Error)]
#[error("an access key must have the form id=secret,account, with an account of 12 digits")]
pub struct BadAccessKey;

impl FromStr for AccessKey {
    type Err = BadAccessKey;

    fn from_str(text: &str) -> Result<Self, BadAccessKey> {
        let (id, rest) = text.split_once('=').ok_or(BadAccessKey)?;
        let (secret, account) = rest.rsplit_once(',').ok_or(BadAccessKey)?;
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        if id.is_empty() || secret.is_empty() || !is_account {
            return Err(BadAccessKey);
        }
        Ok(Self { id: id.to_owned(), secret: secret.to_owned(), account: account.to_owned() })
    }
}

impl std::fmt::Debug for AccessKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "AccessKey({})", self.id)
    }
}

/// Credentials that STS gave for a role.
#[derive(Clone)]
pub struct Session {
    pub key: String,
    pub secret: String,
    pub token: String,
    pub account: String,
    pub arn: String,
    pub user_id: String,
    pub expires: Stamp,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Session({})", self.arn)
    }
}

/// What is known of an access key.
pub(super) enum Known<'a> {
    /// Nothing, and nothing is needed: no keys were configured, so that any will do.
    Anyone,
    Key(&'a AccessKey),
    Session(&'a Session),
}

#[derive(Debug, Default)]
pub struct KeyBook {
    configured: BTreeMap<String, AccessKey>,
    sessions: BTreeMap<String, Session>,
}

impl KeyBook {
    pub fn new(keys: Vec<AccessKey>) -> Self {
        let configured = keys.into_iter().map(|key| (key.id.clone(), key)).collect();
        Self { configured, sessions: BTreeMap::new() }
    }

    /// Nothing when only the configured keys count and this is none of them.
    pub(super) fn find(&self, access_key: &str) -> Option<Known<'_>> {
        if let Some(session) = self.sessions.get(access_key) {
            return Some(Known::Session(session));
        }
        match self.configured.get(access_key) {
            Some(key) => Some(Known::Key(key)),
            None => self.configured.is_empty().then_some(Known::Anyone),
        }
    }

    pub fn remember(&mut self, session: Session, now: Stamp) {
        if self.sessions.len() >= SESSIONS {
            self.sessions.retain(|_, session| now < session.expires);
        }
        self.sessions.insert(session.key.clone(), session);
    }

    /// Whom the claim is about, true or not: the journal, faults and settings go by it.
    pub fn caller(&self, claim: &Claim) -> Caller {
        let key = &claim.access_key;
        let region = claim.region.clone();
        let user = |account: String| {
            let arn = format!("arn:aws:iam::{account}:user/emulator");
            Caller { account, region: region.clone(), arn, user_id: key.clone() }
        };
        match self.find(key) {
            Some(Known::Session(session)) => Caller {
                account: session.account.clone(),
                region: region.clone(),
                arn: session.arn.clone(),
                user_id: session.user_id.clone(),
            },
            Some(Known::Key(key)) => user(key.account.clone()),
            Some(Known::Anyone) | None => user(account_of(key)),
        }
    }
}

impl AccessKey {
    pub(super) fn secret(&self) -> &str {
        &self.secret
    }
}

/// An access key that ends in twelve digits belongs to the account of that number, any other to a number made from the key.
fn account_of(access_key: &str) -> String {
    let tail = access_key.len().checked_sub(12).and_then(|start| access_key.get(start..));
    match tail {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.to_owned(),
        _ => format!("{:012}", fnv1a(access_key.as_bytes()) % 1_000_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_at_the_end_of_the_key_are_the_account() {
        assert_eq!(account_of("AKIA111122223333"), "111122223333");
    }

    #[test]
    fn any_other_key_has_a_stable_account_of_twelve_digits() {
        assert_eq!(account_of("AKIDEXAMPLE"), account_of("AKIDEXAMPLE"));
        assert_ne!(account_of("AKIDEXAMPLE"), account_of("AKIDEXAMPLF"));
        for key in ["a", "AKIDEXAMPLE", "ключ-доступа-к-облаку"] {
            let account = account_of(key);
            assert!(account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()), "{key}: {account}");
        }
    }

    #[test]
    fn a_secret_may_hold_every_character_of_base64() {
        let key: AccessKey = "AKIDEXAMPLE=a/b+c==,111122223333".parse().unwrap();
        assert_eq!((key.id.as_str(), key.secret(), key.account.as_str()), ("AKIDEXAMPLE", "a/b+c==", "111122223333"));
        assert!(!format!("{key:?}").contains("a/b"), "no secret is shown");
        for bad in ["", "a", "a=b", "=b,111122223333", "a=,111122223333", "a=b,1", "a=b,11112222333x"] {
            assert!(bad.parse::<AccessKey>().is_err(), "{bad}");
        }
    }

    #[test]
    fn with_keys_configured_no_other_is_known() {
        let book = KeyBook::new(vec!["A=s,111122223333".parse().unwrap()]);
        assert!(matches!(book.find("A"), Some(Known::Key(_))));
        assert!(book.find("B").is_none());
        assert!(matches!(KeyBook::default().find("B"), Some(Known::Anyone)));
    }
}
