//! The one place of the host that reads the clock. Everything else is told the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Time since the host started; never goes back.
pub type Moment = Duration;

/// Shared by the threads of a host, so that their moments can be compared.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    pub fn now(&self) -> Moment {
        self.start.elapsed()
    }

    /// An instant that another crate read; the start for any before it.
    pub fn moment(&self, instant: Instant) -> Moment {
        instant.saturating_duration_since(self.start)
    }
}

/// For the expiry of tokens.
pub fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
