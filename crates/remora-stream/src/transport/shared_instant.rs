//! An instant that threads share without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// An instant that one thread sets and others read.
pub(super) struct SharedInstant {
    start: Instant,
    nanoseconds: AtomicU64,
}

impl SharedInstant {
    /// Starts with this instant, which no later one precedes.
    pub(super) fn new(start: Instant) -> Self {
        Self { start, nanoseconds: AtomicU64::new(0) }
    }

    /// Sets the instant, to the nanosecond. One before the start counts as the start.
    pub(super) fn set(&self, at: Instant) {
        let since_start = at.saturating_duration_since(self.start).as_nanos();
        self.nanoseconds.store(u64::try_from(since_start).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Instant {
        self.start + Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }
}
