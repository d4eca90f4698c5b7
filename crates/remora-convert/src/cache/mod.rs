//! Assets that were made from models seen before, by the content of those.
//!
//! A directory of files, each named by what it was made from and how. Several processes may share it: files appear and
//! disappear as a whole, and one that is mapped lives on until it is let go.

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
use crate::write::{TEMPORARY_PREFIX, write};
use crate::{ConvertError, Source, open_asset};

/// A temporary file that has not been written to for so long was left by a process that was killed.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Of a file, that is read at a time.
const PIECE_BYTES: usize = 1 << 18;
const EXTENSION: &str = "arrAsset";

#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
    bytes_max: u64,
}

/// Names an asset by everything that it depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Cache {
    /// Makes the directory, if it is not there. The files in it are kept below `bytes_max` bytes together, those that
    /// were used last.
    pub fn open(directory: &Path, bytes_max: u64) -> Result<Self, ConvertError> {
        // Models are seen by their owner only. A control plane has made the directory before its hosts open it.
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(ConvertError::write(directory))?;
        Ok(Self { directory: directory.to_owned(), bytes_max })
    }

    /// Of something that is made with these options from `content`.
    pub fn key(&self, content: &[u8], options: &BuildOptions) -> Key {
        let mut digest = begun(options);
        digest.update(content);
        finished(digest)
    }

    /// The asset, if it is there. One that is damaged is taken away.
    pub fn get(&self, key: &Key) -> Option<Asset> {
        let path = self.path(key);
        let asset = match open_asset(&path) {
            Ok(asset) => asset,
            Err(ConvertError::Asset { .. }) => {
                tracing::warn!(path = %path.display(), "a damaged asset is taken out of the cache");
                let _ = std::fs::remove_file(&path);
                return None;
            }
            Err(_) => return None,
        };
        // Its place among those that were used last; a directory that cannot be written to still serves.
        let _ = File::options().append(true).open(&path).and_then(|file| file.set_modified(now()));
        Some(asset)
    }

    /// Builds the asset and keeps it; see [`write_asset`].
    pub fn build(
        &self,
        key: &Key,
        model: &Model,
        options: &BuildOptions,
        told: &(dyn Fn(f32) + Sync),
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Asset, ConvertError> {
        let path = self.path(key);
        // Opened by its handle: another process may have evicted it by now, and what is open lives on.
        let (file, _) = write(model, options, &path, told, cancelled)?;
        let asset = crate::source::asset_of(&file, &path)?;
        self.evict();
        Ok(asset)
    }

    /// Takes away what was used longest ago, until the rest is small enough.
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
            // Another process may have been quicker.
            let _ = std::fs::remove_file(path);
            bytes -= length;
        }
    }

    /// Takes away what processes that were killed have left.
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
    /// What an asset made from this with these options is kept under. Of a model that names files beside it, those count
    /// too; one that cannot be opened counts as empty, and importing will complain about it.
    pub fn key(&self, options: &BuildOptions) -> Result<Key, ConvertError> {
        let mut digest = begun(options);
        digest.update(self.bytes());
        for path in self.files_beside()? {
            let content = self.open_beside(&path).ok();
            let bytes = content.as_ref().map_or(0, |(_, bytes)| *bytes);
            // Lengths stand before what they are of, so that no two lists of files look the same.
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

/// Everything but the content that decides what comes out.
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
