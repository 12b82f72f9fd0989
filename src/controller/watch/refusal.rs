//! When a kind or a namespace that the API server refuses to list counts as empty. Pure.

use std::time::Duration;

use crate::domain::moment::Moment;

/// What has been refused for this long counts as empty until it can be listed.
const REFUSED_FOR: Duration = Duration::from_secs(10);

/// The refusals of one watch.
#[derive(Debug, Default)]
pub struct Refusal {
    since: Option<Moment>,
    holds: bool,
}

impl Refusal {
    /// The watch has failed. Returns whether it counts as refused from now on.
    pub fn failed(&mut self, is_refusal: bool, now: Moment) -> bool {
        if !is_refusal {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        let begins = !self.holds && now.since(since) >= REFUSED_FOR;
        self.holds |= begins;
        begins
    }

    /// The API server has answered.
    pub fn ends(&mut self) {
        *self = Self::default();
    }

    /// Whether it counts as refused.
    pub fn holds(&self) -> bool {
        self.holds
    }
}
