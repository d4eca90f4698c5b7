//! Outlines in the plane of X and Y, extruded along Z, and rims with teeth.

use glam::{Vec2, Vec3};

use super::finish::Finish;
use super::outline::{Corner, Run, Station, counter_clockwise, divided, rounded, runs, signed_area, triangulate};
use super::solid::{Poles, Solid, Vertex};

/// Options of an extrusion.
#[derive(Clone, Copy, Debug)]
pub(super) struct Depth {
    pub(super) from: f32,
    pub(super) to: f32,
    /// Width of the bevel around both faces.
    pub(super) edge: f32,
    /// Finish of the two faces, if it differs from that of the sides.
    pub(super) faces: Option<Finish>,
}

impl Depth {
    /// Makes an extrusion that is centred and has bevelled edges.
    pub(super) fn of(depth: f32, edge: f32) -> Self {
        Self { from: -depth * 0.5, to: depth * 0.5, edge, faces: None }
    }
}

impl Solid {
    pub(super) fn extruded(&mut self, finish: Finish, corners: &[Corner], depth: Depth) {
        let outline = rounded(self.detail(), corners, true);
        self.extruded_outline(finish, outline, depth);
    }

    /// Draws a centred rectangle with rounded corners.
    pub(super) fn block(&mut self, finish: Finish, size: Vec3, corner: f32, edge: f32) {
        let (x, y) = (size.x * 0.5, size.y * 0.5);
        let corners = [Corner(-x, -y, corner), Corner(x, -y, corner), Corner(x, y, corner), Corner(-x, y, corner)];
        self.extruded(finish, &corners, Depth::of(size.z, edge));
    }

    pub(super) fn extruded_outline(&mut self, finish: Finish, outline: Vec<Vec2>, depth: Depth) {
        let outline = divided(self.detail(), &counter_clockwise(outline), true);
        let edge = if self.detail().shows(depth.edge * 2.0) { depth.edge } else { 0.0 };
        let (bottom, top) = (depth.from + edge, depth.to - edge);
        let rows = self.detail().along(top - bottom);
        let faces = depth.faces.unwrap_or(finish);
        let mut inset: Vec<Vec2> = Vec::with_capacity(outline.len());
        for run in runs(&outline, true) {
            let columns = run.len() - 1;
            self.patch(finish, columns, rows, Poles::default(), |column, row| {
                let z = bottom + (top - bottom) * row as f32 / rows as f32;
                side(&run, column, z)
            });
            if edge > 0.0 {
                self.bevel(finish, &run, edge, (depth.from, bottom), false);
                self.bevel(finish, &run, edge, (top, depth.to), true);
            }
            inset.extend(run[..columns].iter().map(|station| station.point - station.inset * edge));
        }
        for (z, up) in [(depth.from, false), (depth.to, true)] {
            self.flat(faces, &inset, z, up);
        }
    }

    /// Draws a rim between an outline and a bore, twisted by `twist` radians over its width, as for helical teeth.
    pub(super) fn rim(&mut self, finish: Finish, outline: &[Vec2], bore: f32, depth: Depth, twist: f32) {
        debug_assert!(signed_area(outline) > 0.0);
        let width = depth.to - depth.from;
        let turned = self.detail().fillet(0.05, twist);
        let rows = self.detail().along(width).max(turned).max(1);
        let turn = |row: usize| Vec2::from_angle(twist * (row as f32 / rows as f32 - 0.5));
        let height = |row: usize| depth.from + width * row as f32 / rows as f32;
        for run in runs(outline, true) {
            self.patch(finish, run.len() - 1, rows, Poles::default(), |column, row| {
                let mut vertex = side(&run, column, height(row));
                vertex.position = turn(row).rotate(run[column].point).extend(height(row));
                vertex.normal = turn(row).rotate(run[column].normal).extend(0.0);
                vertex
            });
        }
        let count = outline.len();
        let spoke = |column: usize| outline[column % count].normalize_or_zero();
        self.patch(finish, count, rows, Poles::default(), |column, row| {
            // The direction is reversed, because the bore is the outer side here.
            let spoke = turn(row).rotate(spoke(count - column % count));
            Vertex {
                position: (spoke * bore).extend(height(row)),
                normal: (-spoke).extend(0.0),
                coordinates: Vec2::new(column as f32 / count as f32 * bore * std::f32::consts::TAU, height(row)),
            }
        });
        let faces = depth.faces.unwrap_or(finish);
        for (row, up) in [(0, false), (rows, true)] {
            self.patch(faces, count, 1, Poles::default(), |column, outer| {
                let column = if up { column } else { count - column };
                // From above, right is counter-clockwise and up is towards the middle.
                let radius = if outer == 0 { outline[column % count] } else { spoke(column) * bore };
                let point = turn(row).rotate(radius);
                Vertex {
                    position: point.extend(height(row)),
                    normal: if up { Vec3::Z } else { Vec3::NEG_Z },
                    coordinates: point,
                }
            });
        }
    }

    fn bevel(&mut self, finish: Finish, run: &Run, edge: f32, (from, to): (f32, f32), up: bool) {
        self.patch(finish, run.len() - 1, 1, Poles::default(), |column, row| {
            let is_inset = (row == 1) == up;
            let mut vertex = side(run, column, if row == 0 { from } else { to });
            if is_inset {
                vertex.position -= (run[column].inset * edge).extend(0.0);
            }
            vertex.normal = (vertex.normal + if up { Vec3::Z } else { Vec3::NEG_Z }).normalize_or_zero();
            vertex
        });
    }

    /// Draws a face across, seen from above or below.
    pub(super) fn flat(&mut self, finish: Finish, outline: &[Vec2], z: f32, up: bool) {
        let triangles = || {
            let mut triangles = triangulate(outline);
            if !up {
                for triangle in &mut triangles {
                    triangle.swap(1, 2);
                }
            }
            triangles
        };
        self.face(finish, outline, triangles, |point| Vertex {
            position: point.extend(z),
            normal: if up { Vec3::Z } else { Vec3::NEG_Z },
            coordinates: point,
        });
    }
}

fn side(run: &Run, column: usize, z: f32) -> Vertex {
    let Station { point, normal, distance, .. } = run[column];
    Vertex { position: point.extend(z), normal: normal.extend(0.0), coordinates: Vec2::new(distance, z) }
}
