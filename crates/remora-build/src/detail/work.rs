//! Long work that can be watched and given up.

use std::sync::atomic::{AtomicU64, Ordering};

/// What work that takes long is told and tells; shared by the threads that do it.
pub struct Work<'a> {
    cancelled: &'a (dyn Fn() -> bool + Sync),
    told: &'a (dyn Fn(f32) + Sync),
    total: u64,
    done: AtomicU64,
}

/// The work was given up because it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

impl<'a> Work<'a> {
    /// `told` hears fractions from 0 to 1, from any thread; `total` is in the units of [`Self::advance`].
    pub fn new(total: u64, told: &'a (dyn Fn(f32) + Sync), cancelled: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self { cancelled, told, total: total.max(1), done: AtomicU64::new(0) }
    }

    /// Work that nobody watches.
    pub fn unwatched() -> Work<'static> {
        Work::new(1, &|_| {}, &|| false)
    }

    pub fn advance(&self, units: u64) {
        let done = self.done.fetch_add(units, Ordering::Relaxed) + units;
        (self.told)((done as f64 / self.total as f64).min(1.0) as f32);
    }

    pub fn check(&self) -> Result<(), Cancelled> {
        if (self.cancelled)() { Err(Cancelled) } else { Ok(()) }
    }
}
