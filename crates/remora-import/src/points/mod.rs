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
//! from one budget before it is allocated, and what is wrong comes back as a [`PointLoadError`] that says where. Points
//! with coordinates that are not finite are dropped.

mod cloud;
mod e57;
mod error;
mod las;
mod ply;
mod xyz;

use std::fmt;

use crate::gltf::LoadLimits;
use remora_model::Model;

pub use e57::load_e57;
pub use error::PointLoadError;
pub use las::load_las;
pub use ply::load_ply;
pub use xyz::load_xyz;

/// Coordinates beyond this are made relative to an origin of their own: at 1000 m, `f32` still tells 0.06 mm apart.
pub const FAR_METRES: f64 = 1000.0;

/// Points in one mesh, so that all levels of detail together can be counted in 32 bits.
pub const POINTS_MAX: u64 = 3_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointFormat {
    Ply,
    /// LAS, and its compressed form LAZ.
    Las,
    E57,
    /// Lines of numbers: `.xyz`, `.txt`, `.csv`, `.pts`.
    Xyz,
}

impl PointFormat {
    /// By the first bytes; by the extension of the name only for text, which has no mark of its own.
    pub fn detect(bytes: &[u8], file_name: &str) -> Option<Self> {
        if bytes.starts_with(b"ply\n") || bytes.starts_with(b"ply\r") {
            return Some(Self::Ply);
        }
        if bytes.starts_with(b"LASF") {
            return Some(Self::Las);
        }
        if bytes.starts_with(b"ASTM-E57") {
            return Some(Self::E57);
        }
        let extension = file_name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        let is_text = matches!(extension.as_deref(), Some("xyz" | "txt" | "csv" | "pts"));
        (is_text || xyz::looks_like_numbers(bytes)).then_some(Self::Xyz)
    }
}

impl fmt::Display for PointFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ply => "PLY",
            Self::Las => "LAS",
            Self::E57 => "E57",
            Self::Xyz => "XYZ",
        })
    }
}

/// Reads a file of any of the formats. `name` becomes that of the model, and tells XYZ by its extension; `progress` is
/// called on this thread with rising numbers that end at 1.
pub fn load_points(
    bytes: &[u8],
    name: &str,
    limits: &LoadLimits,
    progress: &mut dyn FnMut(f32),
) -> Result<Model, PointLoadError> {
    match PointFormat::detect(bytes, name) {
        Some(PointFormat::Ply) => load_ply(bytes, name, limits, progress),
        Some(PointFormat::Las) => load_las(bytes, name, limits, progress),
        Some(PointFormat::E57) => load_e57(bytes, name, limits, progress),
        Some(PointFormat::Xyz) => load_xyz(bytes, name, limits, progress),
        None => Err(PointLoadError::NotPoints),
    }
}
