//! The switches: their defaults, and the three layers (everywhere, an account, an account's region) that set them. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::state::{HISTORY, SameToken, TagLimits, ThinList};

/// Defines every switch once: what is in force, its default, its member in a change, and its row in the documentation.
macro_rules! switches {
    ($($name:ident: $kind:ty = $default:expr, $values:literal, $what:literal, $why:literal;)*) => {
        /// The switches as one account and region sees them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct Settings {
            $(#[doc = $what] pub $name: $kind,)*
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
            /// This change where it has a value, `below` elsewhere.
            fn over(self, below: Self) -> Self {
                Self { $($name: self.$name.or(below.$name),)* }
            }

            fn resolve(self) -> Settings {
                let default = Settings::default();
                Settings { $($name: self.$name.unwrap_or(default.$name),)* }
            }
        }

        /// All switches, in the order of the documentation.
        #[must_use]
        pub fn switches() -> Vec<Switch> {
            let default = Settings::default();
            vec![$(Switch {
                name: camel_case(stringify!($name)),
                default: json!(default.$name),
                values: $values,
                what: $what,
                why: $why,
            },)*]
        }
    };
}

/// A behaviour that AWS does not document, or that tests want otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Switch {
    /// Its member in `PUT /settings`.
    pub name: String,
    /// How the emulator behaves unless configured otherwise.
    pub default: Value,
    /// What it can be set to; single values in backticks.
    pub values: &'static str,
    /// What it controls.
    pub what: &'static str,
    /// Why it is a switch, and why this is the default.
    pub why: &'static str,
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| {
        let (initial, rest) = word.split_at(1);
        camel + &initial.to_ascii_uppercase() + rest
    })
}

switches! {
    latency_ms: u64 = 0, "milliseconds",
        "Delay of every response, before the operation runs",
        "Models the latency of a network; most tests do not need it";
    read_lag_ms: u64 = 0, "milliseconds, at most 60000",
        "How far Describe and List are behind the actual state, for each group, to within 10 ms",
        "AWS does not guarantee read-after-write consistency, but most tests need it";
    thin_list: ThinList = ThinList::Full, "`full`, `noOrchestrationConfig`, `noProfilingStatus`, `noTags`, `noEmptyTags` (no tags where there are none), `bare` (name and ARN), `namesOnly` (although descriptions were asked for)",
        "What a List with descriptions omits",
        "In the model List returns the same description as Describe, but it is not documented that all members are present";
    page_size: usize = 100, "1 to 1000",
        "Entries on a page without `maxResults`",
        "The default of AWS is not documented";
    max_page_size: usize = 1000, "1 to 1000",
        "Maximum of entries on a page, regardless of `maxResults`",
        "AWS services may return fewer entries than requested; 1000 is the maximum of `maxResults`";
    page_token_life_ms: u64 = 0, "milliseconds; 0 means that it does not expire",
        "How long a page token is valid",
        "Not documented";
    quota: usize = 500, "a number",
        "Groups per account and region",
        "As documented; adjustable in AWS";
    create_without_config_enables: bool = true, "`true`, `false`",
        "Whether a group created without `agentOrchestrationConfig` has profiling enabled",
        "Not documented, but AWS's CloudFormation handler never sends it, and profiling then runs";
    same_token_create: SameToken = SameToken::FirstAnswer, "`firstAnswer`, `conflict`",
        "Response to a Create that repeats the `clientToken` and the input of an earlier one while the group exists",
        "The token is for idempotency, but the response to the second request is not documented. Different input is a conflict in either case";
    token_outlives_group: bool = false, "`true`, `false`",
        "Whether a `clientToken` is still known after the group that it created was deleted",
        "Not documented; a client that uses one token for ever would never create the group again";
    update_without_change_moves_updated_at: bool = true, "`true`, `false`",
        "Whether an Update to the current value changes `updatedAt`",
        "Not documented; the worse case for a client that watches `updatedAt`";
    tags_move_updated_at: bool = false, "`true`, `false`",
        "Whether tagging changes `updatedAt`",
        "Not documented; `updatedAt` is described as an attribute of the group, and tags have their own operations";
    update_conflict_ms: u64 = 0, "milliseconds; 0 means never",
        "How long after the last change of `updatedAt` an Update is a `ConflictException`",
        "The model lists the error, but not when it occurs. For a conflict at a known time, add a fault";
    disabled_group_takes_profiles: bool = true, "`true`, `false`",
        "Whether PostAgentProfile succeeds for a disabled group, or is a `ValidationException`",
        "Not documented; AWS's agents post once more after profiling is disabled, and do not expect an error";
    throttling_status: ThrottlingStatus = ThrottlingStatus::TooManyRequests, "`400`, `429`",
        "The HTTP status of `ThrottlingException`",
        "429 in the service's model, 400 in AWS's list of common errors";
    tag_limits: TagLimits = TagLimits::AwsWide, "`awsWide` (50 tags; keys of 1 to 128 characters without the prefix `aws:`, values of at most 256), `none`",
        "Which tags are rejected with a `ValidationException`",
        "The service's model has no limits; these are AWS's general rules for tags";
    missing_policy: MissingPolicy = MissingPolicy::Empty, "`empty` (200 without its two members), `notFound`",
        "Response of GetPolicy for a group without a policy",
        "The model requires both members, but has no error for this case";
    put_permission_merges: bool = false, "`true`, `false`",
        "Whether PutPermission adds its principals to those of the policy, or replaces them",
        "AWS describes it as adding permissions, and its only example is of a group without any";
    agent_period_seconds: u32 = 300, "seconds",
        "Period in which agents are to report, as returned by ConfigureAgent",
        "The value of the real service, according to AWS's own integration test";
    agent_sampling_interval_ms: u32 = 1000, "milliseconds",
        "`SamplingIntervalInMilliseconds` of ConfigureAgent",
        "From the same test";
    agent_minimum_reporting_ms: u32 = 60_000, "milliseconds",
        "`MinimumTimeForReportingInMilliseconds` of ConfigureAgent",
        "From the same test";
    agent_max_stack_depth: u32 = 1000, "a number",
        "`MaxStackDepth` of ConfigureAgent",
        "From the same test";
    agent_memory_limit_percent: u32 = 10, "a number",
        "`MemoryUsageLimitPercent` of ConfigureAgent",
        "From the same test";
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
    #[error("readLagMs must be at most {}: older states are not kept", HISTORY.as_millis())]
    LagBeyondHistory,
    #[error("{0} must be between 1 and 1000")]
    PageSize(&'static str),
    #[error("region requires account: settings are for an account, for one of its regions, or for all")]
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
    layers: BTreeMap<Layer, Change>,
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
    fn every_switch_has_the_name_by_which_it_is_set() {
        let Value::Object(defaults) = json!(Settings::default()) else { panic!("settings are an object") };
        let named: serde_json::Map<String, Value> =
            switches().into_iter().map(|switch| (switch.name, switch.default)).collect();
        assert_eq!(named, defaults);
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
