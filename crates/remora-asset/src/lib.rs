//! `.arrAsset`: a model in a file that is ready to draw. `docs/arrasset.md` describes the format for authors of other
//! readers.
//!
//! ```text
//!   bytes of a container ──Asset::open──▶ Asset: tables as they lie in the bytes, pages on demand
//!   remora-build ──container::Writer──▶ bytes of a container
//! ```
//!
//! [`Asset::open`] checks the tables once, every index and range of them, so that readers index without further checks.
//! The bytes of a page or a layer are checked when they are requested. Nothing is copied: the bytes may be a mapped
//! file.

pub mod container;
mod error;
mod grid;
pub mod layers;
pub mod layout;
mod memory;
mod read;
mod tables;
pub mod untrusted;
mod validate;

pub use error::AssetError;
pub use grid::Grid;
pub use memory::{Content, PartMemory};
pub use read::Asset;
pub use remora_model::{Bounds, MetadataValue, NOTICES_MAX, WorldBounds};
