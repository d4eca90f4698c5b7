//! Tangents for normal maps.
//!
//! The tangent of a vertex is the sum over the triangles around it, weighted by their angle at the vertex. This is
//! MikkTSpace with one difference: where mirrored texture coordinates meet in a vertex, MikkTSpace gives it two
//! tangents, and this module gives it their sum. Files with such normal maps carry their own tangents.
//!
//! In glTF, v goes down the image while green in a normal map points up. The bitangent is therefore the direction in
//! which v decreases.

use glam::{Vec2, Vec3};

use crate::Primitive;

/// Bytes that [`compute`] allocates per vertex besides its result.
pub const SCRATCH_BYTES: usize = size_of::<(Vec3, Vec3)>();

/// Computes the tangents of a primitive that has normals and texture coordinates.
pub fn compute(primitive: &Primitive) -> Vec<[f32; 4]> {
    let mut sums = vec![(Vec3::ZERO, Vec3::ZERO); primitive.positions.len()];
    for triangle in primitive.indices.chunks_exact(3) {
        let corners = [triangle[0] as usize, triangle[1] as usize, triangle[2] as usize];
        let positions = corners.map(|corner| Vec3::from(primitive.positions[corner]));
        let coordinates = corners.map(|corner| Vec2::from(primitive.texture_coordinates[corner]));
        let Some((tangent, bitangent)) = directions(&positions, &coordinates) else { continue };
        for (at, &corner) in corners.iter().enumerate() {
            let weight = angle(&positions, at);
            sums[corner].0 += tangent * weight;
            sums[corner].1 += bitangent * weight;
        }
    }
    let normals = primitive.normals.iter().map(|&normal| Vec3::from(normal));
    normals.zip(sums).map(|(normal, (tangent, bitangent))| frame(normal, tangent, bitangent)).collect()
}

/// Gives tangents unit length and replaces those without a direction.
pub fn complete(primitive: &mut Primitive) {
    for (tangent, &normal) in primitive.tangents.iter_mut().zip(&primitive.normals) {
        let [x, y, z, sign] = *tangent;
        let direction =
            Vec3::new(x, y, z).try_normalize().unwrap_or_else(|| Vec3::from(normal).any_orthonormal_vector());
        *tangent = direction.extend(if sign < 0.0 { -1.0 } else { 1.0 }).into();
    }
}

/// Returns the unit directions in which u increases and v decreases.
fn directions(positions: &[Vec3; 3], coordinates: &[Vec2; 3]) -> Option<(Vec3, Vec3)> {
    let (edge_1, edge_2) = (positions[1] - positions[0], positions[2] - positions[0]);
    let (step_1, step_2) = (coordinates[1] - coordinates[0], coordinates[2] - coordinates[0]);
    let orientation = if step_1.perp_dot(step_2) < 0.0 { -1.0 } else { 1.0 };
    let tangent = (edge_1 * step_2.y - edge_2 * step_1.y) * orientation;
    let bitangent = (edge_1 * step_2.x - edge_2 * step_1.x) * orientation;
    Some((tangent.try_normalize()?, bitangent.try_normalize()?))
}

fn angle(positions: &[Vec3; 3], at: usize) -> f32 {
    let here = positions[at];
    let (next, previous) = (positions[(at + 1) % 3] - here, positions[(at + 2) % 3] - here);
    let cosine = next.normalize_or_zero().dot(previous.normalize_or_zero());
    cosine.clamp(-1.0, 1.0).acos()
}

fn frame(normal: Vec3, tangent: Vec3, bitangent: Vec3) -> [f32; 4] {
    let direction =
        (tangent - normal * normal.dot(tangent)).try_normalize().unwrap_or_else(|| normal.any_orthonormal_vector());
    let sign = if normal.cross(direction).dot(bitangent) < 0.0 { -1.0 } else { 1.0 };
    direction.extend(sign).into()
}
