//! Errors of files, in words for the person who named them.

use std::io;
use std::path::{Path, PathBuf};

use remora_asset::AssetError;
use remora_build::BuildError;
use remora_import::{ImportError, file_kinds};

/// A file cannot be read, converted or written.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// The file cannot be opened or mapped.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// Neither an asset nor a model of a known format.
    #[error("{name} is no model that is known here; accepted are .arrAsset, {}", file_kinds("and"))]
    UnknownFormat {
        /// The file's name.
        name: String,
    },
    /// The importer refuses the model.
    #[error("{name}")]
    Import {
        /// The file's name.
        name: String,
        /// The importer's reason.
        source: ImportError,
    },
    /// The asset is damaged or of a newer version.
    #[error("{name}")]
    Asset {
        /// The file's name.
        name: String,
        /// The reader's reason.
        source: AssetError,
    },
    /// A model is expected, and the file is an asset.
    #[error("{name} is an asset already")]
    IsAsset {
        /// The file's name.
        name: String,
    },
    /// No asset can be built from the model, or building was cancelled.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The file cannot be written.
    #[error("{} cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
}

impl ConvertError {
    /// Returns whether the model could be imported with a higher limit of memory.
    pub fn is_too_large(&self) -> bool {
        match self {
            Self::Import { source, .. } => source.is_too_large(),
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
