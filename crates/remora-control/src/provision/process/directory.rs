//! Notifications of the kernel about files that other control planes create or remove in the directory of hosts.

use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{Known, file_error};
use crate::private_file;
use crate::provision::ProvisionError;

/// Size of the buffer: some dozens of events with names as long as host ids.
const EVENT_BYTES: usize = 8 * 1024;

/// A watch on the directory. It reports every change since its creation.
pub(super) struct Directory {
    path: PathBuf,
    events: AsyncFd<OwnedFd>,
}

enum Change {
    /// This file was created or removed.
    File(PathBuf),
    /// More changes than the kernel has recorded.
    Anything,
}

impl Directory {
    pub(super) fn watch(path: &Path) -> io::Result<Self> {
        let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        // A pid file appears by a link and goes by being removed.
        inotify::add_watch(&events, path, WatchFlags::CREATE | WatchFlags::DELETE)?;
        // SAFETY: the descriptor stays open and the same: it is owned by the AsyncFd and never replaced.
        let events = unsafe { AsyncFd::register_with_interest(events, Interest::READABLE) }?;
        Ok(Self { path: path.to_owned(), events })
    }

    /// Updates the known hosts after each change. Ends only if the directory cannot be watched any more.
    pub(super) async fn follow(self, known: Arc<Known>) {
        loop {
            let changes = match self.next().await {
                Ok(changes) => changes,
                Err(error) => {
                    tracing::error!(directory = %self.path.display(), %error, "the hosts of others cannot be seen");
                    return;
                }
            };
            for change in changes {
                let updated = match change {
                    Change::Anything => known.read_all(),
                    Change::File(path) if path.extension().is_none_or(|extension| extension != "json") => Ok(()),
                    Change::File(path) if path.exists() => known.adopt(&path),
                    Change::File(path) => {
                        known.forget(&path);
                        Ok(())
                    }
                };
                if let Err(error) = updated {
                    tracing::warn!(%error, "a host of another control plane cannot be adopted");
                }
            }
        }
    }

    async fn next(&self) -> io::Result<Vec<Change>> {
        let mut ready = self.events.readable().await?;
        let mut buffer = [MaybeUninit::uninit(); EVENT_BYTES];
        let mut reader = inotify::Reader::new(self.events.get_ref(), &mut buffer);
        let mut changes = Vec::new();
        loop {
            match reader.next() {
                Ok(event) if event.events().contains(ReadFlags::QUEUE_OVERFLOW) => changes.push(Change::Anything),
                Ok(event) => {
                    let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                    changes.extend(name.map(|name| Change::File(self.path.join(name))));
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    ready.clear_ready();
                    return Ok(changes);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Known {
    /// Adopts every host that the directory names.
    pub(super) fn read_all(self: &Arc<Self>) -> Result<(), ProvisionError> {
        let failed = |source| file_error(&self.directory, source);
        for entry in std::fs::read_dir(&self.directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("json") => self.adopt(&path)?,
                // A crash before the file was complete, and so before the host got its start line: the host has ended.
                Some("new") => private_file::remove_unfinished(&path).map_err(|source| file_error(&path, source))?,
                _ => {}
            }
        }
        Ok(())
    }
}
