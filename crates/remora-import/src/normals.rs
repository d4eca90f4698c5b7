//! Normals: normalised, or computed from the faces.

use glam::Vec3;

use crate::budget::{Budget, TooLarge};
use remora_model::Primitive;

/// Gives normals unit length. Those without a direction become the mean of the faces around them.
pub(crate) fn complete(primitive: &mut Primitive) {
    let mut unusable: Vec<usize> = Vec::new();
    for (index, normal) in primitive.normals.iter_mut().enumerate() {
        match Vec3::from(*normal).try_normalize() {
            Some(unit) => *normal = unit.into(),
            None => {
                *normal = [0.0; 3];
                unusable.push(index);
            }
        }
    }
    if unusable.is_empty() {
        return;
    }
    let mut is_unusable = vec![false; primitive.normals.len()];
    for &index in &unusable {
        is_unusable[index] = true;
    }
    for triangle in primitive.indices.chunks_exact(3) {
        let [a, b, c] = corners(primitive, triangle);
        let area = (b - a).cross(c - a);
        for &corner in triangle.iter().filter(|&&corner| is_unusable[corner as usize]) {
            let normal = &mut primitive.normals[corner as usize];
            *normal = (Vec3::from(*normal) + area).into();
        }
    }
    for index in unusable {
        let normal = &mut primitive.normals[index];
        *normal = Vec3::from(*normal).try_normalize().unwrap_or(Vec3::Y).into();
    }
}

/// Gives every triangle its own three vertices, with the triangle's normal.
pub(crate) fn flatten(primitive: &mut Primitive, budget: &mut Budget) -> Result<(), TooLarge> {
    let per_vertex = size_of::<[f32; 3]>() * 2
        + if primitive.texture_coordinates.is_empty() { 0 } else { size_of::<[f32; 2]>() }
        + if primitive.colors.is_empty() { 0 } else { size_of::<[u8; 4]>() };
    budget.take(primitive.indices.len() as u64, per_vertex, "geometry without normals")?;
    let normals = primitive.indices.chunks_exact(3).flat_map(|triangle| {
        let [a, b, c] = corners(primitive, triangle);
        [(b - a).cross(c - a).try_normalize().unwrap_or(Vec3::Y).to_array(); 3]
    });
    primitive.normals = normals.collect();
    primitive.positions = gather(&primitive.positions, &primitive.indices);
    primitive.texture_coordinates = gather(&primitive.texture_coordinates, &primitive.indices);
    primitive.colors = gather(&primitive.colors, &primitive.indices);
    for (at, index) in primitive.indices.iter_mut().enumerate() {
        *index = at as u32;
    }
    Ok(())
}

fn corners(primitive: &Primitive, triangle: &[u32]) -> [Vec3; 3] {
    [0, 1, 2].map(|corner| primitive.positions[triangle[corner] as usize].into())
}

fn gather<T: Copy>(values: &[T], indices: &[u32]) -> Vec<T> {
    if values.is_empty() {
        return Vec::new();
    }
    indices.iter().map(|&index| values[index as usize]).collect()
}
