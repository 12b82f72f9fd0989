//! Faults that tests order: which request they meet and what happens to it. Pure; `ports::service` carries them out.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

/// An order for a fault, as the admin port takes it. Absent filters match all.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Order {
    account: Option<String>,
    region: Option<String>,
    operation: Option<String>,
    group: Option<String>,
    /// How many requests it meets; without it, all.
    count: Option<u64>,
    #[serde(default)]
    delay_ms: u64,
    #[serde(default)]
    after: bool,
    effect: Effect,
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The answer waits so long.
    pub delay: Duration,
    /// The operation takes effect first, before the delay; without it never, or after the delay where its answer is needed.
    pub after: bool,
    pub effect: Effect,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Effect {
    /// An error in the wire format of the service that was called.
    Error {
        code: String,
        /// Without it, the status that the error has in the table.
        #[serde(default, deserialize_with = "final_status")]
        status: Option<u16>,
        message: Option<String>,
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// No answer until the client leaves.
    Hang,
    /// The connection is reset.
    Reset,
    /// Any bytes instead of the answer.
    Body {
        #[serde(default, deserialize_with = "final_status")]
        status: Option<u16>,
        #[serde(default = "json")]
        content_type: String,
        body: String,
    },
    /// The true answer, cut in half under the content length of the whole.
    Truncate,
    /// The true answer, later.
    Delay,
}

/// A status that HTTP can end an exchange with.
fn final_status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    match Option::deserialize(deserializer)? {
        Some(status) if !(200..=599).contains(&status) => Err(D::Error::custom("status must be between 200 and 599")),
        status => Ok(status),
    }
}

fn json() -> String {
    "application/json".to_owned()
}

/// The request that may meet a fault.
#[derive(Clone, Debug)]
pub struct Target {
    pub account: String,
    pub region: String,
    pub operation: &'static str,
    pub group: Option<String>,
}

impl Order {
    fn meets(&self, target: &Target) -> bool {
        let same = |wanted: &Option<String>, actual: Option<&str>| wanted.is_none() || wanted.as_deref() == actual;
        same(&self.account, Some(&target.account))
            && same(&self.region, Some(&target.region))
            && same(&self.operation, Some(target.operation))
            && same(&self.group, target.group.as_deref())
    }
}

#[derive(Debug, Default)]
pub struct Faults {
    orders: Vec<(u64, Order)>,
    last_id: u64,
}

impl Faults {
    pub fn add(&mut self, order: Order) -> u64 {
        self.last_id += 1;
        if order.count != Some(0) {
            self.orders.push((self.last_id, order));
        }
        self.last_id
    }

    /// The oldest fault that the request meets; it counts as met.
    pub fn meet(&mut self, target: &Target) -> Option<Fault> {
        let index = self.orders.iter().position(|(_, order)| order.meets(target))?;
        let (_, order) = &mut self.orders[index];
        let fault =
            Fault { delay: Duration::from_millis(order.delay_ms), after: order.after, effect: order.effect.clone() };
        if let Some(count) = &mut order.count {
            *count -= 1;
            if *count == 0 {
                self.orders.remove(index);
            }
        }
        Some(fault)
    }

    /// Removes the faults ordered for this account, or all.
    pub fn clear(&mut self, account: Option<&str>) {
        self.orders.retain(|(_, order)| account.is_some() && order.account.as_deref() != account);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn target() -> Target {
        let [account, region] = ["1", "r"].map(str::to_owned);
        Target { account, region, operation: "UpdateProfilingGroup", group: Some("g".to_owned()) }
    }

    fn order(value: Value) -> Order {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_fault_with_a_count_meets_so_many_requests() {
        let mut faults = Faults::default();
        faults.add(order(json!({"count": 2, "effect": {"type": "hang"}})));
        assert_eq!([(); 3].map(|()| faults.meet(&target()).is_some()), [true, true, false]);
    }

    #[test]
    fn a_fault_without_a_count_stays_until_it_is_removed() {
        let mut faults = Faults::default();
        faults.add(order(json!({"account": "1", "effect": {"type": "reset"}})));
        faults.add(order(json!({"account": "2", "effect": {"type": "reset"}})));
        assert!((0..9).all(|_| faults.meet(&target()).is_some()));
        faults.clear(Some("1"));
        assert_eq!((faults.meet(&target()), faults.orders.len()), (None, 1));
        faults.clear(None);
        assert!(faults.orders.is_empty());
    }

    #[test]
    fn every_given_filter_must_match() {
        for (filter, met) in [
            (json!({"account": "1", "region": "r", "operation": "UpdateProfilingGroup", "group": "g"}), true),
            (json!({"account": "2"}), false),
            (json!({"region": "s"}), false),
            (json!({"operation": "DescribeProfilingGroup"}), false),
            (json!({"group": "h"}), false),
        ] {
            let mut value = filter.clone();
            value["effect"] = json!({"type": "hang"});
            let mut faults = Faults::default();
            faults.add(order(value));
            assert_eq!(faults.meet(&target()).is_some(), met, "{filter}");
        }
    }

    #[test]
    fn the_oldest_fault_comes_first() {
        let mut faults = Faults::default();
        faults.add(order(json!({"count": 1, "effect": {"type": "hang"}})));
        faults.add(order(json!({"effect": {"type": "reset"}})));
        assert_eq!(faults.meet(&target()).map(|fault| fault.effect), Some(Effect::Hang));
        assert_eq!(faults.meet(&target()).map(|fault| fault.effect), Some(Effect::Reset));
    }

    #[test]
    fn an_order_with_an_unknown_effect_or_member_is_refused() {
        for value in [
            json!({"effect": {"type": "explode"}}),
            json!({"effect": {"type": "hang"}, "times": 3}),
            json!({"effect": {"type": "error", "code": "E", "status": 100}}),
            json!({}),
        ] {
            assert!(serde_json::from_value::<Order>(value.clone()).is_err(), "{value}");
        }
    }
}
