//! Frames that were planned and are not out of the encoder yet, and what is known of each.

use std::{collections::VecDeque, time::Duration};

use remora_protocol::connection as wire;
use remora_render::FrameTimings;
use remora_stream::Fidelity;

use super::{pose::Pose, quality::Detail};

#[derive(Clone, Debug)]
pub struct Frame {
    serial: u64,
    rtp_timestamp: u32,
    pose_id: u32,
    input_time_milliseconds: f64,
    pub detail: Detail,
    pub fidelity: Fidelity,
    wait: Duration,
    timings: FrameTimings,
}

/// In the order of their serials.
#[derive(Debug, Default)]
pub struct Frames {
    outstanding: VecDeque<Frame>,
    last_detail: Option<Detail>,
}

impl Frame {
    pub fn new(
        serial: u64,
        rtp_timestamp: u32,
        pose: &Pose,
        detail: Detail,
        fidelity: Fidelity,
        wait: Duration,
    ) -> Self {
        Self {
            serial,
            rtp_timestamp,
            pose_id: pose.id,
            input_time_milliseconds: pose.input_time_milliseconds,
            detail,
            fidelity,
            wait,
            timings: FrameTimings::default(),
        }
    }

    /// The encoder adds what it finds out.
    fn info(&self) -> wire::FrameInfo {
        let microseconds = |duration: Duration| u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
        let timings = self.timings;
        wire::FrameInfo {
            rtp_timestamp: self.rtp_timestamp,
            pose_id: self.pose_id,
            input_time_milliseconds: self.input_time_milliseconds,
            wait_microseconds: microseconds(self.wait),
            render_microseconds: microseconds(timings.select + timings.submit + timings.draw),
            convert_microseconds: microseconds(timings.convert),
            encode_microseconds: 0,
            rendered_width_pixels: self.detail.render_size.width,
            rendered_height_pixels: self.detail.render_size.height,
            samples_per_pixel: self.detail.samples.count(),
            encoded_bytes: 0,
        }
    }
}

impl Frames {
    pub fn plan(&mut self, frame: Frame) {
        self.last_detail = Some(frame.detail);
        self.outstanding.push_back(frame);
    }

    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// Of the picture planned last.
    pub fn last_detail(&self) -> Option<Detail> {
        self.last_detail
    }

    pub fn rendered(&mut self, serial: u64, timings: FrameTimings) -> Option<&Frame> {
        let frame = self.outstanding.iter_mut().find(|frame| frame.serial == serial)?;
        frame.timings = timings;
        Some(frame)
    }

    pub fn info(&self, serial: u64) -> Option<wire::FrameInfo> {
        self.outstanding.iter().find(|frame| frame.serial == serial).map(Frame::info)
    }

    pub fn fidelity(&self, serial: u64) -> Option<Fidelity> {
        self.outstanding.iter().find(|frame| frame.serial == serial).map(|frame| frame.fidelity)
    }

    pub fn encoded(&mut self, serial: u64) -> Option<Frame> {
        let index = self.outstanding.iter().position(|frame| frame.serial == serial)?;
        self.outstanding.remove(index)
    }
}
