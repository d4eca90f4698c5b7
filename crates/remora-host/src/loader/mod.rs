//! Loads models on threads of its own: what the frame thread gets only has to be uploaded. One model at a time; the
//! queue is bounded by the stage.
//!
//! ```text
//!   address ─┬─ an asset, or one that is known already ───────────────────────▶ Loaded
//!            └─ anything else ─ import ─▶ Model ─┬─ coarse form, begun while it
//!                                                │  is still imported ────────▶ Loaded    shown at once
//!                                                └─ refiner: all levels ──────▶ Refined   takes its place
//! ```
//!
//! | address | what it names |
//! |---|---|
//! | `builtin://Engine?triangles=200000` | generated here |
//! | `http://…`, `https://…` | a model that is fetched, at most as large as memory allows, from hosts that are open to it (`destination.rs`) |
//! | `file://…` | a file that the operator has offered; any other is refused, whether it exists or not |

mod destination;
mod fetch;
mod refine;

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use remora_asset::{Asset, AssetError};
use remora_build::{BuildError, BuildOptions, CoarseBuilder, Detail};
use remora_convert::{Cache, ConvertError, Key, Source};
use remora_engine::Builtin;
use remora_import::LoadLimits;
use remora_model::Model;
use remora_protocol::{
    codes::{ErrorCode, LoadStage},
    link::RemoteModels,
};
use remora_render::{PrepareOptions, PreparedAsset};
use thiserror::Error;

use crate::memory::{ImportMemory, MemoryShare};
use refine::{RefineJob, Refiner};

const QUEUE: usize = 8;
/// Progress is told in steps of a hundredth.
const STEPS: f32 = 100.0;
/// Triangles and points of a coarse form: enough to be recognised, few enough to be made in a moment.
const COARSE_PRIMITIVES: u64 = 300_000;
/// Longest side of a coarse form's textures: making larger ones would take longer than all of its geometry.
const COARSE_TEXTURES: u32 = 512;
/// Models of no more than this are built in full before they are shown: it takes a tenth of a second.
const SMALL_PRIMITIVES: u64 = 50_000;

/// Which load it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadId {
    /// Which connection wants it; a later one does not.
    pub generation: u64,
    /// Rises from load to load. Commands may be used again, also while a load goes on.
    pub serial: u64,
    /// What the client knows it by.
    pub command: u32,
}

#[derive(Debug)]
pub struct Job {
    pub id: LoadId,
    pub uri: String,
}

pub enum Loading {
    Progress {
        stage: LoadStage,
        fraction: f32,
    },
    /// `refines`: this is a coarse form, and the full one is being made.
    Loaded {
        prepared: Box<PreparedAsset>,
        refines: bool,
    },
    /// The full form of what was loaded before; `None` if it could not be made.
    Refined(Option<Box<PreparedAsset>>),
    Failed(LoadFailure),
}

#[derive(Debug, Error)]
pub enum LoadFailure {
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    NotFound(String),
    /// How much memory the host has is not for clients; what the operator has configured is.
    #[error("{model} needs more memory than importing one model may take{}", accepted_text(*.configured_bytes_max))]
    TooLarge { model: String, configured_bytes_max: Option<u64> },
    #[error("{0}")]
    Invalid(String),
    #[error("the client that wanted it has left")]
    Abandoned,
}

impl LoadFailure {
    fn too_large(model: impl Into<String>) -> Self {
        Self::TooLarge { model: model.into(), configured_bytes_max: None }
    }

    /// As `Error.code` in `proto/`.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(_) => ErrorCode::UriRefused,
            Self::NotFound(_) => ErrorCode::ModelNotFound,
            Self::TooLarge { .. } => ErrorCode::ModelTooLarge,
            Self::Invalid(_) | Self::Abandoned => ErrorCode::ModelInvalid,
        }
    }
}

impl From<ConvertError> for LoadFailure {
    fn from(error: ConvertError) -> Self {
        match error {
            ConvertError::Build(error) => error.into(),
            ConvertError::Read { .. } => Self::NotFound(with_source(&error)),
            // The source counts bytes of this host's memory.
            error if error.is_too_large() => Self::too_large(error.to_string()),
            error => Self::Invalid(with_source(&error)),
        }
    }
}

impl From<AssetError> for LoadFailure {
    fn from(error: AssetError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl From<BuildError> for LoadFailure {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Cancelled(_) => Self::Abandoned,
            other => Self::Invalid(with_source(&other)),
        }
    }
}

#[derive(Clone)]
pub struct LoaderOptions {
    pub model_files: Vec<String>,
    pub remote_models: RemoteModels,
    pub memory: Arc<ImportMemory>,
    pub prepare: PrepareOptions,
    /// Where full forms are kept; without it they are made anew each time, in memory.
    pub cache: Option<Cache>,
    /// For importing; half of them, at least one, for building in the background.
    pub threads: usize,
}

pub struct Loader {
    jobs: SyncSender<Job>,
    wanted: Arc<ActiveLoads>,
}

type Deliver = Arc<dyn Fn(LoadId, Loading) -> bool + Send + Sync>;

/// What somebody still waits for.
#[derive(Default)]
struct ActiveLoads {
    generation: AtomicU64,
    /// The first load whose model is not gone from the scene again.
    refined_from: AtomicU64,
}

impl Loader {
    /// `deliver` is called on the loader's threads; it returns false when nobody listens any more.
    pub fn start(options: LoaderOptions, deliver: impl Fn(LoadId, Loading) -> bool + Send + Sync + 'static) -> Self {
        let (jobs, inbox) = sync_channel(QUEUE);
        let wanted = Arc::new(ActiveLoads::default());
        let deliver: Deliver = Arc::new(deliver);
        let refiner = Refiner::start(options.clone(), wanted.clone(), deliver.clone());
        let worker = Worker { options, wanted: wanted.clone(), deliver, refiner };
        thread::Builder::new()
            .name("loader".to_owned())
            .spawn(move || worker.run(&inbox))
            .expect("a thread can be started at the host's start");
        Self { jobs, wanted }
    }

    /// False if the queue is full.
    pub fn load(&self, job: Job) -> bool {
        self.jobs.try_send(job).is_ok()
    }

    /// Jobs of earlier generations are given up.
    pub fn only(&self, generation: u64) {
        self.wanted.generation.store(generation, Ordering::Relaxed);
    }

    /// Models of loads before this one are not refined any more.
    pub fn refine_from(&self, serial: u64) {
        self.wanted.refined_from.fetch_max(serial, Ordering::Relaxed);
    }
}

impl ActiveLoads {
    fn is_loaded_for(&self, id: LoadId) -> bool {
        self.generation.load(Ordering::Relaxed) == id.generation
    }

    fn is_refined_for(&self, id: LoadId) -> bool {
        self.is_loaded_for(id) && self.refined_from.load(Ordering::Relaxed) <= id.serial
    }
}

struct Worker {
    options: LoaderOptions,
    wanted: Arc<ActiveLoads>,
    deliver: Deliver,
    refiner: Refiner,
}

/// What an address turned out to be.
enum Resolved {
    Asset(Asset),
    /// Not known yet; `early` is what has been made of it on the way, `key` what it is to be kept under.
    Model {
        model: Model,
        early: Box<CoarseBuilder>,
        key: Option<Key>,
        source: &'static str,
    },
}

impl Worker {
    fn run(&self, inbox: &Receiver<Job>) {
        let pool = pool("importing", self.options.threads);
        for job in inbox {
            let loading = pool.install(|| self.load(&job));
            let (loading, refining) = match loading {
                Ok(loaded) => loaded,
                Err(LoadFailure::TooLarge { model, .. }) => {
                    let configured_bytes_max = self.options.memory.configured_bytes_max();
                    (Loading::Failed(LoadFailure::TooLarge { model, configured_bytes_max }), None)
                }
                Err(failure) => (Loading::Failed(failure), None),
            };
            if !(self.deliver)(job.id, loading) {
                return;
            }
            if let Some(refining) = refining {
                self.refiner.refine(refining);
            }
        }
    }

    fn load(&self, job: &Job) -> Result<(Loading, Option<RefineJob>), LoadFailure> {
        let found = self.find(job)?;
        self.check_wanted(job)?;
        match found {
            Resolved::Asset(asset) => Ok((self.prepared(job, &asset, false)?, None)),
            Resolved::Model { model, early, key, source } => {
                let primitives = model.triangles() + model.points();
                let small = primitives <= SMALL_PRIMITIVES;
                let options = match self.build_options(source) {
                    full if small => full,
                    full => BuildOptions {
                        detail: Detail::Coarse { primitives_max: COARSE_PRIMITIVES },
                        texture_dimension_max: full.texture_dimension_max.min(COARSE_TEXTURES),
                        ..full
                    },
                };
                let clustering = self.shared_progress(job, LoadStage::Clustering);
                let abandoned = || self.check_wanted(job).is_err();
                let asset = early.finish(&model, &options, &clustering, &abandoned)?;
                let loaded = self.prepared(job, &asset, !small)?;
                let refining = RefineJob { id: job.id, model, key, source };
                Ok((loaded, (!small).then_some(refining)))
            }
        }
    }

    fn prepared(&self, job: &Job, asset: &Asset, refines: bool) -> Result<Loading, LoadFailure> {
        (self.progress(job, LoadStage::Uploading))(0.0);
        let prepared = Box::new(PreparedAsset::new(asset, &self.options.prepare)?);
        Ok(Loading::Loaded { prepared, refines })
    }

    fn build_options(&self, source: &str) -> BuildOptions {
        build_options(&self.options, source)
    }

    fn find(&self, job: &Job) -> Result<Resolved, LoadFailure> {
        let uri = job.uri.as_str();
        let (scheme, rest) = uri.split_once("://").ok_or_else(|| unknown_scheme(uri))?;
        match scheme {
            "builtin" => self.find_builtin(job, uri),
            "file" => {
                let path =
                    percent_decoded(rest).ok_or_else(|| LoadFailure::Refused(format!("{uri:?} is not UTF-8")))?;
                if !self.options.model_files.contains(&path) {
                    return Err(LoadFailure::Refused(format!(
                        "{path} is not one of the files that this service was started with (remora up --model FILE)"
                    )));
                }
                (self.progress(job, LoadStage::Fetching))(0.0);
                self.find_source(job, Source::open(Path::new(&path))?, None)
            }
            "http" | "https" => {
                let share = self.options.memory.take();
                let bytes = fetch::fetch(
                    uri,
                    &self.options.remote_models,
                    share.bytes_max,
                    &mut self.progress(job, LoadStage::Fetching),
                    &|| self.check_wanted(job),
                )?;
                let name = rest.split(['?', '#']).next().unwrap_or(rest);
                // It stays in memory while it is imported.
                let share = share.less(bytes.len() as u64);
                self.find_source(job, Source::from_bytes(bytes, name)?, Some(share))
            }
            _ => Err(unknown_scheme(uri)),
        }
    }

    fn find_builtin(&self, job: &Job, uri: &str) -> Result<Resolved, LoadFailure> {
        (self.progress(job, LoadStage::Decoding))(0.0);
        let builtin = remora_engine::parse_builtin(uri).map_err(|error| LoadFailure::NotFound(error.to_string()))?;
        let Builtin::Engine(detail) = builtin;
        let address = format!("builtin://Engine?triangles={}", detail.triangles);
        let key =
            self.options.cache.as_ref().map(|cache| cache.key(address.as_bytes(), &self.build_options("builtin")));
        if let Some(asset) = self.known(key.as_ref()) {
            return Ok(Resolved::Asset(asset));
        }
        Ok(Resolved::Model { model: remora_engine::build(detail), early: Box::new(early()), key, source: "builtin" })
    }

    /// `share` of memory is for the import; without it one is taken.
    fn find_source(&self, job: &Job, source: Source, share: Option<MemoryShare>) -> Result<Resolved, LoadFailure> {
        if let Some(asset) = source.asset()? {
            return Ok(Resolved::Asset(asset));
        }
        let format = source.format().name();
        let key = self.options.cache.as_ref().map(|_| source.key(&self.build_options(format))).transpose()?;
        if let Some(asset) = self.known(key.as_ref()) {
            return Ok(Resolved::Asset(asset));
        }
        self.check_wanted(job)?;
        let early = Box::new(early());
        let share = share.unwrap_or_else(|| self.options.memory.take());
        let limits = LoadLimits {
            memory_bytes_max: share.bytes_max,
            texture_dimension_max: self.options.prepare.texture_dimension_max,
        };
        let model = source.model_into(&*early, &limits, &mut self.progress(job, LoadStage::Decoding))?;
        Ok(Resolved::Model { model, early, key, source: format })
    }

    fn known(&self, key: Option<&Key>) -> Option<Asset> {
        self.options.cache.as_ref()?.get(key?)
    }

    fn check_wanted(&self, job: &Job) -> Result<(), LoadFailure> {
        if self.wanted.is_loaded_for(job.id) { Ok(()) } else { Err(LoadFailure::Abandoned) }
    }

    /// Tells the fraction within one stage, only where it has grown by a step.
    fn progress(&self, job: &Job, stage: LoadStage) -> impl FnMut(f32) {
        let shared = self.shared_progress(job, stage);
        move |fraction| shared(fraction)
    }

    fn shared_progress(&self, job: &Job, stage: LoadStage) -> impl Fn(f32) + Sync {
        steps(self.deliver.clone(), job.id, stage)
    }
}

/// Makes coarse forms of meshes as soon as they are read.
fn early() -> CoarseBuilder {
    CoarseBuilder::new(COARSE_PRIMITIVES, SMALL_PRIMITIVES)
}

fn build_options(options: &LoaderOptions, source: &str) -> BuildOptions {
    BuildOptions {
        texture_dimension_max: options.prepare.texture_dimension_max,
        source: source.to_owned(),
        ..BuildOptions::default()
    }
}

/// Any thread may tell; steps come out in their order.
fn steps(deliver: Deliver, id: LoadId, stage: LoadStage) -> impl Fn(f32) + Sync {
    let told = Mutex::new(0);
    let last = AtomicU64::new(0);
    move |fraction: f32| {
        let fraction = fraction.clamp(0.0, 1.0);
        // One more than the step, so that the first is told too.
        let step = (fraction * STEPS).floor() as u64 + 1;
        if last.fetch_max(step, Ordering::Relaxed) >= step {
            return;
        }
        // Whoever held the lock only told something.
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told < step {
            *told = step;
            deliver(id, Loading::Progress { stage, fraction });
        }
    }
}

fn pool(name: &'static str, threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.max(1))
        .thread_name(move |number| format!("{name} {number}"))
        .build()
        .expect("threads can be started at the host's start")
}

fn with_source(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

fn accepted_text(configured_bytes_max: Option<u64>) -> String {
    match configured_bytes_max {
        Some(bytes) => format!("; accepted are models that need at most {} MiB", bytes >> 20),
        None => " on this host; accepted are smaller models, and models that were converted to .arrAsset".to_owned(),
    }
}

/// RFC 3986; a percent sign that begins no escape stands for itself.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escape = after.get(..2).filter(|_| byte == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn unknown_scheme(uri: &str) -> LoadFailure {
    LoadFailure::Refused(format!(
        "{uri:?} is not an address of a model; accepted are builtin://Engine, http:// and https:// addresses of a model, \
         and the files that this service was started with"
    ))
}

#[cfg(test)]
mod tests;
