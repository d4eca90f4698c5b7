//! Checks that the data directory is writable. It is not if the disk is full, a quota is exceeded, or the kernel has
//! made the file system read-only after an error.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use remora_session::Timestamp;
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::private_file;

/// Size of the file that is written: enough for a host's pid file and the beginning of its log.
const PROBE_BYTES: usize = 64 * 1_024;
/// Time for which a result is kept, so that frequent checks cause no load on the disk.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Checks one directory.
pub struct DiskProbe {
    directory: PathBuf,
    clock: Clock,
    last: Mutex<Option<(Timestamp, bool)>>,
}

impl DiskProbe {
    /// Makes a probe for the directory. Nothing is written yet.
    pub fn new(directory: &Path, clock: Clock) -> Self {
        Self { directory: directory.to_owned(), clock, last: Mutex::default() }
    }

    /// Writes and removes a small file, and returns whether that succeeded. Errors are logged.
    pub async fn is_writable(&self) -> bool {
        let mut last = self.last.lock().await;
        let now = self.clock.now();
        if let Some((at, answer)) = *last
            && now.since(at) < LOOK_INTERVAL
        {
            return answer;
        }
        let path = self.directory.join(format!(".space.{}", std::process::id()));
        let written = tokio::task::spawn_blocking(move || write_and_remove(&path)).await;
        let answer = match written.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, directory = %self.directory.display(), "cannot write to the data directory");
                false
            }
        };
        *last = Some((now, answer));
        answer
    }
}

fn write_and_remove(path: &Path) -> io::Result<()> {
    let written = std::fs::File::create(path).and_then(|mut file| file.write_all(&vec![0; PROBE_BYTES]));
    let removed = private_file::remove(path);
    written.and(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unwritable_directory_and_its_recovery_are_noticed() {
        let (clock, hand) = Clock::manual(Timestamp::from_milliseconds(1_700_000_000_000));
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("data");
        let probe = DiskProbe::new(&directory, clock);
        assert!(!probe.is_writable().await, "it is not there");
        std::fs::create_dir(&directory).unwrap();
        assert!(!probe.is_writable().await, "the answer is kept for a moment");
        hand.advance(LOOK_INTERVAL);
        assert!(probe.is_writable().await);
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
    }
}
