//! The description of one entity: its place in the forest, its state, and its contents.

use std::collections::BTreeSet;

use glam::DAffine3;
use remora_asset::{MetadataValue, WorldBounds};

use crate::ids::{EntityId, ModelKey};
use crate::overrides::{EffectiveState, StateOverride};
use crate::scene::Scene;
use crate::transform::Transform;

/// An entity as it stands at present.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityView<'a> {
    /// Its id.
    pub id: EntityId,
    /// The name that it was given last, first that of the model file; empty if it has none.
    pub name: &'a str,
    /// Names from the root down, separated by `/`. A path of more than 8 kB ends early.
    pub path: String,
    /// The entity above; `None` for a root.
    pub parent: Option<EntityId>,
    /// Transform relative to the parent, in metres.
    pub local: DAffine3,
    /// The parts of `local`: those that were set, or else without the shear that a model file may have.
    pub transform: Transform,
    /// Transform relative to the world, in metres. Beyond [`crate::WORLD_MAX`] it flattens everything to the point
    /// where the parent stands.
    pub world: DAffine3,
    /// Its own switch; [`EffectiveState::enabled`] says whether those above it are on as well.
    pub enabled: bool,
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
    /// Names of the materials at and below the entity, each once, in the order of the models. Materials without a name
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
        let slot = self.find(id)?;
        let entity = self.tree.entity(slot);
        Some(EntityView {
            id,
            name: &entity.name,
            path: self.tree.path(slot),
            parent: entity.parent.map(|parent| self.tree.id(parent)),
            local: entity.local,
            transform: entity.parts.as_deref().copied().unwrap_or_else(|| Transform::from_affine(&entity.local)),
            world: entity.derived.world,
            enabled: entity.enabled,
            overrides: entity.overrides,
            state: entity.derived.state,
            bounds: self.bounds_of_subtree(slot),
        })
    }

    /// Returns the name of an entity; `None` if it is not in the scene.
    pub fn name(&self, id: EntityId) -> Option<&str> {
        self.find(id).map(|slot| self.tree.entity(slot).name.as_str())
    }

    /// Returns the number of entities.
    pub fn entities(&self) -> usize {
        self.tree.len()
    }

    /// Returns the contents of an entity; `None` if it is not in the scene.
    pub fn contents(&self, id: EntityId) -> Option<EntityContents<'_>> {
        let slot = self.find(id)?;
        let mut materials = BTreeSet::new();
        let mut contents = EntityContents { metadata: Vec::new(), materials: Vec::new(), triangles: 0, points: 0 };
        for instance in self.instances_of_subtree(slot) {
            let mesh = self.mesh(instance);
            contents.triangles = contents.triangles.saturating_add(mesh.triangles);
            contents.points = contents.points.saturating_add(mesh.points);
            let used = self.model(instance.model).into_iter().flat_map(|asset| asset.mesh_materials(mesh));
            materials.extend(used.map(|&material| (instance.model, material)));
        }
        let name = |(key, material): (ModelKey, u32)| {
            let asset = self.model(key)?;
            Some(asset.text(asset.materials()[material as usize].name))
        };
        contents.materials = materials.into_iter().filter_map(name).filter(|name| !name.is_empty()).collect();
        if let Some(model) = self.models.of_entity(id)
            && let Some(node) = model.node(id)
        {
            contents.metadata = model.asset.metadata(&model.asset.nodes()[node]);
        }
        Some(contents)
    }

    /// Iterates over the direct children: first those that are left of the model, in its order, then those that were
    /// put below later. An entity that is not in the scene has
    /// none.
    pub fn children(&self, id: EntityId) -> impl Iterator<Item = EntityId> + '_ {
        let slot = self.find(id);
        slot.into_iter().flat_map(|slot| self.tree.children(slot)).map(|child| self.tree.id(child))
    }
}
