//! Solids of revolution about the Y axis.

use std::f32::consts::TAU;

use glam::{Affine3A, Vec2, Vec3};

use super::extrude::Depth;
use super::finish::Finish;
use super::layout::z_to_y;
use super::outline::{Corner, Station, circle, divided, rounded, runs, triangulate};
use super::solid::{Poles, Solid, Vertex};

/// Part of a turn, for solids that are cut open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Angles in radians, from the Z axis towards the X axis.
    pub(super) from: f32,
    pub(super) to: f32,
    /// Finish of the cut faces.
    pub(super) finish: Finish,
}

impl Solid {
    /// Turns a profile of (radius, height) that begins and ends on the axis and ascends on its outside.
    pub(super) fn turned(&mut self, finish: Finish, corners: &[Corner]) {
        if self.stands_in(finish, corners, mean_radius(corners)) {
            return;
        }
        let line = rounded(self.detail(), corners, false);
        self.revolve(finish, &line, false, None);
    }

    /// Turns a closed, counter-clockwise profile of (radius, height) that stays off the axis.
    pub(super) fn turned_ring(&mut self, finish: Finish, corners: &[Corner]) {
        if self.stands_in(finish, corners, widest(corners)) {
            return;
        }
        let line = rounded(self.detail(), corners, true);
        self.revolve(finish, &line, true, None);
    }

    /// Turns the profile over part of a turn only.
    pub(super) fn turned_ring_cut(&mut self, finish: Finish, corners: &[Corner], cut: Cut) {
        if self.stands_in(finish, corners, widest(corners)) {
            return;
        }
        let line = rounded(self.detail(), corners, true);
        self.revolve(finish, &line, true, Some(cut));
    }

    /// Draws a cylinder from `bottom` to `top`, with edges broken by `edge`.
    pub(super) fn cylinder(&mut self, finish: Finish, radius: f32, bottom: f32, top: f32, edge: f32) {
        let corners =
            [Corner(0.0, bottom, 0.0), Corner(radius, bottom, edge), Corner(radius, top, edge), Corner(0.0, top, 0.0)];
        self.turned(finish, &corners);
    }

    /// Draws a cylinder with a bore.
    pub(super) fn ring(&mut self, finish: Finish, inner: f32, outer: f32, bottom: f32, top: f32, edge: f32) {
        let corners = [
            Corner(inner, bottom, edge),
            Corner(outer, bottom, edge),
            Corner(outer, top, edge),
            Corner(inner, top, edge),
        ];
        self.turned_ring(finish, &corners);
    }

    /// Draws a prism of the same height in place of a shape that is too small to show.
    fn stands_in(&mut self, finish: Finish, corners: &[Corner], radius: f32) -> bool {
        if self.detail().shows(widest(corners) * 0.8) {
            return false;
        }
        let bottom = corners.iter().fold(f32::INFINITY, |lowest, corner| lowest.min(corner.1));
        let top = corners.iter().fold(f32::NEG_INFINITY, |highest, corner| highest.max(corner.1));
        let outline = circle(radius, self.detail().around(radius, TAU));
        self.at(z_to_y(), |solid| {
            solid.extruded_outline(finish, outline, Depth { from: bottom, to: top, edge: 0.0, faces: None });
        });
        true
    }

    pub(super) fn torus(&mut self, finish: Finish, radius: f32, thickness: f32) {
        let extent = [Corner(radius + thickness, -thickness, 0.0), Corner(radius + thickness, thickness, 0.0)];
        if self.stands_in(finish, &extent, widest(&extent)) {
            return;
        }
        let segments = self.detail().wire(thickness);
        let line: Vec<Vec2> =
            circle(thickness, segments).into_iter().map(|point| point + Vec2::new(radius, 0.0)).collect();
        self.revolve(finish, &line, true, None);
    }

    pub(super) fn ball(&mut self, finish: Finish, radius: f32) {
        let rings = (self.detail().around(radius, TAU) / 2).max(3);
        let line: Vec<Vec2> = (0..=rings)
            .map(|ring| {
                let (sine, cosine) = (std::f32::consts::PI * ring as f32 / rings as f32).sin_cos();
                // Both poles are exactly on the axis.
                let out = if ring == 0 || ring == rings { 0.0 } else { sine * radius };
                Vec2::new(out, -cosine * radius)
            })
            .collect();
        self.revolve(finish, &line, false, None);
    }

    fn revolve(&mut self, finish: Finish, line: &[Vec2], closed: bool, cut: Option<Cut>) {
        let line = &divided(self.detail(), line, closed);
        let (from, to) = cut.map_or((0.0, TAU), |cut| (cut.from, cut.to));
        let widest = line.iter().fold(0.0_f32, |widest, point| widest.max(point.x));
        let columns = self.detail().around(widest, to - from);
        let spokes: Vec<Vec2> = (0..=columns)
            .map(|column| {
                // The last column equals the first exactly, so that the solid is closed at the seam.
                let is_seam = cut.is_none() && column == columns;
                let part = if is_seam { 0.0 } else { column as f32 / columns as f32 };
                Vec2::from_angle(from + (to - from) * part)
            })
            .collect();
        for run in runs(line, closed) {
            let rows = run.len() - 1;
            let poles = Poles { first: run[0].point.x == 0.0, last: run[rows].point.x == 0.0 };
            self.patch(finish, columns, rows, poles, |column, row| {
                let Station { point, normal, distance, .. } = run[row];
                let spoke = spokes[column];
                let around = (to - from) * column as f32 / columns as f32 * widest;
                Vertex {
                    position: Vec3::new(point.x * spoke.y, point.y, point.x * spoke.x),
                    normal: Vec3::new(normal.x * spoke.y, normal.y, normal.x * spoke.x),
                    coordinates: Vec2::new(around, distance),
                }
            });
        }
        if let Some(cut) = cut {
            self.cut_faces(line, cut);
        }
    }

    fn cut_faces(&mut self, line: &[Vec2], cut: Cut) {
        // The profile lies in the plane of Y and Z. From behind it is clockwise.
        let ends = [(cut.from, -1.0), (cut.to, 1.0)];
        for (angle, side) in ends {
            self.at(Affine3A::from_rotation_y(angle), |solid| {
                let triangles = || {
                    let mut triangles = triangulate(line);
                    if side > 0.0 {
                        for triangle in &mut triangles {
                            triangle.swap(1, 2);
                        }
                    }
                    triangles
                };
                solid.face(cut.finish, line, triangles, |point| Vertex {
                    position: Vec3::new(0.0, point.y, point.x),
                    normal: Vec3::X * side,
                    coordinates: point,
                });
            });
        }
    }
}

fn widest(corners: &[Corner]) -> f32 {
    corners.iter().fold(0.0, |widest, corner| widest.max(corner.0))
}

/// Returns the radius of the cylinder with the same height and volume as the solid that a profile encloses.
fn mean_radius(corners: &[Corner]) -> f32 {
    let cones = corners.windows(2).map(|edge| {
        let (Corner(a, bottom, _), Corner(b, top, _)) = (edge[0], edge[1]);
        // Volume of a truncated cone, divided by pi.
        (a * a + a * b + b * b) / 3.0 * (top - bottom)
    });
    let volume: f32 = cones.sum();
    let height = corners.iter().fold(f32::NEG_INFINITY, |highest, corner| highest.max(corner.1))
        - corners.iter().fold(f32::INFINITY, |lowest, corner| lowest.min(corner.1));
    if volume > 0.0 && height > 0.0 { (volume / height).sqrt() } else { widest(corners) }
}
