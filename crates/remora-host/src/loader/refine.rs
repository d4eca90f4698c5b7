//! Makes the full form of a model whose coarse form is shown already, and keeps it for the next time.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use remora_asset::Asset;
use remora_build::{BuildError, build_asset};
use remora_convert::{ConvertError, Key};
use remora_model::Model;
use remora_protocol::codes::LoadStage;
use remora_render::PreparedAsset;

use super::{
    ActiveLoads, Deliver, LoadFailure, LoadId, LoaderOptions, Loading, build_options, pool, steps, with_source,
};

/// Whole models wait here.
const QUEUE: usize = 1;

pub struct RefineJob {
    pub id: LoadId,
    pub model: Model,
    pub key: Option<Key>,
    pub source: &'static str,
}

pub struct Refiner {
    jobs: SyncSender<RefineJob>,
}

struct Worker {
    options: LoaderOptions,
    wanted: Arc<ActiveLoads>,
    deliver: Deliver,
}

impl Refiner {
    pub fn start(options: LoaderOptions, wanted: Arc<ActiveLoads>, deliver: Deliver) -> Self {
        let (jobs, inbox) = sync_channel(QUEUE);
        let worker = Worker { options, wanted, deliver };
        thread::Builder::new()
            .name("refiner".to_owned())
            .spawn(move || worker.run(&inbox))
            .expect("a thread can be started at the host's start");
        Self { jobs }
    }

    /// Waits while there is much to do: no more models are imported than can be refined.
    pub fn refine(&self, job: RefineJob) {
        // A refiner that has ended leaves coarse forms as they are.
        let _ = self.jobs.send(job);
    }
}

impl Worker {
    fn run(&self, inbox: &Receiver<RefineJob>) {
        // Pictures are drawn meanwhile, perhaps by the same cores.
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
        let options = build_options(&self.options, source);
        let told = steps(self.deliver.clone(), *id, LoadStage::Refining);
        let cancelled = || !self.wanted.is_refined_for(*id);
        if let (Some(cache), Some(key)) = (&self.options.cache, key) {
            match cache.build(key, model, &options, &told, &cancelled) {
                // A full disk takes the detail from nobody.
                Err(error @ (ConvertError::Write { .. } | ConvertError::Build(BuildError::Write(_)))) => {
                    tracing::warn!(error = with_source(&error), "an asset is not kept for the next time");
                }
                built => return Ok(built?),
            }
        }
        Ok(build_asset(model, &options, &told, &cancelled)?)
    }
}
