//! Where things are: the measures that sub-assemblies share, and how the crank moves the pistons.

use std::f32::consts::{FRAC_PI_2, FRAC_PI_4, PI};

use glam::{Affine3A, Vec3};

use super::outline::Corner;

pub(super) const BORE_RADIUS: f32 = 0.042;
/// Between the cylinders of one bank.
pub(super) const CYLINDER_SPACING: f32 = 0.1;
/// Half of the stroke.
pub(super) const THROW: f32 = 0.043;
pub(super) const ROD_LENGTH: f32 = 0.145;
/// From the piston pin to the crown.
pub(super) const CROWN_HEIGHT: f32 = 0.030;
/// From the crankshaft to the face that the cylinder head stands on.
pub(super) const DECK_HEIGHT: f32 = 0.219;
/// Half of the block's width across a bank.
pub(super) const BANK_HALF_WIDTH: f32 = 0.062;
/// Half of the block's length.
pub(super) const BLOCK_HALF_LENGTH: f32 = 0.216;
/// The two rods of a throw stand side by side on its pin.
const ROD_OFFSET: f32 = 0.0105;
/// Of a cross-plane crank, front to rear.
const THROW_ANGLES: [f32; 4] = [0.0, FRAC_PI_2, 3.0 * FRAC_PI_2, PI];
/// How far the crank is turned in the model as it is built.
pub(super) const CRANK_ANGLE: f32 = 0.62;

/// One row of cylinders. In its own frame cylinders stand along Y and Z points outwards, away from the valley.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bank {
    /// Towards +Z; it is cut open.
    Left,
    /// Towards -Z; it is complete. Its own X axis points to the rear.
    Right,
}

/// Where the moving parts of one cylinder are, in the frame of its bank.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stroke {
    pub(super) x: f32,
    pub(super) crank_pin: (f32, f32),
    pub(super) piston_pin_height: f32,
    /// Of the rod, from Y towards Z.
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

    /// 1 where X points to the front in the bank's frame, -1 where it points to the rear.
    pub(super) fn front(self) -> f32 {
        match self {
            Bank::Left => 1.0,
            Bank::Right => -1.0,
        }
    }

    pub(super) fn transform(self) -> Affine3A {
        match self {
            Bank::Left => Affine3A::from_rotation_x(FRAC_PI_4),
            Bank::Right => Affine3A::from_rotation_x(-FRAC_PI_4) * Affine3A::from_rotation_y(PI),
        }
    }

    /// Middle of a cylinder, 0 to 3 from the front, in the bank's frame.
    pub(super) fn cylinder(self, index: usize) -> f32 {
        self.front() * (throw(index) + self.front() * ROD_OFFSET)
    }

    /// Where there is room for bolts and bearings, 0 to 4 along the bank's X axis.
    pub(super) fn between_cylinders(self, index: usize) -> f32 {
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

    /// The number that is cast beside the cylinder: left bank odd, right bank even.
    pub(super) fn number(self, index: usize) -> usize {
        index * 2 + if self == Bank::Left { 1 } else { 2 }
    }
}

/// Middle of a throw of the crankshaft, 0 to 3 from the front.
pub(super) fn throw(index: usize) -> f32 {
    CYLINDER_SPACING * (1.5 - index as f32)
}

pub(super) fn throw_angle(index: usize) -> f32 {
    THROW_ANGLES[index]
}

/// Middle of a main bearing, 0 to 4 from the front.
pub(super) fn main_bearing(index: usize) -> f32 {
    CYLINDER_SPACING * (2.0 - index as f32)
}

pub(super) fn at(x: f32, y: f32, z: f32) -> Affine3A {
    Affine3A::from_translation(Vec3::new(x, y, z))
}

/// Turns what stands along Y so that it lies along X.
pub(super) fn y_to_x() -> Affine3A {
    Affine3A::from_rotation_z(-FRAC_PI_2)
}

/// Turns what stands along Y so that it lies along Z.
pub(super) fn y_to_z() -> Affine3A {
    Affine3A::from_rotation_x(FRAC_PI_2)
}

/// Turns what is drawn out along Z so that it is drawn out along X; Y stays, and Z is where -X was.
pub(super) fn z_to_x() -> Affine3A {
    Affine3A::from_rotation_y(FRAC_PI_2)
}

/// Turns what is drawn out along Z so that it is drawn out along Y.
pub(super) fn z_to_y() -> Affine3A {
    Affine3A::from_rotation_x(-FRAC_PI_2)
}

/// A corner of a cross-section of the engine, seen along X; drawn out by [`z_to_x`].
pub(super) fn section(z: f32, y: f32, radius: f32) -> Corner {
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
