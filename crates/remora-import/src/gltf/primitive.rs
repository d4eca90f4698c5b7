//! Reads a primitive: any kind of triangles becomes a list of triangles with complete attributes; points stay points.

use std::ops::Range;

use super::accessor::Accessors;
use super::error::GltfError;
use super::json;
use super::material::Materials;
use super::place::Place;
use super::vertices::Vertices;
use crate::budget::Budget;
use crate::{images, normals};
use remora_model::{Points, Primitive, tangent};

/// The content of a primitive.
pub(super) enum Shape {
    Triangles(Primitive),
    Points(Points),
    /// Lines, or no positions or elements.
    Nothing,
}

pub(super) fn read(
    primitive: &json::Primitive,
    place: Place,
    accessors: Accessors<'_>,
    materials: &Materials,
    budget: &mut Budget,
) -> Result<Shape, GltfError> {
    let mode = primitive.mode.unwrap_or(TRIANGLES);
    if mode > TRIANGLE_FAN {
        return Err(place.invalid(format!("the mode {mode} is not known")));
    }
    if (LINES..TRIANGLES).contains(&mode) {
        return Ok(Shape::Nothing);
    }
    let Some(vertices) = Vertices::open(primitive, place, accessors, budget)? else { return Ok(Shape::Nothing) };
    if mode == POINTS && !vertices.is_triangle_list() {
        return read_points(&vertices, place, budget);
    }
    let material = materials
        .resolve(primitive.material, accessors.materials_in_file())
        .ok_or_else(|| place.invalid("its material is not there"))?;
    let elements = vertices.elements(budget)?;
    let mut indices = if vertices.is_triangle_list() { elements } else { triangles(mode, elements, budget)? };
    let Some(range) = used(&mut indices, &vertices, place)? else { return Ok(Shape::Nothing) };
    let mut made =
        Primitive { material, positions: positions(&vertices, &range, place, budget)?, indices, ..Default::default() };
    let coordinates = format!("TEXCOORD_{}", materials.coordinate_set(material));
    if let Some(coordinates) = vertices.vectors::<2>(&coordinates, &range, budget)? {
        made.texture_coordinates = coordinates;
        for number in made.texture_coordinates.as_flattened_mut().iter_mut().filter(|number| !number.is_finite()) {
            *number = 0.0;
        }
    }
    if let Some(colors) = colors(&vertices, &range, budget)? {
        made.colors = colors.into_iter().map(color).collect();
    }
    let needs_tangents = materials.has_normal_map(material) && !made.texture_coordinates.is_empty();
    match vertices.vectors::<3>("NORMAL", &range, budget)? {
        Some(normals) => {
            made.normals = normals;
            normals::complete(&mut made);
            // The specification requires readers to ignore tangents without normals.
            if needs_tangents && let Some(tangents) = vertices.vectors::<4>("TANGENT", &range, budget)? {
                made.tangents = tangents;
                tangent::complete(&mut made);
            }
        }
        None => normals::flatten(&mut made, budget)?,
    }
    if needs_tangents && made.tangents.is_empty() {
        budget.take(
            made.positions.len() as u64,
            size_of::<[f32; 4]>() + tangent::SCRATCH_BYTES,
            "computed tangents",
        )?;
        made.tangents = tangent::compute(&made);
    }
    Ok(Shape::Triangles(made))
}

/// Returns the number of triangles or points that the file declares; 0 if it is unknown.
pub(super) fn announced(primitive: &json::Primitive, accessors: Accessors<'_>) -> u64 {
    let elements = primitive.indices.or(primitive.attributes.get("POSITION").copied());
    let count = elements.and_then(|accessor| accessors.count(accessor).ok()).unwrap_or(0);
    match primitive.mode.unwrap_or(TRIANGLES) {
        POINTS => count,
        TRIANGLES => count / 3,
        TRIANGLE_STRIP | TRIANGLE_FAN => count.saturating_sub(2),
        _ => 0,
    }
}

/// Colour of points without colours: light grey in sRGB.
const POINT_COLOR: [u8; 4] = [200, 200, 200, 255];

const POINTS: u32 = 0;
const LINES: u32 = 1;
const TRIANGLES: u32 = 4;
const TRIANGLE_STRIP: u32 = 5;
const TRIANGLE_FAN: u32 = 6;

fn read_points(vertices: &Vertices<'_>, place: Place, budget: &mut Budget) -> Result<Shape, GltfError> {
    let mut indices = vertices.elements(budget)?;
    let Some(range) = used(&mut indices, vertices, place)? else { return Ok(Shape::Nothing) };
    let positions = positions(vertices, &range, place, budget)?;
    budget.take(indices.len() as u64, size_of::<[f32; 3]>() + size_of::<[u8; 4]>(), "points")?;
    let colors = match colors(vertices, &range, budget)? {
        Some(colors) => indices.iter().map(|&index| point_color(colors[index as usize])).collect(),
        None => vec![POINT_COLOR; indices.len()],
    };
    let positions = indices.iter().map(|&index| positions[index as usize]).collect();
    Ok(Shape::Points(Points { positions, colors }))
}

/// Returns the range of used vertices and makes the indices relative to it. Many primitives may share one long list of
/// vertices, of which only this range is read. `None` if there are no indices.
fn used(indices: &mut [u32], vertices: &Vertices<'_>, place: Place) -> Result<Option<Range<u64>>, GltfError> {
    if indices.is_empty() {
        return Ok(None);
    }
    let (first, last) = indices.iter().fold((u32::MAX, 0), |(first, last), &index| (first.min(index), last.max(index)));
    if u64::from(last) >= vertices.count() {
        return Err(place.invalid(format!("an index is {last}, there are {} vertices", vertices.count())));
    }
    if first > 0 {
        for index in indices {
            *index -= first;
        }
    }
    Ok(Some(u64::from(first)..u64::from(last) + 1))
}

fn positions(
    vertices: &Vertices<'_>,
    range: &Range<u64>,
    place: Place,
    budget: &mut Budget,
) -> Result<Vec<[f32; 3]>, GltfError> {
    let positions = vertices.vectors::<3>("POSITION", range, budget)?.unwrap_or_default();
    // No early exit, so that the compiler vectorises.
    if !positions.as_flattened().iter().fold(true, |finite, number| finite & number.is_finite()) {
        return Err(place.invalid("a position contains a number that is not finite"));
    }
    Ok(positions)
}

/// Returns colours in linear RGBA, if the primitive has any.
fn colors(
    vertices: &Vertices<'_>,
    range: &Range<u64>,
    budget: &mut Budget,
) -> Result<Option<Vec<[f32; 4]>>, GltfError> {
    match vertices.width("COLOR_0")? {
        None => Ok(None),
        Some(3) => {
            budget.take(range.end - range.start, size_of::<[f32; 4]>(), "colours")?;
            let colors = vertices.vectors::<3>("COLOR_0", range, budget)?;
            Ok(colors.map(|colors| colors.into_iter().map(|[r, g, b]| [r, g, b, 1.0]).collect()))
        }
        Some(_) => vertices.vectors::<4>("COLOR_0", range, budget),
    }
}

/// Returns the corners of whole triangles.
fn triangles(mode: u32, mut elements: Vec<u32>, budget: &mut Budget) -> Result<Vec<u32>, GltfError> {
    let triangle: fn(&[u32], usize) -> [u32; 3] = match mode {
        TRIANGLE_STRIP => |elements, at| {
            // Every second triangle has the opposite winding.
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
    // Strips contain degenerate triangles where they turn.
    let has_area = |&[a, b, c]: &[u32; 3]| a != b && b != c && c != a;
    Ok((0..count).map(|at| triangle(&elements, at)).filter(has_area).flatten().collect())
}

fn color(rgba: [f32; 4]) -> [u8; 4] {
    // The cast saturates, and turns NaN into 0.
    rgba.map(|number| (number * 255.0 + 0.5) as u8)
}

fn point_color([red, green, blue, _]: [f32; 4]) -> [u8; 4] {
    let [red, green, blue] = [red, green, blue].map(images::srgb_byte);
    [red, green, blue, 255]
}
