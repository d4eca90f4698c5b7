//! The measures that sub-assemblies share, and the kinematics of crank and pistons.

use std::f32::consts::{FRAC_PI_2, FRAC_PI_4, PI};

use glam::{Affine3A, Vec3};

use super::outline::Corner;

pub(super) const BORE_RADIUS: f32 = 0.042;
/// Distance between the cylinders of one bank.
pub(super) const CYLINDER_SPACING: f32 = 0.1;
/// Half of the stroke.
pub(super) const THROW: f32 = 0.043;
/// Distance between the pins of a connecting rod.
pub(super) const ROD_LENGTH: f32 = 0.145;
/// Distance from the piston pin to the crown.
pub(super) const CROWN_HEIGHT: f32 = 0.030;
/// Distance from the crankshaft to the face that carries the cylinder head.
pub(super) const DECK_HEIGHT: f32 = 0.219;
/// Half of the block's width across a bank.
pub(super) const BANK_HALF_WIDTH: f32 = 0.062;
/// Half of the block's length.
pub(super) const BLOCK_HALF_LENGTH: f32 = 0.216;
/// Offset of each rod from the middle of its throw. Two rods share a pin, side by side.
const ROD_OFFSET: f32 = 0.0105;
/// Angles of the throws of a cross-plane crank, front to rear.
const THROW_ANGLES: [f32; 4] = [0.0, FRAC_PI_2, 3.0 * FRAC_PI_2, PI];
/// Crank angle of the model.
pub(super) const CRANK_ANGLE: f32 = 0.62;

/// A row of cylinders. In its own frame, cylinders stand along Y and Z points outwards, away from the valley.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bank {
    /// The bank towards +Z, which is cut open.
    Left,
    /// The bank towards -Z, which is complete. Its own X axis points to the rear.
    Right,
}

/// Positions of the moving parts of one cylinder, in the frame of its bank.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stroke {
    pub(super) x: f32,
    pub(super) crank_pin: (f32, f32),
    pub(super) piston_pin_height: f32,
    /// Angle of the rod, from Y towards Z.
    pub(super) lean: f32,
}

impl Bank {
    pub(super) const BOTH: [Bank; 2] = [Bank::Left, Bank::Right];

    pub(super) fn name(self) -> &'static str {
        match self {
            Bank::Left => "left",
            Bank::Right => "right",
        }
    }

    /// Returns 1 if X points to the front in the bank's frame, -1 if it points to the rear.
    pub(super) fn front(self) -> f32 {
        match self {
            Bank::Left => 1.0,
            Bank::Right => -1.0,
        }
    }

    /// Returns the transform from the bank's frame to that of the engine.
    pub(super) fn transform(self) -> Affine3A {
        match self {
            Bank::Left => Affine3A::from_rotation_x(FRAC_PI_4),
            Bank::Right => Affine3A::from_rotation_x(-FRAC_PI_4) * Affine3A::from_rotation_y(PI),
        }
    }

    /// Returns the middle of a cylinder, 0 to 3 from the front, in the bank's frame.
    pub(super) fn cylinder(self, index: usize) -> f32 {
        self.front() * (throw(index) + self.front() * ROD_OFFSET)
    }

    /// Returns the position along the bank's X axis of the gap `index`, 0 to 4, between cylinders.
    pub(super) fn between_cylinders(index: usize) -> f32 {
        let x = CYLINDER_SPACING * (index as f32 - 2.0) + ROD_OFFSET;
        x.clamp(-BLOCK_HALF_LENGTH + 0.012, BLOCK_HALF_LENGTH - 0.012)
    }

    pub(super) fn stroke(self, index: usize) -> Stroke {
        let angle = self.front() * (CRANK_ANGLE + THROW_ANGLES[index]) - FRAC_PI_4;
        let (sine, cosine) = angle.sin_cos();
        let (y, z) = (cosine * THROW, sine * THROW);
        let height = y + (ROD_LENGTH * ROD_LENGTH - z * z).sqrt();
        Stroke { x: self.cylinder(index), crank_pin: (y, z), piston_pin_height: height, lean: (-z).atan2(height - y) }
    }

    /// Returns the number that is cast beside the cylinder: odd on the left bank, even on the right.
    pub(super) fn number(self, index: usize) -> usize {
        index * 2 + if self == Bank::Left { 1 } else { 2 }
    }
}

/// Returns the middle of a throw of the crankshaft, 0 to 3 from the front.
pub(super) fn throw(index: usize) -> f32 {
    CYLINDER_SPACING * (1.5 - index as f32)
}

/// Returns the angle of a throw around the crankshaft, 0 to 3 from the front, at a crank angle of 0.
pub(super) fn throw_angle(index: usize) -> f32 {
    THROW_ANGLES[index]
}

/// Returns the middle of a main bearing, 0 to 4 from the front.
pub(super) fn main_bearing(index: usize) -> f32 {
    CYLINDER_SPACING * (2.0 - index as f32)
}

pub(super) fn at(x: f32, y: f32, z: f32) -> Affine3A {
    Affine3A::from_translation(Vec3::new(x, y, z))
}

/// Rotates Y to X.
pub(super) fn y_to_x() -> Affine3A {
    Affine3A::from_rotation_z(-FRAC_PI_2)
}

/// Rotates Y to Z.
pub(super) fn y_to_z() -> Affine3A {
    Affine3A::from_rotation_x(FRAC_PI_2)
}

/// Rotates Z to X and -X to Z; Y stays.
pub(super) fn z_to_x() -> Affine3A {
    Affine3A::from_rotation_y(FRAC_PI_2)
}

/// Rotates Z to Y.
pub(super) fn z_to_y() -> Affine3A {
    Affine3A::from_rotation_x(-FRAC_PI_2)
}

/// Returns a corner of a cross-section of the engine, seen along X, to be extruded by [`z_to_x`].
pub(super) const fn section(z: f32, y: f32, radius: f32) -> Corner {
    Corner(-z, y, radius)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rods_keep_their_length_and_pistons_stay_below_the_deck() {
        for bank in Bank::BOTH {
            for index in 0..4 {
                let stroke = bank.stroke(index);
                let (y, z) = stroke.crank_pin;
                let length = (stroke.piston_pin_height - y).hypot(z);
                assert!((length - ROD_LENGTH).abs() < 1e-5);
                assert!(stroke.piston_pin_height + CROWN_HEIGHT < DECK_HEIGHT);
            }
        }
    }

    #[test]
    fn both_banks_lean_outwards_and_reach_the_same_crank_pin() {
        for bank in Bank::BOTH {
            let outward = bank.transform().transform_vector3(Vec3::Z);
            assert!(outward.y < -0.7 && outward.z * bank.front() > 0.7, "{outward}");
        }
        for index in 0..4 {
            let [left, right] = Bank::BOTH.map(|bank| {
                let (y, z) = bank.stroke(index).crank_pin;
                bank.transform().transform_point3(Vec3::new(0.0, y, z))
            });
            assert!(left.abs_diff_eq(right, 1e-5));
        }
    }
}
