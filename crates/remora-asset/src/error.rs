//! The error of assets.

/// An asset cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssetError {
    /// The first bytes are not those of an asset.
    #[error("this is not an .arrAsset of Remora")]
    NotAnAsset,
    /// The file was written by a newer program.
    #[error(
        "the asset has version {version} of its format, this program reads up to {}; convert the model again, or use a \
         newer program",
        super::layout::VERSION
    )]
    Newer {
        /// Version of the file's format.
        version: u32,
    },
    /// A table, a page or a layer is damaged.
    #[error("the asset is damaged: {place}: {what}; convert the model again")]
    Damaged {
        /// The damaged part.
        place: String,
        /// The damage.
        what: String,
    },
}
