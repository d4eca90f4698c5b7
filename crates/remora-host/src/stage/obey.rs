//! What becomes of a command.

use glam::Vec3;
use remora_protocol::connection::{self as wire, reply::Result as Outcome};
use remora_render::Size;

use super::command::{Action, Command};
use super::{Capability, Output, SESSION_MODELS, Stage, vector};
use crate::clock::Moment;

const LOADS_MAX: usize = 4;

impl Stage {
    pub(super) fn act(&mut self, now: Moment, command: Command) {
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
                self.refuse(id, "Busy", format!("{LOADS_MAX} models are being loaded already; wait for one of them"));
            }
            Action::LoadModel { uri } => {
                client.loads += 1;
                self.put(Output::Load { command: id, uri });
            }
            Action::UnloadAll => {
                client.change(now);
                self.scene.clear();
                self.put(Output::SceneEmptied);
                self.reply(id, Outcome::Done(wire::Done {}));
            }
            Action::CastRay { origin, direction } => {
                let outcome = self.cast_ray(origin, direction);
                self.reply(id, outcome);
            }
            Action::SetTransform { entity, local } => match self.scene.set_local(entity, local) {
                Ok(()) => {
                    client.change(now);
                    self.reply(id, Outcome::Done(wire::Done {}));
                }
                Err(error) => self.refuse(id, "EntityNotFound", error.to_string()),
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

    pub(super) fn load_ended(&mut self, command: u32) {
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
            self.put(Output::Load { command: SESSION_MODELS, uri });
        }
    }

    fn cast_ray(&self, origin: Vec3, direction: Vec3) -> Outcome {
        let Some(hit) = self.scene.cast_ray(origin.as_dvec3(), direction) else {
            return Outcome::RayMissed(wire::RayMissed {});
        };
        let entity_name = self.scene.entity(hit.entity).map_or_else(String::new, |entity| entity.name.to_owned());
        Outcome::RayHit(wire::RayHit {
            entity: hit.entity.0,
            entity_name,
            position: Some(vector(hit.position.as_vec3())),
            normal: Some(vector(hit.normal)),
            distance_metres: hit.distance,
            bounds_min: Some(vector(hit.bounds.min.as_vec3())),
            bounds_max: Some(vector(hit.bounds.max.as_vec3())),
        })
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
