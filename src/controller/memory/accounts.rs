//! The ProfilerAccounts, and the labels of namespaces by which they select: through which identity a resource calls AWS.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kube::core::{Selector, SelectorExt};

use super::{key::Key, object::Version};
use crate::{
    api::{ProfilerAccountSpec, ProfilerAccountStatus, ProfilingGroupSpec},
    domain::account::{Access, Account, Refusal, Role, Users},
};

/// The labels of a namespace.
pub type Labels = BTreeMap<String, String>;

/// What the watches of ProfilerAccounts and namespaces report.
#[derive(Debug)]
pub enum AccountEvent {
    /// A ProfilerAccount is like this.
    Account(Box<AccountObject>),
    /// A ProfilerAccount is gone.
    AccountGone(String),
    /// These are all ProfilerAccounts.
    AccountsListed(BTreeSet<String>),
    /// ProfilerAccounts can't be listed.
    AccountsRefused,
    /// A namespace has these labels.
    Namespace(String, Labels),
    /// A namespace is gone.
    NamespaceGone(String),
    /// These are all namespaces.
    NamespacesListed(BTreeSet<String>),
    /// Namespaces can't be listed.
    NamespacesRefused,
}

/// A ProfilerAccount as stored.
#[derive(Debug)]
pub struct AccountObject {
    /// `metadata.name`.
    pub name: String,
    /// Its spec, or why it can't be read.
    pub spec: Result<ProfilerAccountSpec, String>,
    /// What a write of its status needs.
    pub stored: Stored,
}

/// What a write of the status of a ProfilerAccount needs.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.generation`.
    pub generation: i64,
    /// `metadata.resourceVersion`.
    pub version: String,
    /// `status`.
    pub status: ProfilerAccountStatus,
}

impl Stored {
    fn version(&self) -> Option<Version> {
        Version::read(&self.version)
    }
}

/// The status of a ProfilerAccount that is to be reported.
#[derive(Debug)]
pub struct AccountReport {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub version: String,
    /// The status as stored.
    pub stored: ProfilerAccountStatus,
    /// The status as it should be.
    pub next: ProfilerAccountStatus,
}

/// Which resources an event concerns.
#[derive(Debug, PartialEq, Eq)]
pub enum Concerned {
    /// None.
    NoResource,
    /// Those that refer to this ProfilerAccount.
    Account(String),
    /// Those in this namespace that refer to any.
    Namespace(String),
    /// All that refer to one.
    All,
}

impl Concerned {
    /// Whether it is this resource.
    pub fn includes(&self, key: &Key, spec: &ProfilingGroupSpec) -> bool {
        let Some(account) = &spec.account_ref else { return false };
        match self {
            Self::NoResource => false,
            Self::Account(name) => account.name == *name,
            Self::Namespace(namespace) => *key.namespace == **namespace,
            Self::All => true,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Watch {
    #[default]
    Begins,
    Listed,
    Refused,
}

/// One ProfilerAccount.
#[derive(Debug, PartialEq)]
struct Known {
    account: Account,
    selector: Option<Selector>,
}

/// What is known about ProfilerAccounts.
#[derive(Debug, Default)]
pub struct Accounts {
    watch: Watch,
    known: BTreeMap<String, (Result<Known, String>, Stored)>,
    /// The last version that was known of each that is gone: an answer that comes late does not bring it back.
    gone: BTreeMap<String, Version>,
    namespaces_watch: Watch,
    namespaces: BTreeMap<String, Labels>,
}

impl Accounts {
    /// Takes in what a watch has reported, or the API server has answered: an answer may come late, and be older. Returns
    /// which resources it concerns.
    pub fn take(&mut self, event: AccountEvent) -> Concerned {
        match event {
            AccountEvent::Account(object) => {
                let AccountObject { name, spec, stored } = *object;
                if stored.version().is_some_and(|version| self.is_outdated(&name, version)) {
                    return Concerned::NoResource;
                }
                self.gone.remove(&name);
                let known = spec.and_then(|spec| Known::read(&name, spec));
                let same = self.known.get(&name).is_some_and(|(before, _)| *before == known);
                self.known.insert(name.clone(), (known, stored));
                if same { Concerned::NoResource } else { Concerned::Account(name) }
            }
            AccountEvent::AccountGone(name) => {
                self.gone.extend(self.version(&name).map(|version| (name.clone(), version)));
                self.known.remove(&name);
                Concerned::Account(name)
            }
            AccountEvent::AccountsListed(names) => {
                let before = self.known.len();
                self.known.retain(|name, _| names.contains(name));
                self.gone.clear();
                let changed = self.watch != Watch::Listed || self.known.len() != before;
                self.watch = Watch::Listed;
                if changed { Concerned::All } else { Concerned::NoResource }
            }
            AccountEvent::AccountsRefused => {
                self.watch = Watch::Refused;
                Concerned::All
            }
            AccountEvent::Namespace(name, labels) => {
                let same = self.namespaces.get(&name) == Some(&labels);
                self.namespaces.insert(name.clone(), labels);
                if same { Concerned::NoResource } else { Concerned::Namespace(name) }
            }
            AccountEvent::NamespaceGone(name) => {
                self.namespaces.remove(&name);
                Concerned::Namespace(name)
            }
            AccountEvent::NamespacesListed(names) => {
                self.namespaces.retain(|name, _| names.contains(name));
                self.namespaces_watch = Watch::Listed;
                Concerned::All
            }
            AccountEvent::NamespacesRefused => {
                self.namespaces_watch = Watch::Refused;
                Concerned::All
            }
        }
    }

    /// The version of the ProfilerAccount `name` that is known.
    #[must_use]
    pub fn version(&self, name: &str) -> Option<Version> {
        self.known.get(name).and_then(|(_, stored)| stored.version())
    }

    fn is_outdated(&self, name: &str, version: Version) -> bool {
        self.version(name).is_some_and(|known| version < known)
            || self.gone.get(name).is_some_and(|gone| version <= *gone)
    }

    /// Every ProfilerAccount, once all are known: its role, or why its spec can't be read, and what is stored.
    pub fn all(&self) -> impl Iterator<Item = (&String, Result<&Arc<Role>, &String>, &Stored)> {
        let listed = self.watch == Watch::Listed;
        self.known
            .iter()
            .filter(move |_| listed)
            .map(|(name, (known, stored))| (name, known.as_ref().map(|known| &known.account.role), stored))
    }

    /// Whether the labels of namespaces matter to any ProfilerAccount.
    pub fn select_namespaces(&self) -> bool {
        self.known.values().flat_map(|(known, _)| known).any(|known| known.selector.is_some())
    }

    /// Whether a resource may use the identity that it names, and the ProfilerAccount if it does. `own` may use the
    /// operator's own identity.
    pub fn access(&self, own: &Users, key: &Key, spec: &ProfilingGroupSpec) -> (Access, Option<&Account>) {
        match self.account(own, key, spec) {
            Ok(account) => (Access::Granted, account),
            Err(access) => (access, None),
        }
    }

    fn account(&self, own: &Users, key: &Key, spec: &ProfilingGroupSpec) -> Result<Option<&Account>, Access> {
        let Some(name) = spec.account_ref.as_ref().map(|account| account.name.clone()) else {
            return if !own.admit_namespace(&key.namespace) {
                Err(namespace_refused(None, key))
            } else if !own.admit_group(&spec.profiling_group_name) {
                Err(group_refused(None, spec))
            } else {
                Ok(None)
            };
        };
        let known = match (self.watch, self.known.get(&name).map(|(known, _)| known)) {
            (Watch::Begins, _) => return Err(Access::Unknown),
            (Watch::Refused, _) => return Err(Access::Refused(Refusal::NotWatched(name))),
            (Watch::Listed, None) => return Err(Access::Refused(Refusal::Missing(name))),
            (Watch::Listed, Some(Err(why))) => {
                return Err(Access::Refused(Refusal::Unreadable { account: name, why: why.clone() }));
            }
            (Watch::Listed, Some(Ok(known))) => known,
        };
        if !known.account.users.admit_namespace(&key.namespace) {
            self.selects(known, &name, key)?;
        }
        if !known.account.users.admit_group(&spec.profiling_group_name) {
            return Err(group_refused(Some(name), spec));
        }
        Ok(Some(&known.account))
    }

    fn selects(&self, known: &Known, name: &str, key: &Key) -> Result<(), Access> {
        let refused = || Err(namespace_refused(Some(name.to_owned()), key));
        let Some(selector) = &known.selector else { return refused() };
        match self.namespaces_watch {
            Watch::Begins => Err(Access::Unknown),
            Watch::Refused => Err(Access::Refused(Refusal::NamespacesNotWatched(name.to_owned()))),
            Watch::Listed => match self.namespaces.get(&*key.namespace) {
                Some(labels) if selector.matches(labels) => Ok(()),
                _ => refused(),
            },
        }
    }
}

impl Known {
    fn read(name: &str, mut spec: ProfilerAccountSpec) -> Result<Self, String> {
        let selector = spec.namespace_selector.take().map(Selector::try_from).transpose();
        let selector = selector.map_err(|error| format!("namespaceSelector: {error}"))?;
        Ok(Self { account: Account::read(name, spec)?, selector })
    }
}

fn namespace_refused(account: Option<String>, key: &Key) -> Access {
    Access::Refused(Refusal::Namespace { account, namespace: key.namespace.to_string() })
}

fn group_refused(account: Option<String>, spec: &ProfilingGroupSpec) -> Access {
    Access::Refused(Refusal::GroupName { account, group: spec.profiling_group_name.clone() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::glob::Glob;

    const ROLE: &str = "arn:aws:iam::111122223333:role/a";

    fn applied(name: &str, more: &Value) -> AccountEvent {
        let mut spec = json!({ "roleArn": ROLE });
        spec.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        let spec = Ok(serde_json::from_value(spec).unwrap());
        AccountEvent::Account(Box::new(AccountObject { name: name.into(), spec, stored: Stored::default() }))
    }

    fn listed() -> AccountEvent {
        AccountEvent::AccountsListed(["prod".to_owned()].into())
    }

    /// Of the resource `shop/a` for the group `shop-a`, which refers to `prod`.
    fn access(accounts: &Accounts) -> Access {
        let key = Key { namespace: "shop".into(), name: "a".into() };
        let spec =
            json!({ "profilingGroupName": "shop-a", "profilingEnabled": true, "accountRef": { "name": "prod" } });
        accounts.access(&Users::default(), &key, &serde_json::from_value(spec).unwrap()).0
    }

    fn refused(accounts: &Accounts) -> String {
        match access(accounts) {
            Access::Refused(refusal) => format!("{:?}: {}", refusal.reason(), refusal.message()),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_resource_may_use_an_account_that_names_its_namespace_and_its_group() {
        for (more, expected) in [
            (json!({}), "AccountNotAllowed: ProfilerAccount prod does not allow namespace shop"),
            (json!({ "namespaces": ["search"] }), "does not allow namespace shop"),
            (json!({ "namespaces": ["shop"] }), "Granted"),
            (json!({ "namespaces": ["shop"], "groupNames": ["shop-*"] }), "Granted"),
            (json!({ "namespaces": ["shop"], "groupNames": [] }), "does not allow the group shop-a"),
            (json!({ "namespaces": ["shop"], "groupNames": ["search-*"] }), "does not allow the group shop-a"),
            (json!({ "namespaces": ["shop"], "pollInterval": "soon" }), "AccountNotReady"),
        ] {
            let mut accounts = Accounts::default();
            assert_eq!(access(&accounts), Access::Unknown);
            accounts.take(applied("prod", &more));
            assert_eq!(access(&accounts), Access::Unknown, "another version may follow");
            assert_eq!(accounts.take(listed()), Concerned::All);
            assert!(refused(&accounts).contains(expected), "{more}: {}", refused(&accounts));
        }
    }

    #[test]
    fn an_account_that_selects_namespaces_waits_for_their_labels() {
        let mut accounts = Accounts::default();
        let selector = json!({ "namespaceSelector": { "matchLabels": { "profiling": "prod" } } });
        accounts.take(applied("prod", &selector));
        accounts.take(listed());
        assert!(accounts.select_namespaces());
        assert_eq!(access(&accounts), Access::Unknown);
        accounts.take(AccountEvent::NamespacesRefused);
        assert!(refused(&accounts).contains("which this operator can't read"));
        accounts.take(AccountEvent::Namespace("shop".into(), Labels::new()));
        accounts.take(AccountEvent::NamespacesListed(["shop".to_owned()].into()));
        assert!(refused(&accounts).contains("label the namespace"));
        let labels: Labels = [("profiling".to_owned(), "prod".to_owned())].into();
        let concerned = accounts.take(AccountEvent::Namespace("shop".into(), labels.clone()));
        assert_eq!((concerned, access(&accounts)), (Concerned::Namespace("shop".into()), Access::Granted));
        assert_eq!(accounts.take(AccountEvent::Namespace("shop".into(), labels)), Concerned::NoResource);
    }

    #[test]
    fn an_account_that_is_gone_or_can_not_be_watched_is_used_by_no_resource() {
        let mut accounts = Accounts::default();
        accounts.take(applied("prod", &json!({ "namespaces": ["shop"] })));
        accounts.take(listed());
        assert_eq!(
            accounts.take(applied("prod", &json!({ "namespaces": ["shop"] }))),
            Concerned::NoResource,
            "unchanged"
        );
        accounts.take(AccountEvent::AccountGone("prod".into()));
        assert!(refused(&accounts).starts_with("AccountMissing"));
        accounts.take(AccountEvent::AccountsRefused);
        assert!(refused(&accounts).starts_with("AccountsNotWatched"));
        accounts.take(applied("prod", &json!({ "namespaces": ["shop"] })));
        accounts.take(listed());
        assert_eq!(access(&accounts), Access::Granted);
    }

    #[test]
    fn the_operators_own_identity_has_limits_of_its_own() {
        let key = Key { namespace: "shop".into(), name: "a".into() };
        let spec: ProfilingGroupSpec =
            serde_json::from_value(json!({ "profilingGroupName": "shop-a", "profilingEnabled": true })).unwrap();
        let of = |users: Users| Accounts::default().access(&users, &key, &spec).0;
        assert_eq!(of(Users::default()), Access::Granted);
        let namespaces = Users { namespaces: Some(["search".to_owned()].into()), group_names: None };
        assert!(matches!(of(namespaces), Access::Refused(Refusal::Namespace { account: None, .. })));
        let names = Users { namespaces: None, group_names: Some(vec![Glob::new("search-*")]) };
        assert!(matches!(of(names), Access::Refused(Refusal::GroupName { account: None, .. })));
    }
}
