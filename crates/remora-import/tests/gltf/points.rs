//! Primitives of points.

use serde_json::json;

use crate::file::File;

fn cloud() -> File {
    let mut file = File::new();
    let positions = file.vec3(&[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]);
    file.primitive(json!({ "attributes": { "POSITION": positions }, "mode": 0 }));
    file
}

#[test]
fn points_alone_are_a_model() {
    let model = cloud().load().unwrap();
    assert_eq!((model.points(), model.triangles()), (3, 0));
    let points = &model.meshes[0].points;
    assert_eq!(points.positions, [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]);
    assert_eq!(points.colors, [[200, 200, 200, 255]; 3]);
}

#[test]
fn colours_are_converted_to_srgb() {
    let mut file = cloud();
    // A linear half is 188 in sRGB; values out of range are clamped.
    let colors = file.vec3(&[[0.0, 0.5, 1.0], [-1.0, 2.0, f32::NAN], [0.21404, 0.0, 0.0]]);
    file.root["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"] = json!(colors);
    let expected = [[0, 188, 255, 255], [0, 255, 0, 255], [127, 0, 0, 255]];
    let found = file.load().unwrap().meshes[0].points.colors.clone();
    assert!(found.as_flattened().iter().zip(expected.as_flattened()).all(|(a, b)| a.abs_diff(*b) <= 1), "{found:?}");
    let bytes = file.accessor(&[255, 0, 0, 9, 0, 255, 0, 9, 0, 0, 255, 9], 5121, "VEC4", 3);
    file.root["accessors"][bytes]["normalized"] = json!(true);
    file.root["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"] = json!(bytes);
    assert_eq!(file.load().unwrap().meshes[0].points.colors, [[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255]]);
}

#[test]
fn points_of_several_primitives_and_of_indices_come_together_beside_triangles() {
    let mut file = cloud();
    let indices = file.indices(&[2, 1]);
    file.primitive(json!({ "attributes": { "POSITION": 0 }, "indices": indices, "mode": 0 }));
    file.primitive(json!({ "attributes": { "POSITION": 0 } }));
    let model = file.load().unwrap();
    assert_eq!((model.points(), model.triangles()), (5, 1));
    assert_eq!(model.meshes[0].points.positions[3..], [[6.0, 7.0, 8.0], [3.0, 4.0, 5.0]]);
    file.root["accessors"][0]["count"] = json!(2);
    assert!(file.refusal().contains("mesh 0, primitive 1: an index is 2, there are 2 vertices"));
}

#[test]
fn points_without_positions_are_refused() {
    let mut file = cloud();
    let positions = file.vec3(&[[0.0, f32::NAN, 0.0]]);
    file.root["meshes"][0]["primitives"][0]["attributes"]["POSITION"] = json!(positions);
    assert!(file.refusal().contains("mesh 0, primitive 0: a position contains a number that is not finite"));
}
