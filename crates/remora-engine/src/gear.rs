//! Involute gears and chain wheels.

use std::f32::consts::{PI, TAU};

use glam::Vec2;

use super::extrude::Depth;
use super::finish::Finish;
use super::outline::circle;
use super::solid::{Detail, Solid};

/// The standard pressure angle of 20 degrees.
const PRESSURE_ANGLE: f32 = 20.0 * PI / 180.0;

/// Smallest modules, in metres at quality 1, at which teeth and their flanks are drawn.
const TOOTH_MIN: f32 = 0.000_4;
const FLANK_MIN: f32 = 0.001;

/// A gear about the Z axis. Metres and radians.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gear {
    pub(super) teeth: u32,
    /// Pitch diameter divided by the number of teeth. Meshing gears share it.
    pub(super) module: f32,
    pub(super) width: f32,
    pub(super) bore: f32,
    /// Helix angle at the pitch circle; positive values give a right-hand helix.
    pub(super) helix: f32,
}

impl Gear {
    pub(super) fn pitch_radius(&self) -> f32 {
        self.module * self.teeth as f32 * 0.5
    }

    fn root_radius(&self) -> f32 {
        self.pitch_radius() - 1.25 * self.module
    }

    /// Returns the outline, counter-clockwise. The first tooth is centred on the X axis.
    fn outline(&self, detail: Detail) -> Vec<Vec2> {
        let pitch = self.pitch_radius();
        let (root, tip) = (self.root_radius(), pitch + self.module);
        let per_tooth = TAU / self.teeth as f32;
        // The gear is too small to show teeth, or to show more of them than gap and tip.
        if self.module * detail.scale() < TOOTH_MIN {
            return circle(pitch, detail.around(pitch, TAU));
        }
        if self.module * detail.scale() < FLANK_MIN {
            return zigzag(self.teeth, root, tip);
        }
        let base = pitch * PRESSURE_ANGLE.cos();
        let involute = |angle: f32| angle.tan() - angle;
        let half_angle = |radius: f32| {
            let angle = (base / radius.max(base)).min(1.0).acos();
            PI / (2.0 * self.teeth as f32) + involute(PRESSURE_ANGLE) - involute(angle)
        };
        let steps = detail.fillet(self.module * 3.0, PI).max(1);
        let radius = |step: usize| root + (tip - root) * step as f32 / steps as f32;
        (0..self.teeth)
            .flat_map(|tooth| {
                let center = per_tooth * tooth as f32;
                let up = (0..=steps).map(move |step| (center - half_angle(radius(step)), radius(step)));
                let down = (0..=steps).rev().map(move |step| (center + half_angle(radius(step)), radius(step)));
                up.chain(down)
            })
            .map(|(angle, radius)| Vec2::from_angle(angle) * radius)
            .collect()
    }
}

/// Returns an outline with one point for each tip and each gap.
fn zigzag(teeth: u32, root: f32, tip: f32) -> Vec<Vec2> {
    let half = PI / teeth as f32;
    (0..teeth * 2).map(|step| Vec2::from_angle(half * step as f32) * if step % 2 == 0 { tip } else { root }).collect()
}

impl Solid {
    /// Draws a gear whose body is thinner than its rim and hub, as in forged gears.
    pub(super) fn gear(&mut self, finish: Finish, gear: Gear) {
        let (rim, hub) = (gear.root_radius() - 2.0 * gear.module, gear.bore * 1.5);
        let twist = gear.helix.tan() * gear.width / gear.pitch_radius();
        let outline = gear.outline(self.detail());
        if rim < hub + 3.0 * gear.module || !self.detail().shows(rim * 0.15) {
            self.rim(finish, &outline, gear.bore, Depth::of(gear.width, 0.0), twist);
            return;
        }
        self.rim(finish, &outline, rim, Depth::of(gear.width, 0.0), twist);
        let across = glam::Affine3A::from_rotation_x(PI * 0.5);
        self.at(across, |solid| {
            // The body reaches into rim and hub, so that no gap shows between facets.
            solid.ring(finish, hub * 0.98, rim * 1.01, -gear.width * 0.2, gear.width * 0.2, 0.0);
            solid.ring(finish, gear.bore, hub, -gear.width * 0.55, gear.width * 0.55, 0.001);
        });
    }

    /// Draws a sprocket for a roller chain about the Z axis.
    pub(super) fn chain_wheel(&mut self, finish: Finish, teeth: u32, pitch: f32, width: f32, bore: f32) {
        let radius = pitch / (2.0 * (PI / teeth as f32).sin());
        let roller = pitch * 0.33;
        if pitch * 0.3 * self.detail().scale() < FLANK_MIN {
            let outline = match pitch * 0.3 * self.detail().scale() < TOOTH_MIN {
                true => circle(radius, self.detail().around(radius, TAU)),
                false => zigzag(teeth, radius - roller, radius + roller * 0.9),
            };
            self.rim(finish, &outline, bore, Depth::of(width, 0.0), 0.0);
            return;
        }
        let outline: Vec<Vec2> = (0..teeth)
            .flat_map(|tooth| {
                let angle = TAU * tooth as f32 / teeth as f32;
                let half = PI / teeth as f32;
                // Each tooth consists of the seat of the roller, its shoulder and the tip.
                [
                    (angle - half * 0.5, radius - roller * 0.4),
                    (angle, radius - roller),
                    (angle + half * 0.5, radius - roller * 0.4),
                    (angle + half, radius + roller * 0.9),
                ]
            })
            .map(|(angle, radius)| Vec2::from_angle(angle) * radius)
            .collect();
        self.rim(finish, &outline, bore, Depth::of(width, 0.0), 0.0);
    }
}
