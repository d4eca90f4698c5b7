//! How patient a control plane is.

use std::time::Duration;

use crate::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// From launch to Ready.
    pub start_max: Duration,
    /// Hosts that are tried before the session fails; at least 1.
    pub attempts_max: u32,
    /// Between a failed start and the next; doubles with each attempt.
    pub retry_pause: Duration,
    /// A Ready host that has not been heard of for this long is dead.
    pub silence_max: Duration,
    /// What a host of an expired session has to say goodbye in: it knows its lease and ends by itself.
    pub farewell: Duration,
    /// Hosts and control plane measure a lease each for itself: a host that ends this shortly before the lease does
    /// has not failed.
    pub lease_tolerance: Duration,
    /// For how long a session waits for room for its host.
    pub capacity_wait: Duration,
    /// For how long an ended session can be asked for.
    pub keep_ended: Duration,
    /// When this control plane began to listen. Nobody is silent towards one that did not listen.
    pub listening_since: Timestamp,
}

impl Policy {
    /// The pause after the failure of the given attempt.
    pub(crate) fn pause_after(&self, attempt: u32) -> Duration {
        self.retry_pause.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)))
    }
}
