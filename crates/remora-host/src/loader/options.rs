//! The loader's options.

use std::sync::Arc;

use remora_build::BuildOptions;
use remora_convert::Cache;
use remora_protocol::link::RemoteModels;
use remora_render::PrepareOptions;

use crate::memory::ImportMemory;

/// The options of a loader.
#[derive(Clone)]
pub(crate) struct LoaderOptions {
    /// Paths of the files that the operator offers.
    pub(crate) model_files: Vec<String>,
    pub(crate) remote_models: RemoteModels,
    pub(crate) memory: Arc<ImportMemory>,
    pub(crate) prepare: PrepareOptions,
    /// Stores full forms. Without it they are built for each load, in memory.
    pub(crate) cache: Option<Cache>,
    /// Threads for importing. Refining uses half as many, at least one.
    pub(crate) threads: usize,
}

impl LoaderOptions {
    /// Returns the options for building the full form of a model. `source` names its format.
    pub(super) fn build_options(&self, source: &str) -> BuildOptions {
        BuildOptions {
            texture_dimension_max: self.prepare.texture_dimension_max,
            source: source.to_owned(),
            ..BuildOptions::default()
        }
    }
}

/// Starts a pool of threads.
pub(super) fn pool(name: &'static str, threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.max(1))
        .thread_name(move |number| format!("{name} {number}"))
        .build()
        .expect("threads can be started at the host's start")
}
