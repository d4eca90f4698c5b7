//! Files in, assets out.
//!
//! ```text
//!   file, bytes ──Source──▶ format? ─┬─ an asset: mapped ──────────────────────▶ Asset
//!                                    └─ a model: imported ─▶ Model ─write_asset▶ file ─▶ Asset
//!                                                                  └─Cache: the same, by content
//! ```
//!
//! A file that this crate writes appears under its name when it is complete and on disk, or not at all.

mod cache;
mod clock;
mod error;
mod source;
mod write;

pub use cache::{Cache, Key};
pub use error::ConvertError;
pub use source::{Source, SourceFormat, files_beside, open_asset};
pub use write::{write_asset, write_file};
