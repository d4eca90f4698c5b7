//! Frames in flight: those with slices that are left to submit, and reading back those that are finished.

use std::collections::VecDeque;

use crate::device::graphics::Graphics;
use crate::frame::{FrameDone, FrameRequest, FrameTimings, History, RenderError, RenderedFrame};
use crate::output::history::seen::Guide;
use crate::output::history::{Accumulator, Planes, Samples};
use crate::output::outline::{Marks, OutlinePainter};
use crate::output::readback_layout::ReadbackLayout;
use crate::output::readback_ring::wait_for;
use crate::output::yuv::Converter;
use crate::passes::motion::HistoryFrame;
use crate::passes::occlusion::{Occlusion, OcclusionQuery};
use crate::passes::pick::Pick;
use crate::passes::profile::Profile;
use crate::passes::seen::SeenFrame;
use crate::passes::sliced_encoder::SliceLengths;
use crate::passes::targets::gradient;
use crate::timing::Stopwatch;
use crate::view::View;

/// A submitted frame.
#[derive(Debug)]
pub(super) struct SubmittedFrame {
    pub(super) request: FrameRequest,
    pub(super) layout: ReadbackLayout,
    /// True if the readback has the requested format and size.
    pub(super) finished: bool,
    /// True if the device counts the pixels that are neither new nor taken from the history.
    pub(super) counts_missing: bool,
    pub(super) in_slices: bool,
    pub(super) timings: FrameTimings,
    pub(super) stopwatch: Stopwatch,
    /// Triangles drawn without a query.
    pub(super) triangles: u64,
    pub(super) points: u64,
    pub(super) clusters: u32,
    pub(super) pages_missing: usize,
    pub(super) query: Option<OcclusionQuery>,
    pub(super) pick: Option<Pick>,
    /// The view, and the frame's part in the history.
    pub(super) history: Option<(View, HistoryFrame)>,
    /// Set if the processor describes the motion of the frame.
    pub(super) seen: Option<SeenFrame>,
}

/// A frame with slices that have not been submitted.
#[derive(Debug)]
pub(super) struct SlicedFrame {
    pub(super) slices: VecDeque<wgpu::CommandBuffer>,
    /// Submission of the most recent slice.
    pub(super) submission: wgpu::SubmissionIndex,
    pub(super) readback: wgpu::Buffer,
    pub(super) readback_bytes: u64,
    pub(super) submitted: SubmittedFrame,
}

impl SlicedFrame {
    /// Waits for the slice in progress and submits the next one. Returns `true` if none is left.
    pub(super) fn proceed(&mut self, graphics: &Graphics) -> Result<bool, RenderError> {
        wait_for(graphics, self.submission.clone())?;
        if let Some(slice) = self.slices.pop_front() {
            self.submission = graphics.queue.submit([slice]);
        }
        Ok(self.slices.is_empty())
    }
}

/// Makes images of readbacks. Keeps the history on the processor, and what was measured.
#[derive(Default)]
pub(super) struct Reader {
    /// The lengths of slices that fit the last frame in slices.
    pub(super) slice_lengths: SliceLengths,
    converter: Converter,
    history: Accumulator,
    painter: OutlinePainter,
}

impl Reader {
    /// Forgets the history and frees its memory.
    pub(super) fn forget_history(&mut self) {
        self.history.forget();
        self.painter = OutlinePainter::default();
    }

    /// Reads the readback of a finished frame, and stores the image in `into`.
    pub(super) fn read(
        &mut self,
        mut submitted: SubmittedFrame,
        bytes: &[u8],
        profile: &Profile,
        occlusion: &mut Occlusion,
        into: &mut RenderedFrame,
    ) -> FrameDone {
        submitted.timings.draw = submitted.stopwatch.lap();
        let [pixels, marks, totals, missing, picked, depths, guide, mask] = submitted.layout.split(bytes);
        let query = submitted.query.as_ref();
        let survivors = query.map(|query| occlusion.evaluate(query, totals, depths)).unwrap_or_default();
        let tested = query.map_or(0, |query| query.candidates);
        let stages = profile.read(marks);
        submitted.timings.raster = stages.raster;
        submitted.timings.shade = stages.shade;
        submitted.timings.blend = stages.blend;
        if submitted.in_slices {
            self.slice_lengths = SliceLengths::fitting(submitted.clusters, stages.raster, stages.shade);
        }
        let request = &submitted.request;
        let mut valid_share = 1.0;
        if submitted.finished {
            into.width = request.stream_size.width;
            into.height = request.stream_size.height;
            into.data.clear();
            into.data.extend_from_slice(pixels);
            if submitted.counts_missing {
                let missing = u32::from_le_bytes(missing.try_into().expect("the part has four bytes"));
                valid_share = 1.0 - missing as f32 / request.stream_size.pixels() as f32;
            }
        } else if let Some((_, frame)) = &submitted.history {
            let guide = submitted.seen.as_ref().map_or(Guide::Described(guide), |seen| Guide::Seen(seen, guide));
            valid_share = self.combine(request, frame, pixels, guide, into);
        } else {
            self.converter.convert(pixels, request.render_size, request.stream_size, request.format, into);
        }
        if let Some((_, frame)) = submitted.history.as_ref().filter(|_| !mask.is_empty()) {
            let (size, samples) = (request.render_size, request.samples.count());
            let HistoryFrame { jitter, continues, unchanged, .. } = *frame;
            let marks = Marks { words: mask, size, samples, jitter, continues, unchanged };
            self.painter.draw(&marks, request.options.outline_color, into);
        }
        submitted.timings.convert = submitted.stopwatch.lap();
        FrameDone {
            serial: request.serial,
            timings: submitted.timings,
            triangles_drawn: submitted.triangles + u64::from(survivors.triangles),
            points_drawn: submitted.points,
            clusters_drawn: submitted.clusters + survivors.clusters,
            clusters_tested: tested,
            clusters_occluded: tested.saturating_sub(survivors.clusters),
            pages_missing: submitted.pages_missing,
            valid_share,
            picked: submitted.pick.as_ref().and_then(|pick| pick.read(picked)),
        }
    }

    /// Converts a frame of the history. Returns the share of its pixels that are new or valid.
    fn combine(
        &mut self,
        request: &FrameRequest,
        frame: &HistoryFrame,
        pixels: &[u8],
        guide: Guide<'_>,
        into: &mut RenderedFrame,
    ) -> f32 {
        let Self { converter, history, .. } = self;
        let size = request.stream_size;
        (into.width, into.height) = (size.width, size.height);
        // Every byte is written below.
        into.data.resize(size.pixels() as usize * 3 / 2, 0);
        if !history.knows_backdrop(size) {
            let [luma, u, v] = converter.planes(&gradient(size), size, size);
            history.set_backdrop(size, Samples { luma, chroma: [u, v] });
        }
        let [luma, u, v] = converter.planes(pixels, request.render_size, size);
        let (into_luma, chroma) = into.data.split_at_mut(size.pixels() as usize);
        let (into_u, into_v) = chroma.split_at_mut(size.pixels() as usize / 4);
        if request.options.history == History::Begin {
            into_luma.copy_from_slice(luma);
            into_u.copy_from_slice(u);
            into_v.copy_from_slice(v);
            history.begin(frame, guide, Samples { luma, chroma: [u, v] });
            return 1.0;
        }
        let planes = Planes { luma: into_luma, chroma: [into_u, into_v] };
        history.advance(frame, guide, Samples { luma, chroma: [u, v] }, planes)
    }
}
