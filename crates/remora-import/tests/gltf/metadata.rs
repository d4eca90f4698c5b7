//! Names and `extras` of nodes.

use remora_import::LoadLimits;
use remora_model::MetadataValue;

use crate::file::{File, glb, load_glb};

/// Returns the metadata of a node with these `extras`, which are text because their order matters.
fn metadata(extras: &str) -> Vec<(String, MetadataValue)> {
    let file = File::triangle();
    let json = file.root.to_string().replacen("\"mesh\":0", &format!("\"mesh\":0,\"extras\":{extras}"), 1);
    let limits = LoadLimits { memory_bytes_max: 1 << 30, texture_dimension_max: 16 };
    let model = load_glb(&glb(json.as_bytes(), &file.binary), "Model", &limits, &mut |_| {}).unwrap();
    model.nodes[0].metadata.clone()
}

#[test]
fn members_keep_their_order_and_kind() {
    let extras = r#"{ "z": true, "a": -7, "big": 18446744073709551615, "beyond": 18446744073709551616, "half": 0.5,
        "whole": 2.0, "text": "a \"b\" \u00e4", "list": [1, {"b": 2, "a": null}], "nothing": null, "a": "again" }"#;
    let expected = [
        ("z", MetadataValue::Bool(true)),
        ("a", MetadataValue::Integer(-7)),
        ("big", MetadataValue::Unsigned(u64::MAX)),
        ("beyond", MetadataValue::Double(18_446_744_073_709_551_616.0)),
        ("half", MetadataValue::Double(0.5)),
        ("whole", MetadataValue::Double(2.0)),
        ("text", MetadataValue::Text("a \"b\" ä".to_owned())),
        ("list", MetadataValue::Text(r#"[1, {"b": 2, "a": null}]"#.to_owned())),
        ("a", MetadataValue::Text("again".to_owned())),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    assert_eq!(metadata(extras), expected);
}

#[test]
fn extras_that_are_no_object_are_ignored() {
    for extras in ["null", "7", "\"text\"", "[{\"a\": 1}]", "{}"] {
        assert_eq!(metadata(extras), [], "{extras}");
    }
}

#[test]
fn long_names_and_texts_are_cut_between_characters_and_marked() {
    let long = "ä".repeat(40_000);
    let found = metadata(&format!("{{\"text\":\"{long}\",\"{long}\":false,\"list\":[\"{long}\"]}}"));
    let texts = [&found[0].1, &found[2].1].map(|value| match value {
        MetadataValue::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    });
    for text in [&texts[0], &texts[1], &found[1].0] {
        assert!(text.ends_with("ä…") && text.len() <= 65_536 && text.len() > 65_530, "{} bytes", text.len());
    }
    let fits = "x".repeat(65_536);
    assert_eq!(metadata(&format!("{{\"text\":\"{fits}\"}}"))[0].1, MetadataValue::Text(fits));
}

#[test]
fn names_are_cut_at_1024_characters() {
    let long = "ö".repeat(500_000);
    let mut file = crate::file::file_with_image(&crate::file::png(1, 1, [0; 4]));
    for place in ["nodes", "meshes", "materials", "images"] {
        file.root[place][0]["name"] = serde_json::json!(long);
    }
    let limits = LoadLimits { memory_bytes_max: 2 << 30, texture_dimension_max: 16 };
    let model = load_glb(&file.glb(), "Model", &limits, &mut |_| {}).unwrap();
    let names = [&model.nodes[0].name, &model.meshes[0].name, &model.materials[0].name, &model.textures[0].name];
    for name in names {
        assert_eq!(*name, "ö".repeat(1024));
    }
}
