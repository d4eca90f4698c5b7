//! Reads the data of the elements, in the order of the header.

use super::header::{Element, Encoding, Header, Kind, Scalar};
use super::{PointsError, damaged};
use crate::budget::Budget;
use crate::points::cloud;

/// Rows between two calls of `progress`.
const ROWS_PER_STEP: u64 = 1 << 18;

/// The vertices and triangles of a file.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) vertices: Vertices,
    /// Three indices per triangle, not yet compared with the number of vertices.
    pub(super) corners: Vec<u32>,
}

/// The vertices. Optional lists are as long as `positions`.
#[derive(Debug, Default)]
pub(super) struct Vertices {
    pub(super) positions: Vec<[f64; 3]>,
    pub(super) normals: Option<Vec<[f32; 3]>>,
    /// Colours in sRGB.
    pub(super) colors: Option<Vec<[u8; 4]>>,
    pub(super) intensities: Option<Vec<f32>>,
}

/// A source of numbers: text or binary.
trait Source {
    fn scalar(&mut self, kind: Scalar) -> Result<f64, PointsError>;
    fn left_bytes(&self) -> u64;
}

struct Text<'a>(&'a [u8]);

struct Binary<'a, const BIG_ENDIAN: bool>(&'a [u8]);

/// The meaning of a property of a vertex.
#[derive(Clone, Copy, PartialEq)]
enum Meaning {
    Position(usize),
    Normal(usize),
    Color(usize),
    Intensity,
    Nothing,
}

pub(super) fn read(
    header: &Header,
    body: &[u8],
    budget: &mut Budget,
    progress: &mut dyn FnMut(f32),
) -> Result<Content, PointsError> {
    match header.encoding {
        Encoding::Ascii => read_from(&mut Text(body), header, budget, progress),
        Encoding::BinaryLittleEndian => read_from(&mut Binary::<false>(body), header, budget, progress),
        Encoding::BinaryBigEndian => read_from(&mut Binary::<true>(body), header, budget, progress),
    }
}

fn read_from(
    source: &mut impl Source,
    header: &Header,
    budget: &mut Budget,
    progress: &mut dyn FnMut(f32),
) -> Result<Content, PointsError> {
    let mut content = Content::default();
    let all_bytes = source.left_bytes().max(1);
    for element in &header.elements {
        check_count(element, header.encoding, source.left_bytes())?;
        let mut step = |source: &dyn Fn() -> u64| progress(1.0 - source() as f32 / all_bytes as f32);
        match element.name.as_str() {
            "vertex" => content.vertices = vertices(source, element, budget, &mut step)?,
            "face" => content.corners = faces(source, element, budget, &mut step)?,
            _ => skip(source, element)?,
        }
    }
    Ok(content)
}

/// Refuses a count for which there is not enough data, before memory is taken for it.
fn check_count(element: &Element, encoding: Encoding, left_bytes: u64) -> Result<(), PointsError> {
    let row_bytes: u64 = element.properties.iter().map(|property| property.kind.bytes_min(encoding)).sum();
    // In text, the last line need not end.
    let needed_bytes = element.count.saturating_mul(row_bytes);
    if needed_bytes > left_bytes + 1 {
        let Element { name, count, .. } = element;
        let what = format!("{count} of {name:?} take at least {needed_bytes} bytes, {left_bytes} are there");
        return Err(damaged(what));
    }
    Ok(())
}

fn vertices(
    source: &mut impl Source,
    element: &Element,
    budget: &mut Budget,
    step: &mut dyn FnMut(&dyn Fn() -> u64),
) -> Result<Vertices, PointsError> {
    let meanings: Vec<Meaning> = element.properties.iter().map(|property| meaning(&property.name)).collect();
    let is_scalar = |at: usize| matches!(element.properties[at].kind, Kind::Scalar(_));
    let has = |wanted: Meaning| (0..meanings.len()).any(|at| meanings[at] == wanted && is_scalar(at));
    let has_all = |of: fn(usize) -> Meaning| (0..3).all(|axis| has(of(axis)));
    if !has_all(Meaning::Position) {
        return Err(damaged("its vertices do not have the properties x, y and z"));
    }
    let capacity = cloud::reserve(element.count, budget)?;
    let mut made = Vertices { positions: Vec::with_capacity(capacity), ..Vertices::default() };
    if has_all(Meaning::Normal) {
        budget.take(element.count, size_of::<[f32; 3]>(), "normals")?;
        made.normals = Some(Vec::with_capacity(capacity));
    }
    if has_all(Meaning::Color) {
        budget.take(element.count, size_of::<[u8; 4]>(), "colours")?;
        made.colors = Some(Vec::with_capacity(capacity));
    }
    if has(Meaning::Intensity) {
        budget.take(element.count, size_of::<f32>(), "intensities")?;
        made.intensities = Some(Vec::with_capacity(capacity));
    }
    let steps: Vec<(Kind, Meaning)> = element.properties.iter().map(|property| property.kind).zip(meanings).collect();
    for row in 0..element.count {
        let mut position = [0.0; 3];
        let mut normal = [0.0; 3];
        let mut color = [0, 0, 0, 255];
        let mut intensity = 0.0;
        for &(kind, meaning) in &steps {
            let scalar = match kind {
                Kind::Scalar(scalar) => scalar,
                Kind::List { .. } => {
                    skip_property(source, kind)?;
                    continue;
                }
            };
            let value = source.scalar(scalar)?;
            match meaning {
                Meaning::Position(axis) => position[axis] = value,
                Meaning::Normal(axis) => normal[axis] = value as f32,
                // The cast saturates.
                Meaning::Color(channel) => color[channel] = (value / scalar.white() * 255.0 + 0.5) as u8,
                Meaning::Intensity => intensity = value as f32,
                Meaning::Nothing => {}
            }
        }
        made.positions.push(position);
        made.normals.iter_mut().for_each(|normals| normals.push(normal));
        made.colors.iter_mut().for_each(|colors| colors.push(color));
        made.intensities.iter_mut().for_each(|intensities| intensities.push(intensity));
        if row % ROWS_PER_STEP == ROWS_PER_STEP - 1 {
            step(&|| source.left_bytes());
        }
    }
    Ok(made)
}

fn meaning(property: &str) -> Meaning {
    match property {
        "x" => Meaning::Position(0),
        "y" => Meaning::Position(1),
        "z" => Meaning::Position(2),
        "nx" => Meaning::Normal(0),
        "ny" => Meaning::Normal(1),
        "nz" => Meaning::Normal(2),
        "red" | "r" | "diffuse_red" => Meaning::Color(0),
        "green" | "g" | "diffuse_green" => Meaning::Color(1),
        "blue" | "b" | "diffuse_blue" => Meaning::Color(2),
        "intensity" | "scalar_intensity" | "scalar_Intensity" | "reflectance" | "scalar_Reflectance" => {
            Meaning::Intensity
        }
        _ => Meaning::Nothing,
    }
}

/// Reads the corners of triangles. Polygons become fans.
fn faces(
    source: &mut impl Source,
    element: &Element,
    budget: &mut Budget,
    step: &mut dyn FnMut(&dyn Fn() -> u64),
) -> Result<Vec<u32>, PointsError> {
    let is_indices = |name: &str| name == "vertex_indices" || name == "vertex_index";
    let mut corners: Vec<u32> = Vec::new();
    let mut polygon: Vec<u32> = Vec::new();
    for row in 0..element.count {
        // Faces without properties have no data, so their number does not matter.
        if element.properties.is_empty() {
            break;
        }
        for property in &element.properties {
            let Kind::List { count, item } = property.kind else {
                skip_property(source, property.kind)?;
                continue;
            };
            if !is_indices(&property.name) {
                skip_property(source, property.kind)?;
                continue;
            }
            let count = list_length(source, count, item)?;
            polygon.clear();
            let triangles = count.saturating_sub(2);
            // While a list grows, it exists twice.
            budget.take(triangles, 2 * size_of::<[u32; 3]>(), "triangles")?;
            for _ in 0..count {
                polygon.push(index(source.scalar(item)?, row)?);
            }
            for pair in polygon.get(1..).unwrap_or_default().windows(2) {
                corners.extend([polygon[0], pair[0], pair[1]]);
            }
        }
        if row % ROWS_PER_STEP == ROWS_PER_STEP - 1 {
            step(&|| source.left_bytes());
        }
    }
    Ok(corners)
}

fn index(value: f64, row: u64) -> Result<u32, PointsError> {
    let index = value as u32;
    if f64::from(index) == value {
        return Ok(index);
    }
    Err(PointsError::invalid(format!("face {row}"), format!("its vertex index is {value}")))
}

fn skip(source: &mut impl Source, element: &Element) -> Result<(), PointsError> {
    if element.properties.is_empty() {
        return Ok(());
    }
    for _ in 0..element.count {
        for property in &element.properties {
            skip_property(source, property.kind)?;
        }
    }
    Ok(())
}

fn skip_property(source: &mut impl Source, kind: Kind) -> Result<(), PointsError> {
    match kind {
        Kind::Scalar(scalar) => {
            source.scalar(scalar)?;
        }
        Kind::List { count, item } => {
            for _ in 0..list_length(source, count, item)? {
                source.scalar(item)?;
            }
        }
    }
    Ok(())
}

fn list_length(source: &mut impl Source, count: Scalar, item: Scalar) -> Result<u64, PointsError> {
    let value = source.scalar(count)?;
    let length = value as u64;
    if length as f64 != value || length.saturating_mul(item.bytes().min(2) as u64) > source.left_bytes() + 1 {
        return Err(damaged(format!("a list has {value} items, and {} bytes follow", source.left_bytes())));
    }
    Ok(length)
}

impl Source for Text<'_> {
    fn scalar(&mut self, _: Scalar) -> Result<f64, PointsError> {
        let rest = self.0.trim_ascii_start();
        let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.0 = rest;
        if word.is_empty() {
            return Err(damaged("its data ends early"));
        }
        let parsed = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
        parsed.ok_or_else(|| {
            damaged(format!("\"{}\" stands where a number should be", word[..word.len().min(20)].escape_ascii()))
        })
    }

    fn left_bytes(&self) -> u64 {
        self.0.len() as u64
    }
}

impl<const BIG_ENDIAN: bool> Binary<'_, BIG_ENDIAN> {
    #[inline]
    fn take<const N: usize>(&mut self) -> Result<[u8; N], PointsError> {
        let (bytes, rest) = self.0.split_first_chunk::<N>().ok_or_else(|| damaged("its data ends early"))?;
        self.0 = rest;
        let mut bytes = *bytes;
        if BIG_ENDIAN {
            bytes.reverse();
        }
        Ok(bytes)
    }
}

impl<const BIG_ENDIAN: bool> Source for Binary<'_, BIG_ENDIAN> {
    #[inline]
    fn scalar(&mut self, kind: Scalar) -> Result<f64, PointsError> {
        Ok(match kind {
            Scalar::I8 => f64::from(i8::from_le_bytes(self.take()?)),
            Scalar::U8 => f64::from(u8::from_le_bytes(self.take()?)),
            Scalar::I16 => f64::from(i16::from_le_bytes(self.take()?)),
            Scalar::U16 => f64::from(u16::from_le_bytes(self.take()?)),
            Scalar::I32 => f64::from(i32::from_le_bytes(self.take()?)),
            Scalar::U32 => f64::from(u32::from_le_bytes(self.take()?)),
            Scalar::F32 => f64::from(f32::from_le_bytes(self.take()?)),
            Scalar::F64 => f64::from_le_bytes(self.take()?),
        })
    }

    fn left_bytes(&self) -> u64 {
        self.0.len() as u64
    }
}
