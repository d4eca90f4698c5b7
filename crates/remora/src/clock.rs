//! The only file of the command line that reads a clock.

use std::{
    thread,
    time::{Duration, Instant},
};

/// A time limit that started when it was created.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    begun: Instant,
    time_max: Duration,
}

impl Deadline {
    /// Starts a limit that ends after `time_max`.
    pub(crate) fn after(time_max: Duration) -> Self {
        Self { begun: Instant::now(), time_max }
    }

    /// Returns the time since the limit was created.
    pub(crate) fn passed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Sleeps, at most until the limit; returns whether time is left.
    /// Sleeps.
    pub(crate) fn pause(&self, duration: Duration) -> bool {
        let left = self.time_max.saturating_sub(self.passed());
        thread::sleep(duration.min(left));
        self.passed() < self.time_max
    }
}

/// Measures elapsed time.
#[cfg(feature = "host")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

#[cfg(feature = "host")]
impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn passed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Sleeps.
pub(crate) fn pause(duration: Duration) {
    thread::sleep(duration);
}
