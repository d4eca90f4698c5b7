//! Damaged and hostile files are refused with a reason and do no harm.

use remora_import::{GltfError, LoadLimits};
use serde_json::{Value, json};

use crate::file::{File, boasting_png, file_with_image, load, load_glb, png, refusal};

#[test]
fn other_formats_are_refused_with_a_reason() {
    let text = refusal(b"PK\x03\x04 a zip file");
    assert!(text.contains("not glTF") && !text.contains("PK"), "{text}");
    assert!(refusal(b"").contains("empty"));
    assert!(refusal(b"glTF").contains("12 bytes"));
    assert!(refusal(b"glTF\x01\0\0\0\x14\0\0\0").contains("version 1"));
    assert!(matches!(load(b"{ \"asset\": "), Err(GltfError::Json(_))));
    for secret in [r#"{"asset": "SECRET"}"#, r#"{"asset": {"version": "SECRET"}}"#, "SECRET", r#"{"SECRET"}"#] {
        let error = load(secret.as_bytes()).expect_err("no model").to_string();
        assert!(!error.contains("SECRET"), "{error}");
    }
    assert!(refusal(b"{}").contains("version (none given)"));
    assert!(refusal(br#"{"asset":{"version":"1.0"}}"#).contains("version 1.0"));
    assert!(refusal(br#"{"asset":{"version":"2.0"}}"#).contains("no triangles"));
}

#[test]
fn every_truncated_file_is_refused() {
    let whole = textured_file().glb();
    assert!(load(&whole).is_ok());
    for length in 0..whole.len() {
        assert!(load(&whole[..length]).is_err(), "{length} of {} bytes were taken for a model", whole.len());
    }
}

#[test]
fn a_required_extension_of_geometry_that_is_not_supported_is_refused_by_name() {
    let mut file = File::triangle();
    file.root["extensionsRequired"] = json!(["KHR_texture_transform", "KHR_gaussian_splatting"]);
    let text = file.refusal();
    assert!(text.contains("KHR_gaussian_splatting") && text.contains("KHR_materials_unlit"), "{text}");
    // An extension that is used and not required is ignored.
    file.root["extensionsRequired"] = json!([]);
    file.root["extensionsUsed"] = json!(["KHR_gaussian_splatting"]);
    assert_eq!(file.notices(), [""; 0]);
}

#[test]
fn a_required_extension_of_light_or_surface_is_ignored_with_a_notice() {
    let mut file = File::triangle();
    // Blender writes these for a scene with lights and glass.
    let names = ["KHR_lights_punctual", "KHR_materials_transmission", "KHR_materials_variants"];
    file.root["extensionsRequired"] = json!(names);
    file.root["extensions"] = json!({ "KHR_lights_punctual": { "lights": [{ "type": "point" }] } });
    let notices = file.notices();
    assert_eq!(notices.len(), names.len());
    for (name, notice) in names.iter().zip(notices) {
        assert!(notice.contains(name) && notice.contains("shown without"), "{notice}");
    }
    file.root["extensionsRequired"] = json!((0..10_000).map(|i| format!("KHR_lights_{i}")).collect::<Vec<_>>());
    assert_eq!(file.notices().len(), remora_model::NOTICES_MAX);
}

#[test]
fn numbers_that_reach_beyond_the_data_are_refused() {
    let cases: [(&str, Value, &str); 12] = [
        ("/accessors/0/count", json!(4), "accessor 0"),
        ("/accessors/0/count", json!(u64::MAX), "bytes of memory"),
        ("/accessors/0/byteOffset", json!(1), "accessor 0"),
        ("/accessors/0/byteOffset", json!(u64::MAX), "accessor 0"),
        ("/accessors/0/bufferView", json!(3), "buffer view 3"),
        ("/accessors/0/componentType", json!(5130), "component type 5130"),
        ("/accessors/0/type", json!("VEC2"), "2 numbers, 3 are needed"),
        ("/accessors/0/type", json!("VEC9"), "VEC9"),
        ("/bufferViews/0/byteLength", json!(u64::MAX), "buffer view 0"),
        ("/bufferViews/0/byteStride", json!(3), "3 bytes apart"),
        ("/bufferViews/0/buffer", json!(1), "there is no buffer 1"),
        ("/buffers/0/byteLength", json!(1000), "buffer 0: it should have 1000 bytes"),
    ];
    for (place, value, expected) in cases {
        let mut file = File::triangle();
        file.root["accessors"][0]["byteOffset"] = json!(0);
        file.root["bufferViews"][0]["byteStride"] = json!(12);
        *file.root.pointer_mut(place).expect("the template has this member") = value.clone();
        let text = file.refusal();
        assert!(text.contains(expected), "{place} = {value}: {text}");
    }
}

#[test]
fn an_index_beyond_the_vertices_is_refused() {
    let mut file = File::triangle();
    let indices = file.indices(&[0, 1, 3]);
    file.root["meshes"][0]["primitives"][0]["indices"] = json!(indices);
    assert!(file.refusal().contains("mesh 0, primitive 0: an index is 3, there are 3 vertices"));
}

#[test]
fn sparse_accessors_are_checked_too() {
    let sparse = |index: u8, count: u64| {
        let mut file = File::triangle();
        let places = file.view(&[index]);
        let values = file.view(&[0; 12]);
        file.root["accessors"][0]["sparse"] = json!({
            "count": count,
            "indices": { "bufferView": places, "componentType": 5121 },
            "values": { "bufferView": values },
        });
        file.refusal()
    };
    assert!(sparse(3, 1).contains("a sparse index is 3"));
    assert!(sparse(0, 2).contains("beyond buffer view"));
    assert!(sparse(0, u64::MAX).contains("beyond buffer view"));
}

#[test]
fn positions_that_are_not_finite_are_refused() {
    for bad in [f32::NAN, f32::INFINITY] {
        let mut file = File::new();
        let positions = file.vec3(&[[0.0, 0.0, 0.0], [1.0, bad, 0.0], [0.0, 1.0, 0.0]]);
        file.primitive(json!({ "attributes": { "POSITION": positions } }));
        assert!(file.refusal().contains("not finite"));
    }
}

#[test]
fn attributes_of_fewer_vertices_than_are_used_are_refused() {
    let mut file = File::triangle();
    let normals = file.vec3(&[[0.0, 0.0, 1.0]; 2]);
    file.root["meshes"][0]["primitives"][0]["attributes"]["NORMAL"] = json!(normals);
    assert!(file.refusal().contains("element 2 is needed, it has 2"));
}

fn is_too_large(file: &File) -> bool {
    matches!(file.load(), Err(GltfError::TooLarge { .. }))
}

#[test]
fn counts_that_need_more_memory_than_allowed_are_refused_before_it_is_taken() {
    // Zeros need no data in the file.
    let mut zeros = File::triangle();
    zeros.root["accessors"][0] = json!({ "componentType": 5126, "type": "VEC3", "count": 3_000_000_000_u64 });
    assert!(is_too_large(&zeros));

    // A thousand primitives read one list of vertices.
    let mut shared = File::new();
    let positions = shared.vec3(&vec![[0.0, 1.0, 2.0]; 30_000]);
    let indices = shared.indices(&[0, 29_999, 1]);
    for _ in 0..1000 {
        shared.primitive(json!({ "attributes": { "POSITION": positions, "NORMAL": positions }, "indices": indices }));
    }
    assert!(is_too_large(&shared));
}

#[test]
fn json_that_grows_beyond_the_limit_is_refused_before_it_is_parsed() {
    let bomb = format!("{{\"asset\":{{\"version\":\"2.0\"}},\"nodes\":[{}{{}}]}}", "{},".repeat(1_000_000));
    assert!(matches!(load(bomb.as_bytes()), Err(GltfError::TooLarge { .. })));
    let deep = format!("{{\"asset\":{}", "[".repeat(100_000));
    assert!(matches!(load(deep.as_bytes()), Err(GltfError::Json(_))));
}

#[test]
fn the_error_names_the_part_and_its_memory() {
    let limits = LoadLimits { memory_bytes_max: 1000, texture_dimension_max: 1024 };
    let text = load_glb(&File::triangle().glb(), "Model", &limits, &mut |_| {}).unwrap_err().to_string();
    assert!(text.contains("JSON") && text.contains("of the 1000"), "{text}");
}

fn textured_file() -> File {
    file_with_image(&png(4, 4, [10, 200, 30, 255]))
}

#[test]
fn a_tiny_image_that_claims_to_be_huge_takes_no_memory() {
    let with_size = |width, height| {
        let mut file = textured_file();
        let view = file.view(&boasting_png(width, height));
        file.root["images"][0]["bufferView"] = json!(view);
        file
    };
    assert!(with_size(4, 4).load().is_ok());
    assert!(is_too_large(&with_size(16_000, 16_000)));
    assert!(with_size(60_000, 60_000).notice().contains("at most 16384"));
    for (width, height) in [(0x7fff_ffff, 0x7fff_ffff), (0, 4)] {
        assert!(with_size(width, height).notice().starts_with("image 0"));
    }
    // The size is within the limit, and the pixels are missing.
    assert!(with_size(500, 500).notice().starts_with("image 0"));
}

#[test]
fn data_in_the_file_that_is_not_base64_is_refused() {
    let mut file = File::triangle();
    for (uri, expected) in [
        ("data:application/octet-stream;base64,!!!!", "not valid base64"),
        ("data:text/plain,hello", "not in base64"),
        ("model.bin", "\"model.bin\""),
        ("https://example.org/model.bin", "pack it as GLB"),
    ] {
        file.root["buffers"][0]["uri"] = json!(uri);
        let text = file.refusal();
        assert!(text.contains("buffer 0") && text.contains(expected), "{text}");
    }
}

#[test]
fn a_buffer_without_data_is_refused() {
    let mut file = File::triangle();
    file.root["buffers"].as_array_mut().unwrap().push(json!({ "byteLength": 4 }));
    assert!(file.refusal().contains("buffer 1"));
    let no_chunk = file.root.to_string();
    assert!(refusal(no_chunk.as_bytes()).contains("buffer 0: it has neither"));
}
