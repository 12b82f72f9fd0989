//! How long to wait after a failure. Pure: the caller provides the random number.

use std::time::Duration;

use super::failure::Class;

/// The pause before the next attempt after `failures` failures in a row (1 after the first): exponential by class,
/// between three quarters and all of it by `chance` (0 to 1), never shorter than AWS requested.
#[must_use]
pub fn delay(class: Class, failures: u32, retry_after: Option<Duration>, chance: f64) -> Duration {
    let (first, longest) = match class {
        Class::Transient | Class::Conflict => (Duration::from_secs(1), Duration::from_mins(5)),
        // The limiter slows down the whole lane.
        Class::Throttled => (Duration::from_secs(1), Duration::from_secs(8)),
        Class::FixMe => (Duration::from_secs(30), Duration::from_mins(15)),
    };
    let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(longest);
    let jittered = doubled.mul_f64(0.75 + 0.25 * chance.clamp(0.0, 1.0));
    jittered.max(retry_after.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit_by_class_and_honour_what_aws_requests() {
        for (class, failures, retry_after, seconds) in [
            (Class::Transient, 1, None, 1),
            (Class::Transient, 4, None, 8),
            (Class::Transient, 100, None, 300),
            (Class::Conflict, 2, None, 2),
            (Class::Throttled, 1, None, 1),
            (Class::Throttled, 9, None, 8),
            (Class::Throttled, 1, Some(9), 9),
            (Class::FixMe, 1, None, 30),
            (Class::FixMe, 2, None, 60),
            (Class::FixMe, 50, None, 900),
        ] {
            let pause = delay(class, failures, retry_after.map(Duration::from_secs), 1.0);
            assert_eq!(pause.as_secs(), seconds, "{class:?} {failures}");
        }
        assert_eq!(delay(Class::Transient, 1, None, 0.0), Duration::from_millis(750));
    }
}
