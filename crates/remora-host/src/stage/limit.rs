//! The limit that a session's size sets to the primitives that are drawn. It applies to the primitives of the last
//! frame, not to those of the model. While the limit is exceeded, a checkerboard fades in after a while; it disappears
//! at once when the limit is kept again.
//!
//! ```text
//!   within ──drawn more──▶ over ──AFTER──▶ fading, in STEPS ──FADE──▶ full
//!      ▲                     │                │                        │
//!      └──drawn less─────────┴────────────────┴────────────────────────┘
//! ```

use std::time::Duration;

use crate::clock::Moment;

/// The limit is exceeded for this long before the checkerboard appears, so that an application can react.
const AFTER: Duration = Duration::from_secs(2);
/// The time that the checkerboard takes to fade in.
const FADE: Duration = Duration::from_secs(1);
/// Frames that a fade takes if nothing else changes.
const STEPS: u32 = 8;

/// The limit of one connection, and how long it has been exceeded.
#[derive(Clone, Debug)]
pub(super) struct PrimitiveLimit {
    /// `None` is any number.
    primitives_max: Option<u64>,
    /// When the limit was exceeded; `None` while it is kept.
    over_since: Option<Moment>,
    /// Steps of the fade in the last planned frame.
    steps: u32,
    /// The `over_since` that those steps belong to.
    steps_of: Option<Moment>,
}

impl PrimitiveLimit {
    pub(super) fn new(primitives_max: Option<u64>) -> Self {
        Self { primitives_max, over_since: None, steps: 0, steps_of: None }
    }

    /// Records the triangles and points of a frame. Returns whether this frame is the first one over the limit.
    pub(super) fn drawn(&mut self, now: Moment, primitives: u64) -> bool {
        let over = self.primitives_max.is_some_and(|max| primitives > max);
        let crossed = over && self.over_since.is_none();
        self.over_since = over.then(|| self.over_since.unwrap_or(now));
        crossed
    }

    /// Returns whether the last frame exceeded the limit.
    pub(super) fn is_over(&self) -> bool {
        self.over_since.is_some()
    }

    /// Returns the opacity of the checkerboard in a frame that is planned now: 0 is invisible, 1 opaque.
    pub(super) fn checkerboard(&mut self, now: Moment) -> f32 {
        let fading = self.over_since.and_then(|since| now.checked_sub(since + AFTER)).unwrap_or_default();
        self.steps = ((fading.as_micros() / (FADE / STEPS).as_micros()) as u32).min(STEPS);
        self.steps_of = self.over_since;
        self.steps as f32 / STEPS as f32
    }

    /// Returns when the checkerboard differs from the one in the last planned frame, which may be in the past.
    pub(super) fn next_change(&self) -> Option<Moment> {
        if self.steps > 0 && self.steps_of != self.over_since {
            return Some(Moment::ZERO);
        }
        let since = self.over_since.filter(|_| self.steps < STEPS)?;
        Some(since + AFTER + FADE / STEPS * (self.steps + 1))
    }
}

/// Returns the number in words, such as "950" or "20.5 million".
pub(super) fn in_words(primitives: u64) -> String {
    if primitives < 1_000_000 { primitives.to_string() } else { format!("{:.1} million", primitives as f64 / 1e6) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Moment {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn the_limit_itself_is_not_over_it_and_no_limit_is_never_reached() {
        let mut limit = PrimitiveLimit::new(Some(100));
        assert!(!limit.drawn(at(0), 100) && !limit.is_over());
        assert!(limit.drawn(at(0), 101) && limit.is_over());
        let mut none = PrimitiveLimit::new(None);
        assert!(!none.drawn(at(0), u64::MAX) && !none.is_over());
        assert_eq!(none.next_change(), None);
    }

    #[test]
    fn numbers_read_naturally() {
        assert_eq!([2, 999_999, 20_540_000].map(in_words), ["2", "999999", "20.5 million"]);
    }

    #[test]
    fn a_crossing_is_reported_once_and_again_after_a_return() {
        let mut limit = PrimitiveLimit::new(Some(100));
        let crossings = [200, 200, 50, 50, 200].map(|primitives| limit.drawn(at(10), primitives));
        assert_eq!(crossings, [true, false, false, false, true]);
    }

    #[test]
    fn the_checkerboard_waits_two_seconds_and_fades_in_within_one() {
        let mut limit = PrimitiveLimit::new(Some(100));
        limit.drawn(at(500), 200);
        let levels = [500, 2500, 2750, 3000, 3499, 3500, 9000].map(|milliseconds| {
            limit.drawn(at(milliseconds), 200);
            limit.checkerboard(at(milliseconds))
        });
        assert_eq!(levels, [0.0, 0.0, 0.25, 0.5, 0.875, 1.0, 1.0]);
    }

    #[test]
    fn frames_are_due_while_the_checkerboard_fades_and_then_no_more() {
        let mut limit = PrimitiveLimit::new(Some(100));
        limit.drawn(at(0), 200);
        let mut asked = Vec::new();
        while let Some(next) = limit.next_change() {
            assert!(asked.len() < 20, "never ends");
            asked.push((next, limit.checkerboard(next)));
        }
        assert_eq!(asked.first(), Some(&(at(2125), 0.125)));
        assert_eq!(asked.last(), Some(&(at(3000), 1.0)));
        assert_eq!(asked.len(), 8);
    }

    #[test]
    fn below_the_limit_the_checkerboard_disappears_at_once_and_the_wait_starts_again() {
        let mut limit = PrimitiveLimit::new(Some(100));
        limit.drawn(at(0), 200);
        assert_eq!(limit.checkerboard(at(2600)), 0.5);
        limit.drawn(at(2600), 100);
        assert_eq!(limit.next_change(), Some(Moment::ZERO));
        // The limit is exceeded again before a frame without the checkerboard was planned.
        limit.drawn(at(2700), 200);
        assert_eq!(limit.next_change(), Some(Moment::ZERO));
        assert_eq!(limit.checkerboard(at(2700)), 0.0);
        assert_eq!(limit.next_change(), Some(at(4825)));
    }
}
