//! Frames: planned when they are due, and taken back when they were made, could not be made or were given up.

use std::time::Duration;

use remora_protocol::codes::NoticeCode;
use remora_stream::Fidelity;

use super::{
    Client, Stage, limit,
    pacing::{NextFrame, PaceLimits},
    plan::{DrawStatistics, EncodeResult, FramePlan, FrameRecord, Work},
    quality::Quality,
};
use crate::clock::Moment;

impl Stage {
    /// Returns when at the latest [`Stage::poll_frame`] or [`Stage::tick`] has something to do without further input.
    pub(crate) fn poll_timeout(&self) -> Option<Moment> {
        let statistics_at = self.statistics_due()?;
        Some(self.frame_due().map_or(statistics_at, |(at, _)| at.min(statistics_at)))
    }

    /// Returns the frame to make now, if there is one.
    pub(crate) fn poll_frame(&mut self, now: Moment) -> Option<FramePlan> {
        let (due, next) = self.frame_due()?;
        if now < due {
            return None;
        }
        let rtp_timestamp = self.next_rtp_timestamp(now);
        let client = self.client.as_mut()?;
        let (pose, arrived) = client.pose?;
        let stream_size = client.viewport?;
        let detail = match next {
            NextFrame::Moving => self.quality.moving(stream_size),
            NextFrame::Sharpening => Quality::sharp(stream_size),
            NextFrame::Resting => self.quality.at_rest(stream_size),
            NextFrame::Again => client.pacing.last_detail()?,
        };
        // The wait of a refinement is intended. Only that of a pose's first frame is a delay.
        let wait = if client.pacing.is_dirty() { now.saturating_sub(arrived) } else { Duration::ZERO };
        let key = client.pacing.plan(now, next, detail);
        let work = match next {
            NextFrame::Again => Work::EncodeAgain,
            NextFrame::Moving | NextFrame::Sharpening | NextFrame::Resting => {
                let checkerboard = client.limit.checkerboard(now);
                Work::Render { pose, detail, stream_size, marker: client.marker, checkerboard }
            }
        };
        let serial = self.serial_next;
        self.serial_next = serial.next();
        let (fidelity, record) = (next.fidelity(), FrameRecord::new(&pose, detail, wait));
        Some(FramePlan { serial, connection: self.connection, rtp_timestamp, key, fidelity, work, record })
    }

    /// Records what the renderer reports about a frame.
    pub(crate) fn rendered(&mut self, now: Moment, plan: &mut FramePlan, drawn: DrawStatistics) {
        plan.record.rendered(drawn.timings);
        if !self.is_current(plan) {
            return;
        }
        self.drawn = drawn;
        let render = drawn.timings.select + drawn.timings.submit + drawn.timings.draw;
        match plan.fidelity {
            Fidelity::Motion => self.quality.observe_moving(render),
            Fidelity::Rest => self.quality.observe_resting(&plan.record.detail, render),
        }
        let primitives = drawn.triangles + drawn.points;
        let crossed = self.client.as_mut().is_some_and(|client| client.limit.drawn(now, primitives));
        if let Some(max) = self.capability.primitives_max.filter(|_| crossed) {
            let text = format!(
                "{} triangles and points are drawn, and a session of this size may draw {}. Show fewer parts, or use a \
                 larger session; otherwise a checkerboard covers the background.",
                limit::in_words(primitives),
                limit::in_words(max)
            );
            self.notice(NoticeCode::PrimitiveLimit, text);
        }
    }

    /// Takes back a frame that was encoded.
    pub(crate) fn encoded(&mut self, plan: FramePlan, result: EncodeResult) {
        if let Some(client) = self.client_of(&plan) {
            client.pacing.encoded(plan.fidelity, result.refinable);
        }
    }

    /// Takes back a frame that could not be rendered or encoded. What it would have shown is still to be shown.
    pub(crate) fn frame_failed(&mut self, now: Moment, plan: FramePlan) {
        if let Some(client) = self.client_of(&plan) {
            client.pacing.failed(now);
        }
    }

    /// Takes back a superseded frame that was given up. The next frame takes its place.
    pub(crate) fn abandoned(&mut self, plan: FramePlan) {
        if let Some(client) = self.client_of(&plan) {
            client.pacing.abandoned(plan.key);
        }
    }

    /// Returns whether a refinement that is being rendered is not worth finishing, because what it shows has changed.
    pub(crate) fn superseded(&self, plan: &FramePlan) -> bool {
        let Some(client) = &self.client else { return true };
        plan.fidelity == Fidelity::Rest && self.is_current(plan) && client.pacing.is_dirty()
    }

    /// Returns whether the frame is for the client that is connected now.
    pub(crate) fn is_current(&self, plan: &FramePlan) -> bool {
        self.client.is_some() && plan.connection == self.connection
    }

    /// Returns the client that the frame was planned for, if it is still connected.
    fn client_of(&mut self, plan: &FramePlan) -> Option<&mut Client> {
        self.client.as_mut().filter(|_| plan.connection == self.connection)
    }

    /// Returns the next frame and when it is due, or `None` if only an input can make one due.
    fn frame_due(&self) -> Option<(Moment, NextFrame)> {
        let client = self.client.as_ref()?;
        client.pose?;
        client.viewport?;
        let limits = PaceLimits {
            frame_interval: self.capability.frame_interval,
            frames_in_flight_max: self.capability.frames_in_flight_max,
            sharpens_first: self.quality.sharpens_first(),
        };
        client.pacing.due(limits, client.limit.next_change())
    }

    fn next_rtp_timestamp(&mut self, now: Moment) -> u32 {
        let ticks = (now.as_micros() * 9 / 100) as u32;
        // Timestamps are keys and must differ: if the clock has not moved, the smallest step is added.
        let forward = ticks.wrapping_sub(self.rtp_timestamp_last) as i32;
        self.rtp_timestamp_last = if forward > 0 { ticks } else { self.rtp_timestamp_last.wrapping_add(1) };
        self.rtp_timestamp_last
    }
}
