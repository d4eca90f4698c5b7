//! Meshes in clusters, and clusters in chunks that fit into a storage binding of every adapter.

use glam::Vec3;
use remora_assets::cluster::{self, ClusterBounds};
use remora_assets::{Model, Points, Primitive};

use super::material::MaterialRecord;
use super::points::{self, PointRun};
use super::work::in_parallel;

/// Bytes of each stream in a chunk: a part of a page, so that pages fill well.
const CHUNK_BYTES_MAX: usize = 16 << 20;

/// What is uploaded together.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    /// Position and octahedral normal.
    pub vertices: Vec<[u32; 4]>,
    /// Texture coordinates, octahedral tangent with the bitangent's sign, colour.
    pub details: Vec<[u32; 4]>,
    pub triangles: Vec<u32>,
}

#[derive(Debug)]
pub(crate) struct PreparedMesh {
    pub center: Vec3,
    pub radius: f32,
    pub clusters: Vec<PreparedCluster>,
}

#[derive(Clone, Debug)]
pub(crate) struct PreparedCluster {
    pub bounds: ClusterBounds,
    pub chunk: u32,
    /// First vertex, first detail, first triangle within the chunk.
    pub firsts: [u32; 3],
    /// Or points.
    pub triangles: u32,
    /// `None` for points.
    pub material: Option<u32>,
}

pub(crate) struct Geometry {
    pub chunks: Vec<Chunk>,
    pub meshes: Vec<PreparedMesh>,
}

/// One primitive in the layout of a chunk.
struct Piece {
    clusters: Vec<cluster::Cluster>,
    chunk: Chunk,
    material: u32,
    detailed: bool,
}

impl Chunk {
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.vertices[..]) + size_of_val(&self.details[..]) + size_of_val(&self.triangles[..])
    }

    /// Where what comes next will be: vertex, detail, triangle.
    fn ends(&self) -> [u32; 3] {
        [self.vertices.len(), self.details.len(), self.triangles.len()].map(|length| length as u32)
    }

    fn has_room_for(&self, vertices: usize, triangles: usize) -> bool {
        (self.vertices.len() + vertices) * 16 <= CHUNK_BYTES_MAX
            && (self.triangles.len() + triangles) * 4 <= CHUNK_BYTES_MAX
    }
}

pub(crate) fn build(
    model: &Model,
    materials: &[MaterialRecord],
    threads: usize,
    progress: &mut dyn FnMut(f32),
) -> Geometry {
    let primitives: Vec<&Primitive> = model.meshes.iter().flat_map(|mesh| &mesh.primitives).collect();
    let pieces = in_parallel(primitives.len(), threads, progress, |index| {
        let primitive = primitives[index];
        piece(primitive, materials[primitive.material as usize].detailed)
    });
    let mut pieces = pieces.into_iter();
    let mut chunks = vec![Chunk::default()];
    let meshes = model.meshes.iter().map(|mesh| {
        let bounds = mesh.bounds();
        let of_mesh = pieces.by_ref().take(mesh.primitives.len());
        let mut clusters: Vec<PreparedCluster> = of_mesh.flat_map(|piece| place(piece, &mut chunks)).collect();
        let mut spread = 0.0;
        for run in points::runs(&mesh.points) {
            spread = run.spacing.max(spread);
            clusters.push(place_points(&mesh.points, run, &mut chunks));
        }
        PreparedMesh {
            clusters,
            center: if bounds.is_empty() { Vec3::ZERO } else { bounds.center() },
            radius: bounds.radius() + spread,
        }
    });
    Geometry { meshes: meshes.collect(), chunks }
}

fn piece(primitive: &Primitive, detailed: bool) -> Piece {
    let clusters = cluster::cluster(primitive);
    let vertex = |&index: &u32| {
        let [x, y, z] = primitive.positions[index as usize].map(f32::to_bits);
        [x, y, z, octahedral(primitive.normals[index as usize].into())]
    };
    let detail = |&index: &u32| {
        let index = index as usize;
        let [u, v] = primitive.texture_coordinates.get(index).copied().unwrap_or_default();
        let tangent = primitive.tangents.get(index).copied().unwrap_or([1.0, 0.0, 0.0, 1.0]);
        let color = primitive.colors.get(index).copied().unwrap_or([255; 4]);
        [u.to_bits(), v.to_bits(), packed_tangent(tangent), u32::from_le_bytes(color)]
    };
    let details = if detailed { clusters.vertices.iter().map(detail).collect() } else { Vec::new() };
    let vertices = clusters.vertices.iter().map(vertex).collect();
    Piece {
        clusters: clusters.clusters,
        chunk: Chunk { vertices, details, triangles: clusters.triangles },
        material: primitive.material,
        detailed,
    }
}

/// Appends a piece's clusters to the last chunk, and to a new one whenever that is full.
fn place(piece: Piece, chunks: &mut Vec<Chunk>) -> Vec<PreparedCluster> {
    let mut placed = Vec::with_capacity(piece.clusters.len());
    for cluster in &piece.clusters {
        let vertices = cluster.vertices.start as usize..cluster.vertices.end as usize;
        let triangles = cluster.triangles.start as usize..cluster.triangles.end as usize;
        let (number, chunk) = chunk_for(vertices.len(), triangles.len(), chunks);
        placed.push(PreparedCluster {
            bounds: cluster.bounds,
            chunk: number,
            firsts: chunk.ends(),
            triangles: triangles.len() as u32,
            material: Some(piece.material),
        });
        chunk.vertices.extend_from_slice(&piece.chunk.vertices[vertices.clone()]);
        if piece.detailed {
            chunk.details.extend_from_slice(&piece.chunk.details[vertices]);
        }
        chunk.triangles.extend_from_slice(&piece.chunk.triangles[triangles]);
    }
    placed
}

fn place_points(points: &Points, run: PointRun, chunks: &mut Vec<Chunk>) -> PreparedCluster {
    let (number, chunk) = chunk_for(run.points.len(), 1, chunks);
    let firsts = chunk.ends();
    let count = run.points.len() as u32;
    chunk.vertices.extend(points::vertices(points, run.points));
    chunk.triangles.push(run.spacing.to_bits());
    PreparedCluster { bounds: run.bounds, chunk: number, firsts, triangles: count, material: None }
}

/// The last chunk, or a new one if that is full.
fn chunk_for(vertices: usize, triangles: usize, chunks: &mut Vec<Chunk>) -> (u32, &mut Chunk) {
    if chunks.last().is_none_or(|last| !last.has_room_for(vertices, triangles)) {
        chunks.push(Chunk::default());
    }
    (chunks.len() as u32 - 1, chunks.last_mut().expect("there is a chunk now"))
}

/// A unit vector folded onto a square; two signed 16-bit numbers. Cigolle et al., A Survey of Efficient
/// Representations for Independent Unit Vectors, 2014.
fn octahedral(vector: Vec3) -> u32 {
    let [x, y] = folded(vector);
    let snorm = |value: f32| u32::from((value.clamp(-1.0, 1.0) * 32767.0).round() as i16 as u16);
    snorm(x) | snorm(y) << 16
}

/// As [`octahedral`]; the lowest bit tells that the bitangent is turned around.
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

    /// What `octahedral` in surface.wgsl does.
    fn unfolded(packed: u32) -> Vec3 {
        let [x, y] = [packed as u16, (packed >> 16) as u16].map(|value| (f32::from(value as i16) / 32767.0).max(-1.0));
        let z = 1.0 - x.abs() - y.abs();
        let fold = (-z).max(0.0);
        let inward = |value: f32| value + if value >= 0.0 { -fold } else { fold };
        Vec3::new(inward(x), inward(y), z).normalize()
    }

    #[test]
    fn directions_survive_folding() {
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
