//! How many requests a second an operation takes: token buckets, each for an account, region and operation. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A bucket's size and how fast it fills.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limit {
    per_second: f64,
    /// How many requests at once a rested bucket takes; a second's worth, at least one, where absent.
    burst: Option<f64>,
}

impl Limit {
    fn size(&self) -> f64 {
        self.burst.unwrap_or(self.per_second).max(1.0)
    }
}

/// The limits of each operation by its name; `*` is for every other.
pub type Limits = BTreeMap<String, Limit>;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("perSecond and burst must be non-negative numbers")]
pub struct BadLimit;

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Duration,
}

/// The limits of each account. Every region of it has buckets of its own.
#[derive(Debug, Default)]
pub struct LimitBook {
    accounts: BTreeMap<String, Limits>,
    buckets: BTreeMap<(String, String, &'static str), Bucket>,
}

impl LimitBook {
    /// Replaces the account's limits; its buckets begin full again.
    pub fn put(&mut self, account: &str, limits: Limits) -> Result<(), BadLimit> {
        let fits = |number: f64| number.is_finite() && number >= 0.0;
        if !limits.values().all(|limit| fits(limit.per_second) && limit.burst.is_none_or(fits)) {
            return Err(BadLimit);
        }
        self.forget_account(account);
        if !limits.is_empty() {
            self.accounts.insert(account.to_owned(), limits);
        }
        Ok(())
    }

    pub fn forget_account(&mut self, account: &str) {
        self.accounts.remove(account);
        self.buckets.retain(|(owner, _, _), _| owner != account);
    }

    pub fn of(&self, account: &str) -> Limits {
        self.accounts.get(account).cloned().unwrap_or_default()
    }

    /// Whether one more request may pass now; one that passes takes a token. `tick` only grows.
    pub fn admit(&mut self, account: &str, region: &str, operation: &'static str, tick: Duration) -> bool {
        let Some(limits) = self.accounts.get(account) else { return true };
        let Some(limit) = limits.get(operation).or_else(|| limits.get("*")) else { return true };
        let full = Bucket { tokens: limit.size(), at: tick };
        let bucket = self.buckets.entry((account.to_owned(), region.to_owned(), operation)).or_insert(full);
        let filled = tick.saturating_sub(bucket.at).as_secs_f64() * limit.per_second;
        bucket.tokens = (bucket.tokens + filled).min(limit.size());
        bucket.at = tick;
        let admitted = bucket.tokens >= 1.0;
        if admitted {
            bucket.tokens -= 1.0;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn book(limits: serde_json::Value) -> LimitBook {
        let mut book = LimitBook::default();
        book.put("1", serde_json::from_value(limits).unwrap()).unwrap();
        book
    }

    fn admitted(book: &mut LimitBook, operation: &'static str, millis: u64, attempts: usize) -> usize {
        (0..attempts).filter(|_| book.admit("1", "r", operation, Duration::from_millis(millis))).count()
    }

    #[test]
    fn a_bucket_takes_its_burst_and_then_so_many_a_second() {
        let mut book = book(json!({"List": {"perSecond": 2, "burst": 5}}));
        assert_eq!(admitted(&mut book, "List", 0, 9), 5);
        assert_eq!(admitted(&mut book, "List", 499, 9), 0);
        assert_eq!(admitted(&mut book, "List", 1500, 9), 3);
        assert_eq!(admitted(&mut book, "List", 100_000, 9), 5, "it never holds more than its burst");
        assert_eq!(admitted(&mut book, "Update", 100_000, 9), 9, "other operations have no limit");
    }

    #[test]
    fn the_star_limits_every_other_operation_by_itself() {
        let mut book = book(json!({"*": {"perSecond": 3}, "List": {"perSecond": 1}}));
        assert_eq!(admitted(&mut book, "List", 0, 9), 1);
        assert_eq!(admitted(&mut book, "Update", 0, 9), 3);
        assert_eq!(admitted(&mut book, "Describe", 0, 9), 3);
        assert!(book.admit("1", "other", "List", Duration::ZERO), "regions have buckets of their own");
        assert!(book.admit("2", "r", "List", Duration::ZERO), "so have accounts");
    }

    #[test]
    fn no_limits_lift_the_limits() {
        let mut book = book(json!({"*": {"perSecond": 0}}));
        assert_eq!(admitted(&mut book, "List", 0, 9), 1);
        book.put("1", Limits::new()).unwrap();
        assert_eq!(admitted(&mut book, "List", 0, 9), 9);
        let negative = serde_json::from_value(json!({"*": {"perSecond": -1}})).unwrap();
        assert_eq!(book.put("1", negative), Err(BadLimit));
    }
}
