//! The selection of a frame: a cut through each mesh's levels of detail whose error stays below the permitted one.
//! Pure.
//!
//! ```text
//!   instances ─┬─ in view? ─ tree ─┬─ error too large? ─ groups ─┬─ page usable? ─┬─ no finer group? ─▶ entries
//!              └─ hidden           └─ fine enough                └─ requested     └─ outside, facing away
//! ```
//!
//! A group is refined if its error in pixels exceeds the permitted one and its page is usable. The clusters drawn are
//! those of refined groups that replace groups which are not (`remora_build::detail`). If a group should be
//! refined but its page is missing, the page is requested and the coarser clusters are drawn.
//!
//! An entry is a pair of instance and cluster. The id in the visibility buffer is the number of an entry times 128 plus
//! the number of the triangle. A run is the entries that one kernel shades; a batch is the entries that one dispatch
//! rasterises, with one workgroup each. Entries that an earlier frame found hidden are numbered like the others but
//! deferred: the device draws them only if they are visible in this frame.

mod cut;
pub(crate) mod depth_pyramid;
pub(crate) mod screen_bounds;

use std::ops::Range;

use rayon::prelude::*;

use self::cut::Cut;
use crate::kernels::shared::Candidate;
use crate::residency::pages::{FrameNumber, PageRequest};
use crate::residency::selectable::{SelectableInstance, SelectableModel};
use crate::select::depth_pyramid::{DepthPyramid, ReprojectedPyramid};
use crate::select::screen_bounds::ScreenBounds;
use crate::surface::{DrawKey, Phase, Shading};
use crate::view::{Sphere, View};

/// Largest number of entries: ids have 25 bits for it, and entry 0 is empty.
pub(crate) const ENTRIES_MAX: usize = (1 << 25) - 1;

/// Consecutive entries of one key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    pub key: DrawKey,
    pub entries: Range<u32>,
}

/// Entries for one dispatch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Batch {
    /// Key of the first entry. Those of the others rasterise like it.
    pub key: DrawKey,
    /// Entries that are drawn at once, as a range of [`Selection::numbers`].
    pub chosen: Range<u32>,
    /// Entries that are tested first, as a range of [`Selection::candidates`].
    pub deferred: Range<u32>,
    /// Index among the batches with candidates.
    pub deferring: u32,
    /// True if no triangle of the batch goes to the queue.
    pub small: bool,
    /// True if the queue must be drawn before the next batch, which could overfill it or needs other bindings.
    pub flush: bool,
}

/// The result of the selection. It is reused from frame to frame, so that a still scene allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// Instance, with a bit for mirrored ones, and cluster on the device. The first entry is empty.
    pub entries: Vec<[u32; 2]>,
    pub runs: Vec<Run>,
    pub batches: Vec<Batch>,
    /// Entries that are drawn at once, batch by batch.
    pub numbers: Vec<u32>,
    /// Entries that an earlier frame found hidden, batch by batch.
    pub candidates: Vec<Candidate>,
    /// Triangles and points of the entries that are drawn at once.
    pub triangles: u64,
    /// Points among them.
    pub points: u64,
    /// Pages of groups that should have been refined.
    pub wanted: Vec<PageRequest>,
    /// Number of this selection.
    pub frame: FrameNumber,
    /// Entries that are not blended.
    pub solid: u32,
    /// Pixels that solid entries can cover.
    pub solid_bounds: ScreenBounds,
    pub blended_bounds: ScreenBounds,
    /// Small and large clusters of the keys that are being made into batches.
    group: [Vec<NumberedCluster>; 2],
    /// Clusters selected from each portion of the instances. In the end the first chunk holds all of them.
    chunks: Vec<SelectionChunk>,
    task_length: TaskLength,
    threads: Threads,
}

/// Number of instances in one task of a thread.
#[derive(Debug)]
struct TaskLength(usize);

impl Default for TaskLength {
    /// Returns a length that takes some tenths of a millisecond.
    fn default() -> Self {
        Self(4096)
    }
}

/// The threads that select among many instances. The caller's pool is not used, because long tasks there would delay
/// the frame.
#[derive(Debug, Default)]
enum Threads {
    #[default]
    NotStarted,
    Pool(rayon::ThreadPool),
    /// The pool could not be created.
    Unavailable,
}

impl Threads {
    fn run(&mut self, work: impl FnOnce() + Send) {
        if matches!(self, Threads::NotStarted) {
            let pool = rayon::ThreadPoolBuilder::new().thread_name(|index| format!("select {index}")).build();
            *self = pool.map_or(Threads::Unavailable, Threads::Pool);
        }
        match self {
            Threads::Pool(pool) => pool.install(work),
            Threads::NotStarted | Threads::Unavailable => work(),
        }
    }
}

/// Clusters selected from some of the instances. The alignment prevents false sharing, because each thread writes to
/// its own chunk constantly.
#[derive(Debug, Default)]
#[repr(align(128))]
struct SelectionChunk {
    /// Small and large clusters of each key.
    found: Vec<[Vec<SelectedCluster>; 2]>,
    /// At most [`ENTRIES_MAX`].
    count: usize,
    wanted: Vec<PageRequest>,
    /// Nodes of the tree that remain to be visited.
    open: Vec<u32>,
    solid_bounds: ScreenBounds,
    blended_bounds: ScreenBounds,
}

impl SelectionChunk {
    fn clear(&mut self, keys: usize) {
        self.found.iter_mut().flatten().for_each(Vec::clear);
        self.found.resize_with(keys, Default::default);
        self.count = 0;
        self.wanted.clear();
        (self.solid_bounds, self.blended_bounds) = Default::default();
    }

    /// Appends the content of another chunk.
    fn append(&mut self, other: &mut SelectionChunk) {
        for (own, more) in self.found.iter_mut().flatten().zip(other.found.iter_mut().flatten()) {
            own.append(more);
        }
        self.wanted.append(&mut other.wanted);
        self.solid_bounds = self.solid_bounds.with(other.solid_bounds);
        self.blended_bounds = self.blended_bounds.with(other.blended_bounds);
    }
}

#[derive(Clone, Copy, Debug)]
struct SelectedCluster {
    instance: u32,
    cluster: u32,
    triangles: u32,
    distance: f32,
    /// Bounding sphere relative to the eye, with a margin for rounding.
    sphere: Sphere,
}

/// A selected cluster and the number of its entry.
#[derive(Clone, Copy, Debug)]
struct NumberedCluster {
    number: u32,
    cluster: SelectedCluster,
}

/// Counters while batches are made.
#[derive(Debug, Default)]
struct BatchCounters {
    /// Triangles that the queue may have to hold.
    queued: u32,
    /// Batches with candidates.
    deferring: u32,
}

/// Limits of a selection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SelectionLimits {
    /// Largest permitted error of simplified geometry in pixels.
    pub error_pixels: f32,
    /// True if blended surfaces are drawn.
    pub blended: bool,
    /// Largest diameter in pixels of clusters that hold no triangle for the queue.
    pub small_pixels: f32,
    /// Number of records in the queue of large triangles.
    pub queue_length: u32,
}

impl Selection {
    /// Selects for a view. Clusters that `pyramid` hides are deferred.
    pub(crate) fn select(
        &mut self,
        keys: &[DrawKey],
        models: &[SelectableModel],
        instances: &[SelectableInstance],
        view: &View,
        limits: SelectionLimits,
        pyramid: Option<&DepthPyramid>,
    ) {
        self.frame.0 += 1;
        let frame = self.frame;
        let select_task = |chunk: &mut SelectionChunk, first: usize, instances: &[SelectableInstance]| {
            chunk.clear(keys.len());
            let mut cut = Cut { view, limits, keys, frame, chunk };
            for (index, instance) in (first as u32..).zip(instances) {
                let Some(mode) = instance.mode else { continue };
                cut.select(index, instance, mode, &models[instance.model as usize]);
            }
        };
        let mut chunks = std::mem::take(&mut self.chunks);
        let length = self.task_length.0;
        chunks.resize_with(instances.len().div_ceil(length).max(1), SelectionChunk::default);
        let (all, rest) = chunks.split_at_mut(1);
        let all = &mut all[0];
        if rest.is_empty() {
            select_task(all, 0, instances);
        } else {
            let tasks = std::slice::from_mut(all).par_iter_mut().chain(rest.par_iter_mut()).enumerate();
            let tasks = tasks.zip(instances.par_chunks(length));
            self.threads.run(|| tasks.for_each(|((index, chunk), task)| select_task(chunk, index * length, task)));
            rest.iter_mut().for_each(|chunk| all.append(chunk));
        }
        (self.solid_bounds, self.blended_bounds) = (all.solid_bounds, all.blended_bounds);
        self.wanted.clear();
        self.wanted.append(&mut all.wanted);
        let found = &mut all.found;
        let mut room = ENTRIES_MAX;
        for list in found.iter_mut().flatten() {
            list.truncate(room);
            room -= list.len();
        }
        let pyramid = pyramid.map(|pyramid| pyramid.from(view.eye));
        self.arrange(keys, found, limits.queue_length, pyramid.as_ref());
        self.chunks = chunks;
    }

    /// Numbers the selected clusters, key by key, and makes batches of them.
    fn arrange(
        &mut self,
        keys: &[DrawKey],
        found: &[[Vec<SelectedCluster>; 2]],
        queue_length: u32,
        pyramid: Option<&ReprojectedPyramid<'_>>,
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
        let mut counters = BatchCounters::default();
        let mut group: Option<DrawKey> = None;
        for (key, lists) in keys.iter().zip(found) {
            if lists.iter().all(Vec::is_empty) {
                continue;
            }
            if let Some(earlier) = group.filter(|earlier| !earlier.rasterises_like(*key)) {
                self.batch_group(earlier, queue_length, pyramid, &mut counters);
                // Queued triangles with a mask need the bindings of their key.
                if earlier.phase != key.phase || key.phase == Phase::Mask {
                    self.flush(&mut counters);
                }
                group = None;
            }
            group.get_or_insert(*key);
            let first = self.entries.len() as u32;
            for (group, list) in self.group.iter_mut().zip(lists) {
                for one in list {
                    group.push(NumberedCluster { number: self.entries.len() as u32, cluster: *one });
                    self.entries.push([one.instance, one.cluster]);
                }
            }
            let entries = first..self.entries.len() as u32;
            if key.phase != Phase::Blend {
                self.solid += entries.len() as u32;
            }
            self.runs.push(Run { key: *key, entries });
        }
        if let Some(key) = group {
            self.batch_group(key, queue_length, pyramid, &mut counters);
        }
        self.flush(&mut counters);
    }

    /// Makes batches of the numbered clusters of keys that rasterise like `key`.
    fn batch_group(
        &mut self,
        key: DrawKey,
        queue_length: u32,
        pyramid: Option<&ReprojectedPyramid<'_>>,
        counters: &mut BatchCounters,
    ) {
        // Blended clusters are rarely hidden, so they are not tested.
        let pyramid = pyramid.filter(|_| key.phase != Phase::Blend);
        let [mut small, mut large] = std::mem::take(&mut self.group);
        self.add_batch(key, &small, true, pyramid, counters);
        // Near clusters hide far ones, and drawing order matters only for large triangles.
        large.sort_by(|one, other| one.cluster.distance.total_cmp(&other.cluster.distance));
        let mut start = 0;
        for (index, one) in large.iter().enumerate() {
            let triangles = one.cluster.triangles;
            if counters.queued + triangles > queue_length {
                self.add_batch(key, &large[start..index], false, pyramid, counters);
                self.flush(counters);
                start = index;
            }
            counters.queued += triangles;
        }
        self.add_batch(key, &large[start..], false, pyramid, counters);
        small.clear();
        large.clear();
        self.group = [small, large];
    }

    fn add_batch(
        &mut self,
        key: DrawKey,
        found: &[NumberedCluster],
        small: bool,
        pyramid: Option<&ReprojectedPyramid<'_>>,
        counters: &mut BatchCounters,
    ) {
        if found.is_empty() {
            return;
        }
        let (chosen, deferred) = (self.numbers.len() as u32, self.candidates.len() as u32);
        let deferring = counters.deferring;
        for &NumberedCluster { number, cluster } in interleaved(found) {
            let SelectedCluster { sphere, triangles, .. } = cluster;
            if pyramid.is_some_and(|pyramid| pyramid.hides(sphere)) {
                self.candidates.push(Candidate { sphere, number, batch: deferring, first: deferred, triangles });
            } else {
                self.numbers.push(number);
                self.triangles += u64::from(triangles);
                self.points += if key.shading == Shading::Points { triangles.into() } else { 0 };
            }
        }
        let batch = Batch {
            key,
            chosen: chosen..self.numbers.len() as u32,
            deferred: deferred..self.candidates.len() as u32,
            deferring,
            small,
            flush: false,
        };
        counters.deferring += u32::from(!batch.deferred.is_empty());
        self.batches.push(batch);
    }

    fn flush(&mut self, counters: &mut BatchCounters) {
        counters.queued = 0;
        if let Some(last) = self.batches.last_mut() {
            last.flush = true;
        }
    }

    pub(crate) fn runs_of(&self, phases: &[Phase]) -> impl Iterator<Item = &Run> + Clone {
        self.runs.iter().filter(move |run| phases.contains(&run.key.phase))
    }

    /// Returns the number of batches with candidates.
    pub(crate) fn deferring_batches(&self) -> u32 {
        self.candidates.last().map_or(0, |last| last.batch + 1)
    }

    pub(crate) fn batches_of(&self, phases: &[Phase]) -> impl Iterator<Item = &Batch> {
        self.batches.iter().filter(move |batch| phases.contains(&batch.key.phase))
    }
}

/// Interleaves the clusters. Software adapters give each thread a contiguous part of a dispatch, and neighbours in the
/// list cost about the same.
fn interleaved<T>(found: &[T]) -> impl Iterator<Item = &T> {
    const PARTS: usize = 8;
    (0..PARTS).flat_map(move |start| found.iter().skip(start).step_by(PARTS))
}

#[cfg(test)]
mod tests;
