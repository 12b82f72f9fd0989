//! Where a resource's group is, and whether the ProfilerAccount that it refers to lets it be there, as each process knows it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use serde_json::Value;

use super::{ACTS_WITHIN, Told};
use crate::aws::ROLES_ACCOUNT;

/// The place of the resource's group: a region, or one of the AWS account that all roles belong to.
pub fn place_of(object: &Value, default_region: Option<&str>) -> Option<String> {
    let region = object["spec"]["region"].as_str().or(default_region)?;
    Some(match account_of(object) {
        Some(_) => format!("{region}@{ROLES_ACCOUNT}"),
        None => region.to_owned(),
    })
}

/// The lane of the resource, as the operator names it.
pub fn lane_of(object: &Value, default_region: Option<&str>) -> Option<String> {
    let region = object["spec"]["region"].as_str().or(default_region)?;
    Some(account_of(object).map_or_else(|| region.to_owned(), |account| format!("{account}/{region}")))
}

/// The ProfilerAccount that the resource refers to.
pub fn account_of(object: &Value) -> Option<&str> {
    object["spec"]["accountRef"]["name"].as_str()
}

/// Whether this ProfilerAccount lets this resource use its role.
pub fn admits(account: &Value, resource: &Value) -> bool {
    let has = |list: &Value, value: &Value| list.as_array().is_some_and(|all| all.contains(value));
    let spec = &account["spec"];
    let groups = spec["groupNames"].is_null() || has(&spec["groupNames"], &resource["spec"]["profilingGroupName"]);
    has(&spec["namespaces"], &resource["metadata"]["namespace"]) && groups
}

/// What each process knows of each ProfilerAccount.
#[derive(Default)]
pub struct Accounts(BTreeMap<(u64, String), VecDeque<Told>>);

impl Accounts {
    /// A process received this version; `None` when the account is gone.
    pub fn told(&mut self, process: u64, name: &str, object: Option<Value>, now: Duration) {
        let versions = self.0.entry((process, name.to_owned())).or_default();
        versions.push_back(Told { at: now, object });
        if versions.len() > 8 {
            versions.pop_front();
        }
    }

    /// A process received all accounts there are.
    pub fn listed(&mut self, process: u64, names: &BTreeSet<String>, now: Duration) {
        let known = self.0.range((process, String::new())..(process + 1, String::new()));
        let gone: Vec<_> = known.map(|((_, name), _)| name.clone()).filter(|name| !names.contains(name)).collect();
        for name in gone {
            self.told(process, &name, None, now);
        }
    }

    /// Whether the account that the resource refers to lets it use its role, as far as the process knows, or knew a moment
    /// ago. True for one that refers to none.
    pub fn admit(&self, process: u64, resource: &Value, now: Duration) -> bool {
        let Some(name) = account_of(resource) else { return true };
        let Some(versions) = self.0.get(&(process, name.to_owned())) else { return false };
        let until = versions.iter().skip(1).map(|next| next.at).chain([Duration::MAX]);
        let recent = versions.iter().zip(until).filter(|(_, until)| now.saturating_sub(*until) < ACTS_WITHIN);
        recent.filter_map(|(told, _)| told.object.as_ref()).any(|account| admits(account, resource))
    }
}
