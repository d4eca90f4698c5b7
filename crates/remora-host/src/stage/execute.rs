//! Executes the commands of a client.

use glam::DVec3;
use remora_protocol::{
    codes::ErrorCode,
    connection::{self as wire, reply::Result as Outcome},
};
use remora_render::Size;
use remora_scene::{EditError, ModelKey};

use super::{
    Capability, Output, Stage, answer,
    command::{Action, Command},
    loads::LOADS_MAX,
};
use crate::{clock::Moment, ids::CommandId};

/// Upper bound on picks that wait for an answer. Each takes the time of a frame.
const PICKS_MAX: usize = 16;

impl Stage {
    pub(super) fn execute(&mut self, now: Moment, command: Command) {
        let Command { id, action } = command;
        let Some(client) = &mut self.client else { return };
        match action {
            Action::SetViewport(wanted) => {
                let viewport = fitted(wanted, &self.capability);
                if client.viewport != Some(viewport) {
                    client.viewport = Some(viewport);
                    client.pacing.want_key_frame();
                    client.pacing.change(now);
                }
                self.reply(id, Outcome::Done(wire::Done {}));
            }
            Action::LoadModel { uri, replace } => {
                if client.loads.start() {
                    self.put(Output::Load { command: id, uri, replace });
                } else {
                    let message = format!("{LOADS_MAX} models are being loaded already; wait for one of them");
                    self.refuse(id, ErrorCode::Busy, message);
                }
            }
            Action::UnloadAll => {
                client.pacing.change(now);
                self.scene.unload_models();
                self.put(Output::SceneEmptied);
                self.reply(id, Outcome::Done(wire::Done {}));
            }
            Action::CastRay { origin, direction } => {
                let outcome = match self.scene.cast_ray(origin, direction) {
                    Some(hit) => Outcome::RayHit(answer::ray_hit(&self.scene, &hit)),
                    None => Outcome::RayMissed(wire::RayMissed {}),
                };
                self.reply(id, outcome);
            }
            Action::Pick { .. } if client.pose.is_none() || client.viewport.is_none() => {
                self.refuse(
                    id,
                    ErrorCode::BadCommand,
                    "there is no frame yet; send a pose and set the viewport first".into(),
                );
            }
            Action::Pick { .. } if client.picks >= PICKS_MAX => {
                self.refuse(
                    id,
                    ErrorCode::Busy,
                    format!("{PICKS_MAX} picks are waiting already; wait for one of them"),
                );
            }
            Action::Pick { x, y } => {
                client.picks += 1;
                self.put(Output::Pick { command: id, x, y });
            }
            Action::SetTransforms(transforms) => {
                let edit = self.scene.set_transforms(&transforms);
                self.edited(now, id, edit);
            }
            Action::Select(entities) => {
                let edit = self.scene.select(&entities);
                self.edited(now, id, edit);
            }
            Action::SetStateOverrides { entities, edit } => {
                let edit = self.scene.edit_overrides(&entities, edit);
                self.edited(now, id, edit);
            }
            Action::GetEntity(entity) => match answer::entity_info(&self.scene, entity) {
                Some(info) => self.reply(id, Outcome::EntityInfo(Box::new(info))),
                None => self.refuse_edit(id, EditError::EntityNotFound(entity)),
            },
            Action::Create(new) => {
                let edit = self.scene.create(new);
                self.edited(now, id, edit);
            }
            Action::Destroy(entity) => {
                let removal = self.scene.destroy(entity);
                self.removed(now, id, removal);
            }
            Action::SetParent { entity, parent } => {
                let edit = self.scene.set_parent(entity, parent);
                self.edited(now, id, edit);
            }
            Action::SetName { entity, name } => {
                let edit = self.scene.set_name(entity, name);
                self.edited(now, id, edit);
            }
            Action::SetEnabled { entity, enabled } => {
                let edit = self.scene.set_enabled(entity, enabled);
                self.edited(now, id, edit);
            }
            Action::UnloadModel(root) => {
                let removal = self.scene.unload_model(root);
                self.removed(now, id, removal);
            }
            Action::SetLatencyMarker(enabled) => {
                client.marker = enabled;
                client.pacing.change(now);
                self.reply(id, Outcome::Done(wire::Done {}));
            }
            Action::Goodbye => self.put(Output::Close),
            Action::Ping => self.reply(id, Outcome::Done(wire::Done {})),
        }
    }

    /// Answers [`Output::Pick`]. `visible` is the slot of the visible instance in the scene, and the position in the
    /// world.
    pub(crate) fn picked(&mut self, command: CommandId, visible: Option<(u32, DVec3)>) {
        if let Some(client) = &mut self.client {
            client.picks = client.picks.saturating_sub(1);
        }
        let picked = visible.and_then(|(instance, position)| answer::picked(&self.scene, instance, position));
        self.reply(command, picked.map_or(Outcome::RayMissed(wire::RayMissed {}), Outcome::Picked));
    }

    fn edited(&mut self, now: Moment, id: CommandId, edit: Result<(), EditError>) {
        match edit {
            Ok(()) => {
                if let Some(client) = &mut self.client {
                    client.pacing.change(now);
                }
                self.reply(id, Outcome::Done(wire::Done {}));
            }
            Err(error) => self.refuse_edit(id, error),
        }
    }

    /// Answers an edit with which models may have left the scene.
    fn removed(&mut self, now: Moment, id: CommandId, removal: Result<Vec<ModelKey>, EditError>) {
        let edit = removal.map(|models| {
            if !models.is_empty() {
                self.put(Output::ModelsRemoved(models));
            }
        });
        self.edited(now, id, edit);
    }
}

/// Returns the largest even size of the same aspect ratio that the host streams.
pub(super) fn fitted(wanted: Size, capability: &Capability) -> Size {
    let shrink = (f64::from(capability.stream_pixels_max) / f64::from(wanted.pixels())).sqrt();
    let shrink = shrink
        .min(f64::from(capability.stream_width_max) / f64::from(wanted.width))
        .min(f64::from(capability.stream_height_max) / f64::from(wanted.height))
        .min(1.0);
    let even = |length: u32| ((f64::from(length) * shrink + 1e-6) as u32 & !1).max(16);
    Size::new(even(wanted.width), even(wanted.height))
}
