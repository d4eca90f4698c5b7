//! What an entity consists of, derived from its model: counts, names of materials, metadata.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use remora_assets::{Bounds, Mesh, MetadataValue, Model};

use crate::ray::TriangleGroups;

/// See [`crate::Scene::contents`].
#[derive(Clone, Debug, PartialEq)]
pub struct EntityContents<'a> {
    /// Of the entity itself, in the order of its file.
    pub metadata: &'a [(String, MetadataValue)],
    /// Names of the materials at and below the entity, each once, in the order of the model; a material without a
    /// name is left out.
    pub materials: Vec<&'a str>,
    /// At and below the entity; a mesh that is used twice counts twice.
    pub triangles: u64,
    /// As `triangles`.
    pub points: u64,
}

#[derive(Debug)]
pub(crate) struct SceneModel {
    pub(crate) model: Arc<Model>,
    /// Index of the entity above its nodes.
    pub(crate) root: u32,
    pub(crate) meshes: Vec<SceneMesh>,
}

#[derive(Debug)]
pub(crate) struct SceneMesh {
    pub(crate) bounds: Bounds,
    pub(crate) triangles: u64,
    pub(crate) points: u64,
    /// Each once, ascending.
    materials: Vec<u32>,
    /// Made when the first ray comes near.
    pub(crate) groups: OnceLock<Vec<TriangleGroups>>,
}

impl SceneModel {
    pub(crate) fn new(model: Arc<Model>, root: u32) -> Self {
        let meshes = model.meshes.iter().map(SceneMesh::new).collect();
        Self { model, root, meshes }
    }
}

impl SceneMesh {
    fn new(mesh: &Mesh) -> Self {
        let materials: BTreeSet<u32> = mesh.primitives.iter().map(|primitive| primitive.material).collect();
        Self {
            bounds: mesh.bounds(),
            triangles: mesh.triangles(),
            points: mesh.points.positions.len() as u64,
            materials: materials.into_iter().collect(),
            groups: OnceLock::new(),
        }
    }
}

/// Of the entity at `index`, which is of this model and has these meshes at and below it.
pub(crate) fn of(of: &SceneModel, index: usize, meshes: impl Iterator<Item = u32>) -> EntityContents<'_> {
    let mut used = BTreeSet::new();
    let mut contents = EntityContents { metadata: &[], materials: Vec::new(), triangles: 0, points: 0 };
    for mesh in meshes {
        let mesh = &of.meshes[mesh as usize];
        contents.triangles += mesh.triangles;
        contents.points += mesh.points;
        used.extend(&mesh.materials);
    }
    contents.materials = used
        .into_iter()
        .map(|material: u32| of.model.materials[material as usize].name.as_str())
        .filter(|name| !name.is_empty())
        .collect();
    // The root is no node of the file.
    if let Some(node) = (index - of.root as usize).checked_sub(1) {
        contents.metadata = &of.model.nodes[node].metadata;
    }
    contents
}
