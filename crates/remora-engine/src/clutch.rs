//! Flywheel, clutch and bell housing.

use std::f32::consts::{FRAC_PI_2, TAU};

use glam::{Affine3A, Vec3};

use super::assembly::{Assembly, Group};
use super::extrude::Depth;
use super::fasteners::Thread;
use super::finish::Finish;
use super::gear::Gear;
use super::lathe::Cut;
use super::layout::{CRANK_ANGLE, at, y_to_x, z_to_x};
use super::outline::Corner;

/// Position along X at which the gear box begins.
pub(super) const BELL_END: f32 = -0.345;
const FLYWHEEL_X: f32 = -0.250;

pub(super) fn add(assembly: &mut Assembly, engine: Group) {
    let clutch = assembly.group(engine, "Clutch", at(FLYWHEEL_X, 0.0, 0.0) * Affine3A::from_rotation_x(CRANK_ANGLE));
    add_flywheel(assembly, clutch);
    add_disc(assembly, clutch);
    add_cover(assembly, clutch);
    add_bell(assembly, engine);
}

fn rearward() -> Affine3A {
    Affine3A::from_rotation_z(FRAC_PI_2)
}

fn add_flywheel(assembly: &mut Assembly, clutch: Group) {
    assembly.single(clutch, "Flywheel", Affine3A::IDENTITY, |solid| {
        let corners = [
            Corner(0.012, -0.010, 0.0),
            Corner(0.060, -0.010, 0.003),
            Corner(0.066, -0.004, 0.003),
            Corner(0.118, -0.004, 0.002),
            Corner(0.118, 0.013, 0.002),
            Corner(0.070, 0.013, 0.001),
            Corner(0.066, 0.004, 0.002),
            Corner(0.012, 0.004, 0.001),
        ];
        solid.at(rearward(), |solid| solid.turned_ring(Finish::BrushedSteel, &corners));
    });
    assembly.single(clutch, "Ring gear", Affine3A::IDENTITY, |solid| {
        let gear = Gear { teeth: 112, module: 0.0022, width: 0.012, bore: 0.1175, helix: 0.0 };
        solid.at(z_to_x(), |solid| solid.gear(Finish::HardenedSteel, gear));
    });
    for index in 0..8 {
        let (sine, cosine) = (TAU * index as f32 / 8.0).sin_cos();
        let place = at(-0.004, 0.034 * cosine, 0.034 * sine) * rearward();
        assembly.bolt_and_washer(clutch, Thread::M10, 0.025, Finish::BlackenedSteel, place);
    }
}

fn add_disc(assembly: &mut Assembly, clutch: Group) {
    let disc = assembly.group(clutch, "Clutch disc", at(-0.0185, 0.0, 0.0));
    assembly.single(disc, "Linings", Affine3A::IDENTITY, |solid| {
        solid.at(y_to_x(), |solid| {
            solid.ring(Finish::Friction, 0.072, 0.110, 0.0012, 0.0048, 0.0005);
            solid.ring(Finish::Friction, 0.072, 0.110, -0.0048, -0.0012, 0.0005);
        });
    });
    assembly.single(disc, "Plate", Affine3A::IDENTITY, |solid| {
        solid.at(y_to_x(), |solid| solid.ring(Finish::BrushedSteel, 0.018, 0.106, -0.0012, 0.0012, 0.0));
    });
    assembly.single(disc, "Hub", Affine3A::IDENTITY, |solid| {
        let gear = Gear { teeth: 22, module: 0.0011, width: 0.024, bore: 0.0095, helix: 0.0 };
        solid.at(z_to_x(), |solid| solid.gear(Finish::HardenedSteel, gear));
        solid.at(y_to_x(), |solid| solid.ring(Finish::ForgedSteel, 0.011, 0.030, -0.004, 0.004, 0.001));
    });
    let spring = assembly.shape("Damper spring", |solid| {
        solid.at(at(0.0, -0.0136, 0.0), |solid| solid.spring(Finish::YellowZinc, 0.0065, 0.0016, 0.0272, 5.0));
    });
    for index in 0..6 {
        let turned = Affine3A::from_rotation_x(TAU * index as f32 / 6.0);
        // The bolts stand along the circle.
        let place = turned * at(0.0, 0.0, 0.048);
        assembly.part(disc, format!("Damper spring {}", index + 1), spring, place);
    }
    let rivet = assembly.shape("Lining rivet", |solid| {
        solid.at(y_to_x(), |solid| solid.cylinder(Finish::Copper, 0.0028, -0.0035, 0.0035, 0.0005));
    });
    for index in 0..16 {
        let (sine, cosine) = (TAU * (index as f32 + 0.5) / 16.0).sin_cos();
        let radius = if index % 2 == 0 { 0.080 } else { 0.100 };
        assembly.part(disc, format!("Rivet {}", index + 1), rivet, at(0.0, radius * cosine, radius * sine));
    }
}

fn add_cover(assembly: &mut Assembly, clutch: Group) {
    let cover = assembly.group(clutch, "Pressure plate", at(-0.030, 0.0, 0.0));
    assembly.single(cover, "Plate", Affine3A::IDENTITY, |solid| {
        solid.at(y_to_x(), |solid| solid.ring(Finish::CastIron, 0.070, 0.112, -0.008, 0.006, 0.0015));
    });
    assembly.single(cover, "Cover", Affine3A::IDENTITY, |solid| {
        let corners = [
            Corner(0.116, -0.016, 0.0),
            Corner(0.132, -0.016, 0.0),
            Corner(0.132, -0.013, 0.0),
            Corner(0.119, -0.012, 0.003),
            Corner(0.112, 0.014, 0.006),
            Corner(0.088, 0.017, 0.002),
            Corner(0.088, 0.014, 0.0),
            Corner(0.108, 0.011, 0.006),
        ];
        solid.at(rearward(), |solid| solid.turned_ring(Finish::BlackenedSteel, &corners));
    });
    let finger = assembly.shape("Diaphragm finger", |solid| {
        let corners = [
            Corner(-0.0105, 0.094, 0.0),
            Corner(-0.003, 0.034, 0.001),
            Corner(0.003, 0.034, 0.001),
            Corner(0.0105, 0.094, 0.0),
        ];
        solid.at(at(-0.014, 0.0, 0.0) * Affine3A::from_rotation_z(0.05) * z_to_x(), |solid| {
            solid.extruded(Finish::SpringSteel, &corners, Depth::of(0.0025, 0.0));
        });
    });
    for index in 0..24 {
        let place = Affine3A::from_rotation_x(TAU * index as f32 / 24.0);
        assembly.part(cover, format!("Diaphragm finger {}", index + 1), finger, place);
    }
    for index in 0..12 {
        let (sine, cosine) = (TAU * index as f32 / 12.0).sin_cos();
        let place = at(0.013, 0.1255 * cosine, 0.1255 * sine) * rearward();
        assembly.bolt_and_washer(cover, Thread::M8, 0.02, Finish::Zinc, place);
    }
    let bearing = assembly.group(cover, "Release bearing", at(-0.030, 0.0, 0.0));
    assembly.single(bearing, "Carrier", Affine3A::IDENTITY, |solid| {
        solid.at(y_to_x(), |solid| {
            solid.ring(Finish::BearingSteel, 0.022, 0.036, 0.0, 0.008, 0.001);
            solid.ring(Finish::BrushedSteel, 0.018, 0.024, -0.02, 0.006, 0.001);
        });
    });
    assembly.single(bearing, "Fork", at(-0.008, 0.0, 0.0), |solid| {
        solid.at(at(0.0, -0.075, 0.0), |solid| {
            solid.block(Finish::ForgedSteel, Vec3::new(0.010, 0.09, 0.018), 0.003, 0.001);
        });
        for z in [-0.029, 0.029] {
            solid.at(at(0.0, -0.015, z), |solid| {
                solid.block(Finish::ForgedSteel, Vec3::new(0.010, 0.05, 0.010), 0.003, 0.001);
            });
        }
        solid.at(at(0.0, -0.036, 0.0), |solid| {
            solid.block(Finish::ForgedSteel, Vec3::new(0.010, 0.012, 0.064), 0.003, 0.001);
        });
    });
}

/// Draws the bell housing, open towards the left, with red cut faces.
fn add_bell(assembly: &mut Assembly, engine: Group) {
    let bell = assembly.single(engine, "Bell housing, cut", Affine3A::IDENTITY, |solid| {
        // On the lathe, heights count rearwards.
        let (start, end) = (0.222, -BELL_END);
        let corners = [
            Corner(0.140, start, 0.0),
            Corner(0.158, start, 0.0),
            Corner(0.158, start + 0.010, 0.003),
            Corner(0.150, start + 0.014, 0.004),
            Corner(0.146, start + 0.060, 0.02),
            Corner(0.112, end - 0.012, 0.01),
            Corner(0.112, end, 0.0),
            Corner(0.050, end, 0.0),
            Corner(0.050, end - 0.008, 0.0),
            Corner(0.100, end - 0.014, 0.01),
            Corner(0.138, start + 0.056, 0.02),
            Corner(0.140, start + 0.010, 0.0),
        ];
        // On this lathe Z is Z and X is up, so the part from +Z upwards is missing.
        let cut = Cut { from: 2.0, to: 5.6, finish: Finish::CutFace };
        solid.at(rearward(), |solid| solid.turned_ring_cut(Finish::CastAluminium, &corners, cut));
    });
    for index in 0..9 {
        let angle = 2.1 + 3.4 * index as f32 / 8.0;
        // Once the lathe's Y points to the rear, its X points up.
        let (y, z) = (0.153 * angle.sin(), 0.153 * angle.cos());
        let place = at(-0.2325, y, z) * rearward();
        assembly.bolt_and_washer(bell, Thread::M10, 0.03, Finish::Zinc, place);
    }
    add_starter(assembly, engine);
}

fn add_starter(assembly: &mut Assembly, engine: Group) {
    let starter = assembly.group(engine, "Starter", at(-0.235, -0.075, -0.128));
    assembly.single(starter, "Motor", Affine3A::IDENTITY, |solid| {
        let corners = [
            Corner(0.0, 0.0, 0.0),
            Corner(0.030, 0.0, 0.003),
            Corner(0.034, 0.020, 0.002),
            Corner(0.034, 0.125, 0.003),
            Corner(0.026, 0.135, 0.004),
            Corner(0.0, 0.135, 0.0),
        ];
        solid.at(y_to_x(), |solid| solid.turned(Finish::CastIron, &corners));
    });
    assembly.single(starter, "Solenoid", at(0.015, 0.045, -0.02), |solid| {
        solid.at(y_to_x(), |solid| {
            solid.cylinder(Finish::Zinc, 0.020, 0.0, 0.075, 0.002);
            solid.cylinder(Finish::BlackPlastic, 0.019, 0.073, 0.09, 0.003);
        });
    });
    assembly.single(starter, "Pinion", at(-0.012, 0.0, 0.0), |solid| {
        let gear = Gear { teeth: 10, module: 0.0022, width: 0.016, bore: 0.005, helix: 0.0 };
        solid.at(z_to_x(), |solid| solid.gear(Finish::HardenedSteel, gear));
    });
    for (y, z) in [(0.008, 0.0), (-0.008, 0.006)] {
        let place = at(0.106, 0.045 + y, -0.02 + z) * Affine3A::from_rotation_z(-FRAC_PI_2);
        assembly.nut(starter, Thread::M8, Finish::Copper, place);
    }
}
