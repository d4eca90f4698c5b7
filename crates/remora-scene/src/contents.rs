//! What an entity consists of, derived from its model: counts, names of materials, metadata.

use std::collections::BTreeSet;

use remora_asset::Asset;
use remora_asset::MetadataValue;

/// See [`crate::Scene::contents`].
#[derive(Clone, Debug, PartialEq)]
pub struct EntityContents<'a> {
    /// Of the entity itself, in the order of its file.
    pub metadata: Vec<(&'a str, MetadataValue)>,
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
    pub(crate) asset: Asset,
    /// Index of the entity above its nodes.
    pub(crate) root: u32,
}

/// Of the entity at `index`, which is of this model and has these meshes at and below it.
pub(crate) fn of(of: &SceneModel, index: usize, meshes: impl Iterator<Item = u32>) -> EntityContents<'_> {
    let asset = &of.asset;
    let mut used = BTreeSet::new();
    let mut contents = EntityContents { metadata: Vec::new(), materials: Vec::new(), triangles: 0, points: 0 };
    for mesh in meshes {
        let mesh = &asset.meshes()[mesh as usize];
        contents.triangles = contents.triangles.saturating_add(mesh.triangles);
        contents.points = contents.points.saturating_add(mesh.points);
        used.extend(asset.mesh_materials(mesh));
    }
    contents.materials = used
        .into_iter()
        .map(|&material: &u32| asset.text(asset.materials()[material as usize].name))
        .filter(|name| !name.is_empty())
        .collect();
    // The root is no node of the file.
    if let Some(node) = (index - of.root as usize).checked_sub(1) {
        contents.metadata = asset.metadata(&asset.nodes()[node]);
    }
    contents
}
