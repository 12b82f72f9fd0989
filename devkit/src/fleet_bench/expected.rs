//! What a phase may cost. Counts are exact, whatever the machine.

use super::meter::{Cost, LIST, UPDATE};

/// The counts that are expected of a phase.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// Pages of Lists; `None` where the phase lasts for some intervals.
    pub pages: Option<usize>,
    /// Updates, each for something that differed.
    pub updates: usize,
    /// Writes of `/status`.
    pub status_writes: usize,
    /// Events.
    pub events: usize,
}

impl Expected {
    /// One sentence for each count that is another.
    pub fn deviations(&self, cost: &Cost) -> Vec<String> {
        let counts = [
            ("pages of Lists", cost.calls(LIST), self.pages.unwrap_or_else(|| cost.calls(LIST))),
            ("Updates", cost.calls(UPDATE), self.updates),
            ("other or refused calls", cost.other_calls(), 0),
            ("status writes", cost.status_writes, self.status_writes),
            ("events", cost.events, self.events),
            ("other writes", cost.other_writes, 0),
        ];
        let differ = counts.into_iter().filter(|(_, count, expected)| count != expected);
        differ.map(|(what, count, expected)| format!("{}: {count} {what}, expected {expected}", cost.phase)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_that_is_another_is_named() {
        let cost = Cost {
            phase: "edits".to_owned(),
            calls: [(LIST, 2), (UPDATE, 3), ("DescribeProfilingGroup", 1)].map(|(name, n)| (name.to_owned(), n)).into(),
            status_writes: 3,
            ..Cost::default()
        };
        let expected = Expected { pages: Some(2), updates: 3, status_writes: 4, events: 0 };
        assert_eq!(
            expected.deviations(&cost),
            ["edits: 1 other or refused calls, expected 0", "edits: 3 status writes, expected 4"]
        );
        assert_eq!(Expected { pages: None, ..expected }.deviations(&cost).len(), 2);
    }
}
