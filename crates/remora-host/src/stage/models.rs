//! Models on their way into the scene.

use remora_asset::Asset;
use remora_protocol::{
    codes::{ErrorCode, LoadStage, NoticeCode},
    connection::{self as wire, host_message::Message, reply::Result as Outcome},
};
use remora_scene::{AddedModel, EditError, ModelKey, Scene};

use super::{Output, Stage, answer};
use crate::{clock::Moment, ids::CommandId};

impl Stage {
    /// Returns the key that the next loaded model will have.
    pub(crate) fn next_model(&self) -> ModelKey {
        self.scene.next_model()
    }

    /// Adds a model to the scene. The renderer already has it under [`Stage::next_model`]. Returns `None` if there is
    /// no client or the scene has too many entities.
    pub(crate) fn loaded(&mut self, now: Moment, command: CommandId, asset: Asset) -> Option<ModelKey> {
        self.add(now, command, asset, Scene::add_model)
    }

    /// Adds a model to the scene in place of all others. The renderer already has it under [`Stage::next_model`].
    /// Returns `None`, and leaves the scene as it is, if there is no client or the scene has too many entities.
    pub(crate) fn loaded_in_place(&mut self, now: Moment, command: CommandId, asset: Asset) -> Option<ModelKey> {
        let replaced = self.scene.models().map(|(key, _)| key).collect();
        let model = self.add(now, command, asset, Scene::replace_models)?;
        self.put(Output::ModelsRemoved(replaced));
        Some(model)
    }

    fn add(
        &mut self,
        now: Moment,
        command: CommandId,
        asset: Asset,
        add: impl FnOnce(&mut Scene, Asset) -> Result<AddedModel, EditError>,
    ) -> Option<ModelKey> {
        let client = self.client.as_mut()?;
        client.pacing.change(now);
        let (bounds_min, bounds_max) = answer::corners(asset.bounds());
        let loaded = wire::ModelLoaded {
            root_entity: 0,
            name: asset.name().to_owned(),
            triangles: asset.triangle_count(),
            parts: asset.parts() as u32,
            materials: asset.materials().len() as u32,
            points: asset.point_count(),
            bounds_min,
            bounds_max,
            notices: answer::notices(&asset),
        };
        let differs = answer::differs(&loaded.name, &loaded.notices);
        let model = self.scene.next_model();
        let added = match add(&mut self.scene, asset) {
            Ok(added) => added,
            Err(error) => {
                // The renderer has it already.
                self.put(Output::ModelsRemoved(vec![model]));
                self.refuse_with(command, ErrorCode::ModelTooLarge, error);
                self.load_ended(command);
                return None;
            }
        };
        let root_entity = added.root.0;
        self.reply(command, Outcome::ModelLoaded(wire::ModelLoaded { root_entity, ..loaded }));
        self.load_ended(command);
        if let Some(text) = differs {
            self.notice(NoticeCode::ModelDiffers, text);
        }
        Some(added.model)
    }

    /// Reports progress, also after [`Stage::loaded`], while the model is refined. `fraction` is 0 to 1.
    pub(crate) fn load_progress(&mut self, command: CommandId, stage: LoadStage, fraction: f32) {
        if self.client.is_some() {
            let progress = wire::LoadProgress { id: command.0, stage: stage.into(), fraction };
            self.tell(Message::LoadProgress(progress));
        }
    }

    /// Refuses the command of a load that failed.
    pub(crate) fn load_failed(&mut self, command: CommandId, code: ErrorCode, message: String) {
        if self.client.is_some() {
            self.refuse(command, code, message);
            self.load_ended(command);
        }
    }

    /// Returns a model in the form that is shown.
    pub(crate) fn asset(&self, model: ModelKey) -> Option<Asset> {
        self.scene.model(model).cloned()
    }

    /// Replaces the coarse form of a model by the full one, which the renderer already has under the same key. Returns
    /// `false` if the coarse form stays.
    pub(crate) fn refined(&mut self, now: Moment, model: ModelKey, asset: Asset) -> bool {
        if let Err(error) = self.scene.replace_model(model, asset) {
            tracing::error!(%error, "a model keeps its coarse form");
            return false;
        }
        if let Some(client) = &mut self.client {
            client.pacing.change(now);
        }
        true
    }

    fn load_ended(&mut self, command: CommandId) {
        if command == CommandId::SESSION_MODELS {
            self.load_session_model();
        } else if let Some(client) = &mut self.client {
            client.loads.end();
        }
    }

    /// Requests the session's next model.
    pub(super) fn load_session_model(&mut self) {
        let Some(client) = &mut self.client else { return };
        if let Some(uri) = client.loads.next_session_model(&self.session_models).cloned() {
            self.put(Output::Load { command: CommandId::SESSION_MODELS, uri, replace: false });
        }
    }
}
