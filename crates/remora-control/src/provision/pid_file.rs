//! Pid files, by which a control plane that starts finds the processes of existing hosts.
//!
//! A process is identified by its number, its start time and the boot. Numbers are reused, and only the host itself may
//! ever be signalled.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};

use crate::private_file;

/// Identity of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PidFile {
    pid: i32,
    /// Start time in clock ticks since boot, as in `/proc/<pid>/stat`.
    start_ticks: u64,
    boot_id: String,
}

impl PidFile {
    /// Returns the identity of a child that has not been waited for, and so exists.
    pub(super) fn of_child(pid: u32) -> io::Result<Self> {
        let pid = i32::try_from(pid).map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(Self { pid, start_ticks: start_ticks(pid)?, boot_id: boot_id()? })
    }

    /// Writes the file. Returns false if it exists, because another control plane has started the host.
    pub(super) fn create(&self, path: &Path) -> io::Result<bool> {
        private_file::create(path, &serde_json::to_vec(self).expect("numbers and strings are JSON"))
    }

    /// Reads a file; `None` if it does not exist.
    pub(super) fn read(path: &Path) -> io::Result<Option<Self>> {
        let Some(text) = private_file::read(path)? else {
            return Ok(None);
        };
        Ok(Some(serde_json::from_str(&text)?))
    }

    /// Returns a handle to exactly this process; `None` if it has ended.
    pub(super) fn open_process(&self) -> io::Result<Option<OwnedFd>> {
        if self.boot_id != boot_id()? {
            return Ok(None);
        }
        let Some(pid) = Pid::from_raw(self.pid) else {
            return Ok(None);
        };
        let handle = match pidfd_open(pid, PidfdFlags::NONBLOCK) {
            Ok(handle) => handle,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // Compared after the handle is open, because an open handle never refers to another process.
        match start_ticks(self.pid) {
            Ok(ticks) if ticks == self.start_ticks => Ok(Some(handle)),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn boot_id() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

fn start_ticks(pid: i32) -> io::Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    start_ticks_in(&stat)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc/<pid>/stat has no start time"))
}

/// Returns field 22 of proc(5). The second field, the name of the program, may contain blanks and brackets.
fn start_ticks_in(stat: &str) -> Option<u64> {
    let (_, fields_from_3) = stat.rsplit_once(") ")?;
    fields_from_3.split(' ').nth(22 - 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_time_is_found_behind_any_name() {
        let fields: String = (3..=52).map(|field| format!(" {field}")).collect();
        for name in ["remora", "a) b", ") 7 8 9 (", ""] {
            assert_eq!(start_ticks_in(&format!("1 ({name}){fields}")), Some(22), "{name}");
        }
        assert_eq!(start_ticks_in(""), None);
    }

    #[test]
    fn a_reused_number_is_another_process() {
        let mine = PidFile::of_child(std::process::id()).unwrap();
        assert!(mine.open_process().unwrap().is_some());
        assert!(earlier(&mine).open_process().unwrap().is_none());
        let other_boot = PidFile { boot_id: "another".into(), ..mine.clone() };
        assert!(other_boot.open_process().unwrap().is_none());
    }

    fn earlier(file: &PidFile) -> PidFile {
        PidFile { start_ticks: file.start_ticks - 1, ..file.clone() }
    }

    #[test]
    fn what_is_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("h.json");
        assert_eq!(PidFile::read(&path).unwrap(), None);
        let file = PidFile::of_child(std::process::id()).unwrap();
        assert!(file.create(&path).unwrap());
        assert!(!earlier(&file).create(&path).unwrap());
        assert_eq!(PidFile::read(&path).unwrap(), Some(file));
        std::fs::write(&path, "{").unwrap();
        assert!(PidFile::read(&path).is_err());
    }
}
