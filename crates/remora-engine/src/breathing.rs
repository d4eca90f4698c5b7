//! Air in and gas out: plenum, runners, injectors, exhaust manifold, hoses and their clamps.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use glam::{Affine3A, Vec3};

use super::assembly::{Assembly, Group, Shape};
use super::extrude::Depth;
use super::fasteners::{Thread, facing};
use super::finish::Finish;
use super::heads::HEAD_BOTTOM;
use super::layout::{BANK_HALF_WIDTH, Bank, at, section, y_to_x, y_to_z, z_to_x, z_to_y};
use super::outline::{Corner, polar};
use super::sweep::Path;

pub(super) const PLENUM_HEIGHT: f32 = 0.315;
const PLENUM_LENGTH: f32 = 0.38;
/// Heights above the head's lower face, on its inner and outer side.
const PORT_HEIGHT: f32 = HEAD_BOTTOM + 0.036;

pub(super) fn add(assembly: &mut Assembly, engine: Group) {
    let intake = assembly.group(engine, "Intake", Affine3A::IDENTITY);
    add_plenum(assembly, intake);
    add_runners(assembly, intake);
    add_injection(assembly, intake);
    add_exhaust(assembly, engine);
}

fn add_plenum(assembly: &mut Assembly, intake: Group) {
    let plenum = assembly.single(intake, "Plenum", at(0.0, PLENUM_HEIGHT, 0.0), |solid| {
        let corners = [
            section(-0.044, -0.028, 0.014),
            section(0.044, -0.028, 0.014),
            section(0.05, 0.012, 0.018),
            section(0.028, 0.034, 0.018),
            section(-0.028, 0.034, 0.018),
            section(-0.05, 0.012, 0.018),
        ];
        solid.at(z_to_x(), |solid| solid.extruded(Finish::CastAluminium, &corners, Depth::of(PLENUM_LENGTH, 0.006)));
    });
    assembly.single(plenum, "Cover", at(0.0, 0.0345, 0.0), |solid| {
        solid.at(z_to_y(), |solid| solid.block(Finish::Carbon, Vec3::new(0.30, 0.056, 0.004), 0.012, 0.0012));
    });
    assembly.single(plenum, "Cover plate", at(0.0, 0.0372, 0.0) * Affine3A::from_rotation_x(-FRAC_PI_2), |solid| {
        super::block::plate(solid, 0.15, 0.0375);
    });
    for (x, z) in [(-0.14, -0.021), (-0.14, 0.021), (0.14, -0.021), (0.14, 0.021)] {
        assembly.cap_screw(plenum, Thread::M5, 0.016, Finish::AnodisedBlack, at(x, 0.0365, z));
    }
    let body = assembly.group(plenum, "Throttle body", at(PLENUM_LENGTH * 0.5, 0.0, 0.0) * y_to_x());
    assembly.single(body, "Housing", Affine3A::IDENTITY, |solid| {
        let corners = [
            Corner(0.031, -0.002, 0.0),
            Corner(0.040, -0.002, 0.0),
            Corner(0.040, 0.006, 0.002),
            Corner(0.036, 0.008, 0.002),
            Corner(0.036, 0.044, 0.0),
            Corner(0.038, 0.047, 0.001),
            Corner(0.036, 0.052, 0.001),
            Corner(0.031, 0.052, 0.0),
        ];
        solid.turned_ring(Finish::MachinedAluminium, &corners);
        solid.at(at(0.0, 0.024, 0.048), |solid| {
            solid.block(Finish::BlackPlastic, Vec3::new(0.034, 0.032, 0.03), 0.006, 0.002);
        });
    });
    assembly.single(body, "Butterfly", at(0.0, 0.026, 0.0) * Affine3A::from_rotation_z(0.9), |solid| {
        solid.cylinder(Finish::Brass, 0.0305, -0.0008, 0.0008, 0.0);
    });
    assembly.single(body, "Butterfly shaft", at(0.0, 0.026, 0.0), |solid| {
        solid.at(y_to_z(), |solid| solid.cylinder(Finish::PolishedSteel, 0.004, -0.045, 0.045, 0.0005));
    });
    for index in 0..4 {
        let (sine, cosine) = (TAU * (index as f32 + 0.5) / 4.0).sin_cos();
        assembly.cap_screw(body, Thread::M5, 0.02, Finish::BlackenedSteel, at(0.0375 * sine, 0.0065, 0.0375 * cosine));
    }
}

/// Converts a point and a direction from a bank's frame to the engine's.
fn seen(bank: Bank, point: Vec3) -> Vec3 {
    bank.transform().transform_point3(point)
}

fn add_runners(assembly: &mut Assembly, intake: Group) {
    let flange = assembly.shape("Runner flange", |solid| {
        let outline =
            polar(solid.detail().around(0.03, TAU).max(12), |angle| 0.0225 + 0.010 * (2.0 * angle).cos().max(0.0));
        solid.at(z_to_y(), |solid| {
            let depth = Depth { from: 0.0, to: 0.007, edge: 0.0008, faces: None };
            solid.extruded_outline(Finish::MachinedAluminium, outline, depth);
        });
    });
    let gasket = assembly.shape("Runner gasket", |solid| solid.ring(Finish::Gasket, 0.016, 0.023, -0.001, 0.0005, 0.0));
    for bank in Bank::BOTH {
        let side = bank.front();
        let group = assembly.group(intake, format!("Runners {}", bank.name()), Affine3A::IDENTITY);
        for index in 0..4 {
            let (x, number) = (bank.cylinder(index), bank.number(index));
            let port = seen(bank, Vec3::new(x, PORT_HEIGHT, -BANK_HALF_WIDTH - 0.004));
            let away = bank.transform().transform_vector3(Vec3::new(0.0, 0.25, -1.0)).normalize();
            let start = Vec3::new(side * x * 0.94, PLENUM_HEIGHT - 0.004, 0.04 * side);
            let over = Vec3::new(side * x * 0.97, PLENUM_HEIGHT + 0.006, 0.085 * side);
            let bend = port + away * 0.03 + Vec3::new(0.0, 0.012, 0.02 * side);
            let points = [start, over, bend, port];
            assembly.single(group, format!("Runner {number}"), Affine3A::IDENTITY, move |solid| {
                let path = Path::through(solid.detail(), &points, 0.018);
                solid.bar(Finish::PolishedAluminium, &path, 0.0175);
            });
            let arrival = facing(port, (bend - port).normalize());
            let flange = assembly.part(group, format!("Runner flange {number}"), flange, arrival);
            assembly.part(flange, "Gasket", gasket, Affine3A::IDENTITY);
            for x in [-0.027, 0.027] {
                assembly.bolt(flange, Thread::M6, 0.02, Finish::Zinc, at(x, 0.007, 0.0));
            }
        }
    }
}

fn add_injection(assembly: &mut Assembly, intake: Group) {
    let body = assembly.shape("Injector", |solid| {
        let corners = [
            Corner(0.0, -0.026, 0.0),
            Corner(0.0035, -0.026, 0.0),
            Corner(0.0035, -0.016, 0.0),
            Corner(0.0065, -0.014, 0.0),
            Corner(0.0065, 0.010, 0.001),
            Corner(0.0045, 0.012, 0.0),
            Corner(0.0045, 0.024, 0.0),
            Corner(0.0, 0.024, 0.0),
        ];
        solid.turned(Finish::Nickel, &corners);
    });
    let connector = assembly.shape("Injector connector", |solid| {
        solid.at(at(0.0, 0.004, 0.012), |solid| {
            solid.block(Finish::GreenWire, Vec3::new(0.011, 0.014, 0.014), 0.002, 0.0005);
        });
    });
    let seal = assembly.shape("Injector seal", |solid| solid.torus(Finish::TyreRubber, 0.0043, 0.0014));
    let clip =
        assembly.shape("Injector clip", |solid| solid.ring(Finish::SpringSteel, 0.0045, 0.0085, 0.012, 0.0135, 0.0));
    for bank in Bank::BOTH {
        let side = bank.front();
        let (y, z) = (PLENUM_HEIGHT + 0.030, 0.112 * side);
        let rail = assembly.single(intake, format!("Fuel rail {}", bank.name()), at(0.0, y, z), |solid| {
            solid.at(y_to_x(), |solid| solid.cylinder(Finish::AnodisedBlue, 0.0095, -0.2, 0.2, 0.001));
            for x in [-0.205, 0.205] {
                solid
                    .at(at(x, 0.0, 0.0) * y_to_x(), |solid| solid.cylinder(Finish::Brass, 0.006, -0.012, 0.012, 0.001));
            }
        });
        for index in 0..4 {
            let place = at(side * bank.cylinder(index), -0.024, 0.008 * side) * Affine3A::from_rotation_x(-0.3 * side);
            let injector = assembly.part(rail, format!("Injector {}", bank.number(index)), body, place);
            assembly.part(
                injector,
                "Connector",
                connector,
                Affine3A::from_rotation_y(if side > 0.0 { 0.0 } else { PI }),
            );
            assembly.part(injector, "Upper seal", seal, at(0.0, 0.019, 0.0));
            assembly.part(injector, "Lower seal", seal, at(0.0, -0.021, 0.0));
            assembly.part(injector, "Clip", clip, Affine3A::IDENTITY);
        }
        for x in [-0.1, 0.1] {
            let bracket = assembly.single(
                rail,
                format!("Bracket {}", if x < 0.0 { "rear" } else { "front" }),
                at(x, -0.014, -0.02 * side),
                |solid| {
                    solid.block(Finish::BrushedSteel, Vec3::new(0.016, 0.012, 0.036), 0.003, 0.0005);
                },
            );
            assembly.cap_screw(bracket, Thread::M6, 0.018, Finish::Zinc, at(0.0, 0.006, 0.0));
        }
    }
}

/// Draws the exhaust manifold on the right bank only, because the left one is cut away.
fn add_exhaust(assembly: &mut Assembly, engine: Group) {
    let bank = Bank::Right;
    let exhaust = assembly.group(engine, "Exhaust", Affine3A::IDENTITY);
    let flange = assembly.shape("Exhaust flange", |solid| {
        let outline =
            polar(solid.detail().around(0.035, TAU).max(12), |angle| 0.024 + 0.013 * (2.0 * angle).cos().max(0.0));
        solid.at(z_to_y(), |solid| {
            let depth = Depth { from: 0.0, to: 0.009, edge: 0.001, faces: None };
            solid.extruded_outline(Finish::StainlessSteel, outline, depth);
        });
    });
    let gasket =
        assembly.shape("Exhaust gasket", |solid| solid.ring(Finish::Copper, 0.017, 0.025, -0.0012, 0.0004, 0.0));
    let collector = Vec3::new(-0.235, 0.03, -0.285);
    for index in 0..4 {
        let (x, number) = (bank.cylinder(index), bank.number(index));
        let port = seen(bank, Vec3::new(x, PORT_HEIGHT, BANK_HALF_WIDTH + 0.012));
        let away = bank.transform().transform_vector3(Vec3::Z);
        let bend = port + away * 0.045 + Vec3::new(-0.012, 0.0, -0.012);
        let along =
            Vec3::new((bend.x + collector.x) * 0.5, 0.066 - index as f32 * 0.005, -0.300 + 0.006 * index as f32);
        let end = collector + Vec3::new(0.03, 0.012 * (index % 2) as f32, 0.012 * (index / 2) as f32);
        // The last runner drops straight into the collector.
        let points = if index == 3 { vec![port, bend, end] } else { vec![port, bend, along, end] };
        assembly.single(exhaust, format!("Primary pipe {number}"), Affine3A::IDENTITY, move |solid| {
            let path = Path::through(solid.detail(), &points, 0.019);
            solid.bar(Finish::TintedSteel, &path, 0.0185);
        });
        let flange = assembly.part(exhaust, format!("Exhaust flange {number}"), flange, facing(port, away));
        assembly.part(flange, "Gasket", gasket, Affine3A::IDENTITY);
        for x in [-0.031, 0.031] {
            assembly.nut(flange, Thread::M8, Finish::Copper, at(x, 0.009, 0.0));
        }
    }
    let rise = [
        collector + Vec3::new(0.035, 0.004, 0.004),
        collector + Vec3::new(-0.015, 0.0, 0.0),
        Vec3::new(-0.268, 0.085, -0.255),
        Vec3::new(-0.250, 0.175, -0.165),
        Vec3::new(-0.240, 0.225, -0.070),
        Vec3::new(-0.240, 0.275, -0.046),
    ];
    assembly.single(exhaust, "Collector", Affine3A::IDENTITY, move |solid| {
        let path = Path::through(solid.detail(), &rise, 0.03);
        solid.tapered(Finish::TintedSteel, &path, |part| 0.036 - 0.011 * (part * 4.0).min(1.0));
    });
    assembly.single(
        exhaust,
        "Oxygen sensor",
        facing(Vec3::new(-0.268, 0.135, -0.222), Vec3::new(-0.6, 0.3, -0.6)),
        |solid| {
            solid.at(z_to_y(), |solid| {
                let depth = Depth { from: 0.0, to: 0.012, edge: 0.001, faces: None };
                solid.extruded_outline(Finish::Brass, super::outline::circle(0.011, 6), depth);
            });
            solid.cylinder(Finish::StainlessSteel, 0.007, 0.01, 0.045, 0.002);
        },
    );
}

/// Draws the clamps that hold a hose, along its path.
pub(super) fn add_clamp(assembly: &mut Assembly, parent: Group, name: &str, band: Shape, place: Affine3A, radius: f32) {
    let clamp = assembly.part(parent, name, band, place);
    assembly.cap_screw(
        clamp,
        Thread::M4,
        0.014,
        Finish::Zinc,
        at(-0.004, 0.0, radius + 0.004) * Affine3A::from_rotation_z(FRAC_PI_2),
    );
}

pub(super) fn clamp_band(assembly: &mut Assembly, radius: f32) -> Shape {
    assembly.shape(format!("Hose clamp {}", (radius * 2000.0).round()), move |solid| {
        solid.ring(Finish::StainlessSteel, radius, radius + 0.0014, -0.005, 0.005, 0.0);
        solid.at(at(0.0, 0.0, radius + 0.004), |solid| {
            solid.block(Finish::StainlessSteel, Vec3::new(0.014, 0.011, 0.008), 0.002, 0.0005);
        });
    })
}
