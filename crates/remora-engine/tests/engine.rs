//! The built-in engine has the requested number of triangles, always the same parts, and closed surfaces that face
//! outwards.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use glam::{DVec3, Vec3};
use remora_engine::{EngineDetail, build};
use remora_model::{AlphaMode, Mesh, Model};

fn engine(triangles: u64) -> Model {
    build(EngineDetail { triangles })
}

fn fingerprint(model: &Model) -> u64 {
    let mut hasher = DefaultHasher::new();
    for node in &model.nodes {
        node.name.hash(&mut hasher);
        node.transform.to_cols_array().map(|number| (number as f32).to_bits()).hash(&mut hasher);
    }
    for primitive in model.meshes.iter().flat_map(|mesh| &mesh.primitives) {
        primitive.indices.hash(&mut hasher);
        let numbers = primitive.positions.iter().chain(&primitive.normals).flatten();
        numbers
            .chain(primitive.texture_coordinates.iter().flatten())
            .for_each(|number| number.to_bits().hash(&mut hasher));
    }
    for texture in &model.textures {
        texture.rgba.hash(&mut hasher);
    }
    hasher.finish()
}

fn triangles(mesh: &Mesh) -> impl Iterator<Item = ([DVec3; 3], [Vec3; 3])> + '_ {
    mesh.primitives.iter().flat_map(|primitive| {
        primitive.indices.chunks_exact(3).map(|corners| {
            let corners = [corners[0] as usize, corners[1] as usize, corners[2] as usize];
            let positions = corners.map(|corner| Vec3::from(primitive.positions[corner]).as_dvec3());
            (positions, corners.map(|corner| primitive.normals[corner].into()))
        })
    })
}

#[test]
fn the_triangle_count_is_met_over_the_whole_range() {
    let mut wanted = vec![50_000, 18_700_000];
    let steps = 12;
    wanted.extend((1..steps).map(|step| (50_000.0 * 60.0_f64.powf(f64::from(step) / f64::from(steps))) as u64));
    for triangles in wanted {
        let model = engine(triangles);
        let error = model.triangles() as f64 / triangles as f64 - 1.0;
        assert!(error.abs() <= 0.05, "{triangles} requested, {} built", model.triangles());
    }
}

#[test]
fn counts_outside_the_range_are_clamped() {
    assert_eq!(engine(0).triangles(), engine(EngineDetail::TRIANGLES_MIN).triangles());
}

#[test]
fn every_detail_has_the_same_parts_in_the_same_places() {
    let (coarse, fine) = (engine(50_000), engine(1_000_000));
    assert!(coarse.parts() >= 2073, "{}", coarse.parts());
    assert_eq!(coarse.nodes.len(), fine.nodes.len());
    for (coarse, fine) in coarse.nodes.iter().zip(&fine.nodes) {
        assert_eq!((&coarse.name, coarse.parent, coarse.mesh), (&fine.name, fine.parent, fine.mesh));
        assert_eq!(coarse.transform, fine.transform);
    }
}

#[test]
fn equal_details_give_equal_engines() {
    assert_eq!(fingerprint(&engine(120_000)), fingerprint(&engine(120_000)));
    assert_ne!(fingerprint(&engine(120_000)), fingerprint(&engine(140_000)));
}

#[test]
fn the_model_is_consistent_and_about_a_metre_across() {
    for triangles in [50_000, 200_000, 2_000_000] {
        let model = engine(triangles);
        assert_eq!(model.check(), Ok(()));
        let numbers = model.meshes.iter().flat_map(|mesh| &mesh.primitives);
        assert!(numbers.flat_map(|primitive| primitive.positions.iter().flatten()).all(|number| number.is_finite()));
        let bounds = model.bounds();
        let size = bounds.max - bounds.min;
        assert!((0.9..1.3).contains(&size.max_element()), "{size}");
        assert!(bounds.center().length() < 0.1, "{}", bounds.center());
    }
}

#[test]
fn many_materials_and_every_texture_are_used() {
    let model = engine(200_000);
    let used: HashSet<u32> =
        model.meshes.iter().flat_map(|mesh| &mesh.primitives).map(|primitive| primitive.material).collect();
    assert!(used.len() >= 40, "{}", used.len());
    assert_eq!(used.len(), model.materials.len());
    let textures: HashSet<u32> = model
        .materials
        .iter()
        .flat_map(|material| {
            [material.base_color_texture, material.normal_texture, material.metallic_roughness_texture]
        })
        .flatten()
        .map(|reference| reference.texture)
        .collect();
    assert_eq!(textures.len(), model.textures.len());
    assert!(model.materials.iter().any(|material| material.alpha_mode == AlphaMode::Blend));
    assert!(model.materials.iter().any(|material| material.emissive != [0.0; 3]));
}

#[test]
fn parts_with_a_normal_map_have_tangents_and_coordinates() {
    let model = engine(200_000);
    for primitive in model.meshes.iter().flat_map(|mesh| &mesh.primitives) {
        let material = &model.materials[primitive.material as usize];
        let is_textured = material.base_color_texture.is_some()
            || material.normal_texture.is_some()
            || material.metallic_roughness_texture.is_some();
        assert_eq!(is_textured, !primitive.texture_coordinates.is_empty(), "{}", material.name);
        assert_eq!(material.normal_texture.is_some(), !primitive.tangents.is_empty(), "{}", material.name);
    }
}

#[test]
fn every_shape_is_closed_and_right_side_out() {
    for detail in [50_000, 200_000, 3_000_000] {
        let model = engine(detail);
        for mesh in &model.meshes {
            let (mut volume, mut area, mut directed) = (0.0, 0.0, DVec3::ZERO);
            for ([a, b, c], _) in triangles(mesh) {
                let across = (b - a).cross(c - a) * 0.5;
                volume += a.dot(b.cross(c)) / 6.0;
                area += across.length();
                directed += across;
            }
            // The areas of a closed surface cancel out, seen from any direction.
            assert!(directed.length() < area * 2e-4, "{} at {detail}: open by {}", mesh.name, directed.length() / area);
            assert!(volume > 0.0, "{} at {detail}: volume {volume}", mesh.name);
        }
    }
}

#[test]
fn normals_are_unit_length_and_point_out_of_their_triangles() {
    let model = engine(400_000);
    let mut inverted = Vec::new();
    for mesh in &model.meshes {
        let (mut with, mut against) = (0.0, 0.0);
        for ([a, b, c], normals) in triangles(mesh) {
            let across = (b - a).cross(c - a);
            for normal in normals {
                assert!((normal.length() - 1.0).abs() < 1e-3, "{}", mesh.name);
                let along = across.dot(normal.as_dvec3());
                if along > 0.0 { with += along } else { against -= along }
            }
        }
        if against >= with * 0.01 {
            inverted.push((&mesh.name, against / with));
        }
    }
    assert!(inverted.is_empty(), "{inverted:?}");
}

#[test]
fn parts_are_in_assemblies_and_have_names() {
    let model = engine(50_000);
    let index: HashMap<&str, usize> =
        model.nodes.iter().enumerate().map(|(index, node)| (node.name.as_str(), index)).collect();
    let parent = |name: &str| model.nodes[model.nodes[index[name]].parent.unwrap() as usize].name.as_str();
    assert_eq!(parent("Web 3"), "Crankshaft");
    assert_eq!(parent("Crankshaft"), "Bottom end");
    assert_eq!(parent("Bottom end"), "Engine");
    assert!(index.contains_key("Bolt M8 #17"));

    let mut siblings = HashSet::new();
    for node in &model.nodes {
        assert!(!node.name.is_empty());
        assert!(siblings.insert((node.parent, &node.name)), "two siblings are called {}", node.name);
    }
}

#[test]
fn bolts_share_one_shape_per_size() {
    let model = engine(200_000);
    assert!(model.meshes.len() * 5 < model.parts());
}
