//! The only file of the command line that reads a clock.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How long something may still take.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    begun: Instant,
    time_max: Duration,
}

impl Deadline {
    pub fn after(time_max: Duration) -> Self {
        Self { begun: Instant::now(), time_max }
    }

    pub fn passed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Pauses, at most until the end; false if that has come.
    pub fn pause(&self, duration: Duration) -> bool {
        let left = self.time_max.saturating_sub(self.passed());
        thread::sleep(duration.min(left));
        self.passed() < self.time_max
    }
}

/// How long something takes.
#[cfg(feature = "host")]
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

#[cfg(feature = "host")]
impl Stopwatch {
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn passed(&self) -> Duration {
        self.0.elapsed()
    }
}

pub fn pause(duration: Duration) {
    thread::sleep(duration);
}
