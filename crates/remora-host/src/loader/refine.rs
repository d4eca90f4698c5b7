//! Makes the full form of a model whose coarse form is shown already, and keeps it for the next time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use remora_assets::{Model, asset::Asset};
use remora_convert::Key;
use remora_render::Prepared;

use super::{Deliver, LoadFailure, LoaderOptions, Loading, build_options, pool, steps};

const QUEUE: usize = 8;

pub struct RefineJob {
    pub generation: u64,
    pub command: u32,
    pub model: Model,
    pub key: Option<Key>,
    pub source: &'static str,
}

pub struct Refiner {
    jobs: SyncSender<RefineJob>,
}

struct Worker {
    options: LoaderOptions,
    generation: Arc<AtomicU64>,
    deliver: Deliver,
}

impl Refiner {
    pub fn start(options: LoaderOptions, generation: Arc<AtomicU64>, deliver: Deliver) -> Self {
        let (jobs, inbox) = sync_channel(QUEUE);
        let worker = Worker { options, generation, deliver };
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
            let (generation, command) = (job.generation, job.command);
            let refined = match pool.install(|| self.refine(job)) {
                Ok(prepared) => Some(Box::new(prepared)),
                Err(LoadFailure::Abandoned) => continue,
                Err(error) => {
                    tracing::error!(%error, "a model keeps its coarse form");
                    None
                }
            };
            if !(self.deliver)(generation, command, Loading::Refined(refined)) {
                return;
            }
        }
    }

    fn refine(&self, job: RefineJob) -> Result<Prepared, LoadFailure> {
        let RefineJob { generation, command, model, key, source } = job;
        let options = build_options(&self.options, source);
        let told = steps(self.deliver.clone(), generation, command, "refining");
        let cancelled = || self.generation.load(Ordering::Relaxed) != generation;
        let asset = match (&self.options.cache, key) {
            (Some(cache), Some(key)) => cache.build(&key, &model, &options, &told, &cancelled)?,
            _ => Asset::from_model(&model, &options, &told, &cancelled)?,
        };
        drop(model);
        Ok(Prepared::new(&asset, &self.options.prepare)?)
    }
}
