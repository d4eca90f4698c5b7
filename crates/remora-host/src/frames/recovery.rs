//! Opens the graphics device again after it has failed. A device that keeps failing ends the session.

use std::sync::mpsc::SyncSender;

use remora_render::{Graphics, GraphicsOptions, RenderError, Renderer, RendererOptions};

use super::interface::{FrameThreadError, Input};

/// Upper bound on failures without a frame between them.
const FAILURES_MAX: u32 = 3;
/// With less graphics memory not even coarse forms would fit.
const GEOMETRY_BYTES_MIN: u64 = 64 << 20;

/// The options of the graphics device, and how often it has failed.
pub(super) struct Recovery {
    graphics: GraphicsOptions,
    renderer: RendererOptions,
    failures: u32,
    inbox: SyncSender<Input>,
}

impl Recovery {
    pub(super) fn new(graphics: GraphicsOptions, renderer: RendererOptions, inbox: SyncSender<Input>) -> Self {
        Self { graphics, renderer, failures: 0, inbox }
    }

    /// Notes that a frame was finished.
    pub(super) fn worked(&mut self) {
        self.failures = 0;
    }

    /// Opens a device in place of one that failed with this error, with less memory if it ran out of it. Returns the
    /// error if the device has failed too often.
    pub(super) fn reopen(&mut self, error: RenderError) -> Result<Renderer, FrameThreadError> {
        self.failures += 1;
        if self.failures >= FAILURES_MAX {
            return Err(error.into());
        }
        if matches!(error, RenderError::OutOfMemory(_)) {
            let bytes_max = &mut self.renderer.geometry_bytes_max;
            *bytes_max = (*bytes_max / 2).max(GEOMETRY_BYTES_MIN);
        }
        Ok(open_renderer(Graphics::open(&self.graphics)?, &self.renderer, &self.inbox)?)
    }
}

/// Opens a renderer that sends [`Input::Pages`] when geometry has been read.
pub(super) fn open_renderer(
    graphics: Graphics,
    options: &RendererOptions,
    inbox: &SyncSender<Input>,
) -> Result<Renderer, RenderError> {
    let renderer = Renderer::new(graphics, options)?;
    let inbox = inbox.clone();
    renderer.listen_for_pages(move || {
        // A full inbox is emptied before the next frame anyway.
        let _ = inbox.try_send(Input::Pages);
    });
    Ok(renderer)
}
