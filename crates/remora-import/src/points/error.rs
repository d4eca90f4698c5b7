//! What can be wrong with a file of points, in words for the person who chose it.

use crate::budget::TooLarge;

#[derive(Debug, thiserror::Error)]
pub enum PointsError {
    #[error(
        "this is not a point cloud that can be read: PLY begins with \"ply\", LAS and LAZ \
         with \"LASF\", E57 with \"ASTM-E57\", and XYZ has a point per line: x y z, then intensity, red, green, blue"
    )]
    NotPoints,
    #[error("the {format} file is version {found}; {accepted} is read")]
    Version { format: &'static str, found: String, accepted: &'static str },
    #[error("the {format} file is cut short or damaged: {what}")]
    Damaged { format: &'static str, what: String },
    #[error("the {format} file has {what}; {accepted}")]
    Unsupported { format: &'static str, what: String, accepted: &'static str },
    #[error("{place}: {what}")]
    Invalid { place: String, what: String },
    #[error("the E57 file's XML part cannot be read")]
    Xml(#[source] roxmltree::Error),
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    #[error("the file has no point to show{}", dropped_text(*.dropped))]
    NoPoints {
        /// Points with a coordinate that is not a finite number, or that the file itself calls invalid.
        dropped: u64,
    },
}

impl PointsError {
    pub(super) fn damaged(format: &'static str, what: impl Into<String>) -> Self {
        Self::Damaged { format, what: what.into() }
    }

    pub(super) fn invalid(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Invalid { place: place.into(), what: what.into() }
    }
}

fn dropped_text(dropped: u64) -> String {
    match dropped {
        0 => String::new(),
        _ => format!("; all {dropped} are marked as invalid, or have coordinates that are not finite"),
    }
}
