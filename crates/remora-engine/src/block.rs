//! The engine block, cut open on the left, with liners, pan and the parts bolted on below.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use glam::{Affine3A, Vec2, Vec3};

use super::assembly::{Assembly, Group};
use super::extrude::Depth;
use super::fasteners::{Thread, facing};
use super::finish::Finish;
use super::gear::Gear;
use super::lathe::Cut;
use super::layout::{
    BANK_HALF_WIDTH, BLOCK_HALF_LENGTH, BORE_RADIUS, Bank, CYLINDER_SPACING, DECK_HEIGHT, at, main_bearing, section,
    y_to_x, z_to_x, z_to_y,
};
use super::outline::{Corner, arc, counter_clockwise, rectangle};
use super::solid::Solid;
use super::sweep::Path;

const BEARING_BORE: f32 = 0.036;
const SKIN: f32 = 0.008;
/// Height of the flange that carries the pan.
const RAIL_HEIGHT: f32 = -0.062;
const RAIL_Z: f32 = 0.132;
const PAN_DEPTH: f32 = 0.115;

pub(super) fn add(assembly: &mut Assembly, engine: Group) {
    let block = assembly.group(engine, "Block", Affine3A::IDENTITY);
    add_bulkheads(assembly, block);
    add_walls(assembly, block);
    for bank in Bank::BOTH {
        add_bank(assembly, block, bank);
    }
    add_lubrication(assembly, engine);
}

/// Returns a point of the block's section from the distances along and across the left bank.
fn bank_point(along: f32, across: f32) -> (f32, f32) {
    let half = std::f32::consts::FRAC_1_SQRT_2;
    ((along + across) * half, (along - across) * half)
}

fn add_bulkheads(assembly: &mut Assembly, block: Group) {
    let bulkhead = assembly.shape("Bulkhead", |solid| {
        let (outer, inner) = (bank_point(0.1, BANK_HALF_WIDTH), bank_point(0.1, -BANK_HALF_WIDTH));
        let segments = solid.detail().around(BEARING_BORE, PI);
        // Seen along X, right is -Z.
        let mut outline = vec![Vec2::new(0.124, 0.0)];
        outline.extend([outer, inner].map(|(z, y)| Vec2::new(z, y)));
        outline.extend([inner, outer].map(|(z, y)| Vec2::new(-z, y)));
        outline.push(Vec2::new(-0.124, 0.0));
        outline.extend(arc(Vec2::ZERO, BEARING_BORE, PI, 0.0, segments));
        solid.at(z_to_x(), |solid| {
            solid.extruded_outline(Finish::CastIron, counter_clockwise(outline), Depth::of(0.013, 0.001));
            let bearing = arc(Vec2::ZERO, BEARING_BORE, PI, 0.0, segments);
            let mut boss = arc(Vec2::ZERO, BEARING_BORE + 0.014, 0.0, PI, segments);
            boss.extend(bearing);
            solid.extruded_outline(Finish::CastIron, boss, Depth::of(0.026, 0.001));
        });
    });
    for index in 0..5 {
        assembly.part(block, format!("Bulkhead {}", index + 1), bulkhead, at(main_bearing(index), 0.0, 0.0));
    }
    let end_wall = assembly.shape("End wall", |solid| solid.at(z_to_x(), draw_end_wall));
    for (name, x) in [("Front wall", BLOCK_HALF_LENGTH), ("Rear wall", -BLOCK_HALF_LENGTH)] {
        assembly.part(block, name, end_wall, at(x, 0.0, 0.0));
    }
}

/// Draws the crankcase: closed on the right, cut back on the left to show the inside.
fn draw_end_wall(solid: &mut Solid) {
    let (outer, inner) = (bank_point(DECK_HEIGHT, BANK_HALF_WIDTH), bank_point(DECK_HEIGHT, -BANK_HALF_WIDTH));
    let segments = solid.detail().around(BEARING_BORE, PI);
    let mut outline = vec![
        Vec2::new(0.132, RAIL_HEIGHT),
        Vec2::new(0.13, -0.005),
        Vec2::new(outer.0, outer.1),
        Vec2::new(inner.0, inner.1),
        Vec2::new(0.035, 0.122),
        Vec2::new(-0.035, 0.122),
        Vec2::new(-inner.0, inner.1),
        Vec2::new(-outer.0, outer.1),
        Vec2::new(-0.13, -0.005),
        Vec2::new(-0.132, RAIL_HEIGHT),
        Vec2::new(-BEARING_BORE, RAIL_HEIGHT),
    ];
    outline.extend(arc(Vec2::ZERO, BEARING_BORE, PI, 0.0, segments));
    outline.push(Vec2::new(BEARING_BORE, RAIL_HEIGHT));
    solid.extruded_outline(Finish::BlockPaint, counter_clockwise(outline), Depth::of(0.012, 0.0015));
}

fn add_walls(assembly: &mut Assembly, block: Group) {
    let length = BLOCK_HALF_LENGTH * 2.0 - 0.012;
    assembly.single(block, "Right wall", Affine3A::IDENTITY, move |solid| {
        let outer = bank_point(DECK_HEIGHT, BANK_HALF_WIDTH);
        let corners = [
            section(-outer.0, outer.1, 0.0),
            section(-0.13, -0.005, 0.012),
            section(-RAIL_Z, RAIL_HEIGHT, 0.0),
            section(-RAIL_Z + SKIN, RAIL_HEIGHT, 0.0),
            section(-0.13 + SKIN, -0.003, 0.012),
            section(-outer.0 + SKIN * 0.7, outer.1 + SKIN * 0.7, 0.0),
        ];
        solid.at(z_to_x(), |solid| solid.extruded(Finish::BlockPaint, &corners, Depth::of(length, 0.0)));
    });
    assembly.single(block, "Left wall, cut", Affine3A::IDENTITY, move |solid| {
        let corners = [
            section(RAIL_Z - SKIN, RAIL_HEIGHT, 0.0),
            section(RAIL_Z, RAIL_HEIGHT, 0.0),
            section(0.13, -0.012, 0.0),
            section(0.13 - SKIN, -0.012, 0.0),
        ];
        solid.at(z_to_x(), |solid| solid.extruded(Finish::BlockPaint, &corners, Depth::of(length, 0.0)));
        solid.at(at(0.0, -0.0115, 0.13 - SKIN * 0.5), |solid| {
            solid.block(Finish::CutFace, Vec3::new(length, 0.001, SKIN * 1.02), 0.0, 0.0);
        });
    });
    assembly.single(block, "Valley floor", Affine3A::IDENTITY, move |solid| {
        let (z, y) = bank_point(DECK_HEIGHT, -BANK_HALF_WIDTH);
        let corners = [
            section(-z, y, 0.0),
            section(-0.035, 0.122, 0.01),
            section(0.035, 0.122, 0.01),
            section(z, y, 0.0),
            section(z - 0.004, y - 0.010, 0.0),
            section(0.033, 0.114, 0.01),
            section(-0.033, 0.114, 0.01),
            section(-z + 0.004, y - 0.010, 0.0),
        ];
        solid.at(z_to_x(), |solid| solid.extruded(Finish::BlockPaint, &corners, Depth::of(length, 0.0)));
    });
    let rib = assembly.shape("Rib", |solid| {
        let corners = [
            section(0.0, -0.075, 0.0),
            section(0.0, 0.075, 0.0),
            section(-0.012, 0.07, 0.0),
            section(-0.005, -0.075, 0.0),
        ];
        solid.at(z_to_x(), |solid| solid.extruded(Finish::BlockPaint, &corners, Depth::of(0.007, 0.001)));
    });
    let wall_middle = at(0.0, 0.052, -0.164) * Affine3A::from_rotation_x(-0.545);
    for index in 0..7 {
        let x = (index as f32 - 3.0) * 0.06;
        assembly.part(block, format!("Rib {}", index + 1), rib, at(x, 0.0, 0.0) * wall_middle);
    }
    let plug = assembly.shape("Core plug", |solid| {
        let corners = [
            Corner(0.0, -0.004, 0.0),
            Corner(0.017, -0.004, 0.0),
            Corner(0.017, 0.003, 0.001),
            Corner(0.0145, 0.003, 0.0),
            Corner(0.0135, 0.001, 0.001),
            Corner(0.0, 0.001, 0.0),
        ];
        solid.turned(Finish::Brass, &corners);
    });
    for index in 0..4 {
        let place = at((index as f32 - 1.5) * 0.12, 0.0, 0.0) * at(0.0, 0.065, -0.1725);
        let outward = Vec3::new(0.0, -0.52, -0.855);
        assembly.part(block, format!("Core plug {}", index + 1), plug, place * facing(Vec3::ZERO, outward));
    }
    let number_plate = assembly.shape("Type plate", draw_plate);
    let outward = Affine3A::from_rotation_x(-0.545) * Affine3A::from_rotation_y(PI);
    assembly.part(block, "Type plate", number_plate, at(0.0, 0.085, -0.186) * outward);
}

/// Draws the maker's plate, with the image once over its front.
pub(super) fn draw_plate(solid: &mut Solid) {
    plate(solid, 0.10, 0.025);
}

/// Draws a thin plate that faces Z and carries the label.
pub(super) fn plate(solid: &mut Solid, width: f32, height: f32) {
    solid.block(Finish::BrushedSteel, Vec3::new(width + 0.006, height + 0.006, 0.001), 0.003, 0.0);
    picture(solid, Finish::Label, width, height, 0.0006);
}

/// Draws a thin block whose front at `z`, facing Z, shows an image once.
pub(super) fn picture(solid: &mut Solid, finish: Finish, width: f32, height: f32, z: f32) {
    use super::solid::{Poles, Vertex};
    // The front comes first, then the other five sides, which show the rim of the image.
    solid.block(finish, Vec3::new(width, height, z), 0.0, 0.0);
    let shown = |u: f32, v: f32, normal: Vec3, z: f32| Vertex {
        position: Vec3::new((u - 0.5) * width, (v - 0.5) * height, z),
        normal,
        coordinates: Vec2::new(u, 1.0 - v),
    };
    let front = z + 0.0002;
    solid.patch(finish, 1, 1, Poles::default(), |column, row| shown(column as f32, row as f32, Vec3::Z, front));
    solid.patch(finish, 1, 1, Poles::default(), |column, row| {
        shown(1.0 - column as f32, row as f32, Vec3::NEG_Z, front - 0.0001)
    });
}

fn add_bank(assembly: &mut Assembly, block: Group, bank: Bank) {
    let group = assembly.group(block, format!("Cylinder bank {}", bank.name()), bank.transform());
    let deck = assembly.shape(format!("Deck {}", bank.name()), |solid| {
        let segments = solid.detail().around(BORE_RADIUS, TAU);
        let square = rectangle(CYLINDER_SPACING * 0.5, BANK_HALF_WIDTH, segments);
        solid.at(at(0.0, DECK_HEIGHT - 0.009, 0.0) * z_to_y(), |solid| {
            solid.rim(Finish::MachinedAluminium, &square, BORE_RADIUS + 0.0045, Depth::of(0.018, 0.0), 0.0);
        });
    });
    let corners = [
        Corner(BORE_RADIUS, 0.1, 0.0),
        Corner(BORE_RADIUS + 0.0045, 0.1, 0.0),
        Corner(BORE_RADIUS + 0.0045, DECK_HEIGHT - 0.012, 0.0),
        Corner(BORE_RADIUS + 0.007, DECK_HEIGHT - 0.010, 0.0),
        Corner(BORE_RADIUS + 0.007, DECK_HEIGHT - 0.001, 0.0),
        Corner(BORE_RADIUS, DECK_HEIGHT - 0.001, 0.0005),
    ];
    let liner = assembly.shape(format!("Liner {}", bank.name()), move |solid| match bank {
        // The liner is open towards the outside, so that the piston is visible.
        Bank::Left => {
            let cut = Cut { from: 1.15, to: TAU - 1.15, finish: Finish::CutFace };
            solid.turned_ring_cut(Finish::CastIron, &corners, cut);
        }
        Bank::Right => solid.turned_ring(Finish::CastIron, &corners),
    });
    for index in 0..4 {
        let (x, number) = (bank.cylinder(index), bank.number(index));
        assembly.part(group, format!("Deck {number}"), deck, at(x, 0.0, 0.0));
        assembly.part(group, format!("Liner {number}"), liner, at(x, 0.0, 0.0));
    }
    let dowel = assembly.shape("Dowel", |solid| solid.cylinder(Finish::PolishedSteel, 0.005, -0.004, 0.006, 0.001));
    for (index, x) in [-0.2, 0.2].into_iter().enumerate() {
        let name = format!("Head dowel {} {}", bank.name(), index + 1);
        assembly.part(group, name, dowel, at(x, DECK_HEIGHT, BANK_HALF_WIDTH - 0.008));
    }
}

fn add_lubrication(assembly: &mut Assembly, engine: Group) {
    let group = assembly.group(engine, "Lubrication", Affine3A::IDENTITY);
    let half = BLOCK_HALF_LENGTH + 0.004;
    assembly.single(group, "Oil pan", at(0.0, RAIL_HEIGHT, 0.0), move |solid| {
        // The pan is cut along its length, left of the middle.
        let corners = [
            section(-RAIL_Z - 0.012, 0.0, 0.0),
            section(-RAIL_Z - 0.012, -0.004, 0.0),
            section(-0.118, -0.004, 0.006),
            section(-0.098, -PAN_DEPTH, 0.02),
            section(0.055, -PAN_DEPTH, 0.0),
            section(0.055, -PAN_DEPTH + 0.004, 0.0),
            section(-0.095, -PAN_DEPTH + 0.004, 0.018),
            section(-0.114, 0.0, 0.006),
        ];
        let depth = Depth::of(half * 2.0, 0.0);
        solid.at(z_to_x(), |solid| solid.extruded(Finish::BlockPaint, &corners, depth));
        solid.at(at(0.0, -PAN_DEPTH + 0.002, 0.0555), |solid| {
            solid.block(Finish::CutFace, Vec3::new(half * 2.0, 0.0042, 0.001), 0.0, 0.0);
        });
        for x in [-half + 0.002, half - 0.002] {
            let wall = [
                section(-0.113, -0.002, 0.0),
                section(-0.096, -PAN_DEPTH + 0.002, 0.015),
                section(0.055, -PAN_DEPTH + 0.002, 0.0),
                section(0.02, -0.002, 0.05),
            ];
            let depth = Depth { faces: None, ..Depth::of(0.004, 0.0) };
            solid.at(at(x, 0.0, 0.0) * z_to_x(), |solid| solid.extruded(Finish::BlockPaint, &wall, depth));
        }
    });
    assembly.single(group, "Pan gasket", at(0.0, RAIL_HEIGHT, 0.0), move |solid| {
        solid.at(at(0.0, 0.0008, -RAIL_Z), |solid| {
            solid.block(Finish::Gasket, Vec3::new(half * 2.0, 0.0015, 0.022), 0.0, 0.0);
        });
    });
    for index in 0..16 {
        let x = (index as f32 - 7.5) * half * 2.0 / 16.5;
        let place = at(x, RAIL_HEIGHT - 0.004, -RAIL_Z - 0.006) * Affine3A::from_rotation_x(PI);
        assembly.bolt_and_washer(group, Thread::M6, 0.018, Finish::Zinc, place);
    }
    assembly.single(group, "Oil in the pan", at(-0.02, RAIL_HEIGHT - PAN_DEPTH, -0.022), |solid| {
        solid.at(at(0.0, 0.012, 0.0), |solid| solid.block(Finish::Oil, Vec3::new(0.36, 0.015, 0.14), 0.0, 0.0));
    });
    assembly.single(group, "Drain plug", at(-0.12, RAIL_HEIGHT - PAN_DEPTH, -0.04), |solid| {
        solid.cylinder(Finish::Copper, 0.012, -0.002, 0.0, 0.0);
        solid.at(at(0.0, -0.002, 0.0) * Affine3A::from_rotation_x(PI), |solid| {
            solid.at(z_to_y(), |solid| {
                let depth = Depth { from: 0.0, to: 0.009, edge: 0.001, faces: None };
                solid.extruded_outline(Finish::Brass, super::outline::circle(0.010, 6), depth);
            });
        });
    });
    add_pump(assembly, group);
    assembly.single(group, "Windage tray", at(0.0, -0.083, -0.01), |solid| {
        let corners = [
            section(-0.095, 0.018, 0.0),
            section(-0.05, -0.004, 0.03),
            section(0.05, -0.004, 0.0),
            section(0.05, -0.0025, 0.0),
            section(-0.05, -0.0025, 0.03),
            section(-0.095, 0.0195, 0.0),
        ];
        solid.at(z_to_x(), |solid| solid.extruded(Finish::Zinc, &corners, Depth::of(0.32, 0.0)));
    });
    assembly.single(
        group,
        "Oil filter",
        at(0.12, -0.03, -0.155) * facing(Vec3::ZERO, Vec3::new(0.0, -0.35, -1.0)),
        |solid| {
            solid.cylinder(Finish::CastAluminium, 0.044, -0.02, 0.006, 0.003);
            let corners = [
                Corner(0.0, 0.004, 0.0),
                Corner(0.039, 0.004, 0.002),
                Corner(0.039, 0.085, 0.01),
                Corner(0.022, 0.092, 0.004),
                Corner(0.0, 0.092, 0.0),
            ];
            solid.turned(Finish::OrangePlastic, &corners);
        },
    );
    let dip = [
        Vec3::new(-0.13, -0.06, -0.138),
        Vec3::new(-0.14, 0.03, -0.19),
        Vec3::new(-0.15, 0.14, -0.235),
        Vec3::new(-0.15, 0.24, -0.24),
    ];
    assembly.single(group, "Dipstick tube", Affine3A::IDENTITY, move |solid| {
        let path = Path::through(solid.detail(), &dip, 0.005);
        solid.bar(Finish::Zinc, &path, 0.005);
    });
    assembly.single(group, "Dipstick handle", at(-0.15, 0.255, -0.24), |solid| {
        solid.at(y_to_x(), |solid| solid.torus(Finish::OrangePlastic, 0.013, 0.0035));
    });
}

fn add_pump(assembly: &mut Assembly, group: Group) {
    let pump = assembly.group(group, "Oil pump", at(0.14, -0.115, 0.015));
    assembly.single(pump, "Housing", Affine3A::IDENTITY, |solid| {
        let corners = [
            section(-0.04, -0.026, 0.012),
            section(0.04, -0.026, 0.012),
            section(0.04, 0.026, 0.012),
            section(-0.04, 0.026, 0.012),
        ];
        solid.at(at(-0.019, 0.0, 0.0) * z_to_x(), |solid| {
            solid.extruded(Finish::CastAluminium, &corners, Depth::of(0.012, 0.001));
        });
    });
    let gear = assembly.shape("Pump gear", |solid| {
        let gear = Gear { teeth: 11, module: 0.003, width: 0.026, bore: 0.006, helix: 0.0 };
        solid.at(z_to_x(), |solid| solid.gear(Finish::HardenedSteel, gear));
    });
    let half = 0.0165;
    assembly.part(pump, "Drive gear", gear, at(0.0, 0.0, half));
    assembly.part(pump, "Idler gear", gear, at(0.0, 0.0, -half) * Affine3A::from_rotation_x(PI / 11.0));
    assembly.single(pump, "Drive shaft", at(0.0, 0.0, half), |solid| {
        solid.at(y_to_x(), |solid| solid.cylinder(Finish::PolishedSteel, 0.006, -0.03, 0.085, 0.001));
    });
    let pipe = [
        Vec3::new(-0.03, -0.015, 0.0),
        Vec3::new(-0.08, -0.02, 0.0),
        Vec3::new(-0.13, -0.03, 0.0),
        Vec3::new(-0.15, -0.046, 0.0),
    ];
    assembly.single(pump, "Pickup pipe", Affine3A::IDENTITY, move |solid| {
        let path = Path::through(solid.detail(), &pipe, 0.011);
        solid.pipe(Finish::Zinc, &path, 0.011, 0.0015);
    });
    assembly.single(pump, "Strainer", at(-0.152, -0.055, 0.0), |solid| {
        let corners = [
            Corner(0.0, -0.006, 0.0),
            Corner(0.034, -0.006, 0.002),
            Corner(0.034, 0.002, 0.002),
            Corner(0.012, 0.012, 0.006),
            Corner(0.0, 0.012, 0.0),
        ];
        solid.turned(Finish::KnurledSteel, &corners);
    });
    for (index, angle) in [0.4_f32, 2.0, 3.5, 5.1].into_iter().enumerate() {
        let place = at(-0.013, angle.sin() * 0.02, angle.cos() * 0.033) * Affine3A::from_rotation_z(-FRAC_PI_2);
        let length = if index % 2 == 0 { 0.02 } else { 0.025 };
        assembly.cap_screw(pump, Thread::M6, length, Finish::BlackenedSteel, place);
    }
}
