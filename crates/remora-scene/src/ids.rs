//! The names of entities and models.

/// Identifies an entity of one scene. No id is used twice, not even after [`crate::Scene::clear`]. Ids start at 1, so
/// that 0 can stand for "none" where ids are written as plain numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityId(pub u64);

/// Identifies a model of one scene. No key is used twice, not even after [`crate::Scene::clear`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelKey(pub u64);
