//! Assembles the scene: hands loads to the loader, and places what it delivers on the device and in the stage.
//!
//! A large model is loaded in a coarse form, which the full one replaces later.

use std::collections::{HashMap, HashSet};

use remora_protocol::codes::{ErrorCode, LoadStage, NoticeCode};
use remora_render::{PreparedAsset, RenderError};
use remora_scene::ModelKey;

use super::pipeline::Pipeline;
use crate::{
    clock::Moment,
    ids::{CommandId, ConnectionId, LoadSerial},
    loader::{Job, LoadFailure, LoadId, Loader, Loading},
    stage::Stage,
};

/// The loads of the current connection.
pub(super) struct Assembly {
    loader: Loader,
    serial_last: LoadSerial,
    /// Coarse forms whose full forms are being built.
    refining: HashMap<LoadSerial, ModelKey>,
    /// Loads whose models replace all others.
    replacing: HashSet<LoadSerial>,
}

impl Assembly {
    pub(super) fn new(loader: Loader) -> Self {
        Self { loader, serial_last: LoadSerial::default(), refining: HashMap::new(), replacing: HashSet::new() }
    }

    /// Gives up the loads of earlier connections.
    pub(super) fn only(&mut self, connection: ConnectionId) {
        self.replacing.clear();
        self.loader.only(connection);
    }

    /// Starts to load a model.
    pub(super) fn load(&mut self, stage: &mut Stage, command: CommandId, uri: String, replace: bool) {
        let serial = self.serial_last.next();
        self.serial_last = serial;
        if replace {
            self.replacing.insert(serial);
        }
        let id = LoadId { connection: stage.connection(), serial, command };
        if !self.loader.load(Job { id, uri }) {
            self.replacing.remove(&serial);
            stage.load_failed(command, ErrorCode::Busy, "the loader's queue is full; try again".to_owned());
        }
    }

    /// Ends the refinement of all models that were in the scene.
    pub(super) fn scene_emptied(&mut self) {
        // Loads finish in their order, so those after the last refinement are not in the scene yet and stay wanted.
        let last = self.refining.drain().map(|(serial, _)| serial).max();
        self.refine_after(last);
    }

    /// Ends the refinement of models that have left the scene.
    pub(super) fn models_removed(&mut self, models: &[ModelKey]) {
        let removed = self.refining.extract_if(|_, model| models.contains(model)).map(|(serial, _)| serial);
        let last = removed.max();
        self.refine_after(last);
    }

    /// Gives up refinements up to `last`, as far as none that is still wanted comes before. The result of any other is
    /// ignored.
    fn refine_after(&self, last: Option<LoadSerial>) {
        let Some(last) = last else { return };
        let wanted = self.refining.keys().min().copied();
        self.loader.refine_from(wanted.map_or(last.next(), |wanted| wanted.min(last.next())));
    }

    /// Acts on a message of the loader about a load of the current connection.
    pub(super) fn handle(
        &mut self,
        stage: &mut Stage,
        pipeline: &mut Pipeline,
        now: Moment,
        id: LoadId,
        loading: Loading,
    ) {
        let LoadId { serial, command, .. } = id;
        match loading {
            // The model has been unloaded meanwhile.
            Loading::Progress { stage: LoadStage::Refining, .. } if !self.refining.contains_key(&serial) => {}
            Loading::Progress { stage: load_stage, fraction } => stage.load_progress(command, load_stage, fraction),
            Loading::Loaded { prepared, refines } => {
                let replace = self.replacing.remove(&serial);
                match pipeline.renderer.add_model(stage.next_model(), &prepared) {
                    Ok(()) => {
                        let asset = prepared.asset().clone();
                        let model = match replace {
                            true => stage.loaded_in_place(now, command, asset),
                            false => stage.loaded(now, command, asset),
                        };
                        if let Some(model) = model.filter(|_| refines) {
                            self.refining.insert(serial, model);
                        }
                    }
                    Err(error) => {
                        // The renderer has dropped what it had placed already.
                        stage.scene_mut().report_structure();
                        let damaged = matches!(error, RenderError::Damaged(_));
                        let code = if damaged { ErrorCode::ModelInvalid } else { ErrorCode::OutOfMemory };
                        stage.load_failed(command, code, error.to_string());
                    }
                }
            }
            Loading::Refined(prepared) => {
                let Some(model) = self.refining.remove(&serial) else { return };
                match prepared {
                    Some(prepared) => refine(stage, pipeline, now, model, &prepared),
                    None => {
                        let text = "The full detail of a model could not be made; its coarse form stays.";
                        stage.notice(NoticeCode::NotRefined, text.to_owned());
                    }
                }
                stage.load_progress(command, LoadStage::Refining, 1.0);
            }
            Loading::Failed(LoadFailure::Abandoned) => {}
            Loading::Failed(failure) => {
                self.replacing.remove(&serial);
                stage.load_failed(command, failure.code(), failure.to_string());
            }
        }
    }

    /// Returns how many models are being refined, and how many loads are to replace the scene.
    #[cfg(test)]
    pub(super) fn pending(&self) -> (usize, usize) {
        (self.refining.len(), self.replacing.len())
    }
}

/// Replaces a coarse form by the full one. Keeps the coarse form if the full one cannot be shown.
fn refine(stage: &mut Stage, pipeline: &mut Pipeline, now: Moment, model: ModelKey, prepared: &PreparedAsset) {
    let Some(coarse) = stage.asset(model) else { return };
    let shown = match pipeline.renderer.add_model(model, prepared) {
        Ok(()) => stage.refined(now, model, prepared.asset().clone()),
        Err(error) => {
            tracing::error!(%error, "a model keeps its coarse form");
            stage.notice(NoticeCode::OutOfMemory, error.to_string());
            false
        }
    };
    if !shown {
        // The coarse form was taken off the device to make room.
        pipeline.put_back(stage, model, &coarse);
    }
}
