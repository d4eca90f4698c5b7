//! The only file of the host that reads the clock. Everything else is told the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The time since the host started. It never goes back.
pub(crate) type Moment = Duration;

/// The clock of a host. Its threads share it, so that their moments can be compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts the clock at zero.
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Returns the current moment.
    pub(crate) fn now(&self) -> Moment {
        self.start.elapsed()
    }

    /// Converts an instant that another crate has read. Instants before the start become the start.
    pub(crate) fn moment(&self, instant: Instant) -> Moment {
        instant.saturating_duration_since(self.start)
    }
}

/// Returns the seconds since 1970, for the expiry of tokens.
pub(crate) fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
