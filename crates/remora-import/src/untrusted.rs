//! What reads files from outside, each in one call that holds for any input: the fuzz targets of `fuzz/`, which a
//! test runs over their corpora too.

use crate::gltf::{LoadLimits, load_gltf};
use crate::points::{self, PointLoadError};
use remora_model::Model;

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

/// What is read is consistent. Files beside the model hold the same bytes as the model.
pub fn gltf(input: &[u8]) {
    let limits = LoadLimits { memory_bytes_max: MEMORY_BYTES_MAX, texture_dimension_max: 256 };
    let mut resolve = |path: &str, bytes_max: u64| {
        assert!(!path.starts_with('/') && !path.contains('\\'), "{path}");
        assert!(path.split('/').all(|segment| !["", ".", ".."].contains(&segment)), "{path}");
        if input.len() as u64 > bytes_max { Err("it is too long".to_owned()) } else { Ok(input.to_vec()) }
    };
    if let Ok(model) = load_gltf(input, "Model", &limits, &mut resolve, &mut |_| {}) {
        assert_eq!(model.check(), Ok(()));
    }
}
