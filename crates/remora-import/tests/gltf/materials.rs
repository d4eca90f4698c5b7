//! Materials, textures and images.

use glam::{Vec2, Vec3};
use remora_import::LoadLimits;
use remora_model::{AlphaMode, Material, Model, TextureReference, Wrap};
use serde_json::{Value, json};

use crate::file::{File, load_glb, png};

fn with_material(material: Value) -> File {
    let mut file = File::triangle();
    file.root["meshes"][0]["primitives"][0]["material"] = json!(0);
    file.root["materials"] = json!([material]);
    file
}

fn material(material: Value) -> Material {
    with_material(material).load().unwrap().materials[0].clone()
}

/// Returns a file with a texture of 4x2 texels for each of the colours.
fn with_textures(material: Value, colors: &[[u8; 4]]) -> File {
    let mut file = with_material(material);
    let coordinates = file.vec2(&[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]);
    file.root["meshes"][0]["primitives"][0]["attributes"]["TEXCOORD_0"] = json!(coordinates);
    let views: Vec<usize> = colors.iter().map(|&color| file.view(&png(4, 2, color))).collect();
    file.root["images"] = json!(views.iter().map(|view| json!({ "bufferView": view })).collect::<Vec<_>>());
    file.root["textures"] = json!((0..colors.len()).map(|source| json!({ "source": source })).collect::<Vec<_>>());
    file
}

fn texture(model: &Model, reference: Option<TextureReference>) -> &remora_model::Texture {
    &model.textures[reference.expect("there is a texture").texture as usize]
}

#[test]
fn an_empty_material_is_the_default_of_the_specification() {
    let made = material(json!({ "name": "Steel" }));
    assert_eq!(made.name, "Steel");
    assert_eq!((made.base_color, made.metallic, made.roughness), ([1.0; 4], 1.0, 1.0));
    assert_eq!((made.emissive, made.alpha_mode), ([0.0; 3], AlphaMode::Opaque));
    assert!(!made.double_sided && !made.unlit);
}

#[test]
fn factors_and_modes_are_read() {
    let made = material(json!({
        "pbrMetallicRoughness": {
            "baseColorFactor": [0.1, 0.2, 0.3, 0.4],
            "metallicFactor": 0.5,
            "roughnessFactor": 0.6
        },
        "emissiveFactor": [0.5, 1.0, 0.0],
        "alphaMode": "MASK",
        "alphaCutoff": 0.7,
        "doubleSided": true,
        "extensions": {
            "KHR_materials_emissive_strength": { "emissiveStrength": 4.0 },
            "KHR_materials_unlit": {},
        },
    }));
    assert_eq!((made.base_color, made.metallic, made.roughness), ([0.1, 0.2, 0.3, 0.4], 0.5, 0.6));
    assert_eq!(made.emissive, [2.0, 4.0, 0.0]);
    assert_eq!(made.alpha_mode, AlphaMode::Mask { cutoff: 0.7 });
    assert!(made.double_sided && made.unlit);
    assert_eq!(material(json!({ "alphaMode": "MASK" })).alpha_mode, AlphaMode::Mask { cutoff: 0.5 });
    assert_eq!(material(json!({ "alphaMode": "BLEND" })).alpha_mode, AlphaMode::Blend);
    assert!(with_material(json!({ "alphaMode": "HASHED" })).refusal().contains("\"HASHED\""));
}

#[test]
fn specular_and_glossiness_become_metal_and_roughness() {
    let made = |extension: Value| {
        let extension = json!({ "KHR_materials_pbrSpecularGlossiness": extension });
        material(json!({ "pbrMetallicRoughness": { "metallicFactor": 0.9 }, "extensions": extension }))
    };
    // Plastic has the reflectance of all dielectrics.
    let plastic = made(json!({
        "diffuseFactor": [0.5, 0.25, 0.0, 0.75], "specularFactor": [0.04, 0.04, 0.04], "glossinessFactor": 0.8,
    }));
    assert!(plastic.metallic < 1e-3 && (plastic.roughness - 0.2).abs() < 1e-6, "{plastic:?}");
    for (found, expected) in plastic.base_color.iter().zip([0.5, 0.25, 0.0, 0.75]) {
        assert!((found - expected).abs() < 0.01, "{plastic:?}");
    }
    // Gold has only specular colour.
    let gold = made(json!({ "diffuseFactor": [0.0, 0.0, 0.0, 1.0], "specularFactor": [1.0, 0.77, 0.34] }));
    assert!(gold.metallic > 0.999 && gold.roughness == 0.0, "{gold:?}");
    for (found, expected) in gold.base_color.iter().zip([1.0, 0.77, 0.34, 1.0]) {
        assert!((found - expected).abs() < 0.01, "{gold:?}");
    }
    let textured = json!({ "diffuseTexture": { "index": 0 }, "diffuseFactor": [0.5, 0.5, 0.5, 1.0] });
    let file = with_textures(
        json!({ "extensions": { "KHR_materials_pbrSpecularGlossiness": textured } }),
        &[[10, 20, 30, 255]],
    );
    let model = file.load().unwrap();
    let made = &model.materials[0];
    assert_eq!((made.metallic, made.base_color), (0.0, [0.5, 0.5, 0.5, 1.0]));
    let texture = texture(&model, made.base_color_texture);
    assert_eq!((texture.rgba[0], texture.srgb), (10, true));
}

#[test]
fn a_primitive_without_a_material_gets_an_appended_default() {
    let mut file = with_material(json!({ "name": "Named" }));
    file.primitive(json!({ "attributes": { "POSITION": 0 } }));
    let model = file.load().unwrap();
    assert_eq!(model.materials.len(), 2);
    let used: Vec<u32> = model.meshes[0].primitives.iter().map(|primitive| primitive.material).collect();
    assert_eq!(used, [0, 1]);
    file.root["meshes"][0]["primitives"][1]["material"] = json!(5);
    assert!(file.refusal().contains("mesh 0, primitive 1: its material is not there"));
}

#[test]
fn every_kind_of_texture_is_read() {
    let red = |value| [value, 0, 0, 255];
    let file = with_textures(
        json!({
            "pbrMetallicRoughness": { "baseColorTexture": { "index": 0 }, "metallicRoughnessTexture": { "index": 1 } },
            "normalTexture": { "index": 2, "scale": 0.5 },
            "occlusionTexture": { "index": 1, "strength": 0.25 },
            "emissiveTexture": { "index": 3 },
        }),
        &[red(10), red(20), red(30), red(40)],
    );
    let model = file.load().unwrap();
    let made = &model.materials[0];
    let seen = [made.base_color_texture, made.metallic_roughness_texture, made.normal_texture, made.emissive_texture]
        .map(|reference| texture(&model, reference))
        .map(|texture| (texture.rgba[0], texture.srgb, texture.width, texture.height));
    assert_eq!(seen, [(10, true, 4, 2), (20, false, 4, 2), (30, false, 4, 2), (40, true, 4, 2)]);
    // Occlusion and roughness share an image, and therefore a texture.
    assert_eq!(made.occlusion_texture, made.metallic_roughness_texture);
    assert_eq!((made.normal_scale, made.occlusion_strength), (0.5, 0.25));
    assert_eq!(model.textures.len(), 4);
}

#[test]
fn an_image_that_is_colour_here_and_data_there_becomes_two_textures() {
    let file = with_textures(
        json!({ "pbrMetallicRoughness": { "baseColorTexture": { "index": 0 } }, "occlusionTexture": { "index": 0 } }),
        &[[1, 2, 3, 255]],
    );
    let model = file.load().unwrap();
    let kinds: Vec<bool> = model.textures.iter().map(|texture| texture.srgb).collect();
    assert_eq!(kinds, [true, false]);
    assert_eq!(model.textures[0].rgba, model.textures[1].rgba);
}

#[test]
fn samplers_determine_wrapping() {
    let mut file = with_textures(json!({ "emissiveTexture": { "index": 0 } }), &[[0; 4]]);
    let wraps = |file: &File| {
        let sampler = file.load().unwrap().textures[0].sampler;
        (sampler.wrap_u, sampler.wrap_v)
    };
    assert_eq!(wraps(&file), (Wrap::Repeat, Wrap::Repeat));
    file.root["textures"][0]["sampler"] = json!(0);
    file.root["samplers"] = json!([{ "wrapS": 33071, "wrapT": 33648 }]);
    assert_eq!(wraps(&file), (Wrap::ClampToEdge, Wrap::MirroredRepeat));
    file.root["samplers"] = json!([]);
    assert!(file.refusal().contains("its sampler is not there"));
}

#[test]
fn a_texture_transform_has_the_direction_of_the_extension() {
    // The example of the extension: the lower left quadrant, rotated clockwise by a quarter.
    let extension = json!({ "offset": [0.0, 1.0], "rotation": std::f32::consts::FRAC_PI_2, "scale": [0.5, 0.5] });
    let info = json!({ "index": 0, "extensions": { "KHR_texture_transform": extension } });
    let model = with_textures(json!({ "emissiveTexture": info }), &[[0; 4]]).load().unwrap();
    let [x, y] = model.materials[0].emissive_texture.unwrap().transform;
    for (from, to) in [
        (Vec2::new(0.0, 0.0), Vec2::new(0.0, 1.0)),
        (Vec2::new(1.0, 0.0), Vec2::new(0.0, 0.5)),
        (Vec2::new(0.0, 1.0), Vec2::new(0.5, 1.0)),
        (Vec2::new(1.0, 1.0), Vec2::new(0.5, 0.5)),
    ] {
        let point = from.extend(1.0);
        let moved = Vec2::new(Vec3::from(x).dot(point), Vec3::from(y).dot(point));
        assert!(moved.abs_diff_eq(to, 1e-6), "{from} goes to {moved}");
    }
}

#[test]
fn a_texture_can_use_another_set_of_coordinates() {
    let mut file = with_textures(json!({ "emissiveTexture": { "index": 0, "texCoord": 1 } }), &[[0; 4]]);
    let second = file.vec2(&[[7.0, 7.0]; 3]);
    file.root["meshes"][0]["primitives"][0]["attributes"]["TEXCOORD_1"] = json!(second);
    let model = file.load().unwrap();
    assert_eq!(model.meshes[0].primitives[0].texture_coordinates, [[7.0, 7.0]; 3]);
}

#[test]
fn large_textures_are_scaled_down_to_the_limit() {
    let mut file = with_textures(json!({ "emissiveTexture": { "index": 0 } }), &[[0; 4]]);
    let view = file.view(&png(64, 16, [200, 100, 50, 255]));
    file.root["images"][0]["bufferView"] = json!(view);
    let limits = LoadLimits { texture_dimension_max: 16, ..LoadLimits::default() };
    let model = load_glb(&file.glb(), "Model", &limits, &mut |_| {}).unwrap();
    assert_eq!((model.textures[0].width, model.textures[0].height), (16, 4));
    assert_eq!(model.textures[0].rgba[..4], [200, 100, 50, 255]);
}

#[test]
fn jpeg_is_read_and_grey_becomes_rgba() {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::GrayImage::from_pixel(8, 8, image::Luma([90])).write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    let mut file = with_textures(json!({ "emissiveTexture": { "index": 0 } }), &[[0; 4]]);
    let view = file.view(&bytes.into_inner());
    file.root["images"][0]["bufferView"] = json!(view);
    let model = file.load().unwrap();
    assert_eq!((model.textures[0].width, model.textures[0].rgba[3]), (8, 255));
    assert!(model.textures[0].rgba[0].abs_diff(90) < 3);
    assert_eq!(model.textures[0].rgba[0], model.textures[0].rgba[2]);
}

#[test]
fn an_image_that_cannot_be_read_is_named_and_only_its_textures_are_left_out() {
    let material = json!({
        "pbrMetallicRoughness": { "baseColorFactor": [0.5, 0.25, 0.125, 1.0], "baseColorTexture": { "index": 0 } },
        "normalTexture": { "index": 1 },
        "emissiveFactor": [1.0, 1.0, 1.0],
        "emissiveTexture": { "index": 0 },
    });
    let mut file = with_textures(material, &[[0; 4], [128, 128, 255, 255]]);
    let view = file.view(b"GIF89a and so on, long enough to look like one");
    let notice_of = |file: &File| {
        let model = file.load().unwrap();
        let made = &model.materials[0];
        assert_eq!(made.base_color, [0.5, 0.25, 0.125, 1.0]);
        assert_eq!((made.base_color_texture, made.emissive_texture), (None, None));
        assert_eq!(made.emissive, [0.0; 3], "a surface whose texture of light is missing does not glow all over");
        assert_eq!(texture(&model, made.normal_texture).rgba[..3], [128, 128, 255], "the others stay");
        assert_eq!(model.textures.len(), 1);
        file.notice()
    };
    let values = "surfaces that use it show the material's own values";
    file.root["images"][0]["bufferView"] = json!(view);
    let decodable = "PNG, JPEG, WebP, and Basis Universal in KTX2 are read";
    assert_eq!(notice_of(&file), format!("image 0: it cannot be decoded; {decodable}; {values}"));
    for (image, expected) in [
        (json!({ "uri": "wood.png" }), "\"wood.png\""),
        (json!({ "uri": "data:image/png;base64,!!!!" }), "not valid base64"),
        (json!({ "bufferView": 99 }), "image 0: buffer view 99"),
        (json!({}), "image 0: it has neither"),
    ] {
        file.root["images"][0] = image;
        let notice = notice_of(&file);
        assert!(notice.contains(expected) && notice.ends_with(values), "{notice}");
    }
    file.root["textures"][0] = json!({ "source": 7 });
    assert!(notice_of(&file).starts_with("image 7: it is referred to and not there"));
    file.root["textures"][0] = json!({});
    assert!(notice_of(&file).starts_with("texture 0: it has no image of a kind that is read"));
    file.root["textures"] = json!([]);
    assert!(file.refusal().contains("material 0: there is no texture 0"));
}

#[test]
fn a_truncated_image_is_reported_when_it_is_decoded() {
    let material = json!({ "pbrMetallicRoughness": { "baseColorTexture": { "index": 0 } } });
    let mut file = with_textures(material, &[[9; 4]]);
    let whole = png(64, 64, [1, 2, 3, 255]);
    let view = file.view(&whole[..whole.len() - 30]);
    file.root["images"][0]["bufferView"] = json!(view);
    assert!(file.notice().starts_with("image 0: it cannot be decoded"));
    assert_eq!(file.load().unwrap().materials[0].base_color_texture, None);
}
