//! Checks the extensions that a model requires. A model is refused if it requires an extension that is not supported
//! and may change geometry. An extension that changes only light, surfaces or behaviour is ignored with a notice;
//! exporters list such extensions as required too, for example Blender with lights.

use super::error::GltfError;
use remora_model::Notices;

/// Extensions that are supported.
pub const SUPPORTED_EXTENSIONS: [&str; 11] = [
    "EXT_mesh_gpu_instancing",
    "EXT_meshopt_compression",
    "EXT_texture_webp",
    "KHR_draco_mesh_compression",
    "KHR_materials_emissive_strength",
    "KHR_materials_pbrSpecularGlossiness",
    "KHR_materials_unlit",
    "KHR_mesh_quantization",
    "KHR_meshopt_compression",
    "KHR_texture_basisu",
    "KHR_texture_transform",
];

/// Start of the names, after the vendor's prefix, of extensions that do not change geometry: surfaces, lights, images,
/// and data outside of the scene. The registry of glTF extensions requires such names.
const HARMLESS_KINDS: [&str; 8] =
    ["animation_", "audio_", "lights", "materials_", "packing_", "techniques_", "texture_", "xmp"];

/// Other extensions that do not change geometry: levels of detail whose finest is in the scene, marks on features,
/// outlines in addition to triangles, and interaction with nodes.
const HARMLESS: [&str; 8] = [
    "CESIUM_primitive_outline",
    "EXT_instance_features",
    "EXT_mesh_features",
    "EXT_structural_metadata",
    "KHR_interactivity",
    "KHR_node_hoverability",
    "KHR_node_selectability",
    "MSFT_lod",
];

/// Checks the required extensions.
pub(super) fn check(required: &[String], notices: &mut Notices) -> Result<(), GltfError> {
    for name in required.iter().filter(|name| !SUPPORTED_EXTENSIONS.contains(&name.as_str())) {
        if !is_harmless(name) {
            return Err(GltfError::UnsupportedExtension { name: name.clone() });
        }
        notices.add(format!("the model requires the extension {name}, which is not supported; it is shown without"));
    }
    Ok(())
}

fn is_harmless(name: &str) -> bool {
    let kind = name.split_once('_').map_or("", |(_, kind)| kind);
    HARMLESS.contains(&name) || HARMLESS_KINDS.iter().any(|harmless| kind.starts_with(harmless))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_of_light_and_surface_are_harmless_and_those_of_geometry_are_not() {
        for name in [
            "KHR_lights_punctual",
            "EXT_lights_image_based",
            "EXT_lights_ies",
            "KHR_materials_variants",
            "KHR_materials_transmission",
            "KHR_materials_volume",
            "KHR_materials_ior",
            "KHR_materials_sheen",
            "KHR_materials_clearcoat",
            "KHR_materials_specular",
            "KHR_materials_iridescence",
            "KHR_materials_anisotropy",
            "KHR_materials_dispersion",
            "KHR_materials_diffuse_transmission",
            "VRMC_materials_mtoon",
            "EXT_texture_avif",
            "MSFT_texture_dds",
            "KHR_xmp_json_ld",
            "KHR_animation_pointer",
            "KHR_techniques_webgl",
            "MSFT_lod",
        ] {
            assert!(is_harmless(name), "{name}");
        }
        for name in ["KHR_gaussian_splatting", "CESIUM_RTC", "KHR_node_visibility", "materials_", "lights", "", "X_"] {
            assert!(!is_harmless(name), "{name}");
        }
    }
}
