//! Edits of the forest: creating and destroying entities, moving them to another parent, names, the switch.

use crate::error::{EditError, NAME_BYTES_MAX};
use crate::ids::{EntityId, ModelKey};
use crate::scene::Scene;
use crate::transform::Transform;
use crate::tree::Entity;

/// An entity to create. It has no mesh.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEntity {
    /// Chosen by the client; see [`EntityId`].
    pub id: EntityId,
    /// The entity above; `None` for a root.
    pub parent: Option<EntityId>,
    /// At most [`NAME_BYTES_MAX`] bytes.
    pub name: String,
    /// Transform relative to the parent.
    pub transform: Transform,
    /// False switches it off, with everything that is put below.
    pub enabled: bool,
}

impl NewEntity {
    /// An entity at the origin of the world, without a name.
    pub fn new(id: EntityId) -> Self {
        Self { id, parent: None, name: String::new(), transform: Transform::IDENTITY, enabled: true }
    }
}

impl Scene {
    /// Creates an entity as the last child of its parent.
    pub fn create(&mut self, new: NewEntity) -> Result<(), EditError> {
        let NewEntity { id, parent, name, transform, enabled } = new;
        if !id.is_of_client() {
            return Err(EditError::IdNotOfClient(id));
        }
        if id < self.client_next {
            return Err(EditError::IdUsed(id));
        }
        let parent = self.parent(parent)?;
        check_name(id, &name)?;
        if !transform.is_valid() {
            return Err(EditError::TransformNotFinite(id));
        }
        if self.tree.len() >= self.entities_max {
            return Err(EditError::TooManyEntities(self.entities_max));
        }
        let mut entity = Entity::new(id, name, transform.affine());
        (entity.parts, entity.enabled) = (Some(Box::new(transform)), enabled);
        let slot = self.tree.add(entity, parent);
        self.client_slots.insert(id, slot);
        self.client_next = EntityId(id.0 + 1);
        Ok(())
    }

    /// Destroys an entity and everything below it. Costs no more than what is destroyed. Returns the models of which
    /// nothing is left: they have left the scene.
    pub fn destroy(&mut self, id: EntityId) -> Result<Vec<ModelKey>, EditError> {
        let slot = self.slot(id)?;
        let mut left = Vec::new();
        self.remove_subtree(slot, &mut left);
        Ok(left)
    }

    /// Puts an entity below another one, as its last child, or makes it a root. Its transform relative to the parent
    /// stays, so its place in the world changes.
    pub fn set_parent(&mut self, id: EntityId, parent: Option<EntityId>) -> Result<(), EditError> {
        let slot = self.slot(id)?;
        let parent = self.parent(parent)?;
        if parent.is_some_and(|parent| self.tree.upwards(parent).any(|above| above == slot)) {
            return Err(EditError::Cycle(id));
        }
        self.tree.move_below(slot, parent);
        self.derive_subtrees(vec![slot]);
        Ok(())
    }

    /// Names an entity.
    pub fn set_name(&mut self, id: EntityId, name: String) -> Result<(), EditError> {
        let slot = self.slot(id)?;
        check_name(id, &name)?;
        self.tree.entity_mut(slot).name = name;
        Ok(())
    }

    /// Switches an entity and everything below it on or off. Nothing below one that is off is shown or met by rays,
    /// whatever is set there.
    pub fn set_enabled(&mut self, id: EntityId, enabled: bool) -> Result<(), EditError> {
        let slot = self.slot(id)?;
        if std::mem::replace(&mut self.tree.entity_mut(slot).enabled, enabled) != enabled {
            self.derive_subtrees(vec![slot]);
        }
        Ok(())
    }

    /// Removes an entity and everything below it, and adds the models that end with that to `left`.
    pub(crate) fn remove_subtree(&mut self, top: u32, left: &mut Vec<ModelKey>) {
        // While all of them are in the tree, because those that move in the list are told.
        for slot in self.tree.subtree(top).collect::<Vec<_>>() {
            if let Some(at) = self.tree.entity_mut(slot).selection_at.take() {
                self.selection_overrides.swap_remove(at as usize);
                self.selection_moved(at);
            }
        }
        for entity in self.tree.remove(top) {
            if let Some(instance) = entity.instance {
                self.instances.remove(instance);
                self.touch(instance);
            }
            if entity.id.is_of_client() {
                self.client_slots.remove(&entity.id);
            } else {
                left.extend(self.models.forget(entity.id));
            }
        }
    }

    fn parent(&self, parent: Option<EntityId>) -> Result<Option<u32>, EditError> {
        parent.map(|parent| self.slot(parent).map_err(|_| EditError::ParentNotFound(parent))).transpose()
    }
}

fn check_name(id: EntityId, name: &str) -> Result<(), EditError> {
    if name.len() > NAME_BYTES_MAX {
        return Err(EditError::NameTooLong(id));
    }
    Ok(())
}
