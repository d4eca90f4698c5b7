//! Pipes, hoses, wires, springs and belts: a cross-section led along a path.

use std::f32::consts::TAU;

use glam::{Affine3A, Quat, Vec2, Vec3};

use super::finish::Finish;
use super::outline::{circle, counter_clockwise, runs, triangulate};
use super::solid::{Detail, Poles, Solid, Vertex};

/// A path in space with a frame at every point. The frames twist as little as the path allows.
pub(super) struct Path {
    points: Vec<Vec3>,
    /// Frames: X and Y span the cross-section, Z points along the path.
    frames: Vec<Quat>,
    distances: Vec<f32>,
    closed: bool,
}

impl Path {
    /// Makes a smooth path through the points, divided finely enough for a pipe of that radius.
    pub(super) fn through(detail: Detail, points: &[Vec3], radius: f32) -> Self {
        let mut line = vec![points[0]];
        for index in 1..points.len() {
            let before = if index > 1 { points[index - 2] } else { points[0] * 2.0 - points[1] };
            let (from, to) = (points[index - 1], points[index]);
            let after = points.get(index + 1).copied().unwrap_or(to * 2.0 - from);
            let (leave, arrive) = ((to - before) * 0.5, (after - from) * 0.5);
            let turn = leave.angle_between(arrive).max(leave.angle_between(to - from) * 2.0);
            let bend = from.distance(to) / turn.max(0.1);
            let pieces = detail.fillet(bend + radius, turn).max(detail.along(from.distance(to)));
            let pieces = pieces.max(if detail.shows(radius) { 2 } else { 1 });
            line.extend((1..=pieces).map(|piece| hermite(from, to, leave, arrive, piece as f32 / pieces as f32)));
        }
        Self::along(line, false)
    }

    /// Makes a path along the line as it is. A closed path ends where it begins, without repeating the point.
    pub(super) fn along(points: Vec<Vec3>, closed: bool) -> Self {
        let count = points.len();
        let tangent = |index: usize| {
            let before = if index > 0 {
                index - 1
            } else if closed {
                count - 1
            } else {
                0
            };
            let after = if index + 1 < count {
                index + 1
            } else if closed {
                0
            } else {
                index
            };
            (points[after] - points[before]).normalize_or(Vec3::Z)
        };
        let mut frames = Vec::with_capacity(count);
        // A planar path keeps its plane's normal as one axis, which is what belts need.
        let across = (0..count).map(|index| (points[index] - points[0]).cross(tangent(0)));
        let across = across.max_by(|a, b| a.length_squared().total_cmp(&b.length_squared()));
        let across = across.and_then(Vec3::try_normalize).unwrap_or_else(|| tangent(0).any_orthonormal_vector());
        let up = tangent(0).cross(across).normalize_or(Vec3::Y);
        let mut frame = Quat::from_mat3(&glam::Mat3::from_cols(across, up, tangent(0)));
        for index in 0..count {
            frame = Quat::from_rotation_arc(frame * Vec3::Z, tangent(index)) * frame;
            frames.push(frame.normalize());
        }
        let mut distances = vec![0.0];
        for index in 1..count {
            distances.push(distances[index - 1] + points[index].distance(points[index - 1]));
        }
        Self { points, frames, distances, closed }
    }

    /// Makes an ascending helix about the Y axis.
    fn helix(detail: Detail, radius: f32, height: f32, turns: f32) -> Self {
        // A wire is divided more finely than a ring of that radius, because its bends are visible.
        let count = detail.fillet(radius * 2.0, TAU * turns).max((turns * 3.0).ceil() as usize);
        let points = (0..=count).map(|index| {
            let part = index as f32 / count as f32;
            let (sine, cosine) = (TAU * turns * part).sin_cos();
            Vec3::new(radius * sine, height * part, radius * cosine)
        });
        Self::along(points.collect(), false)
    }
}

fn hermite(from: Vec3, to: Vec3, leave: Vec3, arrive: Vec3, part: f32) -> Vec3 {
    let (square, cube) = (part * part, part * part * part);
    from * (2.0 * cube - 3.0 * square + 1.0)
        + leave * (cube - 2.0 * square + part)
        + to * (3.0 * square - 2.0 * cube)
        + arrive * (cube - square)
}

impl Solid {
    /// Draws a coil spring that stands on the origin along Y.
    pub(super) fn spring(&mut self, finish: Finish, radius: f32, wire: f32, height: f32, turns: f32) {
        if !self.detail().shows(wire * 5.0) {
            self.cylinder(finish, radius, 0.0, height, 0.0);
            return;
        }
        let path = Path::helix(self.detail(), radius, height - 2.0 * wire, turns);
        self.at(Affine3A::from_translation(Vec3::Y * wire), |solid| solid.bar(finish, &path, wire));
    }

    /// Draws a round bar along a path, closed at its ends.
    pub(super) fn bar(&mut self, finish: Finish, path: &Path, radius: f32) {
        self.tapered(finish, path, |_| radius);
    }

    /// Draws a round bar whose radius depends on the fraction of the path, 0 to 1.
    pub(super) fn tapered(&mut self, finish: Finish, path: &Path, radius: impl Fn(f32) -> f32) {
        let segments = self.detail().wire(radius(0.0).max(radius(1.0)));
        let section = circle(1.0, segments);
        self.swept_scaled(finish, path, section, radius);
    }

    /// Draws a pipe whose open ends show its wall.
    pub(super) fn pipe(&mut self, finish: Finish, path: &Path, radius: f32, wall: f32) {
        let segments = self.detail().around(radius, TAU);
        let section = circle(radius, segments);
        self.skin(finish, path, &section, |_| 1.0, false);
        let bore = circle(radius - wall, segments);
        self.skin(finish, path, &bore, |_| 1.0, true);
        for (end, forward) in [(0, false), (path.points.len() - 1, true)] {
            self.patch(finish, segments, 1, Poles::default(), |column, row| {
                let column = if forward { column } else { segments - column };
                let point = if row == 0 { section[column % segments] } else { bore[column % segments] };
                let normal = path.frames[end] * if forward { Vec3::Z } else { Vec3::NEG_Z };
                Vertex { position: path.points[end] + path.frames[end] * point.extend(0.0), normal, coordinates: point }
            });
        }
    }

    /// Draws any cross-section along a path.
    pub(super) fn swept(&mut self, finish: Finish, path: &Path, section: Vec<Vec2>) {
        self.swept_scaled(finish, path, section, |_| 1.0);
    }

    fn swept_scaled(&mut self, finish: Finish, path: &Path, section: Vec<Vec2>, scale: impl Fn(f32) -> f32) {
        let section = counter_clockwise(section);
        self.skin(finish, path, &section, &scale, false);
        if path.closed {
            return;
        }
        for (end, part, forward) in [(0, 0.0, false), (path.points.len() - 1, 1.0, true)] {
            let triangles = || {
                let mut triangles = triangulate(&section);
                if !forward {
                    for triangle in &mut triangles {
                        triangle.swap(1, 2);
                    }
                }
                triangles
            };
            self.face(finish, &section, triangles, |point| Vertex {
                position: path.points[end] + path.frames[end] * (point * scale(part)).extend(0.0),
                normal: path.frames[end] * if forward { Vec3::Z } else { Vec3::NEG_Z },
                coordinates: point,
            });
        }
    }

    fn skin(&mut self, finish: Finish, path: &Path, section: &[Vec2], scale: impl Fn(f32) -> f32, inward: bool) {
        let count = path.points.len();
        let rows = if path.closed { count } else { count - 1 };
        let length = path.distances[count - 1].max(f32::MIN_POSITIVE);
        for run in runs(section, true) {
            let columns = run.len() - 1;
            self.patch(finish, columns, rows, Poles::default(), |column, row| {
                let column = if inward { columns - column } else { column };
                let at = row % count;
                let part = path.distances[at] / length;
                let station = run[column];
                let normal = station.normal * if inward { -1.0 } else { 1.0 };
                let scale = scale(part);
                let along = if row == count { length } else { path.distances[at] };
                Vertex {
                    position: path.points[at] + path.frames[at] * (station.point * scale).extend(0.0),
                    normal: path.frames[at] * normal.extend(0.0),
                    coordinates: Vec2::new(station.distance * scale, along),
                }
            });
        }
    }
}

/// Returns the path of a belt or chain that encloses all wheels of one plane, given by centres and radii in
/// counter-clockwise order: points about `spacing` apart, each with the direction of travel.
pub(super) fn around_wheels(wheels: &[(Vec2, f32)], spacing: f32) -> Vec<(Vec2, Vec2)> {
    let count = wheels.len();
    // On each straight stretch both wheels touch the same line, whose normal leans by the difference of the radii.
    let normal = |index: usize| {
        let ((from, from_radius), (to, to_radius)) = (wheels[index], wheels[(index + 1) % count]);
        let way = to - from;
        let lean = ((from_radius - to_radius) / way.length()).clamp(-1.0, 1.0);
        let direction = way.normalize();
        direction * lean - direction.perp() * (1.0 - lean * lean).sqrt()
    };
    let mut pieces = Vec::with_capacity(count * 2);
    for index in 0..count {
        let (center, radius) = wheels[index];
        let (before, after) = (normal((index + count - 1) % count), normal(index));
        let turn = before.angle_to(after).rem_euclid(TAU);
        pieces.push(Piece::Wheel { center, radius, from: before.to_angle(), turn });
        let (next_center, next_radius) = wheels[(index + 1) % count];
        let (from, to) = (center + after * radius, next_center + after * next_radius);
        pieces.push(Piece::Stretch { from, to });
    }
    let length: f32 = pieces.iter().map(Piece::length).sum();
    let steps = (length / spacing).round().max(3.0) as usize;
    let mut points = Vec::with_capacity(steps);
    let (mut piece, mut passed) = (0, 0.0);
    for step in 0..steps {
        let wanted = length * step as f32 / steps as f32;
        while piece + 1 < pieces.len() && wanted - passed > pieces[piece].length() {
            passed += pieces[piece].length();
            piece += 1;
        }
        let part = (wanted - passed) / pieces[piece].length().max(f32::MIN_POSITIVE);
        points.push(pieces[piece].at(part.min(1.0)));
    }
    points
}

enum Piece {
    Wheel { center: Vec2, radius: f32, from: f32, turn: f32 },
    Stretch { from: Vec2, to: Vec2 },
}

impl Piece {
    fn length(&self) -> f32 {
        match *self {
            Piece::Wheel { radius, turn, .. } => radius * turn,
            Piece::Stretch { from, to } => from.distance(to),
        }
    }

    /// Returns the point after a fraction of the piece, and the direction at that point.
    fn at(&self, part: f32) -> (Vec2, Vec2) {
        match *self {
            Piece::Wheel { center, radius, from, turn } => {
                let spoke = Vec2::from_angle(from + turn * part);
                (center + spoke * radius, spoke.perp())
            }
            Piece::Stretch { from, to } => (from.lerp(to, part), (to - from).normalize_or(Vec2::X)),
        }
    }
}
