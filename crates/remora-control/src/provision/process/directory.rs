//! What other control planes do in the directory of hosts, as the kernel tells it.

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

/// For some dozens of events with names as long as host ids.
const EVENT_BYTES: usize = 8 * 1024;

/// From its making on nothing that happens in the directory is missed.
pub(super) struct Directory {
    path: PathBuf,
    events: AsyncFd<OwnedFd>,
}

enum Seen {
    /// Something has happened to this file.
    File(PathBuf),
    /// More than the kernel remembers.
    Anything,
}

impl Directory {
    pub fn watch(path: &Path) -> io::Result<Self> {
        let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        // A pid file appears by a link and goes by being removed.
        inotify::add_watch(&events, path, WatchFlags::CREATE | WatchFlags::DELETE)?;
        // SAFETY: the descriptor stays open and the same: it is owned by the AsyncFd and never replaced.
        let events = unsafe { AsyncFd::register_with_interest(events, Interest::READABLE) }?;
        Ok(Self { path: path.to_owned(), events })
    }

    /// Tells what is known about what happens. Ends only if the directory cannot be watched any more.
    pub async fn follow(self, known: Arc<Known>) {
        loop {
            let seen = match self.next().await {
                Ok(seen) => seen,
                Err(error) => {
                    tracing::error!(directory = %self.path.display(), %error, "the hosts of others cannot be seen");
                    return;
                }
            };
            for seen in seen {
                let told = match seen {
                    Seen::Anything => known.read_all(),
                    Seen::File(path) if path.extension().is_none_or(|extension| extension != "json") => Ok(()),
                    Seen::File(path) if path.exists() => known.adopt(&path),
                    Seen::File(path) => {
                        known.forget(&path);
                        Ok(())
                    }
                };
                if let Err(error) = told {
                    tracing::warn!(%error, "a host of another control plane cannot be adopted");
                }
            }
        }
    }

    async fn next(&self) -> io::Result<Vec<Seen>> {
        let mut ready = self.events.readable().await?;
        let mut buffer = [MaybeUninit::uninit(); EVENT_BYTES];
        let mut reader = inotify::Reader::new(self.events.get_ref(), &mut buffer);
        let mut seen = Vec::new();
        loop {
            match reader.next() {
                Ok(event) if event.events().contains(ReadFlags::QUEUE_OVERFLOW) => seen.push(Seen::Anything),
                Ok(event) => {
                    let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                    seen.extend(name.map(|name| Seen::File(self.path.join(name))));
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    ready.clear_ready();
                    return Ok(seen);
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
                // A crash came before the file was whole, and so before the host was told anything: it has ended.
                Some("new") => private_file::remove_unfinished(&path).map_err(|source| file_error(&path, source))?,
                _ => {}
            }
        }
        Ok(())
    }
}
