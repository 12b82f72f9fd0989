//! Takes a mutex even after a panic elsewhere: plain data is still good, and one failure must not become all.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `mutex`, and goes on with the value as it is when a holder panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
