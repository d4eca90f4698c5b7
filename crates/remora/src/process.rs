//! The event loop and the signals of long-running subcommands.

use std::path::PathBuf;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

const WORKERS: usize = 2;
/// Wanted limit of file descriptors. Every connection needs one, and shells permit 1024 by default.
const DESCRIPTORS: u64 = 65_536;

/// Runs a future on an event loop until it is complete.
pub(crate) fn run<T>(program: impl Future<Output = T>) -> Result<T, String> {
    allow_descriptors();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|error| format!("the event loop cannot be started: {error}"))?;
    Ok(runtime.block_on(program))
}

/// Raises the limit of file descriptors to [`DESCRIPTORS`] or the hard limit, whichever is lower.
fn allow_descriptors() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(DESCRIPTORS, |maximum| maximum.min(DESCRIPTORS));
    if current.is_some_and(|current| current < wanted)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
    {
        tracing::warn!(%error, "the limit of file descriptors cannot be raised");
    }
}

/// Returns the path of this executable.
pub(crate) fn own_program() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|error| format!("the executable cannot be found: {error}"))
}

/// Calls `action` once, on another thread, when SIGTERM or SIGINT arrives, and keeps the signals from ending the
/// program.
#[cfg(feature = "host")]
pub(crate) fn when_asked_to_end(action: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let cannot = |error: std::io::Error| format!("signal handlers cannot be installed: {error}");
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

/// Completes when SIGTERM or SIGINT arrives.
pub(crate) async fn asked_to_end() {
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
