//! Assets that were made from models seen before, by the content of those.
//!
//! A directory of files, each named by what it was made from and how. Several processes may share it: files appear and
//! disappear as a whole, and one that is mapped lives on until it is let go.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aws_lc_rs::digest::{Context, SHA256};
use remora_assets::Model;
use remora_assets::asset::layout::VERSION;
use remora_assets::asset::{Asset, BuildOptions, Detail};

use crate::{ConvertError, Source, open_asset, write_asset};

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
        std::fs::create_dir_all(directory).map_err(ConvertError::write(directory))?;
        Ok(Self { directory: directory.to_owned(), bytes_max })
    }

    /// Of something that is made with these options from `content`.
    pub fn key(&self, content: &[u8], options: &BuildOptions) -> Key {
        let BuildOptions { detail, compress_textures, texture_dimension_max, source } = options;
        let coarse = match detail {
            Detail::Full => 0,
            Detail::Coarse { primitives_max } => *primitives_max,
        };
        let made = format!(
            "{VERSION} {} {coarse} {compress_textures} {texture_dimension_max} {source}",
            env!("CARGO_PKG_VERSION")
        );
        let mut context = Context::new(&SHA256);
        context.update(made.as_bytes());
        context.update(&[0]);
        context.update(content);
        let digest = context.finish();
        Key(digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
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
        write_asset(model, options, &path, told, cancelled)?;
        // What is opened first lives on, even if it alone is more than may be kept.
        let asset = open_asset(&path)?;
        self.evict();
        Ok(asset)
    }

    /// Takes away what was used longest ago, until the rest is small enough.
    fn evict(&self) {
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

    fn path(&self, key: &Key) -> PathBuf {
        self.directory.join(&key.0).with_extension(EXTENSION)
    }
}

impl Source {
    /// What an asset made from this with these options is kept under. Of a model that names files beside it, those count
    /// too.
    pub fn key(&self, cache: &Cache, options: &BuildOptions) -> Result<Key, ConvertError> {
        Ok(cache.key(self.bytes(), options))
    }
}

fn now() -> SystemTime {
    SystemTime::now()
}
