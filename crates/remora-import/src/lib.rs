//! Importers: the bytes of a model file in, a [`Model`](remora_model::Model) out.
//!
//! ```text
//!   GLB, glTF           ──gltf────▶ Model
//!   PLY, LAS, E57, XYZ  ──points──▶
//! ```
//!
//! The crate is pure: it opens no file and no socket, and reads no clock. The bytes are not trusted.

mod budget;
mod error;
mod format;
pub mod gltf;
mod images;
mod input;
mod isolation;
mod normals;
pub mod points;
pub mod untrusted;

pub use budget::TooLarge;
pub use error::ImportError;
pub use format::{FORMATS, Format, ImportFn, file_kinds, import};
pub use gltf::{GltfError, WriteError, write_glb};
pub use input::{Input, LoadLimits, Resolver};
pub use isolation::is_isolated;
pub use points::PointsError;
