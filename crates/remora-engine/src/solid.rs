//! A solid under construction: patches of surface, grouped by finish.
//!
//! The same drawing code runs in two modes. Counting only adds up triangles, so that the tessellation for a requested
//! total is found before anything is built; building makes the vertices.

use glam::{Affine3A, Vec2, Vec3};

use super::finish::Finish;
use remora_model::Primitive;

/// Segments of a full circle of one metre radius at quality 1; others follow by the square root of their radius,
/// which keeps the distance between surface and facets in proportion.
const SEGMENTS_PER_CIRCLE: f32 = 118.0;
/// Straight edges are divided into pieces of this length, in metres, at quality 1.
const STRAIGHT_PIECE: f32 = 0.08;

/// The fineness at which curves are divided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Detail {
    quality: f32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Vertex {
    pub(super) position: Vec3,
    pub(super) normal: Vec3,
    /// Texture coordinates in metres along the surface; finishes scale them.
    pub(super) coordinates: Vec2,
}

/// A shape that is being drawn, to count its triangles or to build them.
pub(super) struct Solid {
    detail: Detail,
    /// Transform from the shape being drawn to the solid.
    transform: Affine3A,
    output: Output,
}

enum Output {
    Count(u64),
    Primitives(Vec<(Finish, Primitive)>),
}

impl Detail {
    pub(super) fn new(quality: f32) -> Self {
        Self { quality }
    }

    /// Returns the segments for an arc of `angle` radians. A full circle has at least six, or fewer if it is tiny.
    pub(super) fn around(self, radius: f32, angle: f32) -> usize {
        let turn = angle.abs() / std::f32::consts::TAU;
        let sides = match self {
            _ if self.shows(radius) => 6.0,
            _ if self.shows(radius * 3.0) => 5.0,
            _ => 4.0,
        };
        self.fillet(radius, angle).max((sides * turn).ceil() as usize).max(1)
    }

    /// Returns the segments for the section of a wire, the only shape that may be a triangle.
    pub(super) fn wire(self, radius: f32) -> usize {
        self.fillet(radius, std::f32::consts::TAU).max(3)
    }

    /// Returns the segments for the rounding of an edge; 0 if it is too small to matter.
    pub(super) fn fillet(self, radius: f32, angle: f32) -> usize {
        let turn = angle.abs() / std::f32::consts::TAU;
        (self.quality * SEGMENTS_PER_CIRCLE * radius.sqrt() * turn).round() as usize
    }

    /// Returns the segments for a straight edge.
    pub(super) fn along(self, length: f32) -> usize {
        ((self.quality * length / STRAIGHT_PIECE) as usize).max(1)
    }

    /// Returns the quality, relative to quality 1.
    pub(super) fn scale(self) -> f32 {
        self.quality
    }

    /// Returns whether a feature of `size` metres is worth drawing.
    pub(super) fn shows(self, size: f32) -> bool {
        self.quality * size > 0.0016
    }
}

impl Solid {
    /// Returns a solid that only counts its triangles.
    pub(super) fn counting(detail: Detail) -> Self {
        Self { detail, transform: Affine3A::IDENTITY, output: Output::Count(0) }
    }

    /// Returns a solid that keeps its triangles.
    pub(super) fn building(detail: Detail) -> Self {
        Self { detail, transform: Affine3A::IDENTITY, output: Output::Primitives(Vec::new()) }
    }

    pub(super) fn detail(&self) -> Detail {
        self.detail
    }

    /// Returns the triangles counted so far. A solid in building mode counts the triangles that it has.
    pub(super) fn triangles(&self) -> u64 {
        match &self.output {
            Output::Count(count) => *count,
            Output::Primitives(primitives) => {
                primitives.iter().map(|(_, primitive)| primitive.triangles() as u64).sum()
            }
        }
    }

    pub(super) fn into_primitives(self) -> Vec<(Finish, Primitive)> {
        match self.output {
            Output::Count(_) => Vec::new(),
            Output::Primitives(primitives) => primitives,
        }
    }

    /// Draws with a local frame; `place` is a rotation and a translation.
    pub(super) fn at(&mut self, place: Affine3A, draw: impl FnOnce(&mut Self)) {
        let outer = self.transform;
        self.transform = outer * place;
        draw(self);
        self.transform = outer;
    }

    /// Draws a patch of `columns` by `rows` cells, two triangles each. `vertex` is called for all corners, row by row.
    /// Seen from outside, columns run to the right and rows upwards. Triangles without area, where a row contracts
    /// to a point, are omitted.
    pub(super) fn patch(
        &mut self,
        finish: Finish,
        columns: usize,
        rows: usize,
        poles: Poles,
        vertex: impl Fn(usize, usize) -> Vertex,
    ) {
        let transform = self.transform;
        let primitive = match &mut self.output {
            Output::Count(count) => {
                let missing = usize::from(poles.first) + usize::from(poles.last);
                *count += (columns * (rows * 2 - missing.min(rows * 2))) as u64;
                return;
            }
            Output::Primitives(primitives) => primitive_of(primitives, finish),
        };
        let first = primitive.positions.len() as u32;
        for row in 0..=rows {
            for column in 0..=columns {
                push(primitive, &transform, vertex(column, row));
            }
        }
        let stride = columns as u32 + 1;
        for row in 0..rows as u32 {
            for column in 0..columns as u32 {
                let a = first + row * stride + column;
                let (b, c, d) = (a + 1, a + stride + 1, a + stride);
                if !(poles.first && row == 0) {
                    primitive.indices.extend([a, b, c]);
                }
                if !(poles.last && row + 1 == rows as u32) {
                    primitive.indices.extend([a, c, d]);
                }
            }
        }
    }

    /// Draws a flat face. `triangles` is called for index triples only if the face is built.
    pub(super) fn face(
        &mut self,
        finish: Finish,
        outline: &[Vec2],
        triangles: impl FnOnce() -> Vec<[u32; 3]>,
        vertex: impl Fn(Vec2) -> Vertex,
    ) {
        let transform = self.transform;
        match &mut self.output {
            Output::Count(count) => *count += outline.len().saturating_sub(2) as u64,
            Output::Primitives(primitives) => {
                let primitive = primitive_of(primitives, finish);
                let first = primitive.positions.len() as u32;
                for &point in outline {
                    push(primitive, &transform, vertex(point));
                }
                primitive.indices.extend(triangles().into_iter().flatten().map(|index| first + index));
            }
        }
    }
}

/// Returns whether the first or the last row of a patch is a single point.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Poles {
    pub(super) first: bool,
    pub(super) last: bool,
}

fn primitive_of(primitives: &mut Vec<(Finish, Primitive)>, finish: Finish) -> &mut Primitive {
    let index = match primitives.iter().position(|(known, _)| *known == finish) {
        Some(index) => index,
        None => {
            primitives.push((finish, Primitive { material: finish.index(), ..Primitive::default() }));
            primitives.len() - 1
        }
    };
    &mut primitives[index].1
}

fn push(primitive: &mut Primitive, transform: &Affine3A, vertex: Vertex) {
    primitive.positions.push(transform.transform_point3(vertex.position).into());
    primitive.normals.push(transform.transform_vector3(vertex.normal).normalize_or(Vec3::Y).into());
    primitive.texture_coordinates.push(vertex.coordinates.into());
}
