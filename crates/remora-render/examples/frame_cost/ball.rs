//! A ball with texture coordinates and tangents, for benchmarks and for the frame tests.

use remora_model::Primitive;

/// Returns a ball of radius 1.
pub(crate) fn sphere(rings: u32, sectors: u32) -> Primitive {
    let mut shape = Primitive::default();
    for ring in 0..=rings {
        for sector in 0..=sectors {
            let (u, v) = (sector as f32 / sectors as f32, ring as f32 / rings as f32);
            let (around, polar) = (u * std::f32::consts::TAU, v * std::f32::consts::PI);
            let normal = [polar.sin() * around.sin(), polar.cos(), polar.sin() * around.cos()];
            shape.positions.push(normal);
            shape.normals.push(normal);
            shape.tangents.push([around.cos(), 0.0, -around.sin(), 1.0]);
            shape.texture_coordinates.push([u, v]);
        }
    }
    for ring in 0..rings {
        for sector in 0..sectors {
            let a = ring * (sectors + 1) + sector;
            let b = a + sectors + 1;
            shape.indices.extend([a, b, a + 1, a + 1, b, b + 1]);
        }
    }
    shape
}
