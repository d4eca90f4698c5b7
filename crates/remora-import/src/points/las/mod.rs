//! LAS 1.0 to 1.4 with point formats 0 to 10, and LAZ, its compressed form.
//!
//! ```text
//!   bytes ─header─▶ offset, count ─┬─ records ──────────────────▶ [Raw] ─▶ points around an origin
//!                                  └─ laz: chunks, in threads ──▶
//! ```
//!
//! This module reads the header itself, because only a few fields are needed and all of them have to be compared with
//! the data before memory is allocated. The crate `laz` provides the arithmetic decoder.

mod header;
mod laz;

use glam::DVec3;

use super::PointsError;
use super::cloud::{self, Placed};
use crate::budget::Budget;
use crate::input::Input;
use header::Header;
use remora_model::{Model, Points};

/// The format's name, in errors and in assets.
pub(crate) const FORMAT: &str = "LAS";

/// The fields of a record that are used.
#[derive(Clone, Copy, Debug, Default)]
struct Raw {
    /// Coordinates before scale and offset.
    position: [i32; 3],
    color: [u16; 3],
    /// Intensity, used if there is no colour.
    intensity: u16,
    is_withheld: bool,
}

/// Records between two calls of `progress`.
const RECORDS_PER_STEP: usize = 1 << 18;
/// Share of decoding in the progress.
const DECODING_PROGRESS: f32 = 0.9;

/// Reads LAS or LAZ. Points that the file withholds are dropped. Colours have 16 bits, or 8 if no value in the file is
/// larger. Without colours, intensity is shown as grey.
pub(crate) fn import(input: Input<'_>) -> Result<Model, PointsError> {
    let Input { bytes, name, limits, progress, .. } = input;
    let mut budget = Budget::new(limits.memory_bytes_max);
    let header = header::read(bytes)?;
    progress(0.0);
    let mut decoded = |done: f32| progress(done * DECODING_PROGRESS);
    let records = match header.is_compressed {
        true => laz::read(bytes, &header, &mut budget, &mut decoded)?,
        false => read_records(bytes, &header, &mut budget, &mut decoded)?,
    };
    let placed = place(records, &header)?;
    let model = cloud::model(name, vec![(name.to_owned(), cloud::z_up(), placed)])?;
    progress(1.0);
    Ok(model)
}

/// Takes memory for all records from the budget and allocates it.
fn allocate(header: &Header, budget: &mut Budget) -> Result<Vec<Raw>, PointsError> {
    let count = cloud::reserve(header.points, budget)?;
    budget.take(header.points, size_of::<Raw>(), "the records")?;
    Ok(vec![Raw::default(); count])
}

fn read_records(
    bytes: &[u8],
    header: &Header,
    budget: &mut Budget,
    progress: &mut dyn FnMut(f32),
) -> Result<Vec<Raw>, PointsError> {
    let data = &bytes[header.data..];
    let record_bytes = header.layout.record_bytes;
    if header.points.saturating_mul(record_bytes as u64) > data.len() as u64 {
        let there = data.len() / record_bytes;
        return Err(damaged(format!("it should have {} points, there is data for {there}", header.points)));
    }
    let mut records = allocate(header, budget)?;
    let all = records.len();
    let steps = records.chunks_mut(RECORDS_PER_STEP).zip(data.chunks(RECORDS_PER_STEP * record_bytes));
    for (step, (records, data)) in steps.enumerate() {
        for (record, data) in records.iter_mut().zip(data.chunks_exact(record_bytes)) {
            *record = header.layout.record(data);
        }
        progress(((step + 1) * RECORDS_PER_STEP).min(all) as f32 / all as f32);
    }
    Ok(records)
}

fn place(mut records: Vec<Raw>, header: &Header) -> Result<Placed, PointsError> {
    let before = records.len();
    records.retain(|record| !record.is_withheld);
    let integer_bounds = records.iter().fold(([i32::MAX; 3], [i32::MIN; 3]), |(min, max), record| {
        let axis = |at: usize| record.position[at];
        (std::array::from_fn(|at| min[at].min(axis(at))), std::array::from_fn(|at| max[at].max(axis(at))))
    });
    let absolute = |position: [i32; 3]| {
        DVec3::new(f64::from(position[0]), f64::from(position[1]), f64::from(position[2])) * header.scale
            + header.offset
    };
    let (a, b) = (absolute(integer_bounds.0), absolute(integer_bounds.1));
    let are_placeable = [a, b].into_iter().all(|corner| cloud::is_placeable(corner.to_array()));
    if !records.is_empty() && !are_placeable {
        let what = format!("with scale {} and offset {} its points are at {a} to {b}", header.scale, header.offset);
        return Err(PointsError::invalid("the header", what));
    }
    // A negative scale swaps the bounds.
    let origin = cloud::origin_of_bounds(a.min(b), a.max(b));
    let positions = records.iter().map(|record| (absolute(record.position) - origin).as_vec3().to_array()).collect();
    let colors = colors(&records, header);
    Ok(Placed { points: Points { positions, colors }, origin, dropped: (before - records.len()) as u64 })
}

fn colors(records: &[Raw], header: &Header) -> Vec<[u8; 4]> {
    let brightest = records.iter().flat_map(|record| record.color).max().unwrap_or(0);
    // A file whose colours are all zero is not meant to be black.
    if header.layout.color.is_none() || brightest == 0 {
        let intensities: Vec<f32> = records.iter().map(|record| f32::from(record.intensity)).collect();
        return cloud::greys(&intensities);
    }
    let bits = if brightest <= 255 { 0 } else { 8 };
    let color = |record: &Raw| {
        let [red, green, blue] = record.color.map(|channel| (channel >> bits) as u8);
        [red, green, blue, 255]
    };
    records.iter().map(color).collect()
}

fn damaged(what: impl Into<String>) -> PointsError {
    PointsError::damaged(FORMAT, what)
}

fn unsupported(what: impl Into<String>, accepted: &'static str) -> PointsError {
    PointsError::Unsupported { format: FORMAT, what: what.into(), accepted }
}
