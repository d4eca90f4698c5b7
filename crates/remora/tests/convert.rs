#![cfg(feature = "host")]
//! Runs `remora convert` and `remora inspect` on files.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
};

use remora_engine::EngineDetail;
use remora_import::write_glb;
use remora_model::{Material, Mesh, Model, Node, Primitive};
use serde_json::{Value, json};

fn remora(directory: &Path, arguments: &[&str]) -> Output {
    command(directory, arguments).output().expect("the executable runs")
}

fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_remora"));
    command.args(arguments).current_dir(directory).stdin(Stdio::null());
    command
}

fn succeeds(directory: &Path, arguments: &[&str]) -> String {
    let output = remora(directory, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn inspected(directory: &Path, file: &str) -> Value {
    let text = succeeds(directory, &["inspect", file, "--json", "--no-thumbnail"]);
    serde_json::from_str(&text).expect("one JSON document")
}

/// Checks that a command fails with one line and leaves the directory unchanged.
fn fails(directory: &Path, arguments: &[&str], status: i32, says: &[&str]) {
    let before = listing(directory);
    let output = remora(directory, arguments);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {complaint}");
    assert!(output.stdout.is_empty());
    for part in says {
        assert!(complaint.contains(part), "{arguments:?}: {complaint:?} does not say {part:?}");
    }
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert_eq!(listing(directory), before, "{arguments:?}");
}

/// Returns names and contents of all files, hidden files included.
fn listing(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("readable"));
    let mut files: Vec<_> = entries
        .map(|entry| {
            let name = entry.file_name().into_string().expect("UTF-8");
            (name, fs::read(entry.path()).unwrap_or_default())
        })
        .collect();
    files.sort();
    files
}

fn names(directory: &Path) -> Vec<String> {
    listing(directory).into_iter().map(|(name, _)| name).collect()
}

/// Returns a triangle of 3 by 4 metres.
fn triangle() -> Model {
    let primitive = Primitive {
        positions: vec![[0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [0.0, 4.0, 0.0]],
        normals: vec![[0.0, 0.0, 1.0]; 3],
        indices: vec![0, 1, 2],
        ..Primitive::default()
    };
    Model {
        name: "triangle".into(),
        nodes: vec![Node { name: "part".into(), mesh: Some(0), ..Node::default() }],
        meshes: vec![Mesh { name: "mesh".into(), primitives: vec![primitive], ..Mesh::default() }],
        materials: vec![Material { name: "steel".into(), ..Material::default() }],
        ..Model::default()
    }
}

fn engine(triangles: u64) -> Model {
    remora_engine::build(EngineDetail { triangles })
}

fn write_model(directory: &Path, name: &str, model: &Model) {
    fs::write(directory.join(name), write_glb(model).expect("a good model")).expect("it is writable");
}

/// Returns the same triangle as glTF with its buffer at a URI.
fn gltf(buffer: &str) -> String {
    json!({
        "asset": { "version": "2.0" },
        "scenes": [{ "nodes": [0] }],
        "nodes": [{ "mesh": 0, "extras": { "order": 7 } }],
        "meshes": [{ "primitives": [{ "attributes": { "POSITION": 0 } }] }],
        "accessors": [{ "bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3" }],
        "bufferViews": [{ "buffer": 0, "byteLength": 36 }],
        "buffers": [{ "uri": buffer, "byteLength": 36 }],
    })
    .to_string()
}

fn positions() -> Vec<u8> {
    let corners: [[f32; 3]; 3] = [[0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [0.0, 4.0, 0.0]];
    corners.into_iter().flatten().flat_map(f32::to_le_bytes).collect()
}

#[test]
fn an_asset_has_the_contents_of_its_model() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let model = engine(60_000);
    write_model(directory, "engine.glb", &model);
    let summary = succeeds(directory, &["convert", "engine.glb", "--threads", "2"]);
    assert_eq!(names(directory), ["engine.arrAsset", "engine.glb"]);

    let asset = inspected(directory, "engine.arrAsset");
    let source = inspected(directory, "engine.glb");
    assert_eq!(asset["format"], "arrAsset");
    assert_eq!(source["format"], "glTF");
    assert_eq!(asset["asset"]["source"], "glTF");
    assert_eq!(asset["asset"]["coarse"], false);
    assert_eq!(asset["triangles"], model.triangles());
    assert_eq!(asset["parts"], model.parts());
    assert_eq!(asset["materials"]["count"], model.materials.len());
    for same in ["triangles", "points", "nodes", "parts", "meshes", "bounds", "materials", "metadata"] {
        assert_eq!(asset[same], source[same], "{same}");
    }
    let bytes = fs::metadata(directory.join("engine.arrAsset")).expect("it is there").len();
    assert_eq!(asset["bytes"], bytes);
    let simplified = asset["asset"]["simplified"]["triangles"].as_u64().expect("a number");
    let original = asset["asset"]["original"]["triangles"].as_u64().expect("a number");
    assert!(simplified > 0 && simplified < 2 * original, "{simplified} besides {original}");
    for number in [model.triangles(), model.parts() as u64, bytes] {
        assert!(summary.contains(&number.to_string()), "{summary} does not say {number}");
    }
    assert_eq!(summary.lines().count(), 1);

    // The asset can be shown as text, too, and no hidden file stays behind.
    let table = succeeds(directory, &["inspect", "engine.arrAsset", "--no-thumbnail"]);
    assert!(table.lines().any(|line| line.starts_with("triangles") && line.ends_with(&model.triangles().to_string())));
    assert_eq!(names(directory), ["engine.arrAsset", "engine.glb"]);
}

#[test]
fn a_model_may_have_its_buffer_in_a_file_beside_it() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    fs::write(directory.join("model.gltf"), gltf("numbers.bin")).expect("it is writable");
    fs::write(directory.join("numbers.bin"), positions()).expect("it is writable");
    assert_eq!(succeeds(directory, &["convert", "model.gltf", "-o", "out.arrAsset", "--quiet"]), "");
    let asset = inspected(directory, "out.arrAsset");
    assert_eq!(asset["triangles"], 1);
    assert_eq!(asset["bounds"]["size"], json!([3.0, 4.0, 0.0]));
    assert_eq!(asset["metadata"], json!({ "count": 1, "names": ["order"] }));
}

#[test]
fn a_model_with_lights_and_a_missing_image_is_converted_with_notices() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let mut root: Value = serde_json::from_str(&gltf("numbers.bin")).expect("JSON");
    root["extensionsRequired"] = json!(["KHR_lights_punctual"]);
    root["meshes"][0]["primitives"][0]["material"] = json!(0);
    root["materials"] = json!([{ "pbrMetallicRoughness": { "baseColorTexture": { "index": 0 } } }]);
    root["textures"] = json!([{ "source": 0 }]);
    root["images"] = json!([{ "uri": "wood.png" }]);
    fs::write(directory.join("model.gltf"), root.to_string()).expect("it is writable");
    fs::write(directory.join("numbers.bin"), positions()).expect("it is writable");
    let output = remora(directory, &["convert", "model.gltf"]);
    assert!(output.status.success());
    let told = String::from_utf8(output.stderr).expect("text");
    let lines: Vec<&str> = told.lines().collect();
    let [lights, image] = &lines[..] else { panic!("{told}") };
    assert!(lights.contains("KHR_lights_punctual") && image.contains("\"wood.png\""), "{told}");

    for file in ["model.gltf", "model.arrAsset"] {
        let notices = inspected(directory, file)["notices"].as_array().expect("a list").clone();
        let notices: Vec<&str> = notices.iter().filter_map(Value::as_str).collect();
        assert_eq!(notices.len(), 2, "{notices:?}");
        assert!(told.contains(notices[0]) && told.contains(notices[1]), "{notices:?}");
        let table = succeeds(directory, &["inspect", file, "--no-thumbnail"]);
        assert!(
            table.lines().any(|line| line.starts_with("notice") && line.contains("KHR_lights_punctual")),
            "{table}"
        );
    }
    assert_eq!(succeeds(directory, &["convert", "model.gltf", "--quiet"]), "");
}

#[test]
fn errors_name_the_problem_and_leave_no_files_behind() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    fs::write(directory.join("short.gltf"), gltf("short.bin")).expect("it is writable");
    fs::write(directory.join("short.bin"), [0; 35]).expect("it is writable");
    fs::write(directory.join("thief.gltf"), gltf("../../etc/passwd")).expect("it is writable");
    let mut cut = write_glb(&triangle()).expect("a good model");
    cut.truncate(cut.len() - 8);
    fs::write(directory.join("cut.glb"), cut).expect("it is writable");
    fs::write(directory.join("picture.bmp"), b"BM\x1b[31m").expect("it is writable");
    for command in ["convert", "inspect"] {
        let fails = |file: &str, says: &[&str]| fails(directory, &[command, file], 1, says);
        fails("short.gltf", &["short.gltf", "buffer 0", "36 bytes"]);
        fails("thief.gltf", &["thief.gltf", "buffer 0", "leaves the model's folder"]);
        fails("cut.glb", &["cut.glb", "cut short"]);
        fails("picture.bmp", &["picture.bmp", "accepted are"]);
        fails("missing.glb", &["missing.glb", "cannot be read"]);
        fails(".", &["cannot be read"]);
    }
}

#[test]
fn memory_is_bounded() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    write_model(directory.path(), "engine.glb", &engine(60_000));
    let arguments = ["convert", "engine.glb", "--memory", "0.0001"];
    fails(directory.path(), &arguments, 1, &["engine.glb", "bytes of memory"]);
}

#[test]
fn unusable_outputs_are_refused_before_the_conversion() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    write_model(directory, "model.glb", &triangle());
    fs::create_dir(directory.join("folder")).expect("it is writable");
    std::os::unix::fs::symlink("model.glb", directory.join("link.arrAsset")).expect("it is writable");
    let fails = |output: &str, says: &[&str]| fails(directory, &["convert", "model.glb", "-o", output], 1, says);
    fails("nowhere/out.arrAsset", &["nowhere/out.arrAsset", "cannot be written"]);
    fails("folder", &["folder", "is a directory"]);
    fails("model.glb", &["model.glb", "is the model itself"]);
    fails("./folder/../model.glb", &["is the model itself"]);
    fails("link.arrAsset", &["is the model itself"]);
    let command = ["inspect", "model.glb", "--thumbnail", "model.glb"];
    self::fails(directory, &command, 1, &["model.glb", "is the file itself"]);
}

#[test]
fn files_that_a_model_refers_to_are_not_overwritten() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    fs::write(directory.join("model.gltf"), gltf("numbers.bin")).expect("it is writable");
    fs::write(directory.join("numbers.bin"), positions()).expect("it is writable");
    std::os::unix::fs::symlink("numbers.bin", directory.join("link.bin")).expect("it is writable");
    let fails = |command: &[&str]| fails(directory, command, 1, &["numbers.bin", "belongs to the model"]);
    fails(&["convert", "model.gltf", "-o", "numbers.bin"]);
    fails(&["convert", "model.gltf", "-o", "./numbers.bin"]);
    fails(&["inspect", "model.gltf", "--thumbnail", "numbers.bin"]);
    let by_link = ["convert", "model.gltf", "-o", "link.bin"];
    self::fails(directory, &by_link, 1, &["link.bin", "belongs to the model"]);
}

#[test]
fn an_asset_is_not_converted_again() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    write_model(directory, "model.glb", &triangle());
    succeeds(directory, &["convert", "model.glb"]);
    let output = ["convert", "model.arrAsset", "-o", "again.arrAsset"];
    fails(directory, &output, 1, &["model.arrAsset", "is already an asset"]);
}

#[test]
fn wrong_commands_end_with_status_2() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for arguments in [
        &["convert"] as &[&str],
        &["convert", "a.glb", "--threads", "0"],
        &["convert", "a.glb", "--memory", "all"],
        &["convert", "a.glb", "--texture-size", "8"],
        &["convert", "a.glb", "--progress", "--quiet"],
        &["inspect", "a.glb", "--size", "511x512"],
        &["inspect", "a.glb", "--thumbnail", "a.png", "--no-thumbnail"],
    ] {
        assert_eq!(remora(directory.path(), arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn an_interrupted_conversion_keeps_the_old_asset_and_leaves_no_files_behind() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    write_model(directory, "engine.glb", &engine(2_000_000));
    fs::write(directory.join("engine.arrAsset"), "old").expect("it is writable");
    for stage in ["reading ", "building "] {
        let mut child = command(directory, &["convert", "engine.glb", "--progress"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines().map(|line| line.expect("text"));
        let begun = lines.any(|line| line.starts_with(stage));
        assert!(begun, "it ended before {stage}");
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it runs");
        let last = lines.last();
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), Some(130), "while {stage}: {last:?}");
        assert_eq!(last.as_deref(), Some("remora: interrupted; no asset was written"), "while {stage}");
        assert_eq!(names(directory), ["engine.arrAsset", "engine.glb"], "while {stage}");
        assert_eq!(fs::read(directory.join("engine.arrAsset")).expect("it is there"), b"old", "while {stage}");
    }
}

#[test]
fn progress_rises_to_its_end_in_both_stages() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    write_model(directory.path(), "engine.glb", &engine(60_000));
    let output = remora(directory.path(), &["convert", "engine.glb", "--progress"]);
    let told = String::from_utf8(output.stderr).expect("text");
    for stage in ["reading", "building"] {
        let steps: Vec<u32> =
            told.lines().filter_map(|line| line.strip_prefix(stage)?.trim().strip_suffix(" %")?.parse().ok()).collect();
        assert!(steps.len() > 1 && steps.is_sorted_by(|a, b| a < b), "{stage}: {steps:?}");
        assert_eq!(steps.last(), Some(&100), "{stage}");
    }
    let quiet = remora(directory.path(), &["convert", "engine.glb"]);
    assert_eq!(String::from_utf8_lossy(&quiet.stderr), "", "standard error is not a terminal");
}

#[test]
fn a_thumbnail_replaces_an_older_one_as_a_whole() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    write_model(directory, "model.glb", &triangle());
    fs::write(directory.join("out.png"), "old").expect("it is writable");
    fs::hard_link(directory.join("out.png"), directory.join("old.png")).expect("the file system has links");
    succeeds(directory, &["inspect", "model.glb", "--size", "16x16", "--thumbnail", "out.png"]);
    assert_eq!(fs::read(directory.join("old.png")).expect("it is there"), b"old", "the old file is not written to");
    assert!(fs::read(directory.join("out.png")).expect("it is there").starts_with(b"\x89PNG"));
    assert_eq!(names(directory), ["model.glb", "old.png", "out.png"]);
}

#[test]
fn a_thumbnail_shows_the_model() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    write_model(directory, "engine.glb", &engine(60_000));
    succeeds(directory, &["convert", "engine.glb", "--quiet"]);
    succeeds(directory, &["inspect", "engine.glb", "--size", "64x48"]);
    succeeds(directory, &["inspect", "engine.arrAsset", "--json", "--size", "64x48", "--thumbnail", "asset.png"]);
    assert_eq!(names(directory), ["asset.png", "engine.arrAsset", "engine.glb", "engine.glb.png"]);
    let picture = |name: &str| image::open(directory.join(name)).expect("a PNG").into_rgba8();
    let (model, asset) = (picture("engine.glb.png"), picture("asset.png"));
    assert_eq!(model.dimensions(), (64, 48));
    let background = *model.get_pixel(0, 0);
    let shown = model.pixels().filter(|pixel| differ(pixel.0, background.0)).count();
    assert!(shown > 64 * 48 / 8, "{shown} texels show something");
    let differing = model.pixels().zip(asset.pixels()).filter(|(model, asset)| differ(model.0, asset.0)).count();
    assert!(differing < 64 * 48 / 8, "{differing} texels differ between the model and its asset");
}

fn differ(a: [u8; 4], b: [u8; 4]) -> bool {
    a.iter().zip(b).any(|(a, b)| a.abs_diff(b) > 24)
}
