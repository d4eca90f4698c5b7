//! The names of entities and models.

/// Identifies an entity of one scene.
///
/// Ids start at 1, so that 0 can stand for "none" where ids are written as plain numbers. No id is used twice while the
/// scene lasts. Two ranges keep those who choose ids apart:
///
/// | ids | chosen by | rule |
/// |---|---|---|
/// | 1 to 2^32 - 1 | the scene | a model gets as many in a row as it has nodes, and one for its root |
/// | 2^32 to 2^53 - 1 | the client | each is greater than all that it chose before; gaps are allowed |
///
/// A number of JavaScript holds any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityId(pub u64);

impl EntityId {
    /// The first id that a client may choose.
    pub const CLIENT_FIRST: Self = Self(1 << 32);
    /// The last id that a client may choose.
    pub const CLIENT_LAST: Self = Self((1 << 53) - 1);

    /// Returns whether the id is one that a client may choose.
    pub fn is_of_client(self) -> bool {
        (Self::CLIENT_FIRST..=Self::CLIENT_LAST).contains(&self)
    }
}

/// Identifies a model of one scene. No key is used twice, not even after [`crate::Scene::clear`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelKey(pub u64);
