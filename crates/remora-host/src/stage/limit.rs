//! The limit that a session's size sets to what is drawn. Judged is what the last picture really took: a model may have
//! any number of triangles. Over the limit for a while, a checkerboard fades in; below it, it is gone at once.
//!
//! ```text
//!   within ──drawn more──▶ over ──AFTER──▶ fading, in STEPS ──FADE──▶ full
//!      ▲                     │                │                        │
//!      └──drawn less─────────┴────────────────┴────────────────────────┘
//! ```

use std::time::Duration;

use crate::clock::Moment;

/// Over the limit for this long before anything is seen of it, so that an application can react.
const AFTER: Duration = Duration::from_secs(2);
const FADE: Duration = Duration::from_secs(1);
/// Pictures that a fade takes where nothing else changes.
const STEPS: u32 = 8;

#[derive(Clone, Debug)]
pub struct PrimitiveLimit {
    /// `None` is any number.
    primitives_max: Option<u64>,
    over_since: Option<Moment>,
    /// In the picture planned last: steps of the fade, and which time over the limit they are of.
    steps: u32,
    steps_of: Option<Moment>,
}

impl PrimitiveLimit {
    pub fn new(primitives_max: Option<u64>) -> Self {
        Self { primitives_max, over_since: None, steps: 0, steps_of: None }
    }

    /// Judges a picture by the triangles and points drawn for it. True for the first one over the limit.
    pub fn drawn(&mut self, now: Moment, primitives: u64) -> bool {
        let over = self.primitives_max.is_some_and(|max| primitives > max);
        let crossed = over && self.over_since.is_none();
        self.over_since = over.then(|| self.over_since.unwrap_or(now));
        crossed
    }

    pub fn is_over(&self) -> bool {
        self.over_since.is_some()
    }

    /// Of a picture that is being planned: 0 for none, 1 for all of it.
    pub fn checkerboard(&mut self, now: Moment) -> f32 {
        let fading = self.over_since.and_then(|since| now.checked_sub(since + AFTER)).unwrap_or_default();
        self.steps = ((fading.as_micros() / (FADE / STEPS).as_micros()) as u32).min(STEPS);
        self.steps_of = self.over_since;
        self.steps as f32 / STEPS as f32
    }

    /// When a picture would have another checkerboard than the one planned last; in the past for at once.
    pub fn next_change(&self) -> Option<Moment> {
        if self.steps > 0 && self.steps_of != self.over_since {
            return Some(Moment::ZERO);
        }
        let since = self.over_since.filter(|_| self.steps < STEPS)?;
        Some(since + AFTER + FADE / STEPS * (self.steps + 1))
    }
}

/// As a person reads it: "950", "20.5 million".
pub fn in_words(primitives: u64) -> String {
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
    fn a_crossing_is_told_once_and_again_after_a_return() {
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
    fn pictures_are_asked_for_while_it_fades_and_then_no_more() {
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
    fn below_the_limit_it_is_gone_at_once_and_the_wait_begins_anew() {
        let mut limit = PrimitiveLimit::new(Some(100));
        limit.drawn(at(0), 200);
        assert_eq!(limit.checkerboard(at(2600)), 0.5);
        limit.drawn(at(2600), 100);
        assert_eq!(limit.next_change(), Some(Moment::ZERO));
        // Over it again before a picture without it was planned.
        limit.drawn(at(2700), 200);
        assert_eq!(limit.next_change(), Some(Moment::ZERO));
        assert_eq!(limit.checkerboard(at(2700)), 0.0);
        assert_eq!(limit.next_change(), Some(at(4825)));
    }
}
