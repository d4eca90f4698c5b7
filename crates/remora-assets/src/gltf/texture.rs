//! Images, decoded beside the geometry on threads of their own.

use std::borrow::Cow;
use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use image::{ImageReader, Limits};

use super::LoadLimits;
use super::accessor::Accessors;
use super::budget::Budget;
use super::container;
use super::error::LoadError;
use super::json::{self, Root};
use super::material::TextureUse;
use super::shrink;
use crate::model::{Sampler, Texture, Wrap};

/// Decoding is bound by memory beyond this.
const THREADS_MAX: usize = 8;

/// What decoding holds at its peak per pixel of the image: 16-bit RGBA as decoded, 8-bit RGBA as converted, and
/// what the decoder needs for itself (a progressive JPEG: three coefficients of 16 bits).
const DECODING_BYTES_PER_PIXEL: usize = 8 + 4 + 6;

/// All images to decode and all textures to make of them.
pub(super) struct Plan<'a> {
    jobs: Vec<Job<'a>>,
    textures: Vec<Planned>,
    threads: usize,
}

struct Job<'a> {
    image: u32,
    bytes: Cow<'a, [u8]>,
    size: (u32, u32),
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
    buffers: &'a [Cow<'a, [u8]>],
    limits: &LoadLimits,
    budget: &mut Budget,
) -> Result<Plan<'a>, LoadError> {
    let mut plan = Plan { jobs: Vec::new(), textures: Vec::new(), threads: 0 };
    for texture in uses {
        let place = || format!("texture {}", texture.texture);
        let entry = &root.textures[texture.texture as usize];
        let Some(image) = entry.source else {
            return Err(LoadError::invalid(place(), "it has no PNG or JPEG image"));
        };
        let known = plan.jobs.iter().position(|job| job.image == image && job.srgb == texture.srgb);
        let job = match known {
            Some(job) => job,
            None => {
                plan.jobs.push(Job::new(image, texture.srgb, root, buffers, limits, budget)?);
                plan.jobs.len() - 1
            }
        };
        let (width, height) = plan.jobs[job].target;
        budget.take(u64::from(width) * u64::from(height), 4, "a texture")?;
        let sampler =
            sampler(entry.sampler, root).ok_or_else(|| LoadError::invalid(place(), "its sampler is not there"))?;
        let name = root.images[image as usize].name.clone().unwrap_or_else(|| format!("Image {image}"));
        plan.textures.push(Planned { job, name, sampler });
    }
    plan.threads = threads(&plan.jobs, budget)?;
    Ok(plan)
}

/// As many as there are cores, images, and memory for the largest ones side by side.
fn threads(jobs: &[Job<'_>], budget: &mut Budget) -> Result<usize, LoadError> {
    let Some(largest) = jobs.iter().map(Job::pixels).max() else { return Ok(0) };
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
        buffers: &'a [Cow<'a, [u8]>],
        limits: &LoadLimits,
        budget: &mut Budget,
    ) -> Result<Self, LoadError> {
        let place = format!("image {image}");
        let Some(entry) = root.images.get(image as usize) else {
            return Err(LoadError::invalid(place, "it is referred to and not there"));
        };
        let bytes = match entry {
            json::Image { buffer_view: Some(view), .. } => Cow::Borrowed(Accessors::new(root, buffers).view(*view)?.0),
            json::Image { uri: Some(uri), .. } => Cow::Owned(container::data_uri(uri, &place, budget)?),
            _ => return Err(LoadError::invalid(place, "it has neither a buffer view nor a URI")),
        };
        let size = reader(&bytes)
            .and_then(ImageReader::into_dimensions)
            .map_err(|source| LoadError::Image { image, source })?;
        if size.0 == 0 || size.1 == 0 {
            return Err(LoadError::invalid(place, "it has no pixels"));
        }
        let target = shrink::fit(size, limits.texture_dimension_max.max(1));
        Ok(Self { image, bytes, size, target, srgb })
    }

    fn pixels(&self) -> u64 {
        u64::from(self.size.0) * u64::from(self.size.1)
    }

    fn decode(&self) -> Result<Vec<u8>, LoadError> {
        let image = |source| LoadError::Image { image: self.image, source };
        let mut reader = reader(&self.bytes).map_err(image)?;
        let mut limits = Limits::no_limits();
        limits.max_image_width = Some(self.size.0);
        limits.max_image_height = Some(self.size.1);
        // Small images may carry a colour profile larger than themselves.
        limits.max_alloc = Some(self.pixels() * DECODING_BYTES_PER_PIXEL as u64 + (1 << 20));
        reader.limits(limits);
        let decoded = reader.decode().map_err(image)?.into_rgba8();
        let size = decoded.dimensions();
        if size != self.size {
            let what = format!("its header says {:?} pixels, it has {size:?}", self.size);
            return Err(LoadError::invalid(format!("image {}", self.image), what));
        }
        let rgba = decoded.into_raw();
        Ok(if self.size == self.target { rgba } else { shrink::shrink(&rgba, self.size, self.target, self.srgb) })
    }
}

fn reader(bytes: &[u8]) -> Result<ImageReader<Cursor<&[u8]>>, image::ImageError> {
    Ok(ImageReader::new(Cursor::new(bytes)).with_guessed_format()?)
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
