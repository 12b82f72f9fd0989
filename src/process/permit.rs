//! Issues permits: the proof that this process may change the outside world. No I/O.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// Proof that this process may change the outside world for as long as one call takes.
///
/// # Guarantees
/// * The holder of a permit was, when it was issued, allowed to act until the end of the time-out it was issued for: no
///   other process can have taken over before that call is over.
/// * It can't be made outside this file, copied or stored for later by cloning: every mutation in AWS and every
///   status write acquires its own, just before it is sent, and takes it by reference or by value.
///
/// # Caveats
/// A permit bounds *when* a call may start and end. It does not stop a call that outlives its time-out, so the
/// call must be cut off by [`Deadline::bound`].
#[derive(Debug)]
#[must_use = "a permit that no call takes allows nothing"]
pub struct Permit {
    until: Deadline,
}

impl Permit {
    /// When the call must be over.
    pub fn deadline(&self) -> Deadline {
        self.until
    }

    fn lasting(call_timeout: Duration) -> Self {
        Self { until: Deadline(Instant::now().checked_add(call_timeout)) }
    }
}

/// When a call must be over; never, where the time is too far off to be represented.
#[derive(Clone, Copy, Debug)]
#[must_use = "a deadline bounds nothing by itself"]
pub struct Deadline(Option<Instant>);

/// A call was not over by its deadline: what has become of it is not known.
#[derive(Debug, thiserror::Error)]
#[error("the call was not over in time")]
pub struct Late;

impl Deadline {
    /// Cuts a call off at the deadline.
    ///
    /// Guarantee: the clock is read before each step of the call. A process that was stopped and goes on does not first
    /// send what it was about to send, as under `tokio::time::timeout`, which polls the call before its timer.
    pub async fn bound<T>(self, call: impl Future<Output = T>) -> Result<T, Late> {
        let Some(until) = self.0 else { return Ok(call.await) };
        let (mut call, mut end) = (pin!(call), pin!(sleep_until(until)));
        poll_fn(|context| {
            if Instant::now() >= until {
                return Poll::Ready(Err(Late));
            }
            match call.as_mut().poll(context) {
                Poll::Ready(output) => Poll::Ready(Ok(output)),
                Poll::Pending => end.as_mut().poll(context).map(|()| Err(Late)),
            }
        })
        .await
    }
}

/// Issues [`Permit`]s. One for the whole process, shared by cloning.
#[derive(Clone, Debug)]
pub struct Permits {
    /// Until when this process may act; `None` for a process that has no rival.
    until: Option<watch::Receiver<Instant>>,
}

impl Permits {
    /// Permits of a process that has no rival: every request is granted.
    #[must_use]
    pub fn always_granted() -> Self {
        Self { until: None }
    }

    /// Permits of a process that may act until the time that `until` shows.
    #[must_use]
    pub fn granted_until(until: watch::Receiver<Instant>) -> Self {
        Self { until: Some(until) }
    }

    /// A permit for one call that is cut off after `call_timeout`, unless another process may take over before such a
    /// call would be over.
    #[must_use]
    pub fn grant(&self, call_timeout: Duration) -> Option<Permit> {
        let permit = Permit::lasting(call_timeout);
        let granted = self.until.as_ref().is_none_or(|until| permit.until.0.is_some_and(|end| end <= *until.borrow()));
        granted.then_some(permit)
    }

    /// Waits until [`grant`](Self::grant) grants one. Never returns once there is nothing that could still do so.
    pub async fn acquire(&self, call_timeout: Duration) -> Permit {
        if let Some(until) = &self.until {
            let mut until = until.clone();
            loop {
                // The time of the check is the time that the permit counts from.
                let permit = Permit::lasting(call_timeout);
                if permit.until.0.is_some_and(|end| end <= *until.borrow_and_update()) {
                    return permit;
                }
                if until.changed().await.is_err() {
                    return std::future::pending().await;
                }
            }
        }
        Permit::lasting(call_timeout)
    }

    /// Whether other processes may act instead of this one.
    #[must_use]
    pub fn are_contested(&self) -> bool {
        self.until.is_some()
    }

    /// Waits until this process may act at all: it was elected.
    pub async fn elected(&self) {
        // Not for no time at all: that would be granted in the very moment in which the time to act ends.
        drop(self.acquire(Duration::from_nanos(1)).await);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::FutureExt;
    use tokio::sync::Notify;

    use super::*;

    const CALL: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_process_without_rivals_is_always_granted_a_permit() {
        let permits = Permits::always_granted();
        assert!(permits.acquire(CALL).now_or_never().is_some());
        assert!(permits.acquire(Duration::MAX).now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_cut_off_at_its_deadline_and_one_that_could_go_on_only_after_it_does_not_go_on() {
        let deadline = || Permits::always_granted().grant(CALL).map(|permit| permit.deadline());
        assert_eq!(deadline().unwrap().bound(async { 7 }).await.ok(), Some(7));
        assert!(deadline().unwrap().bound(std::future::pending::<()>()).await.is_err());

        let (sent, ready) = (Cell::new(false), Notify::new());
        let call = async {
            ready.notified().await;
            sent.set(true);
        };
        let mut bound = Box::pin(deadline().unwrap().bound(call));
        assert!(bound.as_mut().now_or_never().is_none());
        // As for a process that was stopped: both the answer and the deadline have come when it goes on.
        ready.notify_one();
        tokio::time::advance(CALL).await;
        assert!(bound.await.is_err() && !sent.get());
    }

    /// A process that was never elected once acted in the very moment in which it began.
    #[tokio::test(start_paused = true)]
    async fn who_may_act_until_now_is_not_elected() {
        let (elect, until) = watch::channel(Instant::now());
        let permits = Permits::granted_until(until);
        assert!(permits.elected().now_or_never().is_none());
        elect.send_replace(Instant::now() + CALL);
        assert!(permits.elected().now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_is_granted_only_for_a_call_that_ends_in_time_and_a_renewal_wakes_those_who_wait() {
        let (renew, until) = watch::channel(Instant::now() + Duration::from_secs(12));
        let permits = Permits::granted_until(until);
        assert!(permits.acquire(CALL).now_or_never().is_some() && permits.grant(CALL).is_some());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(permits.grant(CALL).is_none());
        let mut waiting = Box::pin(permits.acquire(CALL));
        assert!(waiting.as_mut().now_or_never().is_none(), "the call could outlast the lease");
        renew.send_replace(Instant::now() + Duration::from_secs(15));
        assert!(waiting.now_or_never().is_some());
    }
}
