//! Writes an asset's file: complete, or not at all.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use remora_build::{BuildError, BuildOptions, Cancelled, build_into};
use remora_model::Model;

use crate::ConvertError;

const BUFFER_BYTES: usize = 1 << 20;
/// Of files that are being written.
pub(crate) const TEMPORARY_PREFIX: &str = ".remora-";

/// Builds an asset of `model` by the threads of the current rayon pool and puts it under `path`, in place of what was
/// there; the number of its bytes. `told` hears fractions from 0 to 1, from any thread. Nothing is left behind on an
/// error, nor where `cancelled` becomes true.
pub fn write_asset(
    model: &Model,
    options: &BuildOptions,
    path: &Path,
    told: &(dyn Fn(f32) + Sync),
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<u64, ConvertError> {
    write(model, options, path, told, cancelled).map(|(_, bytes)| bytes)
}

/// As [`write_asset`], and the file, which can be read.
pub(crate) fn write(
    model: &Model,
    options: &BuildOptions,
    path: &Path,
    told: &(dyn Fn(f32) + Sync),
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<(File, u64), ConvertError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY_PREFIX);
    // Temporary files are for their owner alone unless told otherwise; this one will not be temporary.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    // Removed when it goes out of scope without having been named.
    let file = builder.tempfile_in(directory).map_err(ConvertError::write(path))?;
    let out = BufWriter::with_capacity(BUFFER_BYTES, file.as_file());
    let bytes = build_into(model, options, told, cancelled, out).map_err(|error| match error {
        BuildError::Write(source) => ConvertError::Write { path: path.to_owned(), source },
        other => ConvertError::Build(other),
    })?;
    if cancelled() {
        return Err(ConvertError::Build(BuildError::Cancelled(Cancelled)));
    }
    file.as_file().sync_all().map_err(ConvertError::write(path))?;
    let file =
        file.persist(path).map_err(|error| ConvertError::Write { path: path.to_owned(), source: error.error })?;
    Ok((file, bytes))
}

#[cfg(test)]
mod tests;
