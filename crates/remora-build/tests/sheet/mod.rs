//! A bumpy surface, for tests and an example.

use std::ops::Range;

use remora_model::Primitive;

/// Returns these columns of a bumpy square of `side * side * 2` triangles.
pub(crate) fn part(side: u32, columns: Range<u32>, material: u32) -> Primitive {
    let mut primitive = Primitive { material, ..Default::default() };
    for row in 0..=side {
        for column in columns.start..=columns.end {
            let (x, z) = (column as f32 / side as f32, row as f32 / side as f32);
            primitive.positions.push([x, (x * 9.0).sin() * (z * 7.0).cos() * 0.05, z]);
            primitive.normals.push([0.0, 1.0, 0.0]);
        }
    }
    let width = columns.end - columns.start + 1;
    for row in 0..side {
        for column in 0..width - 1 {
            let a = row * width + column;
            primitive.indices.extend([a, a + width, a + 1, a + 1, a + width, a + width + 1]);
        }
    }
    primitive
}
