//! The rate of the bottleneck, measured within bursts.
//!
//! A frame's packets leave at once. They arrive spread over the time that the narrowest link needed for them. Bytes
//! over gaps is therefore its rate, whether or not the stream as a whole fills it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Samples older than this are dropped.
const WINDOW: Duration = Duration::from_secs(1);
const SAMPLES_MAX: usize = 1024;
const SAMPLES_MIN: usize = 10;
/// Shorter spreads cannot be measured, because feedback has a resolution of 250 µs.
const SPREAD_MIN: Duration = Duration::from_millis(5);
/// The model of the queue uses a measured rate for this long without new bursts.
const MEMORY: Duration = Duration::from_secs(10);

/// The samples of the last second, and the rate that was measured last.
#[derive(Default)]
pub(super) struct PathRate {
    /// Arrival, bytes and gap of each packet.
    samples: VecDeque<(Instant, usize, Duration)>,
    bytes: usize,
    spread: Duration,
    measured: Option<(Instant, f64)>,
}

impl PathRate {
    /// Adds a packet of a burst that arrived `gap` after the one before.
    pub(super) fn observe(&mut self, bytes: usize, gap: Duration, now: Instant) {
        self.samples.push_back((now, bytes, gap));
        self.bytes += bytes;
        self.spread += gap;
        while let Some(&(at, bytes, gap)) = self.samples.front()
            && (now.saturating_duration_since(at) > WINDOW || self.samples.len() > SAMPLES_MAX)
        {
            self.samples.pop_front();
            self.bytes -= bytes;
            self.spread -= gap;
        }
        if self.samples.len() >= SAMPLES_MIN && self.spread >= SPREAD_MIN {
            self.measured = Some((now, self.bytes as f64 * 8.0 / self.spread.as_secs_f64()));
        } else if self.measured.is_some_and(|(at, _)| now.saturating_duration_since(at) > MEMORY) {
            self.measured = None;
        }
    }

    /// Returns the rate; `None` if it was not measured within the last second, or is too fast to be measured.
    pub(super) fn bits_per_second(&self, now: Instant) -> Option<f64> {
        self.measured.filter(|&(at, _)| now.saturating_duration_since(at) <= WINDOW).map(|(_, rate)| rate)
    }

    /// Returns the time that the bottleneck needs for a packet; zero while its rate is unknown.
    pub(super) fn transfer_time(&self, bytes: usize) -> Duration {
        self.measured.map_or(Duration::ZERO, |(_, rate)| Duration::from_secs_f64(bytes as f64 * 8.0 / rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_bytes_over_gaps() {
        let now = Instant::now();
        let mut rate = PathRate::default();
        for _ in 0..SAMPLES_MIN - 1 {
            rate.observe(1250, Duration::from_millis(5), now);
        }
        assert_eq!(rate.bits_per_second(now), None, "too few samples");
        rate.observe(1250, Duration::from_millis(5), now);
        assert_eq!(rate.bits_per_second(now), Some(2_000_000.0));
        assert_eq!(rate.transfer_time(2500), Duration::from_millis(10));
        assert_eq!(rate.bits_per_second(now + 2 * WINDOW), None, "measured too long ago");
    }

    #[test]
    fn a_burst_without_spread_is_too_fast_to_be_measured() {
        let now = Instant::now();
        let mut rate = PathRate::default();
        for _ in 0..500 {
            rate.observe(1250, Duration::ZERO, now);
        }
        assert_eq!(rate.bits_per_second(now), None);
        assert_eq!(rate.transfer_time(1250), Duration::ZERO);
    }

    #[test]
    fn old_samples_leave_the_window() {
        let now = Instant::now();
        let mut rate = PathRate::default();
        for _ in 0..20 {
            rate.observe(1250, Duration::from_millis(10), now);
        }
        for index in 0..20 {
            rate.observe(1250, Duration::from_millis(1), now + WINDOW + Duration::from_millis(index + 1));
        }
        assert_eq!(rate.bits_per_second(now + 2 * WINDOW), Some(10_000_000.0));
    }
}
