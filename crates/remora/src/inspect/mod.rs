//! `remora inspect`: describes the contents of an asset or a model and draws a thumbnail.

mod contents;

use std::path::{Path, PathBuf};

use clap::Args;
use image::{ExtendedColorType, ImageEncoder as _, codecs::png::PngEncoder};
use remora_asset::Asset;
use remora_build::{BuildOptions, Detail, build_asset};
use remora_convert::{Source, write_file};
use remora_host::HostOptions;
use remora_import::{LoadLimits, file_kinds};

use crate::{
    failure::{Failure, Status, in_words},
    host::GraphicsArguments,
    output,
};
use contents::Contents;

/// Triangles and points of the coarse form that is built for the thumbnail of a model.
const COARSE_PRIMITIVES: u64 = 300_000;
const SIDE_MAX: u32 = 4096;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 success; 1 the file cannot be read, or the thumbnail cannot be drawn or written; \
                  2 the command cannot be used."
)]
pub(crate) struct Arguments {
    #[arg(help = format!("An .arrAsset, or a model: {}", file_kinds("or")))]
    file: PathBuf,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// PNG file of the thumbnail; an existing file is replaced [default: FILE followed by .png]
    #[arg(long, value_name = "OUT.png")]
    thumbnail: Option<PathBuf>,
    /// Draw no thumbnail; no graphics adapter is needed
    #[arg(long, conflicts_with_all = ["thumbnail", "size"])]
    no_thumbnail: bool,
    /// Size of the thumbnail in pixels
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "512x512", value_parser = size)]
    size: (u32, u32),
    #[command(flatten)]
    graphics: GraphicsArguments,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let file = &arguments.file;
    let source = Source::open(file).map_err(|error| refused(in_words(&error)))?;
    let thumbnail = thumbnail_path(&arguments, &source)?;
    let asset = open(&source)?;
    let contents = Contents::of(file, &source, &asset);
    let text = if arguments.json {
        serde_json::to_string_pretty(&contents).expect("contents are texts and numbers")
    } else {
        contents.table()
    };
    let printed = output::line(text);
    if let Some(path) = thumbnail {
        draw(&asset, &path, &arguments)?;
    }
    printed
}

/// Opens the asset, or builds a coarse one from a model.
fn open(source: &Source) -> Result<Asset, Failure> {
    if let Some(asset) = source.asset().map_err(|error| refused(in_words(&error)))? {
        return Ok(asset);
    }
    let limits = LoadLimits { memory_bytes_max: remora_host::memory_bytes_max(), ..LoadLimits::default() };
    let model = source.model(&limits, &mut |_| {}).map_err(|error| refused(in_words(&error)))?;
    let detail = Detail::Coarse { primitives_max: COARSE_PRIMITIVES };
    let options = BuildOptions { detail, ..BuildOptions::default() };
    build_asset(&model, &options, &|_| {}, &|| false).map_err(|error| refused(in_words(&error)))
}

/// Returns the path of the thumbnail, if one is wanted. The extension follows the whole name of the file, because
/// images that a model refers to are often named like the model.
fn thumbnail_path(arguments: &Arguments, source: &Source) -> Result<Option<PathBuf>, Failure> {
    if arguments.no_thumbnail {
        return Ok(None);
    }
    let file = &arguments.file;
    let path = arguments.thumbnail.clone().unwrap_or_else(|| {
        let mut name = file.clone().into_os_string();
        name.push(".png");
        name.into()
    });
    if path.canonicalize().is_ok_and(|path| file.canonicalize().is_ok_and(|file| file == path)) {
        return Err(refused(format!("{} is the file itself; name another file with --thumbnail", path.display())));
    }
    if let Ok(path) = path.canonicalize()
        && source.paths_beside().map_err(|error| refused(in_words(&error)))?.contains(&path)
    {
        return Err(refused(format!("{} belongs to the model; name another file with --thumbnail", path.display())));
    }
    Ok(Some(path))
}

fn draw(asset: &Asset, path: &Path, arguments: &Arguments) -> Result<(), Failure> {
    let (width, height) = arguments.size;
    let options = HostOptions { graphics: arguments.graphics.options() };
    let image = remora_host::thumbnail(asset, width, height, &options).map_err(|error| {
        refused(format!("the thumbnail cannot be drawn ({}); --no-thumbnail skips it", in_words(&error)))
    })?;
    let mut png = Vec::new();
    PngEncoder::new(&mut png)
        .write_image(&image, width, height, ExtendedColorType::Rgba8)
        .map_err(|error| refused(format!("the thumbnail cannot be encoded: {}", in_words(&error))))?;
    write_file(path, &png).map_err(|error| refused(in_words(&error)))
}

fn refused(message: String) -> Failure {
    Failure::new(Status::Refused, message)
}

/// Parses a size. Both sides are even, as the renderer requires.
fn size(text: &str) -> Result<(u32, u32), String> {
    let side = |text: &str| text.parse().ok().filter(|side| (2..=SIDE_MAX).contains(side) && side % 2 == 0);
    let sides = text.split_once('x').and_then(|(width, height)| side(width).zip(side(height)));
    sides.ok_or_else(|| format!("a size is two even numbers from 2 to {SIDE_MAX}, such as 512x512"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_even_and_bounded() {
        assert_eq!(size("512x288"), Ok((512, 288)));
        for text in ["", "512", "0x2", "511x512", "512x511", "4098x2", "-2x2", "512x512x512"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
