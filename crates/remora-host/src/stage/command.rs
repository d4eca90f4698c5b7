//! Messages of a client, checked: what comes out of here is in range and finite, whatever was sent.

use glam::{Affine3A, DAffine3, Quat, Vec3};
use prost::Message;
use remora_protocol::connection::{self as wire, client_command::Command as WireCommand};
use remora_render::{Camera, Size};
use remora_scene::EntityId;

/// Sides that a viewport may ask for, in pixels.
pub const VIEWPORT_PIXELS: std::ops::RangeInclusive<u32> = 64..=4096;
const URI_BYTES_MAX: usize = 4096;

#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// 0 where no reply is wanted.
    pub id: u32,
    pub action: Action,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    SetViewport(Size),
    LoadModel { uri: String },
    UnloadAll,
    CastRay { origin: Vec3, direction: Vec3 },
    SetTransform { entity: EntityId, local: DAffine3 },
    SetLatencyMarker(bool),
    Goodbye,
    Ping,
}

/// A camera and what the client said with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    pub id: u32,
    pub camera: Camera,
    pub input_time_milliseconds: f64,
}

/// For the client's programmer.
#[derive(Clone, Debug, PartialEq)]
pub struct BadCommand {
    /// 0 where it could not be read.
    pub id: u32,
    pub message: String,
}

impl Command {
    pub fn decode(bytes: &[u8]) -> Result<Self, BadCommand> {
        let command = wire::ClientCommand::decode(bytes).map_err(|error| BadCommand {
            id: 0,
            message: format!("a message on the control channel is no ClientCommand: {error}"),
        })?;
        let id = command.id;
        let bad = |message: String| BadCommand { id, message };
        let Some(command) = command.command else {
            return Err(bad("the command is empty, or newer than this host".to_owned()));
        };
        let action = match command {
            WireCommand::SetViewport(size) => {
                for (name, pixels) in [("width", size.width_pixels), ("height", size.height_pixels)] {
                    if !VIEWPORT_PIXELS.contains(&pixels) {
                        return Err(bad(format!(
                            "the viewport's {name} is {pixels} pixels; accepted are {} to {}",
                            VIEWPORT_PIXELS.start(),
                            VIEWPORT_PIXELS.end()
                        )));
                    }
                }
                Action::SetViewport(Size::new(size.width_pixels, size.height_pixels))
            }
            WireCommand::LoadModel(load) => {
                if load.uri.is_empty() || load.uri.len() > URI_BYTES_MAX {
                    return Err(bad(format!("the model's address must have 1 to {URI_BYTES_MAX} bytes")));
                }
                Action::LoadModel { uri: load.uri }
            }
            WireCommand::UnloadAll(_) => Action::UnloadAll,
            WireCommand::CastRay(ray) => {
                let origin = finite(ray.origin).ok_or_else(|| bad("the ray's origin must be three numbers".into()))?;
                let direction = finite(ray.direction)
                    .and_then(Vec3::try_normalize)
                    .ok_or_else(|| bad("the ray's direction must be three numbers, not all zero".into()))?;
                Action::CastRay { origin, direction }
            }
            WireCommand::SetTransform(set) => {
                let local = transform(&set).ok_or_else(|| {
                    bad("a transform needs finite translation, rotation and scale, and no scale of zero".into())
                })?;
                Action::SetTransform { entity: EntityId(set.entity), local: double(local) }
            }
            WireCommand::SetLatencyMarker(marker) => Action::SetLatencyMarker(marker.enabled),
            WireCommand::Goodbye(_) => Action::Goodbye,
            WireCommand::Ping(_) => Action::Ping,
        };
        Ok(Self { id, action })
    }
}

impl Pose {
    /// `None` for anything that no camera can be made of: poses are many and unreliable, nobody is told.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let pose = wire::Pose::decode(bytes).ok()?;
        let camera = Camera {
            position: finite(pose.position)?,
            orientation: rotation(pose.orientation?)?,
            vertical_field_of_view: in_range(pose.vertical_field_of_view, 0.01, 3.0)?,
            near: in_range(pose.near_plane_metres, 1e-6, 1e6)?,
        };
        Some(Self { id: pose.id, camera, input_time_milliseconds: pose.input_time_milliseconds })
    }
}

fn in_range(value: f32, min: f32, max: f32) -> Option<f32> {
    (min..=max).contains(&value).then_some(value)
}

fn finite(vector: Option<wire::Vector3>) -> Option<Vec3> {
    let vector = vector?;
    let vector = Vec3::new(vector.x, vector.y, vector.z);
    vector.is_finite().then_some(vector)
}

fn rotation(quaternion: wire::Quaternion) -> Option<Quat> {
    let quaternion = Quat::from_xyzw(quaternion.x, quaternion.y, quaternion.z, quaternion.w);
    let length = quaternion.length();
    (length.is_finite() && length > 0.1).then(|| quaternion.normalize())
}

fn double(transform: Affine3A) -> DAffine3 {
    DAffine3 { matrix3: transform.matrix3.as_dmat3(), translation: transform.translation.as_dvec3() }
}

fn transform(set: &wire::SetTransform) -> Option<Affine3A> {
    let scale = finite(set.scale).filter(|scale| scale.abs().min_element() > 0.0)?;
    let transform =
        Affine3A::from_scale_rotation_translation(scale, rotation(set.rotation?)?, finite(set.translation)?);
    transform.is_finite().then_some(transform)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(id: u32, command: WireCommand) -> Vec<u8> {
        wire::ClientCommand { id, command: Some(command) }.encode_to_vec()
    }

    fn pose() -> wire::Pose {
        wire::Pose {
            id: 7,
            position: Some(wire::Vector3 { x: 1.0, y: 2.0, z: 3.0 }),
            orientation: Some(wire::Quaternion { x: 0.0, y: 0.0, z: 0.0, w: 2.0 }),
            vertical_field_of_view: 0.8,
            near_plane_metres: 0.01,
            input_time_milliseconds: 12.5,
        }
    }

    #[test]
    fn a_pose_is_normalised() {
        let decoded = Pose::decode(&pose().encode_to_vec()).expect("a good pose");
        assert_eq!(decoded.camera.orientation, Quat::IDENTITY);
        assert_eq!((decoded.id, decoded.camera.position), (7, Vec3::new(1.0, 2.0, 3.0)));
    }

    #[test]
    fn poses_that_no_camera_can_be_made_of_are_dropped() {
        let bad = [
            wire::Pose { position: Some(wire::Vector3 { x: f32::NAN, y: 0.0, z: 0.0 }), ..pose() },
            wire::Pose { position: None, ..pose() },
            wire::Pose { orientation: Some(wire::Quaternion::default()), ..pose() },
            wire::Pose { vertical_field_of_view: 0.0, ..pose() },
            wire::Pose { vertical_field_of_view: 4.0, ..pose() },
            wire::Pose { near_plane_metres: f32::INFINITY, ..pose() },
        ];
        for pose in bad {
            assert_eq!(Pose::decode(&pose.encode_to_vec()), None, "{pose:?}");
        }
    }

    #[test]
    fn refusals_name_what_would_be_accepted_and_keep_the_id() {
        let refused = Command::decode(&encoded(
            9,
            WireCommand::SetViewport(wire::SetViewport { width_pixels: 63, height_pixels: 64 }),
        ))
        .expect_err("too small");
        assert_eq!(refused.id, 9);
        assert!(refused.message.contains("width is 63") && refused.message.contains("64 to 4096"));
        let zero = wire::CastRay { origin: Some(Default::default()), direction: Some(Default::default()) };
        assert_eq!(Command::decode(&encoded(3, WireCommand::CastRay(zero))).expect_err("no direction").id, 3);
    }

    proptest! {
        #[test]
        fn no_bytes_bring_the_host_down(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Command::decode(&bytes);
            if let Some(pose) = Pose::decode(&bytes) {
                prop_assert!(pose.camera.position.is_finite());
                prop_assert!((pose.camera.orientation.length() - 1.0).abs() < 1e-3);
            }
        }
    }
}
