//! Models in memory: the values that importers produce and that builders of assets consume.
//!
//! ```text
//!   remora-import, remora-engine ──▶ Model ──▶ remora-build
//!                                └─ MeshSink ─┘ (mesh by mesh, while the importer still reads)
//! ```
//!
//! The crate is pure and small: it depends on vector arithmetic only, so that everything else can depend on it.

mod bounds;
mod model;
mod notices;
mod sink;
pub mod tangent;

pub use bounds::{Bounds, WorldBounds};
pub use model::{
    AlphaMode, Material, Mesh, MetadataValue, Model, Node, Points, Primitive, Sampler, Texture, TextureReference, Wrap,
};
pub use notices::{NOTICES_MAX, Notices};
pub use sink::MeshSink;
