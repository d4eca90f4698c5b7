//! A graphics device that fails is opened anew, and everything that was on it is put there again: the client sees a
//! pause and a notice. A device that goes on failing ends the session.

use std::sync::mpsc::SyncSender;

use remora_asset::Asset;
use remora_protocol::codes::NoticeCode;
use remora_render::{
    AdapterSummary, Graphics, GraphicsOptions, PrepareOptions, PreparedAsset, RenderError, Renderer, RendererOptions,
};
use remora_scene::ModelKey;

use super::{FrameLoop, FrameThreadError, Input, warming::Device};

/// Failures without a picture in between.
const FAILURES_MAX: u32 = 3;
/// With less, not even coarse forms would find room.
const GEOMETRY_BYTES_MIN: u64 = 64 << 20;

pub(super) struct Recovery {
    graphics: GraphicsOptions,
    renderer: RendererOptions,
    failures: u32,
}

impl Recovery {
    pub(super) fn new(graphics: GraphicsOptions, renderer: RendererOptions) -> Self {
        Self { graphics, renderer, failures: 0 }
    }

    /// A picture was finished.
    pub(super) fn worked(&mut self) {
        self.failures = 0;
    }
}

/// A renderer that tells when geometry has come.
pub(super) fn open_renderer(
    graphics: Graphics,
    options: &RendererOptions,
    inbox: &SyncSender<Input>,
) -> Result<Renderer, RenderError> {
    let renderer = Renderer::new(graphics, options)?;
    let inbox = inbox.clone();
    renderer.listen_for_pages(move || {
        // A full inbox is worked off before the next picture anyway.
        let _ = inbox.try_send(Input::Pages);
    });
    Ok(renderer)
}

impl FrameLoop {
    /// Takes the place of a device that has failed with this error.
    pub(super) fn recover(&mut self, error: RenderError) -> Result<(), FrameThreadError> {
        tracing::error!(%error, "the graphics device failed");
        self.recovery.failures += 1;
        if self.recovery.failures >= FAILURES_MAX {
            return Err(error.into());
        }
        if matches!(error, RenderError::OutOfMemory(_)) {
            let bytes_max = &mut self.recovery.renderer.geometry_bytes_max;
            *bytes_max = (*bytes_max / 2).max(GEOMETRY_BYTES_MIN);
        }
        let now = self.clock.now();
        for (plan, _) in std::mem::take(&mut self.rendering) {
            self.stage.frame_failed(now, plan.serial);
        }
        let graphics = Graphics::open(&self.recovery.graphics)?;
        self.renderer = Device::new(open_renderer(graphics, &self.recovery.renderer, &self.inbox)?);
        let models: Vec<(ModelKey, Asset)> =
            self.stage.scene_mut().models().map(|(key, asset)| (key, asset.clone())).collect();
        for (key, asset) in models {
            self.put_back(key, &asset);
        }
        self.stage.scene_mut().report_structure();
        self.stage.notice(NoticeCode::DeviceRestarted, format!("The graphics device was started again: {error}."));
        Ok(())
    }

    /// Shows a model of the scene again as it was; what cannot be shown is reported once, by the picture.
    pub(super) fn put_back(&mut self, key: ModelKey, asset: &Asset) {
        let adapter: &AdapterSummary = self.renderer.graphics().adapter();
        let prepared = match PreparedAsset::new(asset, &PrepareOptions::for_adapter(adapter)) {
            Ok(prepared) => prepared,
            Err(error) => return tracing::error!(%error, "a model cannot be put back"),
        };
        if let Err(error) = self.renderer.add_model(key, &prepared) {
            tracing::error!(%error, "a model cannot be put back");
        }
        self.stage.scene_mut().report_structure();
    }
}
