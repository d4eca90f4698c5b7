//! `EXT_mesh_gpu_instancing`.

use glam::{DQuat, DVec3};
use remora_import::GltfError;
use serde_json::json;

use crate::file::File;

/// Returns a file with a node that has a child and three instances.
pub(crate) fn instanced() -> File {
    let mut file = File::triangle();
    let translations = file.vec3(&[[0.0, 0.0, 0.0], [10.0, 0.0, 0.0], [0.0, 20.0, 0.0]]);
    let rotations = file.accessor(&[0, 0, 0, 127, 0, 0, 127, 0, 0, 0, 90, 90], 5120, "VEC4", 3);
    file.root["accessors"][rotations]["normalized"] = json!(true);
    let scales = file.vec3(&[[1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [1.0, 3.0, 1.0]]);
    let attributes = json!({ "TRANSLATION": translations, "ROTATION": rotations, "SCALE": scales });
    file.root["nodes"] = json!([
        {
            "name": "Bolt", "mesh": 0, "children": [1], "translation": [100.0, 0.0, 0.0], "extras": { "size": 8 },
            "extensions": { "EXT_mesh_gpu_instancing": { "attributes": attributes } },
        },
        { "name": "Washer", "mesh": 0 },
    ]);
    file.root["extensionsRequired"] = json!(["EXT_mesh_gpu_instancing"]);
    file
}

#[test]
fn instances_become_nodes_that_share_the_mesh() {
    let model = instanced().load().unwrap();
    let names: Vec<&str> = model.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["Bolt", "Bolt [0]", "Bolt [1]", "Bolt [2]", "Washer"]);
    let parents: Vec<Option<u32>> = model.nodes.iter().map(|node| node.parent).collect();
    assert_eq!(parents, [None, Some(0), Some(0), Some(0), Some(0)]);
    let meshes: Vec<Option<u32>> = model.nodes.iter().map(|node| node.mesh).collect();
    assert_eq!(meshes, [None, Some(0), Some(0), Some(0), Some(0)]);
    assert_eq!((model.meshes.len(), model.nodes[0].metadata.len(), model.nodes[1].metadata.len()), (1, 1, 0));
    let world = model.world_transforms();
    for (node, x) in [
        (1, DVec3::new(101.0, 0.0, 0.0)),
        // Scaled by two and rotated by a half; rotated by a quarter.
        (2, DVec3::new(108.0, 0.0, 0.0)),
        (3, DVec3::new(100.0, 20.0, 0.0) + DQuat::from_rotation_z(std::f64::consts::FRAC_PI_2) * DVec3::X),
    ] {
        let found = world[node].transform_point3(DVec3::X);
        assert!(found.abs_diff_eq(x, 1e-6), "{node}: {found}");
    }
}

#[test]
fn a_node_without_instances_shows_nothing() {
    let mut file = instanced();
    for accessor in 1..4 {
        file.root["accessors"][accessor]["count"] = json!(0);
    }
    assert_eq!(file.load().unwrap().parts(), 1, "the child");
    file.root["nodes"][0]["extensions"]["EXT_mesh_gpu_instancing"] = json!({});
    assert_eq!(file.load().unwrap().parts(), 2, "without attributes it is not instanced");
}

#[test]
fn attributes_of_different_numbers_of_instances_are_refused() {
    let mut file = instanced();
    file.root["accessors"][1]["count"] = json!(2);
    let refusal = file.refusal();
    assert!(refusal.contains("node 0: ") && refusal.contains("is given for"), "{refusal}");
    let mut file = instanced();
    file.root["nodes"][0]["extensions"]["EXT_mesh_gpu_instancing"]["attributes"]["ROTATION"] = json!(1);
    assert!(file.refusal().contains("accessor 1: its elements have 3 numbers, 4 are needed here"));
    let mut file = instanced();
    let far = file.vec3(&[[0.0; 3], [f32::INFINITY, 0.0, 0.0], [0.0; 3]]);
    file.root["nodes"][0]["extensions"]["EXT_mesh_gpu_instancing"]["attributes"]["TRANSLATION"] = json!(far);
    assert!(file.refusal().contains("node 0: instance 1 contains a number that is not finite"));
}

#[test]
fn more_instances_than_memory_are_refused() {
    let zeros = |count: u64| {
        let mut file = instanced();
        let zeros = json!({ "componentType": 5126, "type": "VEC3", "count": count });
        file.root["accessors"][1] = zeros;
        file.root["nodes"][0]["extensions"]["EXT_mesh_gpu_instancing"] = json!({ "attributes": { "TRANSLATION": 1 } });
        file.load()
    };
    assert_eq!(zeros(1000).unwrap().parts(), 1001);
    for count in [500_000, u64::MAX] {
        assert!(matches!(zeros(count), Err(GltfError::TooLarge { .. })));
    }
}
