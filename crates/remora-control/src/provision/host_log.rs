//! The logs of hosts, bounded in length and number.
//!
//! Each host writes to its own file, so it needs no control plane for that. It appends, so that the file can be
//! truncated while the host writes.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Length at which a log becomes the previous log and a new one begins.
pub(super) const BYTES_MAX: u64 = 4 << 20;
/// Number of logs of gone hosts: enough to find the cause of yesterday's failure.
pub(super) const KEPT_MAX: usize = 32;

/// Opens or creates a log for appending.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// Limits the file and its predecessor to about [`BYTES_MAX`] each.
pub(super) fn bound(path: &Path) -> io::Result<()> {
    if std::fs::metadata(path)?.len() > BYTES_MAX {
        std::fs::copy(path, previous(path))?;
        OpenOptions::new().write(true).open(path)?.set_len(0)?;
    }
    Ok(())
}

/// Removes the oldest logs of the directory until `kept` are left.
pub(super) fn forget(directory: &Path, kept: usize) -> io::Result<()> {
    let mut logs: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "log") {
            logs.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    logs.sort();
    for (_, path) in &logs[..logs.len().saturating_sub(kept)] {
        crate::private_file::remove(path)?;
        crate::private_file::remove(&previous(path))?;
    }
    Ok(())
}

fn previous(path: &Path) -> PathBuf {
    path.with_extension("log.1")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_long_log_is_truncated_while_it_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("h.log");
        let mut writer = open(&path).unwrap();
        writer.write_all(&vec![b'a'; BYTES_MAX as usize]).unwrap();
        bound(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), BYTES_MAX, "not yet too long");
        writer.write_all(b"b").unwrap();
        bound(&path).unwrap();
        writer.write_all(b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::metadata(previous(&path)).unwrap().len(), BYTES_MAX + 1);
    }

    #[test]
    fn the_oldest_logs_are_forgotten_with_their_predecessors() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for (seconds, name) in (1..).zip(["c.log", "a.log", "b.log"]) {
            let file = open(&path(name)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).unwrap();
        }
        std::fs::write(path("c.log.1"), "").unwrap();
        std::fs::write(path("d.json"), "").unwrap();
        forget(directory.path(), 2).unwrap();
        let mut left: Vec<_> =
            std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["a.log", "b.log", "d.json"]);
    }
}
