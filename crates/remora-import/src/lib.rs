//! Importers: the bytes of a model file in, a [`Model`](remora_model::Model) out.
//!
//! ```text
//!   GLB, glTF           ──gltf────▶ Model
//!   PLY, LAS, E57, XYZ  ──points──▶
//! ```
//!
//! The crate is pure: it opens no file and no socket, and reads no clock. The bytes are not trusted.

mod budget;
pub mod gltf;
mod isolation;
pub mod points;
pub mod untrusted;

pub use gltf::{
    LoadError, LoadLimits, Resolve, WriteError, external_files, load_glb, load_gltf, load_gltf_for, write_glb,
};
pub use isolation::is_isolated;
pub use points::{PointFormat, PointLoadError, load_e57, load_las, load_ply, load_points, load_xyz};
