//! Decodes images on threads of their own while geometry is read. If an image is missing or cannot be decoded, the
//! model is shown without its textures, and a notice says so.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use super::accessor::Accessors;
use super::error::GltfError;
use super::external::External;
use super::json::{self, Root};
use super::material::TextureUse;
use super::metadata;
use crate::budget::Budget;
use crate::images::{self, DECODING_BYTES_PER_PIXEL, EncodedImage};
use crate::input::LoadLimits;
use remora_model::Notices;
use remora_model::{Sampler, Texture, Wrap};

/// Limit of the decoding threads. Beyond it, memory bandwidth is the bottleneck.
const THREADS_MAX: usize = 8;
/// The end of every notice here.
const WITHOUT: &str = "surfaces that use it show the material's own values";

/// All images to decode, and the textures to make of them.
pub(super) struct Plan<'a> {
    jobs: Vec<Job<'a>>,
    /// A texture for each use; `None` if its image cannot be read.
    textures: Vec<Option<Planned>>,
    threads: usize,
}

struct Job<'a> {
    /// Index of the image in the file.
    image: u32,
    encoded: EncodedImage<'a>,
    target: (u32, u32),
    srgb: bool,
}

struct Planned {
    job: usize,
    name: String,
    sampler: Sampler,
}

/// Running decoding threads. If this is dropped, they stop after their current image.
pub(super) struct Decoding {
    textures: Vec<Option<Planned>>,
    targets: Vec<Target>,
    results: Receiver<DecodedImage>,
}

/// The properties of the texture that an image is converted to.
struct Target {
    image: u32,
    size: (u32, u32),
    srgb: bool,
}

/// The number of a job, and its pixels or the problem with the image.
type DecodedImage = (usize, Result<Vec<u8>, String>);

/// Opens all images and takes the memory for decoding them from the budget.
pub(super) fn plan<'a>(
    uses: &[TextureUse],
    root: &'a Root,
    accessors: Accessors<'a>,
    external: &mut External<'_>,
    limits: &LoadLimits,
    budget: &mut Budget,
    notices: &mut Notices,
) -> Result<Plan<'a>, GltfError> {
    let mut plan = Plan { jobs: Vec::new(), textures: Vec::new(), threads: 0 };
    let mut unreadable: BTreeSet<u32> = BTreeSet::new();
    for texture in uses {
        let place = || format!("texture {}", texture.texture);
        let entry = &root.textures[texture.texture as usize];
        let sampler =
            sampler(entry.sampler, root).ok_or_else(|| GltfError::invalid(place(), "its sampler is not there"))?;
        let Some(image) = entry.image() else {
            notices.add(format!("{}: it has no image of a kind that is read; {WITHOUT}", place()));
            plan.textures.push(None);
            continue;
        };
        let known = plan.jobs.iter().position(|job| job.image == image && job.srgb == texture.srgb);
        if known.is_none() && !unreadable.contains(&image) {
            match Job::new(image, texture.srgb, root, accessors, external, limits, budget)? {
                Ok(job) => plan.jobs.push(job),
                Err(what) => {
                    notices.add(format!("{what}; {WITHOUT}"));
                    unreadable.insert(image);
                }
            }
        }
        if unreadable.contains(&image) {
            plan.textures.push(None);
            continue;
        }
        let job = known.unwrap_or(plan.jobs.len() - 1);
        let (width, height) = plan.jobs[job].target;
        budget.take(u64::from(width) * u64::from(height), 4, "a texture")?;
        let name = metadata::name(root.images[image as usize].name.as_deref(), || format!("Image {image}"));
        plan.textures.push(Some(Planned { job, name, sampler }));
    }
    plan.threads = threads(&plan.jobs, budget)?;
    Ok(plan)
}

/// Returns the number of threads, limited by cores, images and the memory for the largest image in each thread.
fn threads(jobs: &[Job<'_>], budget: &mut Budget) -> Result<usize, GltfError> {
    let Some(largest) = jobs.iter().map(|job| job.encoded.pixels()).max() else { return Ok(0) };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let affordable = budget.left_bytes() / (largest * DECODING_BYTES_PER_PIXEL as u64).max(1);
    let threads = (affordable as usize).min(cores).min(jobs.len()).clamp(1, THREADS_MAX);
    budget.take(largest * threads as u64, DECODING_BYTES_PER_PIXEL, "decoding images")?;
    Ok(threads)
}

impl<'a> Plan<'a> {
    /// Starts the threads.
    pub(super) fn start<'scope>(self, scope: &'scope Scope<'scope, '_>) -> Decoding
    where
        'a: 'scope,
    {
        let (sender, results) = sync_channel(self.jobs.len());
        let target = |job: &Job<'_>| Target { image: job.image, size: job.target, srgb: job.srgb };
        let targets = self.jobs.iter().map(target).collect();
        let jobs = Arc::new(self.jobs);
        let next = Arc::new(AtomicUsize::new(0));
        for _ in 0..self.threads {
            let (jobs, next, sender) = (Arc::clone(&jobs), Arc::clone(&next), sender.clone());
            scope.spawn(move || work(&jobs, &next, &sender));
        }
        Decoding { textures: self.textures, targets, results }
    }
}

fn work(jobs: &[Job<'_>], next: &AtomicUsize, results: &SyncSender<DecodedImage>) {
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(job) = jobs.get(index) else { return };
        if results.send((index, job.decode())).is_err() {
            return;
        }
    }
}

impl Decoding {
    /// Waits for the images, while `progress` rises to 1. Returns a texture for each use; `None` if its image cannot be
    /// read.
    pub(super) fn finish(self, notices: &mut Notices, progress: &mut dyn FnMut(f32)) -> Vec<Option<Texture>> {
        let mut images: Vec<Result<Vec<u8>, String>> = self.targets.iter().map(|_| Ok(Vec::new())).collect();
        for done in 0..self.targets.len() {
            let (job, result) = self.results.recv().expect("each job sends one result");
            images[job] = result;
            progress((done + 1) as f32 / self.targets.len() as f32);
        }
        for (target, image) in self.targets.iter().zip(&images) {
            if let Err(what) = image {
                notices.add(format!("image {}: {what}; {WITHOUT}", target.image));
            }
        }
        let mut uses = vec![0_usize; images.len()];
        for texture in self.textures.iter().flatten() {
            uses[texture.job] += 1;
        }
        let mut made = |texture: Planned| {
            let Target { size: (width, height), srgb, .. } = self.targets[texture.job];
            uses[texture.job] -= 1;
            let source = images[texture.job].as_mut().ok()?;
            let rgba = if uses[texture.job] == 0 { std::mem::take(source) } else { source.clone() };
            Some(Texture { name: texture.name, width, height, rgba, srgb, sampler: texture.sampler })
        };
        self.textures.into_iter().map(|texture| made(texture?)).collect()
    }
}

impl<'a> Job<'a> {
    /// Opens an image. The inner error says which image cannot be read and why; the outer error ends the import.
    fn new(
        image: u32,
        srgb: bool,
        root: &'a Root,
        accessors: Accessors<'a>,
        external: &mut External<'_>,
        limits: &LoadLimits,
        budget: &mut Budget,
    ) -> Result<Result<Self, String>, GltfError> {
        let place = format!("image {image}");
        let bytes = match root.images.get(image as usize) {
            None => Err(GltfError::invalid(&place, "it is referred to and not there")),
            Some(json::Image { buffer_view: Some(view), .. }) => accessors
                .view(*view)
                .map(|(bytes, _)| Cow::Borrowed(bytes))
                .map_err(|error| GltfError::invalid(&place, error.to_string())),
            Some(json::Image { uri: Some(uri), .. }) => external.read(uri, &place, budget).map(Cow::Owned),
            Some(_) => Err(GltfError::invalid(&place, "it has neither a buffer view nor a URI")),
        };
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error @ GltfError::TooLarge { .. }) => return Err(error),
            Err(error) => return Ok(Err(error.to_string())),
        };
        let encoded = match EncodedImage::open(bytes) {
            Ok(encoded) => encoded,
            Err(what) => return Ok(Err(format!("{place}: {what}"))),
        };
        let target = images::fit(encoded.size(), limits.texture_dimension_max.max(1));
        Ok(Ok(Self { image, encoded, target, srgb }))
    }

    fn decode(&self) -> Result<Vec<u8>, String> {
        let (rgba, size) = (self.encoded.decode()?, self.encoded.size());
        Ok(if size == self.target { rgba } else { images::shrink(&rgba, size, self.target, self.srgb) })
    }
}

fn sampler(index: Option<u32>, root: &Root) -> Option<Sampler> {
    let Some(index) = index else { return Some(Sampler::default()) };
    let sampler = root.samplers.get(index as usize)?;
    Some(Sampler { wrap_u: wrap(sampler.wrap_s), wrap_v: wrap(sampler.wrap_t) })
}

fn wrap(code: Option<u32>) -> Wrap {
    match code {
        Some(33071) => Wrap::ClampToEdge,
        Some(33648) => Wrap::MirroredRepeat,
        _ => Wrap::Repeat,
    }
}
