//! The courses: where the camera and the moving part are at each pose.

use std::{f32::consts::FRAC_PI_4, str::FromStr};

use glam::{DVec3, Quat, Vec3};
use remora_asset::WorldBounds;
use remora_render::Camera;
use serde::Serialize;

use crate::{ASPECT, Failure};

/// The page's camera: angles at the start in radians, margin around a model, near plane relative to the distance.
const YAW: f32 = 0.6;
const PITCH: f32 = -0.35;
const FIELD_OF_VIEW: f32 = FRAC_PI_4;
const FIT_MARGIN: f64 = 1.12;
const NEAR_PLANE_FRACTION: f64 = 0.01;

/// Poses per second, with which the speeds below are meant.
const POSES_PER_SECOND: f32 = 30.0;
/// The speed of an orbit, as of an unhurried drag: half a turn in 4 s.
const ORBIT_PER_SECOND: f32 = FRAC_PI_4;
/// Share of the frame's width by which a pan moves the model, per second.
const PAN_PER_SECOND: f64 = 0.125;
/// The factor by which a zoom reduces the distance, per second: 2 in 4 s.
const ZOOM_PER_SECOND: f64 = 0.840_896;
/// The speed of the moving part in radii of the model.
const PART_PER_SECOND: f64 = 0.25;

/// A kind of movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Course {
    /// The camera circles the model from the page's first view.
    Orbit,
    /// The camera moves sideways. The model is in the middle of the frame halfway.
    Pan,
    /// The camera moves towards the model.
    Zoom,
    /// One part of the model moves upwards, as with a gizmo; the camera rests.
    Part,
}

impl Course {
    pub(crate) const ALL: [Self; 4] = [Self::Orbit, Self::Pan, Self::Zoom, Self::Part];

    /// Returns the name, as on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Orbit => "orbit",
            Self::Pan => "pan",
            Self::Zoom => "zoom",
            Self::Part => "part",
        }
    }

    /// Returns the camera at one of `poses` poses.
    pub(crate) fn camera(self, bounds: &WorldBounds, index: usize, poses: usize) -> Camera {
        let seconds = index as f32 / POSES_PER_SECOND;
        let yaw = if self == Self::Orbit { YAW + ORBIT_PER_SECOND * seconds } else { YAW };
        let orientation = Quat::from_rotation_y(yaw) * Quat::from_rotation_x(PITCH);
        let first = Quat::from_rotation_y(YAW) * Quat::from_rotation_x(PITCH);
        let mut distance = fit_distance(bounds, first);
        let mut target = bounds.center();
        match self {
            Self::Pan => {
                let width = 2.0 * distance * f64::from(FIELD_OF_VIEW * 0.5).tan() * f64::from(ASPECT);
                let middle = (poses - 1) as f64 * 0.5;
                let shift = (index as f64 - middle) / f64::from(POSES_PER_SECOND) * PAN_PER_SECOND * width;
                target += (orientation * Vec3::X).as_dvec3() * shift;
            }
            Self::Zoom => distance *= ZOOM_PER_SECOND.powf(f64::from(seconds)),
            Self::Orbit | Self::Part => {}
        }
        Camera {
            position: target + (orientation * Vec3::Z).as_dvec3() * distance,
            orientation,
            vertical_field_of_view: FIELD_OF_VIEW,
            near: (distance * NEAR_PLANE_FRACTION) as f32,
        }
    }

    /// Returns by how much the part has moved at a pose.
    pub(crate) fn part_offset(self, bounds: &WorldBounds, index: usize) -> Option<DVec3> {
        let seconds = index as f64 / f64::from(POSES_PER_SECOND);
        (self == Self::Part).then(|| DVec3::Y * bounds.radius() * PART_PER_SECOND * seconds)
    }
}

impl FromStr for Course {
    type Err = Failure;

    fn from_str(name: &str) -> Result<Self, Failure> {
        let known = Self::ALL.into_iter().find(|course| course.name() == name);
        known.ok_or_else(|| format!("{name} is no course; the courses are orbit, pan, zoom and part").into())
    }
}

/// Returns the distance at which the page shows the whole model (`web/sdk/src/camera/fit.ts`).
fn fit_distance(bounds: &WorldBounds, orientation: Quat) -> f64 {
    let to_camera = orientation.inverse().as_dquat();
    let tangent = f64::from(FIELD_OF_VIEW * 0.5).tan();
    let half = (bounds.max - bounds.min) * 0.5;
    let corners = (0..8).map(|corner: u8| {
        let sign = |axis: u8| if corner >> axis & 1 == 0 { -1.0 } else { 1.0 };
        let seen = to_camera * (half * DVec3::new(sign(0), sign(1), sign(2)));
        seen.z + FIT_MARGIN * (seen.x.abs() / (tangent * f64::from(ASPECT))).max(seen.y.abs() / tangent)
    });
    corners.fold(f64::EPSILON, f64::max)
}
