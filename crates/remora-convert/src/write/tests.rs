use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use remora_engine::EngineDetail;

use super::*;
use crate::open_asset;

fn model() -> Model {
    remora_engine::build(EngineDetail { triangles: EngineDetail::TRIANGLES_MIN })
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("it is there");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_file_is_replaced_as_a_whole() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (path, link) = (directory.path().join("a.png"), directory.path().join("b.png"));
    fs::write(&path, "old").expect("writable");
    fs::hard_link(&path, &link).expect("the file system has links");
    write_file(&path, b"new").expect("it is written");
    assert_eq!(fs::read(&path).expect("it is there"), b"new");
    assert_eq!(fs::read(&link).expect("it is there"), b"old", "the old file itself is not written to");
    assert_eq!(names(directory.path()).len(), 2);
    let error = write_file(directory.path(), b"new").expect_err("a directory is no file");
    assert!(matches!(error, ConvertError::Write { .. }), "{error:?}");
}

#[test]
fn a_written_asset_can_be_opened_and_is_the_only_file() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("a.arrAsset");
    fs::write(&path, "what was there before").expect("writable");
    let model = model();
    let bytes = write_asset(&model, &BuildOptions::default(), &path, &|_| {}, &|| false).expect("it is written");
    assert_eq!(fs::metadata(&path).expect("it is there").len(), bytes);
    let asset = open_asset(&path).expect("it is sound");
    assert_eq!(asset.triangle_count(), model.triangles());
    assert_eq!(names(directory.path()), ["a.arrAsset"]);
}

#[test]
fn cancelling_leaves_the_old_file() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("a.arrAsset");
    fs::write(&path, "before").expect("writable");
    let begun = AtomicBool::new(false);
    let told = |fraction: f32| begun.store(fraction > 0.2, Ordering::Relaxed);
    let cancelled = || begun.load(Ordering::Relaxed);
    let error = write_asset(&model(), &BuildOptions::default(), &path, &told, &cancelled).expect_err("it is cancelled");
    assert!(matches!(error, ConvertError::Build(BuildError::Cancelled(_))), "{error:?}");
    assert_eq!(names(directory.path()), ["a.arrAsset"]);
    assert_eq!(fs::read(&path).expect("it is there"), b"before");
}

#[test]
fn the_error_names_a_path_that_cannot_be_written() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("missing/a.arrAsset");
    let error = write_asset(&model(), &BuildOptions::default(), &path, &|_| {}, &|| false).expect_err("no directory");
    assert!(error.to_string().contains("missing/a.arrAsset cannot be written"), "{error}");
    fs::create_dir(directory.path().join("b.arrAsset")).expect("writable");
    let taken = directory.path().join("b.arrAsset");
    let error = write_asset(&model(), &BuildOptions::default(), &taken, &|_| {}, &|| false).expect_err("a directory");
    assert!(matches!(error, ConvertError::Write { .. }), "{error:?}");
    assert_eq!(names(directory.path()), ["b.arrAsset"]);
}
