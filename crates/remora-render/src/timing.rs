//! A stopwatch: the only code of the renderer that reads a clock.

use std::time::{Duration, Instant};

/// Measures the stages of one frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    last: Instant,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { last: Instant::now() }
    }

    /// Returns the time since the last lap or the start.
    pub(crate) fn lap(&mut self) -> Duration {
        let now = Instant::now();
        let lap = now.duration_since(self.last);
        self.last = now;
        lap
    }
}
