//! Answers picks: renders the newest view once more and reads back what is visible under a pixel.

use std::collections::VecDeque;

use glam::DVec3;
use remora_render::{
    FrameOptions, FrameRequest, FrameSerial, PixelFormat, RenderError, RenderedFrame, Renderer, Samples,
};

use crate::{
    ids::CommandId,
    stage::{Stage, quality::Detail},
};

/// A point that the client asked about, in normalised device coordinates, y up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pick {
    pub(super) command: CommandId,
    pub(super) x: f32,
    pub(super) y: f32,
}

/// Picks that wait for their answer. Picks and frames take turns while both wait.
#[derive(Default)]
pub(super) struct Picks {
    waiting: VecDeque<Pick>,
    /// A pick was answered, and no frame was started since.
    frame_first: bool,
    /// The buffer for frames that are rendered only for their picks.
    picture: RenderedFrame,
}

impl Picks {
    pub(super) fn push(&mut self, pick: Pick) {
        self.waiting.push_back(pick);
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Returns the oldest pick, unless it is a frame's turn.
    pub(super) fn next(&self) -> Option<Pick> {
        self.waiting.front().copied().filter(|_| !self.frame_first)
    }

    /// Notes that a frame was started, or that none is to be.
    pub(super) fn end_frame_turn(&mut self) {
        self.frame_first = false;
    }

    /// Answers the pick that [`Self::next`] returned. No frame may be in flight. The pick stays if the device fails.
    pub(super) fn answer(&mut self, stage: &mut Stage, renderer: &mut Renderer, pick: Pick) -> Result<(), RenderError> {
        let visible = self.look_at(stage, renderer, pick.x, pick.y)?;
        stage.picked(pick.command, visible);
        self.waiting.pop_front();
        self.frame_first = true;
        Ok(())
    }

    /// Returns the index of the instance that is visible at the point of the newest view, and the position in the
    /// world.
    pub(super) fn look_at(
        &mut self,
        stage: &mut Stage,
        renderer: &mut Renderer,
        x: f32,
        y: f32,
    ) -> Result<Option<(u32, DVec3)>, RenderError> {
        let Some((pose, detail)) = stage.view() else { return Ok(None) };
        let Detail { render_size, error_pixels, .. } = detail;
        let pixel = |place: f32, size: u32| (((place * 0.5 + 0.5) * size as f32) as u32).min(size - 1);
        let pick = Some([pixel(x, render_size.width), pixel(-y, render_size.height)]);
        renderer.synchronise(stage.scene_mut(), pose.position)?;
        renderer.submit(&FrameRequest {
            serial: FrameSerial(0),
            camera: pose.camera(),
            render_size,
            samples: Samples::One,
            error_pixels,
            blend_layers: 1,
            stream_size: render_size,
            format: PixelFormat::Rgba,
            options: FrameOptions { pick, ..FrameOptions::default() },
        })?;
        let done = renderer.receive(&mut self.picture)?;
        Ok(done.and_then(|done| done.picked).map(|picked| (picked.instance, picked.position)))
    }

    /// Returns the waiting picks, oldest first.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> Vec<Pick> {
        self.waiting.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_wait_in_their_order_and_while_it_is_a_frames_turn() {
        let pick = |id| Pick { command: CommandId(id), x: 0.0, y: 0.0 };
        let mut picks = Picks::default();
        assert!(picks.is_empty() && picks.next().is_none());
        (1..3).for_each(|id| picks.push(pick(id)));
        assert_eq!(picks.next(), Some(pick(1)));
        picks.frame_first = true;
        assert_eq!(picks.next(), None);
        picks.end_frame_turn();
        assert_eq!(picks.next(), Some(pick(1)));
        picks.clear();
        assert!(picks.is_empty());
    }
}
