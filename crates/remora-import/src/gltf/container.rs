//! Splits a file into JSON and the bytes of its buffers.

use std::borrow::Cow;

use super::error::GltfError;
use super::external::External;
use super::json::{self, Root};
use super::meshopt;
use crate::budget::Budget;

const MAGIC: &[u8] = b"glTF";
const HEADER_BYTES: usize = 12;
const CHUNK_HEADER_BYTES: usize = 8;
const CHUNK_JSON: u32 = u32::from_le_bytes(*b"JSON");
const CHUNK_BINARY: u32 = u32::from_le_bytes(*b"BIN\0");

/// The JSON part and the bytes that it describes.
pub(super) struct Container<'a> {
    pub(super) root: Root,
    /// The bytes of each buffer of `root`.
    pub(super) buffers: Vec<Cow<'a, [u8]>>,
    /// Decoded buffer views; see [`meshopt::decode`].
    pub(super) decoded: Vec<(u32, meshopt::DecodedView)>,
}

pub(super) fn open<'a>(
    bytes: &'a [u8],
    external: &mut External<'_>,
    budget: &mut Budget,
) -> Result<Container<'a>, GltfError> {
    let (json, binary) = split(bytes)?;
    budget.take(json.len() as u64, json::EXPANSION_MAX, "the JSON part of the file, once parsed,")?;
    let root: Root = serde_json::from_slice(json).map_err(GltfError::Json)?;
    check_version(&root)?;
    let buffers: Vec<_> = root
        .buffers
        .iter()
        .enumerate()
        .map(|(index, buffer)| open_buffer(index, buffer, binary, external, budget))
        .collect::<Result<_, _>>()?;
    let decoded = meshopt::decode(&root, &buffers, budget)?;
    Ok(Container { root, buffers, decoded })
}

/// Returns the URIs of all buffers and images, in the order of the file.
pub(super) fn uris(bytes: &[u8], budget: &mut Budget) -> Result<Vec<String>, GltfError> {
    #[derive(serde::Deserialize)]
    struct Referring {
        #[serde(default)]
        buffers: Vec<Referred>,
        #[serde(default)]
        images: Vec<Referred>,
    }
    #[derive(serde::Deserialize)]
    struct Referred {
        uri: Option<String>,
    }
    let (json, _) = split(bytes)?;
    // The smallest element, an empty object and a comma, becomes a missing URI in a list that grows by doubling.
    budget.take(json.len() as u64, size_of::<Referred>(), "the list of files that the model refers to")?;
    let Referring { buffers, images } = serde_json::from_slice(json).map_err(GltfError::Json)?;
    Ok(buffers.into_iter().chain(images).filter_map(|referred| referred.uri).collect())
}

/// Returns the JSON and, for GLB, the binary chunk.
fn split(bytes: &[u8]) -> Result<(&[u8], Option<&[u8]>), GltfError> {
    if !bytes.starts_with(MAGIC) {
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        return match text.trim_ascii_start().first() {
            Some(b'{') => Ok((text, None)),
            Some(_) => Err(GltfError::NotGltf),
            None => Err(GltfError::damaged("it is empty")),
        };
    }
    let (Some(version), Some(length)) = (word(bytes, 4), word(bytes, 8)) else {
        return Err(GltfError::damaged(format!("a GLB header has {HEADER_BYTES} bytes, the file {}", bytes.len())));
    };
    if version != 2 {
        return Err(GltfError::Version { found: version.to_string() });
    }
    let Some(mut rest) = bytes.get(HEADER_BYTES..length as usize) else {
        return Err(GltfError::damaged(format!("its header announces {length} bytes, the file has {}", bytes.len())));
    };
    let (mut json, mut binary) = (None, None);
    while rest.len() >= CHUNK_HEADER_BYTES {
        let (Some(length), Some(kind)) = (word(rest, 0), word(rest, 4)) else { break };
        let Some(chunk) = rest[CHUNK_HEADER_BYTES..].get(..length as usize) else {
            return Err(GltfError::damaged(format!("a chunk announces {length} bytes, more than the file still has")));
        };
        match kind {
            CHUNK_JSON if json.is_none() => json = Some(chunk),
            CHUNK_BINARY if binary.is_none() => binary = Some(chunk),
            // The specification requires readers to ignore other kinds of chunks.
            _ => {}
        }
        rest = &rest[CHUNK_HEADER_BYTES + length as usize..];
    }
    match json {
        Some(json) => Ok((json, binary)),
        None => Err(GltfError::damaged("it has no JSON chunk")),
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn check_version(root: &Root) -> Result<(), GltfError> {
    let asset = &root.asset;
    match asset.min_version.as_deref() {
        Some(found) if found != "2.0" => Err(GltfError::Version { found: number(found) }),
        _ if asset.version.starts_with("2.") => Ok(()),
        _ if asset.version.is_empty() => Err(GltfError::Version { found: "(none given)".to_owned() }),
        _ => Err(GltfError::Version { found: number(&asset.version) }),
    }
}

/// Returns the leading part of a text that is a version. Other text of a file is not repeated in errors.
fn number(version: &str) -> String {
    let is_number = version.len() <= 8 && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_number { version.to_owned() } else { "(not a number)".to_owned() }
}

fn open_buffer<'a>(
    index: usize,
    buffer: &json::Buffer,
    binary: Option<&'a [u8]>,
    external: &mut External<'_>,
    budget: &mut Budget,
) -> Result<Cow<'a, [u8]>, GltfError> {
    if buffer.is_fallback() {
        return Ok(Cow::Borrowed(&[]));
    }
    let place = format!("buffer {index}");
    let bytes = match (&buffer.uri, binary) {
        (Some(uri), _) => Cow::Owned(external.read(uri, &place, budget)?),
        (None, Some(binary)) if index == 0 => Cow::Borrowed(binary),
        (None, _) => return Err(GltfError::invalid(place, "it has neither a URI nor a binary chunk")),
    };
    if (bytes.len() as u64) < buffer.byte_length {
        let what = format!("it should have {} bytes, there are {}", buffer.byte_length, bytes.len());
        return Err(GltfError::invalid(place, what));
    }
    Ok(bytes)
}
