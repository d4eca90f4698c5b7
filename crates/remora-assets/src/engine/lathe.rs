//! Solids of revolution about the Y axis.

use std::f32::consts::TAU;

use glam::{Affine3A, Vec2, Vec3};

use super::finish::Finish;
use super::outline::{Corner, circle, divided, rounded, runs, triangulate};
use super::solid::{Poles, Solid, Vertex};

/// Part of a turn, for solids that are cut open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// In radians, from the Z axis towards the X axis.
    pub(super) from: f32,
    pub(super) to: f32,
    /// Of the faces where it is cut.
    pub(super) finish: Finish,
}

impl Solid {
    /// Turns a profile of (radius, height) that begins and ends on the axis and goes up on its outside.
    pub(super) fn turned(&mut self, finish: Finish, corners: &[Corner]) {
        let line = rounded(self.detail(), corners, false);
        self.revolve(finish, &line, false, None);
    }

    /// Turns a closed, counter-clockwise profile of (radius, height) that stays off the axis.
    pub(super) fn turned_ring(&mut self, finish: Finish, corners: &[Corner]) {
        let line = rounded(self.detail(), corners, true);
        self.revolve(finish, &line, true, None);
    }

    /// The same, but only part of the turn.
    pub(super) fn turned_ring_cut(&mut self, finish: Finish, corners: &[Corner], cut: Cut) {
        let line = rounded(self.detail(), corners, true);
        self.revolve(finish, &line, true, Some(cut));
    }

    /// From `bottom` to `top`, with edges broken by `edge`.
    pub(super) fn cylinder(&mut self, finish: Finish, radius: f32, bottom: f32, top: f32, edge: f32) {
        let corners =
            [Corner(0.0, bottom, 0.0), Corner(radius, bottom, edge), Corner(radius, top, edge), Corner(0.0, top, 0.0)];
        self.turned(finish, &corners);
    }

    /// A cylinder with a bore.
    pub(super) fn ring(&mut self, finish: Finish, inner: f32, outer: f32, bottom: f32, top: f32, edge: f32) {
        let corners = [
            Corner(inner, bottom, edge),
            Corner(outer, bottom, edge),
            Corner(outer, top, edge),
            Corner(inner, top, edge),
        ];
        self.turned_ring(finish, &corners);
    }

    pub(super) fn torus(&mut self, finish: Finish, radius: f32, thickness: f32) {
        let segments = self.detail().around(thickness, TAU).max(5);
        let line: Vec<Vec2> =
            circle(thickness, segments).into_iter().map(|point| point + Vec2::new(radius, 0.0)).collect();
        self.revolve(finish, &line, true, None);
    }

    pub(super) fn ball(&mut self, finish: Finish, radius: f32) {
        let rings = (self.detail().around(radius, TAU) / 2).max(3);
        let line: Vec<Vec2> = (0..=rings)
            .map(|ring| {
                let (sine, cosine) = (std::f32::consts::PI * ring as f32 / rings as f32).sin_cos();
                // Exactly on the axis at both poles.
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
                // The seam is met exactly, so that the solid is closed there.
                let is_seam = cut.is_none() && column == columns;
                let part = if is_seam { 0.0 } else { column as f32 / columns as f32 };
                Vec2::from_angle(from + (to - from) * part)
            })
            .collect();
        for run in runs(line, closed) {
            let rows = run.points.len() - 1;
            let poles = Poles { first: run.points[0].x == 0.0, last: run.points[rows].x == 0.0 };
            self.patch(finish, columns, rows, poles, |column, row| {
                let (spoke, point, normal) = (spokes[column], run.points[row], run.normals[row]);
                let around = (to - from) * column as f32 / columns as f32 * widest;
                Vertex {
                    position: Vec3::new(point.x * spoke.y, point.y, point.x * spoke.x),
                    normal: Vec3::new(normal.x * spoke.y, normal.y, normal.x * spoke.x),
                    coordinates: Vec2::new(around, run.distances[row]),
                }
            });
        }
        if let Some(cut) = cut {
            self.cut_faces(line, cut);
        }
    }

    fn cut_faces(&mut self, line: &[Vec2], cut: Cut) {
        // The profile lies in the plane of Y and Z; from behind it is clockwise.
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
