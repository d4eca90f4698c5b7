//! Limits of models. Errors name the limit that is exceeded.

use remora_import::{GltfError, LoadLimits};
use serde_json::json;

use crate::file::{File, boasting_png, file_with_image, glb, load_glb};

#[test]
fn images_of_more_than_16384_pixels_in_a_direction_are_left_out() {
    for (width, height) in [(16_385, 1), (1, 16_385)] {
        let notice = file_with_image(&boasting_png(width, height)).notice();
        let expected = format!("image 0: it has {width} x {height} pixels; at most 16384 in either direction are read");
        assert!(notice.starts_with(&expected), "{notice}");
    }
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::GrayImage::new(16_384, 1).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    let model = file_with_image(&bytes.into_inner()).load().unwrap();
    assert_eq!((model.textures[0].width, model.textures[0].height), (1024, 1));
}

#[test]
fn more_than_65535_materials_are_refused() {
    let with_materials = |count: usize| {
        let mut file = File::triangle();
        file.root["meshes"][0]["primitives"][0]["material"] = json!(count - 1);
        file.root["materials"] = json!(vec![json!({}); count]);
        file.load()
    };
    assert_eq!(with_materials(65_535).unwrap().materials.len(), 65_535);
    let error = with_materials(65_536).unwrap_err();
    assert!(matches!(error, GltfError::TooManyMaterials { count: 65_536 }));
    assert_eq!(error.to_string(), "the model has 65536 materials; at most 65535 are read");
}

#[test]
fn deeply_nested_json_is_refused_with_a_reason() {
    let file = File::triangle();
    let limits = LoadLimits { memory_bytes_max: 1 << 30, texture_dimension_max: 16 };
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(200_000), close.repeat(200_000));
        let text = file.root.to_string();
        let in_extras = text.replacen("\"mesh\":0", &format!("\"mesh\":0,\"extras\":{{\"a\":{deep}}}"), 1);
        let model = load_glb(&glb(in_extras.as_bytes(), &file.binary), "Model", &limits, &mut |_| {});
        assert!(model.is_ok() || matches!(model, Err(GltfError::Json(_))));
        let elsewhere = text.replacen("\"mesh\":0", &format!("\"mesh\":0,\"children\":{deep}"), 1);
        let error = load_glb(&glb(elsewhere.as_bytes(), &file.binary), "Model", &limits, &mut |_| {});
        assert!(matches!(error, Err(GltfError::Json(_))));
    }
}
