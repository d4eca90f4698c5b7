//! The transform of an entity relative to its parent, in the parts in which clients set it.

use glam::{DAffine3, DMat3, DVec3, Quat, Vec3};

/// Upper bound on the numbers of a transform to the world: scales, and metres from the origin. Nested transforms of
/// entities can multiply to more. The product of three such scales, by which readers of single precision find out
/// whether a transform mirrors, is finite.
pub const WORLD_MAX: f64 = 1e12;

/// Scales, then turns, then moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transform {
    /// In metres.
    pub position: DVec3,
    /// Its length does not matter, but must be above a tenth.
    pub rotation: Quat,
    /// Factors along the axes of the entity.
    pub scale: Vec3,
}

impl Transform {
    /// Leaves everything in its place.
    pub const IDENTITY: Self = Self { position: DVec3::ZERO, rotation: Quat::IDENTITY, scale: Vec3::ONE };

    /// Returns the transform as a map of points.
    pub fn affine(&self) -> DAffine3 {
        let rotation = self.rotation.as_dquat().normalize();
        DAffine3::from_scale_rotation_translation(self.scale.as_dvec3(), rotation, self.position)
    }

    /// Returns the parts of a map. Its shear is lost, which transforms of model files can have.
    pub fn from_affine(affine: &DAffine3) -> Self {
        let (scale, rotation, position) = affine.to_scale_rotation_translation();
        if rotation.is_finite() {
            return Self { position, rotation: rotation.as_quat(), scale: scale.as_vec3() };
        }
        // A map that flattens has no rotation of its own.
        let DMat3 { x_axis, y_axis, z_axis } = affine.matrix3;
        let scale = DVec3::new(x_axis.length(), y_axis.length(), z_axis.length()).as_vec3();
        Self { position, rotation: Quat::IDENTITY, scale }
    }

    /// Returns whether all numbers are finite and the rotation is one.
    pub(crate) fn is_valid(&self) -> bool {
        let length = self.rotation.as_dquat().length();
        self.position.is_finite() && self.scale.is_finite() && length.is_finite() && length > 0.1
    }
}

/// Returns whether no number of a transform to the world is NaN or beyond [`WORLD_MAX`].
pub(crate) fn is_in_range(world: &DAffine3) -> bool {
    let DAffine3 { matrix3: DMat3 { x_axis, y_axis, z_axis }, translation } = world;
    // A comparison with NaN is false.
    [x_axis, y_axis, z_axis, translation].iter().all(|axis| axis.abs().cmple(DVec3::splat(WORLD_MAX)).all())
}

impl Default for Transform {
    fn default() -> Self {
        Self::IDENTITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_has_the_parts_that_it_was_made_of() {
        let parts = Transform {
            position: DVec3::new(4e6, -0.125, 1e-3),
            rotation: Quat::from_rotation_y(0.7) * Quat::from_rotation_x(0.2),
            scale: Vec3::new(2.0, 0.5, 3.0),
        };
        let found = Transform::from_affine(&parts.affine());
        assert_eq!(found.position, parts.position);
        assert!(found.rotation.abs_diff_eq(parts.rotation, 1e-6) && found.scale.abs_diff_eq(parts.scale, 1e-6));
    }

    #[test]
    fn a_map_that_flattens_has_finite_parts() {
        let flat = DAffine3::from_scale(DVec3::new(1.0, 0.0, 2.0));
        let found = Transform::from_affine(&flat);
        assert!(found.is_valid());
        assert_eq!(found.affine(), flat);
    }
}
