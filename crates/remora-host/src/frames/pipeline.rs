//! Pictures on their way from a plan of the stage through the renderer to the encoder.

use remora_render::{FrameOptions, FrameRequest as RenderRequest, FrameSerial, PixelFormat, RenderedFrame};
use remora_stream::{Fidelity, FrameRequest as EncodeRequest};

use super::{FrameLoop, FrameThreadError};
use crate::{
    encoding::EncodeJob,
    marker,
    stage::{DrawStatistics, FramePlan, Work},
};

impl FrameLoop {
    pub(super) fn start(&mut self, plan: FramePlan) -> Result<(), FrameThreadError> {
        match plan.work {
            Work::EncodeAgain => {
                self.encode(plan, None);
                Ok(())
            }
            Work::Render { pose, detail, stream_size, checkerboard, .. } => {
                // First, so that it is not forgotten if the device fails here.
                self.rendering.push_back((plan, pose.id));
                self.renderer.synchronise(self.stage.scene_mut(), pose.position)?;
                let request = RenderRequest {
                    serial: FrameSerial(plan.serial),
                    camera: pose.camera(),
                    render_size: detail.render_size,
                    samples: detail.samples,
                    error_pixels: detail.error_pixels,
                    blend_layers: detail.blend_layers,
                    stream_size,
                    format: PixelFormat::I420,
                    options: FrameOptions { checkerboard, ..FrameOptions::default() },
                };
                match plan.fidelity {
                    Fidelity::Motion => self.renderer.submit(&request)?,
                    // A refinement can take long, and the next pose must not wait for it.
                    Fidelity::Rest => self.renderer.submit_in_slices(&request)?,
                }
                Ok(())
            }
        }
    }

    /// Waits for the next piece of the frame that is being drawn, or for the frame, unless it is to be given up.
    pub(super) fn proceed(&mut self) -> Result<(), FrameThreadError> {
        if let Some(&(plan, _)) = self.rendering.front()
            && self.stage.superseded(plan.serial)
            && self.renderer.abandon()
        {
            self.rendering.pop_front();
            self.stage.abandoned(&plan);
            return Ok(());
        }
        if self.renderer.proceed()? { self.finish() } else { Ok(()) }
    }

    /// Waits for the oldest picture in flight and hands it to the encoder.
    fn finish(&mut self) -> Result<(), FrameThreadError> {
        let mut picture = self.spare.pop().unwrap_or_default();
        let done = self.renderer.receive(&mut picture);
        let done = match done {
            Ok(done) => done,
            Err(error) => {
                self.spare.push(picture);
                return Err(error.into());
            }
        };
        let Some(((plan, pose_id), done)) = self.rendering.pop_front().zip(done) else {
            self.spare.push(picture);
            return Ok(());
        };
        self.recovery.worked();
        let drawn = DrawStatistics {
            timings: done.timings,
            triangles: done.triangles_drawn - done.points_drawn,
            points: done.points_drawn,
            pages_missing: u32::try_from(done.pages_missing).unwrap_or(u32::MAX),
        };
        self.stage.rendered(self.clock.now(), done.serial.0, drawn);
        if matches!(plan.work, Work::Render { marker: true, .. }) {
            marker::paint(&mut picture.data, picture.width as usize, picture.height as usize, pose_id);
        }
        self.encode(plan, Some(picture));
        Ok(())
    }

    fn encode(&mut self, plan: FramePlan, picture: Option<RenderedFrame>) {
        let Some(info) = self.stage.frame_info(plan.serial) else {
            // Planned for a connection that has ended meanwhile.
            self.spare.extend(picture);
            return;
        };
        let job = EncodeJob {
            serial: plan.serial,
            generation: self.generation,
            picture,
            request: EncodeRequest { rtp_timestamp: plan.rtp_timestamp, key: plan.key, fidelity: plan.fidelity },
            bits_per_second: self.bits_per_second,
            info,
        };
        if let Err(job) = self.encoding.encode(job) {
            self.spare.extend(job.picture);
            self.stage.frame_failed(self.clock.now(), plan.serial);
        }
    }
}
