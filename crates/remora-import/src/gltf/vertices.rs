//! The source of a primitive's numbers: accessors, or a Draco stream in addition to accessors.

use std::ops::Range;

use bytemuck::Pod;

use super::accessor::Accessors;
use super::draco;
use super::error::GltfError;
use super::json;
use super::place::Place;
use crate::budget::Budget;

/// The source of a primitive's attributes: its accessors or its compressed mesh.
pub(super) struct Vertices<'a> {
    primitive: &'a json::Primitive,
    place: Place,
    accessors: Accessors<'a>,
    draco: Option<draco::DecodedMesh<'a>>,
    count: u64,
}

impl<'a> Vertices<'a> {
    /// Opens the source; `None` if the primitive has no positions.
    pub(super) fn open(
        primitive: &'a json::Primitive,
        place: Place,
        accessors: Accessors<'a>,
        budget: &mut Budget,
    ) -> Result<Option<Self>, GltfError> {
        let Some(&positions) = primitive.attributes.get("POSITION") else { return Ok(None) };
        let extension = primitive.extensions.as_deref().and_then(|extensions| extensions.draco.as_ref());
        let draco = match extension {
            Some(extension) => {
                let indices = primitive.indices.ok_or_else(|| place.invalid("it is Draco and has no indices"))?;
                let triangles = accessors.count(indices)? / 3;
                let (stream, _) = accessors.view(extension.buffer_view)?;
                Some(draco::decode(extension, stream, triangles, place, budget)?)
            }
            None => None,
        };
        let count = match &draco {
            Some(decoded) => decoded.vertices(),
            None => accessors.count(positions)?,
        };
        Ok(Some(Self { primitive, place, accessors, draco, count }))
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Returns whether the elements are a list of triangles regardless of the primitive's mode, as in Draco streams.
    pub(super) fn is_triangle_list(&self) -> bool {
        self.draco.is_some()
    }

    /// Returns the indices of vertices in the order of the primitive's mode, unchecked.
    pub(super) fn elements(&self, budget: &mut Budget) -> Result<Vec<u32>, GltfError> {
        if let Some(draco) = &self.draco {
            return Ok(draco.indices());
        }
        if let Some(indices) = self.primitive.indices {
            return self.accessors.indices(indices, budget);
        }
        budget.take(self.count, size_of::<u32>(), "geometry")?;
        let count = u32::try_from(self.count)
            .map_err(|_| self.place.invalid(format!("{} vertices are too many", self.count)))?;
        Ok((0..count).collect())
    }

    /// Returns the numbers per vertex of an attribute, if the primitive has it.
    pub(super) fn width(&self, semantic: &str) -> Result<Option<usize>, GltfError> {
        let Some(&accessor) = self.primitive.attributes.get(semantic) else { return Ok(None) };
        match self.draco_with(semantic) {
            Some(draco) => draco.width(semantic, self.place).map(Some),
            None => self.accessors.width(accessor).map(Some),
        }
    }

    /// Returns an attribute of the vertices in `range`, which must be valid; `None` if there is no such attribute.
    pub(super) fn vectors<const N: usize>(
        &self,
        semantic: &str,
        range: &Range<u64>,
        budget: &mut Budget,
    ) -> Result<Option<Vec<[f32; N]>>, GltfError>
    where
        [f32; N]: Pod,
    {
        let Some(&accessor) = self.primitive.attributes.get(semantic) else { return Ok(None) };
        let Some(draco) = self.draco_with(semantic) else {
            return self.accessors.vectors::<N>(accessor, range.clone(), budget).map(Some);
        };
        let is_normalized = self.accessors.is_normalized(accessor)?;
        let mut vectors = draco.vectors::<N>(semantic, is_normalized, self.place, budget)?;
        vectors.truncate(range.end as usize);
        vectors.drain(..range.start as usize);
        Ok(Some(vectors))
    }

    fn draco_with(&self, semantic: &str) -> Option<&draco::DecodedMesh<'a>> {
        self.draco.as_ref().filter(|draco| draco.holds(semantic))
    }
}
