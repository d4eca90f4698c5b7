//! Writes an asset's file: complete, or not at all.

use std::io::BufWriter;
use std::path::Path;

use remora_assets::Model;
use remora_assets::asset::{BuildOptions, build};

use crate::ConvertError;

const BUFFER_BYTES: usize = 1 << 20;

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
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // Removed when it goes out of scope without having been named.
    let file = builder.prefix(".remora-").tempfile_in(directory).map_err(ConvertError::write(path))?;
    let out = BufWriter::with_capacity(BUFFER_BYTES, file.as_file());
    let bytes = build(model, options, told, cancelled, out)?;
    file.as_file().sync_all().map_err(ConvertError::write(path))?;
    let file = file.persist(path).map_err(|error| ConvertError::Write { path: path.to_owned(), source: error.error })?;
    // Temporary files are for their owner alone; this one is not temporary any more.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(ConvertError::write(path))?;
    }
    Ok(bytes)
}
