//! Through which identity a resource calls AWS, and whether it may. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use super::{desired::Allowed, glob::Glob};
use crate::api::{ProfilerAccountSpec, Reason};

/// The role of a ProfilerAccount, with everything that its calls depend on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role {
    /// The ProfilerAccount's name.
    pub account: Arc<str>,
    /// The AWS account that the role belongs to.
    pub aws_account: Arc<str>,
    /// The role's ARN.
    pub arn: String,
    /// What the role's trust policy requires.
    pub external_id: Option<String>,
    /// The tags of its session.
    pub session_tags: BTreeMap<String, String>,
    /// The time between two Lists, if it is not the operator's.
    pub poll_interval: Option<Duration>,
    /// Calls a second, at most, if it is not the operator's.
    pub calls_per_second: Option<NonZeroU32>,
}

/// A ProfilerAccount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its role.
    pub role: Arc<Role>,
    /// The region of resources without one.
    pub region: Option<String>,
    /// What it allows resources.
    pub allowed: Allowed,
    /// Which resources may refer to it, beside those in namespaces that its selector selects.
    pub users: Users,
}

impl Account {
    /// Reads the spec of the ProfilerAccount `name`.
    pub fn read(name: &str, spec: ProfilerAccountSpec) -> Result<Self, String> {
        let poll_interval = spec.poll_interval.as_deref().map(humantime::parse_duration).transpose();
        let calls_per_second = spec.calls_per_second.map(|calls| NonZeroU32::new(calls).ok_or("callsPerSecond is 0"));
        let role = Role {
            account: name.into(),
            aws_account: spec.role_arn.split(':').nth(4).unwrap_or_default().into(),
            arn: spec.role_arn,
            external_id: spec.external_id,
            session_tags: spec.session_tags.unwrap_or_default(),
            poll_interval: poll_interval.map_err(|error| format!("pollInterval: {error}"))?,
            calls_per_second: calls_per_second.transpose()?,
        };
        if role.aws_account.is_empty() {
            return Err("roleArn is not the ARN of a role".into());
        }
        Ok(Self {
            role: Arc::new(role),
            region: spec.region,
            allowed: Allowed {
                grants: spec.allowed_facets.unwrap_or_default(),
                principals: spec.allowed_principals.as_deref().map(globs).unwrap_or_default(),
                topics: spec.allowed_topics.as_deref().map(globs).unwrap_or_default(),
            },
            users: Users {
                namespaces: Some(spec.namespaces.into_iter().flatten().collect()),
                group_names: spec.group_names.as_deref().map(globs),
            },
        })
    }
}

fn globs(patterns: &[String]) -> Vec<Glob> {
    patterns.iter().map(|pattern| Glob::new(pattern)).collect()
}

/// Which resources may use an identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users {
    /// Those in these namespaces; all when absent.
    pub namespaces: Option<BTreeSet<String>>,
    /// Those that name a group that matches one of these patterns; all when absent.
    pub group_names: Option<Vec<Glob>>,
}

impl Users {
    /// Whether resources in `namespace` may use the identity.
    #[must_use]
    pub fn admit_namespace(&self, namespace: &str) -> bool {
        self.namespaces.as_ref().is_none_or(|namespaces| namespaces.contains(namespace))
    }

    /// Whether resources that name `group` may use the identity.
    #[must_use]
    pub fn admit_group(&self, group: &str) -> bool {
        self.group_names.as_ref().is_none_or(|patterns| Glob::any(patterns, group))
    }
}

/// Whether a resource may use the identity that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// It may.
    Granted,
    /// That is not known yet.
    Unknown,
    /// It may not: no call is made for it, and never one with another identity.
    Refused(Refusal),
}

/// Why a resource may not use the identity that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such ProfilerAccount.
    Missing(String),
    /// The operator does not watch ProfilerAccounts.
    NotWatched(String),
    /// The ProfilerAccount can't be read.
    Unreadable {
        /// Its name.
        account: String,
        /// What is wrong.
        why: String,
    },
    /// The resource's namespace may not use it.
    Namespace {
        /// The ProfilerAccount; the operator's own identity when absent.
        account: Option<String>,
        /// The namespace.
        namespace: String,
    },
    /// The labels of namespaces, which the ProfilerAccount selects by, are not known.
    NamespacesNotWatched(String),
    /// The resource's group may not be managed with it.
    GroupName {
        /// The ProfilerAccount; the operator's own identity when absent.
        account: Option<String>,
        /// The group.
        group: String,
    },
}

impl Refusal {
    /// The reason of the conditions.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Missing(_) => Reason::AccountMissing,
            Self::NotWatched(_) => Reason::AccountsNotWatched,
            Self::Unreadable { .. } => Reason::AccountNotReady,
            Self::Namespace { .. } | Self::NamespacesNotWatched(_) | Self::GroupName { .. } => {
                Reason::AccountNotAllowed
            }
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Missing(account) => format!(
                "There is no ProfilerAccount {account}: create it, or correct spec.accountRef in a new ProfilingGroup. \
                 Nothing is changed in AWS meanwhile."
            ),
            Self::NotWatched(account) => format!(
                "spec.accountRef names ProfilerAccount {account}, but this operator can't read ProfilerAccounts: install \
                 their CRD and allow the operator to list and watch profileraccounts in the cluster, or remove \
                 --accounts=false."
            ),
            Self::Unreadable { account, why } => {
                format!("The spec of ProfilerAccount {account} can't be read: {why}. Correct it.")
            }
            Self::Namespace { account: Some(account), namespace } => format!(
                "ProfilerAccount {account} does not allow namespace {namespace}: add it to spec.namespaces of the \
                 ProfilerAccount, or label the namespace so that spec.namespaceSelector selects it."
            ),
            Self::Namespace { account: None, namespace } => format!(
                "This operator does not allow its own AWS identity in namespace {namespace}: set spec.accountRef in a new \
                 ProfilingGroup, or add the namespace to --own-identity-namespaces."
            ),
            Self::NamespacesNotWatched(account) => format!(
                "ProfilerAccount {account} selects namespaces by their labels, which this operator can't read: allow it to \
                 list and watch namespaces, or use spec.namespaces of the ProfilerAccount."
            ),
            Self::GroupName { account: Some(account), group } => format!(
                "ProfilerAccount {account} does not allow the group {group}: add its name to spec.groupNames of the \
                 ProfilerAccount."
            ),
            Self::GroupName { account: None, group } => format!(
                "This operator does not allow the group {group} with its own AWS identity: set spec.accountRef in a new \
                 ProfilingGroup, or add the name to --own-identity-group-names."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::Grant;

    #[test]
    fn an_account_that_names_no_namespaces_can_be_used_in_none() {
        let spec =
            json!({ "roleArn": "arn:aws:iam::111122223333:role/a", "pollInterval": "5m", "allowedFacets": ["tags"] });
        let account = Account::read("prod", serde_json::from_value(spec).unwrap()).unwrap();
        assert!(!account.users.admit_namespace("shop") && account.users.admit_group("any"));
        assert_eq!((&*account.role.aws_account, &*account.role.account), ("111122223333", "prod"));
        assert_eq!(
            (account.role.poll_interval, account.allowed.grants),
            (Some(Duration::from_mins(5)), vec![Grant::Tags])
        );
        assert!(Users::default().admit_namespace("shop"), "the operator's own identity, unless it is limited");
    }

    #[test]
    fn a_profiler_account_can_allow_every_grant() {
        let names: Vec<_> = Grant::ALL.iter().map(|grant| grant.name()).collect();
        let spec = json!({ "roleArn": "arn:aws:iam::111122223333:role/a", "allowedFacets": names });
        let account = Account::read("prod", serde_json::from_value(spec).unwrap()).unwrap();
        assert_eq!(account.allowed.grants, Grant::ALL);
    }

    #[test]
    fn what_can_not_be_read_is_named() {
        let spec = json!({ "roleArn": "arn:aws:iam::111122223333:role/a", "pollInterval": "soon" });
        let why = Account::read("prod", serde_json::from_value(spec).unwrap()).unwrap_err();
        assert!(why.starts_with("pollInterval: "), "{why}");
    }
}
