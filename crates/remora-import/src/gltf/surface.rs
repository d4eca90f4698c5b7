//! Reads the surface of a material: metallic-roughness, or `KHR_materials_pbrSpecularGlossiness` converted to it.

use super::json::{self, TextureInfo};

/// Metallic-roughness parameters.
#[derive(Clone, Copy)]
pub(super) struct Surface<'a> {
    /// Factor in linear RGBA.
    pub(super) base_color: [f32; 4],
    pub(super) base_color_texture: Option<&'a TextureInfo>,
    pub(super) metallic: f32,
    pub(super) roughness: f32,
    pub(super) metallic_roughness_texture: Option<&'a TextureInfo>,
}

/// Reflectance of dielectrics at normal incidence, as glTF defines it.
const DIELECTRIC_SPECULAR: f32 = 0.04;

/// Reads the surface of a material.
pub(super) fn read(material: &json::Material) -> Surface<'_> {
    let extension = material.extensions.as_deref().and_then(|extensions| extensions.specular_glossiness.as_deref());
    if let Some(extension) = extension {
        return converted(extension);
    }
    let given = material.pbr_metallic_roughness.as_deref();
    Surface {
        base_color: given.and_then(|given| given.base_color_factor).unwrap_or([1.0; 4]),
        base_color_texture: given.and_then(|given| given.base_color_texture.as_ref()),
        metallic: given.and_then(|given| given.metallic_factor).unwrap_or(1.0),
        roughness: given.and_then(|given| given.roughness_factor).unwrap_or(1.0),
        metallic_roughness_texture: given.and_then(|given| given.metallic_roughness_texture.as_ref()),
    }
}

/// Converts the factors as the conversion does that Khronos published with the extension. The texture of specular
/// colour and glossiness has no counterpart and is ignored.
fn converted(extension: &json::SpecularGlossiness) -> Surface<'_> {
    let [red, green, blue, alpha] = extension.diffuse_factor.unwrap_or([1.0; 4]);
    let specular = extension.specular_factor.unwrap_or([1.0; 3]);
    let strength = specular.into_iter().fold(0.0, f32::max);
    // If the diffuse colour is in a texture, the factor does not determine the metalness, which is 0 then.
    let metallic = match extension.diffuse_texture {
        Some(_) => 0.0,
        None => metallic(brightness([red, green, blue]), brightness(specular), 1.0 - strength),
    };
    let diffuse_share = (1.0 - strength) / (1.0 - DIELECTRIC_SPECULAR) / (1.0 - metallic).max(1e-6);
    let specular_share = 1.0 / metallic.max(1e-6);
    let base_color = |diffuse: f32, specular: f32| {
        let of_dielectric = if extension.diffuse_texture.is_some() { diffuse } else { diffuse * diffuse_share };
        let of_metal = (specular - DIELECTRIC_SPECULAR * (1.0 - metallic)) * specular_share;
        let weight = metallic * metallic;
        (of_dielectric * (1.0 - weight) + of_metal * weight).clamp(0.0, 1.0)
    };
    let rgb = [(red, specular[0]), (green, specular[1]), (blue, specular[2])]
        .map(|(diffuse, specular)| base_color(diffuse, specular));
    Surface {
        base_color: [rgb[0], rgb[1], rgb[2], alpha],
        base_color_texture: extension.diffuse_texture.as_ref(),
        metallic,
        roughness: 1.0 - extension.glossiness_factor.unwrap_or(1.0),
        metallic_roughness_texture: None,
    }
}

/// Returns the metalness at which the base colours from the diffuse and from the specular part are equal.
fn metallic(diffuse: f32, specular: f32, one_minus_strength: f32) -> f32 {
    if specular < DIELECTRIC_SPECULAR {
        return 0.0;
    }
    let a = DIELECTRIC_SPECULAR;
    let b = diffuse * one_minus_strength / (1.0 - DIELECTRIC_SPECULAR) + specular - 2.0 * DIELECTRIC_SPECULAR;
    let c = DIELECTRIC_SPECULAR - specular;
    let discriminant = (b * b - 4.0 * a * c).max(0.0);
    ((-b + discriminant.sqrt()) / (2.0 * a)).clamp(0.0, 1.0)
}

/// Returns the perceived brightness: the root of a sum with ITU-R BT.601 weights, as in the published conversion.
fn brightness([red, green, blue]: [f32; 3]) -> f32 {
    (0.299 * red * red + 0.587 * green * green + 0.114 * blue * blue).max(0.0).sqrt()
}
