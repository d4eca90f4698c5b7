//! The import thread: finds the model that an address names, imports it, and builds the form that is shown first.

use std::{path::Path, sync::Arc, sync::mpsc::Receiver};

use remora_asset::Asset;
use remora_build::{BuildOptions, CoarseBuilder, Detail};
use remora_convert::{Key, Source};
use remora_engine::Builtin;
use remora_import::LoadLimits;
use remora_model::Model;
use remora_protocol::codes::LoadStage;
use remora_render::PreparedAsset;

use super::{
    address::{percent_decoded, unknown_scheme},
    failure::LoadFailure,
    fetch,
    job::{ActiveLoads, Deliver, Job, Loading, progress_steps},
    options::{LoaderOptions, pool},
    refine::{RefineJob, Refiner},
};
use crate::memory::MemoryShare;

/// Triangles and points of a coarse form: enough to be recognised, few enough to be built in a moment.
const COARSE_PRIMITIVES: u64 = 300_000;
/// Longest side of a coarse form's textures, in texels. Larger ones would take longer than all of its geometry.
const COARSE_TEXTURES: u32 = 512;
/// Models of at most this size are built in full before they are shown, which takes a tenth of a second.
pub(super) const SMALL_PRIMITIVES: u64 = 50_000;

/// The state of the import thread.
pub(super) struct Importer {
    options: LoaderOptions,
    active: Arc<ActiveLoads>,
    deliver: Deliver,
    refiner: Refiner,
}

/// The model that an address names.
enum Resolved {
    /// An asset, which needs no import.
    Asset(Asset),
    /// An imported model that the cache does not hold.
    Model {
        model: Model,
        /// The coarse forms that were built during the import.
        coarse: Box<CoarseBuilder>,
        /// The key under which the cache will keep the full form.
        key: Option<Key>,
        source: &'static str,
    },
}

impl Importer {
    pub(super) fn new(options: LoaderOptions, active: Arc<ActiveLoads>, deliver: Deliver, refiner: Refiner) -> Self {
        Self { options, active, deliver, refiner }
    }

    /// Carries out loads until the receiver of their messages is gone.
    pub(super) fn run(&self, inbox: &Receiver<Job>) {
        let pool = pool("importing", self.options.threads);
        for job in inbox {
            let (loading, refining) = match pool.install(|| self.load(&job)) {
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
        let resolved = self.resolve(job)?;
        self.check_wanted(job)?;
        match resolved {
            Resolved::Asset(asset) => Ok((self.prepare(job, &asset, false)?, None)),
            Resolved::Model { model, coarse, key, source } => {
                let primitives = model.triangles() + model.points();
                let small = primitives <= SMALL_PRIMITIVES;
                let options = match self.options.build_options(source) {
                    full if small => full,
                    full => BuildOptions {
                        detail: Detail::Coarse { primitives_max: COARSE_PRIMITIVES },
                        texture_dimension_max: full.texture_dimension_max.min(COARSE_TEXTURES),
                        ..full
                    },
                };
                let clustering = self.shared_progress(job, LoadStage::Clustering);
                let abandoned = || self.check_wanted(job).is_err();
                let asset = coarse.finish(&model, &options, &clustering, &abandoned)?;
                let loaded = self.prepare(job, &asset, !small)?;
                let refining = RefineJob { id: job.id, model, key, source };
                Ok((loaded, (!small).then_some(refining)))
            }
        }
    }

    fn prepare(&self, job: &Job, asset: &Asset, refines: bool) -> Result<Loading, LoadFailure> {
        (self.progress(job, LoadStage::Uploading))(0.0);
        let prepared = Box::new(PreparedAsset::new(asset, &self.options.prepare)?);
        Ok(Loading::Loaded { prepared, refines })
    }

    fn resolve(&self, job: &Job) -> Result<Resolved, LoadFailure> {
        let uri = job.uri.as_str();
        let (scheme, rest) = uri.split_once("://").ok_or_else(|| unknown_scheme(uri))?;
        match scheme {
            "builtin" => self.resolve_builtin(job, uri),
            "file" => {
                let path =
                    percent_decoded(rest).ok_or_else(|| LoadFailure::Refused(format!("{uri:?} is not UTF-8")))?;
                if !self.options.model_files.contains(&path) {
                    return Err(LoadFailure::Refused(format!(
                        "{path} is not one of the files that this service was started with (remora up --model FILE)"
                    )));
                }
                (self.progress(job, LoadStage::Fetching))(0.0);
                self.resolve_source(job, Source::open(Path::new(&path))?, None)
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
                // The file stays in memory during the import.
                let share = share.less(bytes.len() as u64);
                self.resolve_source(job, Source::from_bytes(bytes, name)?, Some(share))
            }
            _ => Err(unknown_scheme(uri)),
        }
    }

    fn resolve_builtin(&self, job: &Job, uri: &str) -> Result<Resolved, LoadFailure> {
        (self.progress(job, LoadStage::Decoding))(0.0);
        let builtin = remora_engine::parse_builtin(uri).map_err(|error| LoadFailure::NotFound(error.to_string()))?;
        let Builtin::Engine(detail) = builtin;
        let address = format!("builtin://Engine?triangles={}", detail.triangles);
        let options = self.options.build_options("builtin");
        let key = self.options.cache.as_ref().map(|cache| cache.key(address.as_bytes(), &options));
        if let Some(asset) = self.cached(key.as_ref()) {
            return Ok(Resolved::Asset(asset));
        }
        Ok(Resolved::Model {
            model: remora_engine::build(detail),
            coarse: Box::new(coarse_builder()),
            key,
            source: "builtin",
        })
    }

    /// Imports a file. Takes a share of the memory for it unless one is given.
    fn resolve_source(&self, job: &Job, source: Source, share: Option<MemoryShare>) -> Result<Resolved, LoadFailure> {
        if let Some(asset) = source.asset()? {
            return Ok(Resolved::Asset(asset));
        }
        let format = source.format().name();
        let options = self.options.build_options(format);
        let key = self.options.cache.as_ref().map(|_| source.key(&options)).transpose()?;
        if let Some(asset) = self.cached(key.as_ref()) {
            return Ok(Resolved::Asset(asset));
        }
        self.check_wanted(job)?;
        let coarse = Box::new(coarse_builder());
        let share = share.unwrap_or_else(|| self.options.memory.take());
        let limits = LoadLimits {
            memory_bytes_max: share.bytes_max,
            texture_dimension_max: self.options.prepare.texture_dimension_max,
        };
        let model = source.model_into(&*coarse, &limits, &mut self.progress(job, LoadStage::Decoding))?;
        Ok(Resolved::Model { model, coarse, key, source: format })
    }

    fn cached(&self, key: Option<&Key>) -> Option<Asset> {
        self.options.cache.as_ref()?.get(key?)
    }

    fn check_wanted(&self, job: &Job) -> Result<(), LoadFailure> {
        if self.active.is_loaded_for(job.id) { Ok(()) } else { Err(LoadFailure::Abandoned) }
    }

    fn progress(&self, job: &Job, stage: LoadStage) -> impl FnMut(f32) {
        let shared = self.shared_progress(job, stage);
        move |fraction| shared(fraction)
    }

    fn shared_progress(&self, job: &Job, stage: LoadStage) -> impl Fn(f32) + Sync {
        progress_steps(self.deliver.clone(), job.id, stage)
    }
}

/// Returns a builder that makes coarse forms of meshes as soon as they are read.
fn coarse_builder() -> CoarseBuilder {
    CoarseBuilder::new(COARSE_PRIMITIVES, SMALL_PRIMITIVES)
}
