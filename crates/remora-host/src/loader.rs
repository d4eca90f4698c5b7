//! Loads models on a thread of its own: fetch, decode, cut into clusters. What it makes is handed to the frame
//! thread, which only uploads. One model at a time; the queue is bounded by the stage.
//!
//! | address | what it names |
//! |---|---|
//! | `builtin://Engine?triangles=200000` | generated here |
//! | `http://…`, `https://…` | a GLB that is fetched, at most as large as memory allows |
//! | `file://…` | a file that the operator has offered; any other is refused, whether it exists or not |

use std::{
    io::Read,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use remora_assets::{
    LoadError, LoadLimits, Model,
    engine::{self, Builtin},
};
use remora_render::{PrepareOptions, Prepared};
use thiserror::Error;

const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);
const FETCH_TIME_MAX: Duration = Duration::from_secs(600);
const REDIRECTS_MAX: u32 = 5;
const QUEUE: usize = 8;
const READ_BYTES: usize = 1 << 18;
/// Progress is told in steps of a hundredth.
const STEPS: f32 = 100.0;

#[derive(Debug)]
pub struct Job {
    /// Which connection wants it; a later one does not.
    pub generation: u64,
    pub command: u32,
    pub uri: String,
}

pub enum Loading {
    Progress { stage: &'static str, fraction: f32 },
    Loaded { model: Arc<Model>, prepared: Box<Prepared> },
    Failed(LoadFailure),
}

#[derive(Debug, Error)]
pub enum LoadFailure {
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    TooLarge(String),
    #[error("{0}")]
    Invalid(String),
    #[error("the client that wanted it has left")]
    Abandoned,
}

impl LoadFailure {
    /// As `Error.code` in `proto/`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "UriRefused",
            Self::NotFound(_) => "ModelNotFound",
            Self::TooLarge(_) => "ModelTooLarge",
            Self::Invalid(_) | Self::Abandoned => "ModelInvalid",
        }
    }
}

pub struct LoaderOptions {
    pub model_files: Vec<String>,
    pub limits: LoadLimits,
    pub prepare: PrepareOptions,
}

pub struct Loader {
    jobs: SyncSender<Job>,
    generation: Arc<AtomicU64>,
}

impl Loader {
    /// `deliver` is called on the loader's thread; it returns false when nobody listens any more.
    pub fn start(options: LoaderOptions, deliver: impl Fn(u64, u32, Loading) -> bool + Send + 'static) -> Self {
        let (jobs, inbox) = sync_channel(QUEUE);
        let generation = Arc::new(AtomicU64::new(0));
        let worker = Worker { options, generation: generation.clone(), deliver: Box::new(deliver) };
        thread::Builder::new()
            .name("loader".to_owned())
            .spawn(move || worker.run(&inbox))
            .expect("a thread can be started at the host's start");
        Self { jobs, generation }
    }

    /// False if the queue is full.
    pub fn load(&self, job: Job) -> bool {
        self.jobs.try_send(job).is_ok()
    }

    /// Jobs of earlier generations are given up.
    pub fn only(&self, generation: u64) {
        self.generation.store(generation, Ordering::Relaxed);
    }
}

struct Worker {
    options: LoaderOptions,
    generation: Arc<AtomicU64>,
    deliver: Box<dyn Fn(u64, u32, Loading) -> bool + Send>,
}

impl Worker {
    fn run(&self, inbox: &Receiver<Job>) {
        for job in inbox {
            let loading = match self.load(&job) {
                Ok((model, prepared)) => Loading::Loaded { model, prepared: Box::new(prepared) },
                Err(failure) => Loading::Failed(failure),
            };
            if !(self.deliver)(job.generation, job.command, loading) {
                return;
            }
        }
    }

    fn load(&self, job: &Job) -> Result<(Arc<Model>, Prepared), LoadFailure> {
        let model = self.decode(job)?;
        self.check_wanted(job)?;
        let mut clustering = self.progress(job, "clustering");
        let prepared = Prepared::from_model(&model, &self.options.prepare, &mut clustering);
        self.check_wanted(job)?;
        (self.progress(job, "uploading"))(0.0);
        Ok((Arc::new(model), prepared))
    }

    fn decode(&self, job: &Job) -> Result<Model, LoadFailure> {
        let uri = job.uri.as_str();
        let (scheme, rest) = uri.split_once("://").ok_or_else(|| unknown_scheme(uri))?;
        match scheme {
            "builtin" => {
                (self.progress(job, "decoding"))(0.0);
                let builtin = engine::parse_builtin(uri).map_err(|error| LoadFailure::NotFound(error.to_string()))?;
                match builtin {
                    Builtin::Engine(detail) => Ok(engine::build(detail)),
                }
            }
            "file" => {
                let path =
                    percent_decoded(rest).ok_or_else(|| LoadFailure::Refused(format!("{uri:?} is not UTF-8")))?;
                let bytes = self.read_file(job, &path)?;
                self.decode_glb(job, &bytes, &path)
            }
            "http" | "https" => {
                let bytes = self.fetch(job, uri)?;
                self.decode_glb(job, &bytes, rest)
            }
            _ => Err(unknown_scheme(uri)),
        }
    }

    fn decode_glb(&self, job: &Job, bytes: &[u8], address: &str) -> Result<Model, LoadFailure> {
        self.check_wanted(job)?;
        let path = address.split(['?', '#']).next().unwrap_or(address);
        let name = Path::new(path).file_stem().map_or_else(|| path.into(), |stem| stem.to_string_lossy());
        let mut decoding = self.progress(job, "decoding");
        remora_assets::load_glb(bytes, &name, &self.options.limits, &mut decoding).map_err(|error| match error {
            LoadError::TooLarge { .. } => LoadFailure::TooLarge(error.to_string()),
            other => LoadFailure::Invalid(other.to_string()),
        })
    }

    fn read_file(&self, job: &Job, path: &str) -> Result<Vec<u8>, LoadFailure> {
        if !self.options.model_files.iter().any(|offered| offered == path) {
            return Err(LoadFailure::Refused(format!(
                "{path} is not one of the files that this service was started with (remora up --model FILE)"
            )));
        }
        let failed = |error: std::io::Error| LoadFailure::NotFound(format!("{path} cannot be read: {error}"));
        let file = std::fs::File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        self.read(job, file, Some(length), path)
    }

    fn fetch(&self, job: &Job, uri: &str) -> Result<Vec<u8>, LoadFailure> {
        let tls = ureq::tls::TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .build();
        let agent = ureq::Agent::config_builder()
            .timeout_connect(Some(CONNECT_TIME_MAX))
            .timeout_recv_response(Some(ANSWER_TIME_MAX))
            .timeout_global(Some(FETCH_TIME_MAX))
            .max_redirects(REDIRECTS_MAX)
            .http_status_as_error(false)
            .tls_config(tls)
            .build()
            .new_agent();
        let response = agent
            .get(uri)
            .call()
            .map_err(|error| LoadFailure::NotFound(format!("{uri} could not be fetched: {error}")))?;
        let status = response.status();
        if !status.is_success() {
            return Err(LoadFailure::NotFound(format!("{uri} answered {status} instead of a model")));
        }
        let length = response.body().content_length();
        self.read(job, response.into_body().into_reader(), length, uri)
    }

    /// Reads to the end, but never more than memory allows, whatever length was announced.
    fn read(
        &self,
        job: &Job,
        mut source: impl Read,
        length: Option<u64>,
        address: &str,
    ) -> Result<Vec<u8>, LoadFailure> {
        let bytes_max = self.options.limits.memory_bytes_max;
        let too_large = |bytes: u64| {
            LoadFailure::TooLarge(format!("{address} has at least {bytes} bytes; this host can take {bytes_max}"))
        };
        if let Some(length) = length.filter(|&length| length > bytes_max) {
            return Err(too_large(length));
        }
        let mut progress = self.progress(job, "fetching");
        let mut bytes = Vec::new();
        let mut chunk = vec![0; READ_BYTES];
        loop {
            self.check_wanted(job)?;
            let count = source
                .read(&mut chunk)
                .map_err(|error| LoadFailure::NotFound(format!("{address} broke off: {error}")))?;
            if count == 0 {
                return Ok(bytes);
            }
            if (bytes.len() + count) as u64 > bytes_max {
                return Err(too_large((bytes.len() + count) as u64));
            }
            bytes.extend_from_slice(&chunk[..count]);
            if let Some(length) = length.filter(|&length| length > 0) {
                progress(bytes.len() as f32 / length as f32);
            }
        }
    }

    fn check_wanted(&self, job: &Job) -> Result<(), LoadFailure> {
        if self.generation.load(Ordering::Relaxed) == job.generation { Ok(()) } else { Err(LoadFailure::Abandoned) }
    }

    /// Tells the fraction within one stage, only where it has grown by a step.
    fn progress(&self, job: &Job, stage: &'static str) -> impl FnMut(f32) {
        let mut told = -1.0;
        move |fraction: f32| {
            let fraction = fraction.clamp(0.0, 1.0);
            let step = (fraction * STEPS).floor();
            if step > told {
                told = step;
                (self.deliver)(job.generation, job.command, Loading::Progress { stage, fraction });
            }
        }
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
        "{uri:?} is not an address of a model; accepted are builtin://Engine, http:// and https:// addresses of a GLB, and \
         the files that this service was started with"
    ))
}

#[cfg(test)]
mod tests;
