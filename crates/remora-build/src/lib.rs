//! Builds assets from models: clusters, levels of detail, pages, texture layers.
//!
//! ```text
//!   Model ──build_into──▶ bytes of a container (remora-asset)
//!         └─build_asset─▶ an Asset in memory
//!   importer ──meshes──▶ CoarseBuilder ──finish──▶ a coarse Asset, soon after the last mesh is read
//! ```
//!
//! The crate is pure: values in, bytes out. It uses the threads of the current rayon pool.

mod build;
mod cluster;
mod coarse_builder;
mod compress;
pub mod detail;
mod encode;
mod look;
mod mesh;
mod options;
mod pages;
mod rays;
#[cfg(test)]
mod tests;
mod tree;

pub use build::{REVISION, build_asset, build_into};
pub use cluster::ClusterBounds;
pub use coarse_builder::CoarseBuilder;
pub use detail::work::Cancelled;
pub use options::{BuildError, BuildOptions, Detail};
