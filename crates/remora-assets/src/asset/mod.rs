//! `.arrAsset`: a model in a file that is ready to draw. `docs/arrasset.md` describes it for those who write readers.
//!
//! ```text
//!   Model ──build──▶ bytes of a container ──Asset::open──▶ Asset: tables as they lie in the bytes, pages on demand
//! ```
//!
//! Opening checks the tables once, every index and range of them, so that nothing after it has to; the bytes of a page
//! or a layer are checked when they are asked for. Nothing is copied: the bytes may be a mapped file.

mod build;
pub mod compress;
mod container;
mod early;
mod encode;
pub mod layout;
mod look;
mod memory;
mod pages;
mod rays;
mod read;
mod tables;
#[cfg(test)]
mod tests;
mod tree;
mod validate;

pub use build::{BuildError, BuildOptions, Detail, REVISION, build};
pub use early::Early;
pub use memory::{Content, PartMemory};
pub use read::{Asset, AssetError};
