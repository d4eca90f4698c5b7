//! What the programs that stay have in common: an event loop, and how they are asked to end.

use std::path::PathBuf;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

const WORKERS: usize = 2;
/// Every connection is one; shells allow 1024 unless they are asked.
const DESCRIPTORS: u64 = 65_536;

/// Runs a program to its end.
pub fn run<T>(program: impl Future<Output = T>) -> Result<T, String> {
    allow_descriptors();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|error| format!("the event loop cannot be started: {error}"))?;
    Ok(runtime.block_on(program))
}

/// As many as the administrator allows, up to what is needed.
fn allow_descriptors() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(DESCRIPTORS, |maximum| maximum.min(DESCRIPTORS));
    if current.is_some_and(|current| current < wanted)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
    {
        tracing::warn!(%error, "there may be too few file descriptors");
    }
}

pub fn own_program() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|error| format!("the executable cannot be found: {error}"))
}

/// From now on SIGTERM and Ctrl-C do not end the program; `action` is called once, on another thread, when one comes.
#[cfg(feature = "host")]
pub fn when_asked_to_end(action: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let cannot = |error: std::io::Error| format!("signals cannot be listened to: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(cannot)?;
    let (mut terminate, mut interrupt) = {
        let _entered = runtime.enter();
        (signal(SignalKind::terminate()).map_err(cannot)?, signal(SignalKind::interrupt()).map_err(cannot)?)
    };
    let wait = move || {
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        });
        action();
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(wait).map(drop).map_err(cannot)
}

/// SIGTERM or Ctrl-C.
pub async fn asked_to_end() {
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = terminate => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
