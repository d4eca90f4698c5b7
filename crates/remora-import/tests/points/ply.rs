//! PLY: points and triangles, in text and in binary of either byte order.

use crate::file::{Random, assert_near, load, ply_mesh, refusal, world_points};

#[test]
fn a_mesh_is_the_same_in_every_encoding() {
    for format in ["ascii", "binary_little_endian", "binary_big_endian"] {
        let model = load(&ply_mesh(format), "square").unwrap();
        let primitive = &model.meshes[0].primitives[0];
        assert_eq!(primitive.indices, [0, 1, 2, 0, 2, 3], "{format}: a fan");
        assert_eq!(primitive.positions[2], [1.0, 1.0, 0.0]);
        assert_eq!(primitive.normals, [[0.0, 0.0, 1.0]; 4], "{format}: counter-clockwise is the front");
        // 128 in sRGB is 55 in linear light.
        assert_eq!(primitive.colors, [[55, 0, 255, 255]; 4]);
        assert!(model.meshes[0].points.positions.is_empty() && model.materials[0].double_sided);
    }
}

fn points(header: &str, data: &str) -> Vec<u8> {
    format!("ply\nformat ascii 1.0\n{header}\nend_header\n{data}").into_bytes()
}

const XYZ: &str = "property double x\nproperty double y\nproperty double z";

#[test]
fn every_type_of_number_is_read() {
    let types = ["char", "uint8", "short", "uint16", "int", "uint32", "float", "float64"];
    let bits: [&[u8]; 8] = [
        &(-3_i8).to_be_bytes(),
        &[200],
        &(-300_i16).to_be_bytes(),
        &60_000_u16.to_be_bytes(),
        &(-70_000_i32).to_be_bytes(),
        &4_000_000_000_u32.to_be_bytes(),
        &0.5_f32.to_be_bytes(),
        &0.25_f64.to_be_bytes(),
    ];
    let values = [-3.0, 200.0, -300.0, 60_000.0, -70_000.0, 4_000_000_000.0, 0.5, 0.25];
    for ((name, bits), value) in types.into_iter().zip(bits).zip(values) {
        let header = format!(
            "ply\nformat binary_big_endian 1.0\nelement vertex 1\nproperty {name} x\n\
             property uchar y\nproperty uchar z\nend_header\n"
        );
        let model = load(&[header.as_bytes(), bits, &[0, 0]].concat(), "one").unwrap();
        assert_near(world_points(&model)[0].0, [value, 0.0, 0.0]);
    }
}

#[test]
fn points_keep_their_axes_and_colours() {
    let header = format!("element vertex 2\n{XYZ}\nproperty float red\nproperty float green\nproperty float blue");
    let model = load(&points(&header, "1 2 3 1 0.5 0\n4 5 6 2 0 -1"), "two").unwrap();
    let found = world_points(&model);
    assert_near(found[0].0, [1.0, 2.0, 3.0]);
    assert_eq!([found[0].1, found[1].1], [[255, 128, 0, 255], [255, 0, 0, 255]]);
}

#[test]
fn without_colour_intensity_is_grey_and_without_both_points_are_plain() {
    let header = format!("element vertex 3\n{XYZ}\nproperty float scalar_Intensity");
    let model = load(&points(&header, "0 0 0 10\n0 0 1 20\n0 0 2 30"), "three").unwrap();
    let greys: Vec<u8> = world_points(&model).iter().map(|(_, color)| color[0]).collect();
    assert_eq!(greys, [0, 255, 255], "between the 2nd and the 98th percentile of three");
    let model = load(&points(&format!("element vertex 1\n{XYZ}"), "0 0 0"), "plain").unwrap();
    let [red, green, blue, _] = world_points(&model)[0].1;
    assert!(red == green && green == blue && red > 100);
}

#[test]
fn surveyed_coordinates_keep_their_millimetres() {
    let mut random = Random(3);
    let wanted: Vec<[f64; 3]> =
        (0..50).map(|_| [4_468_512.0, 5_330_981.0, 512.0].map(|at| at + (random.unit() * 1e5).round() / 1e3)).collect();
    let lines: Vec<String> = wanted.iter().map(|[x, y, z]| format!("{x} {y} {z}")).collect();
    let model = load(&points(&format!("element vertex 50\n{XYZ}"), &lines.join("\n")), "far").unwrap();
    for ((found, _), wanted) in world_points(&model).into_iter().zip(wanted) {
        assert_near(found, wanted);
    }
    let origin = model.nodes[0].transform.translation;
    assert_eq!(origin, origin.round(), "whole metres");
    assert!(model.meshes[0].bounds().max.max_element() < 60.0, "around the middle");
}

#[test]
fn points_that_are_not_finite_are_dropped_and_an_empty_cloud_is_an_error() {
    let header = format!("element vertex 3\n{XYZ}\nproperty uchar red\nproperty uchar green\nproperty uchar blue");
    let model = load(&points(&header, "nan 0 0 1 1 1\n1 1 1 2 2 2\n0 inf 0 3 3 3"), "one").unwrap();
    assert_eq!(world_points(&model), [([1.0; 3], [2, 2, 2, 255])]);
    let text = refusal(&points(&format!("element vertex 1\n{XYZ}"), "nan 0 0"), "none");
    assert!(text.contains("no point") && text.contains("all 1 are"), "{text}");
    assert!(refusal(&points(&format!("element vertex 0\n{XYZ}"), ""), "none").contains("no point"));
}

#[test]
fn errors_name_the_problem() {
    let cases = [
        (points("element vertex 1\nproperty float x", "1"), "x, y and z"),
        (points(&format!("element vertex 2\n{XYZ}"), "1 2 3"), "2 of \"vertex\" take at least 12 bytes"),
        (points(&format!("element vertex 1\n{XYZ}"), "1 2 three"), "\"three\" stands where a number should be"),
        (points(&format!("element vertex many\n{XYZ}"), ""), "line 3 of its header is \"element vertex many\""),
        (points(&XYZ.replace("double", "half"), ""), "type \"half\""),
        (b"ply\nformat ascii 2.0\nend_header\n".to_vec(), "version 2.0; version 1.0 is read"),
        (b"ply\nformat morse 1.0\nend_header\n".to_vec(), "\"morse\""),
        (b"ply\nformat ascii 1.0\nelement vertex 1\n".to_vec(), "no line end_header"),
    ];
    for (bytes, expected) in cases {
        let text = refusal(&bytes, "wrong");
        assert!(text.contains(expected), "{text}");
    }
    let mut outside = ply_mesh("ascii");
    let last = outside.len() - 1;
    outside[last] = b'4';
    assert!(refusal(&outside, "outside").contains("triangle 1: a corner is vertex 4, there are 4"));
    outside[last] = b'-';
    outside.extend(b"1");
    assert!(refusal(&outside, "outside").contains("face 0: its vertex index is -1"));
}
