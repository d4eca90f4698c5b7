//! Buffers and images in files beside the model.

use std::cell::RefCell;

use remora_import::{GltfError, Input, LoadLimits, gltf};
use remora_model::Model;
use serde_json::json;

use crate::file::{File, file_with_image, limits, png};

/// Returns a triangle whose positions are in one file and whose image is in another.
fn scattered() -> File {
    let mut file = file_with_image(&png(4, 4, [10, 200, 30, 255]));
    file.root["buffers"][0]["uri"] = json!("./geometry%20data.bin");
    file.root["images"] = json!([{ "uri": "textures/wood.png" }]);
    file
}

fn load(
    file: &File,
    limits: &LoadLimits,
    mut resolver: impl FnMut(&str, u64) -> Result<Vec<u8>, String>,
) -> Result<Model, GltfError> {
    let (text, mut progress) = (file.root.to_string(), |_| {});
    let input = Input::new(text.as_bytes(), "Model", &mut progress);
    gltf::import(Input { limits: *limits, resolver: Some(&mut resolver), ..input })
}

#[test]
fn files_beside_the_model_are_requested_by_their_path() {
    let file = scattered();
    let asked = RefCell::new(Vec::new());
    let model = load(&file, &limits(), |path, _| {
        asked.borrow_mut().push(path.to_owned());
        Ok(if path == "geometry data.bin" { file.binary.clone() } else { png(2, 2, [1, 2, 3, 255]) })
    });
    let model = model.unwrap();
    assert_eq!(model.check(), Ok(()));
    assert_eq!(*asked.borrow(), ["geometry data.bin", "textures/wood.png"]);
    assert_eq!(model.triangles(), 1);
    assert_eq!((model.textures[0].width, &model.textures[0].rgba[..4]), (2, &[1, 2, 3, 255][..]));
}

#[test]
fn paths_outside_of_the_folder_are_never_requested() {
    for uri in ["/etc/passwd", "%2Fetc%2Fpasswd", "a/%2e%2e/../b", "file:///etc/passwd", "http://host/a", "a\\b", ""] {
        for place in ["buffers", "images"] {
            let mut file = scattered();
            file.root[place][0]["uri"] = json!(uri);
            let loaded = load(&file, &limits(), |path, _| {
                assert!(["geometry data.bin", "textures/wood.png"].contains(&path), "{path}");
                Ok(file.binary.clone())
            });
            let text = match (place, loaded) {
                ("buffers", Err(error @ GltfError::UnsafeUri { .. })) => error.to_string(),
                ("images", Ok(model)) => model.notices.texts().join("\n"),
                (_, other) => panic!("{place}: {other:?}"),
            };
            assert!(text.contains(&format!("{uri:?}")), "{text}");
        }
    }
}

#[test]
fn files_beside_the_model_count_towards_the_memory() {
    let mut file = scattered();
    let second = json!({ "byteLength": 4, "uri": "more.bin" });
    file.root["buffers"].as_array_mut().unwrap().push(second);
    let json_bytes = file.root.to_string().len() as u64 * 128;
    let limits = LoadLimits { memory_bytes_max: json_bytes + 1_000_000, texture_dimension_max: 16 };
    let left = RefCell::new(Vec::new());
    let error = load(&file, &limits, |_, bytes_max| {
        left.borrow_mut().push(bytes_max);
        Ok(vec![0; 600_000])
    });
    assert!(matches!(error, Err(GltfError::TooLarge { .. })), "{error:?}");
    assert_eq!(*left.borrow(), [1_000_000, 400_000]);
}

#[test]
fn a_missing_file_is_named_with_the_reason() {
    let error = load(&scattered(), &limits(), |_, _| Err("it is not there".to_owned())).unwrap_err().to_string();
    assert_eq!(error, "buffer 0 refers to the file \"geometry data.bin\", which cannot be read: it is not there");
    let file = scattered();
    let model = load(&file, &limits(), |path, _| match path {
        "textures/wood.png" => Err("it is not there".to_owned()),
        _ => Ok(file.binary.clone()),
    });
    let notices = model.expect("an image that is missing costs its textures only").notices.texts();
    let missing = "image 0 refers to the file \"textures/wood.png\", which cannot be read: it is not there";
    assert!(notices.len() == 1 && notices[0].starts_with(missing), "{notices:?}");
    let error = load(&file, &limits(), |_, _| Ok(file.binary[..8].to_vec())).unwrap_err().to_string();
    assert!(error.contains("buffer 0: it should have") && error.contains("there are 8"), "{error}");
}

#[test]
fn without_a_resolver_a_model_must_not_refer_to_files() {
    let refusal = crate::file::refusal(scattered().root.to_string().as_bytes());
    assert!(refusal.contains("buffer 0 refers to the file") && refusal.contains("pack it as GLB"), "{refusal}");
}
