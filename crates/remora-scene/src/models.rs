//! The models of a scene: adding one, replacing its asset by another version, unloading it, finding it by its key.

use std::collections::HashMap;

use remora_asset::Asset;
use remora_asset::layout::{MeshRecord, NONE};

use crate::error::EditError;
use crate::ids::{EntityId, ModelKey};
use crate::instance::Instance;
use crate::scene::Scene;
use crate::tree::Entity;

/// The names of a model that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddedModel {
    /// The entity above all nodes of the model. Node `i` is the entity `root + 1 + i`.
    pub root: EntityId,
    /// The key of the model.
    pub model: ModelKey,
}

/// Why a model was not replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplaceError {
    /// The model has left the scene, or never was in it.
    #[error("model {} is not in the scene", .0.0)]
    NotFound(ModelKey),
    /// The nodes or the number of meshes differ.
    #[error("model {} cannot be replaced by one of another structure", .0.0)]
    Differs(ModelKey),
}

/// A model of the scene.
#[derive(Debug)]
pub(crate) struct SceneModel {
    key: ModelKey,
    pub(crate) asset: Asset,
    /// Id of the entity above its nodes.
    root: EntityId,
    /// Slot of the root, then of each node; `None` once it is destroyed.
    slots: Vec<Option<u32>>,
    /// Number of entities that are left.
    alive: usize,
}

/// The models of the scene.
#[derive(Debug)]
pub(crate) struct Models {
    /// In the order in which they were added, so that keys and ids ascend.
    list: Vec<SceneModel>,
    next_key: u64,
    next_id: u64,
}

impl Default for Models {
    fn default() -> Self {
        Self { list: Vec::new(), next_key: 0, next_id: 1 }
    }
}

impl SceneModel {
    /// Returns the node of an entity; `None` for the root, which is no node of the file.
    pub(crate) fn node(&self, id: EntityId) -> Option<usize> {
        usize::try_from(id.0 - self.root.0).ok()?.checked_sub(1)
    }
}

impl Models {
    /// Removes all models and retires their keys and ids.
    pub(crate) fn clear(&mut self) {
        self.list.clear();
    }

    /// Returns the model that an entity came with, also after the entity is destroyed.
    pub(crate) fn of_entity(&self, id: EntityId) -> Option<&SceneModel> {
        self.position(id).map(|index| &self.list[index])
    }

    /// Returns the slot of an entity that came with a model.
    pub(crate) fn slot(&self, id: EntityId) -> Option<u32> {
        let model = self.of_entity(id)?;
        model.slots[(id.0 - model.root.0) as usize]
    }

    /// Notes that an entity is destroyed. Returns the key of its model if that was the last one, which ends the model.
    pub(crate) fn forget(&mut self, id: EntityId) -> Option<ModelKey> {
        let index = self.position(id)?;
        let model = &mut self.list[index];
        model.slots[(id.0 - model.root.0) as usize] = None;
        model.alive -= 1;
        (model.alive == 0).then(|| self.list.remove(index).key)
    }

    fn position(&self, id: EntityId) -> Option<usize> {
        let index = self.list.partition_point(|model| model.root <= id).checked_sub(1)?;
        let model = &self.list[index];
        (id.0 - model.root.0 < model.slots.len() as u64).then_some(index)
    }

    fn index(&self, key: ModelKey) -> Option<usize> {
        self.list.binary_search_by_key(&key, |model| model.key).ok()
    }
}

impl Scene {
    /// Adds a model with its root at the origin.
    pub fn add_model(&mut self, asset: Asset) -> Result<AddedModel, EditError> {
        self.check_room(&asset, self.tree.len())?;
        Ok(self.insert_model(asset))
    }

    /// Adds a model with its root at the origin and unloads all others, as [`Self::unload_models`] does. If the new
    /// model does not fit beside what that leaves, the scene stays unchanged.
    pub fn replace_models(&mut self, asset: Asset) -> Result<AddedModel, EditError> {
        // Most models fit beside all others, which is cheaper to know.
        self.check_room(&asset, self.tree.len())
            .or_else(|_| self.check_room(&asset, self.entities_without_models()))?;
        self.unload_models();
        Ok(self.insert_model(asset))
    }

    /// Refuses a model that does not fit beside this many entities, or for whose own no ids are left.
    fn check_room(&self, asset: &Asset, beside: usize) -> Result<(), EditError> {
        let count = asset.nodes().len() + 1;
        let ids_left = EntityId::CLIENT_FIRST.0 - self.models.next_id;
        if count > self.entities_max - beside || count as u64 > ids_left {
            return Err(EditError::TooManyEntities(self.entities_max));
        }
        Ok(())
    }

    /// Returns the number of entities that [`Self::unload_models`] leaves: those of the client that stand below no
    /// model. Costs no more than the client's entities.
    fn entities_without_models(&self) -> usize {
        let mut stays = HashMap::with_capacity(self.client_slots.len());
        let mut path = Vec::new();
        for &slot in self.client_slots.values() {
            let mut all_stay = true;
            for at in self.tree.upwards(slot) {
                if let Some(&known) = stays.get(&at) {
                    all_stay = known;
                    break;
                }
                if !self.tree.id(at).is_of_client() {
                    all_stay = false;
                    break;
                }
                path.push(at);
            }
            stays.extend(path.drain(..).map(|at| (at, all_stay)));
        }
        stays.into_values().filter(|&stays| stays).count()
    }

    /// Adds a model for which there is room.
    fn insert_model(&mut self, asset: Asset) -> AddedModel {
        let count = asset.nodes().len() + 1;
        let root = EntityId(self.models.next_id);
        let key = self.next_model();
        let mut slots = Vec::with_capacity(count);
        slots.push(self.tree.add(Entity::new(root, asset.name().to_owned(), glam::DAffine3::IDENTITY), None));
        for (id, node) in (root.0 + 1..).map(EntityId).zip(asset.nodes()) {
            let parent = if node.parent == NONE { 0 } else { node.parent as usize + 1 };
            let name = asset.text(node.name).to_owned();
            let slot = self.tree.add(Entity::new(id, name, node.local()), Some(slots[parent]));
            slots.push(slot);
            if node.mesh != NONE {
                let derived = self.tree.entity(slot).derived;
                let (world, state) = (derived.world, derived.state);
                let instance = Instance { entity: id, model: key, mesh: node.mesh, world, state };
                let instance = self.instances.add(instance);
                self.tree.entity_mut(slot).instance = Some(instance);
                self.touch(instance);
            }
        }
        let slots = slots.into_iter().map(Some).collect();
        self.models.list.push(SceneModel { key, asset, root, slots, alive: count });
        self.models.next_key += 1;
        self.models.next_id += count as u64;
        AddedModel { root, model: key }
    }

    /// Replaces the asset of a model by another version of it: the same nodes with the same meshes, in another level of
    /// detail. Its entities, their transforms and overrides stay. Its instances are reported as created.
    pub fn replace_model(&mut self, key: ModelKey, asset: Asset) -> Result<(), ReplaceError> {
        let index = self.models.index(key).ok_or(ReplaceError::NotFound(key))?;
        let model = &mut self.models.list[index];
        let nodes = |asset: &Asset| asset.nodes().iter().map(|node| (node.parent, node.mesh)).collect::<Vec<_>>();
        if nodes(&model.asset) != nodes(&asset) || model.asset.meshes().len() != asset.meshes().len() {
            return Err(ReplaceError::Differs(key));
        }
        model.asset = asset;
        for &slot in model.slots.iter().flatten() {
            if let Some(instance) = self.tree.entity(slot).instance {
                self.changes.renew(instance);
                self.bvh.touch(instance);
            }
        }
        Ok(())
    }

    /// Destroys all entities of a model that are left, wherever they stand, and everything below them. `root` is the id
    /// that its root has or had. Returns the models that have left the scene: this one, and those of which nothing is
    /// left because the rest stood below it.
    pub fn unload_model(&mut self, root: EntityId) -> Result<Vec<ModelKey>, EditError> {
        let model = self.models.of_entity(root).filter(|model| model.root == root);
        let Some(model) = model else {
            let slot = self.slot(root)?;
            return Err(EditError::NotAModel(self.tree.id(slot)));
        };
        let ids = model.root.0..model.root.0 + model.slots.len() as u64;
        let mut left = Vec::new();
        for id in ids.map(EntityId) {
            if let Some(slot) = self.models.slot(id) {
                self.remove_subtree(slot, &mut left);
            }
        }
        Ok(left)
    }

    /// Unloads all models. Entities that the client created stay unless they stand below one.
    pub fn unload_models(&mut self) {
        while let Some(model) = self.models.list.last() {
            let root = model.root;
            // The root of a model in the list is that of a model, whether it still stands or not.
            let unloaded = self.unload_model(root);
            debug_assert!(unloaded.is_ok(), "{unloaded:?}");
        }
    }

    /// Returns the key of the model that is added next, so that a renderer can upload it before the scene shows it.
    pub fn next_model(&self) -> ModelKey {
        ModelKey(self.models.next_key)
    }

    /// Returns the asset of a model.
    pub fn model(&self, key: ModelKey) -> Option<&Asset> {
        self.models.index(key).map(|index| &self.models.list[index].asset)
    }

    /// Iterates over all models in the order in which they were added.
    pub fn models(&self) -> impl Iterator<Item = (ModelKey, &Asset)> {
        self.models.list.iter().map(|model| (model.key, &model.asset))
    }

    pub(crate) fn mesh(&self, instance: &Instance) -> &MeshRecord {
        let asset = self.model(instance.model).expect("a model stays as long as one of its instances");
        &asset.meshes()[instance.mesh as usize]
    }
}
