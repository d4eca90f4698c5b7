//! Encodes clusters as blocks in the form in which they are uploaded, with positions on the mesh's grid.
//!
//! A block holds one cluster:
//!
//! | content | bytes each | number |
//! |---|---|---|
//! | positions: x, y, z of 21 bits, from the lowest bit on | 8 | vertices |
//! | octahedral normals of twice 16 bits; for points, sRGB colours and shares of the width | 4 | vertices |
//! | triangles: three local indices of 8 bits | 4 | triangles |
//! | for points instead: the width in steps of the grid as a 32-bit float | 4 | 1 |
//! | details, from the next multiple of 16 bytes on: texture coordinates, tangent, colour | 16 | vertices, or 0 |

use glam::Vec3;

use crate::detail::{DetailCluster, Group, Hierarchy};
use remora_asset::Grid;
use remora_asset::layout::{BLOCK_UNIT_BYTES, ClusterRecord, NONE};
use remora_model::{Mesh, Primitive};

/// Bytes of a vertex's details.
const DETAIL_BYTES: usize = 16;

/// Encodes the clusters of a mesh, group by group.
pub(crate) struct Encoder<'a> {
    pub mesh: &'a Mesh,
    pub hierarchy: &'a Hierarchy,
    pub grid: Grid,
    /// For each material of the model, whether it uses texture coordinates, tangents and colours.
    pub detailed: &'a [bool],
}

/// The clusters of a group, as records and as bytes.
pub(crate) struct EncodedGroup {
    /// Records whose blocks count from the group's first byte and whose groups count from the mesh's first group.
    pub clusters: Vec<ClusterRecord>,
    /// The blocks of the clusters, one after another.
    pub data: Vec<u8>,
}

impl Encoder<'_> {
    /// Returns the bytes of a group's blocks.
    pub(crate) fn bytes(&self, group: &Group) -> usize {
        let block = |cluster: &DetailCluster| {
            // Points have their width in place of triangles.
            let words = if cluster.triangles.is_empty() { 1 } else { cluster.triangles.len() };
            let plain = (cluster.vertices.len() * 12 + words * 4).next_multiple_of(BLOCK_UNIT_BYTES);
            plain + if self.has_details(cluster) { cluster.vertices.len() * DETAIL_BYTES } else { 0 }
        };
        self.hierarchy.clusters_of(group).iter().map(block).sum()
    }

    pub(crate) fn encode(&self, group: &Group) -> EncodedGroup {
        let (mesh, grid) = (self.mesh, self.grid);
        let mut data = Vec::with_capacity(self.bytes(group));
        let put = |cluster: &DetailCluster| {
            let block = (data.len() / BLOCK_UNIT_BYTES) as u32;
            let vertices = &self.hierarchy.vertices[cluster.vertices.start as usize..cluster.vertices.end as usize];
            let triangles = &self.hierarchy.triangles[cluster.triangles.start as usize..cluster.triangles.end as usize];
            if triangles.is_empty() {
                put_points(&mut data, mesh, grid, self.hierarchy, cluster);
                return record(cluster, NONE, block);
            }
            let primitive = &mesh.primitives[cluster.primitive as usize];
            put_triangles(&mut data, primitive, grid, vertices, triangles);
            if self.has_details(cluster) {
                put_details(&mut data, primitive, vertices);
            }
            record(cluster, primitive.material, block)
        };
        let clusters = self.hierarchy.clusters_of(group).iter().map(put).collect();
        debug_assert_eq!(data.len(), self.bytes(group));
        EncodedGroup { clusters, data }
    }

    fn has_details(&self, cluster: &DetailCluster) -> bool {
        !cluster.triangles.is_empty()
            && self.detailed[self.mesh.primitives[cluster.primitive as usize].material as usize]
    }
}

fn record(cluster: &DetailCluster, material: u32, block: u32) -> ClusterRecord {
    let bounds = &cluster.bounds;
    ClusterRecord {
        center: bounds.center.into(),
        radius: bounds.radius,
        cone_apex: bounds.cone_apex.into(),
        cone_cutoff: bounds.cone_cutoff,
        cone_axis: bounds.cone_axis.into(),
        refined: cluster.refined.unwrap_or(NONE),
        block,
        vertices: cluster.vertices.len() as u16,
        triangles: cluster.triangles.len() as u16,
        material,
        width: cluster.width,
    }
}

fn put_triangles(data: &mut Vec<u8>, primitive: &Primitive, grid: Grid, vertices: &[u32], triangles: &[u32]) {
    for &vertex in vertices {
        data.extend_from_slice(&grid.pack(primitive.positions[vertex as usize]).to_le_bytes());
    }
    for &vertex in vertices {
        data.extend_from_slice(&octahedral(primitive.normals[vertex as usize].into()).to_le_bytes());
    }
    for triangle in triangles {
        data.extend_from_slice(&triangle.to_le_bytes());
    }
    pad(data);
}

fn put_points(data: &mut Vec<u8>, mesh: &Mesh, grid: Grid, hierarchy: &Hierarchy, cluster: &DetailCluster) {
    let range = cluster.vertices.start as usize..cluster.vertices.end as usize;
    let vertices = &hierarchy.vertices[range.clone()];
    for &vertex in vertices {
        data.extend_from_slice(&grid.pack(mesh.points.positions[vertex as usize]).to_le_bytes());
    }
    for (&vertex, &share) in vertices.iter().zip(&hierarchy.shares[range]) {
        let [red, green, blue, _] = mesh.points.colors[vertex as usize];
        data.extend_from_slice(&[red, green, blue, share]);
    }
    data.extend_from_slice(&(cluster.width / grid.step).to_le_bytes());
    pad(data);
}

fn put_details(data: &mut Vec<u8>, primitive: &Primitive, vertices: &[u32]) {
    for &vertex in vertices {
        let vertex = vertex as usize;
        let [u, v] = primitive.texture_coordinates.get(vertex).copied().unwrap_or_default();
        let tangent = primitive.tangents.get(vertex).copied().unwrap_or([1.0, 0.0, 0.0, 1.0]);
        let color = primitive.colors.get(vertex).copied().unwrap_or([255; 4]);
        data.extend_from_slice(&u.to_le_bytes());
        data.extend_from_slice(&v.to_le_bytes());
        data.extend_from_slice(&packed_tangent(tangent).to_le_bytes());
        data.extend_from_slice(&color);
    }
}

fn pad(data: &mut Vec<u8>) {
    data.resize(data.len().next_multiple_of(BLOCK_UNIT_BYTES), 0);
}

/// Encodes a unit vector as a point of a square, in two signed 16-bit numbers. Source: Cigolle et al., A Survey of
/// Efficient Representations for Independent Unit Vectors, 2014.
fn octahedral(vector: Vec3) -> u32 {
    let [x, y] = folded(vector);
    // The cast truncates, hence the half. Rounding would be a function call.
    let snorm = |value: f32| u32::from((value.clamp(-1.0, 1.0) * 32767.0 + 0.5_f32.copysign(value)) as i16 as u16);
    snorm(x) | snorm(y) << 16
}

/// Encodes a tangent as [`octahedral`] does. The lowest bit is set if the bitangent is inverted.
fn packed_tangent([x, y, z, sign]: [f32; 4]) -> u32 {
    octahedral(Vec3::new(x, y, z)) & 0xfffe_fffe | u32::from(sign < 0.0)
}

fn folded(vector: Vec3) -> [f32; 2] {
    let length = vector.abs().element_sum();
    if length.is_nan() || length <= 0.0 {
        return [0.0, 0.0];
    }
    let scaled = vector / length;
    if scaled.z >= 0.0 {
        return [scaled.x, scaled.y];
    }
    let sign = |value: f32| if value >= 0.0 { 1.0 } else { -1.0 };
    [(1.0 - scaled.y.abs()) * sign(scaled.x), (1.0 - scaled.x.abs()) * sign(scaled.y)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes a vector as the shader does.
    fn unfolded(packed: u32) -> Vec3 {
        let [x, y] = [packed as u16, (packed >> 16) as u16].map(|value| (f32::from(value as i16) / 32767.0).max(-1.0));
        let z = 1.0 - x.abs() - y.abs();
        let fold = (-z).max(0.0);
        let inward = |value: f32| value + if value >= 0.0 { -fold } else { fold };
        Vec3::new(inward(x), inward(y), z).normalize()
    }

    #[test]
    fn directions_are_kept_by_the_encoding() {
        for i in -4..=4 {
            for j in -4..=4 {
                for k in -4..=4 {
                    let Some(direction) = Vec3::new(i as f32, j as f32, k as f32).try_normalize() else { continue };
                    let angle = unfolded(octahedral(direction)).dot(direction).min(1.0).acos();
                    assert!(angle < 1e-3, "{direction}: off by {angle}");
                    let [x, y, z] = direction.to_array();
                    for sign in [-1.0, 1.0] {
                        let packed = packed_tangent([x, y, z, sign]);
                        assert_eq!(packed & 1 == 1, sign < 0.0);
                        let angle = unfolded(packed & 0xfffe_fffe).dot(direction).min(1.0).acos();
                        assert!(angle < 1e-3, "tangent {direction}: off by {angle}");
                    }
                }
            }
        }
    }
}
