//! The description of one entity: its place in the forest, its state, and its contents.

use std::collections::BTreeSet;

use glam::DAffine3;
use remora_asset::{MetadataValue, WorldBounds};

use crate::ids::EntityId;
use crate::overrides::{EffectiveState, StateOverride};
use crate::scene::Scene;

/// An entity as it stands at present.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityView<'a> {
    /// Its id.
    pub id: EntityId,
    /// Its name in the model file; empty if it has none.
    pub name: &'a str,
    /// Names from the root down, separated by `/`.
    pub path: String,
    /// The entity above; `None` for the root of a model.
    pub parent: Option<EntityId>,
    /// Transform relative to the parent, in metres.
    pub local: DAffine3,
    /// Transform relative to the world, in metres.
    pub world: DAffine3,
    /// Its own values.
    pub overrides: StateOverride,
    /// Its own values, and inherited ones where it has none.
    pub state: EffectiveState,
    /// World box around everything at and below it, hidden parts included; empty if there is no geometry.
    pub bounds: WorldBounds,
}

/// The contents of an entity according to its model.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityContents<'a> {
    /// Metadata of the entity itself, in the order of its file.
    pub metadata: Vec<(&'a str, MetadataValue)>,
    /// Names of the materials at and below the entity, each once, in the order of the model. Materials without a name
    /// are left out.
    pub materials: Vec<&'a str>,
    /// Number of triangles at and below the entity; a mesh that is used twice counts twice.
    pub triangles: u64,
    /// Number of points at and below the entity; a mesh that is used twice counts twice.
    pub points: u64,
}

impl Scene {
    /// Describes an entity; `None` if it is not in the scene.
    pub fn entity(&self, id: EntityId) -> Option<EntityView<'_>> {
        let index = self.tree.index(id)?;
        let entity = self.tree.entity(index);
        Some(EntityView {
            id,
            name: &entity.name,
            path: self.tree.path(index),
            parent: entity.parent.map(|parent| self.tree.id(parent)),
            local: entity.local,
            world: entity.world,
            overrides: entity.overrides,
            state: entity.state,
            bounds: self.bounds_of_subtree(index),
        })
    }

    /// Returns the contents of an entity; `None` if it is not in the scene.
    pub fn contents(&self, id: EntityId) -> Option<EntityContents<'_>> {
        let index = self.tree.index(id)?;
        let model = self.models.of_entity(index)?;
        let asset = &model.asset;
        let mut materials = BTreeSet::new();
        let mut contents = EntityContents { metadata: Vec::new(), materials: Vec::new(), triangles: 0, points: 0 };
        for instance in self.instances_of_subtree(index) {
            let mesh = self.mesh(instance);
            contents.triangles = contents.triangles.saturating_add(mesh.triangles);
            contents.points = contents.points.saturating_add(mesh.points);
            materials.extend(asset.mesh_materials(mesh));
        }
        contents.materials = materials
            .into_iter()
            .map(|&material: &u32| asset.text(asset.materials()[material as usize].name))
            .filter(|name| !name.is_empty())
            .collect();
        // The root is no node of the file.
        if let Some(node) = (index - model.root).checked_sub(1) {
            contents.metadata = asset.metadata(&asset.nodes()[node as usize]);
        }
        Some(contents)
    }

    /// Iterates over the direct children in the order of the model's nodes. An entity that is not in the scene has
    /// none.
    pub fn children(&self, id: EntityId) -> impl Iterator<Item = EntityId> + '_ {
        let index = self.tree.index(id);
        index.into_iter().flat_map(|index| self.tree.children(index)).map(|child| self.tree.id(child))
    }
}
