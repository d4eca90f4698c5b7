use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use remora_build::{BuildOptions, build_into};
use remora_engine::EngineDetail;
use remora_import::{GltfError, ImportError};
use serde_json::json;

use super::*;

/// Returns a triangle whose positions are in `uri`.
fn gltf(uri: &str) -> Vec<u8> {
    json!({
        "asset": { "version": "2.0" },
        "scenes": [{ "nodes": [0] }],
        "nodes": [{ "mesh": 0 }],
        "meshes": [{ "primitives": [{ "attributes": { "POSITION": 0 } }] }],
        "accessors": [{ "bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3" }],
        "bufferViews": [{ "buffer": 0, "byteLength": 36 }],
        "buffers": [{ "byteLength": 36, "uri": uri }],
    })
    .to_string()
    .into_bytes()
}

fn corners() -> Vec<u8> {
    [0_f32, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0].iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn import(path: &Path, memory_bytes_max: u64) -> Result<Model, ConvertError> {
    Source::open(path)?.model(&LoadLimits { memory_bytes_max, ..LoadLimits::default() }, &mut |_| {})
}

fn refusal(path: &Path) -> String {
    match import(path, 1 << 20).expect_err("it is refused") {
        ConvertError::Import { source: ImportError::Gltf(GltfError::Fetch { why, .. }), .. } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn formats_are_detected_by_content() {
    let format =
        |bytes: &[u8], name: &str| Source::from_bytes(bytes.to_vec(), name).map(|source| source.format().name());
    assert_eq!(format(b"glTF\x02\0\0\0", "a.ply").ok(), Some("glTF"));
    assert_eq!(format(b"\xEF\xBB\xBF \n{}", "a").ok(), Some("glTF"));
    assert_eq!(format(b"ply\nformat", "a.glb").ok(), Some("PLY"));
    assert_eq!(format(b"LASF", "a").ok(), Some("LAS"));
    assert_eq!(format(b"ASTM-E57", "a").ok(), Some("E57"));
    assert_eq!(format(b"1 2 3\n4 5 6\n", "a").ok(), Some("XYZ"));
    assert_eq!(format(&MAGIC, "a.glb").ok(), Some("arrAsset"));
    for bytes in [b"PK\x03\x04".as_slice(), b""] {
        let error = format(bytes, "https://example.org/models/a.zip").expect_err("unknown").to_string();
        assert!(error.starts_with("a.zip is no model") && !error.contains("PK"), "{error}");
        assert!(error.contains("accepted are .arrAsset, glTF, GLB, PLY, LAS, LAZ, E57 and XYZ"), "{error}");
    }
}

#[test]
fn files_beside_a_model_are_read_from_below_its_directory() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("a.gltf");
    fs::create_dir(directory.path().join("data")).expect("writable");
    fs::write(directory.path().join("data/a b.bin"), corners()).expect("writable");
    fs::write(&path, gltf("data/a%20b.bin")).expect("writable");
    let model = import(&path, 1 << 20).expect("it is read");
    assert_eq!((model.name.as_str(), model.triangles()), ("a", 1));

    let source = Source::from_bytes(gltf("data/a%20b.bin"), "a.gltf").expect("glTF");
    let error = source.model(&LoadLimits::default(), &mut |_| {}).expect_err("it has no directory");
    assert!(
        matches!(error, ConvertError::Import { source: ImportError::Gltf(GltfError::Fetch { .. }), .. }),
        "{error:?}"
    );
    let inline = gltf(&format!("data:application/octet-stream;base64,{}", STANDARD.encode(corners())));
    let source = Source::from_bytes(inline, "a.gltf").expect("glTF");
    assert_eq!(source.model(&LoadLimits::default(), &mut |_| {}).expect("it needs none").triangles(), 1);
}

#[cfg(unix)]
#[test]
fn links_stay_within_the_directory() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let model = directory.path().join("model");
    fs::create_dir(&model).expect("writable");
    fs::write(directory.path().join("secret.bin"), corners()).expect("writable");
    fs::write(model.join("inside.bin"), corners()).expect("writable");
    std::os::unix::fs::symlink("inside.bin", model.join("good.bin")).expect("a link");
    std::os::unix::fs::symlink("../secret.bin", model.join("bad.bin")).expect("a link");
    std::os::unix::fs::symlink("..", model.join("up")).expect("a link");
    let path = model.join("a.gltf");
    fs::write(&path, gltf("good.bin")).expect("writable");
    assert_eq!(import(&path, 1 << 20).expect("it is read").triangles(), 1);
    for uri in ["bad.bin", "up/secret.bin"] {
        fs::write(&path, gltf(uri)).expect("writable");
        assert_eq!(refusal(&path), "it leads out of the model's directory");
    }
    // The directory itself may be reached by a link.
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&model, &link).expect("a link");
    fs::write(&path, gltf("inside.bin")).expect("writable");
    assert_eq!(import(&link.join("a.gltf"), 1 << 20).expect("it is read").triangles(), 1);
}

#[test]
fn directories_and_files_that_are_too_long_are_not_read() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("a.gltf");
    fs::create_dir(directory.path().join("folder")).expect("writable");
    let long = File::create(directory.path().join("long.bin")).expect("writable");
    long.set_len(1 << 40).expect("a hole");
    for (uri, says) in
        [("folder", "no regular file"), ("long.bin", "1099511627776 bytes"), ("gone.bin", "No such file")]
    {
        fs::write(&path, gltf(uri)).expect("writable");
        assert!(refusal(&path).contains(says), "{}", refusal(&path));
    }
    let error = Source::open(directory.path()).err().expect("a directory is no model");
    assert!(matches!(error, ConvertError::Read { .. }), "{error:?}");
    assert!(matches!(open_asset(&path), Err(ConvertError::Asset { .. })));
}

/// Returns how many KiB of a mapped file are in memory.
fn resident_kibibytes(path: &Path) -> u64 {
    let maps = fs::read_to_string("/proc/self/smaps").expect("Linux tells of its maps");
    let (_, own) = maps.split_once(&format!("{}\n", path.display())).expect("the file is mapped");
    let line = own.lines().find(|line| line.starts_with("Rss:")).expect("a map has a line of its memory");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}

#[test]
fn memory_of_a_mapped_file_is_released_and_filled_again() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("sheet.arrAsset");
    let options = BuildOptions { compress_textures: false, ..BuildOptions::default() };
    let file = File::create(&path).expect("a file can be written");
    let model = remora_engine::build(EngineDetail::default());
    build_into(&model, &options, &|_| {}, &|| false, io::BufWriter::new(file)).expect("the engine is built");
    let asset = open_asset(&path).expect("it is an asset");
    let sum = || {
        let pages = 0..asset.pages().len() as u32;
        pages.map(|page| asset.page(page).expect("it is sound").iter().map(|byte| u64::from(*byte)).sum::<u64>()).sum()
    };
    let read: u64 = sum();
    let pages_kibibytes = asset.pages().iter().map(|page| u64::from(page.bytes)).sum::<u64>() >> 10;
    let before = resident_kibibytes(&path);
    assert!(before >= pages_kibibytes, "{before} of {pages_kibibytes} KiB");
    (0..asset.pages().len() as u32).for_each(|page| asset.page_memory(page).release());
    let after = resident_kibibytes(&path);
    assert!(after + pages_kibibytes <= before + 64, "{after} KiB are left of {before}");
    assert_eq!(sum(), read);
}
