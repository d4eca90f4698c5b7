//! Calls that hold for any input, one per importer. They are the fuzz targets of `fuzz/`; a test runs them over its
//! corpora too.

use remora_model::Model;

use crate::gltf;
use crate::input::{Input, LoadLimits};
use crate::points::{PointsError, e57, las, ply, xyz};

/// Limits for one input. A fuzzer stops at some multiple of the memory.
const LIMITS: LoadLimits = LoadLimits { memory_bytes_max: 64 << 20, texture_dimension_max: 256 };

/// Imports PLY.
pub fn ply(input: &[u8]) {
    check_points(ply::import, input);
}

/// Imports LAS and LAZ. The decoder of LAZ panics on some inputs. The panic is caught, but a fuzzer stops there.
pub fn las(input: &[u8]) {
    check_points(las::import, input);
}

/// Imports E57.
pub fn e57(input: &[u8]) {
    check_points(e57::import, input);
}

/// Imports XYZ.
pub fn xyz(input: &[u8]) {
    check_points(xyz::import, input);
}

/// Imports a file and checks that the model, if there is one, is consistent and finite.
fn check_points(import: fn(Input<'_>) -> Result<Model, PointsError>, bytes: &[u8]) {
    let Ok(model) = import(Input { limits: LIMITS, ..Input::new(bytes, "Model", &mut |_| {}) }) else { return };
    assert_eq!(model.check(), Ok(()));
    let bounds = model.bounds();
    assert!(!bounds.is_empty() && bounds.min.is_finite() && bounds.max.is_finite(), "{bounds:?}");
}

/// Imports glTF and checks that the model, if there is one, is consistent. Files beside the model hold the same bytes
/// as the model.
pub fn gltf(input: &[u8]) {
    let mut resolver = |path: &str, bytes_max: u64| {
        assert!(!path.starts_with('/') && !path.contains('\\'), "{path}");
        assert!(path.split('/').all(|segment| !["", ".", ".."].contains(&segment)), "{path}");
        if input.len() as u64 > bytes_max { Err("it is too long".to_owned()) } else { Ok(input.to_vec()) }
    };
    let mut progress = |_| {};
    let input = Input { limits: LIMITS, resolver: Some(&mut resolver), ..Input::new(input, "Model", &mut progress) };
    if let Ok(model) = gltf::import(input) {
        assert_eq!(model.check(), Ok(()));
    }
}
