//! The fence around a render host, which decodes untrusted files with libraries and drivers that are not memory-safe.
//!
//! ```text
//!   specification read ─▶ raise ─▶ threads, graphics driver, network ─▶ clients and their models
//! ```
//!
//! - Landlock ([`files`]) denies the host every file that it does not need, such as keys and database of the service
//!   and files of other hosts; starting programs; and signals and abstract sockets of other processes.
//! - seccomp ([`calls`]) denies system calls that it does not need: debugging, mounting, namespaces, kernel modules,
//!   `io_uring`, local sockets, starting programs, and changing modes and owners of files.
//! - `no_new_privs` denies the rights of set-user-ID programs.
//! - A limit prevents core dumps, which would contain the secrets of its clients.
//!
//! Landlock and seccomp apply to the calling thread and the threads that it starts, so the fence is raised before any
//! thread is started. A kernel without one of them enforces the rest, and the report says so.

mod calls;
mod error;
mod files;

use std::fmt;

use remora_protocol::link::{Fence, HostStart};
use rustix::process::{Resource, Rlimit, setrlimit};

use error::FenceError;

/// The parts of the fence that stand, and the reasons why others do not.
#[derive(Debug)]
pub struct FenceReport {
    files: Result<(), FenceError>,
    calls: Result<(), FenceError>,
}

impl FenceReport {
    /// Returns whether every part stands.
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

/// Raises the fence that the specification asks for around this process, which has no other thread yet.
///
/// # Errors
///
/// Returns the reason if the fence is required and a part of it does not stand.
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

/// Raises the fence around this process as far as this kernel can. The caller then checks whether the graphics driver
/// works within it.
pub fn raise_for_probe() -> FenceReport {
    forbid_core_dumps();
    raise_around_this_thread(&files::Access::of_the_system())
}

/// Tries the fence on a thread of its own, so that it does not affect this process.
pub fn try_fence() -> FenceReport {
    let tried = std::thread::Builder::new().name("fence".to_owned()).spawn(|| {
        let access = files::Access::of_the_system();
        raise_around_this_thread(&access)
    });
    let report = tried.ok().and_then(|thread| thread.join().ok());
    report.unwrap_or(FenceReport { files: Err(FenceError::Thread), calls: Err(FenceError::Thread) })
}

/// Raises the fence around this thread: files first, because seccomp is the part that every kernel has.
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
