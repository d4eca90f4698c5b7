//! Errors of files of points, in words for the person who chose the file.

use crate::budget::TooLarge;

/// A point cloud or scanned mesh cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum PointsError {
    /// The file is empty.
    #[error(
        "this is not a point cloud that can be read: PLY begins with \"ply\", LAS and LAZ \
         with \"LASF\", E57 with \"ASTM-E57\", and XYZ has a point per line: x y z, then intensity, red, green, blue"
    )]
    NotPoints,
    /// The version of the format is not supported.
    #[error("the {format} file is version {found}; {accepted} is read")]
    Version {
        /// Name of the format.
        format: &'static str,
        /// Version of the file.
        found: String,
        /// Versions that are supported.
        accepted: &'static str,
    },
    /// The data contradicts itself or ends too early.
    #[error("the {format} file is cut short or damaged: {what}")]
    Damaged {
        /// Name of the format.
        format: &'static str,
        /// The damage.
        what: String,
    },
    /// The file uses a feature that is not supported.
    #[error("the {format} file has {what}; {accepted}")]
    Unsupported {
        /// Name of the format.
        format: &'static str,
        /// The feature.
        what: String,
        /// The alternatives that are supported.
        accepted: &'static str,
    },
    /// A part of the file has an invalid value.
    #[error("{place}: {what}")]
    Invalid {
        /// The part of the file.
        place: String,
        /// The problem.
        what: String,
    },
    /// The XML part of an E57 file is not well-formed.
    #[error("the E57 file's XML part cannot be read")]
    Xml(#[source] roxmltree::Error),
    /// The file needs more memory than the limit.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// No point is left to show.
    #[error("the file has no point to show{}", dropped_text(*.dropped))]
    NoPoints {
        /// Number of points that are marked as invalid or have a coordinate that is not finite.
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
