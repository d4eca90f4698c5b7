//! Random changes of valid files. Importing may fail, but it must end without a panic, and models must be consistent.

use crate::file::load_glb;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::basis;
use crate::compression;
use crate::file::{File, file_with_image, glb, limits, png};

/// Returns a file for each kind of data that a library decodes.
fn compressed_files() -> Vec<File> {
    let images = [webp(), jpeg()].into_iter().chain(basis::FILES.map(|(_, bytes)| bytes.to_vec()));
    let mut files: Vec<File> = images.map(|image| file_with_image(&image)).collect();
    files.extend([compression::meshopt_file(), compression::draco_file(), compression::sequential_draco_file()]);
    files
}

fn webp() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let image = image::RgbaImage::from_fn(16, 16, |x, y| image::Rgba([x as u8 * 16, y as u8 * 16, 99, 255]));
    image.write_to(&mut bytes, image::ImageFormat::WebP).expect("memory does not fail");
    bytes.into_inner()
}

fn jpeg() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let image = image::RgbImage::from_fn(16, 16, |x, y| image::Rgb([x as u8 * 16, y as u8 * 16, 99]));
    image.write_to(&mut bytes, image::ImageFormat::Jpeg).expect("memory does not fail");
    bytes.into_inner()
}

/// Numbers that often cause errors.
fn awkward() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(0)),
        Just(json!(1)),
        Just(json!(-1)),
        Just(json!(u32::MAX)),
        Just(json!(u64::MAX)),
        Just(json!(i64::MAX)),
        Just(json!(1e300)),
        Just(json!(5120)),
        Just(json!(5125)),
        Just(Value::Null),
        Just(json!([])),
        Just(json!("VEC4")),
        (0..40_u32).prop_map(|number| json!(number)),
    ]
}

/// Collects pointers to everything that is neither a list nor an object.
fn leaves(value: &Value, place: String, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(key, value)| leaves(value, format!("{place}/{key}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| leaves(value, format!("{place}/{index}"), found));
        }
        _ => found.push(place),
    }
}

fn change_members(file: &mut File, changes: Vec<(prop::sample::Index, Value)>) {
    for (place, value) in changes {
        let mut found = Vec::new();
        leaves(&file.root, String::new(), &mut found);
        let place = &found[place.index(found.len())];
        *file.root.pointer_mut(place).expect("it was just found") = value;
    }
}

fn is_survived(bytes: &[u8]) {
    if let Ok(model) = load_glb(bytes, "Model", &limits(), &mut |_| {}) {
        assert_eq!(model.check(), Ok(()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_change_of_bytes_does_harm(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let mut bytes = file_with_image(&png(4, 4, [10, 200, 30, 255])).glb();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        is_survived(&bytes);
    }

    #[test]
    fn no_change_of_compressed_data_does_harm(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let files = compressed_files();
        let mut file = files.into_iter().nth(which.index(9)).expect("there are nine");
        for (place, value) in changes {
            let place = place.index(file.binary.len());
            file.binary[place] = value;
        }
        is_survived(&file.glb());
    }

    #[test]
    fn no_change_of_the_members_of_compressed_files_does_harm(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), awkward()), 1..4),
    ) {
        let mut file = [compression::meshopt_file(), compression::draco_file(), crate::instances::instanced()]
            .into_iter().nth(which.index(3)).expect("there are three");
        change_members(&mut file, changes);
        is_survived(&file.glb());
    }

    #[test]
    fn no_change_of_the_members_does_harm(
        changes in prop::collection::vec((any::<prop::sample::Index>(), awkward()), 1..4),
    ) {
        let mut file = file_with_image(&png(4, 4, [10, 200, 30, 255]));
        change_members(&mut file, changes);
        is_survived(&file.glb());
    }

    #[test]
    fn no_text_as_json_does_harm(text in "[{}\\[\\]\",:0-9a-z ]{0,200}") {
        is_survived(&glb(text.as_bytes(), &[]));
        is_survived(text.as_bytes());
    }
}
