//! Importers of point clouds and scanned meshes: PLY, LAS and LAZ, E57, XYZ.
//!
//! ```text
//!   ply ─┬─▶ triangles ───────────────▶ Model
//!   las ─┤
//!   e57 ─┼─▶ f64 positions ─cloud─▶ points around an origin, which becomes the node's transform
//!   xyz ─┘
//! ```
//!
//! Surveyed coordinates have seven digits before the decimal point, for which `f32` is too short. If they exceed
//! [`FAR_METRES`], positions are stored relative to the center of their bounds, rounded to whole metres. LAS, E57 and
//! XYZ have Z up, and their nodes rotate it to Y. PLY does not define an axis and stays as it is.
//!
//! The bytes are not trusted: counts are compared with the data, memory is taken from one budget before it is
//! allocated, and a [`PointsError`] says what is wrong and where. Points with coordinates that are not finite are
//! dropped.

mod cloud;
pub(crate) mod e57;
mod error;
pub(crate) mod las;
pub(crate) mod ply;
pub(crate) mod xyz;

pub use error::PointsError;

/// Largest coordinate that is stored without an origin. At 1000 m, `f32` has a resolution of 0.06 mm.
pub const FAR_METRES: f64 = 1000.0;

/// Limit of the points in one mesh, so that the points of all levels of detail can be counted in 32 bits.
pub const POINTS_MAX: u64 = 3_000_000_000;
