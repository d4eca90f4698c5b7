//! Spark plugs, coils, sensors, wiring, and the instruments on the stand.

use std::f32::consts::{FRAC_PI_2, PI};

use glam::{Affine3A, Vec3};

use super::assembly::{Assembly, Group};
use super::block::picture;
use super::extrude::Depth;
use super::fasteners::Thread;
use super::finish::Finish;
use super::heads::HEAD_BOTTOM;
use super::layout::{Bank, at, y_to_z, z_to_y};
use super::outline::{Corner, circle};
use super::sweep::Path;

pub(super) fn add(assembly: &mut Assembly, engine: Group) {
    let electrics = assembly.group(engine, "Electrics", Affine3A::IDENTITY);
    add_ignition(assembly, electrics);
    add_harness(assembly, electrics);
    add_control_unit(assembly, electrics);
    add_sensors(assembly, electrics);
    add_instruments(assembly, electrics);
}

fn add_ignition(assembly: &mut Assembly, electrics: Group) {
    let shell = assembly.shape("Spark plug shell", |solid| {
        let corners = [
            Corner(0.003, 0.0, 0.0),
            Corner(0.006, 0.0, 0.0),
            Corner(0.006, 0.018, 0.0),
            Corner(0.0085, 0.020, 0.0),
            Corner(0.0085, 0.024, 0.0),
            Corner(0.003, 0.024, 0.0),
        ];
        solid.turned_ring(Finish::Nickel, &corners);
        solid.at(z_to_y(), |solid| {
            let depth = Depth { from: 0.024, to: 0.033, edge: 0.0005, faces: None };
            solid.extruded_outline(Finish::Nickel, circle(0.0095, 6), depth);
        });
        // This is the electrode's hook.
        solid.at(at(0.0, -0.002, 0.003), |solid| solid.block(Finish::Nickel, Vec3::new(0.002, 0.001, 0.006), 0.0, 0.0));
    });
    let insulator = assembly.shape("Spark plug insulator", |solid| {
        let corners = [
            Corner(0.0, -0.001, 0.0),
            Corner(0.002, -0.001, 0.0),
            Corner(0.0029, 0.010, 0.0),
            Corner(0.0055, 0.033, 0.0),
            Corner(0.0050, 0.050, 0.0015),
            Corner(0.0, 0.050, 0.0),
        ];
        solid.turned(Finish::Ceramic, &corners);
    });
    let terminal =
        assembly.shape("Spark plug terminal", |solid| solid.cylinder(Finish::Brass, 0.003, 0.050, 0.057, 0.001));
    let washer =
        assembly.shape("Spark plug washer", |solid| solid.ring(Finish::Copper, 0.006, 0.0085, 0.0, 0.0018, 0.0));
    let coil = assembly.shape("Ignition coil", |solid| {
        solid.cylinder(Finish::HoseRubber, 0.0085, 0.044, 0.098, 0.001);
        solid.at(at(0.0, 0.112, 0.0), |solid| {
            solid.block(Finish::BlackPlastic, Vec3::new(0.034, 0.028, 0.024), 0.004, 0.0015);
        });
    });
    let connector = assembly.shape("Coil connector", |solid| {
        solid.block(Finish::GreyPlastic, Vec3::new(0.014, 0.012, 0.018), 0.002, 0.0005);
    });
    for bank in Bank::BOTH {
        let group = assembly.group(electrics, format!("Ignition {}", bank.name()), bank.transform());
        for index in 0..4 {
            let number = bank.number(index);
            let place = at(bank.cylinder(index), HEAD_BOTTOM + 0.004, 0.0);
            let plug = assembly.group(group, format!("Spark plug {number}"), place);
            assembly.part(plug, "Shell", shell, Affine3A::IDENTITY);
            assembly.part(plug, "Insulator", insulator, Affine3A::IDENTITY);
            assembly.part(plug, "Terminal", terminal, Affine3A::IDENTITY);
            assembly.part(plug, "Washer", washer, at(0.0, 0.0175, 0.0));
            // The coils are above the right bank's cover. On the left, two are raised to show the plugs.
            let lifted = if bank == Bank::Left && index % 2 == 0 { 0.07 } else { 0.032 };
            let coil = assembly.part(group, format!("Ignition coil {number}"), coil, place * at(0.0, lifted, 0.0));
            assembly.part(coil, "Connector", connector, at(0.0, 0.114, -0.019));
        }
    }
}

fn wire(assembly: &mut Assembly, parent: Group, name: String, finish: Finish, points: Vec<Vec3>, radius: f32) {
    assembly.single(parent, name, Affine3A::IDENTITY, move |solid| {
        let path = Path::through(solid.detail(), &points, radius);
        solid.bar(finish, &path, radius);
    });
}

fn add_harness(assembly: &mut Assembly, electrics: Group) {
    let colors = [Finish::RedWire, Finish::YellowWire, Finish::GreenWire, Finish::BlueWire];
    let harness = assembly.group(electrics, "Harness", Affine3A::IDENTITY);
    let clip = assembly.shape("Harness clip", |solid| {
        solid.at(super::layout::y_to_x(), |solid| {
            solid.ring(Finish::BlackPlastic, 0.0068, 0.009, -0.004, 0.004, 0.0005);
        });
    });
    for bank in Bank::BOTH {
        let side = bank.front();
        let lane = |x: f32| Vec3::new(x, PASSAGE_HEIGHT, 0.142 * side);
        wire(
            assembly,
            harness,
            format!("Loom {}", bank.name()),
            Finish::BlackPlastic,
            vec![lane(0.2), lane(0.06), lane(-0.08), lane(-0.21)],
            0.0068,
        );
        for index in 0..4 {
            let lifted = if bank == Bank::Left && index % 2 == 0 { 0.07 } else { 0.032 };
            let plug = Vec3::new(bank.cylinder(index), HEAD_BOTTOM + 0.118 + lifted, -0.028);
            let plug = bank.transform().transform_point3(plug);
            for (strand, offset) in [(0, -0.003), (1, 0.003)] {
                let points = vec![
                    plug + Vec3::new(offset, 0.0, 0.0),
                    plug + Vec3::new(offset - 0.004, 0.004, -0.022 * side),
                    lane(plug.x - 0.025) + Vec3::new(offset, 0.016, 0.004 * side),
                    lane(plug.x - 0.06) + Vec3::new(0.0, 0.004, 0.0),
                ];
                let color = colors[(index + strand) % colors.len()];
                wire(
                    assembly,
                    harness,
                    format!("Coil wire {}.{}", bank.number(index), strand + 1),
                    color,
                    points,
                    0.0016,
                );
            }
            assembly.part(
                harness,
                format!("Clip {}", bank.number(index)),
                clip,
                Affine3A::from_translation(lane(plug.x + 0.02)),
            );
        }
    }
    for (index, color) in colors.into_iter().enumerate() {
        let apart = 0.0045 * index as f32;
        let points = vec![
            Vec3::new(-0.205, PASSAGE_HEIGHT, -0.135 - apart),
            Vec3::new(-0.25, PASSAGE_HEIGHT - 0.02, -0.145 - apart),
            Vec3::new(-0.30, 0.215, -0.135 - apart),
            Vec3::new(-0.355, 0.14, -0.065 - apart),
            CONTROL_UNIT + Vec3::new(0.088, 0.0, -0.032 - apart),
        ];
        wire(assembly, harness, format!("Trunk wire {}", index + 1), color, points, 0.0022);
    }
}

/// Position on the closed half of the gear box.
const CONTROL_UNIT: Vec3 = Vec3::new(-0.48, 0.108, -0.05);

/// Height of the passage of the looms, beside the injectors.
const PASSAGE_HEIGHT: f32 = 0.328;

fn add_control_unit(assembly: &mut Assembly, electrics: Group) {
    let unit = assembly.group(electrics, "Control unit", Affine3A::from_translation(CONTROL_UNIT));
    assembly.single(unit, "Housing", Affine3A::IDENTITY, |solid| {
        solid.at(z_to_y(), |solid| solid.block(Finish::AnodisedBlack, Vec3::new(0.15, 0.11, 0.022), 0.008, 0.002));
    });
    let fin = assembly
        .shape("Cooling fin", |solid| solid.block(Finish::AnodisedBlack, Vec3::new(0.0025, 0.010, 0.096), 0.0, 0.0));
    for index in 0..16 {
        let x = (index as f32 - 7.5) * 0.0082;
        assembly.part(unit, format!("Cooling fin {}", index + 1), fin, at(x, 0.0155, 0.0));
    }
    let socket = assembly.shape("Control unit socket", |solid| {
        solid.block(Finish::OrangePlastic, Vec3::new(0.016, 0.016, 0.045), 0.002, 0.001);
    });
    for (index, z) in [-0.026, 0.026].into_iter().enumerate() {
        assembly.part(unit, format!("Socket {}", index + 1), socket, at(0.08, 0.0, z));
    }
    for (x, z) in [(-0.068, -0.048), (-0.068, 0.048), (0.068, -0.048), (0.068, 0.048)] {
        assembly.cap_screw(unit, Thread::M5, 0.03, Finish::Zinc, at(x, 0.011, z));
    }
    let spacer = assembly.shape("Spacer", |solid| solid.cylinder(Finish::Brass, 0.006, -0.034, -0.010, 0.0005));
    for (index, x) in [-0.05, 0.05].into_iter().enumerate() {
        assembly.part(unit, format!("Spacer {}", index + 1), spacer, at(x, 0.0, 0.02));
    }
}

fn add_sensors(assembly: &mut Assembly, electrics: Group) {
    let sensor = assembly.shape("Sensor", |solid| {
        solid.at(z_to_y(), |solid| {
            let depth = Depth { from: 0.0, to: 0.008, edge: 0.0005, faces: None };
            solid.extruded_outline(Finish::Brass, circle(0.0095, 6), depth);
        });
        solid.cylinder(Finish::BlackPlastic, 0.0065, 0.008, 0.022, 0.001);
        solid.at(at(0.0, 0.026, 0.0), |solid| {
            solid.block(Finish::GreyPlastic, Vec3::new(0.013, 0.010, 0.011), 0.001, 0.0005);
        });
    });
    let places = [
        ("Knock sensor 1", at(0.10, 0.121, 0.0)),
        ("Knock sensor 2", at(-0.10, 0.121, 0.0)),
        ("Oil pressure sensor", at(0.05, -0.02, -0.133) * Affine3A::from_rotation_x(-FRAC_PI_2)),
        ("Coolant sensor", at(0.205, 0.14, -0.02)),
        ("Crankshaft sensor", at(-0.19, -0.02, -0.133) * Affine3A::from_rotation_x(-FRAC_PI_2)),
        ("Boost sensor", at(-0.15, 0.345, -0.03)),
        ("Air temperature sensor", at(0.165, 0.347, 0.0)),
        ("Oil level sensor", at(-0.02, -0.175, -0.05) * Affine3A::from_rotation_x(PI)),
    ];
    for (name, place) in places {
        assembly.part(electrics, name, sensor, place);
    }
}

/// Draws a small panel on a post at the left front of the stand.
fn add_instruments(assembly: &mut Assembly, electrics: Group) {
    let place = at(0.26, -0.135, 0.275) * Affine3A::from_rotation_x(-0.5);
    let panel = assembly.group(electrics, "Instrument panel", place);
    assembly.single(panel, "Panel", Affine3A::IDENTITY, |solid| {
        solid.block(Finish::BrushedSteel, Vec3::new(0.25, 0.095, 0.006), 0.01, 0.001);
    });
    let housing = assembly.shape("Gauge housing", |solid| {
        let corners = [
            Corner(0.0, -0.022, 0.0),
            Corner(0.030, -0.022, 0.002),
            Corner(0.030, 0.0, 0.0),
            Corner(0.034, 0.001, 0.0),
            Corner(0.034, 0.006, 0.0025),
            Corner(0.029, 0.006, 0.0),
            Corner(0.029, 0.0025, 0.0),
            Corner(0.0, 0.0025, 0.0),
        ];
        solid.at(at(0.0, 0.0, 0.003) * y_to_z(), |solid| solid.turned(Finish::Chrome, &corners));
    });
    let dial = assembly.shape("Gauge dial", |solid| {
        solid.at(at(0.0, 0.0, 0.0058), |solid| picture(solid, Finish::Dial, 0.04, 0.04, 0.0004));
    });
    let needle = assembly.shape("Gauge needle", |solid| {
        solid.at(at(0.0, 0.008, 0.0068), |solid| {
            solid.block(Finish::RedLamp, Vec3::new(0.0016, 0.024, 0.0006), 0.0, 0.0);
        });
        solid.at(at(0.0, 0.0, 0.0066) * y_to_z(), |solid| {
            solid.cylinder(Finish::BlackPlastic, 0.003, 0.0, 0.0015, 0.0005);
        });
    });
    let glass = assembly.shape("Gauge glass", |solid| {
        solid.at(at(0.0, 0.0, 0.0085) * y_to_z(), |solid| solid.cylinder(Finish::Glass, 0.0288, -0.0006, 0.0006, 0.0));
    });
    for (index, (name, angle)) in [("Oil pressure", 0.6_f32), ("Speed", -0.7), ("Boost", 1.5)].into_iter().enumerate() {
        let x = (index as f32 - 1.0) * 0.076;
        let gauge = assembly.part(panel, format!("{name} gauge"), housing, at(x, 0.006, 0.0));
        assembly.part(gauge, "Dial", dial, Affine3A::IDENTITY);
        assembly.part(gauge, "Needle", needle, Affine3A::from_rotation_z(angle));
        assembly.part(gauge, "Glass", glass, Affine3A::IDENTITY);
    }
    let lamp = |assembly: &mut Assembly, name: &str, finish: Finish| {
        assembly.shape(name, move |solid| {
            solid.at(at(0.0, 0.0, 0.003) * y_to_z(), |solid| {
                solid.ring(Finish::Chrome, 0.0042, 0.0058, -0.001, 0.002, 0.0005);
                solid.ball(finish, 0.0043);
            });
        })
    };
    let green = lamp(assembly, "Green lamp", Finish::GreenLamp);
    let red = lamp(assembly, "Red lamp", Finish::RedLamp);
    for index in 0..6 {
        let place = at((index as f32 - 2.5) * 0.032, -0.038, 0.0);
        let shape = if index == 4 { red } else { green };
        assembly.part(panel, format!("Lamp {}", index + 1), shape, place);
    }
    let switch = assembly.shape("Key switch", |solid| {
        solid.at(at(0.0, 0.0, 0.003) * y_to_z(), |solid| {
            solid.cylinder(Finish::KnurledSteel, 0.0075, -0.002, 0.009, 0.001);
            solid.at(at(0.0, 0.013, 0.0), |solid| solid.block(Finish::Brass, Vec3::new(0.002, 0.012, 0.010), 0.0, 0.0));
        });
    });
    assembly.part(panel, "Key switch", switch, at(0.112, -0.036, 0.0));
    for (x, y) in [(-0.118, 0.04), (0.118, 0.04), (-0.118, -0.04), (0.118, -0.024)] {
        let place = at(x, y, 0.003) * y_to_z();
        assembly.cap_screw(panel, Thread::M4, 0.012, Finish::BlackenedSteel, place);
    }
    let post = [Vec3::new(0.26, -0.25, 0.225), Vec3::new(0.26, -0.20, 0.235), Vec3::new(0.26, -0.14, 0.268)];
    assembly.single(electrics, "Panel post", Affine3A::IDENTITY, move |solid| {
        let path = Path::through(solid.detail(), &post, 0.011);
        solid.bar(Finish::FrameCoat, &path, 0.011);
    });
}
