//! The models of a scene: adding one, replacing its asset by another version, finding it by its key.

use remora_asset::Asset;
use remora_asset::layout::{MeshRecord, NONE};

use crate::ids::{EntityId, ModelKey};
use crate::instance::Instance;
use crate::scene::Scene;
use crate::tree::index_of;

/// The names of a model that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddedModel {
    /// The entity above all nodes of the model.
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
    pub(crate) asset: Asset,
    /// Index of the entity above its nodes.
    pub(crate) root: u32,
}

/// The models of the scene. No key is used twice.
#[derive(Debug, Default)]
pub(crate) struct Models {
    /// In the order in which they were added, so that their roots ascend.
    list: Vec<SceneModel>,
    /// The model at index `i` has the key `first_key + i`.
    first_key: u64,
}

impl Models {
    /// Removes all models and retires their keys.
    pub(crate) fn clear(&mut self) {
        self.first_key += self.list.len() as u64;
        self.list.clear();
    }

    /// Returns the model that an entity belongs to.
    pub(crate) fn of_entity(&self, index: u32) -> Option<&SceneModel> {
        let after = self.list.partition_point(|model| model.root <= index);
        self.list[..after].last()
    }

    fn index(&self, key: ModelKey) -> Option<usize> {
        let index = usize::try_from(key.0.checked_sub(self.first_key)?).ok()?;
        (index < self.list.len()).then_some(index)
    }
}

impl Scene {
    /// Adds a model with its root at the origin. The entity of node `i` has the id `root + 1 + i`.
    pub fn add_model(&mut self, asset: Asset) -> AddedModel {
        let model = self.next_model();
        let root = self.tree.add(&asset);
        for (index, node) in (root + 1..).zip(asset.nodes()) {
            if node.mesh != NONE {
                let entity = self.tree.entity_mut(index);
                entity.instance = Some(index_of(self.instances.len()));
                let (world, state) = (entity.world, entity.state);
                self.instances.push(Instance { entity: self.tree.id(index), model, mesh: node.mesh, world, state });
            }
        }
        self.models.list.push(SceneModel { asset, root });
        self.changes.restructure();
        AddedModel { root: self.tree.id(root), model }
    }

    /// Replaces the asset of a model by another version of it: the same nodes with the same meshes, in another level of
    /// detail. Its entities, their transforms and overrides stay.
    pub fn replace_model(&mut self, key: ModelKey, asset: Asset) -> Result<(), ReplaceError> {
        let index = self.models.index(key).ok_or(ReplaceError::NotFound(key))?;
        let model = &mut self.models.list[index];
        let nodes = |asset: &Asset| asset.nodes().iter().map(|node| (node.parent, node.mesh)).collect::<Vec<_>>();
        if nodes(&model.asset) != nodes(&asset) || model.asset.meshes().len() != asset.meshes().len() {
            return Err(ReplaceError::Differs(key));
        }
        model.asset = asset;
        self.changes.restructure();
        Ok(())
    }

    /// Returns the key of the model that is added next, so that a renderer can upload it before the scene shows it.
    pub fn next_model(&self) -> ModelKey {
        ModelKey(self.models.first_key + self.models.list.len() as u64)
    }

    /// Returns the asset of a model.
    pub fn model(&self, key: ModelKey) -> Option<&Asset> {
        self.models.index(key).map(|index| &self.models.list[index].asset)
    }

    /// Iterates over all models in the order in which they were added.
    pub fn models(&self) -> impl Iterator<Item = (ModelKey, &Asset)> {
        (self.models.first_key..).map(ModelKey).zip(self.models.list.iter().map(|model| &model.asset))
    }

    pub(crate) fn mesh(&self, instance: &Instance) -> &MeshRecord {
        let asset = self.model(instance.model).expect("an instance leaves the scene together with its model");
        &asset.meshes()[instance.mesh as usize]
    }
}
