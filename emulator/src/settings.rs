//! The switches: their defaults, and the three layers (everywhere, an account, an account's region) that set them. Pure.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::state::{HISTORY, SameToken, TagLimits, ThinList};

/// Defines every switch once: what is in force, its default, and its member in a change.
macro_rules! switches {
    ($($(#[$doc:meta])* $name:ident: $kind:ty = $default:expr;)*) => {
        /// The switches as one account and region sees them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct Settings {
            $($(#[$doc])* pub $name: $kind,)*
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        /// A partial change of the switches; absent and null both leave a switch as it is.
        #[derive(Clone, Copy, Debug, Default, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct Change {
            $($name: Option<$kind>,)*
        }

        impl Change {
            /// This change where it says something, `below` elsewhere.
            fn over(self, below: Self) -> Self {
                Self { $($name: self.$name.or(below.$name),)* }
            }

            fn resolve(self) -> Settings {
                let default = Settings::default();
                Settings { $($name: self.$name.unwrap_or(default.$name),)* }
            }
        }
    };
}

switches! {
    /// Every answer takes this long.
    latency_ms: u64 = 0;
    /// Describe and List answer with the state of so long ago.
    read_lag_ms: u64 = 0;
    thin_list: ThinList = ThinList::Full;
    /// Entries on a page when the request names no `maxResults`.
    page_size: usize = 100;
    /// No page has more entries, whatever `maxResults` says.
    max_page_size: usize = 1000;
    /// How long a page's token is valid; 0 is for ever.
    page_token_life_ms: u64 = 0;
    /// Groups per account and region.
    quota: usize = 500;
    /// What a Create does that repeats another with the same token.
    same_token_create: SameToken = SameToken::FirstAnswer;
    update_without_change_moves_updated_at: bool = true;
    /// An Update so soon after the group's last one conflicts; 0 is never.
    update_conflict_ms: u64 = 0;
    disabled_group_takes_profiles: bool = true;
    /// The HTTP status of `ThrottlingException`.
    throttling_status: ThrottlingStatus = ThrottlingStatus::TooManyRequests;
    tag_limits: TagLimits = TagLimits::AwsWide;
    /// What GetPolicy answers for a group without a policy.
    missing_policy: MissingPolicy = MissingPolicy::Empty;
    /// How often agents are told to ask and report.
    agent_period_seconds: u32 = 300;
    agent_sampling_interval_ms: u32 = 1000;
    agent_minimum_reporting_ms: u32 = 60_000;
    agent_max_stack_depth: u32 = 1000;
    agent_memory_limit_percent: u32 = 10;
}

/// The two statuses with which AWS documents throttling: in the service's model, and among the errors common to all services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub enum ThrottlingStatus {
    BadRequest,
    TooManyRequests,
}

impl From<ThrottlingStatus> for u16 {
    fn from(status: ThrottlingStatus) -> Self {
        match status {
            ThrottlingStatus::BadRequest => 400,
            ThrottlingStatus::TooManyRequests => 429,
        }
    }
}

impl TryFrom<u16> for ThrottlingStatus {
    type Error = &'static str;

    fn try_from(status: u16) -> Result<Self, Self::Error> {
        match status {
            400 => Ok(Self::BadRequest),
            429 => Ok(Self::TooManyRequests),
            _ => Err("throttlingStatus must be 400 or 429"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MissingPolicy {
    /// 200 without its two members.
    Empty,
    NotFound,
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
