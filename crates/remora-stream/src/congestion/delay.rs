//! The delay baseline: the shortest one-way delay of the last 10 to 20 seconds, which a packet has if it waits for no
//! other.

use std::time::{Duration, Instant};

/// The length of a period. Two are kept, so the baseline follows a changed route, or clocks that drift apart, within 10
/// to 20 seconds.
const PERIOD: Duration = Duration::from_secs(10);

/// The shortest delays of the current and the previous period.
#[derive(Default)]
pub(super) struct DelayBaseline {
    previous_microseconds: Option<i64>,
    current: Option<(Instant, i64)>,
}

impl DelayBaseline {
    /// Adds the delay of a packet.
    pub(super) fn observe(&mut self, delay_microseconds: i64, now: Instant) {
        self.current = match self.current {
            Some((since, least)) if now.saturating_duration_since(since) < PERIOD => {
                Some((since, least.min(delay_microseconds)))
            }
            Some((_, least)) => {
                self.previous_microseconds = Some(least);
                Some((now, delay_microseconds))
            }
            None => Some((now, delay_microseconds)),
        };
    }

    /// Returns by how much a delay exceeds the baseline; `None` before the first observation.
    pub(super) fn over(&self, delay_microseconds: i64) -> Option<Duration> {
        let current = self.current.map(|(_, least)| least)?;
        let baseline = self.previous_microseconds.map_or(current, |previous| previous.min(current));
        Some(Duration::from_micros(delay_microseconds.saturating_sub(baseline).max(0).unsigned_abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_delay_counts_until_two_periods_have_passed() {
        let start = Instant::now();
        let mut baseline = DelayBaseline::default();
        assert_eq!(baseline.over(5), None);
        baseline.observe(-1_000, start);
        baseline.observe(4_000, start + PERIOD / 2);
        assert_eq!(baseline.over(3_000), Some(Duration::from_millis(4)));

        baseline.observe(9_000, start + PERIOD);
        assert_eq!(baseline.over(9_000), Some(Duration::from_millis(10)), "the previous period still counts");
        baseline.observe(9_000, start + 2 * PERIOD);
        assert_eq!(baseline.over(9_000), Some(Duration::ZERO), "the route has become longer");
    }

    #[test]
    fn a_delay_below_the_baseline_is_no_queue() {
        let mut baseline = DelayBaseline::default();
        baseline.observe(700, Instant::now());
        assert_eq!(baseline.over(i64::MIN), Some(Duration::ZERO));
    }
}
