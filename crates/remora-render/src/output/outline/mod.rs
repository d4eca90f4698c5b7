//! Draws the outline of selected instances into a finished frame in I420, whose history does not contain it: a line
//! that is drawn after the history leaves no trail and has the stream's resolution.
//!
//! ```text
//!   marked samples ──coverage──▶ selected share of each pixel ──dilated──▶ opacity of the line ──▶ frame
//!   shares of the frame before, moved along ──┘
//! ```
//!
//! Only a rectangle around the marks is looked at. The samples of one frame leave the edge of the selection undecided
//! by a pixel, so that the line would tremble. Between two samples that differ, the shares of the frame before count
//! too, moved as far as the middle of the selection has moved. They show nowhere else.

#[cfg(test)]
mod tests;

use std::ops::{Range, RangeInclusive};

use glam::Vec2;

use crate::frame::{RenderedFrame, Size};

/// Distance from selected pixels in which the line is drawn, in pixels.
const RADIUS: usize = 2;
/// Cells around the marked ones that the line can reach.
const CELLS_AROUND: usize = 3;
/// Share of the frame before in the shares of an undecided pixel, times 256.
const OLD_SHARE: u16 = 192;
/// Shares of a pixel that the line covers at a distance of √5 and √8 pixels, times 256; nearer ones are covered wholly.
const SHARE_NEAR_CORNER: u16 = 196;
const SHARE_AT_CORNER: u16 = 44;
/// Columns and rows of the pixels around the middle one of 5x5: those at most 2 pixels away, those at √5, those at √8.
const NEAR: &[[usize; 2]] =
    &[[2, 0], [1, 1], [2, 1], [3, 1], [0, 2], [1, 2], [3, 2], [4, 2], [1, 3], [2, 3], [3, 3], [2, 4]];
const NEAR_CORNER: &[[usize; 2]] = &[[1, 0], [3, 0], [0, 1], [4, 1], [0, 3], [4, 3], [1, 4], [3, 4]];
const AT_CORNER: &[[usize; 2]] = &[[0, 0], [4, 0], [0, 4], [4, 4]];

/// The marked samples of a rendered frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks<'a> {
    /// A little-endian word per rendered pixel, one bit for each of its samples.
    pub words: &'a [u8],
    /// Size of the rendered frame: that of the stream, or half of its width and height.
    pub size: Size,
    /// Samples per pixel.
    pub samples: u32,
    /// Position of a single sample relative to the middle of its pixel, in pixels of the stream.
    pub jitter: Vec2,
    /// True if the frame continues the one before.
    pub continues: bool,
    /// True if it also shows the same.
    pub unchanged: bool,
}

/// Draws outlines. It keeps its planes, so that no frame allocates memory.
#[derive(Debug, Default)]
pub(crate) struct OutlinePainter {
    /// The selected share of each pixel of the rectangle, with a border of [`RADIUS`] unselected ones.
    coverage: Vec<u8>,
    /// The same before an edge is made as narrow as a pixel, without the border.
    shares: Vec<u8>,
    before: Option<Before>,
    /// Shares of a row of cells, between two rows of samples, and the smaller and the larger of both.
    between: [Vec<u8>; 3],
    /// A row of the shares of the frame before, moved along.
    moved: Vec<u8>,
    /// The largest shares in three distances around the pixels of a row.
    strongest: [Vec<u8>; 3],
    /// Opacity of the line in two rows of pixels.
    opacity: [Vec<u8>; 2],
}

/// The shares of a frame. All shares are times 255.
#[derive(Debug)]
struct Before {
    /// Size of the stream.
    size: Size,
    area: Area,
    /// Middle of the selection in pixels.
    middle: Vec2,
    shares: Vec<u8>,
}

/// The rectangle of pixels that is looked at. All bounds are even.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Area {
    columns: Range<usize>,
    rows: Range<usize>,
}

/// A place between two values.
#[derive(Clone, Copy)]
struct Place {
    first: isize,
    /// Share of the second value, times 256.
    share: u16,
}

impl OutlinePainter {
    /// Draws the outline around the marks; `color` is sRGB and opacity.
    pub(crate) fn draw(&mut self, marks: &Marks<'_>, color: [u8; 4], into: &mut RenderedFrame) {
        let side = (into.width / marks.size.width) as usize;
        let size = Size::new(into.width, into.height);
        let Some((area, middle)) = find(marks, side, size) else {
            self.before = None;
            return;
        };
        self.cover(marks, side, &area, size, middle);
        let [y, u, v] = yuv(color).map(|value| value.round() as i32);
        let width = into.width as usize;
        let (luma, chroma) = into.data.split_at_mut(width * into.height as usize);
        let (blue, red) = chroma.split_at_mut(width / 2 * (into.height as usize / 2));
        for row in area.rows.clone().step_by(2) {
            for offset in 0..2 {
                let at = (row + offset) * width;
                self.find_opacity(&area, row + offset - area.rows.start, offset, color[3]);
                let pixels = luma[at + area.columns.start..at + area.columns.end].iter_mut();
                pixels.zip(&self.opacity[offset]).for_each(|(pixel, opacity)| blend(pixel, y, i32::from(*opacity)));
            }
            let at = row / 2 * (width / 2);
            let columns = at + area.columns.start / 2..at + area.columns.end / 2;
            let [upper, lower] = self.opacity.each_ref().map(|row| row.as_chunks::<2>().0);
            for (at, (upper, lower)) in columns.zip(upper.iter().zip(lower)) {
                let sum: i32 = upper.iter().chain(lower).map(|opacity| i32::from(*opacity)).sum();
                blend(&mut blue[at], u, (sum + 2) / 4);
                blend(&mut red[at], v, (sum + 2) / 4);
            }
        }
    }

    /// Finds the selected share of each pixel from the samples around it and from the frame before.
    fn cover(&mut self, marks: &Marks<'_>, side: usize, area: &Area, size: Size, middle: Vec2) {
        let width = area.columns.len();
        let stride = width + 2 * RADIUS;
        self.coverage.clear();
        self.coverage.resize(stride * (area.rows.len() + 2 * RADIUS), 0);
        self.shares.resize(width * area.rows.len(), 0);
        self.moved.resize(width, 0);
        let before = self.before.take().filter(|before| marks.continues && before.size == size);
        let shift = before.as_ref().filter(|_| !marks.unchanged).map_or(Vec2::ZERO, |before| before.middle - middle);
        // Places in the grid of samples; that of the first cell is 0.
        let place = |pixel: usize, jitter: f32| Place::new((pixel as f32 + 0.5 - jitter) / side as f32 - 0.5);
        let first_cell = place(area.columns.start, marks.jitter.x).first;
        let last_cell = place(area.columns.end - 1, marks.jitter.x).first + 1;
        for row in area.rows.clone() {
            self.mix_rows(marks, place(row, marks.jitter.y), first_cell..=last_cell);
            if let Some(before) = &before {
                before.row(area, row, shift, &mut self.moved);
            }
            let at = row - area.rows.start;
            let shares = &mut self.shares[at * width..][..width];
            // Pixels at the same place in their cells lie at the same place between two samples.
            for phase in 0..side {
                let Place { first, share } = place(area.columns.start + phase, marks.jitter.x);
                let [between, low, high] = self.between.each_ref().map(|row| &row[(first - first_cell) as usize..]);
                let pixels = shares[phase..].iter_mut().zip(&self.moved[phase..]).step_by(side);
                let pairs = between.windows(2).zip(low.windows(2).zip(high.windows(2)));
                for ((pixel, old), (pair, (low, high))) in pixels.zip(pairs) {
                    let fresh = mixed(pair[0], pair[1], share);
                    let kept = mixed(fresh, *old, OLD_SHARE).clamp(low[0].min(low[1]), high[0].max(high[1]));
                    *pixel = if before.is_some() { kept } else { fresh };
                }
            }
            let into = &mut self.coverage[(at + RADIUS) * stride + RADIUS..][..width];
            for (into, share) in into.iter_mut().zip(shares) {
                // Between samples that are two pixels apart, an edge is a pixel wide all the same.
                *into = if side == 2 { (u16::from(*share) * 2).saturating_sub(128).min(255) as u8 } else { *share };
            }
        }
        let memory = before.map(|before| before.shares).unwrap_or_default();
        let shares = std::mem::replace(&mut self.shares, memory);
        self.before = Some(Before { size, area: area.clone(), middle, shares });
    }

    /// Mixes two rows of samples.
    fn mix_rows(&mut self, marks: &Marks<'_>, Place { first, share }: Place, cells: RangeInclusive<isize>) {
        let (wide, high) = (marks.size.width as usize, marks.size.height as usize);
        let words = marks.words.as_chunks::<4>().0;
        let shares: [u8; 16] = std::array::from_fn(|bits| (bits.count_ones() * 255 / marks.samples) as u8);
        let [upper, lower] = [first, first + 1].map(|row| row.clamp(0, high as isize - 1) as usize * wide);
        self.between.iter_mut().for_each(Vec::clear);
        let [between, low, high] = &mut self.between;
        for column in cells {
            let column = column.clamp(0, wide as isize - 1) as usize;
            let [one, other] = [upper, lower].map(|row| shares[usize::from(words[row + column][0] & 15)]);
            between.push(mixed(one, other, share));
            low.push(one.min(other));
            high.push(one.max(other));
        }
    }

    /// Finds the opacity of the line in a row of the rectangle.
    fn find_opacity(&mut self, area: &Area, row: usize, slot: usize, alpha: u8) {
        let width = area.columns.len();
        let stride = width + 2 * RADIUS;
        let rows: [&[u8]; 5] = std::array::from_fn(|index| &self.coverage[(row + index) * stride..][..stride]);
        let [near, near_corner, at_corner] = &mut self.strongest;
        for (strongest, places) in [(&mut *near, NEAR), (&mut *near_corner, NEAR_CORNER), (&mut *at_corner, AT_CORNER)]
        {
            strongest.clear();
            strongest.resize(width, 0);
            for [across, down] in places {
                let values = &rows[*down][*across..][..width];
                strongest.iter_mut().zip(values).for_each(|(strongest, value)| *strongest = (*strongest).max(*value));
            }
        }
        let into = &mut self.opacity[slot];
        into.resize(width, 0);
        let own = &rows[RADIUS][RADIUS..][..width];
        let around = near.iter().zip(near_corner).zip(at_corner);
        for ((into, own), ((near, near_corner), at_corner)) in into.iter_mut().zip(own).zip(around) {
            let weighed = |value: u8, share: u16| (u16::from(value) * share) >> 8;
            let corners = weighed(*near_corner, SHARE_NEAR_CORNER).max(weighed(*at_corner, SHARE_AT_CORNER));
            let opacity = u32::from(corners.max(u16::from(*near))) * u32::from(255 - own) * u32::from(alpha);
            *into = ((opacity + 255 * 127) / (255 * 255)) as u8;
        }
    }
}

impl Before {
    /// Fills a row of another rectangle with the shares that were `shift` pixels further to the right and down.
    fn row(&self, area: &Area, row: usize, shift: Vec2, into: &mut [u8]) {
        let down = Place::new(row as f32 + shift.y - self.area.rows.start as f32);
        let across = Place::new(area.columns.start as f32 + shift.x - self.area.columns.start as f32);
        let width = self.area.columns.len();
        let line = |row: isize| {
            let known = usize::try_from(row).ok().filter(|row| *row < self.area.rows.len());
            known.map(|row| &self.shares[row * width..][..width])
        };
        let (upper, lower) = (line(down.first), line(down.first + 1));
        let value = |line: Option<&[u8]>, column: isize| {
            let column = usize::try_from(column).ok().filter(|column| *column < width);
            line.zip(column).map_or(0, |(line, column)| line[column])
        };
        for (column, into) in (across.first..).zip(into.iter_mut()) {
            let row = |line| mixed(value(line, column), value(line, column + 1), across.share);
            *into = mixed(row(upper), row(lower), down.share);
        }
    }
}

impl Place {
    fn new(place: f32) -> Self {
        let first = place.floor();
        Self { first: first as isize, share: ((place - first) * 256.0) as u16 }
    }
}

/// Returns the even rectangle that the line can lie in, and the middle of the marks; `None` without any.
fn find(marks: &Marks<'_>, side: usize, size: Size) -> Option<(Area, Vec2)> {
    let mut marked: Option<Area> = None;
    let (mut columns, mut rows, mut count) = (0_u64, 0_u64, 0_u64);
    let lines = marks.words.as_chunks::<4>().0.chunks_exact(marks.size.width as usize);
    for (row, words) in lines.enumerate() {
        let Some(first) = words.iter().position(|word| *word != [0; 4]) else { continue };
        let last = words.iter().rposition(|word| *word != [0; 4]).unwrap_or(first);
        let area = marked.get_or_insert(Area { columns: first..last + 1, rows: row..row + 1 });
        area.columns = area.columns.start.min(first)..area.columns.end.max(last + 1);
        area.rows.end = row + 1;
        let (mut sum, mut bits) = (0_u64, 0_u64);
        for (column, word) in (first as u64..).zip(&words[first..=last]) {
            let marked = u64::from(word[0].count_ones());
            (sum, bits) = (sum + marked * column, bits + marked);
        }
        (columns, rows, count) = (columns + sum, rows + bits * row as u64, count + bits);
    }
    let pixels = |cells: &Range<usize>, end: u32| {
        let first = cells.start.saturating_sub(CELLS_AROUND) * side / 2 * 2;
        first..((cells.end + CELLS_AROUND) * side).next_multiple_of(2).min(end as usize)
    };
    let middle = Vec2::new((columns as f64 / count as f64) as f32, (rows as f64 / count as f64) as f32);
    let middle = (middle + 0.5) * side as f32 + marks.jitter;
    let area =
        |marked: Area| Area { columns: pixels(&marked.columns, size.width), rows: pixels(&marked.rows, size.height) };
    marked.map(|marked| (area(marked), middle))
}

/// Mixes two values; `share` is that of the second one, times 256.
fn mixed(one: u8, other: u8, share: u16) -> u8 {
    ((u16::from(one) * (256 - share) + u16::from(other) * share) >> 8) as u8
}

/// Blends `value` into a pixel; `opacity` lies between 0 and 255.
fn blend(pixel: &mut u8, value: i32, opacity: i32) {
    let old = i32::from(*pixel);
    *pixel = (old + ((value - old) * opacity + if value < old { -127 } else { 127 }) / 255) as u8;
}

/// Converts sRGB to BT.709, limited range.
fn yuv(color: [u8; 4]) -> [f32; 3] {
    let [red, green, blue, _] = color.map(|value| f32::from(value) / 255.0);
    let luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    [16.0 + 219.0 * luma, 128.0 + 224.0 * (blue - luma) / 1.8556, 128.0 + 224.0 * (red - luma) / 1.5748]
}
