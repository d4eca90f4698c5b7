//! Importers of point clouds, and of the meshes that scanners make: PLY, LAS and LAZ, E57, XYZ.
//!
//! ```text
//!   bytes ─detect─▶ ply ─┬─▶ triangles ───────────────▶ Model
//!                   las ─┤
//!                   e57 ─┼─▶ f64 positions ─cloud─▶ Points around an origin, which the node's transform holds
//!                   xyz ─┘
//! ```
//!
//! Surveyed coordinates have seven digits before the point, which `f32` cannot hold. Where they reach beyond
//! [`FAR_METRES`], positions are made relative to the middle of their bounds, rounded to whole metres. LAS, E57 and XYZ
//! have Z up; their nodes turn it to Y. PLY says nothing about it and stays as it is.
//!
//! The bytes are not trusted, as in [`crate::gltf`]: counts are compared with the data that is there, memory is taken
//! from one budget before it is allocated, and what is wrong comes back as a [`PointsError`] that says where. Points
//! with coordinates that are not finite are dropped.

mod cloud;
pub(crate) mod e57;
mod error;
pub(crate) mod las;
pub(crate) mod ply;
pub(crate) mod xyz;

pub use error::PointsError;

/// Coordinates beyond this are made relative to an origin of their own: at 1000 m, `f32` still tells 0.06 mm apart.
pub const FAR_METRES: f64 = 1000.0;

/// Points in one mesh, so that all levels of detail together can be counted in 32 bits.
pub const POINTS_MAX: u64 = 3_000_000_000;
