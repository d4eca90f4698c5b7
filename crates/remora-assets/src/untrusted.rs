//! What reads files from outside, each in one call that holds for any input: the fuzz targets of `fuzz/`, which a
//! test runs over their corpora too.

use crate::gltf::LoadLimits;
use crate::model::Model;
use crate::points::{self, PointLoadError};

/// Memory for what is made of one input. A fuzzer stops at some multiple of it.
const MEMORY_BYTES_MAX: u64 = 64 << 20;

type LoadPoints = fn(&[u8], &str, &LoadLimits, &mut dyn FnMut(f32)) -> Result<Model, PointLoadError>;

pub fn ply(input: &[u8]) {
    hold(points::load_ply, input);
}

/// The decoder of LAZ panics on some inputs, which is caught; a fuzzer stops there all the same.
pub fn las(input: &[u8]) {
    hold(points::load_las, input);
}

pub fn e57(input: &[u8]) {
    hold(points::load_e57, input);
}

pub fn xyz(input: &[u8]) {
    hold(points::load_xyz, input);
}

/// What is taken is consistent and finite.
fn hold(load: LoadPoints, input: &[u8]) {
    let limits = LoadLimits { memory_bytes_max: MEMORY_BYTES_MAX, texture_dimension_max: 256 };
    let Ok(model) = load(input, "Model", &limits, &mut |_| {}) else { return };
    assert_eq!(model.check(), Ok(()));
    let bounds = model.bounds();
    assert!(!bounds.is_empty() && bounds.min.is_finite() && bounds.max.is_finite(), "{bounds:?}");
}
