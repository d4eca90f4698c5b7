//! Progress and cancellation of long work.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the progress of long work and asks whether it is cancelled. All threads of the work share it.
pub struct Work<'a> {
    cancelled: &'a (dyn Fn() -> bool + Sync),
    progress: &'a (dyn Fn(f32) + Sync),
    total: u64,
    done: AtomicU64,
}

/// The caller cancelled the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

impl<'a> Work<'a> {
    /// Begins work of `total` units. `progress` is called with fractions from 0 to 1, on any thread; `cancelled`
    /// returns whether to stop.
    pub fn new(total: u64, progress: &'a (dyn Fn(f32) + Sync), cancelled: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self { cancelled, progress, total: total.max(1), done: AtomicU64::new(0) }
    }

    /// Returns work without progress that is never cancelled.
    pub fn unwatched() -> Work<'static> {
        Work::new(1, &|_| {}, &|| false)
    }

    /// Adds finished units.
    pub fn advance(&self, units: u64) {
        let done = self.done.fetch_add(units, Ordering::Relaxed) + units;
        (self.progress)((done as f64 / self.total as f64).min(1.0) as f32);
    }

    /// Returns an error if the work is cancelled.
    ///
    /// # Errors
    ///
    /// The work is cancelled.
    pub fn check(&self) -> Result<(), Cancelled> {
        if (self.cancelled)() { Err(Cancelled) } else { Ok(()) }
    }
}
