//! How long a watch that has failed waits before it is tried again.

use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use kube::runtime::watcher;

use super::{error_of, is_refusal};
use crate::process::{busy::requested_pause, system::System};

const FIRST: Duration = Duration::from_millis(800);
/// An API server that comes back is noticed soon: users wait for their edits.
const LONGEST: Duration = Duration::from_secs(5);
/// A namespace that stays refused is a matter for people.
const LONGEST_WHILE_REFUSED: Duration = Duration::from_secs(30);
/// A server that starts refuses for some seconds what it will allow.
const REFUSES_AT_START: Duration = Duration::from_secs(10);
/// A watch that has failed after this long without a failure begins with the shortest pause.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(2);

/// The same events, with a pause after each error. Every attempt begins with an item that is no error: only time makes
/// the pauses short again.
pub fn with_pauses<T>(
    events: impl Stream<Item = watcher::Result<T>> + Send + Unpin,
    system: System,
) -> impl Stream<Item = watcher::Result<T>> + Send {
    let paused = (events, Pauses::default(), system, Duration::ZERO);
    stream::unfold(paused, async |(mut events, mut pauses, system, pause)| {
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let event = events.next().await?;
        let pause = event.as_ref().err().map(|error| pauses.after(error, system.elapsed(), system.chance()));
        Some((event, (events, pauses, system, pause.unwrap_or_default())))
    })
}

/// The failures of one watch. Pure.
#[derive(Default)]
struct Pauses {
    failures: u32,
    last: Duration,
    refused_since: Option<Duration>,
}

impl Pauses {
    /// The pause after a failure at `now`: 0.8 s doubling to 5 s, or to 30 s while it stays refused, the last quarter of
    /// each by chance, from 0 to 1; and as long as the API server requests.
    fn after(&mut self, error: &watcher::Error, now: Duration, chance: f64) -> Duration {
        if now.saturating_sub(self.last) > FORGOTTEN_AFTER {
            self.failures = 0;
        }
        self.last = now;
        self.refused_since = is_refusal(error).then(|| self.refused_since.unwrap_or(now));
        let refused_for = self.refused_since.map(|since| now.saturating_sub(since)).unwrap_or_default();
        let longest = if refused_for > REFUSES_AT_START { LONGEST_WHILE_REFUSED } else { LONGEST };
        let pause = FIRST.saturating_mul(1 << self.failures.min(10)).min(longest);
        self.failures = self.failures.saturating_add(1);
        pause.mul_f64(0.75 + 0.25 * chance).max(error_of(error).map(requested_pause).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use serde_json::json;

    use super::*;

    fn error(code: u16, retry_after_seconds: u32) -> watcher::Error {
        let reason = if code == 403 { "Forbidden" } else { "Other" };
        let details = json!({ "retryAfterSeconds": retry_after_seconds });
        let status = json!({ "status": "Failure", "code": code, "reason": reason, "details": details });
        let status: Status = serde_json::from_value(status).unwrap();
        watcher::Error::WatchStartFailed(kube::Error::Api(Box::new(status)))
    }

    /// Fails again and again; returns the pauses in tenths of a second.
    fn pauses(code: u16, times: usize) -> Vec<u128> {
        let (mut pauses, mut now) = (Pauses::default(), Duration::ZERO);
        let pause = |_| {
            let pause = pauses.after(&error(code, 0), now, 1.0);
            now += pause;
            pause.as_millis() / 100
        };
        (0..times).map(pause).collect()
    }

    /// They once grew to half a minute, and edits waited for that after each restart of the API server.
    #[test]
    fn trouble_is_tried_again_every_five_seconds_and_what_stays_refused_every_thirty() {
        assert_eq!(pauses(500, 6), [8, 16, 32, 50, 50, 50]);
        assert_eq!(pauses(403, 7), [8, 16, 32, 50, 128, 256, 300]);
    }

    #[test]
    fn a_watch_that_was_well_for_minutes_begins_with_the_shortest_pause() {
        let mut pauses = Pauses::default();
        for _ in 0..5 {
            pauses.after(&error(500, 0), Duration::from_secs(1), 0.0);
        }
        assert_eq!(pauses.after(&error(500, 0), Duration::from_secs(200), 0.0), Duration::from_millis(600));
    }

    #[test]
    fn as_long_a_pause_as_the_api_server_requests() {
        assert_eq!(Pauses::default().after(&error(429, 17), Duration::ZERO, 0.0), Duration::from_secs(17));
    }
}
