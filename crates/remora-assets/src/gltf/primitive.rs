//! One primitive: any kind of triangles in, a list of triangles with complete attributes out.

use glam::Vec3;

use super::accessor::Accessors;
use super::budget::Budget;
use super::error::LoadError;
use super::json;
use super::material::Materials;
use super::tangent;
use crate::model::Primitive;

/// Where in the file, for errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) mesh: u32,
    pub(super) primitive: usize,
}

/// `None` if it holds no triangles: points, lines, no positions, or no elements.
pub(super) fn read(
    primitive: &json::Primitive,
    place: Place,
    accessors: &Accessors<'_>,
    materials: &Materials,
    budget: &mut Budget,
) -> Result<Option<Primitive>, LoadError> {
    let mode = primitive.mode.unwrap_or(TRIANGLES);
    if mode > TRIANGLE_FAN {
        return Err(place.invalid(format!("the mode {mode} is not known")));
    }
    let Some(&positions) = primitive.attributes.get("POSITION") else { return Ok(None) };
    if mode < TRIANGLES {
        return Ok(None);
    }
    let material = materials
        .resolve(primitive.material, accessors.materials_in_file())
        .ok_or_else(|| place.invalid("its material is not there"))?;

    let vertices = accessors.count(positions)?;
    let elements = match primitive.indices {
        Some(indices) => accessors.indices(indices, budget)?,
        None => every_vertex(vertices, place, budget)?,
    };
    let mut indices = triangles(mode, elements, budget)?;
    let (Some(&first), Some(&last)) = (indices.iter().min(), indices.iter().max()) else { return Ok(None) };
    if u64::from(last) >= vertices {
        return Err(place.invalid(format!("an index is {last}, there are {vertices} vertices")));
    }
    // Many primitives may share one long list of vertices: only the stretch that this one uses is read.
    for index in &mut indices {
        *index -= first;
    }
    let range = u64::from(first)..u64::from(last) + 1;

    let mut made = Primitive {
        material,
        positions: accessors.vectors::<3>(positions, range.clone(), budget)?,
        indices,
        ..Primitive::default()
    };
    if made.positions.iter().flatten().any(|number| !number.is_finite()) {
        return Err(place.invalid("a position contains a number that is not finite"));
    }
    let attribute = |name: &str| primitive.attributes.get(name).copied();
    if let Some(coordinates) = attribute(&format!("TEXCOORD_{}", materials.coordinate_set(material))) {
        made.texture_coordinates = accessors.vectors::<2>(coordinates, range.clone(), budget)?;
        for number in made.texture_coordinates.iter_mut().flatten().filter(|number| !number.is_finite()) {
            *number = 0.0;
        }
    }
    if let Some(colors) = attribute("COLOR_0") {
        made.colors = match accessors.width(colors)? {
            3 => accessors
                .vectors::<3>(colors, range.clone(), budget)?
                .iter()
                .map(|&[r, g, b]| color([r, g, b, 1.0]))
                .collect(),
            _ => accessors.vectors::<4>(colors, range.clone(), budget)?.iter().map(|&rgba| color(rgba)).collect(),
        };
    }
    let needs_tangents = materials.has_normal_map(material) && !made.texture_coordinates.is_empty();
    match attribute("NORMAL") {
        Some(normals) => {
            made.normals = accessors.vectors::<3>(normals, range.clone(), budget)?;
            complete_normals(&mut made);
            // The specification: tangents without normals are to be ignored.
            if let Some(tangents) = attribute("TANGENT").filter(|_| needs_tangents) {
                made.tangents = accessors.vectors::<4>(tangents, range, budget)?;
                tangent::complete(&mut made);
            }
        }
        None => flatten(&mut made, budget)?,
    }
    if needs_tangents && made.tangents.is_empty() {
        budget.take(
            made.positions.len() as u64,
            size_of::<[f32; 4]>() + tangent::SCRATCH_BYTES,
            "computed tangents",
        )?;
        made.tangents = tangent::compute(&made);
    }
    Ok(Some(made))
}

const TRIANGLES: u32 = 4;
const TRIANGLE_STRIP: u32 = 5;
const TRIANGLE_FAN: u32 = 6;

fn every_vertex(vertices: u64, place: Place, budget: &mut Budget) -> Result<Vec<u32>, LoadError> {
    budget.take(vertices, size_of::<u32>(), "geometry")?;
    let count = u32::try_from(vertices).map_err(|_| place.invalid(format!("{vertices} vertices are too many")))?;
    Ok((0..count).collect())
}

/// Corners of whole triangles.
fn triangles(mode: u32, mut elements: Vec<u32>, budget: &mut Budget) -> Result<Vec<u32>, LoadError> {
    let triangle: fn(&[u32], usize) -> [u32; 3] = match mode {
        TRIANGLE_STRIP => |elements, at| {
            // Every second one is wound the other way round.
            let [b, c] = if at % 2 == 0 { [at + 1, at + 2] } else { [at + 2, at + 1] };
            [elements[at], elements[b], elements[c]]
        },
        TRIANGLE_FAN => |elements, at| [elements[at + 1], elements[at + 2], elements[0]],
        _ => {
            elements.truncate(elements.len() / 3 * 3);
            return Ok(elements);
        }
    };
    let count = elements.len().saturating_sub(2);
    budget.take(count as u64, size_of::<[u32; 3]>(), "geometry")?;
    // Strips turn corners by triangles without area.
    let has_area = |&[a, b, c]: &[u32; 3]| a != b && b != c && c != a;
    Ok((0..count).map(|at| triangle(&elements, at)).filter(has_area).flatten().collect())
}

fn color(rgba: [f32; 4]) -> [u8; 4] {
    // A cast saturates, and makes 0 of what is not a number.
    rgba.map(|number| (number * 255.0 + 0.5) as u8)
}

fn corners(primitive: &Primitive, triangle: &[u32]) -> [Vec3; 3] {
    [0, 1, 2].map(|corner| primitive.positions[triangle[corner] as usize].into())
}

/// Makes normals unit length; those that cannot be take the mean of the faces around them.
fn complete_normals(primitive: &mut Primitive) {
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
fn flatten(primitive: &mut Primitive, budget: &mut Budget) -> Result<(), LoadError> {
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

fn gather<T: Copy>(values: &[T], indices: &[u32]) -> Vec<T> {
    if values.is_empty() {
        return Vec::new();
    }
    indices.iter().map(|&index| values[index as usize]).collect()
}

impl Place {
    fn invalid(self, what: impl Into<String>) -> LoadError {
        LoadError::invalid(format!("mesh {}, primitive {}", self.mesh, self.primitive), what)
    }
}
