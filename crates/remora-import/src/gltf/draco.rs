//! Decodes primitives in `KHR_draco_mesh_compression`.

use std::collections::BTreeMap;

use draco_core::{DataType, DecodeLimits, DecoderBuffer, Mesh, MeshDecoder};

use super::error::GltfError;
use super::json;
use super::place::Place;
use crate::budget::Budget;

/// Peak memory per triangle without attributes: corners, their opposites and vertices, seams of attributes, and the
/// resulting indices.
const BYTES_PER_TRIANGLE: usize = 128;

/// Copies of attributes in memory: the attributes, and the values from which they are predicted.
const ATTRIBUTE_COPIES: u64 = 2;

/// A primitive whose triangles and attributes were compressed together.
pub(super) struct DecodedMesh<'a> {
    mesh: Mesh,
    /// Unique ids of attributes by semantic.
    attributes: &'a BTreeMap<String, u32>,
}

/// Decodes a stream. `triangles` is the number that the file declares.
pub(super) fn decode<'a>(
    draco: &'a json::Draco,
    stream: &[u8],
    triangles: u64,
    place: Place,
    budget: &mut Budget,
) -> Result<DecodedMesh<'a>, GltfError> {
    budget.take(triangles, BYTES_PER_TRIANGLE, "compressed geometry")?;
    let attribute_bytes_max = budget.left_bytes() / ATTRIBUTE_COPIES;
    let limits = DecodeLimits::default()
        .with_max_points(triangles.saturating_mul(3))
        .with_max_faces(triangles)
        .with_max_decoded_bytes(attribute_bytes_max);
    let mut buffer = DecoderBuffer::new(stream).with_limits(limits);
    let mut mesh = Mesh::new();
    MeshDecoder::new()
        .decode(&mut buffer, &mut mesh)
        .map_err(|error| place.invalid(format!("its Draco data cannot be decoded: {error}")))?;
    let points = mesh.num_points();
    if mesh.faces().iter().flatten().any(|corner| corner.0 as usize >= points) {
        return Err(place.invalid("its Draco data has an index out of range"));
    }
    let bytes = (0..mesh.num_attributes()).map(|index| mesh.attribute(index).buffer().data_size() as u64).sum();
    budget.take(bytes, ATTRIBUTE_COPIES as usize, "compressed geometry")?;
    Ok(DecodedMesh { mesh, attributes: &draco.attributes })
}

impl DecodedMesh<'_> {
    /// Returns the number of vertices, which is that of every attribute.
    pub(super) fn vertices(&self) -> u64 {
        self.mesh.num_points() as u64
    }

    /// Returns the indices, three per triangle, all of them in range.
    pub(super) fn indices(&self) -> Vec<u32> {
        self.mesh.faces().iter().flatten().map(|corner| corner.0).collect()
    }

    /// Returns whether the stream has this attribute. If not, an accessor may have it.
    pub(super) fn holds(&self, semantic: &str) -> bool {
        self.attributes.contains_key(semantic)
    }

    /// Returns the components per vertex of an attribute of the stream.
    pub(super) fn width(&self, semantic: &str, place: Place) -> Result<usize, GltfError> {
        Ok(usize::from(self.attribute(semantic, place)?.num_components()))
    }

    /// Returns an attribute of the stream, one vector per vertex.
    pub(super) fn vectors<const N: usize>(
        &self,
        semantic: &str,
        is_normalized: bool,
        place: Place,
        budget: &mut Budget,
    ) -> Result<Vec<[f32; N]>, GltfError> {
        let attribute = self.attribute(semantic, place)?;
        let found = usize::from(attribute.num_components());
        if found != N {
            return Err(place.invalid(format!("{semantic} in its Draco data has {found} numbers, {N} are needed")));
        }
        // A list of numbers and a list of vectors.
        budget.take(self.vertices() * 2, size_of::<[f32; N]>(), "geometry")?;
        let numbers = attribute.read_f32s(self.mesh.num_points(), N);
        let mut vectors = numbers.as_chunks::<N>().0.to_vec();
        if is_normalized && let Some(one) = largest(attribute.data_type()) {
            for number in vectors.as_flattened_mut() {
                *number = (*number / one).max(-1.0);
            }
        }
        Ok(vectors)
    }

    fn attribute(&self, semantic: &str, place: Place) -> Result<&draco_core::PointAttribute, GltfError> {
        let found = self.attributes.get(semantic).and_then(|&id| self.mesh.attribute_by_unique_id(id));
        found.ok_or_else(|| place.invalid(format!("its Draco data does not hold {semantic}, as the file says")))
    }
}

/// Returns the integer that represents 1 in a normalised attribute; `None` for other types.
fn largest(data_type: DataType) -> Option<f32> {
    match data_type {
        DataType::Int8 => Some(f32::from(i8::MAX)),
        DataType::Uint8 => Some(f32::from(u8::MAX)),
        DataType::Int16 => Some(f32::from(i16::MAX)),
        DataType::Uint16 => Some(f32::from(u16::MAX)),
        _ => None,
    }
}
