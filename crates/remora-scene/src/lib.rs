//! The scene: entities, their transforms and states, bounds and ray casts, without a GPU, a network or a clock.
//!
//! ```text
//!   Asset ───────────add_model──▶ ┌───────┐ ──instances─────▶ renderer: one entry per mesh to draw
//!   set_locals, edit_overrides ─▶ │ Scene │ ──take_changes──▶ renderer: the entries to write again
//!   select, clear ──────────────▶ └───────┘ ──cast_ray──────▶ the surface under the pointer
//! ```
//!
//! A scene is a forest of entities. Adding a model adds one root entity with the model's nodes below it. Every edit
//! derives the world transforms and the effective states of the edited subtrees from those of their parents, and of
//! nothing else, so that a reader never sees a stale value.
//!
//! | module | contents |
//! |---|---|
//! | `tree` | names, parents and children |
//! | `overrides` | the state that is set on an entity, and the rule by which entities inherit it |
//! | `models` | the assets that entities come from |
//! | `scene` | edits, and the instances derived from them |
//! | `changes` | the instances that a renderer has not seen yet |
//! | `entity`, `bounds`, `ray` | questions about the scene |
//!
//! A scene never copies geometry (assets are shared), never uses an [`EntityId`] twice, and never holds a transform
//! that is not finite.

mod bounds;
mod changes;
mod entity;
mod ids;
mod instance;
mod models;
mod overrides;
mod ray;
mod scene;
mod tree;

pub use changes::Changes;
pub use entity::{EntityContents, EntityView};
pub use ids::{EntityId, ModelKey};
pub use instance::Instance;
pub use models::{AddedModel, ReplaceError};
pub use overrides::{EffectiveState, StateOverride, StateOverrideEdit, Tint, ValueEdit};
pub use ray::Hit;
pub use scene::{EditError, Scene};
