//! What is drawn in a frame: a cut through each mesh's levels of detail, as fine as pixels can show. Pure.
//!
//! ```text
//!   instances ─┬─ in the view? ─ tree ─┬─ error too large? ─ groups ─┬─ on the device? ─┬─ finer ones not drawn? ─▶ entries
//!              └─ hidden               └─ fine enough                └─ wanted          └─ outside, turned away
//! ```
//!
//! A group is refined if its error, in pixels, is more than is allowed and its page is usable; what is drawn are the
//! clusters of refined groups that stand for groups which are not (`remora_build::detail`). A group that should be
//! refined and cannot be yet is wanted, and what stands for it is drawn.
//!
//! An entry is a pair of instance and cluster; its number times 128 plus the triangle's is the id that the
//! visibility buffer holds. Runs are entries that one kernel shades; batches are entries that one dispatch
//! rasterises, a workgroup each. What the frame before hid is numbered like everything else, but put off: the device
//! draws it only if it is not hidden in this frame too.

mod cut;
pub(crate) mod depth_pyramid;
pub(crate) mod screen_bounds;

use std::ops::Range;

use rayon::prelude::*;

use self::cut::Cut;
use crate::residency::pages::{FrameNumber, PageRequest};
use crate::residency::selectable::{SelectableInstance, SelectableModel};
use crate::select::depth_pyramid::{DepthPyramid, ReprojectedPyramid};
use crate::select::screen_bounds::ScreenBounds;
use crate::surface::{DrawKey, Phase, Shading};
use crate::view::{Sphere, View};

/// Entries are numbered within 25 bits; 0 is nothing.
pub(crate) const ENTRIES_MAX: usize = (1 << 25) - 1;

/// Entries of one key, all in one piece.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    pub key: DrawKey,
    pub entries: Range<u32>,
}

/// Entries of one key for one dispatch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Batch {
    pub key: DrawKey,
    /// What is drawn at once, in [`Selection::numbers`].
    pub chosen: Range<u32>,
    /// What is not, in [`Selection::candidates`].
    pub deferred: Range<u32>,
    /// Number among the batches that have any.
    pub deferring: u32,
    /// Nothing in it is for the queue.
    pub small: bool,
    /// The queue must be drawn before the next batch, which could overfill it or needs other bindings.
    pub flush: bool,
}

/// The result; kept from frame to frame so that nothing is allocated while the scene stays.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// Instance, with a bit for mirrored ones, and cluster on the device. The first is a blank.
    pub entries: Vec<[u32; 2]>,
    pub runs: Vec<Run>,
    pub batches: Vec<Batch>,
    /// Entries that are drawn at once, batch by batch.
    pub numbers: Vec<u32>,
    /// Entries that were hidden a frame ago, batch by batch.
    pub candidates: Vec<Candidate>,
    /// Of the entries that are drawn at once; points count as triangles.
    pub triangles: u64,
    /// Of those, points.
    pub points: u64,
    /// Groups that should have been refined and were not on the device.
    pub wanted: Vec<PageRequest>,
    /// Counts frames.
    pub frame: FrameNumber,
    /// Entries that are not blended.
    pub solid: u32,
    /// Where those may be seen, and where those that are.
    pub solid_reach: ScreenBounds,
    pub blended_reach: ScreenBounds,
    /// What is found of each share of the instances; in the end the first holds all of it.
    harvests: Vec<SelectionChunk>,
    share_length: ShareLength,
    threads: Threads,
}

/// Instances that one thread looks at in one go.
#[derive(Debug)]
struct ShareLength(usize);

impl Default for ShareLength {
    /// Some tenths of a millisecond.
    fn default() -> Self {
        Self(4096)
    }
}

/// The threads that look at many instances. The caller's pool would not do: whoever has long work there would be
/// waited for.
#[derive(Debug, Default)]
enum Threads {
    #[default]
    Unasked,
    Pool(rayon::ThreadPool),
    /// There cannot be any.
    Refused,
}

impl Threads {
    fn run(&mut self, work: impl FnOnce() + Send) {
        if matches!(self, Threads::Unasked) {
            let pool = rayon::ThreadPoolBuilder::new().thread_name(|index| format!("select {index}")).build();
            *self = pool.map_or(Threads::Refused, Threads::Pool);
        }
        match self {
            Threads::Pool(pool) => pool.install(work),
            Threads::Unasked | Threads::Refused => work(),
        }
    }
}

/// What was found of some instances. In lines of its own: each thread writes to one all the time.
#[derive(Debug, Default)]
#[repr(align(128))]
struct SelectionChunk {
    /// Per key, first what is small, then what is large.
    found: Vec<[Vec<SelectedCluster>; 2]>,
    /// No more than can be numbered in all.
    count: usize,
    wanted: Vec<PageRequest>,
    /// Tree nodes that are still to be looked at.
    open: Vec<u32>,
    solid_reach: ScreenBounds,
    blended_reach: ScreenBounds,
}

impl SelectionChunk {
    fn clear(&mut self, keys: usize) {
        self.found.iter_mut().flatten().for_each(Vec::clear);
        self.found.resize_with(keys, Default::default);
        self.count = 0;
        self.wanted.clear();
        (self.solid_reach, self.blended_reach) = Default::default();
    }

    /// Puts what another one holds behind its own.
    fn append(&mut self, other: &mut SelectionChunk) {
        for (own, more) in self.found.iter_mut().flatten().zip(other.found.iter_mut().flatten()) {
            own.append(more);
        }
        self.wanted.append(&mut other.wanted);
        self.solid_reach = self.solid_reach.with(other.solid_reach);
        self.blended_reach = self.blended_reach.with(other.blended_reach);
    }
}

/// Bit of an entry's first word.
const MIRRORED: u32 = 1 << 31;
/// The other bits: the instance.
pub(crate) const INSTANCE_MASK: u32 = MIRRORED - 1;

#[derive(Clone, Copy, Debug)]
struct SelectedCluster {
    instance: u32,
    cluster: u32,
    triangles: u32,
    distance: f32,
    /// Around it in the world, relative to the eye, with room for what rounding may cost.
    sphere: Sphere,
}

/// An entry that is drawn only if the device does not find it hidden, as cull.wgsl reads it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Candidate {
    pub sphere: Sphere,
    pub number: u32,
    /// Among the batches that have candidates.
    pub batch: u32,
    /// First candidate of the batch.
    pub first: u32,
    pub triangles: u32,
}

/// What a frame may show and cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SelectionLimits {
    /// What simplified geometry may differ by, on the screen.
    pub error_pixels: f32,
    /// Blended surfaces are wanted.
    pub blended: bool,
    /// Clusters up to so many pixels hold no triangle for the queue.
    pub small_pixels: f32,
    /// Records in the queue of large triangles.
    pub queue_length: u32,
}

impl Selection {
    /// Selects for a view. What `horizon` hides is put off.
    pub(crate) fn select(
        &mut self,
        keys: &[DrawKey],
        models: &[SelectableModel],
        instances: &[SelectableInstance],
        view: &View,
        limits: SelectionLimits,
        horizon: Option<&DepthPyramid>,
    ) {
        self.frame += 1;
        let frame = self.frame;
        let look = |harvest: &mut SelectionChunk, first: usize, instances: &[SelectableInstance]| {
            harvest.clear(keys.len());
            let mut cut = Cut { view, limits, keys, frame, harvest };
            for (index, instance) in (first as u32..).zip(instances) {
                let Some(mode) = instance.mode else { continue };
                cut.through(index, instance, mode, &models[instance.model as usize]);
            }
        };
        let mut harvests = std::mem::take(&mut self.harvests);
        let length = self.share_length.0;
        harvests.resize_with(instances.len().div_ceil(length).max(1), SelectionChunk::default);
        let (all, rest) = harvests.split_at_mut(1);
        let all = &mut all[0];
        if rest.is_empty() {
            look(all, 0, instances);
        } else {
            let shares = std::slice::from_mut(all).par_iter_mut().chain(rest.par_iter_mut()).enumerate();
            let shares = shares.zip(instances.par_chunks(length));
            self.threads.run(|| shares.for_each(|((index, harvest), share)| look(harvest, index * length, share)));
            rest.iter_mut().for_each(|harvest| all.append(harvest));
        }
        (self.solid_reach, self.blended_reach) = (all.solid_reach, all.blended_reach);
        self.wanted.clear();
        self.wanted.append(&mut all.wanted);
        let found = &mut all.found;
        let mut room = ENTRIES_MAX;
        for list in found.iter_mut().flatten() {
            list.truncate(room);
            room -= list.len();
        }
        // What is near hides what is far, but only large triangles are worth asking.
        for [_, large] in found.iter_mut() {
            large.sort_by(|one, other| one.distance.total_cmp(&other.distance));
        }
        let horizon = horizon.map(|horizon| horizon.from(view.eye));
        self.arrange(keys, found, limits.queue_length, horizon.as_ref());
        self.harvests = harvests;
    }

    /// Numbers what was found, key by key.
    fn arrange(
        &mut self,
        keys: &[DrawKey],
        found: &[[Vec<SelectedCluster>; 2]],
        queue_length: u32,
        horizon: Option<&ReprojectedPyramid<'_>>,
    ) {
        self.numbers.clear();
        self.candidates.clear();
        self.solid = 0;
        self.entries.clear();
        self.entries.push([0, 0]);
        self.runs.clear();
        self.batches.clear();
        self.triangles = 0;
        self.points = 0;
        let mut queued = 0;
        let mut deferring = 0;
        for (key, [small, large]) in keys.iter().zip(found) {
            if small.is_empty() && large.is_empty() {
                continue;
            }
            // What is queued by a masked triangle can only be drawn with the bindings of its key.
            let together = |last: &Batch| last.key.phase == key.phase && key.phase != Phase::Mask;
            if self.batches.last().is_some_and(|last| !together(last)) {
                self.flush(&mut queued);
            }
            let first = self.entries.len() as u32;
            // What is blended is seen in front of everything, and not worth asking.
            let horizon = horizon.filter(|_| key.phase != Phase::Blend);
            self.number_batch(*key, small, true, horizon, &mut deferring);
            let mut piece = 0;
            for (index, one) in large.iter().enumerate() {
                if queued + one.triangles > queue_length {
                    self.number_batch(*key, &large[piece..index], false, horizon, &mut deferring);
                    self.flush(&mut queued);
                    piece = index;
                }
                queued += one.triangles;
            }
            self.number_batch(*key, &large[piece..], false, horizon, &mut deferring);
            let entries = first..self.entries.len() as u32;
            if key.phase != Phase::Blend {
                self.solid += entries.len() as u32;
            }
            self.runs.push(Run { key: *key, entries });
        }
        self.flush(&mut queued);
    }

    /// `deferring` counts batches with candidates.
    fn number_batch(
        &mut self,
        key: DrawKey,
        found: &[SelectedCluster],
        small: bool,
        horizon: Option<&ReprojectedPyramid<'_>>,
        deferring: &mut u32,
    ) {
        if found.is_empty() {
            return;
        }
        let (chosen, deferred) = (self.numbers.len() as u32, self.candidates.len() as u32);
        for one in interleaved(found) {
            let number = self.entries.len() as u32;
            self.entries.push([one.instance, one.cluster]);
            if horizon.is_some_and(|horizon| horizon.hides(one.sphere)) {
                let (sphere, triangles) = (one.sphere, one.triangles);
                self.candidates.push(Candidate { sphere, number, batch: *deferring, first: deferred, triangles });
            } else {
                self.numbers.push(number);
                self.triangles += u64::from(one.triangles);
                self.points += if key.shading == Shading::Points { one.triangles.into() } else { 0 };
            }
        }
        let batch = Batch {
            key,
            chosen: chosen..self.numbers.len() as u32,
            deferred: deferred..self.candidates.len() as u32,
            deferring: *deferring,
            small,
            flush: false,
        };
        *deferring += u32::from(!batch.deferred.is_empty());
        self.batches.push(batch);
    }

    fn flush(&mut self, queued: &mut u32) {
        *queued = 0;
        if let Some(last) = self.batches.last_mut() {
            last.flush = true;
        }
    }

    pub(crate) fn runs_of(&self, phases: &[Phase]) -> impl Iterator<Item = &Run> + Clone {
        self.runs.iter().filter(move |run| phases.contains(&run.key.phase))
    }

    /// Batches with candidates.
    pub(crate) fn deferring_batches(&self) -> u32 {
        self.candidates.last().map_or(0, |last| last.batch + 1)
    }

    pub(crate) fn batches_of(&self, phases: &[Phase]) -> impl Iterator<Item = &Batch> {
        self.batches.iter().filter(move |batch| phases.contains(&batch.key.phase))
    }
}

/// Software adapters give each thread one piece of a dispatch. Neighbours in the list cost about the same, so they go
/// to different pieces.
fn interleaved(found: &[SelectedCluster]) -> impl Iterator<Item = &SelectedCluster> {
    const PIECES: usize = 8;
    (0..PIECES).flat_map(move |piece| found.iter().skip(piece).step_by(PIECES))
}

#[cfg(test)]
mod tests;
