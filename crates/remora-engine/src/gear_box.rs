//! The gear box: six speeds on two shafts, in a case whose upper left half is cut away.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use glam::{Affine3A, Vec3};

use super::assembly::{Assembly, Group, Shape};
use super::clutch::BELL_END;
use super::extrude::Depth;
use super::fasteners::Thread;
use super::finish::Finish;
use super::gear::Gear;
use super::layout::{at, section, y_to_x, z_to_x};
use super::outline::{Corner, polar};
use super::solid::Solid;

/// Sum of the teeth of every meshing pair. It is constant, so that one distance between the shafts suits all pairs.
const TEETH_OF_PAIR: u32 = 48;
const MODULE: f32 = 0.003;
const SHAFT_DISTANCE: f32 = MODULE * TEETH_OF_PAIR as f32 * 0.5;
const FACE_WIDTH: f32 = 0.017;
const HELIX: f32 = 0.35;
const CASE_LENGTH: f32 = 0.30;
/// Teeth on the lower shaft, and position of the pair from the front of the case.
const PAIRS: [(u32, f32); 7] =
    [(18, 0.030), (32, 0.066), (29, 0.104), (26, 0.140), (23, 0.178), (20, 0.214), (16, 0.250)];
/// Positions of the sleeves, each between two gears.
const SLEEVES: [f32; 3] = [0.085, 0.159, 0.232];
/// Outer outline of the case and its ends, from the near side along the floor and the far side to the cut at the top.
const OUTLINE: [Corner; 6] = [
    section(-0.060, -0.105, 0.0),
    section(-0.045, -0.158, 0.02),
    section(0.045, -0.158, 0.02),
    section(0.085, -0.105, 0.02),
    section(0.085, 0.045, 0.03),
    section(0.05, 0.075, 0.02),
];
const NEEDLES: usize = 14;
const BALLS: usize = 10;

pub(super) fn add(assembly: &mut Assembly, engine: Group) {
    // X counts rearwards from the front of the case.
    let place = at(BELL_END, 0.0, 0.0) * Affine3A::from_rotation_y(PI);
    let gear_box = assembly.group(engine, "Gear box", place);
    add_case(assembly, gear_box);
    let main = assembly.group(gear_box, "Main shaft", Affine3A::from_rotation_x(0.1));
    let lay = assembly.group(gear_box, "Lay shaft", at(0.0, -SHAFT_DISTANCE, 0.0));
    add_shafts(assembly, gear_box, main, lay);
    add_gears(assembly, main, lay);
    add_sleeves(assembly, gear_box, main);
    add_bearings(assembly, gear_box);
    add_output(assembly, main);
}

fn add_case(assembly: &mut Assembly, gear_box: Group) {
    let length = CASE_LENGTH;
    assembly.single(gear_box, "Case, cut", at(length * 0.5, 0.0, 0.0), move |solid| {
        // From the front, these are the floor and the far wall, which is at +Z in this frame.
        let wall = 0.007;
        let inside = [
            section(0.012, 0.079, 0.0),
            section(0.012, 0.079 - wall, 0.0),
            section(0.046, 0.075 - wall, 0.018),
            section(0.085 - wall, 0.043, 0.028),
            section(0.085 - wall, -0.103, 0.018),
            section(0.041, -0.158 + wall, 0.018),
            section(-0.041, -0.158 + wall, 0.018),
            section(-0.060 + wall, -0.105, 0.0),
        ];
        let corners: Vec<Corner> = OUTLINE.into_iter().chain(inside).collect();
        let depth = Depth { faces: None, ..Depth::of(length, 0.0) };
        solid.at(z_to_x(), |solid| solid.extruded(Finish::CastAluminium, &corners, depth));
        for (y, z, height, width) in [(0.0755, 0.0115, wall, 0.0012), (-0.1047, -0.0565, 0.0012, wall)] {
            solid.at(at(0.0, y, z), |solid| {
                solid.block(Finish::CutFace, Vec3::new(length * 1.001, height, width), 0.0, 0.0);
            });
        }
        for index in 0..8 {
            let x = (index as f32 - 3.5) * length / 8.0;
            solid.at(at(x, -0.03, 0.0875), |solid| {
                solid.block(Finish::CastAluminium, Vec3::new(0.006, 0.13, 0.007), 0.0, 0.001);
            });
        }
    });
    let end = assembly.shape("Case end", |solid| {
        let closing = [section(-0.035, 0.06, 0.02), section(-0.052, 0.0, 0.03)];
        let corners: Vec<Corner> = OUTLINE.into_iter().chain(closing).collect();
        solid.at(z_to_x(), |solid| solid.extruded(Finish::CastAluminium, &corners, Depth::of(0.012, 0.001)));
    });
    for (name, x) in [("Front end", 0.004), ("Rear end", CASE_LENGTH)] {
        let plate = assembly.part(gear_box, name, end, at(x, 0.0, 0.0));
        let out = if x < 0.1 { FRAC_PI_2 } else { -FRAC_PI_2 };
        for (y, z) in [
            (-0.148, -0.03),
            (-0.148, 0.03),
            (-0.10, 0.077),
            (-0.03, 0.077),
            (0.04, 0.075),
            (0.064, 0.03),
            (-0.09, -0.05),
            (-0.03, -0.045),
            (0.045, -0.03),
        ] {
            let place = at(-0.006 * out.signum(), y, z) * Affine3A::from_rotation_z(out);
            assembly.bolt_and_washer(plate, Thread::M8, 0.03, Finish::Zinc, place);
        }
    }
    for index in 0..9 {
        let x = 0.024 + index as f32 * 0.0315;
        assembly.bolt_and_washer(
            gear_box,
            Thread::M6,
            0.02,
            Finish::Zinc,
            at(x, 0.0785, 0.028) * Affine3A::from_rotation_x(0.1),
        );
    }
    assembly.single(gear_box, "Sight glass", at(0.15, -0.115, 0.0885), |solid| {
        solid.at(super::layout::y_to_z(), |solid| {
            solid.ring(Finish::Brass, 0.010, 0.014, -0.004, 0.004, 0.001);
            solid.cylinder(Finish::Amber, 0.0102, -0.002, 0.002, 0.0);
        });
    });
}

fn add_shafts(assembly: &mut Assembly, gear_box: Group, main: Group, lay: Group) {
    assembly.single(main, "Shaft", Affine3A::IDENTITY, |solid| {
        let corners = [
            Corner(0.0, -0.100, 0.0),
            Corner(0.0095, -0.100, 0.001),
            Corner(0.0095, -0.030, 0.0),
            Corner(0.0145, -0.028, 0.001),
            Corner(0.0145, CASE_LENGTH + 0.03, 0.001),
            Corner(0.0115, CASE_LENGTH + 0.032, 0.0),
            Corner(0.0115, CASE_LENGTH + 0.05, 0.001),
            Corner(0.0, CASE_LENGTH + 0.05, 0.0),
        ];
        solid.at(y_to_x(), |solid| solid.turned(Finish::PolishedSteel, &corners));
    });
    assembly.single(lay, "Shaft", Affine3A::IDENTITY, |solid| {
        solid.at(y_to_x(), |solid| solid.cylinder(Finish::ForgedSteel, 0.016, -0.002, CASE_LENGTH + 0.004, 0.001));
    });
    for (index, (y, z)) in [(0.052, 0.034), (0.058, 0.012), (0.050, -0.008)].into_iter().enumerate() {
        assembly.single(gear_box, format!("Selector rail {}", index + 1), at(0.0, y, z), |solid| {
            solid.at(y_to_x(), |solid| solid.cylinder(Finish::PolishedSteel, 0.005, 0.0, CASE_LENGTH, 0.0005));
        });
    }
}

fn add_gears(assembly: &mut Assembly, main: Group, lay: Group) {
    let needle = assembly.shape("Needle roller", |solid| {
        solid.at(y_to_x(), |solid| solid.cylinder(Finish::BearingSteel, 0.0014, -0.007, 0.007, 0.0));
    });
    for (index, (teeth, x)) in PAIRS.into_iter().enumerate() {
        let upper = TEETH_OF_PAIR - teeth;
        let number = index + 1;
        let pair_gear = |teeth: u32, bore: f32, hand: f32| Gear {
            teeth,
            module: MODULE,
            width: FACE_WIDTH,
            bore,
            helix: HELIX * hand,
        };
        let (on_lay, on_main) = (pair_gear(teeth, 0.016, 1.0), pair_gear(upper, 0.0175, -1.0));
        let finish = if index % 3 == 2 { Finish::ForgedSteel } else { Finish::HardenedSteel };
        // At the line between the shafts, a gap of one gear meets a tooth of the other.
        let lay_turn = FRAC_PI_2 + if teeth % 4 == 0 { 0.0 } else { PI / teeth as f32 };
        assembly.single(
            lay,
            format!("Lay gear {number}"),
            at(x, 0.0, 0.0) * Affine3A::from_rotation_x(lay_turn),
            move |solid| {
                solid.at(z_to_x(), |solid| solid.gear(finish, on_lay));
            },
        );
        let place = at(x, 0.0, 0.0);
        let gear = assembly.single(main, format!("Main gear {number}"), place, move |solid| {
            solid.at(z_to_x(), |solid| solid.gear(finish, on_main));
        });
        for roller in 0..NEEDLES {
            let (sine, cosine) = (TAU * roller as f32 / NEEDLES as f32).sin_cos();
            assembly.part(gear, format!("Needle {}", roller + 1), needle, at(0.0, 0.016 * cosine, 0.016 * sine));
        }
    }
}

fn add_sleeves(assembly: &mut Assembly, gear_box: Group, main: Group) {
    let hub = assembly.shape("Synchroniser hub", |solid| {
        let gear = Gear { teeth: 36, module: 0.0014, width: 0.012, bore: 0.0145, helix: 0.0 };
        solid.at(z_to_x(), |solid| solid.gear(Finish::ForgedSteel, gear));
    });
    let sleeve = assembly.shape("Shift sleeve", |solid| {
        let corners = [
            Corner(0.0265, -0.009, 0.0),
            Corner(0.036, -0.009, 0.001),
            Corner(0.036, -0.004, 0.0),
            Corner(0.032, -0.0035, 0.0),
            Corner(0.032, 0.0035, 0.0),
            Corner(0.036, 0.004, 0.0),
            Corner(0.036, 0.009, 0.001),
            Corner(0.0265, 0.009, 0.0),
        ];
        solid.at(y_to_x(), |solid| solid.turned_ring(Finish::KnurledSteel, &corners));
    });
    let ring = assembly.shape("Synchroniser ring", |solid| {
        let gear = Gear { teeth: 36, module: 0.0014, width: 0.003, bore: 0.021, helix: 0.0 };
        solid.at(z_to_x(), |solid| solid.gear(Finish::Bronze, gear));
    });
    let key = assembly.shape("Synchroniser key", |solid| {
        solid.block(Finish::BlackenedSteel, Vec3::new(0.014, 0.004, 0.006), 0.001, 0.0);
    });
    let fork = assembly.shape("Selector fork", draw_fork);
    for (index, x) in SLEEVES.into_iter().enumerate() {
        let unit = assembly.group(main, format!("Synchroniser {}", index + 1), at(x, 0.0, 0.0));
        assembly.part(unit, "Hub", hub, Affine3A::IDENTITY);
        assembly.part(unit, "Sleeve", sleeve, Affine3A::IDENTITY);
        assembly.part(unit, "Front ring", ring, at(-0.0085, 0.0, 0.0));
        assembly.part(unit, "Rear ring", ring, at(0.0085, 0.0, 0.0));
        for number in 0..3 {
            let place = Affine3A::from_rotation_x(TAU * number as f32 / 3.0) * at(0.0, 0.0255, 0.0);
            assembly.part(unit, format!("Key {}", number + 1), key, place);
        }
        assembly.part(gear_box, format!("Selector fork {}", index + 1), fork, at(x, 0.0, 0.0));
    }
}

/// Draws a claw that reaches half around the sleeve, with a boss above for its rail.
fn draw_fork(solid: &mut Solid) {
    let cut = super::lathe::Cut { from: 0.2, to: PI - 0.2, finish: Finish::Brass };
    let corners = [
        Corner(0.0325, -0.003, 0.0),
        Corner(0.043, -0.003, 0.001),
        Corner(0.043, 0.003, 0.001),
        Corner(0.0325, 0.003, 0.0),
    ];
    let above = Affine3A::from_rotation_x(-FRAC_PI_2) * y_to_x();
    solid.at(above, |solid| solid.turned_ring_cut(Finish::Brass, &corners, cut));
    solid.at(at(0.0, 0.050, 0.010) * y_to_x(), |solid| solid.ring(Finish::Brass, 0.005, 0.011, -0.010, 0.010, 0.001));
}

fn add_bearings(assembly: &mut Assembly, gear_box: Group) {
    let race = |assembly: &mut Assembly, name: &str, inner: f32, outer: f32| {
        assembly.shape(name, move |solid| {
            solid.at(y_to_x(), |solid| solid.ring(Finish::BearingSteel, inner, outer, -0.007, 0.007, 0.001));
        })
    };
    let inner = race(assembly, "Inner race", 0.0145, 0.0195);
    let outer = race(assembly, "Outer race", 0.0275, 0.0325);
    let ball = assembly.shape("Bearing ball", |solid| solid.ball(Finish::BearingSteel, 0.0042));
    let cage = assembly.shape("Bearing cage", |solid| {
        let outline = polar(solid.detail().around(0.024, TAU), |angle| 0.0242 + 0.0012 * (angle * BALLS as f32).cos());
        solid.at(z_to_x(), |solid| solid.rim(Finish::Brass, &outline, 0.0222, Depth::of(0.003, 0.0), 0.0));
    });
    for (name, x, y) in [
        ("Main front bearing", -0.006, 0.0),
        ("Main rear bearing", CASE_LENGTH + 0.011, 0.0),
        ("Lay front bearing", 0.0155, -SHAFT_DISTANCE),
        ("Lay rear bearing", CASE_LENGTH - 0.014, -SHAFT_DISTANCE),
    ] {
        add_bearing(assembly, gear_box, name, at(x, y, 0.0), [inner, outer, cage, ball]);
    }
}

fn add_bearing(
    assembly: &mut Assembly,
    gear_box: Group,
    name: &str,
    place: Affine3A,
    [inner, outer, cage, ball]: [Shape; 4],
) {
    let bearing = assembly.group(gear_box, name, place);
    assembly.part(bearing, "Inner race", inner, Affine3A::IDENTITY);
    assembly.part(bearing, "Outer race", outer, Affine3A::IDENTITY);
    assembly.part(bearing, "Cage", cage, Affine3A::IDENTITY);
    for index in 0..BALLS {
        let (sine, cosine) = (TAU * index as f32 / BALLS as f32).sin_cos();
        assembly.part(bearing, format!("Ball {}", index + 1), ball, at(0.0, 0.0235 * cosine, 0.0235 * sine));
    }
}

fn add_output(assembly: &mut Assembly, main: Group) {
    let flange = assembly.single(main, "Output flange", at(CASE_LENGTH + 0.034, 0.0, 0.0), |solid| {
        let corners = [
            Corner(0.0116, -0.014, 0.0),
            Corner(0.024, -0.014, 0.002),
            Corner(0.026, -0.002, 0.004),
            Corner(0.052, 0.0, 0.001),
            Corner(0.052, 0.009, 0.001),
            Corner(0.030, 0.009, 0.0),
            Corner(0.029, 0.005, 0.0),
            Corner(0.0116, 0.005, 0.0),
        ];
        solid.at(y_to_x(), |solid| solid.turned_ring(Finish::BrushedSteel, &corners));
    });
    for index in 0..6 {
        let (sine, cosine) = (TAU * index as f32 / 6.0).sin_cos();
        let place = at(0.0, 0.041 * cosine, 0.041 * sine) * Affine3A::from_rotation_z(FRAC_PI_2);
        assembly.bolt(flange, Thread::M10, 0.03, Finish::YellowZinc, place);
    }
    assembly.nut(flange, Thread::M12, Finish::Zinc, at(0.012, 0.0, 0.0) * Affine3A::from_rotation_z(-FRAC_PI_2));
}
