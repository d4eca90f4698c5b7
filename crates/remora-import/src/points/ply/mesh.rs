//! Makes a model with one node of the triangles of a PLY file.

use glam::{DAffine3, DVec3, Vec3};

use super::PointsError;
use super::body::{Content, Vertices};
use crate::budget::Budget;
use crate::points::cloud::{self, is_placeable};
use remora_model::{Material, Mesh, Model, Node, Points, Primitive};

pub(super) fn model(name: &str, content: Content, budget: &mut Budget) -> Result<Model, PointsError> {
    let Content { vertices: Vertices { positions, normals, colors, .. }, corners } = content;
    check_corners(&corners, &positions)?;
    if normals.is_none() {
        budget.take(positions.len() as u64, size_of::<[f32; 3]>(), "computed normals")?;
    }
    let origin = cloud::origin(&positions);
    // Unused vertices may have any position and must not affect the bounds.
    let placed = |position: [f64; 3]| if is_placeable(position) { DVec3::from(position) - origin } else { DVec3::ZERO };
    let positions: Vec<[f32; 3]> =
        positions.into_iter().map(|position| placed(position).as_vec3().to_array()).collect();
    let normals = match normals {
        Some(normals) => normals.into_iter().map(|normal| unit(normal.into())).collect(),
        None => smooth_normals(&positions, &corners),
    };
    let primitive = Primitive {
        positions,
        normals,
        colors: linear(colors.unwrap_or_default()),
        indices: corners,
        ..Primitive::default()
    };
    // Scanned surfaces have holes through which their inside is visible.
    let material = Material { metallic: 0.0, double_sided: true, ..Material::default() };
    let made = Model {
        name: name.to_owned(),
        nodes: vec![Node {
            name: name.to_owned(),
            transform: DAffine3::from_translation(origin),
            mesh: Some(0),
            ..Node::default()
        }],
        meshes: vec![Mesh { name: name.to_owned(), primitives: vec![primitive], points: Points::default() }],
        materials: vec![material],
        ..Model::default()
    };
    debug_assert_eq!(made.check(), Ok(()));
    Ok(made)
}

fn check_corners(corners: &[u32], positions: &[[f64; 3]]) -> Result<(), PointsError> {
    for (at, &corner) in corners.iter().enumerate() {
        let place = || format!("triangle {}", at / 3);
        let Some(position) = positions.get(corner as usize) else {
            let what = format!("a corner is vertex {corner}, there are {}", positions.len());
            return Err(PointsError::invalid(place(), what));
        };
        if !is_placeable(*position) {
            return Err(PointsError::invalid(place(), format!("vertex {corner} is at {position:?}")));
        }
    }
    Ok(())
}

/// Computes normals weighted by area: the length of the cross product is proportional to the area of the triangle.
fn smooth_normals(positions: &[[f32; 3]], corners: &[u32]) -> Vec<[f32; 3]> {
    let mut sums = vec![[0.0_f32; 3]; positions.len()];
    for triangle in corners.chunks_exact(3) {
        let [a, b, c] = [triangle[0], triangle[1], triangle[2]].map(|corner| Vec3::from(positions[corner as usize]));
        let normal = (b - a).cross(c - a);
        for &corner in triangle {
            let sum = &mut sums[corner as usize];
            *sum = (Vec3::from(*sum) + normal).to_array();
        }
    }
    sums.into_iter().map(|sum| unit(sum.into())).collect()
}

/// Returns a unit vector; any direction for a vector without length.
fn unit(normal: Vec3) -> [f32; 3] {
    normal.normalize_or(Vec3::Y).to_array()
}

/// Decodes colours from sRGB as IEC 61966-2-1 defines it.
fn linear(mut colors: Vec<[u8; 4]>) -> Vec<[u8; 4]> {
    let table: [u8; 256] = std::array::from_fn(|value| {
        let value = value as f32 / 255.0;
        let linear = if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) };
        (linear * 255.0 + 0.5) as u8
    });
    for color in &mut colors {
        color[..3].iter_mut().for_each(|channel| *channel = table[usize::from(*channel)]);
    }
    colors
}
