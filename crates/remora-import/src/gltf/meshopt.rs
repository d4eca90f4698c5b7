//! Decodes buffer views in `EXT_meshopt_compression` and `KHR_meshopt_compression` when the file is opened, so that
//! accessors read them like all others.

use std::borrow::Cow;

use meshopt::ffi;

use super::error::GltfError;
use super::json::{self, Root};
use crate::budget::Budget;

/// Limit of the bytes of a vertex in the format.
const STRIDE_MAX: u64 = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Attributes(Filter),
    Triangles,
    Indices,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    None,
    Octahedral,
    Quaternion,
    Exponential,
    Color,
}

/// A decoded view. It consists of words, because filters access up to four aligned bytes at a time.
pub(super) struct DecodedView {
    words: Vec<u32>,
    length: usize,
}

impl DecodedView {
    pub(super) fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.length]
    }
}

/// Decodes all compressed buffer views of the file. They keep their order and are returned with their index.
pub(super) fn decode(
    root: &Root,
    buffers: &[Cow<'_, [u8]>],
    budget: &mut Budget,
) -> Result<Vec<(u32, DecodedView)>, GltfError> {
    let compressed = root.buffer_views.iter().enumerate();
    compressed
        .filter_map(|(index, view)| view.meshopt().map(|meshopt| (index as u32, view, meshopt)))
        .map(|(index, view, meshopt)| {
            let place = format!("buffer view {index}");
            Ok((index, decode_view(view, meshopt, buffers, &place, budget)?))
        })
        .collect()
}

fn decode_view(
    view: &json::BufferView,
    meshopt: &json::Meshopt,
    buffers: &[Cow<'_, [u8]>],
    place: &str,
    budget: &mut Budget,
) -> Result<DecodedView, GltfError> {
    let invalid = |what: String| GltfError::invalid(place, what);
    let mode = mode(meshopt).map_err(invalid)?;
    let length = meshopt.count.checked_mul(meshopt.byte_stride);
    let Some(length) = length.filter(|&length| length == view.byte_length) else {
        let what = format!(
            "it has {} bytes, but {} elements of {} bytes are compressed",
            view.byte_length, meshopt.count, meshopt.byte_stride
        );
        return Err(invalid(what));
    };
    let buffer = buffers
        .get(meshopt.buffer as usize)
        .ok_or_else(|| invalid(format!("there is no buffer {} to decompress", meshopt.buffer)))?;
    let end = meshopt.byte_offset.checked_add(meshopt.byte_length).filter(|&end| end <= buffer.len() as u64);
    let Some(end) = end else {
        let what = format!("its data reaches beyond buffer {}, which has {} bytes", meshopt.buffer, buffer.len());
        return Err(invalid(what));
    };
    budget.take(length.div_ceil(4), 4, "compressed geometry")?;
    let encoded = &buffer[meshopt.byte_offset as usize..end as usize];
    let words = decode_stream(mode, encoded, meshopt.count as usize, meshopt.byte_stride as usize);
    let words = words.ok_or_else(|| invalid("its compressed data is damaged".to_owned()))?;
    Ok(DecodedView { words, length: length as usize })
}

/// Returns the mode after checking everything that the decoder assumes.
fn mode(meshopt: &json::Meshopt) -> Result<Mode, String> {
    let filter = match meshopt.filter.as_deref() {
        None | Some("NONE") => Filter::None,
        Some("OCTAHEDRAL") => Filter::Octahedral,
        Some("QUATERNION") => Filter::Quaternion,
        Some("EXPONENTIAL") => Filter::Exponential,
        Some("COLOR") => Filter::Color,
        Some(other) => return Err(format!("the filter {other:?} is not known")),
    };
    let mode = match meshopt.mode.as_str() {
        "ATTRIBUTES" => Mode::Attributes(filter),
        "TRIANGLES" => Mode::Triangles,
        "INDICES" => Mode::Indices,
        other => return Err(format!("the compression mode {other:?} is not one of ATTRIBUTES, TRIANGLES and INDICES")),
    };
    let stride = meshopt.byte_stride;
    let fits = match mode {
        Mode::Attributes(filter) => {
            (4..=STRIDE_MAX).contains(&stride)
                && stride.is_multiple_of(4)
                && match filter {
                    Filter::None | Filter::Exponential => true,
                    Filter::Octahedral | Filter::Color => stride == 4 || stride == 8,
                    Filter::Quaternion => stride == 8,
                }
        }
        Mode::Triangles | Mode::Indices => stride == 2 || stride == 4,
    };
    if !fits {
        return Err(format!("elements of {stride} bytes do not go with its compression mode"));
    }
    if filter != Filter::None && !matches!(mode, Mode::Attributes(_)) {
        return Err("indices have no filter".to_owned());
    }
    if mode == Mode::Triangles && !meshopt.count.is_multiple_of(3) {
        return Err(format!("{} indices do not make whole triangles", meshopt.count));
    }
    Ok(mode)
}

/// Decodes a stream; `None` if the data is damaged. All `unsafe` code of the importers is in this function.
fn decode_stream(mode: Mode, encoded: &[u8], count: usize, stride: usize) -> Option<Vec<u32>> {
    let mut words = vec![0_u32; (count * stride).div_ceil(4)];
    let target = words.as_mut_ptr().cast::<std::ffi::c_void>();
    let (source, length) = (encoded.as_ptr(), encoded.len());
    // SAFETY: the target has space for `count * stride` bytes, aligned for the widest integers that are written. `mode`
    // has checked the requirements on stride and count. The functions bound their reads by `length` and accept
    // untrusted data.
    let code = unsafe {
        match mode {
            Mode::Attributes(_) => ffi::meshopt_decodeVertexBuffer(target, count, stride, source, length),
            Mode::Triangles => ffi::meshopt_decodeIndexBuffer(target, count, stride, source, length),
            Mode::Indices => ffi::meshopt_decodeIndexSequence(target, count, stride, source, length),
        }
    };
    if code != 0 {
        return None;
    }
    // SAFETY: the same holds for filters, which work in place.
    unsafe {
        match mode {
            Mode::Attributes(Filter::Octahedral) => ffi::meshopt_decodeFilterOct(target, count, stride),
            Mode::Attributes(Filter::Quaternion) => ffi::meshopt_decodeFilterQuat(target, count, stride),
            Mode::Attributes(Filter::Exponential) => ffi::meshopt_decodeFilterExp(target, count, stride),
            Mode::Attributes(Filter::Color) => ffi::meshopt_decodeFilterColor(target, count, stride),
            Mode::Attributes(Filter::None) | Mode::Triangles | Mode::Indices => {}
        }
    }
    Some(words)
}
