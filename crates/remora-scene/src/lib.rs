//! The scene: entities, their transforms and states, bounds and ray casts, without a GPU, a network or a clock.
//!
//! ```text
//!   Asset ───────────add_model──▶ ┌───────┐ ──instance_slots─▶ renderer: the meshes to draw
//!   create, destroy, set_parent ▶ │ Scene │ ──take_changes───▶ renderer: the slots to write again
//!   set_transforms, overrides ──▶ └───────┘ ──cast_ray───────▶ the surface under the pointer
//! ```
//!
//! A scene is a forest of entities. Adding a model adds one root entity with the model's nodes below it; a client adds
//! empty entities, and puts any entity below any other. Every edit derives the world transforms and the effective
//! states of the edited subtrees from those of their parents, and of nothing else, so that a reader never sees a stale
//! value.
//!
//! Entities and instances keep their slots for as long as they live. An edit therefore costs what it changes, however
//! large the scene is, and a renderer hears of nothing else.
//!
//! | module | contents |
//! |---|---|
//! | `arena` | slots that are used again |
//! | `tree` | names, parents and children |
//! | `transform` | the parts in which transforms are set |
//! | `overrides` | the state that is set on an entity, and the rule by which entities inherit it |
//! | `models` | the assets that entities come from |
//! | `structure` | edits of the forest |
//! | `scene` | the other edits, and the instances derived from them |
//! | `changes` | the instances that a renderer has not seen yet |
//! | `entity`, `bounds`, `ray` | questions about the scene |
//! | `bvh` | the tree of boxes by which rays find instances |
//! | `consistency` | a check of all that is derived, for tests |
//! | `error` | refusals, with the codes of the original |
//!
//! A scene never copies geometry (assets are shared), never uses an [`EntityId`] twice, and never sets a transform that
//! is not finite. Nested transforms may multiply to more than [`WORLD_MAX`]: such an entity and everything below it is
//! off until the edit that brings it back into range, so that no reader meets a number that is not finite.

mod arena;
mod bounds;
mod bvh;
mod changes;
mod consistency;
mod entity;
mod error;
mod ids;
mod instance;
mod models;
mod overrides;
mod ray;
mod scene;
mod structure;
mod transform;
mod tree;

pub use changes::Changes;
pub use entity::{EntityContents, EntityView};
pub use error::{EditError, NAME_BYTES_MAX, ResultCode};
pub use ids::{EntityId, ModelKey};
pub use instance::Instance;
pub use models::{AddedModel, ReplaceError};
pub use overrides::{EffectiveState, StateOverride, StateOverrideEdit, Tint, ValueEdit};
pub use ray::{Face, HITS_MAX, Hit, HitPolicy};
pub use scene::{ENTITIES_MAX, Scene};
pub use structure::NewEntity;
pub use transform::{Transform, WORLD_MAX};
