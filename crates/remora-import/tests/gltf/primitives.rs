//! Geometry: all kinds of triangles and numbers.

use glam::{Vec3, Vec4};
use remora_model::{Model, Primitive};
use serde_json::json;

use crate::file::{File, push};

const SQUARE: [[f32; 3]; 4] = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]];

fn only(model: &Model) -> &Primitive {
    assert_eq!((model.meshes.len(), model.meshes[0].primitives.len()), (1, 1));
    &model.meshes[0].primitives[0]
}

/// Returns the corners of all triangles, which do not depend on the order of vertices.
fn corners(primitive: &Primitive) -> Vec<[f32; 3]> {
    primitive.indices.iter().map(|&index| primitive.positions[index as usize]).collect()
}

#[test]
fn triangles_without_indices_take_their_vertices_in_order() {
    let model = File::triangle().load().unwrap();
    assert_eq!(corners(only(&model)), [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
    assert_eq!((model.name.as_str(), model.triangles()), ("Model", 1));
}

#[test]
fn indices_of_every_width_are_read() {
    let wide: Vec<u8> = [0_u32, 1, 2].iter().flat_map(|index| index.to_le_bytes()).collect();
    for (component, bytes) in [(5121, vec![0, 1, 2]), (5123, vec![0, 0, 1, 0, 2, 0]), (5125, wide)] {
        let mut file = File::new();
        let positions = file.vec3(&SQUARE);
        let indices = file.accessor(&bytes, component, "SCALAR", 3);
        file.primitive(json!({ "attributes": { "POSITION": positions }, "indices": indices }));
        assert_eq!(corners(only(&file.load().unwrap())), SQUARE[..3]);
    }
}

#[test]
fn strips_and_fans_keep_the_winding() {
    // The strip is a zigzag and the fan follows the rim; both form the same square.
    for (mode, order) in [(5, [0_u16, 1, 3, 2]), (6, [0, 1, 2, 3])] {
        let mut file = File::new();
        let positions = file.vec3(&SQUARE);
        let indices = file.indices(&order);
        file.primitive(json!({ "attributes": { "POSITION": positions }, "indices": indices, "mode": mode }));
        let model = file.load().unwrap();
        let primitive = only(&model);
        assert_eq!(primitive.triangles(), 2, "mode {mode}");
        for triangle in corners(primitive).chunks(3) {
            let [a, b, c] = [0, 1, 2].map(|corner| Vec3::from(triangle[corner]));
            assert!((b - a).cross(c - a).z > 0.0, "mode {mode}: {triangle:?}");
        }
    }
}

#[test]
fn lines_are_skipped_beside_triangles_and_refused_alone() {
    let mut file = File::triangle();
    for mode in 1..4 {
        file.primitive(json!({ "attributes": { "POSITION": 0 }, "mode": mode }));
    }
    assert_eq!(file.load().unwrap().triangles(), 1);
    assert_eq!(file.notice(), "3 primitives of lines or without elements are not shown");
    file.root["meshes"][0]["primitives"].as_array_mut().unwrap().remove(0);
    let refusal = file.refusal();
    assert!(refusal.contains("no triangles") && refusal.contains('3'), "{refusal}");
}

#[test]
fn interleaved_vertices_are_read_by_their_stride() {
    let mut file = File::new();
    let interleaved: Vec<f32> = SQUARE[..3].iter().flat_map(|&[x, y, z]| [x, y, z, 0.0, 0.0, 1.0]).collect();
    let bytes: Vec<u8> = interleaved.iter().flat_map(|number| number.to_le_bytes()).collect();
    let view = file.view(&bytes);
    file.root["bufferViews"][view]["byteStride"] = json!(24);
    for offset in [0, 12] {
        let accessor = json!({
            "bufferView": view, "byteOffset": offset, "componentType": 5126, "type": "VEC3", "count": 3,
        });
        push(&mut file.root["accessors"], accessor);
    }
    file.primitive(json!({ "attributes": { "POSITION": 0, "NORMAL": 1 } }));
    let model = file.load().unwrap();
    assert_eq!(only(&model).positions, SQUARE[..3]);
    assert_eq!(only(&model).normals, [[0.0, 0.0, 1.0]; 3]);
}

#[test]
fn sparse_accessors_replace_some_elements() {
    let mut file = File::triangle();
    let places = file.view(&[2, 0]);
    let values: Vec<u8> = [0.0_f32, 5.0, 0.0].iter().flat_map(|number| number.to_le_bytes()).collect();
    let values = file.view(&values);
    let sparse = json!({
        "count": 1,
        "indices": { "bufferView": places, "componentType": 5123 },
        "values": { "bufferView": values },
    });
    file.root["accessors"][0]["sparse"] = sparse;
    assert_eq!(corners(only(&file.load().unwrap())), [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 5.0, 0.0]]);
    // Without a buffer view, the other elements are zero.
    file.root["accessors"][0].as_object_mut().unwrap().remove("bufferView");
    assert_eq!(corners(only(&file.load().unwrap())), [[0.0; 3], [0.0; 3], [0.0, 5.0, 0.0]]);
}

#[test]
fn sparse_accessors_of_any_kind_are_read_in_part_too() {
    // The last corner of the second triangle is replaced.
    let mut file = File::new();
    let positions = file.vec3(&SQUARE);
    let indices = file.indices(&[0, 1, 2, 0, 2, 2]);
    let (places, values) = (file.view(&[5, 0, 0, 0]), file.view(&[3, 0]));
    file.root["accessors"][indices]["sparse"] = json!({
        "count": 1,
        "indices": { "bufferView": places, "componentType": 5125 },
        "values": { "bufferView": values },
    });
    file.primitive(json!({ "attributes": { "POSITION": positions }, "indices": indices }));
    assert_eq!(corners(only(&file.load().unwrap()))[5], SQUARE[3]);

    // A primitive uses the second half of normalised bytes, so that earlier replacements have no effect.
    let mut file = File::new();
    let positions = file.vec3(&[SQUARE, SQUARE].concat());
    let indices = file.indices(&[4, 5, 6]);
    let coordinates = file.accessor(&[255; 16], 5121, "VEC2", 8);
    let (places, values) = (file.view(&[1, 6]), file.view(&[9, 9, 0, 51]));
    file.root["accessors"][coordinates]["normalized"] = json!(true);
    file.root["accessors"][coordinates]["sparse"] = json!({
        "count": 2,
        "indices": { "bufferView": places, "componentType": 5121 },
        "values": { "bufferView": values },
    });
    let attributes = json!({ "POSITION": positions, "TEXCOORD_0": coordinates });
    file.primitive(json!({ "attributes": attributes, "indices": indices }));
    assert_eq!(only(&file.load().unwrap()).texture_coordinates, [[1.0, 1.0], [1.0, 1.0], [0.0, 0.2]]);
}

#[test]
fn quantised_numbers_of_sixteen_bits_are_converted() {
    let shorts = |numbers: &[i16]| -> Vec<u8> { numbers.iter().flat_map(|number| number.to_le_bytes()).collect() };
    let mut file = File::new();
    let positions = file.accessor(&shorts(&[0, 0, 0, i16::MAX, 0, 0, 0, i16::MIN, 0]), 5122, "VEC3", 3);
    let normals = file.accessor(&shorts(&[0, 0, i16::MAX].repeat(3)), 5122, "VEC3", 3);
    let coordinates = file.accessor(&shorts(&[0, -1, 13107, 0, 0, 0]), 5123, "VEC2", 3);
    for accessor in [positions, normals, coordinates] {
        file.root["accessors"][accessor]["normalized"] = json!(true);
    }
    let attributes = json!({ "POSITION": positions, "NORMAL": normals, "TEXCOORD_0": coordinates });
    file.primitive(json!({ "attributes": attributes }));
    let model = file.load().unwrap();
    assert_eq!(only(&model).positions, [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]);
    assert_eq!(only(&model).normals, [[0.0, 0.0, 1.0]; 3]);
    assert_eq!(only(&model).texture_coordinates, [[0.0, 1.0], [0.2, 0.0], [0.0, 0.0]]);
    // Texture coordinates that are not normalised count whole images.
    file.root["accessors"][coordinates]["normalized"] = json!(false);
    assert_eq!(only(&file.load().unwrap()).texture_coordinates[1], [13107.0, 0.0]);
}

#[test]
fn quantised_positions_and_normalised_numbers_are_converted() {
    let mut file = File::new();
    let shorts: Vec<u8> = [0_i16, 0, 0, -5, 0, 0, 0, 7, 0].iter().flat_map(|number| number.to_le_bytes()).collect();
    let positions = file.accessor(&shorts, 5122, "VEC3", 3);
    let normals = file.accessor(&[0, 0, 127, 0, 0, 127, 0, 0x81, 0], 5120, "VEC3", 3);
    let coordinates = file.accessor(&[0, 255, 51, 0, 255, 255], 5121, "VEC2", 3);
    for accessor in [normals, coordinates] {
        file.root["accessors"][accessor]["normalized"] = json!(true);
    }
    file.root["extensionsRequired"] = json!(["KHR_mesh_quantization"]);
    let attributes = json!({ "POSITION": positions, "NORMAL": normals, "TEXCOORD_0": coordinates });
    file.primitive(json!({ "attributes": attributes }));
    let model = file.load().unwrap();
    let primitive = only(&model);
    assert_eq!(primitive.positions, [[0.0, 0.0, 0.0], [-5.0, 0.0, 0.0], [0.0, 7.0, 0.0]]);
    assert_eq!(primitive.normals, [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]);
    assert_eq!(primitive.texture_coordinates, [[0.0, 1.0], [0.2, 0.0], [1.0, 1.0]]);
}

#[test]
fn missing_normals_are_flat() {
    // Two triangles at a right angle share an edge.
    let mut file = File::new();
    let positions = file.vec3(&[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
    let coordinates = file.vec2(&[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]);
    let indices = file.indices(&[0, 1, 2, 0, 3, 1]);
    let attributes = json!({ "POSITION": positions, "TEXCOORD_0": coordinates });
    file.primitive(json!({ "attributes": attributes, "indices": indices }));
    let model = file.load().unwrap();
    let primitive = only(&model);
    assert_eq!(primitive.normals[..3], [[0.0, 0.0, 1.0]; 3]);
    assert_eq!(primitive.normals[3..], [[0.0, 1.0, 0.0]; 3]);
    assert_eq!(primitive.texture_coordinates[4], [0.5, 0.5]);
    assert_eq!(primitive.indices, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn normals_are_made_unit_length_and_unusable_ones_are_taken_from_the_faces() {
    let mut file = File::triangle();
    let normals = file.vec3(&[[3.0, 0.0, 4.0], [0.0, 0.0, 0.0], [f32::NAN, 0.0, 0.0]]);
    file.root["meshes"][0]["primitives"][0]["attributes"]["NORMAL"] = json!(normals);
    let model = file.load().unwrap();
    assert_eq!(only(&model).normals, [[0.6, 0.0, 0.8], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]);
}

#[test]
fn colours_of_any_kind_become_bytes() {
    let mut file = File::triangle();
    let colors = file.vec3(&[[0.0, 0.5, 1.0], [-1.0, 2.0, f32::NAN], [1.0, 1.0, 1.0]]);
    file.root["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"] = json!(colors);
    let model = file.load().unwrap();
    assert_eq!(only(&model).colors, [[0, 128, 255, 255], [0, 255, 0, 255], [255; 4]]);

    let bytes = file.accessor(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 5121, "VEC4", 3);
    file.root["accessors"][bytes]["normalized"] = json!(true);
    file.root["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"] = json!(bytes);
    assert_eq!(only(&file.load().unwrap()).colors, [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]);
}

#[test]
fn primitives_that_share_a_long_list_of_vertices_read_only_their_part() {
    let mut file = File::new();
    let many: Vec<[f32; 3]> = (0..3000).map(|index| [index as f32, (index % 2) as f32, 0.0]).collect();
    let positions = file.vec3(&many);
    for first in [0_u16, 1500, 2997] {
        let indices = file.indices(&[first, first + 1, first + 2]);
        file.primitive(json!({ "attributes": { "POSITION": positions }, "indices": indices }));
    }
    let model = file.load().unwrap();
    for (primitive, first) in model.meshes[0].primitives.iter().zip([0, 1500, 2997]) {
        assert_eq!(primitive.positions, many[first..first + 3]);
    }
}

/// Returns a square with a normal map whose texture coordinates may be mirrored.
fn normal_mapped(mirrored: bool) -> File {
    let mut file = File::new();
    let positions = file.vec3(&SQUARE);
    let normals = file.vec3(&[[0.0, 0.0, 1.0]; 4]);
    // As in an image, v goes down.
    let across = |x: f32| if mirrored { 1.0 - x } else { x };
    let coordinates: Vec<[f32; 2]> = SQUARE.iter().map(|&[x, y, _]| [across(x), 1.0 - y]).collect();
    let coordinates = file.vec2(&coordinates);
    let indices = file.indices(&[0, 1, 2, 0, 2, 3]);
    let attributes = json!({ "POSITION": positions, "NORMAL": normals, "TEXCOORD_0": coordinates });
    file.primitive(json!({ "attributes": attributes, "indices": indices, "material": 0 }));
    let image = file.view(&crate::file::png(1, 1, [128, 128, 255, 255]));
    file.root["images"] = json!([{ "bufferView": image, "mimeType": "image/png" }]);
    file.root["textures"] = json!([{ "source": 0 }]);
    file.root["materials"] = json!([{ "normalTexture": { "index": 0 } }]);
    file
}

#[test]
fn missing_tangents_are_computed_where_a_normal_map_needs_them() {
    for mirrored in [false, true] {
        let model = normal_mapped(mirrored).load().unwrap();
        let primitive = only(&model);
        assert_eq!(primitive.tangents.len(), 4);
        for &tangent in &primitive.tangents {
            let hand = if mirrored { -1.0 } else { 1.0 };
            // u increases along X or against it; the upper edge of the image is up in both cases.
            assert!(Vec4::from(tangent).abs_diff_eq(Vec4::new(hand, 0.0, 0.0, hand), 1e-5), "{tangent:?}");
        }
    }
    assert!(only(&File::triangle().load().unwrap()).tangents.is_empty());
}

#[test]
fn given_tangents_are_kept_if_they_are_needed() {
    let mut file = normal_mapped(false);
    let tangents = file.floats(&[0.0, 2.0, 0.0, -1.0, 0.0, 1.0, 0.0, 1.0].repeat(2), "VEC4", 4);
    file.root["meshes"][0]["primitives"][0]["attributes"]["TANGENT"] = json!(tangents);
    let model = file.load().unwrap();
    assert_eq!(only(&model).tangents[..2], [[0.0, 1.0, 0.0, -1.0], [0.0, 1.0, 0.0, 1.0]]);
    file.root["materials"] = json!([{}]);
    assert!(only(&file.load().unwrap()).tangents.is_empty());
}
