//! Reads numbers from buffers: typed, strided, normalised, sparse, and always in range.

use std::borrow::Cow;
use std::ops::Range;

use bytemuck::{Pod, Zeroable, allocation::pod_collect_to_vec};

use super::container::Container;
use super::error::GltfError;
use super::json::{self, Root};
use super::meshopt;
use crate::budget::Budget;

/// Access to the numbers of a file.
#[derive(Clone, Copy)]
pub(super) struct Accessors<'a> {
    root: &'a Root,
    buffers: &'a [Cow<'a, [u8]>],
    /// Decoded views with their indices, in ascending order.
    decoded: &'a [(u32, meshopt::DecodedView)],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Component {
    I8,
    U8,
    I16,
    U16,
    U32,
    F32,
}

/// Elements within a buffer.
struct Elements<'a> {
    bytes: &'a [u8],
    stride: usize,
    size: usize,
}

/// An accessor whose shape has been checked.
struct Typed<'a> {
    index: u32,
    accessor: &'a json::Accessor,
    component: Component,
    width: usize,
}

impl<'a> Accessors<'a> {
    pub(super) fn new(container: &'a Container<'a>) -> Self {
        Self { root: &container.root, buffers: &container.buffers, decoded: &container.decoded }
    }

    pub(super) fn count(&self, index: u32) -> Result<u64, GltfError> {
        Ok(self.accessor(index)?.count)
    }

    /// Returns whether integers stand for fractions of 1.
    pub(super) fn is_normalized(&self, index: u32) -> Result<bool, GltfError> {
        Ok(self.accessor(index)?.normalized)
    }

    pub(super) fn materials_in_file(&self) -> usize {
        self.root.materials.len()
    }

    /// Returns the components per element.
    pub(super) fn width(&self, index: u32) -> Result<usize, GltfError> {
        let accessor = self.accessor(index)?;
        width(&accessor.shape).ok_or_else(|| invalid(index, format!("the type {:?} is not known", accessor.shape)))
    }

    /// Returns the elements of `range` as vectors of `N` numbers. Integers are normalised if the accessor says so.
    pub(super) fn vectors<const N: usize>(
        &self,
        index: u32,
        range: Range<u64>,
        budget: &mut Budget,
    ) -> Result<Vec<[f32; N]>, GltfError>
    where
        [f32; N]: Pod,
    {
        let typed = self.typed(index, N)?;
        let normalized = typed.accessor.normalized;
        let read: fn(&[u8]) -> f32 = match (typed.component, normalized) {
            (Component::F32, _) => |bytes| f32::from_le_bytes(four(bytes)),
            (Component::I8, true) => |bytes| (f32::from(bytes[0] as i8) / 127.0).max(-1.0),
            (Component::I8, false) => |bytes| f32::from(bytes[0] as i8),
            (Component::U8, true) => |bytes| f32::from(bytes[0]) / 255.0,
            (Component::U8, false) => |bytes| f32::from(bytes[0]),
            (Component::I16, true) => |bytes| (f32::from(i16::from_le_bytes(two(bytes))) / 32767.0).max(-1.0),
            (Component::I16, false) => |bytes| f32::from(i16::from_le_bytes(two(bytes))),
            (Component::U16, true) => |bytes| f32::from(u16::from_le_bytes(two(bytes))) / 65535.0,
            (Component::U16, false) => |bytes| f32::from(u16::from_le_bytes(two(bytes))),
            (Component::U32, _) => return Err(invalid(index, "32-bit integers are for indices only")),
        };
        let size = typed.component.size();
        let vector = |bytes: &[u8]| -> [f32; N] { std::array::from_fn(|at| read(&bytes[at * size..])) };
        match typed.component {
            Component::F32 => self.collect_words(&typed, range, budget, vector),
            _ => self.collect(&typed, range, budget, vector),
        }
    }

    /// Returns all elements as vertex indices.
    pub(super) fn indices(&self, index: u32, budget: &mut Budget) -> Result<Vec<u32>, GltfError> {
        let typed = self.typed(index, 1)?;
        let range = 0..typed.accessor.count;
        match typed.component {
            Component::U8 => self.collect(&typed, range, budget, |bytes| u32::from(bytes[0])),
            Component::U16 => self.collect(&typed, range, budget, |bytes| u32::from(u16::from_le_bytes(two(bytes)))),
            Component::U32 => self.collect_words(&typed, range, budget, |bytes| u32::from_le_bytes(four(bytes))),
            _ => Err(invalid(index, "indices are unsigned integers")),
        }
    }

    fn collect<T: Zeroable + Clone>(
        &self,
        typed: &Typed<'_>,
        range: Range<u64>,
        budget: &mut Budget,
        read: impl Fn(&[u8]) -> T,
    ) -> Result<Vec<T>, GltfError> {
        let data = self.data(typed, &range, size_of::<T>(), budget)?;
        let mut values = match &data {
            Some(data) => data.iter().map(&read).collect(),
            None => vec![T::zeroed(); (range.end - range.start) as usize],
        };
        self.overlay(typed, &range, &mut values, budget, &read)?;
        Ok(values)
    }

    /// Collects elements as [`Self::collect`] does. On a little-endian machine their form in memory is that in the
    /// file, so that elements without gaps are copied as a whole.
    fn collect_words<T: Pod>(
        &self,
        typed: &Typed<'_>,
        range: Range<u64>,
        budget: &mut Budget,
        read: impl Fn(&[u8]) -> T,
    ) -> Result<Vec<T>, GltfError> {
        let data = self.data(typed, &range, size_of::<T>(), budget)?;
        let mut values = match &data {
            Some(data) if data.is_packed() && cfg!(target_endian = "little") => pod_collect_to_vec(data.bytes),
            Some(data) => data.iter().map(&read).collect(),
            None => vec![T::zeroed(); (range.end - range.start) as usize],
        };
        self.overlay(typed, &range, &mut values, budget, &read)?;
        Ok(values)
    }

    /// Returns the elements of `range`; `None` if the accessor is zero except for sparse values. Takes memory for
    /// values of `value_bytes` each.
    fn data(
        &self,
        typed: &Typed<'_>,
        range: &Range<u64>,
        value_bytes: usize,
        budget: &mut Budget,
    ) -> Result<Option<Elements<'a>>, GltfError> {
        let accessor = typed.accessor;
        if range.start > range.end || range.end > accessor.count {
            let what = format!("element {} is needed, it has {}", range.end.saturating_sub(1), accessor.count);
            return Err(invalid(typed.index, what));
        }
        let size = typed.component.size() * typed.width;
        let data = match accessor.buffer_view {
            Some(view) => {
                let all = self.elements(typed.index, view, accessor.byte_offset, accessor.count, size)?;
                Some(all.part(range))
            }
            None => None,
        };
        budget.take(range.end - range.start, value_bytes, "geometry")?;
        Ok(data)
    }

    fn overlay<T>(
        &self,
        typed: &Typed<'_>,
        range: &Range<u64>,
        values: &mut [T],
        budget: &mut Budget,
        read: &impl Fn(&[u8]) -> T,
    ) -> Result<(), GltfError> {
        let Some(sparse) = &typed.accessor.sparse else { return Ok(()) };
        let places = &sparse.indices;
        let component = component(places.component_type, typed.index)?;
        let place: fn(&[u8]) -> u32 = match component {
            Component::U8 => |bytes| u32::from(bytes[0]),
            Component::U16 => |bytes| u32::from(u16::from_le_bytes(two(bytes))),
            Component::U32 => |bytes| u32::from_le_bytes(four(bytes)),
            _ => return Err(invalid(typed.index, "sparse indices are unsigned integers")),
        };
        let (count, size) = (sparse.count, typed.component.size() * typed.width);
        let places = self.elements(typed.index, places.buffer_view, places.byte_offset, count, component.size())?;
        let replacements =
            self.elements(typed.index, sparse.values.buffer_view, sparse.values.byte_offset, count, size)?;
        // Nothing is allocated, but this bounds the time, because each primitive iterates over all of them.
        budget.take(sparse.count, size_of::<u32>(), "sparse geometry")?;
        for (at, bytes) in places.iter().map(place).zip(replacements.iter()) {
            if u64::from(at) >= typed.accessor.count {
                let what = format!("a sparse index is {at}, it has {} elements", typed.accessor.count);
                return Err(invalid(typed.index, what));
            }
            if range.contains(&u64::from(at)) {
                values[(u64::from(at) - range.start) as usize] = read(bytes);
            }
        }
        Ok(())
    }

    fn elements(&self, index: u32, view: u32, offset: u64, count: u64, size: usize) -> Result<Elements<'a>, GltfError> {
        let (bytes, stride) = self.view(view)?;
        let stride = stride.unwrap_or(size as u64);
        if stride < size as u64 {
            return Err(invalid(index, format!("its elements of {size} bytes stand {stride} bytes apart")));
        }
        if count == 0 {
            return Ok(Elements { bytes: &[], stride: size, size });
        }
        let length = stride.checked_mul(count - 1).and_then(|length| length.checked_add(size as u64));
        let end = length.and_then(|length| offset.checked_add(length));
        match end.filter(|&end| end <= bytes.len() as u64) {
            Some(end) => Ok(Elements { bytes: &bytes[offset as usize..end as usize], stride: stride as usize, size }),
            None => {
                let what = format!("{count} elements reach beyond buffer view {view}, which has {} bytes", bytes.len());
                Err(invalid(index, what))
            }
        }
    }

    /// Returns the bytes of a buffer view and its stride.
    pub(super) fn view(&self, index: u32) -> Result<(&'a [u8], Option<u64>), GltfError> {
        let place = || format!("buffer view {index}");
        let view = self.root.buffer_views.get(index as usize);
        let view = view.ok_or_else(|| GltfError::invalid(place(), "it is referred to and not there"))?;
        if let Ok(at) = self.decoded.binary_search_by_key(&index, |(index, _)| *index) {
            return Ok((self.decoded[at].1.bytes(), view.byte_stride));
        }
        let buffer = self.buffers.get(view.buffer as usize);
        let buffer =
            buffer.ok_or_else(|| GltfError::invalid(place(), format!("there is no buffer {}", view.buffer)))?;
        let end = view.byte_offset.checked_add(view.byte_length).filter(|&end| end <= buffer.len() as u64);
        match end {
            Some(end) => Ok((&buffer[view.byte_offset as usize..end as usize], view.byte_stride)),
            None => {
                let what = format!("it reaches beyond buffer {}, which has {} bytes", view.buffer, buffer.len());
                Err(GltfError::invalid(place(), what))
            }
        }
    }

    fn accessor(&self, index: u32) -> Result<&'a json::Accessor, GltfError> {
        self.root.accessors.get(index as usize).ok_or_else(|| invalid(index, "it is referred to and not there"))
    }

    fn typed(&self, index: u32, width: usize) -> Result<Typed<'a>, GltfError> {
        let accessor = self.accessor(index)?;
        let found = self.width(index)?;
        if found != width {
            return Err(invalid(index, format!("its elements have {found} numbers, {width} are needed here")));
        }
        Ok(Typed { index, accessor, component: component(accessor.component_type, index)?, width })
    }
}

impl<'a> Elements<'a> {
    /// Returns the elements of a range within these.
    fn part(self, range: &Range<u64>) -> Self {
        let start = self.stride * range.start as usize;
        let end = self.bytes.len().min(self.stride * range.end as usize);
        Self { bytes: &self.bytes[start.min(end)..end], ..self }
    }

    /// Returns whether there are no gaps between elements.
    fn is_packed(&self) -> bool {
        self.stride == self.size
    }

    fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let size = self.size;
        self.bytes.chunks(self.stride).map(move |element| &element[..size])
    }
}

impl Component {
    fn size(self) -> usize {
        match self {
            Component::I8 | Component::U8 => 1,
            Component::I16 | Component::U16 => 2,
            Component::U32 | Component::F32 => 4,
        }
    }
}

fn component(code: u32, index: u32) -> Result<Component, GltfError> {
    match code {
        5120 => Ok(Component::I8),
        5121 => Ok(Component::U8),
        5122 => Ok(Component::I16),
        5123 => Ok(Component::U16),
        5125 => Ok(Component::U32),
        5126 => Ok(Component::F32),
        _ => Err(invalid(index, format!("the component type {code} is not known"))),
    }
}

fn width(shape: &str) -> Option<usize> {
    match shape {
        "SCALAR" => Some(1),
        "VEC2" => Some(2),
        "VEC3" => Some(3),
        "VEC4" => Some(4),
        _ => None,
    }
}

fn two(bytes: &[u8]) -> [u8; 2] {
    [bytes[0], bytes[1]]
}

fn four(bytes: &[u8]) -> [u8; 4] {
    [bytes[0], bytes[1], bytes[2], bytes[3]]
}

fn invalid(index: u32, what: impl Into<String>) -> GltfError {
    GltfError::invalid(format!("accessor {index}"), what)
}
