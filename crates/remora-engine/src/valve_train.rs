//! Valves, their springs, camshafts, and the chains that drive them.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use glam::{Affine3A, Vec2, Vec3};

use super::assembly::{Assembly, Group, Shape};
use super::extrude::Depth;
use super::fasteners::Thread;
use super::finish::Finish;
use super::heads::{CAM_HEIGHT, CAM_OFFSET, HEAD_BOTTOM, SPRING_SEAT};
use super::layout::{BLOCK_HALF_LENGTH, Bank, CRANK_ANGLE, at, y_to_x, z_to_x};
use super::outline::{Corner, polar};
use super::solid::Solid;
use super::sweep::{Path, around_wheels};

/// Angle by which valves lean outwards.
const VALVE_ANGLE: f32 = 0.27;
/// Distance of the valve's head from the middle of the cylinder.
const SEAT_OFFSET: f32 = 0.0195;
const VALVE_LENGTH: f32 = 0.098;
const BASE_CIRCLE: f32 = 0.0155;
const LIFT: f32 = 0.0085;
/// Offset of each valve of a pair along the cylinder row.
const PAIR_OFFSET: f32 = 0.0185;
const CHAIN_PITCH: f32 = 0.009525;
const CAM_TEETH: u32 = 30;
const CRANK_TEETH: u32 = 15;
/// Height of the bucket: twice the clearance that keeps the lobe from cutting into it.
const BUCKET_HEIGHT: f32 = 0.022;

struct ValveShapes {
    intake: Shape,
    exhaust: Shape,
    outer_spring: Shape,
    inner_spring: Shape,
    retainer: Shape,
    collet: Shape,
    bucket: Shape,
    guide: Shape,
    seal: Shape,
    seat: Shape,
}

/// Shapes of the camshafts, their drive and the valves.
pub(super) struct Shapes {
    valves: ValveShapes,
    shaft: Shape,
    wheel: Shape,
    crank_wheel: Shape,
    lobe: Shape,
    journal: Shape,
    outer_link: Shape,
    inner_link: Shape,
}

/// Shapes that both banks share.
pub(super) fn shapes(assembly: &mut Assembly) -> Shapes {
    Shapes {
        valves: valve_shapes(assembly),
        shaft: assembly.shape("Camshaft", |solid| {
            let half = BLOCK_HALF_LENGTH;
            solid.at(y_to_x(), |solid| solid.ring(Finish::ForgedSteel, 0.005, 0.0105, -half, half + 0.02, 0.001));
        }),
        wheel: assembly.shape("Camshaft wheel", |solid| {
            let finish = Finish::BlackenedSteel;
            solid.at(z_to_x(), |solid| solid.chain_wheel(finish, CAM_TEETH, CHAIN_PITCH, 0.005, 0.036));
            solid.at(y_to_x(), |solid| {
                solid.ring(finish, 0.013, 0.037, -0.0015, 0.0015, 0.0);
                solid.cylinder(finish, 0.018, -0.006, 0.005, 0.001);
            });
        }),
        crank_wheel: assembly.shape("Crankshaft wheel", |solid| {
            solid.at(z_to_x(), |solid| {
                solid.chain_wheel(Finish::BlackenedSteel, CRANK_TEETH, CHAIN_PITCH, 0.005, 0.0165);
            });
        }),
        lobe: assembly.shape("Cam lobe", draw_lobe),
        journal: assembly.shape("Camshaft journal", |solid| {
            solid.at(y_to_x(), |solid| solid.cylinder(Finish::PolishedSteel, 0.0125, -0.009, 0.009, 0.001));
        }),
        outer_link: assembly.shape("Outer link", |solid| draw_link(solid, 0.0040, Finish::BrushedSteel)),
        inner_link: assembly.shape("Inner link", |solid| draw_link(solid, 0.0029, Finish::SpringSteel)),
    }
}

pub(super) fn add(assembly: &mut Assembly, head: Group, bank: Bank, shapes: &Shapes) {
    let train = assembly.group(head, "Valve train", Affine3A::IDENTITY);
    for (side, name) in [(-1.0, "Intake"), (1.0, "Exhaust")] {
        let row = assembly.group(train, format!("{name} valves"), Affine3A::IDENTITY);
        let camshaft = add_camshaft(assembly, train, bank, side, name, shapes);
        for index in 0..4 {
            let phase = cam_phase(bank, index, side);
            for (end, offset) in [-PAIR_OFFSET, PAIR_OFFSET].into_iter().enumerate() {
                let x = bank.cylinder(index) + offset;
                let number = index * 2 + end + 1;
                assembly.part(
                    camshaft,
                    format!("Lobe {number}"),
                    shapes.lobe,
                    at(x, 0.0, 0.0) * Affine3A::from_rotation_x(phase),
                );
                let place =
                    at(x, HEAD_BOTTOM + 0.001, SEAT_OFFSET * side) * Affine3A::from_rotation_x(VALVE_ANGLE * side);
                let valve = assembly.group(row, format!("{name} valve {number}"), place);
                add_valve(assembly, valve, &shapes.valves, side, lift_at(phase, side));
            }
        }
    }
    add_chain(assembly, train, bank, shapes);
}

/// Returns the angle at which the tip of a lobe points, from Y towards Z.
fn cam_phase(bank: Bank, index: usize, side: f32) -> f32 {
    let crank = CRANK_ANGLE + super::layout::throw_angle(index);
    bank.front() * (crank * 0.5 + index as f32 * FRAC_PI_2) + side * 0.95
}

/// Returns the outline of a lobe, beginning at its tip.
fn lobe_radius(from_tip: f32) -> f32 {
    let part = ((1.05 - from_tip.abs()) / 1.05).max(0.0);
    BASE_CIRCLE + LIFT * part * part * (3.0 - 2.0 * part)
}

fn lift_at(phase: f32, side: f32) -> f32 {
    // The lobe meets the bucket opposite to the lean of the valve.
    let toward_valve = PI + VALVE_ANGLE * side;
    let from_tip = (toward_valve - phase + PI).rem_euclid(TAU) - PI;
    lobe_radius(from_tip) - BASE_CIRCLE
}

fn draw_lobe(solid: &mut Solid) {
    let segments = solid.detail().around(BASE_CIRCLE + LIFT, TAU).max(7);
    // The tip points to Y.
    let outline = polar(segments, |angle| lobe_radius((angle - FRAC_PI_2 + PI).rem_euclid(TAU) - PI));
    solid.at(z_to_x(), |solid| solid.extruded_outline(Finish::HardenedSteel, outline, Depth::of(0.014, 0.0008)));
}

fn valve_shapes(assembly: &mut Assembly) -> ValveShapes {
    let valve = |assembly: &mut Assembly, name: &str, radius: f32, finish: Finish, face: Finish| {
        assembly.shape(name, move |solid| {
            let corners = [
                Corner(0.0, 0.0, 0.0),
                Corner(radius, 0.0, 0.0),
                Corner(radius, 0.002, 0.0),
                Corner(radius - 0.003, 0.0055, 0.002),
                Corner(0.003, 0.017, 0.014),
                Corner(0.003, VALVE_LENGTH, 0.0005),
                Corner(0.0, VALVE_LENGTH, 0.0),
            ];
            solid.turned(finish, &corners);
            solid.cylinder(face, radius * 0.8, -0.0006, 0.001, 0.0);
        })
    };
    let spring = |assembly: &mut Assembly, name: &str, finish: Finish, radius: f32, wire: f32, turns: f32| {
        assembly.shape(name, move |solid| {
            solid.spring(finish, radius, wire, SPRING_HEIGHT, turns);
        })
    };
    ValveShapes {
        intake: valve(assembly, "Intake valve", 0.0165, Finish::ValveSteel, Finish::PolishedSteel),
        exhaust: valve(assembly, "Exhaust valve", 0.0145, Finish::Stellite, Finish::Soot),
        outer_spring: spring(assembly, "Outer valve spring", Finish::SpringSteel, 0.0122, 0.0017, 5.0),
        inner_spring: spring(assembly, "Inner valve spring", Finish::TitaniumNitride, 0.0082, 0.0012, 6.0),
        retainer: assembly.shape("Spring retainer", |solid| {
            let corners = [
                Corner(0.004, -0.003, 0.0),
                Corner(0.0075, -0.003, 0.0),
                Corner(0.0075, 0.0, 0.001),
                Corner(0.0142, 0.0, 0.0),
                Corner(0.0142, 0.003, 0.0005),
                Corner(0.004, 0.003, 0.0),
            ];
            solid.turned_ring(Finish::AnodisedBlue, &corners);
        }),
        collet: assembly.shape("Collet", |solid| {
            let cut = super::lathe::Cut { from: 0.1, to: PI - 0.1, finish: Finish::Brass };
            let corners = [
                Corner(0.003, 0.0, 0.0),
                Corner(0.0042, 0.0, 0.0),
                Corner(0.0055, 0.006, 0.0),
                Corner(0.003, 0.006, 0.0),
            ];
            solid.turned_ring_cut(Finish::Brass, &corners, cut);
        }),
        bucket: assembly.shape("Bucket tappet", |solid| {
            let corners = [
                Corner(0.0, BUCKET_HEIGHT - 0.003, 0.0),
                Corner(0.0150, BUCKET_HEIGHT - 0.003, 0.002),
                Corner(0.0155, 0.006, 0.0),
                Corner(0.017, 0.006, 0.0),
                Corner(0.017, BUCKET_HEIGHT, 0.001),
                Corner(0.0, BUCKET_HEIGHT, 0.0),
            ];
            solid.turned(Finish::PolishedSteel, &corners);
        }),
        guide: assembly.shape("Valve guide", |solid| solid.ring(Finish::Bronze, 0.0031, 0.0062, 0.024, 0.062, 0.001)),
        seal: assembly.shape("Stem seal", |solid| solid.ring(Finish::GreenWire, 0.0031, 0.0072, 0.060, 0.069, 0.001)),
        seat: assembly.shape("Valve seat", |solid| {
            let corners = [
                Corner(0.0125, 0.001, 0.0),
                Corner(0.0182, 0.001, 0.0),
                Corner(0.0182, 0.008, 0.0),
                Corner(0.0125, 0.008, 0.0),
            ];
            solid.turned_ring(Finish::BearingShell, &corners);
        }),
    }
}

const SPRING_HEIGHT: f32 = 0.040;

fn add_valve(assembly: &mut Assembly, valve: Group, shapes: &ValveShapes, side: f32, lift: f32) {
    let shape = if side < 0.0 { shapes.intake } else { shapes.exhaust };
    let seat = SPRING_SEAT - HEAD_BOTTOM + 0.002;
    // Parts that follow the cam are children of the valve; parts that stay are its siblings.
    let stem = assembly.part(valve, "Valve", shape, at(0.0, -lift, 0.0));
    assembly.part(stem, "Retainer", shapes.retainer, at(0.0, seat + SPRING_HEIGHT, 0.0));
    for (name, angle) in [("Collet front", 0.0), ("Collet rear", PI)] {
        let place = at(0.0, seat + SPRING_HEIGHT - 0.002, 0.0) * Affine3A::from_rotation_y(angle);
        assembly.part(stem, name, shapes.collet, place);
    }
    assembly.part(stem, "Bucket", shapes.bucket, at(0.0, VALVE_LENGTH - 0.019, 0.0));
    let pressed = (SPRING_HEIGHT - lift) / SPRING_HEIGHT;
    let spring = at(0.0, seat, 0.0) * Affine3A::from_scale(Vec3::new(1.0, pressed, 1.0));
    assembly.part(valve, "Outer spring", shapes.outer_spring, spring);
    assembly.part(valve, "Inner spring", shapes.inner_spring, spring);
    assembly.part(valve, "Guide", shapes.guide, Affine3A::IDENTITY);
    assembly.part(valve, "Stem seal", shapes.seal, Affine3A::IDENTITY);
    assembly.part(valve, "Seat", shapes.seat, Affine3A::IDENTITY);
}

fn add_camshaft(assembly: &mut Assembly, train: Group, bank: Bank, side: f32, name: &str, shapes: &Shapes) -> Group {
    let camshaft = assembly.group(train, format!("{name} camshaft"), at(0.0, CAM_HEIGHT, CAM_OFFSET * side));
    let toward_front = Affine3A::from_rotation_y(if bank == Bank::Left { 0.0 } else { PI });
    assembly.part(camshaft, "Shaft", shapes.shaft, toward_front);
    for index in 0..5 {
        let x = Bank::between_cylinders(index);
        assembly.part(camshaft, format!("Journal {}", index + 1), shapes.journal, at(x, 0.0, 0.0));
    }
    let x = bank.front() * chain_plane(bank);
    assembly.part(camshaft, "Chain wheel", shapes.wheel, at(x, 0.0, 0.0));
    for index in 0..3 {
        let angle = TAU * index as f32 / 3.0 + 0.4;
        let place = at(x + bank.front() * 0.0015, angle.cos() * 0.026, angle.sin() * 0.026);
        let outward = Affine3A::from_rotation_z(-FRAC_PI_2 * bank.front());
        assembly.bolt(camshaft, Thread::M6, 0.012, Finish::Zinc, place * outward);
    }
    camshaft
}

/// Returns the plane of a bank's chain. The two chains run one behind the other.
fn chain_plane(bank: Bank) -> f32 {
    BLOCK_HALF_LENGTH + if bank == Bank::Left { 0.024 } else { 0.012 }
}

fn wheel_radius(teeth: u32) -> f32 {
    CHAIN_PITCH / (2.0 * (PI / teeth as f32).sin())
}

fn add_chain(assembly: &mut Assembly, train: Group, bank: Bank, shapes: &Shapes) {
    let x = bank.front() * chain_plane(bank);
    let chain = assembly.group(train, "Timing chain", at(x, 0.0, 0.0));
    assembly.part(chain, "Crankshaft wheel", shapes.crank_wheel, Affine3A::IDENTITY);
    // The path is in the plane of Z and Y, counter-clockwise when seen against X. Z to the right would mirror it.
    let wheels = [
        (Vec2::new(0.0, 0.0), wheel_radius(CRANK_TEETH)),
        (Vec2::new(CAM_OFFSET, CAM_HEIGHT), wheel_radius(CAM_TEETH)),
        (Vec2::new(-CAM_OFFSET, CAM_HEIGHT), wheel_radius(CAM_TEETH)),
    ];
    for (index, (point, direction)) in around_wheels(&wheels, CHAIN_PITCH).into_iter().enumerate() {
        let angle = direction.y.atan2(direction.x);
        // The link lies along Z.
        let place = at(0.0, point.y, point.x) * Affine3A::from_rotation_x(-angle);
        let (name, shape) =
            if index % 2 == 0 { ("Outer link", shapes.outer_link) } else { ("Inner link", shapes.inner_link) };
        assembly.part(chain, format!("{name} {}", index + 1), shape, place);
    }
    let guide = assembly.shape(format!("Chain guide {}", bank.name()), |solid| {
        let points: Vec<Vec3> = (0..=8)
            .map(|step| {
                let part = step as f32 / 8.0;
                Vec3::new(0.0, 0.06 + 0.22 * part, 0.004 * (part * PI).sin())
            })
            .collect();
        let path = Path::through(solid.detail(), &points, 0.05);
        let section = vec![
            Vec2::new(-0.006, -0.006),
            Vec2::new(0.006, -0.006),
            Vec2::new(0.006, 0.006),
            Vec2::new(-0.006, 0.006),
        ];
        solid.swept(Finish::GreyPlastic, &path, section);
    });
    for (name, side) in [("Tensioner rail", 1.0), ("Guide rail", -1.0)] {
        let place = at(0.0, 0.0, 0.034 * side) * Affine3A::from_rotation_x(0.155 * side);
        assembly.part(chain, name, guide, place);
    }
}

/// Draws two plates with their rollers along Z; `gap` is the distance from the middle to the plates.
fn draw_link(solid: &mut Solid, gap: f32, finish: Finish) {
    let (half, radius, plate) = (CHAIN_PITCH * 0.5, 0.0038, 0.001);
    if !solid.detail().shows(0.0022) {
        solid.block(finish, Vec3::new((gap + plate) * 2.0, radius * 1.6, CHAIN_PITCH * 1.5), 0.0, 0.0);
        return;
    }
    let segments = solid.detail().around(radius, PI).max(2);
    let mut outline = super::outline::arc(Vec2::new(half, 0.0), radius, -FRAC_PI_2, FRAC_PI_2, segments);
    outline.extend(super::outline::arc(Vec2::new(-half, 0.0), radius, FRAC_PI_2, 3.0 * FRAC_PI_2, segments));
    for side in [-1.0, 1.0] {
        let depth = Depth::of(plate, 0.0);
        solid.at(at((gap + plate * 0.5) * side, 0.0, 0.0) * z_to_x(), |solid| {
            solid.extruded_outline(finish, outline.clone(), depth);
        });
    }
    for z in [-half, half] {
        solid.at(at(0.0, 0.0, z) * y_to_x(), |solid| {
            solid.cylinder(Finish::PolishedSteel, 0.0026, -gap - plate * 1.4, gap + plate * 1.4, 0.0);
        });
    }
}
