//! The web pages, embedded in the executable.

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../web/portal/dist"]
struct Pages;

/// Content type and bytes of the file at a path without a leading slash.
pub fn page(path: &str) -> Option<(String, Vec<u8>)> {
    let file = Pages::get(path)?;
    let content_type = mime_guess::from_path(path).first_or_octet_stream();
    let content_type = match content_type.type_().as_str() {
        "text" => format!("{content_type}; charset=utf-8"),
        _ => content_type.to_string(),
    };
    Some((content_type, file.data.into_owned()))
}
