//! The fence around a render host, which decodes files of strangers with libraries and drivers that are not memory-safe.
//!
//! ```text
//!   specification read ─▶ raise ─▶ threads, graphics driver, network ─▶ clients and their models
//! ```
//!
//! | means | keeps the host from |
//! |---|---|
//! | Landlock ([`files`]) | every file that it does not need: keys and database of the service, files of other hosts; starting programs; signals and abstract sockets of other processes |
//! | seccomp ([`calls`]) | system calls that it does not need: debugging, mounting, namespaces, kernel modules, io_uring, local sockets, starting programs, changing modes and owners of files |
//! | `no_new_privs` | rights of set-user-ID programs |
//! | a limit | core dumps, which would hold the secrets of its clients |
//!
//! Landlock and seccomp hold for the calling thread and for those that it starts, so the fence is raised before there
//! are any. A kernel without one of them enforces the rest; the report says so.

mod calls;
mod files;

use std::fmt;

use remora_protocol::link::{Fence, HostStart};
use rustix::process::{Resource, Rlimit, setrlimit};
use thiserror::Error;

/// Which parts of the fence stand, and why a part does not.
#[derive(Debug)]
pub struct FenceReport {
    files: Result<(), FenceError>,
    calls: Result<(), FenceError>,
}

#[derive(Debug, Error)]
enum FenceError {
    #[error("this kernel has no Landlock, or it is not enabled (it needs Linux 5.13 and lsm=landlock)")]
    NoLandlock,
    #[error("{0}")]
    Landlock(#[from] landlock::RulesetError),
    #[error("{0}")]
    Seccomp(#[from] seccompiler::Error),
    #[error("{0}")]
    Filter(#[from] seccompiler::BackendError),
    #[error("the thread that tries it cannot be started")]
    Thread,
}

impl FenceReport {
    /// Whether every part stands.
    pub fn is_whole(&self) -> bool {
        self.files.is_ok() && self.calls.is_ok()
    }
}

impl fmt::Display for FenceReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.files {
            Ok(()) => formatter.write_str("files are fenced off by Landlock")?,
            Err(why) => write!(formatter, "files are NOT fenced off: {why}")?,
        }
        match &self.calls {
            Ok(()) => formatter.write_str("; system calls are filtered by seccomp"),
            Err(why) => write!(formatter, "; system calls are NOT filtered: {why}"),
        }
    }
}

/// Raises the fence around this process, which has no other thread yet, as the specification says.
///
/// # Errors
///
/// The fence is required, and a part of it does not stand.
pub(crate) fn raise(start: &HostStart) -> Result<(), String> {
    if start.spec.fence == Fence::Off {
        tracing::warn!("this host is not fenced off: hosts.fence is \"off\"");
        return Ok(());
    }
    forbid_core_dumps();
    let report = raise_around_this_thread(&files::Access::of(&start.placement));
    if report.is_whole() {
        tracing::info!(%report, "fenced off");
    } else if start.spec.fence == Fence::BestEffort {
        tracing::warn!(%report, "fenced off in part");
    } else {
        return Err(format!("hosts.fence is \"required\", but on this machine {report}"));
    }
    Ok(())
}

/// Raises the fence around this process as far as this kernel can, without a session: to see whether the graphics driver
/// works in it.
pub fn raise_for_probe() -> FenceReport {
    forbid_core_dumps();
    raise_around_this_thread(&files::Access::of_the_system())
}

/// Tries the fence on a thread of its own, so that this process stays as it is.
pub fn try_fence() -> FenceReport {
    let tried = std::thread::Builder::new().name("fence".to_owned()).spawn(|| {
        let access = files::Access::of_the_system();
        raise_around_this_thread(&access)
    });
    let report = tried.ok().and_then(|thread| thread.join().ok());
    report.unwrap_or(FenceReport { files: Err(FenceError::Thread), calls: Err(FenceError::Thread) })
}

/// Files first: the filter forbids nothing that Landlock needs, but it is the part that every kernel has.
fn raise_around_this_thread(access: &files::Access) -> FenceReport {
    FenceReport { files: files::restrict(access), calls: calls::filter() }
}

fn forbid_core_dumps() {
    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        tracing::warn!(%error, "core dumps cannot be forbidden");
    }
}

#[cfg(test)]
mod tests;
