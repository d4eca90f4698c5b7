//! The cylinder heads: castings, covers, and the bolts that hold them. Valves and camshafts are in `valve_train`.

use std::f32::consts::TAU;

use glam::{Affine3A, Vec3};

use super::assembly::{Assembly, Group};
use super::block::plate;
use super::extrude::Depth;
use super::fasteners::Thread;
use super::finish::Finish;
use super::layout::{
    BANK_HALF_WIDTH, BLOCK_HALF_LENGTH, BORE_RADIUS, Bank, CYLINDER_SPACING, DECK_HEIGHT, at, section, y_to_z, z_to_x,
    z_to_y,
};
use super::outline::{Corner, polar, rectangle};
use super::solid::Solid;
use super::valve_train;

/// Height of the head's lower face, above its gasket.
pub(super) const HEAD_BOTTOM: f32 = DECK_HEIGHT + 0.0015;
/// Height of the plate that carries the springs.
pub(super) const SPRING_SEAT: f32 = HEAD_BOTTOM + 0.046;
/// Height of the camshafts.
pub(super) const CAM_HEIGHT: f32 = HEAD_BOTTOM + 0.128;
/// Distance from the middle of the head to each camshaft.
pub(super) const CAM_OFFSET: f32 = 0.052;
const HALF_LENGTH: f32 = BLOCK_HALF_LENGTH - 0.004;

pub(super) fn add(assembly: &mut Assembly, engine: Group) {
    let shapes = valve_train::shapes(assembly);
    for bank in Bank::BOTH {
        let head = assembly.group(engine, format!("Cylinder head {}", bank.name()), bank.transform());
        add_casting(assembly, head, bank);
        add_head_bolts(assembly, head, bank);
        add_towers(assembly, head, bank);
        valve_train::add(assembly, head, bank, &shapes);
        if bank == Bank::Right {
            add_cover(assembly, head);
        }
    }
}

fn add_casting(assembly: &mut Assembly, head: Group, bank: Bank) {
    let gasket = assembly.shape(format!("Head gasket {}", bank.name()), |solid| {
        let segments = solid.detail().around(BORE_RADIUS, TAU);
        let square = rectangle(CYLINDER_SPACING * 0.5, BANK_HALF_WIDTH + 0.001, segments);
        solid.at(at(0.0, DECK_HEIGHT + 0.0007, 0.0) * z_to_y(), |solid| {
            solid.rim(Finish::Copper, &square, BORE_RADIUS + 0.002, Depth::of(0.0015, 0.0), 0.0);
        });
    });
    for index in 0..4 {
        let name = format!("Head gasket {}", bank.number(index));
        assembly.part(head, name, gasket, at(bank.cylinder(index), 0.0, 0.0));
    }
    match bank {
        Bank::Left => {
            assembly.single(head, "Head casting, cut", Affine3A::IDENTITY, draw_cut_casting);
        }
        Bank::Right => {
            assembly.single(head, "Head casting", Affine3A::IDENTITY, |solid| {
                let top = CAM_HEIGHT - 0.018;
                let corners = [
                    section(-BANK_HALF_WIDTH, HEAD_BOTTOM, 0.0),
                    section(BANK_HALF_WIDTH, HEAD_BOTTOM, 0.0),
                    section(BANK_HALF_WIDTH + 0.004, HEAD_BOTTOM + 0.03, 0.01),
                    section(0.082, HEAD_BOTTOM + 0.07, 0.01),
                    section(0.082, top, 0.0),
                    section(-0.082, top, 0.0),
                    section(-0.082, HEAD_BOTTOM + 0.07, 0.01),
                    section(-BANK_HALF_WIDTH - 0.004, HEAD_BOTTOM + 0.03, 0.01),
                ];
                solid.at(z_to_x(), |solid| {
                    solid.extruded(Finish::CastAluminium, &corners, Depth::of(HALF_LENGTH * 2.0, 0.003));
                });
            });
        }
    }
    let flange = assembly.shape(format!("Exhaust port {}", bank.name()), |solid| {
        solid.at(y_to_z(), |solid| solid.ring(Finish::CastAluminium, 0.016, 0.023, -0.006, 0.006, 0.001));
    });
    for index in 0..4 {
        let place = at(bank.cylinder(index), HEAD_BOTTOM + 0.036, BANK_HALF_WIDTH + 0.006);
        if bank == Bank::Right {
            assembly.part(head, format!("Exhaust port {}", bank.number(index)), flange, place);
        }
    }
}

/// Draws the fire deck, the wall towards the valley and the shelf for the springs. The outer half is cut away.
fn draw_cut_casting(solid: &mut Solid) {
    let length = HALF_LENGTH * 2.0;
    let lengthwise = |solid: &mut Solid, corners: &[Corner]| {
        let depth = Depth { faces: Some(Finish::CutFace), ..Depth::of(length, 0.0) };
        solid.at(z_to_x(), |solid| solid.extruded(Finish::CastAluminium, corners, depth));
    };
    // One outline, shaped as a C around the ports, contains deck, wall and shelf.
    lengthwise(
        solid,
        &[
            section(-BANK_HALF_WIDTH, HEAD_BOTTOM, 0.0),
            section(0.008, HEAD_BOTTOM, 0.0),
            section(0.008, HEAD_BOTTOM + 0.012, 0.0),
            section(-0.03, HEAD_BOTTOM + 0.012, 0.004),
            section(-0.045, HEAD_BOTTOM + 0.03, 0.006),
            section(-0.045, SPRING_SEAT - 0.008, 0.004),
            section(0.0, SPRING_SEAT - 0.008, 0.0),
            section(0.0, SPRING_SEAT, 0.0),
            section(-0.066, SPRING_SEAT, 0.004),
            section(-0.07, CAM_HEIGHT - 0.018, 0.0),
            section(-0.082, CAM_HEIGHT - 0.018, 0.0),
            section(-0.082, HEAD_BOTTOM + 0.07, 0.01),
            section(-BANK_HALF_WIDTH - 0.004, HEAD_BOTTOM + 0.03, 0.01),
        ],
    );
    for (y, height, z) in [(HEAD_BOTTOM + 0.006, 0.0122, 0.0082), (SPRING_SEAT - 0.004, 0.0082, 0.0002)] {
        solid.at(at(0.0, y, z), |solid| {
            solid.block(Finish::CutFace, Vec3::new(length + 0.0004, height, 0.0008), 0.0, 0.0);
        });
    }
}

fn add_head_bolts(assembly: &mut Assembly, head: Group, bank: Bank) {
    for index in 0..5 {
        // The bolt stays clear of the tower.
        let x = Bank::between_cylinders(index) - 0.017;
        // Bolts stand in the valley, and outside, where the cut head shows its studs.
        let outer_height = if bank == Bank::Left { HEAD_BOTTOM + 0.002 } else { SPRING_SEAT };
        for (y, z) in [(SPRING_SEAT, -BANK_HALF_WIDTH + 0.006), (outer_height, BANK_HALF_WIDTH - 0.006)] {
            assembly.bolt_and_washer(head, Thread::M10, 0.05, Finish::BlackenedSteel, at(x, y, z));
        }
    }
}

fn add_towers(assembly: &mut Assembly, head: Group, bank: Bank) {
    let tower = assembly.shape(format!("Camshaft tower {}", bank.name()), |solid| {
        let corners = [
            section(-0.074, SPRING_SEAT - 0.002, 0.0),
            section(0.074, SPRING_SEAT - 0.002, 0.0),
            section(0.078, CAM_HEIGHT - 0.018, 0.004),
            section(0.076, CAM_HEIGHT, 0.0),
            section(-0.076, CAM_HEIGHT, 0.0),
            section(-0.078, CAM_HEIGHT - 0.018, 0.004),
        ];
        solid.at(z_to_x(), |solid| solid.extruded(Finish::MachinedAluminium, &corners, Depth::of(0.011, 0.001)));
    });
    let cap = assembly.shape(format!("Camshaft cap {}", bank.name()), |solid| {
        let corners = [
            section(-0.024, 0.0, 0.0),
            section(0.024, 0.0, 0.0),
            section(0.024, 0.010, 0.003),
            section(0.014, 0.020, 0.006),
            section(-0.014, 0.020, 0.006),
            section(-0.024, 0.010, 0.003),
        ];
        solid.at(z_to_x(), |solid| solid.extruded(Finish::MachinedAluminium, &corners, Depth::of(0.016, 0.001)));
    });
    for index in 0..5 {
        let place = at(Bank::between_cylinders(index), 0.0, 0.0);
        let tower = assembly.part(head, format!("Camshaft tower {}", index + 1), tower, place);
        for (name, z) in [("Intake cap", -CAM_OFFSET), ("Exhaust cap", CAM_OFFSET)] {
            let cap = assembly.part(tower, name, cap, at(0.0, CAM_HEIGHT, z));
            for side in [-0.0185, 0.0185] {
                assembly.bolt_and_washer(cap, Thread::M6, 0.03, Finish::Zinc, at(0.0, 0.010, side));
            }
        }
    }
}

fn add_cover(assembly: &mut Assembly, head: Group) {
    let cover = assembly.single(head, "Valve cover", at(0.0, CAM_HEIGHT - 0.018, 0.0), |solid| {
        let corners = [
            section(-0.088, 0.0, 0.0),
            section(0.088, 0.0, 0.0),
            section(0.088, 0.006, 0.002),
            section(0.080, 0.008, 0.002),
            section(0.074, 0.046, 0.012),
            section(0.028, 0.052, 0.008),
            section(0.024, 0.040, 0.004),
            section(-0.024, 0.040, 0.004),
            section(-0.028, 0.052, 0.008),
            section(-0.074, 0.046, 0.012),
            section(-0.080, 0.008, 0.002),
            section(-0.088, 0.006, 0.002),
        ];
        let depth = Depth::of(HALF_LENGTH * 2.0 + 0.008, 0.006);
        solid.at(z_to_x(), |solid| solid.extruded(Finish::CrackleRed, &corners, depth));
        for index in 0..3 {
            // The tops of the ribs are bare, because they are milled after painting.
            solid.at(at((index as f32 - 1.0) * 0.02 - 0.13, 0.0505, 0.052), |solid| {
                solid.block(Finish::PolishedAluminium, Vec3::new(0.008, 0.008, 0.035), 0.002, 0.001);
            });
        }
    });
    for side in [-1.0, 1.0] {
        for index in 0..7 {
            let place = at((index as f32 - 3.0) * 0.066, 0.006, 0.0835 * side);
            assembly.bolt_and_washer(cover, Thread::M6, 0.02, Finish::Zinc, place);
        }
    }
    assembly.single(cover, "Oil filler cap", at(-0.16, 0.050, 0.052), |solid| {
        let grip = polar(solid.detail().around(0.024, TAU).max(12), |angle| 0.023 + 0.0015 * (angle * 6.0).cos());
        solid.at(z_to_y(), |solid| {
            let depth = Depth { from: 0.0, to: 0.016, edge: 0.002, faces: None };
            solid.extruded_outline(Finish::BlackPlastic, grip, depth);
        });
        solid.at(at(0.0, 0.017, 0.0), |solid| solid.block(Finish::YellowWire, Vec3::new(0.02, 0.003, 0.005), 0.0, 0.0));
    });
    // The lettering is on the outer ridge and is read from outside.
    let lettering = Affine3A::from_rotation_x(0.13 - std::f32::consts::FRAC_PI_2);
    assembly.single(cover, "Cover plate", at(0.0, 0.0497, 0.051) * lettering, |solid| plate(solid, 0.136, 0.034));
    assembly.single(cover, "Breather", at(0.17, 0.048, 0.05), |solid| {
        let corners = [
            Corner(0.0, -0.004, 0.0),
            Corner(0.013, -0.004, 0.0),
            Corner(0.013, 0.006, 0.0),
            Corner(0.009, 0.008, 0.0),
            Corner(0.009, 0.026, 0.0),
            Corner(0.0105, 0.028, 0.001),
            Corner(0.009, 0.031, 0.001),
            Corner(0.0, 0.031, 0.0),
        ];
        solid.turned(Finish::Brass, &corners);
        solid.cylinder(Finish::FilterPaper, 0.0125, 0.009, 0.025, 0.001);
    });
    let rivet = assembly.shape("Rivet", |solid| solid.cylinder(Finish::Chrome, 0.0022, -0.001, 0.0016, 0.0008));
    for (index, x) in [-0.0775, 0.0775].into_iter().enumerate() {
        assembly.part(cover, format!("Rivet {}", index + 1), rivet, at(x, 0.0495, 0.051));
    }
}
