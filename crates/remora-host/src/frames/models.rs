//! Models on their way into the scene, and what the client points at there.

use glam::DVec3;
use remora_render::{FrameOptions, FrameRequest, PictureFormat, RenderError, Samples};

use super::Loop;
use crate::{
    loader::{LoadFailure, Loading},
    stage::quality::Detail,
};

impl Loop {
    pub(super) fn take_loading(&mut self, command: u32, loading: Loading) {
        match loading {
            Loading::Progress { stage, fraction } => self.stage.load_progress(command, stage, fraction),
            Loading::Loaded { prepared, refines } => {
                match self.renderer.add_model(self.stage.next_model(), &prepared) {
                    Ok(()) => {
                        let model = self.stage.loaded(self.clock.now(), command, prepared.asset().clone());
                        if let Some(model) = model.filter(|_| refines) {
                            self.refining.insert(command, model);
                        }
                    }
                    Err(error) => self.stage.load_failed(command, "OutOfMemory", error.to_string()),
                }
            }
            Loading::Refined(prepared) => {
                let Some(model) = self.refining.remove(&command).filter(|&model| self.stage.shows(model)) else {
                    return;
                };
                let Some(prepared) = prepared else {
                    let text = "The full detail of a model could not be made; its coarse form stays.";
                    return self.stage.notice("NotRefined", text.to_owned());
                };
                let coarse = self.stage.asset(model);
                let now = self.clock.now();
                match self.renderer.add_model(model, &prepared) {
                    Ok(()) => self.stage.refined(now, model, prepared.asset().clone()),
                    Err(error) => {
                        tracing::error!(%error, "a model keeps its coarse form");
                        self.stage.notice("OutOfMemory", error.to_string());
                        // What was taken out to make room is put back.
                        self.put_back(model, coarse);
                    }
                }
                self.stage.load_progress(command, "refining", 1.0);
            }
            Loading::Failed(LoadFailure::Abandoned) => {}
            Loading::Failed(failure) => self.stage.load_failed(command, failure.code(), failure.to_string()),
        }
    }

    /// Draws the newest view once more and looks at what is seen at a place of it. Nothing else may be in flight.
    pub(super) fn pick(&mut self, (command, x, y): (u32, f32, f32)) -> Result<(), RenderError> {
        let Some((pose, detail)) = self.stage.view() else {
            self.stage.picked(command, None);
            return Ok(());
        };
        let Detail { render_size, error_pixels, .. } = detail;
        let pixel = |place: f32, size: u32| (((place * 0.5 + 0.5) * size as f32) as u32).min(size - 1);
        let pick = Some([pixel(x, render_size.width), pixel(-y, render_size.height)]);
        self.renderer.synchronise(self.stage.scene_mut(), pose.position)?;
        self.renderer.submit(&FrameRequest {
            serial: 0,
            camera: pose.camera(),
            render_size,
            samples: Samples::One,
            error_pixels,
            blend_layers: 1,
            stream_size: render_size,
            format: PictureFormat::Rgba,
            options: FrameOptions { pick, ..FrameOptions::default() },
        })?;
        let done = self.renderer.receive(&mut self.picture)?;
        let seen: Option<(u32, DVec3)> =
            done.and_then(|done| done.picked).map(|picked| (picked.instance, picked.position));
        self.stage.picked(command, seen);
        Ok(())
    }
}
