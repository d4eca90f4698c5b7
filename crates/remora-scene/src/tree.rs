//! The forest of entities: names, parents and children.

use glam::DAffine3;
use remora_asset::Asset;
use remora_asset::layout::NONE;

use crate::ids::EntityId;
use crate::overrides::{EffectiveState, StateOverride};

/// A node of the forest. Links are indices into the tree.
#[derive(Debug)]
pub(crate) struct Entity {
    pub(crate) name: String,
    pub(crate) parent: Option<u32>,
    first_child: Option<u32>,
    next_sibling: Option<u32>,
    pub(crate) local: DAffine3,
    /// Derived from `local` and the parent's `world`.
    pub(crate) world: DAffine3,
    pub(crate) overrides: StateOverride,
    /// Derived from `overrides` and the parent's `state`.
    pub(crate) state: EffectiveState,
    /// The number of the edit that last derived `world` and `state`.
    pub(crate) derived_by: u64,
    /// Index of the instance that shows the entity's mesh.
    pub(crate) instance: Option<u32>,
}

/// All entities of a scene. Parents stand before their children.
#[derive(Debug)]
pub(crate) struct Tree {
    entities: Vec<Entity>,
    /// The entity at index `i` has the id `first_id + i`.
    first_id: u64,
}

impl Default for Tree {
    fn default() -> Self {
        Self { entities: Vec::new(), first_id: 1 }
    }
}

impl Tree {
    /// Adds a root with the nodes of the asset below it and returns its index. Node `i` has the index `root + 1 + i`.
    pub(crate) fn add(&mut self, asset: &Asset) -> u32 {
        let root = self.push(asset.name().to_owned(), None, DAffine3::IDENTITY);
        let mut last_child: Vec<Option<u32>> = vec![None; asset.nodes().len() + 1];
        for node in asset.nodes() {
            let parent = if node.parent == NONE { 0 } else { node.parent as usize + 1 };
            let name = asset.text(node.name).to_owned();
            let entity = self.push(name, Some(root + parent as u32), node.local());
            match last_child[parent].replace(entity) {
                Some(sibling) => self.entity_mut(sibling).next_sibling = Some(entity),
                None => self.entity_mut(root + parent as u32).first_child = Some(entity),
            }
        }
        root
    }

    /// Removes all entities and retires their ids.
    pub(crate) fn clear(&mut self) {
        self.first_id += self.entities.len() as u64;
        self.entities.clear();
    }

    pub(crate) fn entity(&self, index: u32) -> &Entity {
        &self.entities[index as usize]
    }

    pub(crate) fn entity_mut(&mut self, index: u32) -> &mut Entity {
        &mut self.entities[index as usize]
    }

    pub(crate) fn id(&self, index: u32) -> EntityId {
        EntityId(self.first_id + u64::from(index))
    }

    /// Returns the index of an entity; `None` if there is no such entity any more.
    pub(crate) fn index(&self, id: EntityId) -> Option<u32> {
        let index = u32::try_from(id.0.checked_sub(self.first_id)?).ok()?;
        ((index as usize) < self.entities.len()).then_some(index)
    }

    /// Iterates over the direct children in the order of the model's nodes.
    pub(crate) fn children(&self, index: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(self.entity(index).first_child, |&child| self.entity(child).next_sibling)
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

    /// Derives the world transform and the state of an entity from those of its parent.
    pub(crate) fn derived(&self, index: u32) -> (DAffine3, EffectiveState) {
        let entity = self.entity(index);
        self.derived_below(entity.parent, entity.local, entity.overrides)
    }

    /// Returns the names from the root down, separated by `/`.
    pub(crate) fn path(&self, index: u32) -> String {
        let ancestors = std::iter::successors(Some(index), |&at| self.entity(at).parent);
        let mut names: Vec<&str> = ancestors.map(|at| self.entity(at).name.as_str()).collect();
        names.reverse();
        names.join("/")
    }

    fn push(&mut self, name: String, parent: Option<u32>, local: DAffine3) -> u32 {
        let overrides = StateOverride::default();
        let (world, state) = self.derived_below(parent, local, overrides);
        let index = index_of(self.entities.len());
        self.entities.push(Entity {
            name,
            parent,
            first_child: None,
            next_sibling: None,
            local,
            world,
            overrides,
            state,
            derived_by: 0,
            instance: None,
        });
        index
    }

    fn derived_below(
        &self,
        parent: Option<u32>,
        local: DAffine3,
        overrides: StateOverride,
    ) -> (DAffine3, EffectiveState) {
        match parent.map(|parent| self.entity(parent)) {
            Some(parent) => (parent.world * local, EffectiveState::derive(overrides, parent.state)),
            None => (local, EffectiveState::derive(overrides, EffectiveState::DEFAULT)),
        }
    }
}

/// Returns the index of the next element of a list of this length.
pub(crate) fn index_of(length: usize) -> u32 {
    u32::try_from(length).expect("a scene of 4 billion entities does not fit into memory")
}
