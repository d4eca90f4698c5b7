//! The points of LAZ: chunks that threads decode independently of each other.
//!
//! This module determines the bounds of chunks and layers and compares them with the data. The decoder receives one
//! chunk at a time; it trusts the bounds and allocates by them. On damaged data it also indexes beyond its own tables
//! (about one change of a file in 50,000 causes it) and panics. Decoding is therefore isolated ([`isolated`]), and a
//! panic becomes an error like any other. Nothing that the decoder had borrowed is used after a panic.

use std::io::Cursor;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use laz::laszip::{ChunkTable, CompressorType};
use laz::record::{LayeredPointRecordDecompressor, RecordDecompressor, SequentialPointRecordDecompressor};
use laz::{DecompressionSelection, LasZipError, LazItem, LazItemType, LazVlr};

use super::header::{Header, Layout};
use super::{PointsError, Raw, allocate, damaged, unsupported};
use crate::budget::Budget;
use crate::isolation::isolated;

const THREADS_MAX: usize = 16;
/// Bytes before the chunks, which hold the offset of their table.
const TABLE_OFFSET_BYTES: usize = 8;
/// Bytes of the version and the number of chunks.
const TABLE_HEADER_BYTES: usize = 8;
/// Least bytes of a chunk, whose first point is not compressed.
const CHUNK_BYTES_MIN: u64 = 20;

/// Properties of all chunks.
struct Compression<'a> {
    items: &'a Vec<LazItem>,
    layout: Layout,
    /// Number of layers after the first point of a chunk; `None` if points are stored one after another.
    layers: Option<usize>,
}

struct Chunk<'a> {
    data: &'a [u8],
    records: &'a mut [Raw],
}

pub(super) fn read(
    bytes: &[u8],
    header: &Header<'_>,
    budget: &mut Budget,
    progress: &mut dyn FnMut(f32),
) -> Result<Vec<Raw>, PointsError> {
    let record = header.compression.ok_or_else(|| damaged("it does not say how its points are compressed"))?;
    let vlr = LazVlr::from_buffer(record).map_err(|error| damaged(format!("its LASzip record: {error}")))?;
    let compression = Compression::new(&vlr, record, header.layout)?;
    let data = &bytes[header.data..];
    let sizes = match compressor(record) {
        CompressorType::PointWise => vec![(header.points, data)],
        _ => chunks(bytes, header, &vlr, budget)?,
    };
    let mut records = allocate(header, budget)?;
    let mut rest = records.as_mut_slice();
    let mut jobs = Vec::with_capacity(sizes.len());
    for (points, data) in sizes {
        let (records, behind) = rest.split_at_mut((points as usize).min(rest.len()));
        rest = behind;
        jobs.push(Chunk { data, records });
    }
    if !rest.is_empty() {
        return Err(damaged(format!("it should have {} points, {} are in no chunk", header.points, rest.len())));
    }
    decode_all(jobs, &compression, progress)?;
    Ok(records)
}

/// Returns the compressor, which is the first field of the record.
fn compressor(record: &[u8]) -> CompressorType {
    match record {
        [1, 0, ..] => CompressorType::PointWise,
        [2, 0, ..] => CompressorType::PointWiseChunked,
        [3, 0, ..] => CompressorType::LayeredChunked,
        _ => CompressorType::None,
    }
}

impl<'a> Compression<'a> {
    /// Reads the record. Refuses fields that the decoder would accept and misread: those with a wrong length, or whose
    /// lengths do not add up to that of a record.
    fn new(vlr: &'a LazVlr, record: &[u8], layout: Layout) -> Result<Self, PointsError> {
        let is_layered = match compressor(record) {
            CompressorType::PointWise | CompressorType::PointWiseChunked => false,
            CompressorType::LayeredChunked => true,
            CompressorType::None => {
                return Err(unsupported("a compression that is not known", "LASzip with or without chunks is read"));
            }
        };
        let items = vlr.items();
        let first = if is_layered { LazItemType::Point14 } else { LazItemType::Point10 };
        if items.first().map(LazItem::item_type) != Some(first) {
            return Err(damaged("its LASzip record does not begin with the coordinates"));
        }
        let mut record_bytes = 0;
        let mut layers = 0;
        for item in items {
            let (bytes, item_layers) = match item.item_type() {
                LazItemType::Point10 => (20, 0),
                LazItemType::GpsTime => (8, 0),
                LazItemType::RGB12 => (6, 0),
                LazItemType::WavePacket13 => (29, 0),
                LazItemType::Byte(count) => (count, 0),
                LazItemType::Point14 => (30, 9),
                LazItemType::RGB14 => (6, 1),
                LazItemType::RGBNIR14 => (8, 2),
                LazItemType::WavePacket14 => (29, 1),
                LazItemType::Byte14(count) => (count, usize::from(count)),
            };
            if item.size() != bytes {
                let what =
                    format!("its LASzip record has {:?} with {} bytes, not {bytes}", item.item_type(), item.size());
                return Err(damaged(what));
            }
            record_bytes += usize::from(bytes);
            layers += item_layers;
        }
        if record_bytes != layout.record_bytes {
            let what =
                format!("its LASzip record has points of {record_bytes} bytes, its header {}", layout.record_bytes);
            return Err(damaged(what));
        }
        Ok(Self { items, layout, layers: is_layered.then_some(layers) })
    }
}

/// Returns the number of points and the data of each chunk.
fn chunks<'a>(
    bytes: &'a [u8],
    header: &Header<'_>,
    vlr: &LazVlr,
    budget: &mut Budget,
) -> Result<Vec<(u64, &'a [u8])>, PointsError> {
    let first = header.data + TABLE_OFFSET_BYTES;
    let table_at = table_offset(bytes, header.data).filter(|&at| at >= first);
    let table =
        table_at.and_then(|at| Some((at, bytes.get(at..)?))).filter(|(_, table)| table.len() >= TABLE_HEADER_BYTES);
    let (table_at, table) = table.ok_or_else(|| damaged("its table of chunks is not there"))?;
    let count = u32::from_le_bytes([table[4], table[5], table[6], table[7]]);
    if u64::from(count) * CHUNK_BYTES_MIN > (table_at - first) as u64 {
        let there = table_at - first;
        return Err(damaged(format!("its table speaks of {count} chunks, which cannot be in {there} bytes")));
    }
    budget.take(u64::from(count), 2 * size_of::<(u64, &[u8])>(), "the table of chunks")?;
    let is_variable = vlr.uses_variable_size_chunks();
    // The table is compressed as well, so that reading it may panic too.
    let read = || ChunkTable::read(&mut Cursor::new(table), is_variable);
    let table = isolated(read).ok_or_else(|| damaged("its table of chunks"))?;
    let table = table.map_err(|error| damaged(format!("its table of chunks: {error}")))?;

    let mut rest = &bytes[first..table_at];
    let mut left = header.points;
    let mut found = Vec::with_capacity(count as usize);
    for (number, entry) in table.as_ref().iter().enumerate() {
        let points = if is_variable { entry.point_count } else { u64::from(vlr.chunk_size()).min(left) };
        let length = usize::try_from(entry.byte_count).unwrap_or(usize::MAX);
        let (data, behind) = rest
            .split_at_checked(length)
            .ok_or_else(|| damaged(format!("chunk {number} should have {length} bytes, {} are there", rest.len())))?;
        left = left
            .checked_sub(points)
            .ok_or_else(|| damaged(format!("chunk {number} should have {points} points, {left} are left of all")))?;
        rest = behind;
        found.push((points, data));
    }
    Ok(found)
}

/// Returns the offset of the table. It stands before the chunks, or at the end of the file if the writer could not
/// seek.
fn table_offset(bytes: &[u8], data: usize) -> Option<usize> {
    let offset_at = |at: usize| {
        let offset = i64::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
        usize::try_from(offset).ok().filter(|&offset| offset > data)
    };
    offset_at(data).or_else(|| offset_at(bytes.len().checked_sub(TABLE_OFFSET_BYTES)?))
}

/// Decodes all chunks on this thread and others. The first error ends the work.
fn decode_all(
    jobs: Vec<Chunk<'_>>,
    compression: &Compression<'_>,
    progress: &mut dyn FnMut(f32),
) -> Result<(), PointsError> {
    let all = jobs.len();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(all).clamp(1, THREADS_MAX);
    let jobs = Mutex::new(jobs.into_iter().enumerate());
    let done = AtomicUsize::new(0);
    let has_failed = AtomicBool::new(false);
    let work = |report: &mut dyn FnMut()| -> Result<(), PointsError> {
        while !has_failed.load(Ordering::Relaxed) {
            // The lock only guards an iterator, which is valid even after a panic.
            let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((number, chunk)) = next else { break };
            decode(chunk, compression).map_err(|what| {
                has_failed.store(true, Ordering::Relaxed);
                damaged(format!("chunk {number}: {what}"))
            })?;
            done.fetch_add(1, Ordering::Relaxed);
            report();
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| work(&mut || {}))).collect();
        let own = work(&mut || progress(done.load(Ordering::Relaxed) as f32 / all as f32));
        others.into_iter().fold(own, |result, other| {
            result.and(other.join().unwrap_or_else(|_| Err(damaged("its points cannot be decoded"))))
        })
    })
}

fn decode(chunk: Chunk<'_>, compression: &Compression<'_>) -> Result<(), String> {
    if chunk.records.is_empty() {
        return Ok(());
    }
    if let Some(layers) = compression.layers {
        check_layers(chunk.data, compression.layout.record_bytes, layers)?;
    }
    match isolated(|| decode_records(chunk, compression)) {
        Some(result) => result.map_err(|error| error.to_string()),
        None => Err("its data is not what the compression makes".to_owned()),
    }
}

/// Checks the layers of a chunk. The first point is followed by the number of points, the length of each layer, and the
/// layers.
fn check_layers(data: &[u8], record_bytes: usize, layers: usize) -> Result<(), String> {
    let sizes_at = record_bytes + size_of::<u32>();
    let sizes = data.get(sizes_at..).and_then(|rest| rest.get(..layers * size_of::<u32>()));
    let sizes = sizes.ok_or_else(|| format!("it has {} bytes, too few for its {layers} layers", data.len()))?;
    let needed: u64 = sizes.as_chunks::<4>().0.iter().map(|&size| u64::from(u32::from_le_bytes(size))).sum();
    let there = data.len() - sizes_at - sizes.len();
    if needed > there as u64 {
        return Err(format!("its layers should have {needed} bytes, {there} are there"));
    }
    Ok(())
}

fn decode_records(chunk: Chunk<'_>, compression: &Compression<'_>) -> Result<(), LasZipError> {
    let source = Cursor::new(chunk.data);
    match compression.layers {
        None => decode_from(SequentialPointRecordDecompressor::new(source), chunk.records, compression),
        Some(_) => decode_from(LayeredPointRecordDecompressor::new(source), chunk.records, compression),
    }
}

fn decode_from<'a>(
    mut decoder: impl RecordDecompressor<Cursor<&'a [u8]>>,
    records: &mut [Raw],
    compression: &Compression<'_>,
) -> Result<(), LasZipError> {
    decoder.set_fields_from(compression.items)?;
    let wanted = DecompressionSelection::base().decompress_z().decompress_flags().decompress_intensity();
    decoder.set_selection(wanted.decompress_rgb());
    let mut data = vec![0; compression.layout.record_bytes];
    for record in records {
        decoder.decompress_next(&mut data)?;
        *record = compression.layout.record(&data);
    }
    Ok(())
}
