//! Images, decoded beside the geometry on threads of their own.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use super::LoadLimits;
use super::accessor::Accessors;
use super::budget::Budget;
use super::error::LoadError;
use super::external::External;
use super::json::{self, Root};
use super::material::TextureUse;
use super::picture::{DECODING_BYTES_PER_PIXEL, Picture};
use super::{metadata, shrink};
use crate::model::{Sampler, Texture, Wrap};

/// Decoding is bound by memory beyond this.
const THREADS_MAX: usize = 8;

/// All images to decode and all textures to make of them.
pub(super) struct Plan<'a> {
    jobs: Vec<Job<'a>>,
    textures: Vec<Planned>,
    threads: usize,
}

struct Job<'a> {
    picture: Picture<'a>,
    target: (u32, u32),
    srgb: bool,
}

struct Planned {
    job: usize,
    name: String,
    sampler: Sampler,
}

/// Threads at work. Dropped early, they stop after the image that each has in hand.
pub(super) struct Decoding {
    textures: Vec<Planned>,
    targets: Vec<(u32, u32, bool)>,
    results: Receiver<(usize, Result<Vec<u8>, LoadError>)>,
}

pub(super) fn plan<'a>(
    uses: &[TextureUse],
    root: &'a Root,
    accessors: Accessors<'a>,
    external: &mut External<'_>,
    limits: &LoadLimits,
    budget: &mut Budget,
) -> Result<Plan<'a>, LoadError> {
    let mut plan = Plan { jobs: Vec::new(), textures: Vec::new(), threads: 0 };
    for texture in uses {
        let place = || format!("texture {}", texture.texture);
        let entry = &root.textures[texture.texture as usize];
        let Some(image) = entry.image() else {
            return Err(LoadError::invalid(place(), "it has no image of a kind that is read"));
        };
        let known = plan.jobs.iter().position(|job| job.picture.image() == image && job.srgb == texture.srgb);
        let job = match known {
            Some(job) => job,
            None => {
                plan.jobs.push(Job::new(image, texture.srgb, root, accessors, external, limits, budget)?);
                plan.jobs.len() - 1
            }
        };
        let (width, height) = plan.jobs[job].target;
        budget.take(u64::from(width) * u64::from(height), 4, "a texture")?;
        let sampler =
            sampler(entry.sampler, root).ok_or_else(|| LoadError::invalid(place(), "its sampler is not there"))?;
        let name = metadata::name(root.images[image as usize].name.as_deref(), || format!("Image {image}"));
        plan.textures.push(Planned { job, name, sampler });
    }
    plan.threads = threads(&plan.jobs, budget)?;
    Ok(plan)
}

/// As many as there are cores, images, and memory for the largest ones side by side.
fn threads(jobs: &[Job<'_>], budget: &mut Budget) -> Result<usize, LoadError> {
    let Some(largest) = jobs.iter().map(|job| job.picture.pixels()).max() else { return Ok(0) };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let affordable = budget.left_bytes() / (largest * DECODING_BYTES_PER_PIXEL as u64).max(1);
    let threads = (affordable as usize).min(cores).min(jobs.len()).clamp(1, THREADS_MAX);
    budget.take(largest * threads as u64, DECODING_BYTES_PER_PIXEL, "decoding images")?;
    Ok(threads)
}

impl<'a> Plan<'a> {
    pub(super) fn start<'scope>(self, scope: &'scope Scope<'scope, '_>) -> Decoding
    where
        'a: 'scope,
    {
        let (sender, results) = sync_channel(self.jobs.len());
        let targets = self.jobs.iter().map(|job| (job.target.0, job.target.1, job.srgb)).collect();
        let jobs = Arc::new(self.jobs);
        let next = Arc::new(AtomicUsize::new(0));
        for _ in 0..self.threads {
            let (jobs, next, sender) = (Arc::clone(&jobs), Arc::clone(&next), sender.clone());
            scope.spawn(move || work(&jobs, &next, &sender));
        }
        Decoding { textures: self.textures, targets, results }
    }
}

fn work(jobs: &[Job<'_>], next: &AtomicUsize, results: &SyncSender<(usize, Result<Vec<u8>, LoadError>)>) {
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(job) = jobs.get(index) else { return };
        if results.send((index, job.decode())).is_err() {
            return;
        }
    }
}

impl Decoding {
    /// Waits for the images; `progress` rises to 1.
    pub(super) fn finish(self, progress: &mut dyn FnMut(f32)) -> Result<Vec<Texture>, LoadError> {
        let mut pixels: Vec<Vec<u8>> = vec![Vec::new(); self.targets.len()];
        for done in 0..self.targets.len() {
            let (job, result) = self.results.recv().expect("each job is sent once, whatever comes of it");
            pixels[job] = result?;
            progress((done + 1) as f32 / self.targets.len() as f32);
        }
        let mut uses = vec![0_usize; pixels.len()];
        for texture in &self.textures {
            uses[texture.job] += 1;
        }
        let textures = self.textures.into_iter().map(|texture| {
            let (width, height, srgb) = self.targets[texture.job];
            uses[texture.job] -= 1;
            let source = &mut pixels[texture.job];
            let rgba = if uses[texture.job] == 0 { std::mem::take(source) } else { source.clone() };
            Texture { name: texture.name, width, height, rgba, srgb, sampler: texture.sampler }
        });
        Ok(textures.collect())
    }
}

impl<'a> Job<'a> {
    fn new(
        image: u32,
        srgb: bool,
        root: &'a Root,
        accessors: Accessors<'a>,
        external: &mut External<'_>,
        limits: &LoadLimits,
        budget: &mut Budget,
    ) -> Result<Self, LoadError> {
        let place = format!("image {image}");
        let Some(entry) = root.images.get(image as usize) else {
            return Err(LoadError::invalid(place, "it is referred to and not there"));
        };
        let bytes = match entry {
            json::Image { buffer_view: Some(view), .. } => Cow::Borrowed(accessors.view(*view)?.0),
            json::Image { uri: Some(uri), .. } => Cow::Owned(external.read(uri, &place, budget)?),
            _ => return Err(LoadError::invalid(place, "it has neither a buffer view nor a URI")),
        };
        let picture = Picture::open(image, bytes)?;
        let target = shrink::fit(picture.size(), limits.texture_dimension_max.max(1));
        Ok(Self { picture, target, srgb })
    }

    fn decode(&self) -> Result<Vec<u8>, LoadError> {
        let (rgba, size) = (self.picture.decode()?, self.picture.size());
        Ok(if size == self.target { rgba } else { shrink::shrink(&rgba, size, self.target, self.srgb) })
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
