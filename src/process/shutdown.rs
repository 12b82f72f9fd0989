//! Ends the process in good order: listens to SIGTERM and SIGINT, and bounds what is still in flight.

use std::{io, pin::pin, process, time::Duration};

use futures::{Stream, StreamExt, stream};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit code of a process that a second signal ended at once: what was in flight may have been cut.
const ENDED_AT_ONCE: i32 = 1;

/// From now on SIGTERM and SIGINT cancel the token that this returns, instead of killing the process; a second one of
/// either ends it at once with exit code 1. Needs a Tokio runtime; fails when the system refuses a signal handler.
pub fn on_signal() -> io::Result<CancellationToken> {
    let terminate = signal(SignalKind::terminate())?;
    let interrupt = signal(SignalKind::interrupt())?;
    let signals = stream::unfold((terminate, interrupt), async |(mut terminate, mut interrupt)| {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        Some((name, (terminate, interrupt)))
    });
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        obey(signals, &stopping).await;
        process::exit(ENDED_AT_ONCE);
    });
    Ok(stop)
}

/// Cancels `stop` at the first signal and returns at the second.
async fn obey(signals: impl Stream<Item = &'static str>, stop: &CancellationToken) {
    let mut signals = pin!(signals);
    if let Some(signal) = signals.next().await {
        tracing::info!(signal, "stopping; a second signal ends the process at once");
    }
    stop.cancel();
    if let Some(signal) = signals.next().await {
        tracing::warn!(signal, "ending at once");
    }
}

/// Runs `work`, and once `stop` is cancelled lets it finish within `grace`.
///
/// `work` has to watch `stop` itself: take no more work, finish what is in flight. `None` means that it was not done
/// when the grace time was over, and has been dropped wherever it stood.
pub async fn drain<T>(stop: &CancellationToken, grace: Duration, work: impl Future<Output = T>) -> Option<T> {
    let grace_is_over = async {
        stop.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = grace_is_over => {
            let grace = humantime::format_duration(grace);
            tracing::warn!(%grace, "the grace time is over; work in flight was cut");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures::{FutureExt, channel::mpsc};

    use super::*;

    #[tokio::test]
    async fn the_first_signal_stops_and_the_second_ends() {
        let (sender, signals) = mpsc::unbounded();
        let stop = CancellationToken::new();
        let mut obeying = Box::pin(obey(signals, &stop));

        assert!(obeying.as_mut().now_or_never().is_none());
        assert!(!stop.is_cancelled());
        sender.unbounded_send("SIGTERM").unwrap();
        assert!(obeying.as_mut().now_or_never().is_none());
        assert!(stop.is_cancelled());
        sender.unbounded_send("SIGINT").unwrap();
        assert!(obeying.as_mut().now_or_never().is_some());
    }

    #[tokio::test]
    async fn work_in_flight_finishes_within_the_grace_time() {
        let stop = CancellationToken::new();
        stop.cancel();
        let work = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            "done"
        };
        assert_eq!(drain(&stop, Duration::from_mins(1), work).await, Some("done"));
    }

    #[tokio::test]
    async fn work_that_outlasts_the_grace_time_is_dropped() {
        let stop = CancellationToken::new();
        stop.cancel();
        assert_eq!(drain(&stop, Duration::from_millis(20), pending::<()>()).await, None);
    }

    #[tokio::test]
    async fn without_a_signal_the_grace_time_never_begins() {
        let stop = CancellationToken::new();
        let mut draining = Box::pin(drain(&stop, Duration::ZERO, pending::<()>()));
        let waited = tokio::time::timeout(Duration::from_millis(50), draining.as_mut()).await;
        assert!(waited.is_err());
        stop.cancel();
        assert_eq!(draining.await, None);
    }
}
