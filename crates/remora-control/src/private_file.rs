//! Files that only their owner may read, written whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Readers see the old content or the new one, after a crash too.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let mut unfinished = std::ffi::OsString::from(".");
    unfinished.push(name);
    unfinished.push(".new");
    let unfinished = directory.join(unfinished);
    // A file that a crash left behind may have any mode; `mode` counts only for a file that is created.
    remove(&unfinished)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    File::open(directory)?.sync_all()
}

/// Like [`write`], but only if there is no such file yet: of several that try, one succeeds. False for the others.
pub fn create(path: &Path, content: &[u8]) -> io::Result<bool> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    // Others may be about the same at this moment, so that the name has to be this process's own.
    let unfinished = directory.join(format!(".{name}.{}.new", std::process::id()));
    remove(&unfinished)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&unfinished, path);
    remove(&unfinished)?;
    match linked {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(error),
    }
    File::open(directory)?.sync_all()?;
    Ok(true)
}

/// Removes what a process that has ended has left of a [`create`]. Not what another is in the middle of.
pub fn remove_unfinished(path: &Path) -> io::Result<()> {
    let creator = path.file_stem().and_then(|stem| Path::new(stem).extension()).and_then(|id| id.to_str());
    let at_work = creator
        .and_then(|id| id.parse::<u32>().ok())
        .is_some_and(|id| id != std::process::id() && Path::new(&format!("/proc/{id}")).exists());
    if at_work { Ok(()) } else { remove(path) }
}

/// The content, or `None` if there is no such file.
pub fn read(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// No error if there is no such file.
pub fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_first_creates_and_nobody_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("h.json");
        assert!(create(&path, b"one").unwrap());
        assert!(!create(&path, b"two").unwrap());
        assert_eq!(read(&path).unwrap().as_deref(), Some("one"));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_another_is_in_the_middle_of_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        // The first process lives as long as the machine; no process has the other number.
        for (name, stays) in [(".h.json.1.new", true), (".h.json.4194305.new", false), (".h.json.new", false)] {
            let path = directory.path().join(name);
            std::fs::write(&path, "{").unwrap();
            remove_unfinished(&path).unwrap();
            assert_eq!(path.exists(), stays, "{name}");
        }
    }

    #[test]
    fn only_the_owner_reads_and_nothing_half_written_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        std::fs::write(directory.path().join(".key.new"), "left by a crash, readable by everyone").unwrap();
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("two"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert_eq!(read(&path).unwrap(), None);
    }
}
