//! The web pages, embedded in the executable.

use std::sync::Arc;

use remora_control::{Asset, Assets};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../web/portal/dist"]
struct Pages;

/// Returns the lookup of embedded files by path without a leading slash.
pub(crate) fn assets() -> Assets {
    Arc::new(asset)
}

fn asset(path: &str) -> Option<Asset> {
    let file = Pages::get(path)?;
    Some(Asset { content_type: content_type(path).to_owned(), bytes: file.data })
}

/// Returns the media type of a file that the build of the pages makes.
fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json") => "application/json",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}
