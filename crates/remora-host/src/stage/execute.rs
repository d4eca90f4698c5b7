//! What becomes of a command.

use glam::DVec3;
use remora_protocol::{
    codes::ErrorCode,
    connection::{self as wire, reply::Result as Outcome},
};
use remora_render::Size;
use remora_scene::EditError;

use super::command::{Action, Command};
use super::{Capability, Output, Stage, answer};
use crate::clock::Moment;

const LOADS_MAX: usize = 4;
/// Each takes the time of a picture.
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
                    client.key_wanted = true;
                    client.change(now);
                }
                self.reply(id, Outcome::Done(wire::Done {}));
            }
            Action::LoadModel { .. } if client.loads >= LOADS_MAX => {
                self.refuse(
                    id,
                    ErrorCode::Busy,
                    format!("{LOADS_MAX} models are being loaded already; wait for one of them"),
                );
            }
            Action::LoadModel { uri, replace } => {
                client.loads += 1;
                self.put(Output::Load { command: id, uri, replace });
            }
            Action::UnloadAll => {
                client.change(now);
                self.scene.clear();
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
                    "there is no picture yet; send a pose and set the viewport first".into(),
                );
            }
            Action::Pick { .. } if client.picks >= PICKS_MAX => {
                self.refuse(
                    id,
                    ErrorCode::Busy,
                    format!("{PICKS_MAX} places are being looked at already; wait for one of them"),
                );
            }
            Action::Pick { x, y } => {
                client.picks += 1;
                self.put(Output::Pick { command: id, x, y });
            }
            Action::SetTransforms(locals) => {
                let edit = self.scene.set_locals(&locals);
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
                Some(info) => self.reply(id, Outcome::EntityInfo(info)),
                None => self.refuse(id, ErrorCode::EntityNotFound, EditError::EntityNotFound(entity).to_string()),
            },
            Action::SetLatencyMarker(enabled) => {
                client.marker = enabled;
                client.change(now);
                self.reply(id, Outcome::Done(wire::Done {}));
            }
            Action::Goodbye => self.put(Output::Close),
            Action::Ping => self.reply(id, Outcome::Done(wire::Done {})),
        }
    }

    /// Answers [`Output::Pick`]: the instance that is seen there, by its index in the scene, and where in the world.
    pub fn picked(&mut self, command: u32, seen: Option<(u32, DVec3)>) {
        if let Some(client) = &mut self.client {
            client.picks = client.picks.saturating_sub(1);
        }
        let seen = seen.and_then(|(instance, position)| answer::picked(&self.scene, instance, position));
        self.reply(command, seen.map_or(Outcome::RayMissed(wire::RayMissed {}), Outcome::Picked));
    }

    fn edited(&mut self, now: Moment, id: u32, edit: Result<(), EditError>) {
        match edit {
            Ok(()) => {
                if let Some(client) = &mut self.client {
                    client.change(now);
                }
                self.reply(id, Outcome::Done(wire::Done {}));
            }
            Err(error @ EditError::EntityNotFound(_)) => self.refuse(id, ErrorCode::EntityNotFound, error.to_string()),
            Err(error @ EditError::TransformNotFinite(_)) => self.refuse(id, ErrorCode::BadCommand, error.to_string()),
        }
    }
}

/// The largest even size of the same shape that may be streamed.
pub(super) fn fitted(wanted: Size, capability: &Capability) -> Size {
    let shrink = (f64::from(capability.stream_pixels_max) / f64::from(wanted.pixels())).sqrt();
    let shrink = shrink
        .min(f64::from(capability.stream_width_max) / f64::from(wanted.width))
        .min(f64::from(capability.stream_height_max) / f64::from(wanted.height))
        .min(1.0);
    let even = |length: u32| ((f64::from(length) * shrink + 1e-6) as u32 & !1).max(16);
    Size::new(even(wanted.width), even(wanted.height))
}
