//! Geometry in meshopt and Draco compression.

use meshopt::EncodeExpMode;
use remora_model::Primitive;
use serde_json::{Value, json};

use crate::file::{File, glb, load, push};

/// The layout of an element in a compressed view.
struct Layout<'a> {
    stride: usize,
    count: usize,
    mode: &'a str,
    filter: &'a str,
}

/// Adds a compressed view whose fallback has no data. Returns its index.
fn compressed(file: &mut File, name: &str, layout: &Layout<'_>, encoded: &[u8]) -> usize {
    let source = file.view(encoded);
    let offset = file.root["bufferViews"][source]["byteOffset"].clone();
    let mut view = json!({
        "buffer": 1,
        "byteLength": layout.stride * layout.count,
        "extensions": { name: {
            "buffer": 0, "byteOffset": offset, "byteLength": encoded.len(), "byteStride": layout.stride,
            "count": layout.count, "mode": layout.mode, "filter": layout.filter,
        } },
    });
    if layout.mode == "ATTRIBUTES" {
        view["byteStride"] = json!(layout.stride);
    }
    push(&mut file.root["bufferViews"], view)
}

fn accessor(file: &mut File, view: usize, component: u32, shape: &str, count: usize) -> usize {
    let accessor = json!({ "bufferView": view, "componentType": component, "type": shape, "count": count });
    push(&mut file.root["accessors"], accessor)
}

const CORNERS: [[f32; 3]; 4] = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]];

fn with_fallback(name: &str) -> File {
    let mut file = File::new();
    file.root["extensionsRequired"] = json!([name, "KHR_mesh_quantization"]);
    push(&mut file.root["buffers"], json!({ "byteLength": 1000, "extensions": { name: { "fallback": true } } }));
    file
}

fn file_of(name: &str) -> File {
    let mut file = with_fallback(name);
    let layout = |stride, filter| Layout { stride, count: 4, mode: "ATTRIBUTES", filter };
    let encoded = meshopt::encode_vertex_buffer(&CORNERS).unwrap();
    let positions = compressed(&mut file, name, &layout(12, "NONE"), &encoded);
    let positions = accessor(&mut file, positions, 5126, "VEC3", 4);

    let normals = meshopt::encode_filter_oct::<i8>(&[[0.0, 0.6, 0.8, 0.0]; 4], 8);
    let normals = meshopt::encode_vertex_buffer(&normals).unwrap();
    let normals = compressed(&mut file, name, &layout(4, "OCTAHEDRAL"), &normals);
    let normals = accessor(&mut file, normals, 5120, "VEC3", 4);
    file.root["accessors"][normals]["normalized"] = json!(true);

    let coordinates = [[0.5, -2.0], [1.0, 0.25], [8.0, 0.0], [3.0, 4.0]];
    let coordinates = meshopt::encode_filter_exp(&coordinates, 15, EncodeExpMode::Separate);
    let coordinates = meshopt::encode_vertex_buffer(&coordinates).unwrap();
    let coordinates = compressed(&mut file, name, &layout(8, "EXPONENTIAL"), &coordinates);
    let coordinates = accessor(&mut file, coordinates, 5126, "VEC2", 4);

    let colors = meshopt::encode_filter_color::<u8>(&[[1.0, 0.5, 0.0, 1.0]; 4], 8);
    let colors = meshopt::encode_vertex_buffer(&colors).unwrap();
    let colors = compressed(&mut file, name, &layout(4, "COLOR"), &colors);
    let colors = accessor(&mut file, colors, 5121, "VEC4", 4);
    file.root["accessors"][colors]["normalized"] = json!(true);

    let triangles = meshopt::encode_index_buffer(&[0, 1, 2, 0, 2, 3], 4).unwrap();
    let layout = Layout { stride: 2, count: 6, mode: "TRIANGLES", filter: "NONE" };
    let indices = compressed(&mut file, name, &layout, &triangles);
    let indices = accessor(&mut file, indices, 5123, "SCALAR", 6);
    let attributes = json!({ "POSITION": positions, "NORMAL": normals, "TEXCOORD_0": coordinates, "COLOR_0": colors });
    file.primitive(json!({ "attributes": attributes, "indices": indices }));

    // A fan along the rim, as a sequence of indices.
    let sequence = meshopt::encode_index_sequence(&[3, 0, 1, 2], 4).unwrap();
    let layout = Layout { stride: 4, count: 4, mode: "INDICES", filter: "NONE" };
    let indices = compressed(&mut file, name, &layout, &sequence);
    let indices = accessor(&mut file, indices, 5125, "SCALAR", 4);
    file.primitive(json!({ "attributes": { "POSITION": positions }, "indices": indices, "mode": 6 }));

    // Instances, one of them rotated around Z by a quarter.
    let half = std::f32::consts::FRAC_1_SQRT_2;
    let turns = meshopt::encode_filter_quat(&[[0.0, 0.0, half, half], [0.0, 0.0, 0.0, 1.0]], 16);
    let turns = meshopt::encode_vertex_buffer(&turns).unwrap();
    let layout = Layout { stride: 8, count: 2, mode: "ATTRIBUTES", filter: "QUATERNION" };
    let turns = compressed(&mut file, name, &layout, &turns);
    let turns = accessor(&mut file, turns, 5122, "VEC4", 2);
    file.root["accessors"][turns]["normalized"] = json!(true);
    file.root["nodes"][0]["extensions"] = json!({ "EXT_mesh_gpu_instancing": { "attributes": { "ROTATION": turns } } });
    file
}

pub(crate) fn meshopt_file() -> File {
    file_of("EXT_meshopt_compression")
}

#[test]
fn every_mode_and_filter_of_meshopt_is_decoded() {
    for name in ["EXT_meshopt_compression", "KHR_meshopt_compression"] {
        let model = file_of(name).load().unwrap();
        let [solid, fan] = &model.meshes[0].primitives[..] else { panic!("two primitives") };
        assert_eq!(solid.positions, CORNERS);
        assert_eq!(solid.indices, [0, 1, 2, 0, 2, 3]);
        assert_eq!(solid.texture_coordinates, [[0.5, -2.0], [1.0, 0.25], [8.0, 0.0], [3.0, 4.0]]);
        for (normal, color) in solid.normals.iter().zip(&solid.colors) {
            assert!((normal[1] - 0.6).abs() < 0.01 && (normal[2] - 0.8).abs() < 0.01, "{normal:?}");
            assert!(
                color.iter().zip([255, 128, 0, 255]).all(|(found, wanted)| found.abs_diff(wanted) < 5),
                "{color:?}"
            );
        }
        let rim: Vec<[f32; 3]> = fan.indices.iter().map(|&index| fan.positions[index as usize]).collect();
        assert_eq!(rim, [0, 1, 3, 1, 2, 3].map(|corner| CORNERS[corner]));
        let turned = model.nodes[1].transform.transform_vector3(glam::DVec3::X);
        assert!(turned.abs_diff_eq(glam::DVec3::Y, 1e-3), "{turned}");
    }
}

#[test]
fn compressed_views_whose_sizes_do_not_fit_are_refused() {
    let refusal = |view: usize, member: &str, value: Value| {
        let mut file = meshopt_file();
        let views: Vec<usize> = (0..file.root["bufferViews"].as_array().unwrap().len())
            .filter(|&view| file.root["bufferViews"][view].get("extensions").is_some())
            .collect();
        file.root["bufferViews"][views[view]]["extensions"]["EXT_meshopt_compression"][member] = value;
        file.refusal()
    };
    let (positions, normals, triangles, sequence, turns) = (0, 1, 4, 5, 6);
    assert!(refusal(positions, "count", json!(5)).contains("5 elements of 12 bytes are compressed"));
    assert!(refusal(positions, "count", json!(u64::MAX)).contains("are compressed"));
    assert!(refusal(positions, "byteStride", json!(0)).contains("do not go with"));
    assert!(refusal(positions, "byteStride", json!(260)).contains("do not go with"));
    assert!(refusal(positions, "byteStride", json!(u64::MAX)).contains("do not go with"));
    assert!(refusal(positions, "byteLength", json!(u64::MAX)).contains("reaches beyond buffer 0"));
    assert!(refusal(positions, "byteOffset", json!(u64::MAX)).contains("reaches beyond buffer 0"));
    assert!(refusal(positions, "buffer", json!(9)).contains("there is no buffer 9"));
    assert!(refusal(positions, "buffer", json!(1)).contains("reaches beyond buffer 1"));
    assert!(refusal(positions, "byteLength", json!(3)).contains("damaged"));
    assert!(refusal(positions, "filter", json!("OCTAHEDRAL")).contains("do not go with"));
    assert!(refusal(normals, "filter", json!("QUATERNION")).contains("do not go with"));
    assert!(refusal(turns, "filter", json!("SMOOTH")).contains("\"SMOOTH\" is not known"));
    assert!(refusal(positions, "mode", json!("POINTS")).contains("\"POINTS\""));
    assert!(refusal(triangles, "mode", json!("ATTRIBUTES")).contains("do not go with"));
    assert!(refusal(triangles, "count", json!(5)).contains("do not make whole triangles"));
    assert!(refusal(sequence, "filter", json!("EXPONENTIAL")).contains("indices have no filter"));
}

#[test]
fn a_fallback_without_data_cannot_be_read() {
    let mut file = meshopt_file();
    let view = file.root["accessors"][0]["bufferView"].as_u64().unwrap() as usize;
    file.root["bufferViews"][view].as_object_mut().unwrap().remove("extensions");
    assert!(file.refusal().contains("it reaches beyond buffer 1, which has 0 bytes"));
}

const EDGEBREAKER: &[u8] = include_bytes!("../files/grid-edgebreaker.glb");
const SEQUENTIAL: &[u8] = include_bytes!("../files/grid-sequential.glb");

/// Parses a GLB.
fn taken_apart(bytes: &[u8]) -> File {
    let length = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let root = serde_json::from_slice(&bytes[20..20 + length]).unwrap();
    File { root, binary: bytes[28 + length..].to_vec() }
}

pub(crate) fn draco_file() -> File {
    taken_apart(EDGEBREAKER)
}

pub(crate) fn sequential_draco_file() -> File {
    taken_apart(SEQUENTIAL)
}

#[test]
fn files_of_googles_encoder_are_decoded() {
    for bytes in [EDGEBREAKER, SEQUENTIAL] {
        let model = load(bytes).unwrap();
        assert_eq!((model.triangles(), model.meshes[0].primitives.len()), (128, 1));
        let primitive = &model.meshes[0].primitives[0];
        assert_eq!(primitive.positions.len(), 81);
        let mut corners: Vec<[i32; 2]> =
            primitive.positions.iter().map(|&[x, y, _]| [x, y].map(|number| (number * 8.0).round() as i32)).collect();
        corners.sort_unstable();
        let grid: Vec<[i32; 2]> = (0..9).flat_map(|x| (0..9).map(move |y| [x, y])).collect();
        assert_eq!(corners, grid);
        for vertex in 0..81 {
            vertex_is_as_encoded(primitive, vertex);
        }
        for triangle in primitive.indices.chunks(3) {
            let [a, b, c] = [0, 1, 2].map(|corner| glam::Vec3::from(primitive.positions[triangle[corner] as usize]));
            assert!((b - a).cross(c - a).z > 0.0);
        }
    }
}

fn vertex_is_as_encoded(primitive: &Primitive, vertex: usize) {
    let near = |found: &[f32], wanted: &[f32], tolerance: f32| {
        let far = found.iter().zip(wanted).any(|(found, wanted)| (found - wanted).abs() > tolerance);
        assert!(!far, "vertex {vertex}: {found:?} for {wanted:?}");
    };
    let [x, y, z] = primitive.positions[vertex];
    near(&[z], &[x * x], 1e-3);
    near(&primitive.normals[vertex], &glam::Vec3::new(-2.0 * x, 0.0, 1.0).normalize().to_array(), 0.01);
    near(&primitive.texture_coordinates[vertex], &[x, 1.0 - y], 1e-3);
    near(&primitive.colors[vertex].map(f32::from), &[255.0 * x, 255.0 * y, 0.0, 255.0], 1.0);
}

#[test]
fn attributes_that_are_not_in_the_draco_data_come_from_their_accessors() {
    let mut file = draco_file();
    let mut extension = file.root["meshes"][0]["primitives"][0]["extensions"]["KHR_draco_mesh_compression"].take();
    extension["attributes"].as_object_mut().unwrap().remove("TEXCOORD_0");
    file.root["meshes"][0]["primitives"][0]["extensions"]["KHR_draco_mesh_compression"] = extension;
    let coordinates = file.vec2(&[[0.25, 0.75]; 81]);
    file.root["meshes"][0]["primitives"][0]["attributes"]["TEXCOORD_0"] = json!(coordinates);
    let model = file.load().unwrap();
    assert_eq!(model.meshes[0].primitives[0].texture_coordinates, [[0.25, 0.75]; 81]);
}

#[test]
fn draco_data_that_contradicts_the_file_is_refused() {
    let refusal = |change: &dyn Fn(&mut File)| {
        let mut file = draco_file();
        change(&mut file);
        file.refusal()
    };
    let extension = "/meshes/0/primitives/0/extensions/KHR_draco_mesh_compression";
    let attributes = format!("{extension}/attributes");
    let set = |file: &mut File, place: &str, value: Value| *file.root.pointer_mut(place).unwrap() = value;
    assert!(refusal(&|file| set(file, "/accessors/0/count", json!(3))).contains("mesh 0, primitive 0: its Draco data"));
    assert!(refusal(&|file| set(file, "/bufferViews/0/byteLength", json!(100))).contains("cannot be decoded"));
    assert!(refusal(&|file| file.binary[0] = b'X').contains("cannot be decoded"));
    assert!(refusal(&|file| set(file, &attributes, json!({ "POSITION": 77 }))).contains("does not hold POSITION"));
    assert!(refusal(&|file| set(file, &attributes, json!({ "POSITION": 2 }))).contains("has 2 numbers, 3 are needed"));
    let no_indices = refusal(&|file| set(file, "/meshes/0/primitives/0/indices", Value::Null));
    assert!(no_indices.contains("it is Draco and has no indices"), "{no_indices}");
    let mut many = draco_file();
    set(&mut many, "/accessors/0/count", json!(u64::MAX));
    assert!(matches!(many.load(), Err(remora_import::GltfError::TooLarge { .. })));
    assert!(load(&glb(many.root.to_string().as_bytes(), &[])).is_err());
}
