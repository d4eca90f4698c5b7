//! `remora convert`: converts a model into an asset.
//!
//! ```text
//!   FILE ──reading──▶ Model ──building──▶ temporary file beside OUT ──▶ OUT
//!   Ctrl-C:  ends at once       cancels and removes the temporary file
//! ```
//!
//! OUT is replaced only by a complete asset.

mod interruption;
mod progress;

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use remora_build::{BuildError, BuildOptions};
use remora_convert::{ConvertError, Source, SourceFormat, write_asset};
use remora_import::{LoadLimits, file_kinds};
use rustix::fs::{Access, access};

use crate::{
    clock::Stopwatch,
    failure::{Failure, Status, in_words},
    output,
};
use interruption::Interruption;
use progress::Progress;

const EXTENSION: &str = "arrAsset";
const THREADS_MAX: usize = 1024;
const GIBIBYTE: f64 = (1_u64 << 30) as f64;
const GIBIBYTES_MAX: f64 = 1e6;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 success; 1 the model cannot be converted, or the asset cannot be written; 2 the \
                  command cannot be used; 130 interrupted. OUT is replaced only by a complete asset."
)]
pub(crate) struct Arguments {
    #[arg(help = format!("A model: {}", file_kinds("or")))]
    file: PathBuf,
    /// Asset to write; an existing file is replaced [default: FILE with the extension .arrAsset]
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Number of threads [default: number of cores]
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<NonZeroUsize>,
    /// Limit of memory for reading the model, in GiB [default: three fifths of the free memory]
    #[arg(long, value_name = "GIB", value_parser = bytes_of_gibibytes)]
    memory: Option<u64>,
    /// Keep textures uncompressed: exact, larger, and faster to convert
    #[arg(long)]
    no_texture_compression: bool,
    /// Longest side of a texture in texels; larger textures are scaled down
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(16..=4096))]
    texture_size: u32,
    /// Print progress to standard error even if it is not a terminal, a line per step
    #[arg(long, conflicts_with = "quiet")]
    progress: bool,
    /// Print only errors
    #[arg(long)]
    quiet: bool,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let stopwatch = Stopwatch::start();
    let progress = Arc::new(match arguments.quiet {
        true => Progress::silent(),
        false => Progress::new(arguments.progress),
    });
    let interruption = {
        let progress = progress.clone();
        Interruption::listen(move || {
            progress.finish();
            output::notice(format_args!("remora: {INTERRUPTED}"));
            // Nothing has been written yet, and reading cannot be cancelled.
            std::process::exit(i32::from(Status::Interrupted as u8));
        })?
    };
    let threads = arguments.threads.or(std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| refused(format!("{threads} threads cannot be started: {error}")))?;
    let converted = pool.install(|| convert(&arguments, &progress, &interruption));
    progress.finish();
    let Converted { summary, notices } = converted?;
    if arguments.quiet {
        return Ok(());
    }
    for notice in notices {
        output::notice(format_args!("remora: {notice}"));
    }
    output::line(format_args!("{summary}, {:.1} s", stopwatch.passed().as_secs_f64()))
}

/// The result, as text.
struct Converted {
    summary: String,
    /// The differences between the asset and the model's file.
    notices: Vec<String>,
}

fn convert(arguments: &Arguments, progress: &Progress, interruption: &Interruption) -> Result<Converted, Failure> {
    let source = Source::open(&arguments.file).map_err(failure)?;
    if source.format() == SourceFormat::Asset {
        return Err(refused(format!("{} is already an asset", arguments.file.display())));
    }
    let output = arguments.output.clone().unwrap_or_else(|| arguments.file.with_extension(EXTENSION));
    check_output(&output, &arguments.file, &source)?;
    let limits = LoadLimits {
        memory_bytes_max: arguments.memory.unwrap_or_else(remora_host::memory_bytes_max),
        texture_dimension_max: arguments.texture_size,
    };
    let reading = progress.stage("reading");
    let model = source.model(&limits, &mut |fraction| reading.tell(fraction)).map_err(failure)?;
    let format = source.format().name();
    // The mapped file takes memory and is no longer needed.
    drop(source);
    let options = BuildOptions {
        compress_textures: !arguments.no_texture_compression,
        texture_dimension_max: arguments.texture_size,
        source: format.to_owned(),
        ..BuildOptions::default()
    };
    interruption.begin_writing()?;
    let building = progress.stage("building");
    let told = |fraction| building.tell(fraction);
    let bytes = write_asset(&model, &options, &output, &told, &|| interruption.has_come()).map_err(failure)?;
    building.tell(1.0);
    let name = output.display();
    let (triangles, points) = (model.triangles(), model.points());
    let (parts, materials) = (model.parts(), model.materials.len());
    let summary =
        format!("{name}: {triangles} triangles, {points} points, {parts} parts, {materials} materials, {bytes} bytes");
    Ok(Converted { summary, notices: model.notices.texts() })
}

/// Reports errors of the output path before the long conversion starts.
fn check_output(output: &Path, input: &Path, source: &Source) -> Result<(), Failure> {
    let name = output.display();
    let same = output.canonicalize().is_ok_and(|output| input.canonicalize().is_ok_and(|input| input == output));
    if same {
        return Err(refused(format!("{name} is the model itself; name another file with -o")));
    }
    // The model is read before the asset is written, so overwriting one of its files would destroy the model.
    if let Ok(output) = output.canonicalize()
        && source.paths_beside().map_err(failure)?.contains(&output)
    {
        return Err(refused(format!("{name} belongs to the model; name another file with -o")));
    }
    if output.is_dir() {
        return Err(refused(format!("{name} is a directory; -o names the file that is written")));
    }
    let directory = output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    access(directory, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| {
        let error = std::io::Error::from(error);
        refused(format!("{name} cannot be written: its directory {} cannot be used: {error}", directory.display()))
    })
}

const INTERRUPTED: &str = "interrupted; no asset was written";

fn interrupted() -> Failure {
    Failure::new(Status::Interrupted, INTERRUPTED)
}

fn refused(message: String) -> Failure {
    Failure::new(Status::Refused, message)
}

fn failure(error: ConvertError) -> Failure {
    match error {
        ConvertError::Build(BuildError::Cancelled(_)) => interrupted(),
        other => refused(in_words(&other)),
    }
}

fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let threads = text.parse().ok().filter(|threads: &NonZeroUsize| threads.get() <= THREADS_MAX);
    threads.ok_or_else(|| format!("the number of threads is 1 to {THREADS_MAX}"))
}

fn bytes_of_gibibytes(text: &str) -> Result<u64, String> {
    let gibibytes = text.parse().ok().filter(|gibibytes: &f64| *gibibytes > 0.0 && *gibibytes <= GIBIBYTES_MAX);
    let bytes = gibibytes.map(|gibibytes| (gibibytes * GIBIBYTE) as u64);
    bytes.ok_or_else(|| "memory is a number of GiB above 0, such as 8 or 0.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_in_gibibytes() {
        assert_eq!(bytes_of_gibibytes("8"), Ok(8 << 30));
        assert_eq!(bytes_of_gibibytes("0.5"), Ok(1 << 29));
        for text in ["0", "-1", "NaN", "inf", "8GB", "", "1e30"] {
            assert!(bytes_of_gibibytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn threads_are_bounded() {
        assert_eq!(threads("3").map(NonZeroUsize::get), Ok(3));
        for text in ["0", "1025", "-1", "many"] {
            assert!(threads(text).is_err(), "{text}");
        }
    }
}
