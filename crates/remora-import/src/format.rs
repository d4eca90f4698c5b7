//! The table of all formats. Detection, help texts, error texts and documents follow from it.
//!
//! A new importer is a module with a function of the type [`ImportFn`] and one row here.

use remora_model::Model;

use crate::error::ImportError;
use crate::gltf;
use crate::input::Input;
use crate::points::{e57, las, ply, xyz};

/// Reads one file of a format.
pub type ImportFn = fn(Input<'_>) -> Result<Model, ImportError>;

/// A file format that can be imported: one row of [`FORMATS`].
#[derive(Debug)]
pub struct Format {
    /// The format's name, which assets keep as their source.
    pub name: &'static str,
    /// Names of the kinds of files of this format, for people.
    pub kinds: &'static [&'static str],
    /// Extensions of file names in lower case, without the dot.
    pub extensions: &'static [&'static str],
    /// Returns whether a file with these first bytes is of this format.
    has_magic: fn(&[u8]) -> bool,
    /// True if files of the format have no reliable first bytes, so that the extension counts as well.
    is_plain_text: bool,
    import: ImportFn,
    /// Lists the files that a file refers to; see [`Format::references`].
    references: fn(&[u8], u64) -> Result<Vec<String>, ImportError>,
}

/// All formats, in the order in which they are tried.
pub static FORMATS: [Format; 5] = [
    Format {
        name: "glTF",
        kinds: &["glTF", "GLB"],
        extensions: &["gltf", "glb"],
        has_magic: gltf::has_magic,
        is_plain_text: false,
        import: |input| Ok(gltf::import(input)?),
        references: |bytes, memory_bytes_max| Ok(gltf::external_files(bytes, memory_bytes_max)?),
    },
    Format {
        name: ply::FORMAT,
        kinds: &["PLY"],
        extensions: &["ply"],
        has_magic: |bytes| bytes.starts_with(b"ply\n") || bytes.starts_with(b"ply\r"),
        is_plain_text: false,
        import: |input| Ok(ply::import(input)?),
        references: no_references,
    },
    Format {
        name: las::FORMAT,
        kinds: &["LAS", "LAZ"],
        extensions: &["las", "laz"],
        has_magic: |bytes| bytes.starts_with(b"LASF"),
        is_plain_text: false,
        import: |input| Ok(las::import(input)?),
        references: no_references,
    },
    Format {
        name: e57::FORMAT,
        kinds: &["E57"],
        extensions: &["e57"],
        has_magic: |bytes| bytes.starts_with(b"ASTM-E57"),
        is_plain_text: false,
        import: |input| Ok(e57::import(input)?),
        references: no_references,
    },
    Format {
        name: xyz::FORMAT,
        kinds: &["XYZ"],
        extensions: &["xyz", "txt", "csv", "pts"],
        has_magic: xyz::looks_like_numbers,
        is_plain_text: true,
        import: |input| Ok(xyz::import(input)?),
        references: no_references,
    },
];

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Format {}

impl Format {
    /// Returns the format of a file by its first bytes. The extension of `file_name` counts only for formats of plain
    /// text.
    pub fn detect(bytes: &[u8], file_name: &str) -> Option<&'static Self> {
        FORMATS
            .iter()
            .find(|format| (format.has_magic)(bytes) || format.is_plain_text && format.has_extension_of(file_name))
    }

    /// Reads a file of this format.
    ///
    /// # Errors
    ///
    /// The file is damaged, uses a feature that is not supported, shows nothing, or exceeds the limits.
    pub fn import(&self, input: Input<'_>) -> Result<Model, ImportError> {
        (self.import)(input)
    }

    /// Returns the paths that [`Self::import`] would ask its resolver for, sorted, each once. Unsafe paths are left
    /// out. The list takes at most `memory_bytes_max` bytes of memory.
    ///
    /// # Errors
    ///
    /// The file is damaged.
    pub fn references(&self, bytes: &[u8], memory_bytes_max: u64) -> Result<Vec<String>, ImportError> {
        (self.references)(bytes, memory_bytes_max)
    }

    fn has_extension_of(&self, file_name: &str) -> bool {
        let extension = file_name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        extension.is_some_and(|extension| self.extensions.contains(&extension.as_str()))
    }
}

/// Reads a file of any format; see [`Format::detect`] and [`Format::import`].
///
/// # Errors
///
/// The format is not known, or its importer refuses the file.
pub fn import(input: Input<'_>) -> Result<Model, ImportError> {
    Format::detect(input.bytes, input.name).ok_or(ImportError::UnknownFormat)?.import(input)
}

/// Returns the names of all kinds of files for a sentence, with `last` before the last one: "glTF, GLB, PLY or XYZ".
pub fn file_kinds(last: &str) -> String {
    let kinds: Vec<&str> = FORMATS.iter().flat_map(|format| format.kinds).copied().collect();
    let (end, start) = kinds.split_last().expect("there are formats");
    format!("{} {last} {end}", start.join(", "))
}

#[expect(clippy::unnecessary_wraps, reason = "the signature is that of the table")]
fn no_references(_: &[u8], _: u64) -> Result<Vec<String>, ImportError> {
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_joined_into_a_sentence() {
        assert_eq!(file_kinds("or"), "glTF, GLB, PLY, LAS, LAZ, E57 or XYZ");
    }

    #[test]
    fn the_first_bytes_decide_and_the_extension_only_for_text() {
        let detect = |bytes: &[u8], name: &str| Format::detect(bytes, name).map(|format| format.name);
        assert_eq!(detect(b"glTF\x02\0\0\0", "a.ply"), Some("glTF"));
        assert_eq!(detect(b"\xEF\xBB\xBF \n{}", "a"), Some("glTF"));
        assert_eq!(detect(b"heading\n", "survey.PTS"), Some("XYZ"));
        assert_eq!(detect(b"heading\n", "survey.las"), None);
    }

    #[test]
    fn the_readme_names_every_kind_of_file() {
        let readme = include_str!("../../../README.md");
        let row = readme.lines().find(|line| line.starts_with("| Formats |")).expect("the README has such a row");
        for kind in FORMATS.iter().flat_map(|format| format.kinds) {
            assert!(row.contains(kind), "the README does not name {kind}");
        }
    }
}
