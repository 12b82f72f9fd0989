//! Issues permits: the proof that this process may change the outside world. No I/O.

use std::time::Duration;

/// Proof that this process may change the outside world for as long as one call takes.
///
/// # Guarantees
/// * Whoever holds a permit was, when it was issued, allowed to act until the end of the time-out it was issued
///   for: no other process can have taken over before that call is over.
/// * It can't be made outside this file, copied or stored for later by cloning: every mutation in AWS and every
///   status write asks for its own, just before it is sent, and takes it by reference or by value.
///
/// # Caveats
/// A permit bounds *when* a call may start and end. It does not stop a call that outlives its time-out, so the
/// call must be cut off by the same time-out that the permit was asked for.
#[derive(Debug)]
#[must_use = "a permit that no call takes allows nothing"]
pub struct Permit {
    _only_permits_issue: (),
}

/// Issues [`Permit`]s. One for the whole process, shared by cloning.
#[derive(Clone, Debug)]
pub struct Permits {
    _only_made_here: (),
}

impl Permits {
    /// Permits of a process that has no rival: every request is granted.
    #[must_use]
    pub fn always_granted() -> Self {
        Self { _only_made_here: () }
    }

    /// Asks for a permit for one call that is cut off after `call_timeout`.
    ///
    /// `None` means that another process may take over before such a call would be over: don't send it, and come
    /// back later. Without leader election there is no other process, and the answer is always a permit.
    #[must_use]
    pub fn acquire(&self, _call_timeout: Duration) -> Option<Permit> {
        Some(Permit { _only_permits_issue: () })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_without_rivals_is_always_granted_a_permit() {
        let permits = Permits::always_granted();
        assert!(permits.acquire(Duration::from_secs(10)).is_some());
        assert!(permits.acquire(Duration::MAX).is_some());
    }
}
