//! The scene: edits of its entities, and the dense list of instances derived from them.

use glam::DAffine3;

use crate::changes::{ChangeLog, Changes};
use crate::ids::EntityId;
use crate::instance::Instance;
use crate::models::Models;
use crate::overrides::StateOverrideEdit;
use crate::tree::Tree;

/// Why an edit was refused. A refused edit changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The entity has left the scene, or never was in it.
    #[error("entity {} is not in the scene; ids end with the scene that they were given for", .0.0)]
    EntityNotFound(EntityId),
    /// The transform contains an infinity or NaN.
    #[error("the transform for entity {} contains a number that is not finite", .0.0)]
    TransformNotFinite(EntityId),
}

/// A forest of entities; see the crate's documentation.
#[derive(Debug, Default)]
pub struct Scene {
    pub(crate) tree: Tree,
    pub(crate) models: Models,
    /// One per entity with a mesh, in the order of the entities.
    pub(crate) instances: Vec<Instance>,
    pub(crate) changes: ChangeLog,
    /// The entities on which [`crate::StateOverride::selected`] is set.
    selection_overrides: Vec<u32>,
    /// Number of edits, by which an edit recognises the entities that it has derived already.
    edits: u64,
}

impl Scene {
    /// Makes an empty scene.
    pub fn new() -> Self {
        Self::default()
    }

    /// Removes all models. Their ids and keys are never used again.
    pub fn clear(&mut self) {
        self.tree.clear();
        self.models.clear();
        self.instances.clear();
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
            edited.push(self.index(id)?);
            if !local.is_finite() {
                return Err(EditError::TransformNotFinite(id));
            }
        }
        for (&index, &(_, local)) in edited.iter().zip(locals) {
            self.tree.entity_mut(index).local = local;
        }
        self.derive_subtrees(edited);
        Ok(())
    }

    /// Makes the same change to the overrides of all these entities, or of none of them if one is not in the scene.
    /// Costs no more than the entities at and below those whose overrides differ afterwards.
    pub fn edit_overrides(&mut self, ids: &[EntityId], edit: StateOverrideEdit) -> Result<(), EditError> {
        let indices = self.indices(ids)?;
        let edited = self.edit_overrides_at(indices, edit);
        self.derive_subtrees(edited);
        Ok(())
    }

    /// Selects these entities and nothing else: unsets [`crate::StateOverride::selected`] everywhere and sets it on
    /// these.
    pub fn select(&mut self, ids: &[EntityId]) -> Result<(), EditError> {
        let indices = self.indices(ids)?;
        let before = self.selection_overrides.clone();
        let mut edited = self.edit_overrides_at(before, StateOverrideEdit::selected(None));
        edited.extend(self.edit_overrides_at(indices, StateOverrideEdit::selected(Some(true))));
        self.derive_subtrees(edited);
        Ok(())
    }

    /// Returns one instance per entity with a mesh. Indices stay valid until [`Changes::structure`] is reported.
    pub fn instances(&self) -> &[Instance] {
        &self.instances
    }

    /// Makes the next [`Self::take_changes`] report the structure, for example after the renderer was recreated.
    pub fn report_structure(&mut self) {
        self.changes.restructure();
    }

    /// Returns what differs from the last call. The first call after models were added, replaced or removed reports the
    /// structure.
    pub fn take_changes(&mut self) -> Changes {
        self.changes.take(&self.instances)
    }

    fn index(&self, id: EntityId) -> Result<u32, EditError> {
        self.tree.index(id).ok_or(EditError::EntityNotFound(id))
    }

    fn indices(&self, ids: &[EntityId]) -> Result<Vec<u32>, EditError> {
        ids.iter().map(|&id| self.index(id)).collect()
    }

    /// Returns the entities whose overrides differ afterwards; the caller derives their state.
    fn edit_overrides_at(&mut self, mut indices: Vec<u32>, edit: StateOverrideEdit) -> Vec<u32> {
        let mut is_selection_unset = false;
        indices.retain(|&index| {
            let entity = self.tree.entity_mut(index);
            let after = entity.overrides.edited(edit);
            let before = std::mem::replace(&mut entity.overrides, after);
            match (before.selected, after.selected) {
                (None, Some(_)) => self.selection_overrides.push(index),
                (Some(_), None) => is_selection_unset = true,
                _ => {}
            }
            before != after
        });
        if is_selection_unset {
            let tree = &self.tree;
            self.selection_overrides.retain(|&index| tree.entity(index).overrides.selected.is_some());
        }
        indices
    }

    /// Derives the edited entities and everything below them. An entity below several of them is derived once.
    fn derive_subtrees(&mut self, mut edited: Vec<u32>) {
        self.edits += 1;
        // Ancestors come first and cover the edited entities below them.
        edited.sort_unstable();
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

    fn derive(&mut self, index: u32) {
        let (world, state) = self.tree.derived(index);
        let entity = self.tree.entity_mut(index);
        (entity.world, entity.state, entity.derived_by) = (world, state, self.edits);
        if let Some(number) = entity.instance {
            let instance = &mut self.instances[number as usize];
            (instance.world, instance.state) = (world, state);
            self.changes.touch(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_selection_overrides_holds_each_entity_once() {
        let mut scene = Scene::new();
        let model = remora_model::Model { name: "Model".to_owned(), ..Default::default() };
        let build = remora_build::BuildOptions::default();
        let asset = remora_build::build_asset(&model, &build, &|_| {}, &|| false).expect("an empty model");
        let root = scene.add_model(asset).root;
        for selected in [Some(true), Some(false), None, Some(true), Some(true)] {
            scene.edit_overrides(&[root, root], StateOverrideEdit::selected(selected)).unwrap();
            assert_eq!(scene.selection_overrides.len(), usize::from(selected.is_some()));
        }
        scene.select(&[root]).unwrap();
        assert_eq!(scene.selection_overrides.len(), 1);
        scene.clear();
        assert!(scene.selection_overrides.is_empty());
    }
}
