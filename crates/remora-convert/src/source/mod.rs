//! The bytes of a model or an asset: their format and their content.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::{Mmap, UncheckedAdvice};
use remora_asset::layout::MAGIC;
use remora_asset::{Asset, Content};
use remora_import::{Format, Input, LoadLimits};
use remora_model::{MeshSink, Model};

use crate::ConvertError;

/// Limit of the memory for the list of files that a model refers to.
const LIST_BYTES_MAX: u64 = 4 << 30;

/// The format of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceFormat {
    /// An asset, which is opened as it is.
    Asset,
    /// A model, which has to be imported.
    Model(&'static Format),
}

/// The bytes of a model or an asset, and where they are from.
pub struct Source {
    /// The last part of the path, for people and for formats without reliable first bytes.
    name: String,
    /// The directory of the files that the model may refer to.
    directory: Option<PathBuf>,
    bytes: Arc<dyn Content>,
    format: SourceFormat,
}

impl SourceFormat {
    /// Returns the format's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Asset => "arrAsset",
            Self::Model(format) => format.name,
        }
    }

    fn detect(bytes: &[u8], name: &str) -> Option<Self> {
        if bytes.starts_with(&MAGIC) {
            return Some(Self::Asset);
        }
        Format::detect(bytes, name).map(Self::Model)
    }
}

impl Source {
    /// Maps a file. A model may refer to files in its directory and below it.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or its format is not known.
    pub fn open(path: &Path) -> Result<Self, ConvertError> {
        let (file, _) = open_regular(path).map_err(ConvertError::read(path))?;
        let bytes = map(&file).map_err(ConvertError::read(path))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let directory = path.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
        let directory = directory.map(|directory| directory.canonicalize().map_err(ConvertError::read(path)));
        Self::new(name, directory.transpose()?, bytes)
    }

    /// Takes bytes that were fetched from `address`, of which the last part is the name. A model must carry all of its
    /// data itself.
    ///
    /// # Errors
    ///
    /// The format is not known.
    pub fn from_bytes(bytes: Vec<u8>, address: &str) -> Result<Self, ConvertError> {
        let name = address.rsplit(['/', '\\']).next().unwrap_or(address).to_owned();
        Self::new(name, None, Arc::new(bytes))
    }

    fn new(name: String, directory: Option<PathBuf>, bytes: Arc<dyn Content>) -> Result<Self, ConvertError> {
        let content = bytes.bytes();
        let Some(format) = SourceFormat::detect(content, &name) else {
            return Err(ConvertError::UnknownFormat { name });
        };
        Ok(Self { name, directory, bytes, format })
    }

    /// Returns the format of the bytes.
    pub fn format(&self) -> SourceFormat {
        self.format
    }

    /// Returns the bytes of the file, without the files beside it.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.bytes()
    }

    /// Opens the asset; `None` if this is a model, which has to be converted.
    ///
    /// # Errors
    ///
    /// The asset is damaged or of a newer version.
    pub fn asset(&self) -> Result<Option<Asset>, ConvertError> {
        if self.format != SourceFormat::Asset {
            return Ok(None);
        }
        // A mapped file is aligned. Fetched bytes may not be, and are copied then.
        let is_aligned = (self.bytes().as_ptr() as usize).is_multiple_of(size_of::<u128>());
        let asset = if is_aligned { Asset::open(self.bytes.clone()) } else { Asset::from_bytes(self.bytes()) };
        asset.map(Some).map_err(|source| ConvertError::Asset { name: self.name.clone(), source })
    }

    /// Imports the model. `progress` is called on this thread with rising fractions that end at 1.
    ///
    /// # Errors
    ///
    /// The source is an asset, or the importer refuses it.
    pub fn model(&self, limits: &LoadLimits, progress: &mut dyn FnMut(f32)) -> Result<Model, ConvertError> {
        self.import(None, limits, progress)
    }

    /// Imports the model as [`Self::model`] does, and hands each mesh to `sink` while the others are still being read.
    /// Formats that hold a single mesh do not use the sink.
    ///
    /// # Errors
    ///
    /// The source is an asset, or the importer refuses it.
    pub fn model_into(
        &self,
        sink: &dyn MeshSink,
        limits: &LoadLimits,
        progress: &mut dyn FnMut(f32),
    ) -> Result<Model, ConvertError> {
        self.import(Some(sink), limits, progress)
    }

    fn import(
        &self,
        sink: Option<&dyn MeshSink>,
        limits: &LoadLimits,
        progress: &mut dyn FnMut(f32),
    ) -> Result<Model, ConvertError> {
        let SourceFormat::Model(format) = self.format else {
            return Err(ConvertError::IsAsset { name: self.name.clone() });
        };
        let mut resolver = |path: &str, bytes_max: u64| self.read_beside(path, bytes_max);
        let input = Input {
            bytes: self.bytes(),
            name: &self.name,
            limits: *limits,
            resolver: Some(&mut resolver),
            sink,
            progress,
        };
        format.import(input).map_err(|source| ConvertError::Import { name: self.name.clone(), source })
    }

    /// Returns the files beside the model that importing it opens, wherever links lead. Files that do not exist are
    /// left out.
    ///
    /// # Errors
    ///
    /// The model is damaged.
    pub fn paths_beside(&self) -> Result<Vec<PathBuf>, ConvertError> {
        Ok(self.references()?.iter().filter_map(|name| self.path_beside(name).ok()).collect())
    }

    /// Opens a file to which the model refers, wherever links lead; also returns its length.
    pub(crate) fn open_beside(&self, path: &str) -> Result<(File, u64), String> {
        open_regular(&self.path_beside(path)?).map_err(|error| error.to_string())
    }

    fn path_beside(&self, path: &str) -> Result<PathBuf, String> {
        let Some(directory) = &self.directory else {
            return Err("a model from an address must carry its data itself".into());
        };
        let found = directory.join(path).canonicalize().map_err(|error| error.to_string())?;
        if !found.starts_with(directory) {
            return Err("it leads out of the model's directory".into());
        }
        Ok(found)
    }

    fn read_beside(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>, String> {
        let (file, length) = self.open_beside(path)?;
        if length > bytes_max {
            return Err(format!("it has {length} bytes, which is more than loading may still use"));
        }
        let mut bytes = Vec::with_capacity(length as usize);
        file.take(length).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    /// Returns the paths to which the model refers, relative to its directory.
    pub(crate) fn references(&self) -> Result<Vec<String>, ConvertError> {
        let SourceFormat::Model(format) = self.format else { return Ok(Vec::new()) };
        format
            .references(self.bytes(), LIST_BYTES_MAX)
            .map_err(|source| ConvertError::Import { name: self.name.clone(), source })
    }
}

/// Returns the files beside a model that importing it opens. Formats that carry all data themselves have none.
///
/// # Errors
///
/// The model cannot be read, its format is not known, or it is damaged.
pub fn files_beside(model: &Path) -> Result<Vec<PathBuf>, ConvertError> {
    Source::open(model)?.paths_beside()
}

/// Maps the file of an asset.
///
/// # Errors
///
/// The file cannot be read, or is no sound asset.
pub fn open_asset(path: &Path) -> Result<Asset, ConvertError> {
    let (file, _) = open_regular(path).map_err(ConvertError::read(path))?;
    map_asset(&file, path)
}

/// Maps an open file as an asset; `path` is only for errors.
pub(crate) fn map_asset(file: &File, path: &Path) -> Result<Asset, ConvertError> {
    let map = map(file).map_err(ConvertError::read(path))?;
    Asset::open(map).map_err(|source| ConvertError::Asset { name: path.display().to_string(), source })
}

/// Opens a file and returns its length. Directories have no bytes, and pipes and devices may never deliver any.
fn open_regular(path: &Path) -> io::Result<(File, u64)> {
    // The check comes first, because opening a pipe waits for its other end.
    if !path.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

/// A file that is mapped for reading.
struct Mapped(Mmap);

impl Content for Mapped {
    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn release(&self, range: Range<usize>) {
        // SAFETY: the map is only read, so released memory is filled from the file again when it is read again.
        let released = unsafe { self.0.unchecked_advise_range(UncheckedAdvice::DontNeed, range.start, range.len()) };
        // On an error the memory stays in use, as without the call.
        released.unwrap_or_else(|error| tracing::debug!(%error, "memory of a mapped file was not given back"));
    }
}

fn map(file: &File) -> io::Result<Arc<Mapped>> {
    // SAFETY: bytes of a mapped file change if another process writes to it. They are read as plain numbers and checked
    // like all others, and this program replaces its own files instead of writing to them. If a file is truncated while
    // it is mapped, reading beyond its end ends the process; each host is a process for one session for such reasons.
    let map = unsafe { Mmap::map(file) }?;
    Ok(Arc::new(Mapped(map)))
}

#[cfg(test)]
mod tests;
