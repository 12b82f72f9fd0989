//! When agents reported: the aggregated profiles of one group by their start, without what is in them. Pure.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::moment::Stamp;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Enough for the retries of thousands of agents.
const TOKENS_REMEMBERED: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AggregationPeriod {
    #[serde(rename = "PT5M")]
    FiveMinutes,
    #[serde(rename = "PT1H")]
    Hour,
    #[serde(rename = "P1D")]
    Day,
}

impl AggregationPeriod {
    pub fn length(self) -> Duration {
        match self {
            Self::FiveMinutes => Duration::from_mins(5),
            Self::Hour => HOUR,
            Self::Day => DAY,
        }
    }

    /// How long AWS keeps a profile of this period, as documented.
    fn kept_for(self) -> Duration {
        match self {
            Self::FiveMinutes => 15 * DAY,
            Self::Hour => 60 * DAY,
            Self::Day => 3 * 365 * DAY,
        }
    }
}

/// The newest aggregated profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aggregate {
    pub start: Stamp,
    pub period: AggregationPeriod,
}

/// From when, included, until when, excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    pub start: Stamp,
    pub end: Stamp,
}

#[derive(Debug, Default)]
pub(super) struct Profiles {
    five_minutes: BTreeSet<Stamp>,
    hours: BTreeSet<Stamp>,
    days: BTreeSet<Stamp>,
    tokens: BTreeSet<String>,
    tokens_oldest_first: VecDeque<String>,
}

impl Profiles {
    /// Takes a profile that an agent reports now; none when this one was taken before.
    pub fn take(&mut self, token: Option<&str>, now: Stamp) -> Option<Aggregate> {
        if let Some(token) = token {
            if !self.tokens.insert(token.to_owned()) {
                return None;
            }
            self.tokens_oldest_first.push_back(token.to_owned());
            if self.tokens_oldest_first.len() > TOKENS_REMEMBERED
                && let Some(oldest) = self.tokens_oldest_first.pop_front()
            {
                self.tokens.remove(&oldest);
            }
        }
        for period in [AggregationPeriod::FiveMinutes, AggregationPeriod::Hour, AggregationPeriod::Day] {
            let starts = self.starts_mut(period);
            starts.insert(now.floor(period.length()));
            let oldest = now.earlier(period.kept_for());
            while starts.first().is_some_and(|start| *start < oldest) {
                starts.pop_first();
            }
        }
        let period = AggregationPeriod::FiveMinutes;
        Some(Aggregate { start: now.floor(period.length()), period })
    }

    /// What of a period is still kept and starts in the range, oldest first.
    pub fn starts(
        &self,
        period: AggregationPeriod,
        range: TimeRange,
        now: Stamp,
    ) -> impl DoubleEndedIterator<Item = Stamp> {
        let starts = match period {
            AggregationPeriod::FiveMinutes => &self.five_minutes,
            AggregationPeriod::Hour => &self.hours,
            AggregationPeriod::Day => &self.days,
        };
        let from = range.start.max(now.earlier(period.kept_for()));
        starts.iter().filter(move |start| from <= **start && **start < range.end).copied()
    }

    fn starts_mut(&mut self, period: AggregationPeriod) -> &mut BTreeSet<Stamp> {
        match period {
            AggregationPeriod::FiveMinutes => &mut self.five_minutes,
            AggregationPeriod::Hour => &mut self.hours,
            AggregationPeriod::Day => &mut self.days,
        }
    }
}
