//! What can go wrong with a file, in words for the person who named it.

use std::io;
use std::path::{Path, PathBuf};

use remora_asset::AssetError;
use remora_build::BuildError;
use remora_import::{LoadError, PointLoadError};

#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    #[error("{} cannot be read", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{name} is no model that is known here; accepted are glTF and GLB, PLY, LAS, LAZ, E57, XYZ and .arrAsset")]
    UnknownFormat { name: String },
    #[error("{name}")]
    Gltf { name: String, source: LoadError },
    #[error("{name}")]
    Points { name: String, source: PointLoadError },
    #[error("{name}")]
    Asset { name: String, source: AssetError },
    #[error("{name} is an asset already")]
    IsAsset { name: String },
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error("{} cannot be written", path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl ConvertError {
    /// Whether more memory would have helped.
    pub fn is_too_large(&self) -> bool {
        match self {
            Self::Gltf { source, .. } => matches!(source, LoadError::TooLarge { .. }),
            Self::Points { source, .. } => matches!(source, PointLoadError::TooLarge { .. }),
            Self::Read { .. }
            | Self::UnknownFormat { .. }
            | Self::Asset { .. }
            | Self::IsAsset { .. }
            | Self::Build(_)
            | Self::Write { .. } => false,
        }
    }

    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Write { path: path.to_owned(), source }
    }
}
