//! Reads the data behind URIs: in the URI itself, or in a file beside the model that the resolver reads. This module
//! opens no files, and never asks for a path outside of the model's folder.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::GltfError;
use crate::budget::Budget;
use crate::input::Resolver;

/// Characters of a URI that an error shows.
const SHOWN_MAX: usize = 80;

/// Access to the data behind URIs.
pub(super) struct External<'a> {
    /// Reads files; `None` if the model must carry all data itself.
    pub(super) resolver: Option<&'a mut Resolver<'a>>,
}

impl External<'_> {
    /// Returns the bytes behind a URI. `place` is for errors.
    pub(super) fn read(&mut self, uri: &str, place: &str, budget: &mut Budget) -> Result<Vec<u8>, GltfError> {
        if let Some(data) = uri.strip_prefix("data:") {
            return data_uri(data, place, budget);
        }
        let place = place.to_owned();
        let Some(resolver) = &mut self.resolver else {
            return Err(GltfError::ExternalFile { place, uri: shown(uri) });
        };
        let path = match relative_path(uri) {
            Ok(path) => path,
            Err(why) => return Err(GltfError::UnsafeUri { place, uri: shown(uri), why }),
        };
        let bytes =
            resolver(&path, budget.left_bytes()).map_err(|why| GltfError::Fetch { place, path: shown(&path), why })?;
        budget.take(bytes.len() as u64, 1, "a file that the model refers to")?;
        Ok(bytes)
    }
}

/// Decodes a data URI; `data` is the part after `data:`.
fn data_uri(data: &str, place: &str, budget: &mut Budget) -> Result<Vec<u8>, GltfError> {
    let Some((_, encoded)) = data.split_once(";base64,") else {
        return Err(GltfError::invalid(place, "its data: URI is not in base64"));
    };
    budget.take(encoded.len() as u64, 1, "a buffer or image in a data: URI")?;
    STANDARD.decode(encoded).map_err(|_| GltfError::invalid(place, "its data: URI is not valid base64"))
}

/// Returns the path of a URI if it stays within the model's folder. The error is a relative clause about the URI.
pub(super) fn relative_path(uri: &str) -> Result<String, &'static str> {
    let path = String::from_utf8(percent_decoded(uri)).map_err(|_| "whose escapes are not UTF-8")?;
    if path.chars().any(char::is_control) {
        return Err("which contains a control character");
    }
    if path.contains('\\') {
        return Err("which contains a backslash");
    }
    if path.starts_with('/') {
        return Err("which is an absolute path");
    }
    // A colon before the first slash indicates a scheme or a drive.
    if path.split('/').next().is_some_and(|first| first.contains(':')) {
        return Err("which has a scheme");
    }
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty() && *segment != ".").collect();
    if segments.contains(&"..") {
        return Err("which leaves the model's folder");
    }
    if segments.is_empty() {
        return Err("which names no file");
    }
    Ok(segments.join("/"))
}

/// Decodes percent escapes. A percent sign without two digits after it is kept, because many files have names without
/// escapes.
fn percent_decoded(uri: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(uri.len());
    let mut rest = uri.as_bytes();
    while let [first, after @ ..] = rest {
        let escape = match (first, after) {
            (b'%', [high, low, after @ ..]) => digit(*high).zip(digit(*low)).map(|digits| (digits, after)),
            _ => None,
        };
        match escape {
            Some(((high, low), after)) => {
                decoded.push(high * 16 + low);
                rest = after;
            }
            None => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    decoded
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

fn shown(uri: &str) -> String {
    uri.chars().take(SHOWN_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_and_tidied() {
        for (uri, path) in [
            ("model.bin", "model.bin"),
            ("./textures//wood%20oak.png", "textures/wood oak.png"),
            ("100%.png", "100%.png"),
            ("a%2", "a%2"),
            ("%C3%A4.bin", "ä.bin"),
            ("a/b:c.png", "a/b:c.png"),
            ("..a/b..", "..a/b.."),
        ] {
            assert_eq!(relative_path(uri).as_deref(), Ok(path), "{uri}");
        }
    }

    #[test]
    fn nothing_outside_of_the_folder_is_a_path() {
        for uri in [
            "",
            ".",
            "/etc/passwd",
            "%2Fetc/passwd",
            "//host/share",
            "../secret",
            "a/../../secret",
            "%2e%2e/secret",
            "a/%2E./b",
            "..",
            "file:///etc/passwd",
            "https://example.org/a.bin",
            "DATA:,x",
            "C:/Windows/a.bin",
            "c%3A/Windows/a.bin",
            "..\\secret",
            "a%5Cb",
            "\\\\host\\share",
            "a%00.bin",
            "a\n.bin",
            "%ff.bin",
        ] {
            assert!(relative_path(uri).is_err(), "{uri}");
        }
    }
}
