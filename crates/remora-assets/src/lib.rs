//! Models as the rest of Remora sees them: importers, the built-in engine, and geometry in clusters.
//!
//! ```text
//!   GLB bytes ──gltf────▶ Model ──cluster──▶ ClusteredModel ──▶ renderer, ray casts
//!   scans     ──points──▶
//!   Engine    ──────────▶
//! ```
//!
//! Pure: bytes in, values out. Nothing here opens a socket, reads a clock or knows a graphics API.

pub mod asset;
mod budget;
pub mod cluster;
pub mod detail;
pub mod engine;
pub mod gltf;
mod isolation;
mod listener;
pub mod model;
mod notices;
pub mod points;
pub mod untrusted;

pub use gltf::{
    LoadError, LoadLimits, Resolve, WriteError, external_files, load_glb, load_gltf, load_gltf_for, write_glb,
};
pub use isolation::is_isolated;
pub use listener::Listener;
pub use model::{
    AlphaMode, Bounds, Material, Mesh, MetadataValue, Model, Node, Points, Primitive, Sampler, Texture,
    TextureReference, WorldBounds, Wrap,
};
pub use notices::{NOTICES_MAX, Notices};
pub use points::{PointFormat, PointLoadError, load_e57, load_las, load_ply, load_points, load_xyz};
