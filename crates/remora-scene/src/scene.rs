//! The scene: edits of its entities, and the instances derived from them.

use std::collections::HashMap;

use glam::DAffine3;

use crate::bvh::Bvh;
use crate::changes::{ChangeLog, Changes};
use crate::error::EditError;
use crate::ids::EntityId;
use crate::instance::{Instance, Instances};
use crate::models::Models;
use crate::overrides::StateOverrideEdit;
use crate::transform::Transform;
use crate::tree::Tree;

/// Number of entities that a scene may have. Azure Remote Rendering has the same limit.
pub const ENTITIES_MAX: usize = 16_777_215;

/// A forest of entities; see the crate's documentation.
#[derive(Debug)]
pub struct Scene {
    pub(crate) tree: Tree,
    pub(crate) models: Models,
    /// Slots of the entities that the client created.
    pub(crate) client_slots: HashMap<EntityId, u32>,
    /// The client chooses no id below.
    pub(crate) client_next: EntityId,
    /// One per entity with a mesh.
    pub(crate) instances: Instances,
    pub(crate) changes: ChangeLog,
    /// For ray casts; brought up to date by each of them.
    pub(crate) bvh: Bvh,
    /// Slots of the entities on which [`crate::StateOverride::selected`] is set.
    pub(crate) selection_overrides: Vec<u32>,
    pub(crate) entities_max: usize,
    /// Number of edits, by which an edit recognises the entities that it has derived already.
    edits: u64,
}

impl Default for Scene {
    fn default() -> Self {
        Self::with_entities_max(ENTITIES_MAX)
    }
}

impl Scene {
    /// Makes an empty scene.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an empty scene that takes no more than this many entities.
    pub fn with_entities_max(entities_max: usize) -> Self {
        Self {
            tree: Tree::default(),
            models: Models::default(),
            client_slots: HashMap::new(),
            client_next: EntityId::CLIENT_FIRST,
            instances: Instances::default(),
            changes: ChangeLog::default(),
            bvh: Bvh::default(),
            selection_overrides: Vec::new(),
            entities_max,
            edits: 0,
        }
    }

    /// Removes everything, for the next client. Ids and keys of models are never used again; the client's ids start
    /// over.
    pub fn clear(&mut self) {
        self.tree.clear();
        self.models.clear();
        self.client_slots = HashMap::new();
        self.client_next = EntityId::CLIENT_FIRST;
        self.instances.clear();
        self.bvh = Bvh::default();
        self.selection_overrides.clear();
        self.changes.restructure();
    }

    /// Sets the transform of an entity relative to its parent. Everything below the entity moves along.
    pub fn set_local(&mut self, id: EntityId, local: DAffine3) -> Result<(), EditError> {
        self.set_locals(&[(id, local)])
    }

    /// Sets several transforms in their order, or none of them. Costs no more than the entities that move.
    pub fn set_locals(&mut self, locals: &[(EntityId, DAffine3)]) -> Result<(), EditError> {
        let mut edited = Vec::with_capacity(locals.len());
        for &(id, local) in locals {
            edited.push(self.slot(id)?);
            if !local.is_finite() {
                return Err(EditError::TransformNotFinite(id));
            }
        }
        for (&slot, &(_, local)) in edited.iter().zip(locals) {
            let entity = self.tree.entity_mut(slot);
            (entity.local, entity.parts) = (local, None);
        }
        self.derive_subtrees(edited);
        Ok(())
    }

    /// Sets several transforms by their parts, in their order, or none of them. [`Scene::entity`] returns the same
    /// parts.
    pub fn set_transforms(&mut self, transforms: &[(EntityId, Transform)]) -> Result<(), EditError> {
        let mut edited = Vec::with_capacity(transforms.len());
        for (id, transform) in transforms {
            edited.push(self.slot(*id)?);
            if !transform.is_valid() {
                return Err(EditError::TransformNotFinite(*id));
            }
        }
        for (&slot, (_, transform)) in edited.iter().zip(transforms) {
            let entity = self.tree.entity_mut(slot);
            entity.local = transform.affine();
            match &mut entity.parts {
                Some(parts) => **parts = *transform,
                None => entity.parts = Some(Box::new(*transform)),
            }
        }
        self.derive_subtrees(edited);
        Ok(())
    }

    /// Makes the same change to the overrides of all these entities, or of none of them if one is not in the scene.
    /// Costs no more than the entities at and below those whose overrides differ afterwards.
    pub fn edit_overrides(&mut self, ids: &[EntityId], edit: StateOverrideEdit) -> Result<(), EditError> {
        let slots = self.slots_of(ids)?;
        let edited = self.edit_overrides_at(slots, edit);
        self.derive_subtrees(edited);
        Ok(())
    }

    /// Selects these entities and nothing else: unsets [`crate::StateOverride::selected`] everywhere and sets it on
    /// these.
    pub fn select(&mut self, ids: &[EntityId]) -> Result<(), EditError> {
        let slots = self.slots_of(ids)?;
        let before = self.selection_overrides.clone();
        let mut edited = self.edit_overrides_at(before, StateOverrideEdit::selected(None));
        edited.extend(self.edit_overrides_at(slots, StateOverrideEdit::selected(Some(true))));
        self.derive_subtrees(edited);
        Ok(())
    }

    /// Iterates over the instances: one per entity with a mesh, in the order of their slots.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances.iter()
    }

    /// Returns the slots of the instances, some of which may be empty. An instance keeps its slot; when it is gone,
    /// another one may get the slot.
    pub fn instance_slots(&self) -> &[Option<Instance>] {
        self.instances.slots()
    }

    /// Returns the instance in a slot.
    pub fn instance(&self, slot: u32) -> Option<&Instance> {
        self.instances.get(slot)
    }

    /// Makes the next [`Self::take_changes`] report the structure, for example after the renderer was recreated.
    pub fn report_structure(&mut self) {
        self.changes.restructure();
    }

    /// Returns what differs from the last call. Costs no more than the instances that were edited since.
    pub fn take_changes(&mut self) -> Changes {
        self.changes.take(&self.instances)
    }

    /// Returns the slot of an entity in the tree.
    pub(crate) fn find(&self, id: EntityId) -> Option<u32> {
        if id.is_of_client() { self.client_slots.get(&id).copied() } else { self.models.slot(id) }
    }

    pub(crate) fn slot(&self, id: EntityId) -> Result<u32, EditError> {
        self.find(id).ok_or(EditError::EntityNotFound(id))
    }

    fn slots_of(&self, ids: &[EntityId]) -> Result<Vec<u32>, EditError> {
        ids.iter().map(|&id| self.slot(id)).collect()
    }

    /// Returns the entities whose overrides differ afterwards; the caller derives their state.
    fn edit_overrides_at(&mut self, mut slots: Vec<u32>, edit: StateOverrideEdit) -> Vec<u32> {
        slots.retain(|&slot| {
            let entity = self.tree.entity_mut(slot);
            let after = entity.overrides.edited(edit);
            let before = std::mem::replace(&mut entity.overrides, after);
            match (entity.selection_at, after.selected) {
                (None, Some(_)) => {
                    entity.selection_at = Some(self.selection_overrides.len() as u32);
                    self.selection_overrides.push(slot);
                }
                (Some(at), None) => {
                    entity.selection_at = None;
                    self.selection_overrides.swap_remove(at as usize);
                    self.selection_moved(at);
                }
                _ => {}
            }
            before != after
        });
        slots
    }

    /// Tells the entity at this place in the list of selection overrides, if there is one, that it stands there.
    pub(crate) fn selection_moved(&mut self, at: u32) {
        if let Some(&slot) = self.selection_overrides.get(at as usize) {
            self.tree.entity_mut(slot).selection_at = Some(at);
        }
    }

    /// Derives the edited entities and everything below them. An entity below several of them is derived once.
    pub(crate) fn derive_subtrees(&mut self, mut edited: Vec<u32>) {
        self.edits += 1;
        // Ancestors come first and cover the edited entities below them.
        edited.sort_by_key(|&slot| self.tree.entity(slot).derived.depth);
        for top in edited {
            if self.tree.entity(top).derived_by == self.edits {
                continue;
            }
            let mut next = Some(top);
            while let Some(at) = next {
                next = self.tree.next_in_subtree(at, top);
                self.derive(at);
            }
        }
    }

    /// Notes that an instance was added, changed or removed.
    pub(crate) fn touch(&mut self, instance: u32) {
        self.changes.touch(instance);
        self.bvh.touch(instance);
    }

    fn derive(&mut self, slot: u32) {
        let derived = self.tree.derived(slot);
        let entity = self.tree.entity_mut(slot);
        (entity.derived, entity.derived_by) = (derived, self.edits);
        let Some(number) = entity.instance else { return };
        if let Some(instance) = self.instances.get_mut(number) {
            (instance.world, instance.state) = (derived.world, derived.state);
            self.touch(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> remora_asset::Asset {
        let node = |name: &str| remora_model::Node { name: name.to_owned(), ..Default::default() };
        let model = remora_model::Model { nodes: vec![node("a"), node("b")], ..Default::default() };
        let build = remora_build::BuildOptions::default();
        remora_build::build_asset(&model, &build, &|_| {}, &|| false).expect("a model without meshes")
    }

    #[test]
    fn the_list_of_selection_overrides_holds_each_entity_once() {
        let mut scene = Scene::new();
        let root = scene.add_model(model()).unwrap().root;
        for selected in [Some(true), Some(false), None, Some(true), Some(true)] {
            scene.edit_overrides(&[root, root], StateOverrideEdit::selected(selected)).unwrap();
            assert_eq!(scene.selection_overrides.len(), usize::from(selected.is_some()));
        }
        scene.select(&[root]).unwrap();
        assert_eq!(scene.selection_overrides.len(), 1);
        scene.clear();
        assert!(scene.selection_overrides.is_empty());
    }

    #[test]
    fn destroyed_entities_leave_the_list_of_selection_overrides() {
        let mut scene = Scene::new();
        let root = scene.add_model(model()).unwrap().root;
        let [a, b] = [1, 2].map(|offset| EntityId(root.0 + offset));
        scene.select(&[a, root, b]).unwrap();
        scene.destroy(a).unwrap();
        for (at, &slot) in scene.selection_overrides.iter().enumerate() {
            assert_eq!(scene.tree.entity(slot).selection_at, Some(at as u32));
        }
        assert_eq!(scene.selection_overrides.len(), 2);
        scene.destroy(root).unwrap();
        assert!(scene.selection_overrides.is_empty());
    }
}
