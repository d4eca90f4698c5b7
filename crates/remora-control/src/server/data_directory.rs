//! The directory of one installation: locked while in use, and the keys that stay.
//!
//! Who keeps the database in it has it alone. Control planes whose database is elsewhere share it, and with it the keys
//! and the hosts of this machine.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ServerError;
use crate::token::{Tokens, new_private_key_pem};
use crate::{private_file, random};

/// With whom a directory is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    Alone,
    /// With others that hold it so.
    Together,
}

pub(super) struct DataDirectory {
    path: PathBuf,
    /// Released by the operating system, however this process ends.
    _lock: File,
}

struct KeysLock(File);

impl Drop for KeysLock {
    fn drop(&mut self) {
        // Closing the file, which follows, releases the lock too.
        let _ = self.0.unlock();
    }
}

impl Hold {
    fn try_lock(self, lock: &File) -> Result<(), TryLockError> {
        match self {
            Hold::Alone => lock.try_lock(),
            Hold::Together => lock.try_lock_shared(),
        }
    }
}

impl DataDirectory {
    pub fn open(path: &Path, hold: Hold) -> Result<Self, ServerError> {
        let unusable = |source| ServerError::DataDirectory { path: path.to_owned(), source };
        private_file::directory(path).map_err(unusable)?;
        let path = path.canonicalize().map_err(unusable)?;
        let lock =
            File::options().create(true).truncate(false).write(true).open(path.join("lock")).map_err(unusable)?;
        match hold.try_lock(&lock) {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(ServerError::DataDirectoryInUse { path }),
            Err(TryLockError::Error(source)) => Err(unusable(source)),
        }
    }

    /// Whether another process holds the directory against this one, found out without leaving anything in it.
    pub fn is_in_use(path: &Path, hold: Hold) -> bool {
        let lock = File::options().write(true).open(path.join("lock"));
        lock.is_ok_and(|lock| matches!(hold.try_lock(&lock), Err(TryLockError::WouldBlock)))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Nobody else makes keys in the directory while the guard lives: control planes that start together shall have
    /// the same. It takes as long as another's making of them, which is a second or two.
    pub fn lock_keys(&self) -> Result<impl Drop + use<>, ServerError> {
        let unusable = |source| ServerError::DataDirectory { path: self.path.clone(), source };
        let lock = File::options().create(true).truncate(false).write(true).open(self.path.join("keys.lock"));
        let lock = lock.map_err(unusable)?;
        lock.lock().map_err(unusable)?;
        Ok(KeysLock(lock))
    }

    pub fn tokens(&self) -> Result<Tokens, ServerError> {
        let path = self.path.join("token.key");
        let pem = self.read_or_make(&path, || Ok(new_private_key_pem()?))?;
        Tokens::new(&pem).map_err(|problem| ServerError::Damaged { path, problem: problem.to_string() })
    }

    pub fn host_key(&self) -> Result<[u8; 32], ServerError> {
        let path = self.path.join("hosts.key");
        let text = self.read_or_make(&path, || Ok(STANDARD.encode(random::bytes::<32>())))?;
        let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| ServerError::Damaged { path, problem: "it is not 32 bytes in base64".into() })
    }

    fn read_or_make(
        &self,
        path: &Path,
        make: impl FnOnce() -> Result<String, ServerError>,
    ) -> Result<String, ServerError> {
        let unusable = |source: io::Error| ServerError::DataDirectory { path: self.path.clone(), source };
        if let Some(content) = private_file::read(path).map_err(unusable)? {
            return Ok(content);
        }
        let content = make()?;
        private_file::write(path, content.as_bytes()).map_err(unusable)?;
        Ok(content)
    }
}
