//! Decides when the next frame is due and of which kind: moving frames at their turn, refinements at rest, then none.
//!
//! Pure: the state of one connection's frames, with time as an argument.

use std::time::Duration;

use remora_stream::Fidelity;

use super::quality::Detail;
use crate::clock::Moment;

/// After this long without a change the client is looking, not moving, if nothing is known about its rhythm. A shorter
/// time would spend refinements on a slow hand; a longer one would delay the refined frame.
const REST_AFTER_MAX: Duration = Duration::from_millis(45);
/// Shortest such time, for a client that sends poses faster than frames are made.
const REST_AFTER_MIN: Duration = Duration::from_millis(20);
/// Poses that are further apart belong to different movements.
const MOVEMENT_GAP_MAX: Duration = Duration::from_millis(100);
/// Upper bound on encoding one unchanged frame again, however much the encoder could still improve it.
const AGAIN_MAX: u32 = 8;

/// The kind of the next frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextFrame {
    Moving,
    /// Full size, but edges without smoothing, because the full detail takes long.
    Sharpening,
    /// Full detail.
    Resting,
    /// The last frame, encoded again.
    Again,
}

impl NextFrame {
    pub(super) fn fidelity(self) -> Fidelity {
        match self {
            Self::Moving => Fidelity::Motion,
            Self::Sharpening | Self::Resting | Self::Again => Fidelity::Rest,
        }
    }
}

/// The limits that the pace keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct PaceLimits {
    /// Between the starts of two rendered frames.
    pub(super) frame_interval: Duration,
    pub(super) frames_in_flight_max: usize,
    /// The full detail takes so long that a sharp frame comes before it.
    pub(super) sharpens_first: bool,
}

/// How often the client sends poses while it moves.
#[derive(Clone, Copy, Debug, Default)]
struct Rhythm {
    newest: Option<Moment>,
    /// The longest recent interval between two poses of this movement. Shorter ones reduce it gradually, because some
    /// poses arrive in pairs.
    interval: Option<Duration>,
}

impl Rhythm {
    /// Notes a pose that arrived at `at`.
    fn pose(&mut self, at: Moment) {
        let gap = self.newest.map(|newest| at.saturating_sub(newest)).filter(|gap| *gap <= MOVEMENT_GAP_MAX);
        self.interval = gap.map(|gap| match self.interval {
            Some(longer) if longer > gap => longer - (longer - gap) / 4,
            _ => gap,
        });
        self.newest = Some(at);
    }

    /// Returns how long after a change the movement counts as paused: the next pose is late by half of the interval.
    fn rest_after(&self) -> Duration {
        self.interval.map_or(REST_AFTER_MAX, |interval| (interval * 3 / 2).clamp(REST_AFTER_MIN, REST_AFTER_MAX))
    }
}

/// The frames of one connection: what is shown, what has changed since, and how many frames are in flight.
#[derive(Debug)]
pub(super) struct Pacing {
    /// Something changed that no planned frame shows.
    dirty: bool,
    changed_at: Moment,
    rhythm: Rhythm,
    /// The quality of the last planned frame.
    shown: Shown,
    last_detail: Option<Detail>,
    key_wanted: bool,
    /// The last frame is to be encoded again, so that the client notices what it lost.
    repeat_wanted: bool,
    /// When the last rendered frame was planned.
    started_at: Option<Moment>,
    /// The network is full until then.
    hold_until: Moment,
    /// Plans that have not been given back.
    in_flight: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shown {
    Nothing,
    Coarse,
    /// Full size, shown while the full detail is rendered.
    Sharp,
    /// Full detail; `again` counts how often it was encoded again.
    Full {
        again: u32,
        refinable: bool,
    },
}

impl Pacing {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            dirty: false,
            changed_at: now,
            rhythm: Rhythm::default(),
            shown: Shown::Nothing,
            last_detail: None,
            key_wanted: true,
            repeat_wanted: false,
            started_at: None,
            hold_until: Moment::ZERO,
            in_flight: 0,
        }
    }

    /// Notes a change that the next frame has to show.
    pub(super) fn change(&mut self, now: Moment) {
        self.dirty = true;
        self.changed_at = self.changed_at.max(now);
    }

    /// Notes a new pose, which arrived at `at`.
    pub(super) fn pose(&mut self, at: Moment) {
        self.rhythm.pose(at);
        self.change(at);
    }

    /// Notes that the same view can be shown better than it was. This is no movement.
    pub(super) fn sharpen(&mut self) {
        if self.shown != Shown::Nothing {
            self.shown = Shown::Coarse;
        }
    }

    pub(super) fn want_key_frame(&mut self) {
        self.key_wanted = true;
    }

    pub(super) fn want_repeat(&mut self) {
        self.repeat_wanted = true;
    }

    pub(super) fn hold_until(&mut self, until: Moment) {
        self.hold_until = until;
    }

    /// Returns whether something changed that no planned frame shows.
    pub(super) fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Returns the detail of the last planned frame.
    pub(super) fn last_detail(&self) -> Option<Detail> {
        self.last_detail
    }

    /// Returns the next frame and when it is due, or `None` if only an input can make one due. `checkerboard_at` is
    /// when the checkerboard changes by itself.
    pub(super) fn due(&self, limits: PaceLimits, checkerboard_at: Option<Moment>) -> Option<(Moment, NextFrame)> {
        if self.in_flight >= limits.frames_in_flight_max {
            return None;
        }
        let turn = self.started_at.map_or(Moment::ZERO, |at| at + limits.frame_interval);
        let turn = turn.max(self.hold_until);
        if self.dirty {
            return Some((turn, NextFrame::Moving));
        }
        // Refinements wait until the frame before has left, so that they never delay a new pose.
        if self.in_flight > 0 {
            return None;
        }
        let rest = self.changed_at + self.rhythm.rest_after();
        match self.shown {
            Shown::Nothing => None,
            Shown::Coarse if limits.sharpens_first => Some((rest.max(self.hold_until), NextFrame::Sharpening)),
            Shown::Coarse | Shown::Sharp => Some((rest.max(self.hold_until), NextFrame::Resting)),
            Shown::Full { again, refinable } => {
                let repeat = if refinable && again < AGAIN_MAX {
                    Some(rest.max(turn))
                } else {
                    (self.key_wanted || self.repeat_wanted).then_some(turn)
                };
                let repeat = repeat.map(|at| (at, NextFrame::Again));
                // In the detail that is shown: a coarser one could draw less than the limit.
                let fade = checkerboard_at.map(|at| (at.max(rest).max(turn), NextFrame::Resting));
                [fade, repeat].into_iter().flatten().min_by_key(|&(at, _)| at)
            }
        }
    }

    /// Plans a frame now. Returns whether it must be a key frame.
    pub(super) fn plan(&mut self, now: Moment, next: NextFrame, detail: Detail) -> bool {
        match next {
            NextFrame::Again => {
                if let Shown::Full { again, .. } = &mut self.shown {
                    *again += 1;
                }
            }
            NextFrame::Moving | NextFrame::Sharpening | NextFrame::Resting => {
                self.dirty = false;
                self.shown = match next {
                    _ if detail.full => Shown::Full { again: 0, refinable: true },
                    NextFrame::Sharpening => Shown::Sharp,
                    _ => Shown::Coarse,
                };
                self.started_at = Some(now);
            }
        }
        self.in_flight += 1;
        self.last_detail = Some(detail);
        self.repeat_wanted = false;
        std::mem::take(&mut self.key_wanted)
    }

    /// Takes back a frame that was encoded.
    pub(super) fn encoded(&mut self, fidelity: Fidelity, still_refinable: bool) {
        self.in_flight -= 1;
        if let Shown::Full { refinable, .. } = &mut self.shown
            && fidelity == Fidelity::Rest
        {
            *refinable = still_refinable;
        }
    }

    /// Takes back a frame that could not be made. What it would have shown is still to be shown.
    pub(super) fn failed(&mut self, now: Moment) {
        self.in_flight -= 1;
        self.key_wanted = true;
        self.change(now);
    }

    /// Takes back a superseded frame. The next one takes its place.
    pub(super) fn abandoned(&mut self, key: bool) {
        self.in_flight -= 1;
        self.key_wanted |= key;
        self.shown = Shown::Coarse;
        // The next frame need not keep a distance from a frame that is never shown.
        self.started_at = None;
    }
}

#[cfg(test)]
mod tests {
    use remora_render::Size;

    use super::*;
    use crate::stage::quality::{Quality, render_target};

    const LIMITS: PaceLimits =
        PaceLimits { frame_interval: Duration::from_millis(33), frames_in_flight_max: 2, sharpens_first: false };

    fn at(milliseconds: u64) -> Moment {
        Duration::from_millis(milliseconds)
    }

    fn details() -> (Detail, Detail) {
        let (quality, size) = (Quality::new(true, render_target(true)), Size::new(640, 360));
        (quality.moving(size), Quality::resting(size))
    }

    #[test]
    fn frames_keep_the_interval_and_the_number_in_flight() {
        let (moving, _) = details();
        let mut pacing = Pacing::new(at(0));
        assert_eq!(pacing.due(LIMITS, None), None, "nothing has changed");
        pacing.change(at(5));
        assert_eq!(pacing.due(LIMITS, None), Some((Moment::ZERO, NextFrame::Moving)));
        assert!(pacing.plan(at(5), NextFrame::Moving, moving), "the first frame is a key frame");
        pacing.change(at(10));
        assert_eq!(pacing.due(LIMITS, None), Some((at(38), NextFrame::Moving)));
        pacing.hold_until(at(50));
        assert_eq!(pacing.due(LIMITS, None), Some((at(50), NextFrame::Moving)));
        assert!(!pacing.plan(at(50), NextFrame::Moving, moving));
        pacing.change(at(60));
        assert_eq!(pacing.due(LIMITS, None), None, "two frames are in flight");
        pacing.encoded(Fidelity::Motion, true);
        assert_eq!(pacing.due(LIMITS, None), Some((at(83), NextFrame::Moving)));
    }

    #[test]
    fn a_frame_at_rest_is_refined_encoded_again_and_then_left_alone() {
        let (moving, resting) = details();
        let mut pacing = Pacing::new(at(0));
        pacing.change(at(0));
        pacing.plan(at(0), NextFrame::Moving, moving);
        assert_eq!(pacing.due(LIMITS, None), None, "a refinement waits for the frame in flight");
        pacing.encoded(Fidelity::Motion, true);
        assert_eq!(pacing.due(LIMITS, None), Some((REST_AFTER_MAX, NextFrame::Resting)));
        let sharp = PaceLimits { sharpens_first: true, ..LIMITS };
        assert_eq!(pacing.due(sharp, None), Some((REST_AFTER_MAX, NextFrame::Sharpening)));
        pacing.plan(at(45), NextFrame::Resting, resting);
        pacing.encoded(Fidelity::Rest, true);
        assert_eq!(pacing.due(LIMITS, None), Some((at(78), NextFrame::Again)));
        pacing.plan(at(78), NextFrame::Again, resting);
        pacing.encoded(Fidelity::Rest, false);
        assert_eq!(pacing.due(LIMITS, None), None);
        assert_eq!(pacing.due(LIMITS, Some(at(2000))), Some((at(2000), NextFrame::Resting)), "the checkerboard fades");
        pacing.want_repeat();
        assert_eq!(pacing.due(LIMITS, None), Some((at(78), NextFrame::Again)));
    }

    #[test]
    fn a_failed_frame_is_made_again_and_an_abandoned_one_leaves_its_place() {
        let (moving, resting) = details();
        let mut pacing = Pacing::new(at(0));
        pacing.change(at(0));
        pacing.plan(at(0), NextFrame::Moving, moving);
        pacing.failed(at(7));
        assert!(pacing.is_dirty() && pacing.plan(at(33), NextFrame::Moving, moving));
        pacing.encoded(Fidelity::Motion, true);
        pacing.want_key_frame();
        let key = pacing.plan(at(100), NextFrame::Resting, resting);
        pacing.abandoned(key);
        pacing.change(at(101));
        assert_eq!(pacing.due(LIMITS, None), Some((Moment::ZERO, NextFrame::Moving)));
        assert!(pacing.plan(at(101), NextFrame::Moving, moving), "the abandoned frame was to be a key frame");
    }

    /// Returns when the frame in full is due after poses at these moments, and the moment of the last one.
    fn rest_after_poses(moments: &[u64]) -> (Moment, Moment) {
        let (moving, _) = details();
        let mut pacing = Pacing::new(at(0));
        for &moment in moments {
            pacing.pose(at(moment));
        }
        let last = at(*moments.last().expect("some poses"));
        pacing.plan(last, NextFrame::Moving, moving);
        pacing.encoded(Fidelity::Motion, true);
        let (due, next) = pacing.due(LIMITS, None).expect("a refinement");
        assert_eq!(next, NextFrame::Resting);
        (due, last)
    }

    #[test]
    fn a_hand_that_moved_evenly_rests_when_its_next_pose_is_late() {
        let after = |interval: usize| {
            let (due, last) = rest_after_poses(&(0..600).step_by(interval).collect::<Vec<u64>>());
            due - last
        };
        assert_eq!(after(4), at(20), "frames are made less often than these poses come");
        assert_eq!(after(16), at(24));
        assert_eq!(after(24), at(36));
        assert_eq!(after(33), REST_AFTER_MAX);
        assert_eq!(after(200), REST_AFTER_MAX, "steps have no rhythm");
    }

    #[test]
    fn a_hand_that_moves_unevenly_is_waited_for() {
        let (due, last) = rest_after_poses(&[0, 16, 32, 62, 62]);
        assert!(due - last > at(30), "a pair of poses is no faster rhythm");
        let (due, last) = rest_after_poses(&[0, 16, 32, 300]);
        assert_eq!(due - last, REST_AFTER_MAX, "a new movement has its own rhythm");
        // An older pose that is handled late does not end the wait for a newer one.
        let mut pacing = Pacing::new(at(50));
        pacing.change(at(70));
        pacing.pose(at(60));
        assert_eq!(pacing.changed_at, at(70));
    }
}
