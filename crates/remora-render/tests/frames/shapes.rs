//! Shapes for tests. Triangles are anticlockwise seen from outside and have texture coordinates and tangents.

#[path = "../../examples/frame_cost/ball.rs"]
mod ball;

use remora_model::{Primitive, Sampler, Texture};

pub(crate) use self::ball::sphere;

/// Returns a sheet from -1 to 1 in x and y that faces +Z, in `cells` by `cells` squares.
pub(crate) fn sheet(cells: u32) -> Primitive {
    let mut shape = Primitive::default();
    for row in 0..=cells {
        for column in 0..=cells {
            let (u, v) = (column as f32 / cells as f32, row as f32 / cells as f32);
            shape.positions.push([u * 2.0 - 1.0, 1.0 - v * 2.0, 0.0]);
            shape.normals.push([0.0, 0.0, 1.0]);
            shape.tangents.push([1.0, 0.0, 0.0, 1.0]);
            shape.texture_coordinates.push([u, v]);
        }
    }
    for row in 0..cells {
        for column in 0..cells {
            let a = row * (cells + 1) + column;
            let b = a + cells + 1;
            shape.indices.extend([a, b, a + 1, a + 1, b, b + 1]);
        }
    }
    shape
}

/// Returns a [`sheet`] with waves of several lengths, up to 0.2 high.
pub(crate) fn bumpy(cells: u32) -> Primitive {
    let mut shape = sheet(cells);
    let height = |x: f32, y: f32| {
        0.12 * (x * 5.0).sin() * (y * 4.0).cos() + 0.03 * (x * 23.0 + y * 31.0).sin() + 0.01 * (y * 90.0).sin()
    };
    for (position, normal) in shape.positions.iter_mut().zip(&mut shape.normals) {
        let [x, y, _] = *position;
        let slope = |dx: f32, dy: f32| (height(x + dx, y + dy) - height(x - dx, y - dy)) / 0.002;
        *position = [x, y, height(x, y)];
        *normal = glam::Vec3::new(-slope(0.001, 0.0), -slope(0.0, 0.001), 1.0).normalize().into();
    }
    shape
}

/// Returns a disc of radius 1 that faces +Z. Its thin triangles meet in the middle, the worst case for edges.
pub(crate) fn fan(slices: u32) -> Primitive {
    let mut shape = Primitive::default();
    shape.positions.push([0.0; 3]);
    for slice in 0..slices {
        let angle = slice as f32 / slices as f32 * std::f32::consts::TAU;
        shape.positions.push([angle.cos(), angle.sin(), 0.0]);
        shape.indices.extend([0, slice + 1, (slice + 1) % slices + 1]);
    }
    shape.normals = vec![[0.0, 0.0, 1.0]; shape.positions.len()];
    shape
}

/// Returns a texture computed by `texel`, whose arguments run from 0 to 1.
pub(crate) fn texture(side: u32, srgb: bool, texel: impl Fn(f32, f32) -> [f32; 4]) -> Texture {
    let middle = |index: u32| (index as f32 + 0.5) / side as f32;
    let rgba = (0..side * side)
        .flat_map(|index| texel(middle(index % side), middle(index / side)))
        .map(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8)
        .collect();
    Texture { name: String::new(), width: side, height: side, rgba, srgb, sampler: Sampler::default() }
}
