//! Takes a mutex even after a panic elsewhere: what is only counted here must never take a reconcile down with it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `mutex`, and goes on with the value as it is when a holder panicked.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
