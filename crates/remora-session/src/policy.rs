//! Timeouts and limits of a control plane.

use std::time::Duration;

use crate::Timestamp;

/// Timeouts and limits of a control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Maximum time from launch to Ready.
    pub start_max: Duration,
    /// Number of hosts that are tried before the session fails; at least 1.
    pub attempts_max: u32,
    /// Pause between the first failed start and the next attempt; it doubles with each attempt.
    pub retry_pause: Duration,
    /// A Ready host that has not reported for this long counts as dead.
    pub silence_max: Duration,
    /// Time between the end of a lease and the destruction of the host, which ends by itself in that time.
    pub farewell: Duration,
    /// Difference to allow for between the clocks of host and control plane: a host that ends this shortly before the
    /// lease does has not failed.
    pub lease_tolerance: Duration,
    /// Maximum time for which a session waits for room for its host.
    pub capacity_wait: Duration,
    /// Time for which an ended session can be read.
    pub keep_ended: Duration,
    /// Time at which this control plane started to listen. Silence before that time does not count.
    pub listening_since: Timestamp,
}

impl Policy {
    /// Returns the pause after the failure of the given attempt.
    pub(crate) fn pause_after(&self, attempt: u32) -> Duration {
        self.retry_pause.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)))
    }
}
