//! A model that is written as GLB and imported again is the same.

use std::f32::consts::PI;

use base64::Engine as _;
use glam::{DAffine3, DQuat, DVec3};
use remora_engine::{EngineDetail, build};
use remora_import::{LoadLimits, WriteError, write_glb};
use remora_model::{AlphaMode, Material, Mesh, Model, Node, Primitive, Sampler, Texture, TextureReference, Wrap};
use serde_json::{Value, json};

use crate::file::{File, load, load_glb};

fn textured() -> Model {
    let turned = TextureReference { texture: 0, transform: rotation(0.7, [2.0, -3.0], [0.25, 0.5]) };
    let plain = Some(TextureReference::new(1));
    let material = Material {
        name: "All of it".to_owned(),
        base_color: [0.1, 0.2, 0.3, 0.4],
        base_color_texture: Some(turned),
        metallic: 0.25,
        roughness: 0.75,
        metallic_roughness_texture: plain,
        normal_texture: plain,
        normal_scale: 0.5,
        occlusion_texture: plain,
        occlusion_strength: 0.125,
        emissive: [3.0, 1.5, 0.0],
        emissive_texture: Some(TextureReference::new(0)),
        alpha_mode: AlphaMode::Mask { cutoff: 0.25 },
        double_sided: true,
        unlit: true,
    };
    let texture = |name: &str, srgb: bool, first: u8| Texture {
        name: name.to_owned(),
        width: 3,
        height: 2,
        rgba: (first..first + 24).collect(),
        srgb,
        sampler: Sampler { wrap_u: Wrap::ClampToEdge, wrap_v: Wrap::MirroredRepeat },
    };
    let primitive = Primitive {
        material: 0,
        positions: vec![[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.5]],
        normals: vec![[0.0, 0.0, 1.0]; 3],
        tangents: vec![[1.0, 0.0, 0.0, -1.0]; 3],
        texture_coordinates: vec![[0.0, 0.5], [1.0, 0.25], [2.0, -1.0]],
        colors: vec![[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]],
        indices: vec![0, 1, 2],
    };
    let place = DAffine3::from_rotation_translation(DQuat::from_rotation_z(0.3), DVec3::new(1.0, 2.0, 3.0));
    Model {
        name: "Written".to_owned(),
        nodes: vec![
            Node { name: "Top".to_owned(), parent: None, transform: place, ..Default::default() },
            Node { name: "Part".to_owned(), parent: Some(0), mesh: Some(0), ..Default::default() },
        ],
        meshes: vec![Mesh { name: "Mesh".to_owned(), primitives: vec![primitive], ..Default::default() }],
        materials: vec![material],
        textures: vec![texture("Colour", true, 10), texture("Data", false, 100)],
        ..Model::default()
    }
}

fn rotation(angle: f32, scale: [f32; 2], offset: [f32; 2]) -> [[f32; 3]; 2] {
    let (sine, cosine) = angle.sin_cos();
    [[cosine * scale[0], sine * scale[1], offset[0]], [-sine * scale[0], cosine * scale[1], offset[1]]]
}

#[test]
fn all_properties_of_a_model_are_kept() {
    let model = textured();
    let read = load(&write_glb(&model).unwrap()).unwrap();
    assert_eq!(format!("{:?}", read.meshes), format!("{:?}", model.meshes));
    assert_eq!(format!("{:?}", read.textures), format!("{:?}", model.textures));
    assert_eq!(format!("{:?}", read.nodes), format!("{:?}", model.nodes));

    let (mut read, mut written) = (read.materials[0].clone(), model.materials[0].clone());
    let transforms = [&mut read, &mut written].map(|material| {
        let reference = material.base_color_texture.as_mut().unwrap();
        std::mem::replace(&mut reference.transform, TextureReference::IDENTITY)
    });
    for (read, written) in transforms[0].iter().flatten().zip(transforms[1].iter().flatten()) {
        assert!((read - written).abs() < 1e-5, "{transforms:?}");
    }
    assert_eq!(format!("{read:?}"), format!("{written:?}"));
}

#[test]
fn every_rotation_of_a_texture_is_kept() {
    for step in 0..24 {
        for scale in [[1.0, 1.0], [0.5, 3.0], [2.0, -1.0]] {
            let mut model = textured();
            let transform = rotation(step as f32 * PI / 12.0, scale, [0.1, 0.2]);
            model.materials[0].base_color_texture.as_mut().unwrap().transform = transform;
            let read = load(&write_glb(&model).unwrap()).unwrap();
            let read = read.materials[0].base_color_texture.unwrap().transform;
            for (read, written) in read.iter().flatten().zip(transform.iter().flatten()) {
                assert!((read - written).abs() < 1e-5, "step {step}, scale {scale:?}");
            }
        }
    }
}

#[test]
fn the_engine_is_kept() {
    let engine = build(EngineDetail { triangles: 60_000 });
    let read = load_glb(&write_glb(&engine).unwrap(), "Engine", &LoadLimits::default(), &mut |_| {}).unwrap();
    assert_eq!(read.check(), Ok(()));
    assert_eq!((read.parts(), read.triangles()), (engine.parts(), engine.triangles()));
    assert_eq!(read.materials.len(), engine.materials.len());
    let (read, engine) = (read.bounds(), engine.bounds());
    assert!(read.min.abs_diff_eq(engine.min, 1e-4) && read.max.abs_diff_eq(engine.max, 1e-4));
}

#[test]
fn models_that_glb_cannot_express_are_refused() {
    let mut model = textured();
    model.materials[0].base_color_texture.as_mut().unwrap().transform = [[1.0, 0.5, 0.0], [0.0, 1.0, 0.0]];
    assert!(matches!(write_glb(&model), Err(WriteError::Sheared { .. })));
    let mut model = textured();
    model.meshes[0].primitives[0].indices[0] = 3;
    assert!(matches!(write_glb(&model), Err(WriteError::Inconsistent(_))));
}

#[test]
fn json_with_inline_data_equals_glb() {
    let mut file = File::triangle();
    let expected = file.load().unwrap();
    let encoded = base64::engine::general_purpose::STANDARD.encode(&file.binary);
    file.root["buffers"][0]["uri"] = json!(format!("data:application/octet-stream;base64,{encoded}"));
    for start in ["", " \n", "\u{feff}"] {
        let text = format!("{start}{}", file.root);
        let read = load(text.as_bytes()).unwrap();
        assert_eq!(format!("{:?}", read.meshes), format!("{:?}", expected.meshes));
    }
}

#[test]
fn progress_rises_from_nothing_to_all() {
    let mut seen: Vec<f32> = Vec::new();
    let glb = write_glb(&textured()).unwrap();
    load_glb(&glb, "Model", &LoadLimits::default(), &mut |done| seen.push(done)).unwrap();
    assert_eq!((seen.first(), seen.last()), (Some(&0.0), Some(&1.0)));
    assert!(seen.is_sorted(), "{seen:?}");
    assert!(seen.len() >= 4, "{seen:?}");
}

#[test]
fn the_json_of_a_written_file_keeps_to_the_schema() {
    let glb = write_glb(&textured()).unwrap();
    let length = u32::from_le_bytes(glb[12..16].try_into().unwrap()) as usize;
    let root: Value = serde_json::from_slice(&glb[20..20 + length]).unwrap();
    assert_eq!(root["asset"]["version"], "2.0");
    assert_eq!(root["accessors"][0]["max"], json!([1.0, 1.0, 0.5]));
    let used: Vec<&str> = root["extensionsUsed"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(used.len(), 3);
    assert!(
        root["materials"][0]["emissiveFactor"].as_array().unwrap().iter().all(|factor| factor.as_f64() <= Some(1.0))
    );
    assert!(root.as_object().unwrap().values().all(|value| value.as_array().is_none_or(|list| !list.is_empty())));
}
