//! The forest of entities: names, parents and children.

use glam::{DAffine3, DMat3, DVec3};

use crate::arena::Arena;
use crate::ids::EntityId;
use crate::overrides::{EffectiveState, StateOverride};
use crate::transform::{Transform, is_in_range};

/// Upper bound on the bytes of a path, after which no further name is added.
const PATH_BYTES: usize = 8192;

/// A node of the forest. Links are slots of the tree.
#[derive(Debug)]
pub(crate) struct Entity {
    pub(crate) id: EntityId,
    pub(crate) name: String,
    pub(crate) parent: Option<u32>,
    first_child: Option<u32>,
    last_child: Option<u32>,
    previous_sibling: Option<u32>,
    next_sibling: Option<u32>,
    pub(crate) local: DAffine3,
    /// The parts that `local` was set in; `None` if it was given as a whole.
    pub(crate) parts: Option<Box<Transform>>,
    /// The entity's own switch.
    pub(crate) enabled: bool,
    pub(crate) overrides: StateOverride,
    pub(crate) derived: Derived,
    /// The number of the edit that last derived `derived`.
    pub(crate) derived_by: u64,
    /// Slot of the instance that shows the entity's mesh.
    pub(crate) instance: Option<u32>,
    /// Place in the list of entities that are selected or not by themselves.
    pub(crate) selection_at: Option<u32>,
}

/// Values that follow from an entity's own and from those of its parent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Derived {
    pub(crate) world: DAffine3,
    pub(crate) state: EffectiveState,
    /// Number of entities above.
    pub(crate) depth: u32,
}

/// All entities of a scene.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    entities: Arena<Entity>,
}

impl Entity {
    /// Makes an entity that stands nowhere yet.
    pub(crate) fn new(id: EntityId, name: String, local: DAffine3) -> Self {
        Self {
            id,
            name,
            parent: None,
            first_child: None,
            last_child: None,
            previous_sibling: None,
            next_sibling: None,
            local,
            parts: None,
            enabled: true,
            overrides: StateOverride::default(),
            derived: Derived { world: local, state: EffectiveState::DEFAULT, depth: 0 },
            derived_by: 0,
            instance: None,
            selection_at: None,
        }
    }
}

impl Tree {
    /// Adds an entity as the last child of its parent, derives its values, and returns its slot.
    pub(crate) fn add(&mut self, entity: Entity, parent: Option<u32>) -> u32 {
        let slot = self.entities.add(entity);
        self.link(slot, parent);
        self.entity_mut(slot).derived = self.derived(slot);
        slot
    }

    /// Removes an entity and everything below it, and returns them, parents before children.
    pub(crate) fn remove(&mut self, top: u32) -> Vec<Entity> {
        let slots: Vec<u32> = self.subtree(top).collect();
        self.unlink(top);
        slots.into_iter().filter_map(|slot| self.entities.remove(slot)).collect()
    }

    /// Puts an entity below another one, as its last child, or makes it a root. The caller makes sure that it does not
    /// come below itself, and derives the subtree.
    pub(crate) fn move_below(&mut self, slot: u32, parent: Option<u32>) {
        self.unlink(slot);
        self.link(slot, parent);
    }

    /// Removes all entities.
    pub(crate) fn clear(&mut self) {
        self.entities.clear();
    }

    /// Returns the number of entities.
    pub(crate) fn len(&self) -> usize {
        self.entities.len()
    }

    pub(crate) fn entity(&self, slot: u32) -> &Entity {
        self.entities.get(slot).expect("links and ids lead to entities of the scene")
    }

    pub(crate) fn entity_mut(&mut self, slot: u32) -> &mut Entity {
        self.entities.get_mut(slot).expect("links and ids lead to entities of the scene")
    }

    pub(crate) fn id(&self, slot: u32) -> EntityId {
        self.entity(slot).id
    }

    /// Iterates over all entities with their slots, in no order of the forest.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, &Entity)> {
        (0..).zip(self.entities.slots()).filter_map(|(slot, entity)| Some((slot, entity.as_ref()?)))
    }

    /// Iterates over the direct children in their order.
    pub(crate) fn children(&self, slot: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(self.entity(slot).first_child, |&child| self.entity(child).next_sibling)
    }

    /// Iterates over an entity and everything above it.
    pub(crate) fn upwards(&self, slot: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(Some(slot), |&at| self.entity(at).parent)
    }

    /// Iterates over an entity and everything below it, depth first, parents before children.
    pub(crate) fn subtree(&self, top: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(Some(top), move |&at| self.next_in_subtree(at, top))
    }

    /// Returns the entity that follows in [`Self::subtree`].
    pub(crate) fn next_in_subtree(&self, at: u32, top: u32) -> Option<u32> {
        if let Some(child) = self.entity(at).first_child {
            return Some(child);
        }
        let mut at = at;
        while at != top {
            let entity = self.entity(at);
            if let Some(sibling) = entity.next_sibling {
                return Some(sibling);
            }
            at = entity.parent?;
        }
        None
    }

    /// Derives values of an entity from its own and from those of its parent. An entity whose transform to the world
    /// exceeds the range is switched off; its world transform maps everything to the origin of its parent.
    pub(crate) fn derived(&self, slot: u32) -> Derived {
        let entity = self.entity(slot);
        let above = entity.parent.map(|parent| self.entity(parent).derived);
        let state_above = above.map_or(EffectiveState::DEFAULT, |above| above.state);
        let mut world = above.map_or(entity.local, |above| above.world * entity.local);
        let mut state = EffectiveState::derive(entity.overrides, entity.enabled, state_above);
        if !is_in_range(&world) {
            // Everything below is flattened to the same point, and so in range.
            let translation = above.map_or(DVec3::ZERO, |above| above.world.translation);
            world = DAffine3 { matrix3: DMat3::ZERO, translation };
            state.enabled = false;
        }
        Derived { world, state, depth: above.map_or(0, |above| above.depth + 1) }
    }

    /// Returns the names from the root down, separated by `/`. A path of more than 8 kB ends early.
    pub(crate) fn path(&self, slot: u32) -> String {
        let mut above: Vec<u32> = self.upwards(slot).collect();
        above.reverse();
        let mut path = String::new();
        for (index, at) in above.into_iter().enumerate() {
            if index > 0 {
                path.push('/');
            }
            path.push_str(&self.entity(at).name);
            if path.len() > PATH_BYTES {
                break;
            }
        }
        path
    }

    fn link(&mut self, slot: u32, parent: Option<u32>) {
        let previous = parent.and_then(|parent| self.entity_mut(parent).last_child.replace(slot));
        let entity = self.entity_mut(slot);
        (entity.parent, entity.previous_sibling, entity.next_sibling) = (parent, previous, None);
        match (previous, parent) {
            (Some(previous), _) => self.entity_mut(previous).next_sibling = Some(slot),
            (None, Some(parent)) => self.entity_mut(parent).first_child = Some(slot),
            (None, None) => {}
        }
    }

    fn unlink(&mut self, slot: u32) {
        let entity = self.entity_mut(slot);
        let (parent, previous, next) =
            (entity.parent.take(), entity.previous_sibling.take(), entity.next_sibling.take());
        match (previous, parent) {
            (Some(previous), _) => self.entity_mut(previous).next_sibling = next,
            (None, Some(parent)) => self.entity_mut(parent).first_child = next,
            (None, None) => {}
        }
        match (next, parent) {
            (Some(next), _) => self.entity_mut(next).previous_sibling = previous,
            (None, Some(parent)) => self.entity_mut(parent).last_child = previous,
            (None, None) => {}
        }
    }
}
