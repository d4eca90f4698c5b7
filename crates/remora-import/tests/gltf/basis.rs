//! Textures in KTX2 and WebP.

use remora_model::Texture;
use serde_json::json;

use crate::file::{File, file_with_image, png};

/// Files of 20 x 12 pixels, and whether alpha is 64 in their left part.
pub(crate) const FILES: [(bool, &[u8]); 4] = [
    (false, include_bytes!("../files/etc1s.ktx2")),
    (true, include_bytes!("../files/etc1s-alpha-mipmaps.ktx2")),
    (true, include_bytes!("../files/uastc.ktx2")),
    (true, include_bytes!("../files/uastc-zstd-mipmaps.ktx2")),
];

fn with_basis(ktx2: &[u8]) -> File {
    let mut file = file_with_image(ktx2);
    file.root["extensionsRequired"] = json!(["KHR_texture_basisu"]);
    file.root["images"][0]["mimeType"] = json!("image/ktx2");
    file.root["textures"] = json!([{ "extensions": { "KHR_texture_basisu": { "source": 0 } } }]);
    file
}

fn pixel(texture: &Texture, x: usize, y: usize) -> [u8; 4] {
    let at = (y * texture.width as usize + x) * 4;
    texture.rgba[at..at + 4].try_into().unwrap()
}

#[test]
fn files_of_binomials_encoder_are_decoded() {
    for (number, (has_alpha, ktx2)) in FILES.into_iter().enumerate() {
        let model = with_basis(ktx2).load().unwrap();
        let texture = &model.textures[0];
        assert_eq!((texture.width, texture.height), (20, 12));
        let left = if has_alpha { 64 } else { 255 };
        for (x, y, wanted) in [
            (1, 1, [220, 40, 30, left]),
            (14, 2, [40, 200, 60, 255]),
            (3, 9, [30, 60, 210, left]),
            (18, 10, [240, 240, 240, 255]),
        ] {
            let found = pixel(texture, x, y);
            let is_near = found.iter().zip(wanted).all(|(found, wanted)| found.abs_diff(wanted) <= 12);
            assert!(is_near, "file {number}, pixel {x}, {y}: {found:?} for {wanted:?}");
        }
    }
}

#[test]
fn an_image_that_an_extension_names_is_preferred() {
    let mut file = with_basis(FILES[2].1);
    let fallback = file.view(&png(1, 1, [0; 4]));
    file.root["images"].as_array_mut().unwrap().push(json!({ "bufferView": fallback }));
    file.root["textures"][0]["source"] = json!(1);
    assert_eq!(file.load().unwrap().textures[0].width, 20);
    file.root["textures"][0].as_object_mut().unwrap().remove("extensions");
    assert_eq!(file.load().unwrap().textures[0].width, 1);
}

#[test]
fn large_ktx2_textures_are_scaled_down() {
    let limits = remora_import::LoadLimits { texture_dimension_max: 10, ..crate::file::limits() };
    let model = crate::file::load_glb(&with_basis(FILES[3].1).glb(), "Model", &limits, &mut |_| {}).unwrap();
    assert_eq!((model.textures[0].width, model.textures[0].height), (10, 6));
}

#[test]
fn every_truncated_ktx2_file_is_left_out() {
    for (_, ktx2) in FILES {
        for length in 12..ktx2.len() {
            // The data of smaller levels may be missing: only the largest image is read, which comes last in KTX2.
            let model = with_basis(&ktx2[..length]).load().unwrap();
            assert!(model.textures.is_empty(), "{length} of {} bytes", ktx2.len());
            assert_eq!(model.notices.texts().len(), 1);
        }
    }
}

#[test]
fn wrong_ktx2_headers_cause_a_notice() {
    let notice = |file: usize, at: usize, word: u32| {
        let mut ktx2 = FILES[file].1.to_vec();
        ktx2[at..at + 4].copy_from_slice(&word.to_le_bytes());
        with_basis(&ktx2).notice()
    };
    let (etc1s, uastc, zstandard) = (0, 2, 3);
    assert!(
        notice(uastc, 20, 16_385).starts_with("image 0: its KTX2 file does not hold as many blocks as its size needs")
    );
    assert!(notice(etc1s, 20, 16_385).starts_with("image 0: it has 16385 x 12 pixels; at most 16384 in either"));
    assert!(notice(uastc, 20, u32::MAX).contains("as many blocks"));
    assert!(notice(etc1s, 20, 0).contains("no pixels"));
    assert!(notice(uastc, 28, 4).contains("not one flat image"));
    assert!(notice(uastc, 36, 6).contains("not one flat image"));
    assert!(notice(uastc, 40, u32::MAX).contains("levels"));
    assert!(notice(uastc, 44, 3).contains("supercompression 3"));
    assert!(notice(uastc, 48, u32::MAX).contains("format description"));
    assert!(notice(uastc, 84, u32::MAX).contains("reaches beyond the end"));
    assert!(notice(zstandard, 96, 7).contains("as many blocks"));
    assert!(notice(etc1s, 68, u32::MAX).contains("the codebook"));
    let codebook = u32::from_le_bytes(FILES[etc1s].1[64..68].try_into().unwrap()) as usize;
    assert!(notice(etc1s, codebook + 4, u32::MAX).contains("the codebook"));
    assert!(notice(etc1s, codebook + 28, u32::MAX).contains("reaches beyond its end"));
    assert!(notice(etc1s, codebook, 0).contains("damaged"));
}

#[test]
fn webp_is_read() {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let image = image::RgbaImage::from_pixel(3, 2, image::Rgba([9, 8, 7, 6]));
    image.write_to(&mut bytes, image::ImageFormat::WebP).unwrap();
    let mut file = file_with_image(&bytes.into_inner());
    file.root["extensionsRequired"] = json!(["EXT_texture_webp"]);
    file.root["textures"] = json!([{ "extensions": { "EXT_texture_webp": { "source": 0 } } }]);
    let model = file.load().unwrap();
    assert_eq!((model.textures[0].width, pixel(&model.textures[0], 2, 1)), (3, [9, 8, 7, 6]));
}
