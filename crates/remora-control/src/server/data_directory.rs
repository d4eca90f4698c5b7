//! The data directory of an installation, which is locked while it is in use, and the keys in it.
//!
//! A control plane whose database is in the directory holds it alone. Control planes whose database is elsewhere share
//! it, and with it the keys and the hosts of this machine.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ServerError;
use crate::token::{Tokens, new_private_key_pem};
use crate::{private_file, random};

/// How a directory is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// By one process.
    Alone,
    /// Shared with other processes that lock it in the same way.
    Together,
}

/// A locked data directory.
pub(super) struct DataDirectory {
    path: PathBuf,
    /// The operating system releases the lock when this process ends, for whatever reason.
    _lock: File,
}

struct KeysLock(File);

impl Drop for KeysLock {
    fn drop(&mut self) {
        // An error does not matter: closing the file releases the lock too.
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
    /// Creates the directory if it is missing, and locks it.
    pub(crate) fn open(path: &Path, hold: Hold) -> Result<Self, ServerError> {
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

    /// Returns whether another process keeps this one from locking the directory. Leaves nothing in it.
    pub(crate) fn is_in_use(path: &Path, hold: Hold) -> bool {
        let lock = File::options().write(true).open(path.join("lock"));
        lock.is_ok_and(|lock| matches!(hold.try_lock(&lock), Err(TryLockError::WouldBlock)))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps other control planes from creating keys while the guard lives, so that control planes that start together
    /// use the same keys. Waits while another one creates them, which takes a second or two.
    pub(crate) fn lock_keys(&self) -> Result<impl Drop + use<>, ServerError> {
        let unusable = |source| ServerError::DataDirectory { path: self.path.clone(), source };
        let lock = File::options().create(true).truncate(false).write(true).open(self.path.join("keys.lock"));
        let lock = lock.map_err(unusable)?;
        lock.lock().map_err(unusable)?;
        Ok(KeysLock(lock))
    }

    /// Returns the key pair of access tokens, creating it if it is missing.
    pub(crate) fn tokens(&self) -> Result<Tokens, ServerError> {
        let path = self.path.join("token.key");
        let pem = self.read_or_make(&path, || Ok(new_private_key_pem()?))?;
        Tokens::new(&pem).map_err(|problem| ServerError::Damaged { path, problem: problem.to_string() })
    }

    /// Returns the key from which secrets of hosts derive, creating it if it is missing.
    pub(crate) fn host_key(&self) -> Result<[u8; 32], ServerError> {
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
