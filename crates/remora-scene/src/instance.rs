//! The renderer's view of an entity with a mesh.

use glam::DAffine3;

use crate::arena::Arena;
use crate::ids::{EntityId, ModelKey};
use crate::overrides::EffectiveState;

/// A mesh in one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Instance {
    /// The entity that shows the mesh.
    pub entity: EntityId,
    /// The model that the mesh is part of.
    pub model: ModelKey,
    /// Index into the model's meshes.
    pub mesh: u32,
    /// Transform from the mesh to the world, in metres.
    pub world: DAffine3,
    /// The effective state of the entity.
    pub state: EffectiveState,
}

/// The instances of a scene. Each keeps its slot.
pub(crate) type Instances = Arena<Instance>;
