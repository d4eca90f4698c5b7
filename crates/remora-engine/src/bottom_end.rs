//! The rotating and reciprocating parts: crankshaft, rods, pistons and their bearings.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use glam::{Affine3A, Vec2, Vec3};

use super::assembly::{Assembly, Group, Shape};
use super::extrude::Depth;
use super::fasteners::Thread;
use super::finish::Finish;
use super::lathe::Cut;
use super::layout::{
    BORE_RADIUS, Bank, CRANK_ANGLE, CROWN_HEIGHT, ROD_LENGTH, THROW, at, main_bearing, throw, throw_angle, y_to_x,
    y_to_z, z_to_x,
};
use super::outline::{Corner, arc, circle, polar};
use super::solid::Solid;

const JOURNAL_RADIUS: f32 = 0.0325;
const PIN_RADIUS: f32 = 0.0255;
const WEB_THICKNESS: f32 = 0.015;
/// Distance from the middle of a throw to the middle of its webs.
const WEB_OFFSET: f32 = 0.0285;
const ROD_WIDTH: f32 = 0.0195;

pub(super) fn add(assembly: &mut Assembly, engine: Group) {
    let bottom = assembly.group(engine, "Bottom end", Affine3A::IDENTITY);
    add_crankshaft(assembly, bottom);
    add_main_bearings(assembly, bottom);
    add_pistons_and_rods(assembly, bottom);
}

fn add_crankshaft(assembly: &mut Assembly, bottom: Group) {
    let crank = assembly.group(bottom, "Crankshaft", Affine3A::from_rotation_x(CRANK_ANGLE));
    let journal = assembly.shape("Main journal", |solid| {
        solid.at(y_to_x(), |solid| solid.ring(Finish::PolishedSteel, 0.008, JOURNAL_RADIUS, -0.0145, 0.0145, 0.001));
    });
    for index in 0..5 {
        assembly.part(crank, format!("Journal {}", index + 1), journal, at(main_bearing(index), 0.0, 0.0));
    }
    let web = assembly.shape("Crank web", |solid| solid.at(z_to_x(), draw_web));
    let pin = assembly.shape("Crank pin", |solid| {
        let half = WEB_OFFSET - WEB_THICKNESS * 0.5 + 0.001;
        solid.at(at(0.0, THROW, 0.0) * y_to_x(), |solid| {
            solid.ring(Finish::PolishedSteel, 0.007, PIN_RADIUS, -half, half, 0.001);
        });
    });
    let plug = assembly.shape("Oil gallery plug", |solid| {
        solid.at(y_to_x(), |solid| solid.cylinder(Finish::Brass, 0.006, -0.002, 0.0015, 0.0005));
    });
    for index in 0..4 {
        let place = at(throw(index), 0.0, 0.0) * Affine3A::from_rotation_x(throw_angle(index));
        assembly.part(crank, format!("Pin {}", index + 1), pin, place);
        for (end, offset) in [WEB_OFFSET, -WEB_OFFSET].into_iter().enumerate() {
            let number = index * 2 + end + 1;
            let here = place * at(offset, 0.0, 0.0);
            assembly.part(crank, format!("Web {number}"), web, here);
            let side = offset.signum() * WEB_THICKNESS * 0.5;
            assembly.part(crank, format!("Oil gallery plug {number}"), plug, here * at(side, THROW, 0.0));
        }
    }
    assembly.single(crank, "Nose", at(0.215, 0.0, 0.0), |solid| {
        let corners = [
            Corner(0.0, -0.002, 0.0),
            Corner(0.024, -0.002, 0.0),
            Corner(0.024, 0.045, 0.0),
            Corner(0.018, 0.047, 0.0),
            Corner(0.018, 0.082, 0.001),
            Corner(0.0, 0.082, 0.0),
        ];
        solid.at(y_to_x(), |solid| solid.turned(Finish::BrushedSteel, &corners));
        // The key holds the wheels.
        solid.at(at(0.07, 0.0175, 0.0), |solid| {
            solid.block(Finish::PolishedSteel, Vec3::new(0.03, 0.006, 0.005), 0.0, 0.0);
        });
    });
    assembly.single(crank, "Rear flange", at(-0.228, 0.0, 0.0), |solid| {
        solid.at(y_to_x(), |solid| solid.ring(Finish::BrushedSteel, 0.012, 0.044, -0.008, 0.014, 0.0015));
    });
}

/// Draws a web: round around pin and journal, with a counterweight opposite. The pin is towards Y.
fn draw_web(solid: &mut Solid) {
    let segments = solid.detail().around(0.06, TAU).max(14);
    let outline = polar(segments, |angle| {
        // The angle counts from the direction of the pin.
        let from_pin = (angle - FRAC_PI_2 + PI).rem_euclid(TAU) - PI;
        let cheek = PIN_RADIUS + 0.012;
        // Distance at which a ray meets the circle around the pin, from inside or outside of it.
        let (across, along) = (THROW * from_pin.sin(), THROW * from_pin.cos());
        let around_pin =
            if across.abs() < cheek && along > 0.0 { along + (cheek * cheek - across * across).sqrt() } else { 0.0 };
        let weight = ((from_pin.abs() - 1.75) / 0.25).clamp(0.0, 1.0);
        let weight = weight * weight * (3.0 - 2.0 * weight);
        let body = JOURNAL_RADIUS + 0.008;
        around_pin.max(body + (0.0745 - body) * weight)
    });
    solid.extruded_outline(Finish::ForgedSteel, outline, Depth::of(WEB_THICKNESS, 0.0015));
}

fn half_shell(assembly: &mut Assembly, name: &str, inner: f32, width: f32) -> Shape {
    assembly.shape(name, move |solid| {
        let half = width * 0.5;
        let corners = [
            Corner(inner, -half, 0.0),
            Corner(inner + 0.002, -half, 0.0),
            Corner(inner + 0.002, half, 0.0),
            Corner(inner, half, 0.0),
        ];
        let cut = Cut { from: 0.0, to: PI, finish: Finish::BearingShell };
        // The middle of the arc moves from the lathe's X to Y, and the axis lies along X.
        let place = Affine3A::from_rotation_x(-FRAC_PI_2) * y_to_x();
        solid.at(place, |solid| solid.turned_ring_cut(Finish::BearingShell, &corners, cut));
    })
}

fn add_main_bearings(assembly: &mut Assembly, bottom: Group) {
    let group = assembly.group(bottom, "Main bearings", Affine3A::IDENTITY);
    let shell = half_shell(assembly, "Main bearing shell", JOURNAL_RADIUS + 0.0005, 0.022);
    let cap = assembly.shape("Main bearing cap", |solid| {
        let segments = solid.detail().around(0.036, PI);
        let mut outline = arc(Vec2::ZERO, 0.0355, 0.0, -PI, segments);
        outline.extend([
            Vec2::new(-0.072, 0.0),
            Vec2::new(-0.072, -0.02),
            Vec2::new(-0.05, -0.03),
            Vec2::new(-0.034, -0.052),
            Vec2::new(0.034, -0.052),
            Vec2::new(0.05, -0.03),
            Vec2::new(0.072, -0.02),
            Vec2::new(0.072, 0.0),
        ]);
        solid.at(z_to_x(), |solid| solid.extruded_outline(Finish::CastIron, outline, Depth::of(0.024, 0.0015)));
    });
    for index in 0..5 {
        let bearing = assembly.group(group, format!("Main bearing {}", index + 1), at(main_bearing(index), 0.0, 0.0));
        assembly.part(bearing, "Upper shell", shell, Affine3A::IDENTITY);
        assembly.part(bearing, "Lower shell", shell, Affine3A::from_rotation_x(PI));
        let cap = assembly.part(bearing, "Cap", cap, Affine3A::IDENTITY);
        for (z, y, thread) in [
            (-0.043, -0.0435, Thread::M10),
            (0.043, -0.0435, Thread::M10),
            (-0.062, -0.024, Thread::M8),
            (0.062, -0.024, Thread::M8),
        ] {
            let place = at(0.0, y, z) * Affine3A::from_rotation_x(PI);
            assembly.bolt_and_washer(cap, thread, 0.06, Finish::BlackenedSteel, place);
        }
    }
}

struct PistonShapes {
    piston: Shape,
    compression_ring: Shape,
    oil_ring: Shape,
    pin: Shape,
    circlip: Shape,
    rod: Shape,
    cap: Shape,
    shell: Shape,
    bush: Shape,
}

fn add_pistons_and_rods(assembly: &mut Assembly, bottom: Group) {
    let ring = |assembly: &mut Assembly, name: &str, finish: Finish, height: f32| {
        assembly.shape(name, move |solid| {
            let corners = [
                Corner(BORE_RADIUS - 0.004, 0.0, 0.0),
                Corner(BORE_RADIUS - 0.0001, 0.0, 0.0),
                Corner(BORE_RADIUS - 0.0001, height, 0.0),
                Corner(BORE_RADIUS - 0.004, height, 0.0),
            ];
            solid.turned_ring_cut(finish, &corners, Cut { from: 0.02, to: TAU - 0.02, finish });
        })
    };
    let shapes = PistonShapes {
        piston: assembly.shape("Piston", draw_piston),
        compression_ring: ring(assembly, "Compression ring", Finish::TitaniumNitride, 0.0015),
        oil_ring: ring(assembly, "Oil ring", Finish::SpringSteel, 0.0025),
        pin: assembly.shape("Piston pin", |solid| {
            solid.at(y_to_x(), |solid| solid.ring(Finish::PolishedSteel, 0.007, 0.011, -0.031, 0.031, 0.001));
        }),
        circlip: assembly.shape("Circlip", |solid| {
            solid.at(y_to_x(), |solid| solid.torus(Finish::SpringSteel, 0.0108, 0.0008));
        }),
        rod: assembly.shape("Connecting rod", draw_rod),
        cap: assembly.shape("Rod cap", draw_rod_cap),
        shell: half_shell(assembly, "Rod bearing shell", PIN_RADIUS + 0.0003, ROD_WIDTH - 0.001),
        bush: assembly.shape("Small end bush", |solid| {
            let half = ROD_WIDTH * 0.5 + 0.0008;
            solid.at(y_to_x(), |solid| solid.ring(Finish::Bronze, 0.011, 0.0128, -half, half, 0.0));
        }),
    };
    for bank in Bank::BOTH {
        let group = assembly.group(bottom, format!("Pistons {}", bank.name()), bank.transform());
        for index in 0..4 {
            add_piston(assembly, group, &shapes, bank, index);
        }
    }
}

fn add_piston(assembly: &mut Assembly, group: Group, shapes: &PistonShapes, bank: Bank, index: usize) {
    let (stroke, number) = (bank.stroke(index), bank.number(index));
    let place = at(stroke.x, stroke.piston_pin_height, 0.0);
    let piston = assembly.part(group, format!("Piston {number}"), shapes.piston, place);
    for (ring, height, shape) in [
        ("Upper compression ring", 0.0235, shapes.compression_ring),
        ("Lower compression ring", 0.0175, shapes.compression_ring),
        ("Oil ring", 0.0105, shapes.oil_ring),
    ] {
        let turned = Affine3A::from_rotation_y(height * 400.0);
        assembly.part(piston, ring, shape, at(0.0, height, 0.0) * turned);
    }
    assembly.part(piston, "Pin", shapes.pin, Affine3A::IDENTITY);
    for (name, x) in [("Front circlip", 0.032), ("Rear circlip", -0.032)] {
        assembly.part(piston, name, shapes.circlip, at(x, 0.0, 0.0));
    }

    let (y, z) = stroke.crank_pin;
    let place = at(stroke.x, y, z) * Affine3A::from_rotation_x(stroke.lean);
    let rod = assembly.part(group, format!("Connecting rod {number}"), shapes.rod, place);
    assembly.part(rod, "Small end bush", shapes.bush, at(0.0, ROD_LENGTH, 0.0));
    assembly.part(rod, "Upper shell", shapes.shell, Affine3A::IDENTITY);
    let cap = assembly.part(rod, "Cap", shapes.cap, Affine3A::IDENTITY);
    assembly.part(cap, "Lower shell", shapes.shell, Affine3A::from_rotation_x(PI));
    for z in [-0.035, 0.035] {
        let place = at(0.0, -0.014, z) * Affine3A::from_rotation_x(PI);
        assembly.bolt(cap, Thread::M8, 0.036, Finish::BlackenedSteel, place);
    }
}

/// Draws a piston, hollow from below, with a bowl in its crown. The pin is at the origin.
fn draw_piston(solid: &mut Solid) {
    let outer = BORE_RADIUS - 0.0004;
    let groove = outer - 0.0035;
    let mut corners = vec![
        Corner(0.0, 0.016, 0.0),
        Corner(0.034, 0.014, 0.006),
        Corner(0.0365, -0.026, 0.0),
        Corner(outer, -0.026, 0.001),
    ];
    for (bottom, height) in [(0.0103, 0.0029), (0.0173, 0.0019), (0.0233, 0.0019)] {
        corners.extend([
            Corner(outer, bottom, 0.0),
            Corner(groove, bottom, 0.0),
            Corner(groove, bottom + height, 0.0),
            Corner(outer, bottom + height, 0.0),
        ]);
    }
    corners.push(Corner(outer, CROWN_HEIGHT, 0.0008));
    if !solid.detail().shows(0.003) {
        // The grooves are omitted, because the rings cover them.
        corners.retain(|corner| corner.0 != groove && (corner.1 < 0.0 || corner.1 > 0.0255 || corner.0 < groove));
    }
    let rim = CROWN_HEIGHT;
    corners.extend([Corner(0.032, rim, 0.001), Corner(0.028, rim - 0.004, 0.003), Corner(0.0, rim - 0.005, 0.0)]);
    solid.turned(Finish::PistonAlloy, &corners);
    // These are the deposits of combustion, and the bosses that carry the pin.
    solid.cylinder(Finish::Soot, 0.0275, rim - 0.006, rim - 0.0035, 0.0);
    for x in [-0.022, 0.022] {
        solid.at(at(x, 0.0, 0.0) * y_to_x(), |solid| {
            solid.ring(Finish::PistonAlloy, 0.0112, 0.017, -0.008, 0.008, 0.001);
        });
        solid.at(at(x, 0.010, 0.0), |solid| {
            solid.block(Finish::PistonAlloy, Vec3::new(0.012, 0.012, 0.024), 0.0, 0.0);
        });
    }
}

/// Draws a rod: an I-beam between two eyes. The crank pin is at the origin, the piston pin at Y.
fn draw_rod(solid: &mut Solid) {
    let finish = Finish::ForgedSteel;
    let half = ROD_WIDTH * 0.5;
    solid.at(at(0.0, ROD_LENGTH, 0.0) * y_to_x(), |solid| solid.ring(finish, 0.0127, 0.0185, -half, half, 0.001));
    let big_end = [
        Corner(PIN_RADIUS + 0.0022, -half, 0.0),
        Corner(PIN_RADIUS + 0.010, -half, 0.001),
        Corner(PIN_RADIUS + 0.010, half, 0.001),
        Corner(PIN_RADIUS + 0.0022, half, 0.0),
    ];
    let upper = Affine3A::from_rotation_x(-FRAC_PI_2) * y_to_x();
    solid.at(upper, |solid| solid.turned_ring_cut(finish, &big_end, Cut { from: 0.0, to: PI, finish }));
    for side in [-1.0, 1.0] {
        solid.at(at(0.0, 0.007, 0.035 * side) * z_to_x(), |solid| {
            solid.block(finish, Vec3::new(0.017, 0.014, ROD_WIDTH), 0.003, 0.001);
        });
        // The flanges taper towards the small end.
        let corners = [
            super::layout::section(0.019 * side, 0.026, 0.0),
            super::layout::section(0.013 * side, 0.026, 0.0),
            super::layout::section(0.0085 * side, 0.131, 0.0),
            super::layout::section(0.0125 * side, 0.131, 0.0),
        ];
        solid.at(z_to_x(), |solid| solid.extruded(finish, &corners, Depth::of(0.015, 0.001)));
    }
    let web = [
        super::layout::section(-0.0165, 0.026, 0.0),
        super::layout::section(0.0165, 0.026, 0.0),
        super::layout::section(0.0105, 0.131, 0.0),
        super::layout::section(-0.0105, 0.131, 0.0),
    ];
    solid.at(z_to_x(), |solid| solid.extruded(finish, &web, Depth::of(0.005, 0.0)));
}

fn draw_rod_cap(solid: &mut Solid) {
    let finish = Finish::ForgedSteel;
    let half = ROD_WIDTH * 0.5;
    let corners = [
        Corner(PIN_RADIUS + 0.0022, -half, 0.0),
        Corner(PIN_RADIUS + 0.009, -half, 0.001),
        Corner(PIN_RADIUS + 0.009, half, 0.001),
        Corner(PIN_RADIUS + 0.0022, half, 0.0),
    ];
    let lower = Affine3A::from_rotation_x(FRAC_PI_2) * y_to_x();
    solid.at(lower, |solid| solid.turned_ring_cut(finish, &corners, Cut { from: 0.0, to: PI, finish }));
    for side in [-1.0, 1.0] {
        solid.at(at(0.0, -0.007, 0.035 * side) * z_to_x(), |solid| {
            solid.block(finish, Vec3::new(0.017, 0.014, ROD_WIDTH), 0.003, 0.001);
        });
    }
    solid.at(at(0.0, -0.036, 0.0) * y_to_z(), |solid| {
        solid.extruded_outline(finish, circle(0.006, 8), Depth::of(0.006, 0.0));
    });
}
