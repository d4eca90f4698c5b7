//! Models on their way into the scene.

use remora_asset::Asset;
use remora_protocol::{
    codes::{ErrorCode, LoadStage, NoticeCode},
    connection::{self as wire, host_message::Message, reply::Result as Outcome},
};
use remora_scene::ModelKey;

use super::{Output, Stage, answer};
use crate::clock::Moment;

/// The number under which a client hears of the models of its session, which it has given no command for.
pub(super) const SESSION_MODELS: u32 = u32::MAX;

impl Stage {
    /// The key that the next loaded model will have.
    pub fn next_model(&self) -> ModelKey {
        self.scene.next_model()
    }

    /// Shows a model that the renderer has under [`Stage::next_model`].
    pub fn loaded(&mut self, now: Moment, command: u32, asset: Asset) -> Option<ModelKey> {
        let client = self.client.as_mut()?;
        client.change(now);
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
        let added = self.scene.add_model(asset);
        let root_entity = added.root.0;
        self.reply(command, Outcome::ModelLoaded(wire::ModelLoaded { root_entity, ..loaded }));
        self.load_ended(command);
        if let Some(text) = differs {
            self.notice(NoticeCode::ModelDiffers, text);
        }
        Some(added.model)
    }

    /// Shows a model that the renderer has under [`Stage::next_model`], in place of all others.
    pub fn loaded_in_place(&mut self, now: Moment, command: u32, asset: Asset) -> Option<ModelKey> {
        self.client.as_ref()?;
        let replaced = self.scene.models().map(|(key, _)| key).collect();
        // The key of the next model stays what it is.
        self.scene.clear();
        self.put(Output::ModelsReplaced(replaced));
        self.loaded(now, command, asset)
    }

    /// Also after [`Stage::loaded`], as "refining".
    pub fn load_progress(&mut self, command: u32, stage: LoadStage, fraction: f32) {
        if self.client.is_some() {
            self.tell(Message::LoadProgress(wire::LoadProgress { id: command, stage: stage.into(), fraction }));
        }
    }

    pub fn load_failed(&mut self, command: u32, code: ErrorCode, message: String) {
        if self.client.is_some() {
            self.refuse(command, code, message);
            self.load_ended(command);
        }
    }

    /// The model as it is shown.
    pub fn asset(&self, model: ModelKey) -> Option<Asset> {
        self.scene.model(model).cloned()
    }

    /// Shows the model in full detail, which the renderer has under the same key, in place of what was shown so far.
    /// False if that goes on to be shown.
    pub fn refined(&mut self, now: Moment, model: ModelKey, asset: Asset) -> bool {
        if let Err(error) = self.scene.replace_model(model, asset) {
            tracing::error!(%error, "a model keeps its coarse form");
            return false;
        }
        if let Some(client) = &mut self.client {
            client.change(now);
        }
        true
    }

    fn load_ended(&mut self, command: u32) {
        if command == SESSION_MODELS {
            self.load_session_model();
        } else if let Some(client) = &mut self.client {
            client.loads = client.loads.saturating_sub(1);
        }
    }

    pub(super) fn load_session_model(&mut self) {
        let Some(client) = &mut self.client else { return };
        if let Some(uri) = self.session_models.get(client.session_models_asked) {
            client.session_models_asked += 1;
            let uri = uri.clone();
            self.put(Output::Load { command: SESSION_MODELS, uri, replace: false });
        }
    }
}
