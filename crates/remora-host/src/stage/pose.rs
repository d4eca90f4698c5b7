//! Decodes and validates the camera poses of a client. A decoded pose is in range and finite, whatever was sent.

use glam::{DVec3, Quat};
use prost::Message;
use remora_protocol::connection as wire;
use remora_render::Camera;

use super::command::{place, rotation};
use crate::ids::PoseId;

/// A camera pose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pose {
    pub(crate) id: PoseId,
    pub(crate) position: DVec3,
    /// Camera to world. The camera looks along its -Z with +Y up.
    pub(crate) orientation: Quat,
    /// Radians.
    pub(crate) vertical_field_of_view: f32,
    /// Metres.
    pub(crate) near: f32,
    /// The client's clock at the input event, opaque to the host.
    pub(crate) input_time_milliseconds: f64,
}

impl Pose {
    /// Decodes a `Pose`. Returns `None` if no camera can be made of it; the client is not told, because poses are
    /// frequent and unreliable.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let pose = wire::Pose::decode(bytes).ok()?;
        Some(Self {
            id: PoseId(pose.id),
            position: place(pose.position)?,
            orientation: rotation(pose.orientation?)?.as_quat().normalize(),
            vertical_field_of_view: in_range(pose.vertical_field_of_view, 0.01, 3.0)?,
            near: in_range(pose.near_plane_metres, 1e-6, 1e6)?,
            input_time_milliseconds: pose.input_time_milliseconds,
        })
    }

    /// Returns the camera for the renderer.
    pub(crate) fn camera(&self) -> Camera {
        Camera {
            position: self.position,
            orientation: self.orientation,
            vertical_field_of_view: self.vertical_field_of_view,
            near: self.near,
        }
    }
}

fn in_range(value: f32, min: f32, max: f32) -> Option<f32> {
    (min..=max).contains(&value).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pose() -> wire::Pose {
        wire::Pose {
            id: 7,
            position: Some(wire::Point { x: 5_000_000.000_25, y: 2.0, z: 3.0 }),
            orientation: Some(wire::Quaternion { x: 0.0, y: 0.0, z: 0.0, w: 2.0 }),
            vertical_field_of_view: 0.8,
            near_plane_metres: 0.01,
            input_time_milliseconds: 12.5,
        }
    }

    #[test]
    fn a_pose_is_normalised_and_keeps_its_precision() {
        let decoded = Pose::decode(&pose().encode_to_vec()).expect("a good pose");
        assert_eq!(decoded.orientation, Quat::IDENTITY);
        assert_eq!((decoded.id, decoded.position), (PoseId(7), DVec3::new(5_000_000.000_25, 2.0, 3.0)));
    }

    #[test]
    fn poses_without_a_valid_camera_are_dropped() {
        let at = |x| Some(wire::Point { x, y: 0.0, z: 0.0 });
        let bad = [
            wire::Pose { position: at(f64::NAN), ..pose() },
            wire::Pose { position: at(1e300), ..pose() },
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

    proptest! {
        #[test]
        fn no_bytes_crash_the_host(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(pose) = Pose::decode(&bytes) {
                prop_assert!(pose.position.is_finite() && pose.camera().position.is_finite());
                prop_assert!((pose.orientation.length() - 1.0).abs() < 1e-3);
            }
        }
    }
}
