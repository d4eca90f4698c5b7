//! Bolts, nuts and washers: a stock of shapes, one per size, and the parts made of them.
//!
//! A fastener stands on the plane y = 0 of its local frame, head up.

use std::collections::HashMap;
use std::f32::consts::{PI, TAU};

use glam::{Affine3A, Quat, Vec2, Vec3};

use super::assembly::{Assembly, Group, Shape};
use super::finish::Finish;
use super::outline::Corner;
use super::solid::{Poles, Solid, Vertex};

/// Metric coarse threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Thread {
    M4,
    M5,
    M6,
    M8,
    M10,
    M12,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// Length in millimetres.
    Bolt(u32),
    Cap(u32),
    Nut,
    Washer,
}

/// The shapes made so far, and the number of parts of each size.
#[derive(Default)]
pub(super) struct Stock {
    shapes: HashMap<(Thread, Kind, Finish), Shape>,
    counts: HashMap<(Thread, &'static str), u32>,
}

impl Thread {
    fn name(self) -> &'static str {
        match self {
            Thread::M4 => "M4",
            Thread::M5 => "M5",
            Thread::M6 => "M6",
            Thread::M8 => "M8",
            Thread::M10 => "M10",
            Thread::M12 => "M12",
        }
    }

    pub(super) fn diameter(self) -> f32 {
        match self {
            Thread::M4 => 0.004,
            Thread::M5 => 0.005,
            Thread::M6 => 0.006,
            Thread::M8 => 0.008,
            Thread::M10 => 0.010,
            Thread::M12 => 0.012,
        }
    }

    /// Returns the pitch of the thread by ISO 261.
    fn pitch(self) -> f32 {
        match self {
            Thread::M4 => 0.0007,
            Thread::M5 => 0.0008,
            Thread::M6 => 0.001,
            Thread::M8 => 0.00125,
            Thread::M10 => 0.0015,
            Thread::M12 => 0.00175,
        }
    }

    /// Returns the radius at the corners of the hexagon; ISO 4017 gives about 1.6 times the diameter across flats.
    fn head_radius(self) -> f32 {
        self.diameter() * 0.92
    }

    fn head_height(self) -> f32 {
        self.diameter() * 0.65
    }
}

/// Returns a local frame whose Y axis points in `direction`.
pub(super) fn facing(position: Vec3, direction: Vec3) -> Affine3A {
    Affine3A::from_rotation_translation(Quat::from_rotation_arc(Vec3::Y, direction.normalize()), position)
}

impl Assembly {
    /// Adds a hexagon bolt; `length` is that of its shank in metres.
    pub(super) fn bolt(&mut self, parent: Group, thread: Thread, length: f32, finish: Finish, place: Affine3A) {
        let millimetres = (length * 1000.0).round() as u32;
        self.fastener(parent, thread, Kind::Bolt(millimetres), finish, place);
    }

    /// Adds a cap screw with a round, knurled head and a socket.
    pub(super) fn cap_screw(&mut self, parent: Group, thread: Thread, length: f32, finish: Finish, place: Affine3A) {
        let millimetres = (length * 1000.0).round() as u32;
        self.fastener(parent, thread, Kind::Cap(millimetres), finish, place);
    }

    pub(super) fn nut(&mut self, parent: Group, thread: Thread, finish: Finish, place: Affine3A) {
        self.fastener(parent, thread, Kind::Nut, finish, place);
    }

    /// Adds a bolt on a washer.
    pub(super) fn bolt_and_washer(
        &mut self,
        parent: Group,
        thread: Thread,
        length: f32,
        finish: Finish,
        place: Affine3A,
    ) {
        self.fastener(parent, thread, Kind::Washer, finish, place);
        let raised = place * Affine3A::from_translation(Vec3::Y * thread.diameter() * WASHER_THICKNESS);
        self.bolt(parent, thread, length, finish, raised);
    }

    fn fastener(&mut self, parent: Group, thread: Thread, kind: Kind, finish: Finish, place: Affine3A) {
        let label = match kind {
            Kind::Bolt(_) => "Bolt",
            Kind::Cap(_) => "Cap screw",
            Kind::Nut => "Nut",
            Kind::Washer => "Washer",
        };
        let shape = match self.fasteners().shapes.get(&(thread, kind, finish)) {
            Some(&shape) => shape,
            None => {
                let name = match kind {
                    Kind::Bolt(length) | Kind::Cap(length) => format!("{label} {}x{length}", thread.name()),
                    Kind::Nut | Kind::Washer => format!("{label} {}", thread.name()),
                };
                let shape = self.shape(name, move |solid| draw(solid, thread, kind, finish));
                self.fasteners().shapes.insert((thread, kind, finish), shape);
                shape
            }
        };
        let count = self.fasteners().counts.entry((thread, label)).or_default();
        *count += 1;
        let name = format!("{label} {} #{count}", thread.name());
        self.part(parent, name, shape, place);
    }
}

/// Thickness of a washer relative to the nominal diameter; close to ISO 7089.
const WASHER_THICKNESS: f32 = 0.18;

fn draw(solid: &mut Solid, thread: Thread, kind: Kind, finish: Finish) {
    let radius = thread.diameter() * 0.5;
    match kind {
        Kind::Bolt(length) => bolt(solid, thread, length as f32 * 0.001, finish),
        Kind::Cap(length) => {
            let (head, height) = (radius * 1.55, thread.diameter());
            if !solid.detail().shows(radius) {
                solid.cylinder(finish, head, 0.0, height, 0.0);
                return;
            }
            let socket = radius * 0.85;
            let corners = [
                Corner(0.0, 0.0, 0.0),
                Corner(head, 0.0, 0.0),
                Corner(head, height, radius * 0.2),
                Corner(socket, height, 0.0),
                Corner(socket, height * 0.45, 0.0),
                Corner(0.0, height * 0.4, 0.0),
            ];
            solid.turned(finish, &corners);
            shank(solid, thread, length as f32 * 0.001, finish);
        }
        Kind::Nut => {
            hexagon(solid, thread, thread.diameter() * 0.8, finish);
            if solid.detail().shows(radius) {
                // The end of the stud that carries the nut.
                solid.cylinder(finish, radius * 0.95, thread.diameter() * 0.7, thread.diameter() * 1.15, radius * 0.2);
            }
        }
        Kind::Washer => {
            let (outer, height) = (radius * 2.1, thread.diameter() * WASHER_THICKNESS);
            solid.ring(finish, radius * 1.05, outer, 0.0, height, height * 0.3);
        }
    }
}

/// Rotates a shape extruded along Z so that it stands on Y.
fn upright() -> Affine3A {
    Affine3A::from_rotation_x(-PI * 0.5)
}

fn bolt(solid: &mut Solid, thread: Thread, length: f32, finish: Finish) {
    hexagon(solid, thread, thread.head_height(), finish);
    // The coarsest form omits the shank, which is inside the parts that the bolt holds.
    if solid.detail().shows(thread.diameter() * 0.5) {
        shank(solid, thread, length, finish);
    }
}

/// Draws a hexagonal prism, with its upper corners turned off if that is visible.
fn hexagon(solid: &mut Solid, thread: Thread, height: f32, finish: Finish) {
    let radius = thread.head_radius();
    let edge = if solid.detail().shows(thread.diameter() * 0.4) { thread.diameter() * 0.08 } else { 0.0 };
    let outline = super::outline::circle(radius, 6);
    solid.at(upright(), |solid| {
        solid.extruded_outline(finish, outline, super::extrude::Depth { from: 0.0, to: height, edge, faces: None });
    });
}

/// Draws a threaded shank below the plane: smooth at first, with a real helix as soon as its turns can be resolved.
fn shank(solid: &mut Solid, thread: Thread, length: f32, finish: Finish) {
    let radius = thread.diameter() * 0.5;
    let turns = length / thread.pitch();
    if !solid.detail().shows(thread.pitch() * 0.5) {
        solid.cylinder(finish, radius, -length, 0.0, radius * 0.2);
        return;
    }
    let columns = solid.detail().around(radius, TAU).max(8);
    let per_turn = solid.detail().fillet(thread.pitch(), TAU).max(4);
    let rows = (turns * per_turn as f32).ceil() as usize;
    // By ISO 68, the depth is 0.61 of the pitch.
    let depth = thread.pitch() * 0.61;
    let height = |row: usize| -length + length * row as f32 / rows as f32;
    let radius_at = move |angle: f32, height: f32| {
        let turn = (height / thread.pitch() + angle / TAU).rem_euclid(1.0);
        // The thread runs out at both ends, at the caps.
        let end = (-height).min(height + length) / thread.pitch();
        radius - depth * (1.0 - (turn * 2.0 - 1.0).abs()) * end.clamp(0.0, 1.0)
    };
    solid.patch(finish, columns, rows, Poles::default(), |column, row| {
        let angle = TAU * (column % columns) as f32 / columns as f32;
        let (sine, cosine) = angle.sin_cos();
        let (height, step) = (height(row), thread.pitch() * 0.05);
        let slope = (radius_at(angle, (height + step).min(0.0)) - radius_at(angle, (height - step).max(-length)))
            / (2.0 * step);
        let here = radius_at(angle, height);
        Vertex {
            position: Vec3::new(here * sine, height, here * cosine),
            normal: Vec3::new(sine, -slope, cosine).normalize(),
            coordinates: Vec2::new(angle * radius, height),
        }
    });
    for (height, up) in [(-length, false), (0.0, true)] {
        let outline = super::outline::circle(radius, columns);
        // The patch counts its angle from Z towards X, the outline counts from X towards -Z once upright.
        let place = Affine3A::from_rotation_y(-PI * 0.5) * upright();
        solid.at(place, |solid| solid.flat(finish, &outline, height, up));
    }
}
