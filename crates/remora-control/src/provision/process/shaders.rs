//! The compiled shaders that a host starts with.
//!
//! Graphics drivers keep compiled shaders on disk, because compiling takes seconds. A host must not write code that
//! another host runs, so each host has a shader cache of its own. It starts as a copy of a cache that only trusted
//! processes write.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::time::Duration;

use crate::clock::Deadline;

/// Maximum size of a copy. A larger cache holds shaders of other programs or old drivers; the host compiles the rest.
const BYTES_MAX: u64 = 64 << 20;
/// Maximum depth of folders. Mesa and NVIDIA nest their files two or three deep.
const DEPTH_MAX: usize = 4;

/// Maximum time of a copy, because the start of a host has a deadline.
const TIME_MAX: Duration = Duration::from_secs(2);

/// The remaining limits of a copy.
struct Budget {
    bytes: u64,
    deadline: Deadline,
}

/// Copies a shader cache into an existing directory. Files that vanish meanwhile, and those beyond the limits of size
/// and time, are left out. A file may be copied while it grows, because drivers verify the entries that they read.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    copy_below(from, to, DEPTH_MAX, &mut Budget { bytes: BYTES_MAX, deadline: Deadline::after(TIME_MAX) })
}

fn copy_below(from: &Path, to: &Path, depth: usize, budget: &mut Budget) -> io::Result<()> {
    for entry in fs::read_dir(from)?.flatten() {
        let (Ok(metadata), target) = (entry.metadata(), to.join(entry.file_name())) else { continue };
        if budget.deadline.has_passed() {
            return Ok(());
        }
        if metadata.is_dir() && depth > 0 {
            // Parents are not created: the host and its directory may have been removed meanwhile.
            match DirBuilder::new().mode(0o700).create(&target) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            copy_below(&entry.path(), &target, depth - 1, budget)?;
        } else if metadata.is_file() {
            let Some(left) = budget.bytes.checked_sub(metadata.len()) else { return Ok(()) };
            budget.bytes = left;
            match fs::copy(entry.path(), &target) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_is_copied_with_its_folders_and_without_links() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        fs::create_dir_all(from.join("ab")).unwrap();
        fs::create_dir(&to).unwrap();
        fs::write(from.join("index"), "index").unwrap();
        fs::write(from.join("ab/shader"), "code").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", from.join("link")).unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("index")).unwrap(), "index");
        assert_eq!(fs::read_to_string(to.join("ab/shader")).unwrap(), "code");
        assert!(!to.join("link").exists());
    }

    #[test]
    fn a_cache_for_which_there_is_no_room_or_no_time_is_copied_in_part() {
        let later = Deadline::after(Duration::from_mins(1));
        for (mut budget, copied) in [
            (Budget { bytes: 8, deadline: later }, 2),
            (Budget { bytes: 7, deadline: later }, 1),
            (Budget { bytes: 8, deadline: Deadline::after(Duration::ZERO) }, 0),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let (from, to) = (directory.path().join("from"), directory.path().join("to"));
            for path in [&from, &to] {
                fs::create_dir(path).unwrap();
            }
            fs::write(from.join("one"), "1234").unwrap();
            fs::write(from.join("two"), "5678").unwrap();
            copy_below(&from, &to, DEPTH_MAX, &mut budget).unwrap();
            assert_eq!(fs::read_dir(&to).unwrap().count(), copied);
        }
    }
}
