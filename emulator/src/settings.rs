//! The switches: their defaults, and the three layers (everywhere, an account, an account's region) that set them. Pure.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::state::{HISTORY, ThinList};

/// The switches as one account and region sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Every answer takes this long.
    pub latency_ms: u64,
    /// Describe and List answer with the state of so long ago.
    pub read_lag_ms: u64,
    pub thin_list: ThinList,
    /// Entries on a page when the request names no `maxResults`.
    pub page_size: usize,
    /// No page has more entries, whatever `maxResults` says.
    pub max_page_size: usize,
    /// Groups per account and region.
    pub quota: usize,
    pub update_without_change_moves_updated_at: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            latency_ms: 0,
            read_lag_ms: 0,
            thin_list: ThinList::Full,
            page_size: 100,
            max_page_size: 1000,
            quota: 500,
            update_without_change_moves_updated_at: true,
        }
    }
}

/// A partial change of the switches; absent and null both leave a switch as it is.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Change {
    latency_ms: Option<u64>,
    read_lag_ms: Option<u64>,
    thin_list: Option<ThinList>,
    page_size: Option<usize>,
    max_page_size: Option<usize>,
    quota: Option<usize>,
    update_without_change_moves_updated_at: Option<bool>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSetting {
    #[error("readLagMs must be at most {}: older states are forgotten", HISTORY.as_millis())]
    LagBeyondHistory,
    #[error("{0} must be 1..1000")]
    PageSize(&'static str),
    #[error("region without account: settings are for an account, or for all")]
    RegionWithoutAccount,
}

impl Change {
    fn check(self) -> Result<(), BadSetting> {
        if self.read_lag_ms.is_some_and(|lag| u128::from(lag) > HISTORY.as_millis()) {
            return Err(BadSetting::LagBeyondHistory);
        }
        for (name, size) in [("pageSize", self.page_size), ("maxPageSize", self.max_page_size)] {
            if size.is_some_and(|size| !(1..=1000).contains(&size)) {
                return Err(BadSetting::PageSize(name));
            }
        }
        Ok(())
    }

    /// This change where it says something, `below` elsewhere.
    fn over(self, below: Self) -> Self {
        Self {
            latency_ms: self.latency_ms.or(below.latency_ms),
            read_lag_ms: self.read_lag_ms.or(below.read_lag_ms),
            thin_list: self.thin_list.or(below.thin_list),
            page_size: self.page_size.or(below.page_size),
            max_page_size: self.max_page_size.or(below.max_page_size),
            quota: self.quota.or(below.quota),
            update_without_change_moves_updated_at: self
                .update_without_change_moves_updated_at
                .or(below.update_without_change_moves_updated_at),
        }
    }

    fn resolve(self) -> Settings {
        let default = Settings::default();
        Settings {
            latency_ms: self.latency_ms.unwrap_or(default.latency_ms),
            read_lag_ms: self.read_lag_ms.unwrap_or(default.read_lag_ms),
            thin_list: self.thin_list.unwrap_or(default.thin_list),
            page_size: self.page_size.unwrap_or(default.page_size),
            max_page_size: self.max_page_size.unwrap_or(default.max_page_size),
            quota: self.quota.unwrap_or(default.quota),
            update_without_change_moves_updated_at: self
                .update_without_change_moves_updated_at
                .unwrap_or(default.update_without_change_moves_updated_at),
        }
    }
}

/// Whom a change is for: everyone (both empty), an account, or one of its regions.
type Layer = (Option<String>, Option<String>);

#[derive(Debug, Default)]
pub struct SettingsBook {
    layers: HashMap<Layer, Change>,
}

impl SettingsBook {
    pub fn change(&mut self, account: Option<&str>, region: Option<&str>, change: Change) -> Result<(), BadSetting> {
        if region.is_some() && account.is_none() {
            return Err(BadSetting::RegionWithoutAccount);
        }
        change.check()?;
        let layer = self.layers.entry(layer(account, region)).or_default();
        *layer = change.over(*layer);
        Ok(())
    }

    /// The narrower layer wins.
    pub fn effective(&self, account: Option<&str>, region: Option<&str>) -> Settings {
        let at = |account, region| self.layers.get(&layer(account, region)).copied().unwrap_or_default();
        at(account, region).over(at(account, None)).over(at(None, None)).resolve()
    }

    pub fn forget_account(&mut self, account: &str) {
        self.layers.retain(|(owner, _), _| owner.as_deref() != Some(account));
    }
}

fn layer(account: Option<&str>, region: Option<&str>) -> Layer {
    (account.map(str::to_owned), region.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(value: serde_json::Value) -> Change {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_narrower_layer_wins() {
        let mut book = SettingsBook::default();
        book.change(None, None, change(json!({"quota": 1, "pageSize": 1, "latencyMs": 1}))).unwrap();
        book.change(Some("a"), None, change(json!({"quota": 2, "pageSize": 2}))).unwrap();
        book.change(Some("a"), Some("r"), change(json!({"quota": 3}))).unwrap();
        let seen = book.effective(Some("a"), Some("r"));
        assert_eq!((seen.quota, seen.page_size, seen.latency_ms), (3, 2, 1));
        assert_eq!(book.effective(Some("a"), Some("s")).quota, 2);
        assert_eq!(book.effective(Some("b"), Some("r")).quota, 1);
    }

    #[test]
    fn a_partial_change_leaves_the_rest() {
        let mut book = SettingsBook::default();
        book.change(Some("a"), None, change(json!({"quota": 2}))).unwrap();
        book.change(Some("a"), None, change(json!({"thinList": "namesOnly"}))).unwrap();
        let seen = book.effective(Some("a"), None);
        assert_eq!((seen.quota, seen.thin_list), (2, ThinList::NamesOnly));
    }

    #[test]
    fn values_that_cannot_work_are_refused() {
        let mut book = SettingsBook::default();
        assert_eq!(book.change(None, Some("r"), Change::default()), Err(BadSetting::RegionWithoutAccount));
        assert_eq!(book.change(None, None, change(json!({"readLagMs": 60_001}))), Err(BadSetting::LagBeyondHistory));
        assert_eq!(book.change(None, None, change(json!({"pageSize": 0}))), Err(BadSetting::PageSize("pageSize")));
        assert!(serde_json::from_value::<Change>(json!({"pagesize": 3})).is_err());
    }
}
