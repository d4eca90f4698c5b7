//! Writes files atomically: a file is complete and on disk under its name, or the name is as it was.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use remora_build::{BuildError, BuildOptions, Cancelled, build_into};
use remora_model::Model;

use crate::ConvertError;

const BUFFER_BYTES: usize = 1 << 20;
/// Start of the names of files that are being written.
pub(crate) const TEMPORARY_PREFIX: &str = ".remora-";

/// Builds an asset of `model` on the threads of the current rayon pool and moves it to `path`, where it replaces any
/// older file. Returns its length in bytes. `progress` is called with fractions from 0 to 1, on any thread.
///
/// # Errors
///
/// The asset cannot be built or written, or `cancelled` has returned true. Nothing is left behind.
pub fn write_asset(
    model: &Model,
    options: &BuildOptions,
    path: &Path,
    progress: &(dyn Fn(f32) + Sync),
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<u64, ConvertError> {
    write(model, options, path, progress, cancelled).map(|(_, bytes)| bytes)
}

/// Writes `bytes` to `path`, where they replace any older file as a whole.
///
/// # Errors
///
/// The file cannot be written. An older file stays as it is.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), ConvertError> {
    replace(path, |mut file| file.write_all(bytes).map_err(ConvertError::write(path))).map(drop)
}

/// As [`write_asset`]; also returns the file, open for reading.
pub(crate) fn write(
    model: &Model,
    options: &BuildOptions,
    path: &Path,
    progress: &(dyn Fn(f32) + Sync),
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<(File, u64), ConvertError> {
    replace(path, |file| {
        let out = BufWriter::with_capacity(BUFFER_BYTES, file);
        let bytes = build_into(model, options, progress, cancelled, out).map_err(|error| match error {
            BuildError::Write(source) => ConvertError::Write { path: path.to_owned(), source },
            other => ConvertError::Build(other),
        })?;
        if cancelled() { Err(ConvertError::Build(BuildError::Cancelled(Cancelled))) } else { Ok(bytes) }
    })
}

/// Lets `fill` write a temporary file beside `path` and moves it there once it is on disk.
fn replace<T>(path: &Path, fill: impl FnOnce(&File) -> Result<T, ConvertError>) -> Result<(File, T), ConvertError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY_PREFIX);
    // By default only the owner may read a temporary file; this one gets the usual permissions, because it stays.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    // The file is removed when it goes out of scope before it is moved.
    let file = builder.tempfile_in(directory).map_err(ConvertError::write(path))?;
    let filled = fill(file.as_file())?;
    file.as_file().sync_all().map_err(ConvertError::write(path))?;
    let file =
        file.persist(path).map_err(|error| ConvertError::Write { path: path.to_owned(), source: error.error })?;
    Ok((file, filled))
}

#[cfg(test)]
mod tests;
