//! The input of every importer.

use remora_model::MeshSink;

/// Returns the bytes of a file that a model refers to, or says why it cannot.
///
/// The first argument is the path relative to the model's folder: decoded, with `/` between its parts, none of which is
/// `.`, `..` or empty. The second is the permitted length in bytes; a resolver refuses longer files without reading
/// them to the end.
pub type Resolver<'a> = dyn FnMut(&str, u64) -> Result<Vec<u8>, String> + 'a;

/// Everything that an importer is given.
pub struct Input<'a> {
    /// The file. Nothing in it is trusted.
    pub bytes: &'a [u8],
    /// The file's name without its folder. The model is named after it.
    pub name: &'a str,
    /// Limits of memory and textures.
    pub limits: LoadLimits,
    /// Reads the files that the model refers to, on the calling thread. Without it, the model must carry all data
    /// itself.
    pub resolver: Option<&'a mut Resolver<'a>>,
    /// Receives meshes while the others are still being read. Formats with a single mesh do not use it.
    pub sink: Option<&'a dyn MeshSink>,
    /// Called on the calling thread with rising fractions that end at 1.
    pub progress: &'a mut dyn FnMut(f32),
}

impl<'a> Input<'a> {
    /// Returns an input with the default limits, without resolver and sink.
    pub fn new(bytes: &'a [u8], name: &'a str, progress: &'a mut dyn FnMut(f32)) -> Self {
        Self { bytes, name, limits: LoadLimits::default(), resolver: None, sink: None, progress }
    }

    /// Returns the name without its extension.
    pub(crate) fn stem(&self) -> &'a str {
        match self.name.rsplit_once('.') {
            Some((stem, _)) if !stem.is_empty() => stem,
            _ => self.name,
        }
    }
}

/// Limits of what importing one file may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadLimits {
    /// Memory in bytes for everything that is made from the file, intermediate results included, without the file
    /// itself.
    pub memory_bytes_max: u64,
    /// Longest side of a texture in pixels, at least 1. Larger textures are scaled down and keep their proportions.
    pub texture_dimension_max: u32,
}

impl Default for LoadLimits {
    /// Returns 4 GiB, enough for about 50 million triangles with all attributes, and textures of 4096 pixels.
    fn default() -> Self {
        Self { memory_bytes_max: 4 << 30, texture_dimension_max: 4096 }
    }
}
