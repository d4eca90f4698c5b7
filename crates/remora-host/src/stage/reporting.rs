//! The schedule of the statistics that a client receives every second, also at rest, because its lease runs on.

use std::time::Duration;

use crate::clock::Moment;

/// Between two messages.
const STATISTICS_INTERVAL: Duration = Duration::from_secs(1);

/// Statistics that the stage is told because it does not know them itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ExternalStatistics {
    pub(crate) graphics_memory_bytes: u64,
    /// 0 if there is no bound.
    pub(crate) graphics_memory_budget_bytes: u64,
    pub(crate) bitrate_target_bits_per_second: u32,
    pub(crate) round_trip: Duration,
    pub(crate) lease_remaining: Duration,
}

/// The reports of one connection.
#[derive(Debug)]
pub(super) struct Reporting {
    due_at: Moment,
}

impl Reporting {
    pub(super) fn new(now: Moment) -> Self {
        Self { due_at: now + STATISTICS_INTERVAL }
    }

    pub(super) fn due_at(&self) -> Moment {
        self.due_at
    }

    /// Returns whether statistics are due, and schedules the next ones if they are.
    pub(super) fn take_due(&mut self, now: Moment) -> bool {
        let due = now >= self.due_at;
        if due {
            self.due_at = now + STATISTICS_INTERVAL;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_due_once_per_interval() {
        let start = Duration::from_secs(5);
        let mut reporting = Reporting::new(start);
        assert!(!reporting.take_due(start));
        assert!(reporting.take_due(start + STATISTICS_INTERVAL));
        assert!(!reporting.take_due(start + STATISTICS_INTERVAL));
        let late = start + 5 * STATISTICS_INTERVAL;
        assert!(reporting.take_due(late));
        assert_eq!(reporting.due_at(), late + STATISTICS_INTERVAL, "missed reports are not made up for");
    }
}
