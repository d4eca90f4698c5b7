//! Models on their way into the scene, and what the client points at there.

use glam::DVec3;
use remora_protocol::codes::{ErrorCode, LoadStage, NoticeCode};
use remora_render::{FrameOptions, FrameRequest, PixelFormat, PreparedAsset, RenderError, Samples};
use remora_scene::ModelKey;

use super::FrameLoop;
use crate::{
    loader::{LoadFailure, LoadId, Loading},
    stage::quality::Detail,
};

impl FrameLoop {
    pub(super) fn take_loading(&mut self, id: LoadId, loading: Loading) {
        let LoadId { serial, command, .. } = id;
        match loading {
            // Of a model that has been unloaded meanwhile.
            Loading::Progress { stage: LoadStage::Refining, .. } if !self.refining.contains_key(&serial) => {}
            Loading::Progress { stage, fraction } => self.stage.load_progress(command, stage, fraction),
            Loading::Loaded { prepared, refines } => {
                let replace = self.replacing.remove(&serial);
                match self.renderer.add_model(self.stage.next_model(), &prepared) {
                    Ok(()) => {
                        let (now, asset) = (self.clock.now(), prepared.asset().clone());
                        let model = match replace {
                            true => self.stage.loaded_in_place(now, command, asset),
                            false => self.stage.loaded(now, command, asset),
                        };
                        if let Some(model) = model.filter(|_| refines) {
                            self.refining.insert(serial, model);
                        }
                    }
                    Err(error) => {
                        // The renderer has let go of what it had placed.
                        self.stage.scene_mut().report_structure();
                        let code = if let RenderError::Damaged(_) = error {
                            ErrorCode::ModelInvalid
                        } else {
                            ErrorCode::OutOfMemory
                        };
                        self.stage.load_failed(command, code, error.to_string());
                    }
                }
            }
            Loading::Refined(prepared) => {
                let Some(model) = self.refining.remove(&serial) else { return };
                match prepared {
                    Some(prepared) => self.replace(model, &prepared),
                    None => {
                        let text = "The full detail of a model could not be made; its coarse form stays.";
                        self.stage.notice(NoticeCode::NotRefined, text.to_owned());
                    }
                }
                self.stage.load_progress(command, LoadStage::Refining, 1.0);
            }
            Loading::Failed(LoadFailure::Abandoned) => {}
            Loading::Failed(failure) => {
                self.replacing.remove(&serial);
                self.stage.load_failed(command, failure.code(), failure.to_string());
            }
        }
    }

    /// Shows the full form of a model, or goes on to show the coarse one.
    fn replace(&mut self, model: ModelKey, prepared: &PreparedAsset) {
        let Some(coarse) = self.stage.asset(model) else { return };
        let shown = match self.renderer.add_model(model, prepared) {
            Ok(()) => self.stage.refined(self.clock.now(), model, prepared.asset().clone()),
            Err(error) => {
                tracing::error!(%error, "a model keeps its coarse form");
                self.stage.notice(NoticeCode::OutOfMemory, error.to_string());
                false
            }
        };
        if !shown {
            // What was taken out to make room.
            self.put_back(model, &coarse);
        }
    }

    /// Answers what is seen at a place of the newest view. Nothing else may be in flight.
    pub(super) fn pick(&mut self, (command, x, y): (u32, f32, f32)) -> Result<(), RenderError> {
        let seen = self.look_at(x, y)?;
        self.stage.picked(command, seen);
        Ok(())
    }

    /// Draws the newest view once more; the instance that is seen at the place, and where in the world.
    pub(super) fn look_at(&mut self, x: f32, y: f32) -> Result<Option<(u32, DVec3)>, RenderError> {
        let Some((pose, detail)) = self.stage.view() else { return Ok(None) };
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
            format: PixelFormat::Rgba,
            options: FrameOptions { pick, ..FrameOptions::default() },
        })?;
        let done = self.renderer.receive(&mut self.picture)?;
        Ok(done.and_then(|done| done.picked).map(|picked| (picked.instance, picked.position)))
    }
}
