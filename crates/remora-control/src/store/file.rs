//! The file of an SQLite database.
//!
//! Only its owner may read the file, because sessions contain addresses that give access to storage accounts. The file
//! appears only once it is a complete database, so an empty file is always damaged.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::error::StoreError;
use crate::private_file;

const OWNER_ONLY: u32 = 0o600;
/// Files that SQLite keeps beside a database. It gives them the permissions of the database.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// Returns whether there is a database, and makes it readable by its owner only.
pub(super) fn exists(path: &Path) -> Result<bool, StoreError> {
    let unusable = |source: io::Error| StoreError::Open { place: path.display().to_string(), source: source.into() };
    match std::fs::metadata(path) {
        Ok(file) if file.len() == 0 => Err(StoreError::Empty { path: path.display().to_string() }),
        Ok(_) => {
            let companions = COMPANIONS.iter().map(|companion| beside(path, companion));
            for file in companions.filter(|file| file.exists()).chain([path.to_owned()]) {
                std::fs::set_permissions(file, Permissions::from_mode(OWNER_ONLY)).map_err(unusable)?;
            }
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unusable(error)),
    }
}

/// A new database that is not complete yet.
pub(super) struct Unfinished {
    unfinished: PathBuf,
    path: PathBuf,
}

impl Unfinished {
    /// Begins a database that will be at `path`. Removes files of an interrupted attempt.
    pub(super) fn begin(path: &Path) -> Result<Self, StoreError> {
        let mut name = OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(".new");
        let this = Self { unfinished: path.with_file_name(name), path: path.to_owned() };
        this.create().map_err(|source| this.unusable(source))?;
        Ok(this)
    }

    /// Returns the path of the file until [`finish`](Self::finish).
    pub(super) fn unfinished(&self) -> &Path {
        &self.unfinished
    }

    /// Moves the database to its place. All connections to it must have been closed.
    pub(super) fn finish(self) -> Result<(), StoreError> {
        let finish = || {
            std::fs::rename(&self.unfinished, &self.path)?;
            File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()
        };
        finish().map_err(|source| self.unusable(source))
    }

    fn create(&self) -> io::Result<()> {
        for companion in COMPANIONS {
            private_file::remove(&beside(&self.unfinished, companion))?;
        }
        private_file::remove(&self.unfinished)?;
        OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(&self.unfinished).map(drop)
    }

    fn unusable(&self, source: io::Error) -> StoreError {
        StoreError::Open { place: self.path.display().to_string(), source: source.into() }
    }
}

fn beside(path: &Path, companion: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(companion);
    name.into()
}
