//! A planned frame, with everything that is known about it so far.

use std::time::Duration;

use remora_protocol::connection as wire;
use remora_render::{FrameTimings, Size};
use remora_stream::Fidelity;

use super::{pose::Pose, quality::Detail};
use crate::ids::{ConnectionId, FrameSerial, PoseId};

/// A frame to make. The plan travels with the frame through renderer and encoder and is given back to the stage, by
/// exactly one of [`Stage::encoded`](super::Stage::encoded), [`Stage::frame_failed`](super::Stage::frame_failed) and
/// [`Stage::abandoned`](super::Stage::abandoned).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FramePlan {
    pub(crate) serial: FrameSerial,
    /// The connection that the frame is for.
    pub(crate) connection: ConnectionId,
    /// In ticks of 90 kHz, rising from frame to frame: the frame's key everywhere.
    pub(crate) rtp_timestamp: u32,
    /// The frame must be decodable without any frame before it.
    pub(crate) key: bool,
    pub(crate) fidelity: Fidelity,
    pub(crate) work: Work,
    pub(crate) record: FrameRecord,
}

/// The work that a frame needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Work {
    Render {
        pose: Pose,
        detail: Detail,
        stream_size: Size,
        /// Paint the id of the pose into the frame.
        marker: bool,
        /// Opacity of the checkerboard that shows that too much is drawn: 0 is invisible, 1 opaque.
        checkerboard: f32,
    },
    /// Encode the last rendered frame again.
    EncodeAgain,
}

/// The facts about a frame that its client is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FrameRecord {
    pose_id: PoseId,
    input_time_milliseconds: f64,
    pub(crate) detail: Detail,
    /// From the arrival of the pose to the plan.
    wait: Duration,
    timings: FrameTimings,
}

/// The renderer's report about a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct DrawStatistics {
    pub(crate) timings: FrameTimings,
    pub(crate) triangles: u64,
    pub(crate) points: u64,
    /// Pages of geometry that the frame needed and that were not resident.
    pub(crate) pages_missing: u32,
}

/// The encoder's report about a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct EncodeResult {
    pub(crate) bytes: u32,
    /// The time that encoding took.
    pub(crate) encode: Duration,
    /// Encoding the same frame again would improve it.
    pub(crate) refinable: bool,
}

impl FrameRecord {
    pub(super) fn new(pose: &Pose, detail: Detail, wait: Duration) -> Self {
        Self {
            pose_id: pose.id,
            input_time_milliseconds: pose.input_time_milliseconds,
            detail,
            wait,
            timings: FrameTimings::default(),
        }
    }

    pub(super) fn rendered(&mut self, timings: FrameTimings) {
        self.timings = timings;
    }
}

impl FramePlan {
    /// Returns the message that accompanies the frame. The encoder fills in its own fields, which are zero here.
    pub(crate) fn info(&self) -> wire::FrameInfo {
        let microseconds = |duration: Duration| u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
        let FrameRecord { pose_id, input_time_milliseconds, detail, wait, timings } = self.record;
        wire::FrameInfo {
            rtp_timestamp: self.rtp_timestamp,
            pose_id: pose_id.0,
            input_time_milliseconds,
            wait_microseconds: microseconds(wait),
            render_microseconds: microseconds(timings.select + timings.submit + timings.draw),
            convert_microseconds: microseconds(timings.convert),
            encode_microseconds: 0,
            rendered_width_pixels: detail.render_size.width,
            rendered_height_pixels: detail.render_size.height,
            samples_per_pixel: detail.samples.count(),
            encoded_bytes: 0,
        }
    }
}
