//! Issues permits: the proof that this process may change the outside world. No I/O.

use std::time::Duration;

use tokio::{sync::watch, time::Instant};

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
/// call must be cut off by the same time-out that the permit was requested for.
#[derive(Debug)]
#[must_use = "a permit that no call takes allows nothing"]
pub struct Permit {
    _only_permits_issue: (),
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
        let granted = self.until.as_ref().is_none_or(|until| Instant::now() + call_timeout <= *until.borrow());
        granted.then_some(Permit { _only_permits_issue: () })
    }

    /// Waits until [`grant`](Self::grant) grants one. Never returns once there is nothing that could still do so.
    pub async fn acquire(&self, call_timeout: Duration) -> Permit {
        if let Some(until) = &self.until {
            let mut until = until.clone();
            let granted = until.wait_for(|until| Instant::now() + call_timeout <= *until).await.is_ok();
            if !granted {
                return std::future::pending().await;
            }
        }
        Permit { _only_permits_issue: () }
    }

    /// Whether other processes may act instead of this one.
    #[must_use]
    pub fn are_contested(&self) -> bool {
        self.until.is_some()
    }

    /// Waits until this process may act at all: it was elected.
    pub async fn elected(&self) {
        drop(self.acquire(Duration::ZERO).await);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const CALL: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_process_without_rivals_is_always_granted_a_permit() {
        let permits = Permits::always_granted();
        assert!(permits.acquire(CALL).now_or_never().is_some());
        assert!(permits.acquire(Duration::MAX).now_or_never().is_some());
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
