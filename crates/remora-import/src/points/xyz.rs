//! XYZ: a point per line, `x y z`, optionally followed by intensity and by red, green and blue.
//!
//! Spaces, tabs, commas and semicolons separate numbers; `#` and `//` begin comments. Lines before the first point are
//! headings, as are lines with a single number, which PTS has before each scan.

use super::PointsError;
use super::cloud::{self, Cloud, Shades};
use crate::budget::Budget;
use crate::input::Input;
use remora_model::Model;

/// The format's name, in errors and in assets.
pub(crate) const FORMAT: &str = "XYZ";

/// Numbers of a line that are read; the rest is ignored.
const COLUMNS_MAX: usize = 7;
/// Lines among which the first point must be.
const HEADING_LINES_MAX: usize = 100;
/// Points that are sampled to determine the meaning of columns.
const SAMPLE: usize = 1000;
/// Bytes of the shortest line with a point: three digits, two separators and an end.
const LINE_BYTES_MIN: u64 = 6;
/// Lines between two calls of `progress`.
const LINES_PER_STEP: usize = 100_000;

/// The columns after the coordinates.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Layout {
    Plain,
    Intensity,
    /// Red is in this column, followed by green and blue; `white` is the value of full intensity.
    Color {
        column: usize,
        white: f64,
    },
}

/// Reads lines of numbers.
#[expect(clippy::naive_bytecount, reason = "counting lines takes a small part of the time")]
pub(crate) fn import(input: Input<'_>) -> Result<Model, PointsError> {
    let Input { bytes, name, limits, progress, .. } = input;
    let mut budget = Budget::new(limits.memory_bytes_max);
    let layout = layout(bytes)?;
    progress(0.0);
    let lines = bytes.iter().filter(|&&byte| byte == b'\n').count() as u64 + 1;
    let capacity = cloud::reserve(lines.min(bytes.len() as u64 / LINE_BYTES_MIN + 1), &mut budget)?;
    let mut cloud = Cloud {
        positions: Vec::with_capacity(capacity),
        shades: match layout {
            Layout::Plain => Shades::Plain,
            Layout::Intensity => Shades::Intensities(Vec::with_capacity(capacity)),
            Layout::Color { .. } => Shades::Colors(Vec::with_capacity(capacity)),
        },
        dropped: 0,
    };
    for (number, line) in lines_of(bytes).enumerate() {
        if number % LINES_PER_STEP == LINES_PER_STEP - 1 {
            progress(number as f32 / lines as f32);
        }
        let row = match row(line) {
            Line::Point(row) => row,
            Line::Empty => continue,
            Line::Other if cloud.positions.is_empty() => continue,
            Line::Other => {
                let what = "this is neither a point, x y z with what follows, nor a comment that begins with #";
                return Err(PointsError::invalid(format!("line {}", number + 1), what));
            }
        };
        cloud.positions.push([row.values[0], row.values[1], row.values[2]]);
        match (&mut cloud.shades, layout) {
            (Shades::Colors(colors), Layout::Color { column, white }) => {
                let channel = |at: usize| (row.values[at] / white * 255.0 + 0.5) as u8;
                colors.push([channel(column), channel(column + 1), channel(column + 2), 255]);
            }
            (Shades::Intensities(intensities), _) => intensities.push(row.values[3] as f32),
            (Shades::Colors(_) | Shades::Plain, _) => {}
        }
    }
    let model = cloud::model(name, vec![(name.to_owned(), cloud::z_up(), cloud.place())])?;
    progress(1.0);
    Ok(model)
}

/// Returns whether there is a point near the start with only headings before it.
pub(crate) fn looks_like_numbers(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(4096)];
    // The last line may be incomplete.
    let whole = start.iter().rposition(|&byte| byte == b'\n').map_or(start, |end| &start[..end]);
    let is_text = whole.iter().all(|&byte| byte >= b' ' || byte.is_ascii_whitespace());
    is_text && lines_of(whole).any(|line| matches!(row(line), Line::Point(_)))
}

fn lines_of(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|&byte| byte == b'\n')
}

enum Line {
    Point(Row),
    /// An empty line, a comment, or a single number.
    Empty,
    Other,
}

struct Row {
    /// The numbers; missing ones are 0.
    values: [f64; COLUMNS_MAX],
    columns: usize,
}

fn row(line: &[u8]) -> Line {
    let line = line.trim_ascii();
    if line.is_empty() || line.starts_with(b"#") || line.starts_with(b"//") {
        return Line::Empty;
    }
    let mut row = Row { values: [0.0; COLUMNS_MAX], columns: 0 };
    let is_separator = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b';');
    for field in line.split(is_separator).filter(|field| !field.is_empty()) {
        if field.starts_with(b"#") || field.starts_with(b"//") || row.columns == COLUMNS_MAX {
            break;
        }
        match std::str::from_utf8(field).ok().and_then(|field| field.parse::<f64>().ok()) {
            Some(value) => row.values[row.columns] = value,
            // A name or a class may follow the numbers.
            None if row.columns >= 3 => break,
            None => return Line::Other,
        }
        row.columns += 1;
    }
    match row.columns {
        0 | 1 => Line::Empty,
        2 => Line::Other,
        _ => Line::Point(row),
    }
}

fn layout(bytes: &[u8]) -> Result<Layout, PointsError> {
    let mut sample = Vec::new();
    for (number, line) in lines_of(bytes).enumerate() {
        if sample.len() >= SAMPLE || (sample.is_empty() && number >= HEADING_LINES_MAX) {
            break;
        }
        if let Line::Point(row) = row(line) {
            sample.push(row);
        }
    }
    let Some(columns) = sample.iter().map(|row| row.columns).min() else {
        let what = format!("none of its first {HEADING_LINES_MAX} lines has the numbers x y z");
        return Err(match bytes {
            [] => PointsError::NotPoints,
            _ => PointsError::damaged(FORMAT, what),
        });
    };
    let color_column = match columns {
        6 => 3,
        7 => 4,
        3 => return Ok(Layout::Plain),
        _ => return Ok(Layout::Intensity),
    };
    let channels = || sample.iter().flat_map(|row| &row.values[color_column..color_column + 3]);
    let white = if channels().all(|value| (0.0..=1.0).contains(value)) && channels().any(|value| value.fract() != 0.0) {
        1.0
    } else if channels().all(|value| (0.0..=255.0).contains(value)) {
        255.0
    } else if channels().all(|value| (0.0..=65535.0).contains(value)) {
        65535.0
    } else {
        // Normals, or values of unknown meaning.
        return Ok(if color_column == 4 { Layout::Intensity } else { Layout::Plain });
    };
    Ok(Layout::Color { column: color_column, white })
}
