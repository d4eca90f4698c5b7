//! Reads materials, and the textures that they use.

use super::error::GltfError;
use super::json::{self, Root, TextureInfo};
use super::{metadata, surface};
use remora_model::Notices;
use remora_model::{AlphaMode, Material, Texture, TextureReference};

/// Limit of the materials in one file, which is that of Azure Remote Rendering.
pub(super) const MATERIALS_MAX: usize = 65_535;

/// The materials of a file and the textures that they use.
#[derive(Debug)]
pub(super) struct Materials {
    /// The materials of the file in its order, then the default material where one is needed.
    pub(super) list: Vec<Material>,
    /// For each material, the set of texture coordinates that it uses.
    coordinate_sets: Vec<u32>,
    /// The textures of the model, in its order.
    pub(super) textures: Vec<TextureUse>,
}

/// A texture of the file, read as colour or as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextureUse {
    pub(super) texture: u32,
    pub(super) srgb: bool,
}

pub(super) fn read(root: &Root, notices: &mut Notices) -> Result<Materials, GltfError> {
    if root.materials.len() > MATERIALS_MAX {
        return Err(GltfError::TooManyMaterials { count: root.materials.len() });
    }
    let mut materials = Materials { list: Vec::new(), coordinate_sets: Vec::new(), textures: Vec::new() };
    for (index, material) in root.materials.iter().enumerate() {
        materials.push(index, material, root, notices)?;
    }
    let needs_default =
        root.meshes.iter().flat_map(|mesh| &mesh.primitives).any(|primitive| primitive.material.is_none());
    if needs_default || materials.list.is_empty() {
        materials.list.push(Material { name: "Default".to_owned(), ..Material::default() });
        materials.coordinate_sets.push(0);
    }
    Ok(materials)
}

impl Materials {
    /// Returns the index of the material that a primitive names, or of the appended default.
    pub(super) fn resolve(&self, named: Option<u32>, in_file: usize) -> Option<u32> {
        match named {
            Some(index) => ((index as usize) < in_file).then_some(index),
            None => Some(self.list.len() as u32 - 1),
        }
    }

    pub(super) fn coordinate_set(&self, material: u32) -> u32 {
        self.coordinate_sets[material as usize]
    }

    pub(super) fn has_normal_map(&self, material: u32) -> bool {
        self.list[material as usize].normal_texture.is_some()
    }

    /// Removes the textures that could not be read, given the result for each of [`Self::textures`]. Returns the
    /// textures of the model.
    pub(super) fn settle(&mut self, textures: Vec<Option<Texture>>) -> Vec<Texture> {
        let mut kept = Vec::with_capacity(textures.len());
        let mut keep = |texture| {
            kept.push(texture);
            kept.len() as u32 - 1
        };
        let numbers: Vec<Option<u32>> = textures.into_iter().map(|texture| texture.map(&mut keep)).collect();
        let settled = |reference: TextureReference| {
            let texture = numbers[reference.texture as usize]?;
            Some(TextureReference { texture, ..reference })
        };
        for material in &mut self.list {
            let glowed = material.emissive_texture.is_some();
            for reference in [
                &mut material.base_color_texture,
                &mut material.metallic_roughness_texture,
                &mut material.normal_texture,
                &mut material.occlusion_texture,
                &mut material.emissive_texture,
            ] {
                *reference = reference.and_then(settled);
            }
            // The factor is usually white and the texture mostly black. Without the texture, the whole surface would
            // glow.
            if glowed && material.emissive_texture.is_none() {
                material.emissive = [0.0; 3];
            }
        }
        kept
    }

    fn push(
        &mut self,
        index: usize,
        material: &json::Material,
        root: &Root,
        notices: &mut Notices,
    ) -> Result<(), GltfError> {
        let place = || format!("material {index}");
        let extensions = material.extensions.as_deref();
        let surface = surface::read(material);
        let normal = material.normal_texture.as_deref();
        let occlusion = material.occlusion_texture.as_deref();
        let emissive = material.emissive_texture.as_deref();

        let mut sets = [
            surface.base_color_texture,
            normal.map(|normal| &normal.info),
            surface.metallic_roughness_texture,
            occlusion.map(|occlusion| &occlusion.info),
            emissive,
        ]
        .into_iter()
        .flatten()
        .map(coordinate_set);
        let set = sets.next().unwrap_or(0);
        if sets.any(|other| other != set) {
            notices.add(format!(
                "material {index}: its textures use several sets of coordinates; set {set} is shown for all"
            ));
        }

        let strength = extensions
            .and_then(|extensions| extensions.emissive_strength.as_ref())
            .and_then(|extension| extension.emissive_strength)
            .unwrap_or(1.0);
        let mut reference = |info: Option<&TextureInfo>, srgb: bool| {
            info.map(|info| self.refer(info, srgb, root).map_err(|what| GltfError::invalid(place(), what))).transpose()
        };
        let made = Material {
            name: metadata::name(material.name.as_deref(), || format!("Material {index}")),
            base_color: surface.base_color,
            base_color_texture: reference(surface.base_color_texture, true)?,
            metallic: surface.metallic.clamp(0.0, 1.0),
            roughness: surface.roughness.clamp(0.0, 1.0),
            metallic_roughness_texture: reference(surface.metallic_roughness_texture, false)?,
            normal_texture: reference(normal.map(|normal| &normal.info), false)?,
            normal_scale: normal.and_then(|normal| normal.scale).unwrap_or(1.0),
            occlusion_texture: reference(occlusion.map(|occlusion| &occlusion.info), false)?,
            occlusion_strength: occlusion.and_then(|occlusion| occlusion.strength).unwrap_or(1.0).clamp(0.0, 1.0),
            emissive: material.emissive_factor.unwrap_or([0.0; 3]).map(|factor| factor * strength),
            emissive_texture: reference(emissive, true)?,
            alpha_mode: alpha_mode(material).map_err(|what| GltfError::invalid(place(), what))?,
            double_sided: material.double_sided,
            unlit: extensions.is_some_and(|extensions| extensions.unlit.is_some()),
        };
        let numbers = made.base_color.iter().chain(&made.emissive).chain([&made.normal_scale]);
        if numbers.into_iter().any(|number| !number.is_finite()) {
            return Err(GltfError::invalid(place(), "one of its factors is not a finite number"));
        }
        self.list.push(made);
        self.coordinate_sets.push(set);
        Ok(())
    }

    fn refer(&mut self, info: &TextureInfo, srgb: bool, root: &Root) -> Result<TextureReference, String> {
        if info.index as usize >= root.textures.len() {
            return Err(format!("there is no texture {}", info.index));
        }
        let wanted = TextureUse { texture: info.index, srgb };
        let texture = match self.textures.iter().position(|&known| known == wanted) {
            Some(texture) => texture,
            None => {
                self.textures.push(wanted);
                self.textures.len() - 1
            }
        };
        let transform = transform(info);
        if transform.iter().flatten().any(|number| !number.is_finite()) {
            return Err("its texture transform contains a number that is not finite".to_owned());
        }
        Ok(TextureReference { texture: texture as u32, transform })
    }
}

fn coordinate_set(info: &TextureInfo) -> u32 {
    let overridden = info.extensions.as_deref().and_then(|extensions| extensions.transform.as_ref()?.tex_coord);
    overridden.unwrap_or(info.tex_coord)
}

/// Returns translation * rotation * scale. The rotation has the direction of the extension's example and its test
/// model; the matrix in its text has the opposite direction.
fn transform(info: &TextureInfo) -> [[f32; 3]; 2] {
    let Some(transform) = info.extensions.as_deref().and_then(|extensions| extensions.transform.as_ref()) else {
        return TextureReference::IDENTITY;
    };
    let [x, y] = transform.offset.unwrap_or([0.0; 2]);
    let [scale_x, scale_y] = transform.scale.unwrap_or([1.0; 2]);
    let (sine, cosine) = transform.rotation.unwrap_or(0.0).sin_cos();
    [[cosine * scale_x, sine * scale_y, x], [-sine * scale_x, cosine * scale_y, y]]
}

fn alpha_mode(material: &json::Material) -> Result<AlphaMode, String> {
    match material.alpha_mode.as_deref() {
        None | Some("OPAQUE") => Ok(AlphaMode::Opaque),
        Some("MASK") => Ok(AlphaMode::Mask { cutoff: material.alpha_cutoff.unwrap_or(0.5) }),
        Some("BLEND") => Ok(AlphaMode::Blend),
        Some(other) => Err(format!("the alpha mode {other:?} is not one of OPAQUE, MASK and BLEND")),
    }
}
