//! What the programs that stay have in common: an event loop, and how they are asked to end.

use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

const WORKERS: usize = 2;

/// Runs a program to its end.
pub fn run<T>(program: impl Future<Output = T>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|error| format!("the event loop cannot be started: {error}"))?;
    Ok(runtime.block_on(program))
}

pub fn own_program() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|error| format!("the executable cannot be found: {error}"))
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
