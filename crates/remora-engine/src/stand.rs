//! The stand that the engine is shown on.

use std::f32::consts::{FRAC_PI_2, PI};

use glam::{Affine3A, Vec3};

use super::assembly::{Assembly, Group};
use super::fasteners::{Thread, facing};
use super::finish::Finish;
use super::layout::{at, y_to_z};
use super::outline::Corner;
use super::sweep::Path;

const RAIL_HEIGHT: f32 = -0.26;
const RAIL_Z: f32 = 0.215;
/// Positions of the cross members.
const CROSSES: [f32; 3] = [0.30, -0.18, -0.62];
const TUBE: f32 = 0.04;

pub(super) fn add(assembly: &mut Assembly, engine: Group) {
    let stand = assembly.group(engine, "Stand", Affine3A::IDENTITY);
    add_frame(assembly, stand);
    add_casters(assembly, stand);
    add_mounts(assembly, stand);
    assembly.single(stand, "Name plate", at(-0.18, RAIL_HEIGHT, RAIL_Z + TUBE * 0.5 + 0.0005), |solid| {
        super::block::plate(solid, 0.16, 0.034);
    });
}

fn add_frame(assembly: &mut Assembly, stand: Group) {
    let length = CROSSES[0] - CROSSES[2] + TUBE;
    let middle = (CROSSES[0] + CROSSES[2]) * 0.5;
    let rail = assembly.shape("Rail", move |solid| {
        solid.at(Affine3A::from_rotation_y(FRAC_PI_2), |solid| {
            solid.block(Finish::FrameCoat, Vec3::new(TUBE, TUBE, length), 0.005, 0.0);
        });
    });
    let cross = assembly.shape("Cross member", |solid| {
        solid.block(Finish::FrameCoat, Vec3::new(TUBE, TUBE, RAIL_Z * 2.0 - TUBE), 0.005, 0.0);
    });
    assembly.part(stand, "Left rail", rail, at(middle, RAIL_HEIGHT, RAIL_Z));
    assembly.part(stand, "Right rail", rail, at(middle, RAIL_HEIGHT, -RAIL_Z));
    let gusset = assembly.shape("Gusset", |solid| {
        let corners = [
            Corner(-0.035, -0.035, 0.004),
            Corner(0.035, -0.035, 0.004),
            Corner(0.035, 0.035, 0.004),
            Corner(-0.035, 0.035, 0.004),
        ];
        let depth = super::extrude::Depth { from: 0.0, to: 0.005, edge: 0.0008, faces: None };
        solid.at(super::layout::z_to_y(), |solid| solid.extruded(Finish::Zinc, &corners, depth));
    });
    for (index, x) in CROSSES.into_iter().enumerate() {
        assembly.part(stand, format!("Cross member {}", index + 1), cross, at(x, RAIL_HEIGHT, 0.0));
        for side in [-1.0, 1.0] {
            let name = format!("Gusset {} {}", index + 1, if side > 0.0 { "left" } else { "right" });
            let gusset = assembly.part(stand, name, gusset, at(x, RAIL_HEIGHT + TUBE * 0.5, (RAIL_Z - 0.022) * side));
            for (x, z) in [(-0.024, -0.024), (0.024, -0.024), (-0.024, 0.024), (0.024, 0.024)] {
                assembly.bolt_and_washer(gusset, Thread::M8, 0.05, Finish::Zinc, at(x, 0.005, z));
            }
        }
    }
}

fn add_casters(assembly: &mut Assembly, stand: Group) {
    let plate =
        assembly.shape("Caster plate", |solid| solid.block(Finish::Zinc, Vec3::new(0.06, 0.004, 0.05), 0.0, 0.0005));
    let fork = assembly.shape("Caster fork", |solid| {
        solid.cylinder(Finish::Zinc, 0.014, -0.012, 0.0, 0.001);
        for z in [-0.016, 0.016] {
            solid.at(at(-0.006, -0.034, z), |solid| {
                solid.block(Finish::Zinc, Vec3::new(0.022, 0.048, 0.003), 0.006, 0.0005);
            });
        }
        solid.at(at(-0.004, -0.011, 0.0), |solid| solid.block(Finish::Zinc, Vec3::new(0.024, 0.003, 0.034), 0.0, 0.0));
    });
    let rim = assembly.shape("Caster rim", |solid| {
        solid.at(y_to_z(), |solid| solid.ring(Finish::PolishedAluminium, 0.006, 0.022, -0.010, 0.010, 0.002));
    });
    let tyre = assembly.shape("Caster tyre", |solid| {
        solid.at(y_to_z(), |solid| solid.ring(Finish::TyreRubber, 0.0215, 0.030, -0.0115, 0.0115, 0.004));
    });
    let axle = assembly.shape("Caster axle", |solid| {
        solid.at(y_to_z(), |solid| solid.cylinder(Finish::PolishedSteel, 0.006, -0.021, 0.021, 0.001));
    });
    for x in [CROSSES[0] - 0.02, CROSSES[2] + 0.02] {
        for side in [-1.0, 1.0] {
            let name = format!(
                "Caster {} {}",
                if x > 0.0 { "front" } else { "rear" },
                if side > 0.0 { "left" } else { "right" }
            );
            let place = at(x, RAIL_HEIGHT - TUBE * 0.5, RAIL_Z * side) * Affine3A::from_rotation_y(0.4 * side + x);
            let caster = assembly.group(stand, name, place);
            assembly.part(caster, "Plate", plate, at(0.0, -0.002, 0.0));
            assembly.part(caster, "Fork", fork, at(0.0, -0.004, 0.0));
            let wheel = assembly.part(caster, "Rim", rim, at(-0.010, -0.052, 0.0));
            assembly.part(wheel, "Tyre", tyre, Affine3A::IDENTITY);
            assembly.part(wheel, "Axle", axle, Affine3A::IDENTITY);
            for (x, z) in [(-0.022, -0.017), (0.022, -0.017), (-0.022, 0.017), (0.022, 0.017)] {
                assembly.bolt(caster, Thread::M6, 0.02, Finish::Zinc, at(x, -0.004, z) * Affine3A::from_rotation_x(PI));
            }
        }
    }
}

/// Draws posts with rubber bushes beside the block, and one below the gear box.
fn add_mounts(assembly: &mut Assembly, stand: Group) {
    let post = assembly.shape("Mount post", |solid| {
        let path = Path::through(
            solid.detail(),
            &[
                Vec3::new(0.0, RAIL_HEIGHT + 0.015, RAIL_Z),
                Vec3::new(0.0, RAIL_HEIGHT + 0.10, RAIL_Z),
                Vec3::new(0.0, -0.085, 0.185),
                Vec3::new(0.0, -0.045, 0.155),
            ],
            0.018,
        );
        solid.bar(Finish::FrameCoat, &path, 0.018);
    });
    let bush = assembly.shape("Mount bush", |solid| {
        let corners = [
            Corner(0.0, -0.014, 0.0),
            Corner(0.026, -0.014, 0.003),
            Corner(0.022, 0.0, 0.006),
            Corner(0.026, 0.014, 0.003),
            Corner(0.0, 0.014, 0.0),
        ];
        solid.turned(Finish::HoseRubber, &corners);
    });
    let bracket = assembly.shape("Mount bracket", |solid| {
        solid.block(Finish::BlackenedSteel, Vec3::new(0.075, 0.055, 0.008), 0.006, 0.001);
    });
    for side in [-1.0, 1.0] {
        let turned = Affine3A::from_rotation_y(if side > 0.0 { 0.0 } else { PI });
        for x in [0.13, -0.13] {
            let name = format!(
                "Mount {} {}",
                if x > 0.0 { "front" } else { "rear" },
                if side > 0.0 { "left" } else { "right" }
            );
            let mount = assembly.group(stand, name, at(x, 0.0, 0.0) * turned);
            assembly.part(mount, "Post", post, Affine3A::IDENTITY);
            assembly.part(mount, "Bush", bush, facing(Vec3::new(0.0, -0.040, 0.152), Vec3::new(0.0, 0.8, -0.6)));
            let bracket = assembly.part(mount, "Bracket", bracket, at(0.0, -0.034, 0.137));
            for (x, y) in [(-0.03, -0.02), (0.03, -0.02), (-0.03, 0.02), (0.03, 0.02)] {
                assembly.bolt_and_washer(bracket, Thread::M8, 0.025, Finish::YellowZinc, at(x, y, 0.004) * y_to_z());
            }
        }
    }
    let support = assembly.group(stand, "Gear box support", at(CROSSES[2] + 0.06, 0.0, 0.0));
    assembly.single(support, "Beam", at(0.0, -0.185, 0.0), |solid| {
        solid.at(at(0.0, -0.022, 0.0), |solid| {
            solid.block(Finish::FrameCoat, Vec3::new(0.05, 0.02, RAIL_Z * 2.0 - TUBE), 0.003, 0.001);
        });
        for z in [-0.15, 0.15] {
            solid.at(at(0.0, -0.044, z), |solid| {
                solid.block(Finish::FrameCoat, Vec3::new(0.04, 0.032, 0.04), 0.003, 0.0);
            });
        }
    });
    for (name, z) in [("Left bush", 0.03), ("Right bush", -0.03)] {
        assembly.part(support, name, bush, at(0.0, -0.180, z));
    }
}
