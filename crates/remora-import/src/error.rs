//! The error of all importers.

use crate::format::file_kinds;
use crate::gltf::GltfError;
use crate::points::PointsError;

/// A file cannot be imported. The text is that of the importer's own error.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is of no known format.
    #[error("this is no file of a known format; accepted are {}", file_kinds("and"))]
    UnknownFormat,
    /// The glTF importer refuses the file.
    #[error(transparent)]
    Gltf(#[from] GltfError),
    /// An importer of point clouds and scanned meshes refuses the file.
    #[error(transparent)]
    Points(#[from] PointsError),
}

impl ImportError {
    /// Returns whether the file could be imported with a higher limit of memory.
    pub fn is_too_large(&self) -> bool {
        match self {
            Self::UnknownFormat => false,
            Self::Gltf(error) => matches!(error, GltfError::TooLarge { .. }),
            Self::Points(error) => matches!(error, PointsError::TooLarge(_)),
        }
    }
}
