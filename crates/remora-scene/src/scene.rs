//! The forest of entities and the dense list of instances derived from it.

use glam::{DAffine3, DVec3, Vec3};
use remora_asset::Asset;
use remora_asset::WorldBounds;
use remora_asset::layout::{MeshRecord, NONE};

use crate::changes::{ChangeLog, Changes};
use crate::contents::{self, EntityContents, SceneModel};
use crate::overrides::{EffectiveState, StateOverride, StateOverrideEdit};
use crate::ray::{self, Hit};

/// Names an entity for as long as its scene exists; never used twice, [`Scene::clear`] included. Ids start at 1, so that
/// 0 can stand for "none" where ids are written as plain numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityId(pub u64);

/// Names a model within a scene; never used twice, [`Scene::clear`] included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelKey(pub u64);

/// What adding a model made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Added {
    /// The entity above all nodes of the model.
    pub root: EntityId,
    pub model: ModelKey,
}

/// One mesh in one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Instance {
    pub entity: EntityId,
    pub model: ModelKey,
    /// Index into the model's meshes.
    pub mesh: u32,
    pub world: DAffine3,
    pub state: EffectiveState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    #[error("entity {} is not in the scene; ids end with the scene that they were given for", .0.0)]
    EntityNotFound(EntityId),
    #[error("the transform for entity {} contains a number that is not finite", .0.0)]
    TransformNotFinite(EntityId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplaceError {
    #[error("model {} is not in the scene", .0.0)]
    NotFound(ModelKey),
    #[error("model {} cannot be replaced by one of another structure", .0.0)]
    Differs(ModelKey),
}

/// An entity as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityView<'a> {
    pub id: EntityId,
    pub name: &'a str,
    /// Names from the root down, separated by `/`.
    pub path: String,
    pub parent: Option<EntityId>,
    pub local: DAffine3,
    pub world: DAffine3,
    /// Its own values.
    pub overrides: StateOverride,
    /// Its own values, and inherited ones where it has none.
    pub state: EffectiveState,
    /// World box around everything at and below it, hidden parts included; empty if there is no geometry.
    pub bounds: WorldBounds,
}

/// See the crate's description.
#[derive(Debug)]
pub struct Scene {
    /// Parents stand before their children. The entity at index `i` has the id `first_entity + i`.
    entities: Vec<Entity>,
    first_entity: u64,
    /// The model at index `i` has the key `first_model + i`.
    models: Vec<SceneModel>,
    first_model: u64,
    instances: Vec<Instance>,
    /// Entities on which [`StateOverride::selected`] is set.
    selection_overrides: Vec<u32>,
    /// Counts edits, so that one of many entities derives each of them once.
    edit: u64,
    changes: ChangeLog,
}

#[derive(Debug)]
struct Entity {
    name: String,
    parent: Option<u32>,
    first_child: Option<u32>,
    next_sibling: Option<u32>,
    local: DAffine3,
    world: DAffine3,
    overrides: StateOverride,
    state: EffectiveState,
    /// The last edit that derived `world` and `state`.
    derived_by: u64,
    instance: Option<u32>,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            entities: Vec::new(),
            first_entity: 1,
            models: Vec::new(),
            first_model: 0,
            instances: Vec::new(),
            selection_overrides: Vec::new(),
            edit: 0,
            changes: ChangeLog::default(),
        }
    }
}

impl Scene {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the model with its root at the origin. The entity of node `i` has the id `root + 1 + i`.
    pub fn add_model(&mut self, asset: Asset) -> Added {
        let key = self.next_model();
        let root = self.push_entity(asset.name().to_owned(), None, DAffine3::IDENTITY);
        let mut last_child: Vec<Option<u32>> = vec![None; asset.nodes().len() + 1];
        for (index, node) in asset.nodes().iter().enumerate() {
            let parent = if node.parent == NONE { 0 } else { node.parent as usize + 1 };
            let name = asset.text(node.name).to_owned();
            let entity = self.push_entity(name, Some(root + parent as u32), node.local());
            match last_child[parent].replace(entity) {
                Some(sibling) => self.entities[sibling as usize].next_sibling = Some(entity),
                None => self.entities[root as usize + parent].first_child = Some(entity),
            }
            debug_assert_eq!(entity, root + 1 + index as u32);
            if node.mesh != NONE {
                let mesh = node.mesh;
                let Entity { world, state, .. } = self.entities[entity as usize];
                self.entities[entity as usize].instance = Some(index_of(self.instances.len()));
                self.instances.push(Instance { entity: self.id(entity), model: key, mesh, world, state });
            }
        }
        self.models.push(SceneModel { asset, root });
        self.changes.restructure();
        Added { root: self.id(root), model: key }
    }

    /// Shows another version of a model in its place: the same tree with the same meshes, in other detail. Entities keep
    /// what they are and where they are.
    pub fn replace_model(&mut self, key: ModelKey, asset: Asset) -> Result<(), ReplaceError> {
        let Some(entry) = key.0.checked_sub(self.first_model).and_then(|index| self.models.get_mut(index as usize))
        else {
            return Err(ReplaceError::NotFound(key));
        };
        let tree = |asset: &Asset| asset.nodes().iter().map(|node| (node.parent, node.mesh)).collect::<Vec<_>>();
        if tree(&entry.asset) != tree(&asset) || entry.asset.meshes().len() != asset.meshes().len() {
            return Err(ReplaceError::Differs(key));
        }
        entry.asset = asset;
        self.changes.restructure();
        Ok(())
    }

    /// Takes everything out. Ids and keys given so far stay invalid for ever.
    pub fn clear(&mut self) {
        self.first_entity += self.entities.len() as u64;
        self.first_model += self.models.len() as u64;
        self.entities.clear();
        self.models.clear();
        self.instances.clear();
        self.selection_overrides.clear();
        self.changes.restructure();
    }

    /// Sets the transform relative to the parent. Everything below moves along.
    pub fn set_local(&mut self, id: EntityId, local: DAffine3) -> Result<(), EditError> {
        self.set_locals(&[(id, local)])
    }

    /// As [`Scene::set_local`] for each in turn, or for none of them. Costs no more than the entities that move.
    pub fn set_locals(&mut self, locals: &[(EntityId, DAffine3)]) -> Result<(), EditError> {
        let mut edited = Vec::with_capacity(locals.len());
        for &(id, local) in locals {
            edited.push(self.index(id).ok_or(EditError::EntityNotFound(id))?);
            if !local.is_finite() {
                return Err(EditError::TransformNotFinite(id));
            }
        }
        for (&index, &(_, local)) in edited.iter().zip(locals) {
            self.entities[index].local = local;
        }
        self.derive_below_all(edited);
        Ok(())
    }

    /// Makes the same change to the overrides of all these entities, or of none of them if one is not in the scene. Costs
    /// no more than the entities at and below those whose overrides differ afterwards.
    pub fn edit_overrides(&mut self, ids: &[EntityId], edit: StateOverrideEdit) -> Result<(), EditError> {
        let indices = self.indices(ids)?;
        let edited = self.edit_overrides_at(indices, edit);
        self.derive_below_all(edited);
        Ok(())
    }

    /// Selects these entities and nothing else: unsets [`StateOverride::selected`] everywhere and sets it on these.
    /// Changes nothing if one of them is not in the scene.
    pub fn select(&mut self, ids: &[EntityId]) -> Result<(), EditError> {
        let indices = self.indices(ids)?;
        let before = self.selection_overrides.iter().map(|&index| index as usize).collect();
        let mut edited = self.edit_overrides_at(before, StateOverrideEdit::selected(None));
        edited.extend(self.edit_overrides_at(indices, StateOverrideEdit::selected(Some(true))));
        self.derive_below_all(edited);
        Ok(())
    }

    pub fn entity(&self, id: EntityId) -> Option<EntityView<'_>> {
        let index = self.index(id)?;
        let entity = &self.entities[index];
        Some(EntityView {
            id,
            name: &entity.name,
            path: self.path(index),
            parent: entity.parent.map(|parent| self.id(parent)),
            local: entity.local,
            world: entity.world,
            overrides: entity.overrides,
            state: entity.state,
            bounds: self.bounds_below(index),
        })
    }

    /// What is at and below the entity, and what its file says of it.
    pub fn contents(&self, id: EntityId) -> Option<EntityContents<'_>> {
        let index = self.index(id)?;
        let at = self.models.partition_point(|entry| entry.root as usize <= index).checked_sub(1)?;
        let meshes = self.at_and_below(index).filter_map(|at| {
            let instance = self.entities[at].instance?;
            Some(self.instances[instance as usize].mesh)
        });
        Some(contents::of(&self.models[at], index, meshes))
    }

    /// Direct children, in the order of the model's nodes; none if there is no such entity.
    pub fn children(&self, id: EntityId) -> impl Iterator<Item = EntityId> + '_ {
        let first = self.index(id).and_then(|index| self.entities[index].first_child);
        std::iter::successors(first, |&child| self.entities[child as usize].next_sibling).map(|child| self.id(child))
    }

    /// One entry per entity with a mesh. An index stays that of the same instance until the structure changes.
    pub fn instances(&self) -> &[Instance] {
        &self.instances
    }

    /// For a renderer that knows nothing any more: the next [`Self::take_changes`] reports the structure.
    pub fn tell_everything(&mut self) {
        self.changes.restructure();
    }

    /// What differs from the last call; the first call after a model came or went reports the structure.
    pub fn take_changes(&mut self) -> Changes {
        self.changes.take(&self.instances)
    }

    /// The key that the model added next will have, so that a renderer can have it before the scene shows it.
    pub fn next_model(&self) -> ModelKey {
        ModelKey(self.first_model + self.models.len() as u64)
    }

    pub fn model(&self, key: ModelKey) -> Option<&Asset> {
        self.scene_model(key).map(|entry| &entry.asset)
    }

    /// In the order in which they were added.
    pub fn models(&self) -> impl Iterator<Item = (ModelKey, &Asset)> {
        (self.first_model..).map(ModelKey).zip(self.models.iter().map(|entry| &entry.asset))
    }

    /// World box around all instances, hidden ones included.
    pub fn bounds(&self) -> WorldBounds {
        self.instances.iter().fold(WorldBounds::EMPTY, |bounds, instance| bounds.union(self.instance_bounds(instance)))
    }

    /// Triangles of all instances, hidden ones included.
    pub fn triangles(&self) -> u64 {
        self.instances.iter().fold(0, |sum, instance| sum.saturating_add(self.mesh(instance).triangles))
    }

    /// Points of all instances, hidden ones included.
    pub fn points(&self) -> u64 {
        self.instances.iter().fold(0, |sum, instance| sum.saturating_add(self.mesh(instance).points))
    }

    /// Entities that have a mesh.
    pub fn parts(&self) -> usize {
        self.instances.len()
    }

    /// The nearest triangle of a visible instance, seen from either side. `direction` may have any length;
    /// `None` also where it has none, or where an argument is not finite.
    pub fn cast_ray(&self, origin: DVec3, direction: Vec3) -> Option<Hit> {
        ray::cast(self, origin, direction)
    }

    pub(crate) fn scene_model(&self, key: ModelKey) -> Option<&SceneModel> {
        self.models.get(usize::try_from(key.0.checked_sub(self.first_model)?).ok()?)
    }

    pub(crate) fn mesh(&self, instance: &Instance) -> &MeshRecord {
        &self.models[(instance.model.0 - self.first_model) as usize].asset.meshes()[instance.mesh as usize]
    }

    pub(crate) fn instance_bounds(&self, instance: &Instance) -> WorldBounds {
        self.mesh(instance).bounds().transformed(&instance.world)
    }

    fn push_entity(&mut self, name: String, parent: Option<u32>, local: DAffine3) -> u32 {
        let world = parent.map_or(local, |parent| self.entities[parent as usize].world * local);
        let state = parent.map_or(EffectiveState::DEFAULT, |parent| self.entities[parent as usize].state);
        let index = index_of(self.entities.len());
        self.entities.push(Entity {
            name,
            parent,
            first_child: None,
            next_sibling: None,
            local,
            world,
            overrides: StateOverride::default(),
            state,
            derived_by: 0,
            instance: None,
        });
        index
    }

    fn id(&self, index: u32) -> EntityId {
        EntityId(self.first_entity + u64::from(index))
    }

    fn index(&self, id: EntityId) -> Option<usize> {
        let index = usize::try_from(id.0.checked_sub(self.first_entity)?).ok()?;
        (index < self.entities.len()).then_some(index)
    }

    fn indices(&self, ids: &[EntityId]) -> Result<Vec<usize>, EditError> {
        ids.iter().map(|&id| self.index(id).ok_or(EditError::EntityNotFound(id))).collect()
    }

    /// Returns the entities whose overrides differ afterwards; their state is still to be derived.
    fn edit_overrides_at(&mut self, mut indices: Vec<usize>, edit: StateOverrideEdit) -> Vec<usize> {
        let mut is_selection_unset = false;
        indices.retain(|&index| {
            let entity = &mut self.entities[index];
            let after = entity.overrides.edited(edit);
            let before = std::mem::replace(&mut entity.overrides, after);
            match (before.selected, after.selected) {
                (None, Some(_)) => self.selection_overrides.push(index_of(index)),
                (Some(_), None) => is_selection_unset = true,
                _ => {}
            }
            before != after
        });
        if is_selection_unset {
            let entities = &self.entities;
            self.selection_overrides.retain(|&index| entities[index as usize].overrides.selected.is_some());
        }
        indices
    }

    /// Depth first, parents before children, through everything below `top`.
    fn next_below(&self, at: usize, top: usize) -> Option<usize> {
        if let Some(child) = self.entities[at].first_child {
            return Some(child as usize);
        }
        let mut at = at;
        while at != top {
            if let Some(sibling) = self.entities[at].next_sibling {
                return Some(sibling as usize);
            }
            at = self.entities[at].parent? as usize;
        }
        None
    }

    /// Derives the edited entities and everything below them, each once however they lie above one another.
    fn derive_below_all(&mut self, mut edited: Vec<usize>) {
        self.edit += 1;
        // Those above come first, and take those below with them.
        edited.sort_unstable();
        for top in edited {
            if self.entities[top].derived_by == self.edit {
                continue;
            }
            let mut next = Some(top);
            while let Some(at) = next {
                next = self.next_below(at, top);
                self.derive(at);
            }
        }
    }

    fn derive(&mut self, index: usize) {
        let entity = &self.entities[index];
        let (world, above) = match entity.parent {
            Some(parent) => {
                let parent = &self.entities[parent as usize];
                (parent.world * entity.local, parent.state)
            }
            None => (entity.local, EffectiveState::DEFAULT),
        };
        let state = EffectiveState::derive(entity.overrides, above);
        let entity = &mut self.entities[index];
        (entity.world, entity.state, entity.derived_by) = (world, state, self.edit);
        if let Some(instance) = entity.instance {
            let instance_view = &mut self.instances[instance as usize];
            (instance_view.world, instance_view.state) = (world, state);
            self.changes.touch(instance);
        }
    }

    fn at_and_below(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(index), move |&at| self.next_below(at, index))
    }

    fn bounds_below(&self, index: usize) -> WorldBounds {
        self.at_and_below(index)
            .filter_map(|at| self.entities[at].instance)
            .fold(WorldBounds::EMPTY, |bounds, at| bounds.union(self.instance_bounds(&self.instances[at as usize])))
    }

    fn path(&self, index: usize) -> String {
        let mut names: Vec<&str> = std::iter::successors(Some(&self.entities[index]), |entity| {
            entity.parent.map(|parent| &self.entities[parent as usize])
        })
        .map(|entity| entity.name.as_str())
        .collect();
        names.reverse();
        names.join("/")
    }
}

fn index_of(length: usize) -> u32 {
    u32::try_from(length).expect("models name their nodes by 32 bits; memory ends long before a scene has as many")
}
