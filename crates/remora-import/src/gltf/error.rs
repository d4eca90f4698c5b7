//! Errors of glTF files, in words for the person who chose the file.

use serde_json::error::Category;

use super::extensions::SUPPORTED_EXTENSIONS;
use super::material::MATERIALS_MAX;
use crate::budget::TooLarge;

/// A glTF file cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum GltfError {
    /// The first bytes are not those of glTF.
    #[error("this is not glTF: a GLB begins with \"glTF\", glTF JSON with \"{{\"")]
    NotGltf,
    /// The version is not supported.
    #[error("the file is glTF version {found}; version 2 is read")]
    Version {
        /// Version of the file.
        found: String,
    },
    /// The container is truncated or contradicts itself.
    #[error("the file is cut short or damaged: {what}")]
    Damaged {
        /// The damage.
        what: String,
    },
    /// The JSON cannot be parsed. The parser's own text is not shown, because it quotes the file.
    #[error("the file's JSON part cannot be read: {} in line {}, column {}", json_problem(.0), .0.line(), .0.column())]
    Json(serde_json::Error),
    /// The model requires an extension that may change geometry and is not supported.
    #[error(
        "the model requires the extension {name}, which is not supported and may change its geometry; supported are \
         {}; extensions that change only light and surfaces are passed over",
        SUPPORTED_EXTENSIONS.join(", ")
    )]
    UnsupportedExtension {
        /// Name of the extension.
        name: String,
    },
    /// The model refers to a file, and there is no resolver.
    #[error("{place} refers to the file {uri:?}; the model must carry its data itself: pack it as GLB")]
    ExternalFile {
        /// The part of the file that refers to it.
        place: String,
        /// The URI.
        uri: String,
    },
    /// A URI may not be followed.
    #[error(
        "{place} refers to {uri:?}, {why}; read are relative paths of files below the model's folder, and data: URIs"
    )]
    UnsafeUri {
        /// The part of the file that contains the URI.
        place: String,
        /// The URI.
        uri: String,
        /// The reason, as a relative clause.
        why: &'static str,
    },
    /// The resolver cannot read a file.
    #[error("{place} refers to the file {path:?}, which cannot be read: {why}")]
    Fetch {
        /// The part of the file that refers to it.
        place: String,
        /// Path of the file.
        path: String,
        /// The resolver's reason.
        why: String,
    },
    /// There are more materials than an asset can have.
    #[error("the model has {count} materials; at most {MATERIALS_MAX} are read")]
    TooManyMaterials {
        /// Materials of the file.
        count: usize,
    },
    /// A part of the file has an invalid value.
    #[error("{place}: {what}")]
    Invalid {
        /// The part of the file.
        place: String,
        /// The problem.
        what: String,
    },
    /// The file needs more memory than the limit.
    #[error(
        "{what} needs {needed_bytes} bytes of memory, {left_bytes} are left of the {limit_bytes} that loading may use"
    )]
    TooLarge {
        /// The part that does not fit.
        what: &'static str,
        /// Bytes that the part needs.
        needed_bytes: u64,
        /// Bytes that are left.
        left_bytes: u64,
        /// The whole limit.
        limit_bytes: u64,
    },
    /// No triangle and no point is left to show.
    #[error("the model shows no triangles and no points{}", skipped_text(*.skipped))]
    NothingToDraw {
        /// Number of primitives of lines or without elements.
        skipped: usize,
    },
}

impl From<TooLarge> for GltfError {
    fn from(error: TooLarge) -> Self {
        let TooLarge { what, needed_bytes, left_bytes, limit_bytes } = error;
        Self::TooLarge { what, needed_bytes, left_bytes, limit_bytes }
    }
}

impl GltfError {
    pub(super) fn invalid(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Invalid { place: place.into(), what: what.into() }
    }

    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }
}

fn json_problem(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        Category::Data => "a value has the wrong type, or one is missing,",
        Category::Eof => "it ends too early,",
        Category::Syntax | Category::Io => "it is not JSON",
    }
}

fn skipped_text(skipped: usize) -> String {
    match skipped {
        0 => String::new(),
        _ => format!("; {skipped} primitives of lines or without elements were skipped"),
    }
}
