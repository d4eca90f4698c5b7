//! Combines frames in motion with the ones before them: on the processor here, by kernels in [`device`].
//!
//! A rendered frame has one sample per cell, which is a square of 2x2 pixels or a single one, at another position in
//! each frame. Each pixel follows the motion of its surface back to the frame before and takes over what was there,
//! provided that the same surface was visible. The samples of several frames thus add up to the full size and to smooth
//! edges.
//!
//! ```text
//!   samples, guide ──cells──▶ motion, validity, range and correction of each cell ──pixels──▶ frame, history
//!                                                                history before ──┘
//! ```
//!
//! Highlights move differently from the surfaces that show them. Each new sample is therefore compared with what the
//! history predicts in its place: differences that neighbours share correct the history at once, and where samples and
//! history disagree, the history counts less. A view that has not changed needs neither, and is averaged.
//!
//! Luma has the full size. Chroma has half of it, as in the result.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod cells;
pub(crate) mod device;
mod lanes;
mod pixels;
pub(crate) mod seen;

use crate::frame::Size;
use crate::kernels::shared::{FINISHED_WEIGHT, SURFACE_NUMBER, SURFACE_TOUCHED, WEIGHT_STEPS};
use crate::passes::motion::HistoryFrame;
use cells::Cells;
use pixels::Rows;
use seen::Guide;

/// Unused weights behind the last one, because four are read at a time.
const WEIGHTS_MORE: usize = 3;
/// Weight of a pixel of a finished frame, as it is stored.
const FINISHED: u8 = (FINISHED_WEIGHT * WEIGHT_STEPS) as u8;

/// The history after one frame.
#[derive(Debug, Default)]
struct State {
    size: Size,
    /// Luma of every pixel, times 256.
    luma: Vec<u16>,
    /// Sum of the weights of the samples in each pixel, times [`WEIGHT_STEPS`].
    weights: Vec<u8>,
    /// Chroma of 2x2 pixels, times 256.
    chroma: [Vec<u16>; 2],
    cells: Size,
    cell_pixels: u32,
    /// Motion of each cell to its place in the frame before, column in the lower half, in `1/MOTION_STEPS` pixel.
    motion: Vec<u32>,
    own: Surfaces,
    /// The nearest surfaces among each cell and its neighbours.
    nearest: Surfaces,
}

/// The surfaces that cells show.
#[derive(Debug, Default)]
struct Surfaces {
    /// Number of the instance, above 0, and flags; 0 is the background.
    ids: Vec<u32>,
    /// Depth in the upper half, as the upper half of a float.
    depths: Vec<u32>,
}

/// A plain background, which every frame shows in the same place.
#[derive(Debug, Default)]
struct Backdrop {
    luma: Vec<u8>,
    chroma: [Vec<u8>; 2],
}

/// The history of a stream.
#[derive(Debug, Default)]
pub(crate) struct Accumulator {
    last: Option<State>,
    /// Memory for the next state.
    spare: State,
    cells: Cells,
    rows: Rows,
    backdrop: Option<(Size, Backdrop)>,
}

/// The planes of an I420 frame that are written.
pub(crate) struct Planes<'a> {
    pub luma: &'a mut [u8],
    pub chroma: [&'a mut [u8]; 2],
}

/// The planes of an I420 frame that are read. Luma has one value per cell, and chroma one per 2x2 pixels.
#[derive(Clone, Copy)]
pub(crate) struct Samples<'a> {
    pub luma: &'a [u8],
    pub chroma: [&'a [u8]; 2],
}

impl Accumulator {
    /// Forgets the history and frees its memory.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Returns whether the background of frames of this size has been set.
    pub(crate) fn knows_backdrop(&self, size: Size) -> bool {
        self.backdrop.as_ref().is_some_and(|(known, _)| *known == size)
    }

    /// Sets the background of frames of this size.
    pub(crate) fn set_backdrop(&mut self, size: Size, planes: Samples<'_>) {
        let backdrop = Backdrop { luma: planes.luma.to_vec(), chroma: planes.chroma.map(<[u8]>::to_vec) };
        self.backdrop = Some((size, backdrop));
    }

    /// Begins a history with a finished frame of the stream's size.
    pub(crate) fn begin(&mut self, frame: &HistoryFrame, guide: Guide<'_>, finished: Samples<'_>) {
        let mut state = std::mem::take(&mut self.spare);
        state.describe(frame, guide);
        widen(finished.luma, &mut state.luma);
        state.weights.clear();
        state.weights.resize(finished.luma.len() + WEIGHTS_MORE, FINISHED);
        for (plane, from) in state.chroma.iter_mut().zip(finished.chroma) {
            widen(from, plane);
        }
        self.cells.reduce(&mut state, None, frame);
        self.spare = self.last.replace(state).unwrap_or_default();
    }

    /// Combines a frame with the history, which then ends with it. Returns the share of the pixels that are new or
    /// taken from the history.
    pub(crate) fn advance(
        &mut self,
        frame: &HistoryFrame,
        guide: Guide<'_>,
        samples: Samples<'_>,
        into: Planes<'_>,
    ) -> f32 {
        let mut state = std::mem::take(&mut self.spare);
        state.describe(frame, guide);
        let count = state.size.pixels() as usize;
        state.luma.resize(count, 0);
        state.weights.resize(count + WEIGHTS_MORE, 0);
        for plane in &mut state.chroma {
            plane.resize(count / 4, 0);
        }
        let last = self.last.as_ref().filter(|last| frame.continues && last.size == state.size);
        if let Some(last) = last.filter(|last| frame.still && last.cells == state.cells) {
            state.keep(last, &frame.changed);
        }
        let backdrop = self.backdrop.as_ref().filter(|(size, _)| *size == state.size && frame.plain_background);
        let backdrop = backdrop.map(|(_, backdrop)| backdrop);
        self.cells.reduce(&mut state, Some(samples.luma), frame);
        self.cells.judge(frame, &state, last, samples.luma, backdrop.is_some());
        let valid = self.rows.luma(frame, &self.cells, samples.luma, last, &mut state, backdrop, into.luma);
        for plane in 0..2 {
            let into = &mut *into.chroma[plane];
            pixels::chroma(plane, &self.cells, samples.chroma[plane], last, &mut state, backdrop, into);
        }
        self.spare = self.last.replace(state).unwrap_or_default();
        valid as f32 / count as f32
    }
}

impl State {
    /// Takes over surfaces from the frame before, which showed the same view and may have seen thin parts that the
    /// samples of this frame miss. Cells that a changed instance covers now, or covered then, are marked and keep the
    /// surfaces of this frame.
    fn keep(&mut self, last: &State, changed: &[u32]) {
        let has_changed = |surface: u32| {
            let index = (surface & SURFACE_NUMBER).wrapping_sub(1);
            changed.get(index as usize / 32).is_some_and(|bits| bits >> (index % 32) & 1 != 0)
        };
        let own = self.own.ids.iter_mut().zip(&mut self.own.depths).zip(&mut self.motion);
        for (((id, depths), motion), (before, depths_before)) in own.zip(last.own.ids.iter().zip(&last.own.depths)) {
            if *id == 0 && *before == 0 {
                continue;
            }
            if has_changed(*id) || has_changed(*before) {
                *id |= SURFACE_TOUCHED;
            } else if depths_before >= depths {
                *id = before & SURFACE_NUMBER;
                // A surface that rests keeps its depth.
                *depths = depths_before & 0xffff_0000 | depths_before >> 16;
                *motion = 0;
            }
        }
    }

    /// Takes over the guide of a frame.
    fn describe(&mut self, frame: &HistoryFrame, guide: Guide<'_>) {
        self.size = Size::new(frame.cells.width * frame.cell_pixels, frame.cells.height * frame.cell_pixels);
        (self.cells, self.cell_pixels) = (frame.cells, frame.cell_pixels);
        let words = match guide {
            Guide::Described(bytes) => bytes.as_chunks::<4>().0,
            Guide::Seen(frame, bytes) => return frame.describe(bytes, self),
        };
        let cells = frame.cells.pixels() as usize;
        let copy = |from: &[[u8; 4]], into: &mut Vec<u32>| {
            into.clear();
            into.extend(from.iter().map(|bytes| u32::from_le_bytes(*bytes)));
        };
        copy(&words[cells..2 * cells], &mut self.own.depths);
        copy(&words[2 * cells..], &mut self.own.ids);
        copy(&words[..cells], &mut self.motion);
    }

    /// Returns width and height in pixels.
    #[inline(always)]
    fn size_usize(&self) -> [usize; 2] {
        [self.size.width as usize, self.size.height as usize]
    }
}

fn widen(from: &[u8], into: &mut Vec<u16>) {
    into.clear();
    into.extend(from.iter().map(|value| u16::from(*value) << 8));
}
