//! The front: backplate, pulleys and their belt, alternator, water pump.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use glam::{Affine3A, Vec2, Vec3};

use super::assembly::{Assembly, Group};
use super::extrude::Depth;
use super::fasteners::Thread;
use super::finish::Finish;
use super::layout::{BLOCK_HALF_LENGTH, CRANK_ANGLE, at, y_to_x, z_to_x};
use super::outline::{Corner, polar, rounded};
use super::solid::Solid;
use super::sweep::{Path, around_wheels};

/// Position along X of the belt's plane.
const BELT_X: f32 = 0.292;
const BELT_WIDTH: f32 = 0.022;

/// A wheel on the belt: position, radius, and whether its face is grooved.
#[derive(Clone, Copy)]
struct Wheel {
    name: &'static str,
    z: f32,
    y: f32,
    radius: f32,
}

/// The wheels in counter-clockwise order, with Z to the right and Y up.
const WHEELS: [Wheel; 5] = [
    Wheel { name: "Crankshaft damper", z: 0.0, y: 0.0, radius: 0.074 },
    Wheel { name: "Compressor pulley", z: 0.165, y: 0.03, radius: 0.045 },
    Wheel { name: "Alternator pulley", z: 0.185, y: 0.205, radius: 0.029 },
    Wheel { name: "Water pump pulley", z: -0.06, y: 0.215, radius: 0.052 },
    Wheel { name: "Steering pump pulley", z: -0.19, y: 0.10, radius: 0.046 },
];

pub(super) fn add(assembly: &mut Assembly, engine: Group) {
    let front = assembly.group(engine, "Front drive", Affine3A::IDENTITY);
    add_backplate(assembly, front);
    add_pulleys(assembly, front);
    add_belt(assembly, front);
    add_alternator(assembly, front);
    add_pumps(assembly, front);
}

fn add_backplate(assembly: &mut Assembly, front: Group) {
    let x = BLOCK_HALF_LENGTH + 0.0075;
    let plate = assembly.single(front, "Timing backplate", at(x, 0.0, 0.0), |solid| {
        let corners: Vec<Corner> = BACKPLATE.iter().map(|&(z, y)| super::layout::section(z, y, 0.012)).collect();
        solid.at(z_to_x(), |solid| solid.extruded(Finish::CastAluminium, &corners, Depth::of(0.003, 0.0005)));
    });
    // The bolts are evenly spaced around its edge.
    let count = BACKPLATE.len();
    for index in 0..count {
        let ((z, y), (next_z, next_y)) = (BACKPLATE[index], BACKPLATE[(index + 1) % count]);
        for part in [0.2, 0.7] {
            let (z, y) = (z + (next_z - z) * part, y + (next_y - y) * part);
            let inward = Vec2::new(z, y - 0.08).normalize_or_zero() * 0.007;
            let place = at(0.0015, y - inward.y, z - inward.x) * Affine3A::from_rotation_z(-FRAC_PI_2);
            assembly.bolt(plate, Thread::M6, 0.016, Finish::Zinc, place);
        }
    }
}

/// Returns the plate's outline in Z and Y.
const BACKPLATE: [(f32, f32); 10] = [
    (-0.125, -0.058),
    (0.125, -0.058),
    (0.128, 0.0),
    (0.29, 0.155),
    (0.215, 0.235),
    (0.06, 0.165),
    (-0.06, 0.165),
    (-0.215, 0.235),
    (-0.29, 0.155),
    (-0.128, 0.0),
];

fn add_pulleys(assembly: &mut Assembly, front: Group) {
    for wheel in WHEELS {
        let is_damper = wheel.y == 0.0;
        let turned = Affine3A::from_rotation_x(if is_damper { CRANK_ANGLE } else { wheel.z * 9.0 });
        let pulley = assembly.single(front, wheel.name, at(BELT_X, wheel.y, wheel.z) * turned, move |solid| {
            solid.at(y_to_x(), |solid| draw_pulley(solid, wheel.radius, is_damper));
        });
        let (bolts, circle) = if is_damper { (6, 0.024) } else { (4, 0.013) };
        for index in 0..bolts {
            let (sine, cosine) = (TAU * index as f32 / bolts as f32).sin_cos();
            let place = at(0.007, circle * cosine, circle * sine) * Affine3A::from_rotation_z(-FRAC_PI_2);
            assembly.bolt(pulley, Thread::M6, 0.016, Finish::YellowZinc, place);
        }
        let nose = at(0.0065, 0.0, 0.0) * Affine3A::from_rotation_z(-FRAC_PI_2);
        if is_damper {
            assembly.bolt_and_washer(pulley, Thread::M12, 0.05, Finish::BlackenedSteel, nose);
        } else {
            assembly.nut(pulley, Thread::M8, Finish::Zinc, nose);
        }
    }
}

/// Draws a pulley, grooved along its rim. The damper has a ring of rubber inside.
fn draw_pulley(solid: &mut Solid, radius: f32, is_damper: bool) {
    let half = BELT_WIDTH * 0.5 + 0.0025;
    let rim = radius - 0.008;
    let mut profile = vec![
        Corner(rim, -half, 0.0),
        Corner(radius + 0.0025, -half, 0.001),
        Corner(radius + 0.0025, -half + 0.0025, 0.0),
    ];
    if solid.detail().shows(0.0025) {
        for groove in 0..6 {
            let y = -BELT_WIDTH * 0.5 + BELT_WIDTH * groove as f32 / 6.0;
            profile.extend([Corner(radius, y + 0.0004, 0.0), Corner(radius - 0.0025, y + BELT_WIDTH / 12.0, 0.0)]);
        }
    }
    profile.extend([
        Corner(radius, half - 0.0029, 0.0),
        Corner(radius + 0.0025, half - 0.0025, 0.0),
        Corner(radius + 0.0025, half, 0.001),
        Corner(rim, half, 0.0),
    ]);
    solid.turned_ring(Finish::MachinedAluminium, &profile);
    if is_damper {
        solid.ring(Finish::HoseRubber, rim - 0.005, rim + 0.0002, -half + 0.001, half - 0.001, 0.0);
        solid.ring(Finish::CastIron, 0.0175, rim - 0.0048, -half + 0.003, half - 0.007, 0.002);
        // This is the timing mark.
        solid.at(at(0.0, half - 0.0068, rim - 0.016), |solid| {
            solid.block(Finish::YellowWire, Vec3::new(0.002, 0.001, 0.014), 0.0, 0.0);
        });
        return;
    }
    let corners = [
        Corner(0.006, -0.004, 0.0),
        Corner(rim + 0.0002, -0.002, 0.0),
        Corner(rim + 0.0002, 0.002, 0.0),
        Corner(0.019, 0.0035, 0.003),
        Corner(0.018, 0.0065, 0.001),
        Corner(0.006, 0.0065, 0.0),
    ];
    solid.turned_ring(Finish::BlackenedSteel, &corners);
}

fn add_belt(assembly: &mut Assembly, front: Group) {
    assembly.single(front, "Belt", at(BELT_X, 0.0, 0.0), |solid| {
        let wheels = WHEELS.map(|wheel| (Vec2::new(wheel.z, wheel.y), wheel.radius + 0.0012));
        let spacing = 0.02 / (solid.detail().around(0.05, TAU) as f32 / 24.0);
        let points = around_wheels(&wheels, spacing).into_iter().map(|(point, _)| Vec3::new(0.0, point.y, point.x));
        let path = Path::along(points.collect(), true);
        let mut section = vec![];
        let half = BELT_WIDTH * 0.5;
        if solid.detail().shows(0.0025) {
            for rib in 0..6 {
                let x = -half + BELT_WIDTH * rib as f32 / 6.0;
                section.extend([Vec2::new(x + 0.0003, 0.001), Vec2::new(x + BELT_WIDTH / 12.0, -0.001)]);
            }
        } else {
            section.push(Vec2::new(-half, 0.0));
        }
        section.extend([Vec2::new(half, 0.0005), Vec2::new(half, 0.004), Vec2::new(-half, 0.004)]);
        // The frame's Y points into the loop, and so do the ribs.
        let section = section.into_iter().map(|point| Vec2::new(point.x, -point.y)).collect();
        solid.swept(Finish::BeltRubber, &path, section);
    });
}

fn add_alternator(assembly: &mut Assembly, front: Group) {
    let place = at(BELT_X - 0.018, 0.205, 0.185) * Affine3A::from_rotation_z(FRAC_PI_2);
    let alternator = assembly.group(front, "Alternator", place);
    // The two bells leave a gap, so that the windings are visible.
    let bell = assembly.shape("Alternator bell", |solid| {
        let corners = [
            Corner(0.008, 0.0, 0.0),
            Corner(0.045, 0.0, 0.006),
            Corner(0.055, 0.012, 0.004),
            Corner(0.055, 0.034, 0.0),
            Corner(0.051, 0.034, 0.0),
            Corner(0.050, 0.014, 0.003),
            Corner(0.043, 0.005, 0.004),
            Corner(0.008, 0.005, 0.0),
        ];
        solid.turned_ring(Finish::CastAluminium, &corners);
        for index in 0..8 {
            solid.at(Affine3A::from_rotation_y(TAU * index as f32 / 8.0) * at(0.0, -0.0008, 0.033), |solid| {
                solid.block(Finish::CastAluminium, Vec3::new(0.006, 0.005, 0.022), 0.001, 0.0);
            });
        }
    });
    assembly.part(alternator, "Front bell", bell, at(0.0, 0.0, 0.0));
    assembly.part(alternator, "Rear bell", bell, at(0.0, 0.088, 0.0) * Affine3A::from_rotation_x(PI));
    assembly.single(alternator, "Stator", at(0.0, 0.044, 0.0), |solid| {
        solid.ring(Finish::BlackenedSteel, 0.040, 0.053, -0.010, 0.010, 0.001);
    });
    assembly.single(alternator, "Rotor shaft", Affine3A::IDENTITY, |solid| {
        solid.cylinder(Finish::PolishedSteel, 0.008, -0.02, 0.1, 0.001);
    });
    let coil = assembly.shape("Stator coil", |solid| {
        let path = [
            Vec3::new(0.0, -0.016, 0.0),
            Vec3::new(0.0, -0.020, 0.003),
            Vec3::new(0.0045, -0.021, 0.004),
            Vec3::new(0.009, -0.020, 0.003),
            Vec3::new(0.009, -0.016, 0.0),
        ];
        if !solid.detail().shows(0.008) {
            solid.at(at(0.0045, 0.0, 0.0), |solid| {
                solid.block(Finish::CopperWinding, Vec3::new(0.011, 0.042, 0.006), 0.0, 0.0);
            });
            return;
        }
        for side in [0.0, PI] {
            solid.at(Affine3A::from_rotation_z(side) * at(if side > 0.0 { -0.009 } else { 0.0 }, 0.0, 0.0), |solid| {
                let path = Path::through(solid.detail(), &path, 0.0022);
                solid.bar(Finish::CopperWinding, &path, 0.0022);
            });
        }
    });
    for index in 0..24 {
        let place = at(0.0, 0.044, 0.0) * Affine3A::from_rotation_y(TAU * index as f32 / 24.0) * at(0.0, 0.0, 0.045);
        assembly.part(alternator, format!("Coil {}", index + 1), coil, place);
    }
    let fan = assembly.shape("Alternator fan blade", |solid| {
        solid.at(Affine3A::from_rotation_z(0.5), |solid| {
            solid.block(Finish::Zinc, Vec3::new(0.010, 0.001, 0.012), 0.0, 0.0);
        });
    });
    for index in 0..12 {
        let place = at(0.0, 0.012, 0.0) * Affine3A::from_rotation_y(TAU * index as f32 / 12.0) * at(0.0, 0.0, 0.036);
        assembly.part(alternator, format!("Fan blade {}", index + 1), fan, place);
    }
    for index in 0..4 {
        let (sine, cosine) = (TAU * (index as f32 + 0.5) / 4.0).sin_cos();
        let place = at(0.049 * sine, 0.089, 0.049 * cosine);
        assembly.bolt(alternator, Thread::M5, 0.05, Finish::Zinc, place);
    }
    assembly.single(front, "Alternator bracket", at(0.235, 0.165, 0.165), |solid| {
        let line = [
            super::layout::section(-0.05, -0.035, 0.008),
            super::layout::section(-0.02, -0.045, 0.008),
            super::layout::section(0.055, 0.02, 0.01),
            super::layout::section(0.03, 0.045, 0.01),
        ];
        let outline = rounded(solid.detail(), &line, true);
        solid.at(z_to_x(), |solid| solid.extruded_outline(Finish::BlackenedSteel, outline, Depth::of(0.012, 0.001)));
    });
}

fn add_pumps(assembly: &mut Assembly, front: Group) {
    let water = assembly.group(front, "Water pump", at(0.245, 0.215, -0.06));
    assembly.single(water, "Housing", Affine3A::IDENTITY, |solid| {
        let corners = [
            Corner(0.006, -0.018, 0.0),
            Corner(0.050, -0.018, 0.003),
            Corner(0.050, -0.002, 0.006),
            Corner(0.026, 0.008, 0.006),
            Corner(0.020, 0.030, 0.002),
            Corner(0.006, 0.030, 0.0),
        ];
        solid.at(y_to_x(), |solid| solid.turned_ring(Finish::CastAluminium, &corners));
    });
    assembly.single(water, "Shaft", Affine3A::IDENTITY, |solid| {
        solid.at(y_to_x(), |solid| solid.cylinder(Finish::PolishedSteel, 0.006, -0.03, 0.055, 0.0005));
    });
    let blade = assembly.shape("Impeller blade", |solid| {
        solid.at(Affine3A::from_rotation_y(0.5), |solid| {
            solid.block(Finish::Brass, Vec3::new(0.0015, 0.010, 0.026), 0.0, 0.0);
        });
    });
    for index in 0..7 {
        let place =
            y_to_x() * at(0.0, -0.024, 0.0) * Affine3A::from_rotation_y(TAU * index as f32 / 7.0) * at(0.0, 0.0, 0.022);
        assembly.part(water, format!("Impeller blade {}", index + 1), blade, place);
    }
    for index in 0..6 {
        let (sine, cosine) = (TAU * index as f32 / 6.0).sin_cos();
        let place = at(-0.004, 0.044 * cosine, 0.044 * sine) * Affine3A::from_rotation_z(-FRAC_PI_2);
        assembly.bolt_and_washer(water, Thread::M6, 0.03, Finish::Zinc, place);
    }
    for (name, z, y, radius) in [("Air compressor", 0.165, 0.03, 0.058), ("Steering pump", -0.19, 0.10, 0.044)] {
        let pump = assembly.group(front, name, at(BELT_X - 0.02, y, z) * Affine3A::from_rotation_z(FRAC_PI_2));
        assembly.single(pump, "Body", Affine3A::IDENTITY, move |solid| {
            let corners = [
                Corner(0.0, 0.0, 0.0),
                Corner(radius * 0.6, 0.0, 0.002),
                Corner(radius * 0.7, 0.012, 0.002),
                Corner(radius, 0.016, 0.003),
                Corner(radius, 0.034, 0.002),
                Corner(radius * 0.92, 0.036, 0.002),
                Corner(radius * 0.92, 0.072, 0.006),
                Corner(0.0, 0.075, 0.0),
            ];
            solid.turned(Finish::CastAluminium, &corners);
            let outline = polar(solid.detail().around(radius, TAU).max(12), |angle| {
                radius * (0.86 + 0.16 * (angle * 3.0).cos().max(0.0))
            });
            solid.at(at(0.0, 0.036, 0.0) * super::layout::z_to_y(), |solid| {
                solid.extruded_outline(Finish::CastAluminium, outline, Depth::of(0.006, 0.001));
            });
        });
        for index in 0..5 {
            let (sine, cosine) = (TAU * index as f32 / 5.0 + 0.3).sin_cos();
            let place = at(radius * 0.84 * sine, 0.0165, radius * 0.84 * cosine) * Affine3A::from_rotation_x(PI);
            assembly.bolt(pump, Thread::M6, 0.03, Finish::Zinc, place);
        }
    }
}
