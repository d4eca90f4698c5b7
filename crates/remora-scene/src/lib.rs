//! Entities, transforms, bounds and ray casts: what is shown, without a GPU, a network or a clock.
//!
//! ```text
//!   Asset ──────add_model──▶ ┌────────┐ ──instances──────▶ renderer: one entry per drawn mesh
//!   set_locals, select, … ──▶ │ Scene  │ ──take_changes───▶ renderer: what to write again
//!   clear ──────────────────▶ └────────┘ ──cast_ray───────▶ what lies under the pointer
//! ```
//!
//! A scene is a forest of entities. Adding a model adds one root entity with the model's nodes below it. World
//! transforms, visibility, tint and selection are derived from the parents at every edit, for the edited subtree
//! only, so that a reader never sees a stale one.
//!
//! A scene never copies geometry (models are shared), never uses an [`EntityId`] twice, and never holds a
//! transform that is not finite.

mod changes;
mod contents;
mod overrides;
mod ray;
mod scene;

pub use changes::Changes;
pub use contents::EntityContents;
pub use overrides::{EffectiveState, StateOverride, StateOverrideEdit, Tint, ValueEdit};
pub use ray::Hit;
pub use scene::{Added, EditError, EntityId, EntityView, Instance, ModelKey, ReplaceError, Scene};
