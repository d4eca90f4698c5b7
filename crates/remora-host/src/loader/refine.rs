//! The refinement thread: builds the full form of a model whose coarse form is shown already, and caches it.

use std::sync::{
    Arc,
    mpsc::{Receiver, SyncSender, sync_channel},
};

use remora_asset::Asset;
use remora_build::{BuildError, build_asset};
use remora_convert::{ConvertError, Key};
use remora_model::Model;
use remora_protocol::codes::LoadStage;
use remora_render::PreparedAsset;

use super::{
    failure::{LoadFailure, with_source},
    job::{ActiveLoads, Deliver, LoadId, Loading, progress_steps},
    options::{LoaderOptions, pool},
};
use crate::threads;

/// Upper bound on models that wait. Each of them is in memory as a whole.
const QUEUE: usize = 1;

/// A model to refine.
pub(super) struct RefineJob {
    pub(super) id: LoadId,
    pub(super) model: Model,
    /// The key under which the cache keeps the full form.
    pub(super) key: Option<Key>,
    /// The format that the model was imported from.
    pub(super) source: &'static str,
}

/// A handle to the refinement thread.
pub(super) struct Refiner {
    jobs: SyncSender<RefineJob>,
}

/// The state of the refinement thread.
struct Worker {
    options: LoaderOptions,
    active: Arc<ActiveLoads>,
    deliver: Deliver,
}

impl Refiner {
    pub(super) fn start(options: LoaderOptions, active: Arc<ActiveLoads>, deliver: Deliver) -> Self {
        let (jobs, inbox) = sync_channel(QUEUE);
        let worker = Worker { options, active, deliver };
        threads::spawn("refiner", move || worker.run(&inbox));
        Self { jobs }
    }

    /// Queues a model. Waits while the queue is full, so that no more models are imported than can be refined.
    pub(super) fn refine(&self, job: RefineJob) {
        // If the refiner has ended, the coarse form stays.
        let _ = self.jobs.send(job);
    }
}

impl Worker {
    fn run(&self, inbox: &Receiver<RefineJob>) {
        // Half of the threads, because frames may be rendered on the same cores.
        let pool = pool("refining", self.options.threads / 2);
        for job in inbox {
            let id = job.id;
            let refined = match pool.install(|| self.refine(job)) {
                Ok(prepared) => Some(Box::new(prepared)),
                Err(LoadFailure::Abandoned) => continue,
                Err(error) => {
                    tracing::error!(%error, "a model keeps its coarse form");
                    None
                }
            };
            if !(self.deliver)(id, Loading::Refined(refined)) {
                return;
            }
        }
    }

    fn refine(&self, job: RefineJob) -> Result<PreparedAsset, LoadFailure> {
        let asset = self.build(&job)?;
        drop(job);
        Ok(PreparedAsset::new(&asset, &self.options.prepare)?)
    }

    fn build(&self, job: &RefineJob) -> Result<Asset, LoadFailure> {
        let RefineJob { id, model, key, source } = job;
        let options = self.options.build_options(source);
        let progress = progress_steps(self.deliver.clone(), *id, LoadStage::Refining);
        let cancelled = || !self.active.is_refined_for(*id);
        if let (Some(cache), Some(key)) = (&self.options.cache, key) {
            match cache.build(key, model, &options, &progress, &cancelled) {
                // With a full disk the full form is built in memory instead.
                Err(error @ (ConvertError::Write { .. } | ConvertError::Build(BuildError::Write(_)))) => {
                    tracing::warn!(error = with_source(&error), "an asset is not cached");
                }
                built => return Ok(built?),
            }
        }
        Ok(build_asset(model, &options, &progress, &cancelled)?)
    }
}
