//! The tree of nodes.

use glam::{DAffine3, DQuat, DVec3};
use serde_json::json;

use crate::file::File;

#[test]
fn parents_come_before_children_and_transforms_multiply() {
    let mut file = File::triangle();
    file.root["scenes"] = json!([{ "nodes": [3] }]);
    file.root["nodes"] = json!([
        { "name": "Leaf", "mesh": 0, "scale": [2.0, 2.0, 2.0] },
        { "name": "Middle", "children": [0], "matrix": [0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 5, 0, 0, 1] },
        { "name": "Unused", "mesh": 0 },
        { "name": "Top", "children": [1], "translation": [0.0, 10.0, 0.0], "rotation": [0.0, 0.0, 0.0, 2.0] },
    ]);
    let model = file.load().unwrap();
    let names: Vec<&str> = model.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["Top", "Middle", "Leaf"]);
    assert_eq!(model.nodes.iter().map(|node| node.parent).collect::<Vec<_>>(), [None, Some(0), Some(1)]);
    let leaf = model.world_transforms()[2];
    // Scaled by two, rotated around Z by a quarter, moved.
    assert!(leaf.transform_point3(DVec3::X).abs_diff_eq(DVec3::new(5.0, 12.0, 0.0), 1e-6));
}

#[test]
fn rotations_are_normalised_and_one_without_length_is_ignored() {
    let mut file = File::triangle();
    file.root["nodes"] = json!([{ "mesh": 0, "rotation": [0.0, 3.0, 0.0, 3.0] }]);
    let rotation = file.load().unwrap().nodes[0].transform;
    let quarter = DQuat::from_rotation_y(std::f64::consts::FRAC_PI_2);
    assert!(rotation.transform_point3(DVec3::X).abs_diff_eq(quarter * DVec3::X, 1e-6));
    file.root["nodes"] = json!([{ "mesh": 0, "rotation": [0.0, 0.0, 0.0, 0.0] }]);
    assert!(file.load().unwrap().nodes[0].transform.abs_diff_eq(DAffine3::IDENTITY, 1e-6));
}

#[test]
fn a_mesh_that_two_nodes_show_is_one_mesh() {
    let mut file = File::triangle();
    file.root["scenes"] = json!([{ "nodes": [0, 1] }]);
    file.root["nodes"] = json!([{ "mesh": 0 }, { "mesh": 0 }]);
    let model = file.load().unwrap();
    assert_eq!((model.meshes.len(), model.parts(), model.triangles()), (1, 2, 2));
}

#[test]
fn the_default_scene_is_drawn_and_without_any_all_roots() {
    let mut file = File::triangle();
    file.root["nodes"] =
        json!([{ "name": "A", "mesh": 0 }, { "name": "B", "mesh": 0, "children": [2] }, { "name": "C" }]);
    file.root["scenes"] = json!([{ "nodes": [0] }, { "nodes": [1] }]);
    file.root["scene"] = json!(1);
    assert_eq!(file.load().unwrap().nodes[0].name, "B");
    file.root.as_object_mut().unwrap().remove("scene");
    assert_eq!(file.load().unwrap().nodes[0].name, "A");
    file.root.as_object_mut().unwrap().remove("scenes");
    let names: Vec<String> = file.load().unwrap().nodes.into_iter().map(|node| node.name).collect();
    assert_eq!(names, ["A", "B", "C"]);
}

#[test]
fn a_graph_that_is_no_tree_is_refused() {
    let with_nodes = |nodes| {
        let mut file = File::triangle();
        file.root["nodes"] = nodes;
        file.refusal()
    };
    let cycle = json!([{ "mesh": 0, "children": [1] }, { "children": [0] }]);
    assert!(with_nodes(cycle).contains("node 0: it is in the tree twice, or below itself"));
    assert!(with_nodes(json!([{ "children": [0] }])).contains("below itself"));
    let two_parents = json!([{ "mesh": 0, "children": [1, 2] }, { "children": [3] }, { "children": [3] }, {}]);
    assert!(with_nodes(two_parents).contains("node 3"));
    assert!(with_nodes(json!([{ "children": [9] }])).contains("node 9"));
    assert!(with_nodes(json!([{ "mesh": 7 }])).contains("there is no mesh 7"));
}

#[test]
fn a_chain_of_a_hundred_thousand_nodes_is_read() {
    let mut file = File::triangle();
    let count = 100_000;
    let mut nodes: Vec<_> = (1..count).map(|child| json!({ "children": [child] })).collect();
    nodes.push(json!({ "mesh": 0 }));
    file.root["nodes"] = json!(nodes);
    let limits = remora_import::LoadLimits { memory_bytes_max: 1 << 30, texture_dimension_max: 1024 };
    let model = crate::file::load_glb(&file.glb(), "Chain", &limits, &mut |_| {}).unwrap();
    assert_eq!(model.nodes.len(), count);
}
