//! The web pages, embedded in the executable.

use std::sync::Arc;

use remora_control::portal::{Asset, Assets};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../web/portal/dist"]
struct Pages;

/// The files by their path without a leading slash.
pub fn assets() -> Assets {
    Arc::new(asset)
}

fn asset(path: &str) -> Option<Asset> {
    let file = Pages::get(path)?;
    let content_type = mime_guess::from_path(path).first_or_octet_stream();
    let content_type = match content_type.type_().as_str() {
        "text" => format!("{content_type}; charset=utf-8"),
        _ => content_type.to_string(),
    };
    Some(Asset { content_type, bytes: file.data })
}
