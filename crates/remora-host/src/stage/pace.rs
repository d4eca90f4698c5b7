//! When the next picture is due, and which: moving ones at their turn, refinements at rest, then nothing.

use std::time::Duration;

use remora_stream::Fidelity;

use super::record::Frame;
use super::{FramePlan, Shown, Stage, Work};
use crate::clock::Moment;

/// Without a change for this long the client is looking, not moving. Shorter, and a slow hand would pay for
/// refinements nobody sees; longer, and the refined picture would be late (150 ms, rendering and encoding included).
pub(super) const REST_AFTER: Duration = Duration::from_millis(45);
/// Refining encodes of one unchanged picture, whatever the encoder still hopes to gain.
const AGAIN_MAX: u32 = 8;

#[derive(Clone, Copy)]
enum Next {
    Moving,
    Sharpening,
    Resting,
    Again(Fidelity),
}

impl Stage {
    /// At the latest then `poll_frame` or `tick` has something to do, if nothing else happens.
    pub fn poll_timeout(&self) -> Option<Moment> {
        let statistics_at = self.statistics_due()?;
        Some(self.frame_due().map_or(statistics_at, |(at, _)| at.min(statistics_at)))
    }

    /// When [`Stage::tick`] has something to do.
    pub fn statistics_due(&self) -> Option<Moment> {
        self.client.as_ref().map(|client| client.statistics_at)
    }

    /// The picture to make now, if any.
    pub fn poll_frame(&mut self, now: Moment) -> Option<FramePlan> {
        let (due, next) = self.frame_due()?;
        if now < due {
            return None;
        }
        let serial = self.serial_next;
        let rtp_timestamp = self.next_rtp_timestamp(now);
        let client = self.client.as_mut()?;
        let (pose, arrived) = client.pose?;
        let stream_size = client.viewport?;
        let key = std::mem::take(&mut client.key_wanted);
        client.repeat_wanted = false;
        let (detail, fidelity) = match next {
            Next::Moving => (self.quality.moving(stream_size), Fidelity::Motion),
            Next::Sharpening => (self.quality.sharp(stream_size), Fidelity::Rest),
            Next::Resting => (self.quality.resting(stream_size), Fidelity::Rest),
            Next::Again(fidelity) => (client.frames.last_detail()?, fidelity),
        };
        // The wait of a refinement is intended; only that of the first picture of a pose is a delay.
        let wait = if client.dirty { now.saturating_sub(arrived) } else { Duration::ZERO };
        let work = match next {
            Next::Moving | Next::Sharpening | Next::Resting => {
                client.dirty = false;
                client.shown = match next {
                    _ if detail.full => Shown::Full { again: 0, refinable: true },
                    Next::Sharpening => Shown::Sharp,
                    _ => Shown::Coarse,
                };
                client.started_at = Some(now);
                let checkerboard = client.limit.checkerboard(now);
                Work::Render { pose, detail, stream_size, marker: client.marker, checkerboard }
            }
            Next::Again(_) => {
                if let Shown::Full { again, .. } = &mut client.shown {
                    *again += 1;
                }
                Work::EncodeAgain
            }
        };
        client.frames.plan(Frame::new(serial, rtp_timestamp, &pose, detail, fidelity, wait));
        self.serial_next += 1;
        Some(FramePlan { serial, rtp_timestamp, key, fidelity, work })
    }

    /// What the next picture would be, and from when on. `None`: only an input can change that.
    fn frame_due(&self) -> Option<(Moment, Next)> {
        let client = self.client.as_ref()?;
        client.pose?;
        client.viewport?;
        if client.frames.outstanding() >= self.capability.frames_in_flight_max {
            return None;
        }
        let turn = client.started_at.map_or(Moment::ZERO, |at| at + self.capability.frame_interval);
        let turn = turn.max(client.hold_until);
        if client.dirty {
            return Some((turn, Next::Moving));
        }
        // Refinements wait until the picture before has left, so that they never stand in the way of a new pose.
        if client.frames.outstanding() > 0 {
            return None;
        }
        let rest = client.changed_at + REST_AFTER;
        match client.shown {
            Shown::Nothing => None,
            Shown::Coarse if self.quality.sharpens_first() => Some((rest.max(client.hold_until), Next::Sharpening)),
            Shown::Coarse | Shown::Sharp => Some((rest.max(client.hold_until), Next::Resting)),
            Shown::Full { again, refinable } => {
                let repeat = if refinable && again < AGAIN_MAX {
                    Some(rest.max(turn))
                } else {
                    (client.key_wanted || client.repeat_wanted).then_some(turn)
                };
                let repeat = repeat.map(|at| (at, Next::Again(Fidelity::Rest)));
                // In the detail that is shown: in a coarser one there might be less than the limit.
                let fade = client.limit.next_change().map(|at| (at.max(rest).max(turn), Next::Resting));
                [fade, repeat].into_iter().flatten().min_by_key(|&(at, _)| at)
            }
        }
    }

    fn next_rtp_timestamp(&mut self, now: Moment) -> u32 {
        let ticks = (now.as_micros() * 9 / 100) as u32;
        // Later by the clock, or else by the smallest step: timestamps are keys and must differ.
        let forward = ticks.wrapping_sub(self.rtp_timestamp_last) as i32;
        self.rtp_timestamp_last = if forward > 0 { ticks } else { self.rtp_timestamp_last.wrapping_add(1) };
        self.rtp_timestamp_last
    }
}
