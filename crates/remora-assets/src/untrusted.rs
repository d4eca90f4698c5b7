//! What reads files from outside, each in one call that holds for any input: the fuzz targets of `fuzz/`, which a
//! test runs over their corpora too.

use crate::gltf::{LoadLimits, load_gltf};

/// Memory for what is made of one input. A fuzzer stops at some multiple of it.
const MEMORY_BYTES_MAX: u64 = 64 << 20;

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
