//! Thins a surface by vertex clustering: each corner moves to the vertex that represents its cell of a grid, and
//! triangles that still have three corners are kept, each once. Source: Rossignac and Borrel, Multi-resolution 3D
//! approximations for rendering complex scenes, 1993.
//!
//! ```text
//!   sampled triangles ──▶ size of the cells
//!   positions ──▶ occupied cells ──▶ cell of each vertex, vertex of each cell
//!                                             │
//!   all triangles ────────────────────────────┴──▶ those between three cells ──▶ each once
//! ```
//!
//! A plate thinner than a cell keeps both sides, which have the same corners in opposite order. For any positions, NaN
//! included, the result refers only to vertices that exist.

use std::sync::atomic::{AtomicU64, Ordering};

use glam::Vec3;
use rayon::prelude::*;

use super::density::Density;
use remora_model::{Bounds, Primitive};

/// Vertices or triangles that a thread takes at a time.
const PART: usize = 1 << 16;
/// Limit of the bricks of a grid, which take 12 bytes each: 24 MiB. Their number is also limited in proportion to the
/// triangles, which bounds the time.
const BRICKS_MAX: u64 = 1 << 21;
const BRICKS_PER_TRIANGLE_MAX: u64 = 4;
/// Factor by which the result may exceed the wanted number.
const EXCESS_MAX: usize = 2;
/// Marks a vertex without a number.
const NONE: u32 = u32::MAX;

/// Triangles between some of the vertices of a primitive.
#[derive(Debug)]
pub(super) struct Thinned {
    /// Indices into `kept`, three for each triangle.
    pub indices: Vec<u32>,
    /// Indices of vertices of the primitive, each once.
    pub kept: Vec<u32>,
}

/// Returns about `wanted` triangles, at most twice that if `wanted` is at least 56, which is the number that the
/// smallest grid can produce. `None` if no triangle would be left.
pub(super) fn thin(primitive: &Primitive, wanted: usize) -> Option<Thinned> {
    let bounds = primitive.bounds();
    let mut cells = Density::of(primitive, &bounds).cells_along(wanted);
    loop {
        let grid =
            Grid::around(&bounds, cells, (primitive.triangles() as u64 * BRICKS_PER_TRIANGLE_MAX).min(BRICKS_MAX))?;
        let found = between_cells(primitive, &grid);
        if found.indices.len() <= wanted * 3 * EXCESS_MAX {
            return (!found.indices.is_empty()).then_some(found);
        }
        // The sample was not representative.
        cells = grid.cells_along() * 0.5;
    }
}

/// The position of a point in a grid.
#[derive(Clone, Copy)]
struct Place {
    /// Number of the brick; the lowest six bits are the cell in the brick.
    cell: u32,
    /// Squared distance from the center of the cell, in cells.
    distance: f32,
}

/// A grid over the bounds of the points. The first and last cells of each axis have their centers on the sides of the
/// box, so that their vertices do not move inwards.
#[derive(Clone, Copy, Debug)]
struct Grid {
    origin: Vec3,
    /// Cells per unit of length.
    scale: Vec3,
    /// Index of the last cell along each axis.
    last: [u32; 3],
    /// Number of bricks of four cells along each axis. Cells are numbered brick by brick, so that nearby cells have
    /// nearby numbers.
    bricks: [u32; 3],
}

impl Grid {
    /// Returns a grid with at most `cells` along the longest side; `None` if the box has no finite extent.
    fn around(bounds: &Bounds, cells: f32, bricks_max: u64) -> Option<Self> {
        let sides = bounds.max - bounds.min;
        let longest = sides.max_element();
        if !(longest > 0.0 && longest.is_finite()) {
            return None;
        }
        let mut along = cells;
        loop {
            let last = (sides / longest * along).round();
            let [x, y, z] = last.to_array().map(|last| last as u32);
            let bricks = [x, y, z].map(|last| last / 4 + 1);
            if bricks.iter().map(|&bricks| u64::from(bricks)).product::<u64>() <= bricks_max {
                let scale = Vec3::select(sides.cmpgt(Vec3::ZERO), last / sides, Vec3::ZERO);
                return Some(Self { origin: bounds.min, scale, last: [x, y, z], bricks });
            }
            along *= 0.9;
        }
    }

    fn cells_along(&self) -> f32 {
        self.last.into_iter().max().unwrap_or(0) as f32
    }

    fn brick_count(&self) -> usize {
        self.bricks.iter().map(|&bricks| bricks as usize).product()
    }

    fn place(&self, position: [f32; 3]) -> Place {
        // Numbers of this size have no fraction. Adding it rounds, and the integer is in the lowest bits.
        const ROUNDING: f32 = (1 << 23) as f32;
        let mut distance = 0.0;
        let cell: [u32; 3] = std::array::from_fn(|axis| {
            let at = (position[axis] - self.origin[axis]) * self.scale[axis];
            // In this form, NaN becomes 0.
            let within = if at > 0.0 { at } else { 0.0 };
            let last = self.last[axis] as f32;
            let rounded = (if within < last { within } else { last }) + ROUNDING;
            distance += (at - (rounded - ROUNDING)).powi(2);
            rounded.to_bits() - ROUNDING.to_bits()
        });
        let [x, y, z] = cell.map(|cell| cell / 4);
        let brick = x + self.bricks[0] * (y + self.bricks[1] * z);
        let [x, y, z] = cell.map(|cell| cell % 4);
        Place { cell: brick << 6 | x | y << 2 | z << 4, distance }
    }
}

/// The occupied cells, numbered without gaps in the order of the grid.
struct Occupied {
    /// A bit for each cell of each brick.
    bricks: Vec<u64>,
    /// Number of occupied cells before each brick.
    before: Vec<u32>,
    count: usize,
}

impl Occupied {
    fn new(places: &[Place], grid: &Grid) -> Self {
        let bricks: Vec<AtomicU64> = (0..grid.brick_count()).map(|_| AtomicU64::new(0)).collect();
        places.par_chunks(PART).for_each(|part| {
            for place in part {
                let (brick, bit) = (&bricks[place.cell as usize >> 6], 1 << (place.cell & 63));
                // Most cells are marked already, and reading does not disturb other threads.
                if brick.load(Ordering::Relaxed) & bit == 0 {
                    brick.fetch_or(bit, Ordering::Relaxed);
                }
            }
        });
        let bricks: Vec<u64> = bricks.into_iter().map(AtomicU64::into_inner).collect();
        let mut count = 0;
        let mut before = Vec::with_capacity(bricks.len());
        for brick in &bricks {
            before.push(count);
            count += brick.count_ones();
        }
        Self { bricks, before, count: count as usize }
    }

    fn number(&self, cell: u32) -> u32 {
        let brick = (cell >> 6) as usize;
        let lower = self.bricks[brick] & ((1 << (cell & 63)) - 1);
        self.before[brick] + lower.count_ones()
    }
}

fn between_cells(primitive: &Primitive, grid: &Grid) -> Thinned {
    let place = |&position: &[f32; 3]| grid.place(position);
    let places: Vec<Place> = primitive.positions.par_iter().with_min_len(PART).map(place).collect();
    let occupied = Occupied::new(&places, grid);
    // The vertex nearest to the center of each cell, below the bits of its distance. Non-negative floats compare like
    // their bits.
    let nearest: Vec<AtomicU64> = (0..occupied.count).map(|_| AtomicU64::new(u64::MAX)).collect();
    let number = |(vertex, place): (usize, &Place)| {
        let cell = occupied.number(place.cell);
        let (nearest, this) = (&nearest[cell as usize], u64::from(place.distance.to_bits()) << 32 | vertex as u64);
        if this < nearest.load(Ordering::Relaxed) {
            nearest.fetch_min(this, Ordering::Relaxed);
        }
        cell
    };
    let cells: Vec<u32> = places.par_iter().enumerate().with_min_len(PART).map(number).collect();
    let (triangles, _) = primitive.indices.as_chunks::<3>();
    #[expect(clippy::needless_bitwise_bool, reason = "the conjunction is easier to predict than its parts")]
    let found: Vec<Vec<[u32; 3]>> = triangles
        .par_chunks(PART)
        .map(|part| {
            let corners = part.iter().map(|triangle| triangle.map(|corner| cells[corner as usize]));
            corners.filter(|[a, b, c]| (a != b) & (b != c) & (c != a)).collect()
        })
        .collect();
    let mut numbers = vec![NONE; occupied.count];
    let mut kept = Vec::new();
    let mut indices = sorted(&once_each(&found.concat()), occupied.count);
    for index in &mut indices {
        let number = &mut numbers[*index as usize];
        if *number == NONE {
            *number = kept.len() as u32;
            kept.push(nearest[*index as usize].load(Ordering::Relaxed) as u32);
        }
        *index = *number;
    }
    Thinned { indices, kept }
}

/// Removes repeated triangles, regardless of the corner at which they start.
fn once_each(triangles: &[[u32; 3]]) -> Vec<[u32; 3]> {
    let slots = (triangles.len() * 2).next_power_of_two();
    let mut table = vec![NONE; slots];
    let mut once: Vec<[u32; 3]> = Vec::with_capacity(triangles.len());
    'triangles: for &[a, b, c] in triangles {
        let turned = if a < b && a < c {
            [a, b, c]
        } else if b < c {
            [b, c, a]
        } else {
            [c, a, b]
        };
        let mut slot = hash(turned) as usize & (slots - 1);
        while table[slot] != NONE {
            if once[table[slot] as usize] == turned {
                continue 'triangles;
            }
            slot = (slot + 1) & (slots - 1);
        }
        table[slot] = once.len() as u32;
        once.push(turned);
    }
    once
}

/// Sorts triangles by the first corner, which is one of `cells`.
fn sorted(triangles: &[[u32; 3]], cells: usize) -> Vec<u32> {
    let mut ends = vec![0; cells + 1];
    for [first, ..] in triangles {
        ends[*first as usize + 1] += 1;
    }
    for cell in 0..cells {
        ends[cell + 1] += ends[cell];
    }
    let mut sorted = vec![[0; 3]; triangles.len()];
    for triangle in triangles {
        let end = &mut ends[triangle[0] as usize];
        sorted[*end] = *triangle;
        *end += 1;
    }
    sorted.into_flattened()
}

/// Multiplies with odd factors without a pattern. The upper half of the product is mixed best.
fn hash([a, b, c]: [u32; 3]) -> u64 {
    let pair = (u64::from(a) << 32 | u64::from(b)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (pair ^ u64::from(c)).wrapping_mul(0xd6e8_feb8_6659_fd93) >> 32
}

#[cfg(test)]
mod tests;
