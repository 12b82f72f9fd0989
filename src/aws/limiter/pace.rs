//! How fast a lane calls AWS: at its cap, until AWS throttles. Pure: the caller provides time and chance.

use std::time::Duration;

use super::bucket::{Bucket, Rate};
use crate::domain::moment::Moment;

/// The rate is never lowered below this, so that the end of throttling is noticed.
const FLOOR: Rate = Rate::per_second(1);
/// How long the rate takes to grow by its cap.
const RECOVERS_WITHIN: Duration = Duration::from_mins(1);
/// The longest pause after throttling for which AWS requested none.
const PAUSE: Duration = Duration::from_secs(1);

/// Between two decreases. Calls of an earlier round were sent at a rate that has been lowered since: that they were
/// throttled is no news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round(u64);

/// A rate that is halved when AWS throttles, and grows by the same amount each second while AWS answers.
#[derive(Clone, Debug)]
pub struct Pace {
    cap: Rate,
    rate: Rate,
    bucket: Bucket,
    paused_until: Moment,
    round: Round,
    /// Since when the rate has not grown.
    unchanged_since: Moment,
}

impl Pace {
    /// At its cap, with a full bucket.
    #[must_use]
    pub fn new(cap: Rate, now: Moment) -> Self {
        Self {
            cap,
            rate: cap,
            bucket: Bucket::full(cap, now),
            paused_until: now,
            round: Round(0),
            unchanged_since: now,
        }
    }

    /// The current rate.
    #[must_use]
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// How many times the rate was lowered.
    #[must_use]
    pub fn decreases(&self) -> u64 {
        self.round.0
    }

    /// Whether a call may be sent; else when, or `None` when one must be sent or returned first.
    pub fn ready(&mut self, now: Moment) -> Result<(), Option<Moment>> {
        if now < self.paused_until {
            return Err(Some(self.paused_until));
        }
        self.bucket.ready(self.rate, now)
    }

    /// Lets the call through that is [`ready`](Self::ready).
    pub fn take(&mut self) {
        self.bucket.take();
    }

    /// A call that was let through is sent.
    pub fn sent(&mut self, now: Moment) -> Round {
        self.bucket.sent(self.rate, now);
        self.round
    }

    /// A call that was let through is not sent.
    pub fn returned(&mut self) {
        self.bucket.returned();
    }

    /// AWS has answered a call of `round`.
    pub fn answered(&mut self, round: Round, now: Moment) {
        let grown = self.cap.grown_in(now.since(self.unchanged_since), RECOVERS_WITHIN);
        if let Some(grown) = grown.filter(|_| round == self.round) {
            self.bucket.fill(self.rate, now);
            self.rate = self.rate.plus(grown).min(self.cap);
            self.unchanged_since = now;
        }
    }

    /// AWS has throttled a call of `round`, and requested a pause of `retry_after` if it did. `chance` is from 0 to 1.
    pub fn throttled(&mut self, round: Round, retry_after: Option<Duration>, now: Moment, chance: f64) {
        if round == self.round {
            self.round.0 += 1;
            self.bucket.fill(self.rate, now);
            self.rate = self.rate.divided_by(2).max(FLOOR.min(self.cap));
            self.unchanged_since = now;
            self.pause(PAUSE.mul_f64(0.5 + 0.5 * chance), now);
        }
        if let Some(requested) = retry_after {
            self.pause(requested.mul_f64(1.0 + 0.1 * chance), now);
        }
    }

    fn pause(&mut self, pause: Duration, now: Moment) {
        self.paused_until = self.paused_until.max(now.plus(pause));
        self.bucket.restart(self.paused_until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(cap: u32) -> Pace {
        Pace::new(Rate::per_second(cap), Moment(0))
    }

    fn rate(pace: &Pace) -> f64 {
        pace.rate().as_f64()
    }

    #[test]
    fn throttling_halves_the_rate_once_a_round_and_never_below_the_floor() {
        let mut pace = pace(100);
        let rounds: Vec<_> = (0..3).map(|_| pace.sent(Moment(0))).collect();
        for round in rounds {
            pace.throttled(round, None, Moment(10), 0.0);
        }
        assert!((rate(&pace) - 50.0).abs() < 0.01, "three calls of one round: {}", rate(&pace));
        for at in 1..20 {
            let round = pace.sent(Moment(at * 1000));
            pace.throttled(round, None, Moment(at * 1000), 0.0);
        }
        assert!((rate(&pace) - 1.0).abs() < 0.01, "{}", rate(&pace));
        assert_eq!(pace.decreases(), 20);
    }

    #[test]
    fn a_cap_of_one_call_a_second_is_its_own_floor() {
        let mut pace = pace(1);
        let round = pace.sent(Moment(0));
        pace.throttled(round, None, Moment(0), 0.0);
        assert!((rate(&pace) - 1.0).abs() < 0.01);
    }

    #[test]
    fn the_rate_grows_by_its_cap_in_a_minute_of_answers_and_stays_there() {
        let mut pace = pace(100);
        let round = pace.sent(Moment(0));
        pace.throttled(round, None, Moment(0), 0.0);
        for (second, expected) in [(6, 60.0), (12, 70.0), (30, 100.0), (90, 100.0)] {
            let round = pace.sent(Moment(second * 1000));
            pace.answered(round, Moment(second * 1000));
            assert!((rate(&pace) - expected).abs() < 0.01, "after {second} s: {}", rate(&pace));
        }
    }

    #[test]
    fn an_answer_to_a_call_that_was_sent_before_the_decrease_is_no_reason_to_grow() {
        let mut pace = pace(100);
        let (one, other) = (pace.sent(Moment(0)), pace.sent(Moment(0)));
        pace.throttled(one, None, Moment(0), 0.0);
        pace.answered(other, Moment(5000));
        assert!((rate(&pace) - 50.0).abs() < 0.01);
    }

    #[test]
    fn a_pause_is_for_all_calls_and_as_long_as_aws_requests() {
        for (retry_after, chance, until) in [
            (None, 0.0, 500),
            (None, 1.0, 1000),
            (Some(Duration::from_secs(20)), 0.0, 20_000),
            (Some(Duration::from_secs(20)), 1.0, 22_000),
        ] {
            let mut pace = pace(100);
            let round = pace.sent(Moment(0));
            pace.throttled(round, retry_after, Moment(0), chance);
            assert_eq!(pace.ready(Moment(until - 1)), Err(Some(Moment(until))), "{retry_after:?} {chance}");
            assert_eq!(pace.ready(Moment(until)), Ok(()));
            pace.take();
            assert_eq!(pace.ready(Moment(until)), Err(Some(Moment(until + 20))), "no burst afterwards");
        }
    }

    #[test]
    fn a_pause_that_aws_requests_of_an_earlier_call_is_honoured_as_well() {
        let mut pace = pace(100);
        let (one, other) = (pace.sent(Moment(0)), pace.sent(Moment(0)));
        pace.throttled(one, None, Moment(0), 0.0);
        pace.throttled(other, Some(Duration::from_secs(7)), Moment(10), 0.0);
        assert!((rate(&pace) - 50.0).abs() < 0.01);
        assert_eq!(pace.ready(Moment(5000)), Err(Some(Moment(7010))));
    }
}
