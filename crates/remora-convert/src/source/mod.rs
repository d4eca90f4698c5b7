//! A file that somebody named: what it is, and what is in it.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::{Mmap, UncheckedAdvice};
use remora_asset::layout::MAGIC;
use remora_asset::{Asset, Content};
use remora_import::{LoadLimits, PointFormat, external_files, load_gltf, load_gltf_for, load_points};
use remora_model::{MeshSink, Model};

use crate::ConvertError;

/// Memory for the list of files that a model refers to.
const LIST_BYTES_MAX: u64 = 4 << 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Asset,
    Gltf,
    Points(PointFormat),
}

/// The bytes of a model or an asset, and where they are from.
pub struct Source {
    /// For people and for recognising formats that have no mark: the last part of a path.
    name: String,
    /// Where files beside it are looked for.
    directory: Option<PathBuf>,
    bytes: Arc<dyn Content>,
    format: Format,
}

impl Format {
    pub fn name(self) -> &'static str {
        match self {
            Format::Asset => "arrAsset",
            Format::Gltf => "glTF",
            Format::Points(PointFormat::Ply) => "PLY",
            Format::Points(PointFormat::Las) => "LAS",
            Format::Points(PointFormat::E57) => "E57",
            Format::Points(PointFormat::Xyz) => "XYZ",
        }
    }

    fn detect(bytes: &[u8], name: &str) -> Option<Self> {
        if bytes.starts_with(&MAGIC) {
            return Some(Format::Asset);
        }
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
        if bytes.starts_with(b"glTF") || text.starts_with(b"{") {
            return Some(Format::Gltf);
        }
        PointFormat::detect(bytes, name).map(Format::Points)
    }
}

impl Source {
    /// Maps a file. Files that it names beside it may be read from its directory and from those below.
    pub fn open(path: &Path) -> Result<Self, ConvertError> {
        let (file, _) = open_regular(path).map_err(ConvertError::read(path))?;
        let bytes = map(&file).map_err(ConvertError::read(path))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let directory = path.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
        let directory = directory.map(|directory| directory.canonicalize().map_err(ConvertError::read(path)));
        Self::new(name, directory.transpose()?, bytes)
    }

    /// A model that came from elsewhere; it must carry its data itself. `address` may be a path or the end of one.
    pub fn from_bytes(bytes: Vec<u8>, address: &str) -> Result<Self, ConvertError> {
        let name = address.rsplit(['/', '\\']).next().unwrap_or(address).to_owned();
        Self::new(name, None, Arc::new(bytes))
    }

    fn new(name: String, directory: Option<PathBuf>, bytes: Arc<dyn Content>) -> Result<Self, ConvertError> {
        let content = bytes.bytes();
        let Some(format) = Format::detect(content, &name) else {
            return Err(ConvertError::UnknownFormat { name });
        };
        Ok(Self { name, directory, bytes, format })
    }

    pub fn format(&self) -> Format {
        self.format
    }

    pub fn bytes(&self) -> &[u8] {
        self.bytes.bytes()
    }

    /// The asset that this is; `None` if it is something that has to be converted.
    pub fn asset(&self) -> Result<Option<Asset>, ConvertError> {
        if self.format != Format::Asset {
            return Ok(None);
        }
        // A mapped file is aligned; what was fetched may not be, and is copied then.
        let aligned = (self.bytes().as_ptr() as usize).is_multiple_of(size_of::<u128>());
        let asset = if aligned { Asset::open(self.bytes.clone()) } else { Asset::from_bytes(self.bytes()) };
        asset.map(Some).map_err(|source| ConvertError::Asset { name: self.name.clone(), source })
    }

    /// Imports it. `progress` hears rising fractions that end at 1.
    pub fn model(&self, limits: &LoadLimits, progress: &mut dyn FnMut(f32)) -> Result<Model, ConvertError> {
        self.import(None, limits, progress)
    }

    /// As [`Self::model`], for somebody who begins with meshes while others are read. Formats that hold one mesh are not
    /// heard of.
    pub fn model_for(
        &self,
        listener: &dyn MeshSink,
        limits: &LoadLimits,
        progress: &mut dyn FnMut(f32),
    ) -> Result<Model, ConvertError> {
        self.import(Some(listener), limits, progress)
    }

    fn import(
        &self,
        listener: Option<&dyn MeshSink>,
        limits: &LoadLimits,
        progress: &mut dyn FnMut(f32),
    ) -> Result<Model, ConvertError> {
        let stem =
            Path::new(&self.name).file_stem().map_or_else(|| self.name.clone(), |stem| stem.to_string_lossy().into());
        let name = self.name.clone();
        match self.format {
            Format::Asset => Err(ConvertError::IsAsset { name }),
            Format::Gltf => {
                let mut resolve = |path: &str, bytes_max: u64| self.beside(path, bytes_max);
                match listener {
                    None => load_gltf(self.bytes(), &stem, limits, &mut resolve, progress),
                    Some(listener) => load_gltf_for(listener, self.bytes(), &stem, limits, &mut resolve, progress),
                }
                .map_err(|source| ConvertError::Gltf { name, source })
            }
            Format::Points(_) => load_points(self.bytes(), &self.name, limits, progress)
                .map_err(|source| ConvertError::Points { name, source }),
        }
    }

    /// A file that the model names, below the model's directory, wherever links lead; and its length.
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

    /// All of such a file.
    fn beside(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>, String> {
        let (file, length) = self.open_beside(path)?;
        if length > bytes_max {
            return Err(format!("it has {length} bytes, which is more than loading may still use"));
        }
        let mut bytes = Vec::with_capacity(length as usize);
        file.take(length).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    /// Files that importing this would ask for.
    pub(crate) fn files_beside(&self) -> Result<Vec<String>, ConvertError> {
        if self.format != Format::Gltf {
            return Ok(Vec::new());
        }
        external_files(self.bytes(), LIST_BYTES_MAX)
            .map_err(|source| ConvertError::Gltf { name: self.name.clone(), source })
    }
}

/// Files beside a model that importing it opens. Formats that carry everything themselves have none.
pub fn files_beside(model: &Path) -> Result<Vec<PathBuf>, ConvertError> {
    let source = Source::open(model)?;
    Ok(source.files_beside()?.iter().filter_map(|name| source.path_beside(name).ok()).collect())
}

/// Maps an asset's file.
pub fn open_asset(path: &Path) -> Result<Asset, ConvertError> {
    let (file, _) = open_regular(path).map_err(ConvertError::read(path))?;
    asset_of(&file, path)
}

/// As [`open_asset`], of a file that is open; `path` is what it is called.
pub(crate) fn asset_of(file: &File, path: &Path) -> Result<Asset, ConvertError> {
    let map = map(file).map_err(ConvertError::read(path))?;
    Asset::open(map).map_err(|source| ConvertError::Asset { name: path.display().to_string(), source })
}

/// A file with its length. Directories have no bytes, and pipes and devices may have none for ever.
fn open_regular(path: &Path) -> io::Result<(File, u64)> {
    // Asked before opening, which waits for the other end of a pipe.
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
        // SAFETY: what is given up of a map that is only read comes from the file again when it is read again.
        let released = unsafe { self.0.unchecked_advise_range(UncheckedAdvice::DontNeed, range.start, range.len()) };
        // The memory stays in use then, which is what it would have been without asking.
        released.unwrap_or_else(|error| tracing::debug!(%error, "memory of a mapped file was not given back"));
    }
}

fn map(file: &File) -> io::Result<Arc<Mapped>> {
    // SAFETY: bytes of a mapped file change if somebody writes to it meanwhile. They are read as plain numbers that
    // are checked like any others, and our own files are replaced, never written to. If a file is cut short while it
    // is mapped, reading beyond its end ends the process: a host is a process for one session for such reasons.
    let map = unsafe { Mmap::map(file) }?;
    Ok(Arc::new(Mapped(map)))
}

#[cfg(test)]
mod tests;
