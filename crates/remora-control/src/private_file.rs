//! Files and directories that only their owner may read. Files are always written completely or not at all.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

const DIRECTORY_MODE: u32 = 0o700;
/// The bit of directories such as `/tmp`, which all users share.
const STICKY: u32 = 0o1000;

/// Creates a directory that only its owner may enter, or removes the access of others from an existing one.
///
/// # Errors
///
/// Refuses a directory that belongs to another user or is shared by all of them, and leaves it unchanged.
pub fn directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path)?;
    let found = std::fs::metadata(path)?;
    let (owner, user) = (found.uid(), rustix::process::geteuid().as_raw());
    let refused = |problem: String| Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
    if owner != user {
        return refused(format!("it belongs to the user with the number {owner}, and this program runs as {user}"));
    }
    if found.mode() & STICKY != 0 {
        return refused("it is shared by all users of the machine; a directory below it can be used".into());
    }
    if found.mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "removed the access of other users to a directory");
        std::fs::set_permissions(path, Permissions::from_mode(DIRECTORY_MODE))?;
    }
    Ok(())
}

/// Replaces the content of a file. Readers see the old or the new content, even after a crash.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let mut unfinished = std::ffi::OsString::from(".");
    unfinished.push(name);
    unfinished.push(".new");
    let unfinished = directory.join(unfinished);
    // A file left by a crash may have any mode, and `mode` only applies to new files.
    remove(&unfinished)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    File::open(directory)?.sync_all()
}

/// Creates a file like [`write()`], unless it exists. One of several concurrent calls succeeds; the others return
/// `false`.
pub fn create(path: &Path, content: &[u8]) -> io::Result<bool> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    // Other processes may create the same file now, so the temporary name contains the process id.
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

/// Removes the temporary file that an ended process has left in [`create`]. Leaves files of running processes.
pub fn remove_unfinished(path: &Path) -> io::Result<()> {
    let creator = path.file_stem().and_then(|stem| Path::new(stem).extension()).and_then(|id| id.to_str());
    let at_work = creator
        .and_then(|id| id.parse::<u32>().ok())
        .is_some_and(|id| id != std::process::id() && Path::new(&format!("/proc/{id}")).exists());
    if at_work { Ok(()) } else { remove(path) }
}

/// Returns the content, or `None` if the file does not exist.
pub fn read(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes a file. A missing file is not an error.
pub fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn a_directory_is_created_for_its_owner_and_an_open_one_is_closed() {
        let parent = tempfile::tempdir().unwrap();
        let (new, open) = (parent.path().join("a/new"), parent.path().join("open"));
        directory(&new).unwrap();
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, Permissions::from_mode(0o755)).unwrap();
        directory(&open).unwrap();
        assert_eq!((mode(&new), mode(&parent.path().join("a")), mode(&open)), (0o700, 0o700, 0o700));
    }

    #[test]
    fn directories_of_other_users_and_shared_ones_are_refused_and_unchanged() {
        let shared = tempfile::tempdir().unwrap();
        std::fs::set_permissions(shared.path(), Permissions::from_mode(0o1777)).unwrap();
        let mut refused = vec![shared.path()];
        // Only a privileged user can give a directory away. For any other user, `/` belongs to another user.
        let given = tempfile::tempdir().unwrap();
        match std::os::unix::fs::chown(given.path(), Some(12_345), None) {
            Ok(()) => refused.push(given.path()),
            Err(_) => refused.push(Path::new("/")),
        }
        for path in refused {
            let before = mode(path);
            assert_eq!(directory(path).unwrap_err().kind(), io::ErrorKind::PermissionDenied, "{}", path.display());
            assert_eq!(mode(path), before);
        }
    }

    #[test]
    fn only_the_first_caller_creates_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("h.json");
        assert!(create(&path, b"one").unwrap());
        assert!(!create(&path, b"two").unwrap());
        assert_eq!(read(&path).unwrap().as_deref(), Some("one"));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn files_of_running_processes_are_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        // Process 1 always runs, and the other number is too large for a process.
        for (name, stays) in [(".h.json.1.new", true), (".h.json.4194305.new", false), (".h.json.new", false)] {
            let path = directory.path().join(name);
            std::fs::write(&path, "{").unwrap();
            remove_unfinished(&path).unwrap();
            assert_eq!(path.exists(), stays, "{name}");
        }
    }

    #[test]
    fn files_are_private_and_nothing_half_written_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        std::fs::write(directory.path().join(".key.new"), "left by a crash, readable by everyone").unwrap();
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("two"));
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert_eq!(read(&path).unwrap(), None);
    }
}
