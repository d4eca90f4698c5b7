//! A cache of converted models, by the content of the models.
//!
//! The cache is a directory of assets. Each is named by the digest of everything that it was made from. Several
//! processes may share the directory: files appear and disappear as a whole, and a mapped file lives on until it is
//! unmapped.

use std::fs::{DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{Context, SHA256};
use remora_asset::Asset;
use remora_asset::layout::VERSION;
use remora_build::{BuildOptions, Detail, REVISION};
use remora_model::Model;

use crate::clock::now;
use crate::source::map_asset;
use crate::write::{TEMPORARY_PREFIX, write};
use crate::{ConvertError, Source, open_asset};

/// Age from which a temporary file counts as left behind by a process that was killed.
const ABANDONED_AFTER: Duration = Duration::from_hours(24);
/// Bytes of a file that are read at a time.
const PIECE_BYTES: usize = 1 << 18;
const EXTENSION: &str = "arrAsset";

/// A directory of converted models.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
    bytes_max: u64,
}

/// The digest of everything that an asset depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Cache {
    /// Opens a cache and creates its directory if it is missing. Together the files in it take at most `bytes_max`
    /// bytes; those that were used least recently are removed first.
    ///
    /// # Errors
    ///
    /// The directory cannot be created.
    pub fn open(directory: &Path, bytes_max: u64) -> Result<Self, ConvertError> {
        Self::create_directory(directory)?;
        Ok(Self { directory: directory.to_owned(), bytes_max })
    }

    /// Creates the directory of a cache if it is missing. Only its owner can read it, because models are private.
    ///
    /// # Errors
    ///
    /// The directory cannot be created.
    pub fn create_directory(directory: &Path) -> Result<(), ConvertError> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(ConvertError::write(directory))
    }

    /// Returns the key of an asset that is built with these options from `content`.
    pub fn key(&self, content: &[u8], options: &BuildOptions) -> Key {
        let mut digest = begun(options);
        digest.update(content);
        finished(digest)
    }

    /// Returns the asset if the cache has it. A damaged one is removed.
    pub fn get(&self, key: &Key) -> Option<Asset> {
        let path = self.path(key);
        let asset = match open_asset(&path) {
            Ok(asset) => asset,
            Err(ConvertError::Asset { .. }) => {
                tracing::warn!(path = %path.display(), "removing a damaged asset from the cache");
                let _ = std::fs::remove_file(&path);
                return None;
            }
            Err(_) => return None,
        };
        // Marks the file as used. The asset can be used all the same if the directory is read-only.
        let _ = File::options().append(true).open(&path).and_then(|file| file.set_modified(now()));
        Some(asset)
    }

    /// Builds an asset into the cache and returns it; see [`write_asset`](crate::write_asset). A directory that was
    /// deleted is created again.
    ///
    /// # Errors
    ///
    /// The asset cannot be built or written, or `cancelled` has returned true.
    pub fn build(
        &self,
        key: &Key,
        model: &Model,
        options: &BuildOptions,
        progress: &(dyn Fn(f32) + Sync),
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Asset, ConvertError> {
        Self::create_directory(&self.directory)?;
        let path = self.path(key);
        // Mapped by its handle, because another process may have removed the file by now. An open file lives on.
        let (file, _) = write(model, options, &path, progress, cancelled)?;
        let asset = map_asset(&file, &path)?;
        self.evict();
        Ok(asset)
    }

    /// Removes the least recently used files until the rest is small enough.
    fn evict(&self) {
        self.sweep();
        let Ok(entries) = std::fs::read_dir(&self.directory) else { return };
        let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let metadata = path.metadata().ok()?;
                let is_ours = metadata.is_file() && path.extension().is_some_and(|extension| extension == EXTENSION);
                is_ours.then_some((metadata.modified().ok()?, metadata.len(), path))
            })
            .collect();
        files.sort();
        let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, length, path) in files {
            if bytes <= self.bytes_max {
                return;
            }
            // Another process may have removed the file already.
            let _ = std::fs::remove_file(path);
            bytes -= length;
        }
    }

    /// Removes temporary files that were left behind by processes that were killed.
    fn sweep(&self) {
        let Ok(entries) = std::fs::read_dir(&self.directory) else { return };
        for entry in entries.flatten() {
            let is_temporary = entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX);
            let written = entry.metadata().and_then(|metadata| metadata.modified());
            let age = written.ok().and_then(|written| now().duration_since(written).ok());
            if is_temporary && age.is_some_and(|age| age > ABANDONED_AFTER) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.directory.join(&key.0).with_extension(EXTENSION)
    }
}

impl Source {
    /// Returns the key of an asset that is built from this model with these options. Files beside the model are part of
    /// it; a file that cannot be opened counts as empty, and importing reports it.
    ///
    /// # Errors
    ///
    /// The model is damaged, or a file beside it cannot be read.
    pub fn key(&self, options: &BuildOptions) -> Result<Key, ConvertError> {
        let mut digest = begun(options);
        digest.update(self.bytes());
        for path in self.references()? {
            let content = self.open_beside(&path).ok();
            let bytes = content.as_ref().map_or(0, |(_, bytes)| *bytes);
            // Every part is preceded by its length, so that no two lists of files have the same digest.
            for length in [path.len() as u64, bytes] {
                digest.update(&length.to_le_bytes());
            }
            digest.update(path.as_bytes());
            if let Some((file, bytes)) = content {
                digest_file(&mut digest, file, bytes).map_err(ConvertError::read(Path::new(&path)))?;
            }
        }
        Ok(finished(digest))
    }
}

fn digest_file(digest: &mut Context, file: File, bytes: u64) -> io::Result<()> {
    let mut rest = file.take(bytes);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match rest.read(&mut piece)? {
            0 => return Ok(()),
            count => digest.update(&piece[..count]),
        }
    }
}

/// Begins a digest with everything besides the content that the result depends on.
fn begun(options: &BuildOptions) -> Context {
    let BuildOptions { detail, compress_textures, texture_dimension_max, source } = options;
    let coarse = match detail {
        Detail::Full => 0,
        Detail::Coarse { primitives_max } => *primitives_max,
    };
    let program = env!("CARGO_PKG_VERSION");
    let made =
        format!("{VERSION} {REVISION} {program} {coarse} {compress_textures} {texture_dimension_max} {source}\0");
    let mut digest = Context::new(&SHA256);
    digest.update(made.as_bytes());
    digest
}

fn finished(digest: Context) -> Key {
    Key(digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests;
