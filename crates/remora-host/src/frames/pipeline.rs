//! The frame pipeline: from a plan of the stage through the renderer to the encoder, and back to the stage.
//!
//! ```text
//!   plan ─▶ start ─▶ rendering ─▶ finish ─▶ Encoding ─▶ encoded ─▶ stage
//!              │         └─ superseded ─▶ abandoned ───────────────▶ stage
//!              └─ device failed ─▶ recover ─▶ frame_failed ────────▶ stage
//! ```
//!
//! A graphics device that fails is opened again, and everything that was on it is put there again: the client sees a
//! pause and a notice.

use std::collections::VecDeque;

use remora_asset::Asset;
use remora_protocol::codes::NoticeCode;
use remora_render::{AdapterSummary, PrepareOptions, PreparedAsset, RenderError, RenderedFrame};
use remora_scene::ModelKey;
use remora_stream::Fidelity;

use super::{device::Device, interface::FrameThreadError, recovery::Recovery};
use crate::{
    clock::Clock,
    encoding::{EncodeDone, EncodeJob, Encoding},
    ids::ConnectionId,
    marker,
    stage::{DrawStatistics, FramePlan, Stage, Work},
};

/// Frame buffers: for frames being rendered, in the encoder's queue, and the encoder's last one.
pub(super) const BUFFERS: usize = 4;

/// Frames in flight, and the devices that make them.
pub(super) struct Pipeline {
    clock: Clock,
    pub(super) renderer: Device,
    encoding: Encoding,
    /// Plans that were handed to the renderer, oldest first.
    rendering: VecDeque<FramePlan>,
    /// Frame buffers that are not in use.
    spare: Vec<RenderedFrame>,
    /// The encoder's budget.
    bits_per_second: u32,
    recovery: Recovery,
}

impl Pipeline {
    pub(super) fn new(
        clock: Clock,
        renderer: Device,
        encoding: Encoding,
        bits_per_second: u32,
        recovery: Recovery,
    ) -> Self {
        let spare = (0..BUFFERS).map(|_| RenderedFrame::default()).collect();
        Self { clock, renderer, encoding, rendering: VecDeque::new(), spare, bits_per_second, recovery }
    }

    /// Returns whether a frame can be started now.
    pub(super) fn has_room(&self) -> bool {
        self.rendering.len() < self.renderer.frames_in_flight_max() && self.has_spare()
    }

    /// Returns whether a frame buffer is free. If none is, the encoder gives one back.
    pub(super) fn has_spare(&self) -> bool {
        !self.spare.is_empty()
    }

    /// Returns whether a frame is being rendered.
    pub(super) fn is_rendering(&self) -> bool {
        !self.rendering.is_empty()
    }

    /// Sets the encoder's budget.
    pub(super) fn set_bitrate(&mut self, bits_per_second: u32) {
        self.bits_per_second = bits_per_second;
    }

    /// Drops frames of earlier connections.
    pub(super) fn only(&self, connection: ConnectionId) {
        self.encoding.only(connection);
    }

    /// Starts a planned frame.
    pub(super) fn start(&mut self, stage: &mut Stage, plan: FramePlan) -> Result<(), RenderError> {
        let Work::Render { pose, detail, stream_size, checkerboard, .. } = plan.work else {
            self.encode(stage, plan, None);
            return Ok(());
        };
        let request = detail.request(plan.serial, pose.camera(), stream_size, checkerboard);
        let fidelity = plan.fidelity;
        // Queued before anything can fail, so that a failure of the device gives the plan back.
        self.rendering.push_back(plan);
        self.renderer.synchronise(stage.scene_mut(), pose.position)?;
        match fidelity {
            Fidelity::Motion => self.renderer.submit(&request),
            // A refinement can take long, and the next pose must not wait for it.
            Fidelity::Rest => self.renderer.submit_in_slices(&request),
        }
    }

    /// Waits for the next slice of the oldest frame, or for the frame. Gives the frame up if it is superseded.
    pub(super) fn proceed(&mut self, stage: &mut Stage) -> Result<(), RenderError> {
        if self.rendering.front().is_some_and(|plan| stage.superseded(plan))
            && self.renderer.abandon()
            && let Some(plan) = self.rendering.pop_front()
        {
            stage.abandoned(plan);
            return Ok(());
        }
        if self.renderer.proceed()? { self.finish(stage) } else { Ok(()) }
    }

    /// Waits for the oldest frame and hands it to the encoder.
    fn finish(&mut self, stage: &mut Stage) -> Result<(), RenderError> {
        let mut picture = self.spare.pop().unwrap_or_default();
        let done = match self.renderer.receive(&mut picture) {
            Ok(done) => done,
            Err(error) => {
                self.spare.push(picture);
                return Err(error);
            }
        };
        let Some(mut plan) = self.rendering.pop_front() else {
            self.spare.push(picture);
            return Ok(());
        };
        let now = self.clock.now();
        let Some(done) = done else {
            self.spare.push(picture);
            stage.frame_failed(now, plan);
            return Ok(());
        };
        self.recovery.worked();
        let drawn = DrawStatistics {
            timings: done.timings,
            triangles: done.triangles_drawn - done.points_drawn,
            points: done.points_drawn,
            pages_missing: u32::try_from(done.pages_missing).unwrap_or(u32::MAX),
        };
        stage.rendered(now, &mut plan, drawn);
        if let Work::Render { marker: true, pose, .. } = plan.work {
            marker::paint(&mut picture.data, picture.width as usize, picture.height as usize, pose.id);
        }
        self.encode(stage, plan, Some(picture));
        Ok(())
    }

    fn encode(&mut self, stage: &mut Stage, plan: FramePlan, picture: Option<RenderedFrame>) {
        if !stage.is_current(&plan) {
            // The connection has ended since the frame was planned.
            self.spare.extend(picture);
            return;
        }
        let job = EncodeJob { plan, picture, bits_per_second: self.bits_per_second };
        if let Err(job) = self.encoding.encode(job) {
            let EncodeJob { plan, picture, .. } = *job;
            self.spare.extend(picture);
            stage.frame_failed(self.clock.now(), plan);
        }
    }

    /// Gives an encoded frame back to the stage.
    pub(super) fn encoded(&mut self, stage: &mut Stage, done: EncodeDone) {
        let EncodeDone { plan, outcome, picture } = done;
        self.spare.extend(picture);
        match outcome {
            Ok(result) => stage.encoded(plan, result),
            Err(error) => {
                tracing::warn!(%error, "a frame was not encoded");
                stage.frame_failed(self.clock.now(), plan);
            }
        }
    }

    /// Opens a device in place of one that failed with this error, and shows the scene on it.
    pub(super) fn recover(&mut self, stage: &mut Stage, error: RenderError) -> Result<(), FrameThreadError> {
        tracing::error!(%error, "the graphics device failed");
        let text = format!("The graphics device was started again: {error}.");
        let renderer = self.recovery.reopen(error)?;
        let now = self.clock.now();
        for plan in self.rendering.drain(..) {
            stage.frame_failed(now, plan);
        }
        self.renderer = Device::new(renderer);
        let models: Vec<(ModelKey, Asset)> =
            stage.scene_mut().models().map(|(key, asset)| (key, asset.clone())).collect();
        for (key, asset) in models {
            self.put_back(stage, key, &asset);
        }
        stage.scene_mut().report_structure();
        stage.notice(NoticeCode::DeviceRestarted, text);
        Ok(())
    }

    /// Places a model of the scene on the device again. A failure is only logged here: the next frame reports it.
    pub(super) fn put_back(&mut self, stage: &mut Stage, key: ModelKey, asset: &Asset) {
        let adapter: &AdapterSummary = self.renderer.graphics().adapter();
        let prepared = match PreparedAsset::new(asset, &PrepareOptions::for_adapter(adapter)) {
            Ok(prepared) => prepared,
            Err(error) => return tracing::error!(%error, "a model cannot be placed on the device again"),
        };
        if let Err(error) = self.renderer.add_model(key, &prepared) {
            tracing::error!(%error, "a model cannot be placed on the device again");
        }
        stage.scene_mut().report_structure();
    }

    /// Returns the number of free frame buffers.
    #[cfg(test)]
    pub(super) fn spare(&self) -> usize {
        self.spare.len()
    }
}
