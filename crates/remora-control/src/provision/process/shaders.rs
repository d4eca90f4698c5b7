//! The compiled shaders that a host begins with.
//!
//! Graphics drivers keep compiled shaders on disk, because compiling takes seconds. A host must not write code that another
//! host runs, so each host has a shader cache of its own. It begins as a copy of a cache that only trusted processes write.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// A cache that outgrows this holds shaders of other programs or old drivers. The host then compiles the rest itself.
const BYTES_MAX: u64 = 64 << 20;
/// Mesa and NVIDIA nest their files two or three deep.
const DEPTH_MAX: usize = 4;

/// Copies a shader cache into a directory that exists. Files that vanish meanwhile are left out.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut bytes_left = BYTES_MAX;
    copy_below(from, to, DEPTH_MAX, &mut bytes_left)
}

fn copy_below(from: &Path, to: &Path, depth: usize, bytes_left: &mut u64) -> io::Result<()> {
    for entry in fs::read_dir(from)?.flatten() {
        let (Ok(metadata), target) = (entry.metadata(), to.join(entry.file_name())) else { continue };
        if metadata.is_dir() && depth > 0 {
            DirBuilder::new().recursive(true).mode(0o700).create(&target)?;
            copy_below(&entry.path(), &target, depth - 1, bytes_left)?;
        } else if metadata.is_file() {
            let Some(left) = bytes_left.checked_sub(metadata.len()) else { return Ok(()) };
            *bytes_left = left;
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
    fn a_cache_that_is_too_large_is_copied_in_part() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        for path in [&from, &to] {
            fs::create_dir(path).unwrap();
        }
        fs::write(from.join("one"), "1234").unwrap();
        fs::write(from.join("two"), "5678").unwrap();
        copy_below(&from, &to, DEPTH_MAX, &mut 7).unwrap();
        assert_eq!(fs::read_dir(&to).unwrap().count(), 1);
    }
}
