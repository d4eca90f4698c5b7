//! The turbocharger above the bell housing, and the pipes that it feeds.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use glam::{Affine3A, Vec2, Vec3};

use super::assembly::{Assembly, Group, Shape};
use super::breathing::{PLENUM_HEIGHT, add_clamp, clamp_band};
use super::fasteners::{Thread, facing};
use super::finish::Finish;
use super::layout::{at, y_to_z, z_to_y};
use super::outline::Corner;
use super::solid::{Poles, Solid, Vertex};
use super::sweep::Path;

/// Middle of the shaft. It lies along Z with the compressor at +Z.
const CENTER: Vec3 = Vec3::new(-0.315, 0.315, 0.0);

pub(super) fn add(assembly: &mut Assembly, engine: Group) {
    let turbo = assembly.group(engine, "Turbocharger", Affine3A::from_translation(CENTER) * y_to_z());
    // In the following, Y points along the shaft towards the compressor.
    assembly.single(turbo, "Bearing housing", Affine3A::IDENTITY, |solid| {
        let corners = [
            Corner(0.0075, -0.032, 0.0),
            Corner(0.040, -0.032, 0.002),
            Corner(0.036, -0.022, 0.004),
            Corner(0.026, -0.010, 0.006),
            Corner(0.026, 0.012, 0.006),
            Corner(0.044, 0.022, 0.004),
            Corner(0.046, 0.032, 0.002),
            Corner(0.0075, 0.032, 0.0),
        ];
        solid.turned_ring(Finish::CastIron, &corners);
    });
    assembly.single(turbo, "Shaft", Affine3A::IDENTITY, |solid| {
        solid.cylinder(Finish::PolishedSteel, 0.007, -0.075, 0.078, 0.001);
    });
    add_wheel(assembly, turbo, "Compressor", Finish::MachinedAluminium, at(0.0, 0.036, 0.0), 0.040, 12);
    add_wheel(
        assembly,
        turbo,
        "Turbine",
        Finish::Stellite,
        at(0.0, -0.036, 0.0) * Affine3A::from_rotation_x(PI),
        0.037,
        11,
    );
    let compressor = Volute { finish: Finish::CastAluminium, radius: 0.068, widest: 0.0285, outlet: PI, winding: -1.0 };
    add_volute(assembly, turbo, "Compressor volute", at(0.0, 0.044, 0.0), compressor);
    let turbine = Volute { finish: Finish::CastIron, radius: 0.062, widest: 0.027, outlet: FRAC_PI_2, winding: 1.0 };
    add_volute(assembly, turbo, "Turbine volute", at(0.0, -0.046, 0.0) * Affine3A::from_rotation_x(PI), turbine);
    for (name, height) in [("Compressor band", 0.030), ("Turbine band", -0.030)] {
        assembly.single(turbo, name, at(0.0, height, 0.0), |solid| {
            solid.ring(Finish::StainlessSteel, 0.043, 0.0495, -0.0045, 0.0045, 0.0015);
        });
    }
    add_actuator(assembly, turbo);
    add_inlet(assembly, turbo);
    add_charge_pipe(assembly, engine);
    add_downpipe(assembly, engine);
    add_oil_lines(assembly, engine);
}

/// Draws hub and blades. The wheel's back is at the origin, its eye towards Y.
fn add_wheel(
    assembly: &mut Assembly,
    turbo: Group,
    name: &str,
    finish: Finish,
    place: Affine3A,
    radius: f32,
    blades: usize,
) {
    let wheel = assembly.group(turbo, format!("{name} wheel"), place);
    assembly.single(wheel, "Hub", Affine3A::IDENTITY, move |solid| {
        let corners = [
            Corner(0.0, 0.0, 0.0),
            Corner(radius, 0.0, 0.0),
            Corner(radius, 0.0012, 0.0),
            Corner(radius * 0.35, 0.008, 0.02),
            Corner(0.009, 0.034, 0.0),
            Corner(0.006, 0.037, 0.002),
            Corner(0.0, 0.037, 0.0),
        ];
        solid.turned(finish, &corners);
    });
    let blade = assembly.shape(format!("{name} blade"), move |solid| draw_blade(solid, finish, radius));
    for index in 0..blades {
        let turned = Affine3A::from_rotation_y(TAU * index as f32 / blades as f32);
        assembly.part(wheel, format!("Blade {}", index + 1), blade, turned);
    }
    assembly.nut(wheel, Thread::M6, Finish::Zinc, at(0.0, 0.037, 0.0));
}

/// Draws a blade from the rim, where it stands radially, to the eye, where it leans into the stream.
fn draw_blade(solid: &mut Solid, finish: Finish, radius: f32) {
    let columns = solid.detail().along(0.05).max(solid.detail().fillet(0.02, 2.0)).max(2);
    let rows = solid.detail().along(0.02).max(1);
    let surface = move |u: f32, v: f32| {
        // u runs from rim to eye, v from hub to shroud.
        let height = 0.001 + 0.033 * u * u;
        let hub = 0.009 + (radius - 0.009) * (1.0 - u).powf(1.6);
        let shroud = radius * (1.0 - 0.28 * u);
        let out = hub + (shroud - hub) * v;
        let height = height + (1.0 - u) * v * 0.006;
        let angle = 0.75 * u * u;
        Vec3::new(out * angle.sin(), height, out * angle.cos())
    };
    let normal = move |u: f32, v: f32| {
        let step = 0.01;
        let along = surface((u + step).min(1.0), v) - surface((u - step).max(0.0), v);
        let across = surface(u, (v + step).min(1.0)) - surface(u, (v - step).max(0.0));
        along.cross(across).normalize_or(Vec3::X)
    };
    let half = 0.0005;
    let part = move |index: usize, count: usize| index as f32 / count as f32;
    for side in [1.0, -1.0] {
        solid.patch(finish, columns, rows, Poles::default(), |column, row| {
            let u = part(if side > 0.0 { column } else { columns - column }, columns);
            let v = part(row, rows);
            let normal = normal(u, v);
            Vertex {
                position: surface(u, v) + normal * half * side,
                normal: normal * side,
                coordinates: Vec2::new(u, v) * 0.04,
            }
        });
    }
    // These are the four narrow edges.
    let edge = |solid: &mut Solid, count: usize, at: &dyn Fn(usize) -> (f32, f32), outward: Vec3| {
        solid.patch(finish, count, 1, Poles::default(), |column, row| {
            let (u, v) = at(column);
            let offset = if row == 0 { -half } else { half };
            Vertex {
                position: surface(u, v) + normal(u, v) * offset,
                normal: outward,
                coordinates: Vec2::new(u, v) * 0.04,
            }
        });
    };
    edge(solid, columns, &|column| (part(column, columns), 0.0), Vec3::NEG_Z);
    edge(solid, columns, &|column| (part(columns - column, columns), 1.0), Vec3::Z);
    edge(solid, rows, &|row| (1.0, part(row, rows)), Vec3::Y);
    edge(solid, rows, &|row| (0.0, part(rows - row, rows)), Vec3::NEG_Y);
}

/// A volute around Y whose pipe widens towards its outlet.
#[derive(Clone, Copy)]
struct Volute {
    finish: Finish,
    radius: f32,
    widest: f32,
    /// Angle of the outlet, from Z towards X.
    outlet: f32,
    /// 1 if the flow approaches the outlet from smaller angles, -1 if from larger ones.
    winding: f32,
}

fn add_volute(assembly: &mut Assembly, turbo: Group, name: &str, place: Affine3A, volute: Volute) {
    let Volute { finish, radius, widest, outlet, winding } = volute;
    let volute = assembly.single(turbo, name, place, move |solid| {
        let steps = solid.detail().around(radius, TAU).max(10);
        let snail = |part: f32| {
            let angle = outlet - winding * TAU * 0.94 * (1.0 - part);
            // The pipe moves outwards as it widens, so that its inner side keeps its radius.
            let out = radius - 0.014 + widest * (0.35 + 0.65 * part);
            Vec3::new(out * angle.sin(), 0.0, out * angle.cos())
        };
        let mut points: Vec<Vec3> = (0..=steps).map(|step| snail(step as f32 / steps as f32)).collect();
        let (last, before) = (points[steps], points[steps - 1]);
        let leave = (last - before).normalize();
        points.extend([last + leave * 0.02, last + leave * 0.045]);
        let path = Path::along(points, false);
        solid.tapered(finish, &path, move |part| widest * (0.35 + 0.65 * (part * 1.12).min(1.0)));
        // The disc between volute and wheel, and the mouth.
        let corners = [
            Corner(0.030, -0.014, 0.0),
            Corner(radius, -0.014, 0.003),
            Corner(radius, 0.008, 0.003),
            Corner(0.047, 0.016, 0.006),
            Corner(0.045, 0.036, 0.002),
            Corner(0.041, 0.036, 0.0),
            Corner(0.041, 0.006, 0.0),
            Corner(0.030, -0.010, 0.0),
        ];
        solid.turned_ring(finish, &corners);
    });
    for index in 0..8 {
        let (sine, cosine) = (TAU * index as f32 / 8.0 + 0.2).sin_cos();
        let place = at(0.056 * sine, -0.014, 0.056 * cosine) * Affine3A::from_rotation_x(PI);
        assembly.bolt(volute, Thread::M5, 0.014, Finish::Zinc, place);
    }
}

fn add_actuator(assembly: &mut Assembly, turbo: Group) {
    let place = at(0.085, 0.0, 0.075) * Affine3A::from_rotation_x(-0.15);
    let actuator = assembly.group(turbo, "Wastegate actuator", place);
    assembly.single(actuator, "Can", Affine3A::IDENTITY, |solid| {
        let corners = [
            Corner(0.0, 0.0, 0.0),
            Corner(0.020, 0.0, 0.004),
            Corner(0.022, 0.014, 0.0),
            Corner(0.025, 0.015, 0.0),
            Corner(0.025, 0.018, 0.0),
            Corner(0.022, 0.019, 0.0),
            Corner(0.017, 0.034, 0.006),
            Corner(0.0, 0.036, 0.0),
        ];
        solid.turned(Finish::YellowZinc, &corners);
    });
    assembly.single(actuator, "Rod", Affine3A::IDENTITY, |solid| {
        solid.cylinder(Finish::PolishedSteel, 0.003, -0.09, 0.0, 0.0);
    });
    assembly.nut(actuator, Thread::M6, Finish::Zinc, at(0.0, -0.074, 0.0));
    assembly.single(actuator, "Lever", at(-0.012, -0.088, 0.0), |solid| {
        solid.block(Finish::Stellite, Vec3::new(0.036, 0.006, 0.012), 0.0, 0.001);
    });
}

/// Draws a bell mouth with the mesh of a cone filter in front.
fn add_inlet(assembly: &mut Assembly, turbo: Group) {
    assembly.single(turbo, "Bell mouth", at(0.0, 0.080, 0.0), |solid| {
        let corners = [
            Corner(0.0405, -0.004, 0.0),
            Corner(0.0465, -0.004, 0.0),
            Corner(0.0465, 0.006, 0.0),
            Corner(0.050, 0.020, 0.02),
            Corner(0.064, 0.030, 0.004),
            Corner(0.060, 0.033, 0.003),
            Corner(0.046, 0.022, 0.02),
            Corner(0.0405, 0.006, 0.0),
        ];
        solid.turned_ring(Finish::PolishedAluminium, &corners);
    });
}

fn hose(assembly: &mut Assembly, parent: Group, name: &str, finish: Finish, points: Vec<Vec3>, radius: f32) {
    assembly.single(parent, name, Affine3A::IDENTITY, move |solid| {
        let path = Path::through(solid.detail(), &points, radius);
        solid.pipe(finish, &path, radius, 0.003);
    });
}

/// Draws the pipe from the compressor, over the valley side of the left bank, to the throttle at the front.
fn add_charge_pipe(assembly: &mut Assembly, engine: Group) {
    let charge = assembly.group(engine, "Charge pipe", Affine3A::IDENTITY);
    let band = clamp_band(assembly, 0.0335);
    let (rear, front) = (Vec3::new(-0.245, 0.385, 0.048), Vec3::new(0.243, PLENUM_HEIGHT, 0.0));
    let first = vec![
        Vec3::new(-0.300, 0.401, 0.046),
        Vec3::new(-0.27, 0.402, 0.047),
        Vec3::new(-0.225, 0.402, 0.055),
        Vec3::new(-0.18, 0.398, 0.075),
    ];
    hose(assembly, charge, "Rear hose", Finish::Silicone, first, 0.033);
    let middle = vec![
        Vec3::new(-0.20, 0.400, 0.066),
        Vec3::new(-0.10, 0.392, 0.082),
        Vec3::new(0.06, 0.388, 0.084),
        Vec3::new(0.20, 0.385, 0.078),
    ];
    hose(assembly, charge, "Charge pipe", Finish::PolishedAluminium, middle, 0.030);
    let last = vec![
        Vec3::new(0.175, 0.386, 0.080),
        Vec3::new(0.25, 0.383, 0.072),
        Vec3::new(0.298, 0.352, 0.040),
        Vec3::new(0.290, 0.319, 0.008),
        front + Vec3::new(-0.018, 0.0, 0.0),
    ];
    hose(assembly, charge, "Front hose", Finish::Silicone, last, 0.0335);
    let clamps: [(Vec3, Vec3, Shape); 4] = [
        (rear + Vec3::new(-0.035, 0.0165, -0.001), Vec3::new(1.0, 0.0, 0.03), band),
        (Vec3::new(-0.19, 0.3992, 0.0705), Vec3::new(1.0, -0.05, 0.4), band),
        (Vec3::new(0.186, 0.3856, 0.0793), Vec3::new(1.0, -0.01, -0.05), band),
        (front + Vec3::new(-0.008, 0.0, 0.0), Vec3::new(1.0, 0.0, 0.0), band),
    ];
    for (index, (position, direction, band)) in clamps.into_iter().enumerate() {
        add_clamp(assembly, charge, &format!("Hose clamp {}", index + 1), band, facing(position, direction), 0.0335);
    }
}

fn add_downpipe(assembly: &mut Assembly, engine: Group) {
    let points = [
        CENTER + Vec3::new(0.0, 0.0, -0.078),
        CENTER + Vec3::new(-0.005, -0.005, -0.125),
        CENTER + Vec3::new(-0.06, -0.06, -0.165),
        CENTER + Vec3::new(-0.13, -0.19, -0.16),
        CENTER + Vec3::new(-0.20, -0.33, -0.155),
        CENTER + Vec3::new(-0.32, -0.39, -0.15),
    ];
    let pipe = assembly.group(engine, "Downpipe", Affine3A::IDENTITY);
    assembly.single(pipe, "Pipe", Affine3A::IDENTITY, move |solid| {
        let path = Path::through(solid.detail(), &points, 0.034);
        solid.pipe(Finish::TintedSteel, &path, 0.033, 0.0018);
    });
    let end = points[5];
    let flange = assembly.single(pipe, "End flange", facing(end, Vec3::new(-1.0, -0.3, 0.0)), |solid| {
        solid.ring(Finish::StainlessSteel, 0.031, 0.050, -0.008, 0.0, 0.001);
    });
    for index in 0..4 {
        let (sine, cosine) = (TAU * index as f32 / 4.0).sin_cos();
        assembly.bolt_and_washer(flange, Thread::M8, 0.03, Finish::Zinc, at(0.042 * sine, 0.0, 0.042 * cosine));
    }
}

fn add_oil_lines(assembly: &mut Assembly, engine: Group) {
    let lines = assembly.group(engine, "Turbocharger lines", Affine3A::IDENTITY);
    let feed = vec![
        CENTER + Vec3::new(0.0, 0.026, 0.0),
        CENTER + Vec3::new(0.01, 0.06, 0.0),
        CENTER + Vec3::new(0.06, 0.075, -0.03),
        CENTER + Vec3::new(0.10, -0.06, -0.05),
        CENTER + Vec3::new(0.098, -0.16, -0.04),
    ];
    let drain = vec![
        CENTER + Vec3::new(0.0, -0.024, 0.0),
        CENTER + Vec3::new(0.01, -0.08, 0.0),
        CENTER + Vec3::new(0.06, -0.15, 0.0),
        CENTER + Vec3::new(0.10, -0.19, 0.0),
    ];
    for (name, points, radius, finish) in
        [("Oil feed", feed, 0.005, Finish::StainlessSteel), ("Oil drain", drain, 0.011, Finish::HoseRubber)]
    {
        let start = facing(points[0], points[1] - points[0]);
        assembly.single(lines, name, Affine3A::IDENTITY, move |solid| {
            let path = Path::through(solid.detail(), &points, radius);
            solid.bar(finish, &path, radius);
        });
        assembly.single(lines, format!("{name} fitting"), start, move |solid| {
            solid.at(z_to_y(), |solid| {
                let depth = super::extrude::Depth { from: -0.002, to: 0.012, edge: 0.001, faces: None };
                solid.extruded_outline(Finish::AnodisedBlue, super::outline::circle(radius * 1.7, 6), depth);
            });
        });
    }
}
