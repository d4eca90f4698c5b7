//! What can be wrong with a model file, in words for the person who chose it.

use serde_json::error::Category;

use super::extensions::SUPPORTED_EXTENSIONS;
use super::material::MATERIALS_MAX;
use crate::budget::TooLarge;

#[derive(Debug, thiserror::Error)]
pub enum GltfError {
    #[error("this is not glTF: a GLB begins with \"glTF\", glTF JSON with \"{{\"")]
    NotGltf,
    #[error("the file is glTF version {found}; version 2 is read")]
    Version { found: String },
    #[error("the file is cut short or damaged: {what}")]
    Damaged { what: String },
    /// The parser's own text quotes the file.
    #[error("the file's JSON part cannot be read: {} in line {}, column {}", json_problem(.0), .0.line(), .0.column())]
    Json(serde_json::Error),
    #[error(
        "the model requires the extension {name}, which is not supported and may change its geometry; supported are {}; \
         extensions that change only light and surfaces are passed over",
        SUPPORTED_EXTENSIONS.join(", ")
    )]
    UnsupportedExtension { name: String },
    #[error("{place} refers to the file {uri:?}; the model must carry its data itself: pack it as GLB")]
    ExternalFile { place: String, uri: String },
    #[error(
        "{place} refers to {uri:?}, {why}; read are relative paths of files below the model's folder, and data: URIs"
    )]
    UnsafeUri { place: String, uri: String, why: &'static str },
    #[error("{place} refers to the file {path:?}, which cannot be read: {why}")]
    Fetch { place: String, path: String, why: String },
    #[error("the model has {count} materials; at most {MATERIALS_MAX} are read")]
    TooManyMaterials { count: usize },
    #[error("{place}: {what}")]
    Invalid { place: String, what: String },
    #[error(
        "{what} needs {needed_bytes} bytes of memory, {left_bytes} are left of the {limit_bytes} that loading may use"
    )]
    TooLarge { what: &'static str, needed_bytes: u64, left_bytes: u64, limit_bytes: u64 },
    #[error("the model shows no triangles and no points{}", skipped_text(*.skipped))]
    NothingToDraw {
        /// Primitives of lines, or without any element.
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
