//! Encodes materials in the form that shaders read, and plans the texture layers that they need.
//!
//! A material samples at most four layers, all of one size:
//!
//! | layer | red, green, blue | alpha |
//! |---|---|---|
//! | colour | base colour, square root of linear | alpha, or occlusion if alpha is unused |
//! | surface | normal x and y, roughness | metallic |
//! | rough | as surface, if roughness has a transform of its own | |
//! | glow | emission, square root of linear | occlusion |
//!
//! Most materials need only the first two layers, with one fetch each instead of one per glTF texture.

use std::collections::{HashMap, HashSet};

use super::texture::{self, Recipe, RecipeKind};
use remora_asset::layout::{
    BUCKETS, MATERIAL_DETAILED, MATERIAL_DOUBLE_SIDED, MATERIAL_WORDS, MaterialRow, NONE, Text,
};
use remora_model::{AlphaMode, Material, Model, Texture, TextureReference, Wrap};

/// Values of [`MaterialRow::shading`]: factors only; two layers that repeat and share a transform; everything that glTF
/// allows.
const PLAIN: u32 = 0;
const LAYERED: u32 = 1;
const FULL: u32 = 2;

const UNLIT: u32 = 1;
const OCCLUSION_IN_COLOR: u32 = 2;

/// The materials of a model and their layers.
pub(crate) struct Plan {
    /// Materials without names.
    pub materials: Vec<MaterialRow>,
    /// Layers, each once.
    pub recipes: Vec<Recipe>,
}

/// Encodes the materials of a model and collects their layers.
pub(crate) fn plan(model: &Model, texture_dimension_max: u32) -> Plan {
    let mut colored = vec![false; model.materials.len()];
    for primitive in model.meshes.iter().flat_map(|mesh| &mesh.primitives) {
        colored[primitive.material as usize] |= !primitive.colors.is_empty();
    }
    let mut recipes = Recipes { texture_dimension_max, ..Default::default() };
    let materials = model
        .materials
        .iter()
        .zip(colored)
        .map(|(material, colored)| record(material, colored, model, &mut recipes))
        .collect();
    Plan { materials, recipes: recipes.list }
}

/// Limit of the texels of layers that are larger than their textures because of a palette. A palette is a small part of
/// a file, and thousands of them must not become gigabytes.
const PALETTE_TEXELS_MAX: u64 = 32 << 20;

/// The layers that are needed so far, each once.
#[derive(Default)]
struct Recipes {
    texture_dimension_max: u32,
    list: Vec<Recipe>,
    known: HashMap<Recipe, u32>,
    palette_texels: u64,
}

/// The properties that all layers of a material share.
#[derive(Clone, Copy)]
struct Form {
    bucket: u8,
    exact: bool,
}

impl Recipes {
    /// Returns the form of the layers of `kinds`, which are made of `textures`.
    fn form<'a>(&mut self, textures: impl Iterator<Item = &'a Texture> + Clone, kinds: &[RecipeKind]) -> Form {
        let plain = texture::bucket_for(textures.clone(), self.texture_dimension_max);
        let wide = Form {
            bucket: texture::palette_bucket_for(textures.clone(), self.texture_dimension_max),
            exact: textures.clone().next().is_some() && textures.clone().all(texture::may_be_palette),
        };
        if wide.bucket > plain {
            let recipes: HashSet<Recipe> = kinds.iter().map(|&kind| recipe(wide, kind)).collect();
            let new = recipes.iter().filter(|recipe| !self.known.contains_key(recipe)).count() as u64;
            let texels = new * u64::from(BUCKETS[wide.bucket as usize]).pow(2);
            if self.palette_texels + texels > PALETTE_TEXELS_MAX {
                return Form { bucket: plain, exact: false };
            }
            self.palette_texels += texels;
        }
        wide
    }

    fn layer(&mut self, form: Form, kind: RecipeKind) -> u32 {
        let recipe = recipe(form, kind);
        *self.known.entry(recipe).or_insert_with(|| {
            self.list.push(recipe);
            self.list.len() as u32 - 1
        })
    }
}

fn recipe(Form { bucket, exact }: Form, kind: RecipeKind) -> Recipe {
    Recipe { bucket, exact, kind }
}

fn record(material: &Material, colored: bool, model: &Model, recipes: &mut Recipes) -> MaterialRow {
    let textures = [
        material.base_color_texture,
        material.normal_texture,
        material.metallic_roughness_texture,
        material.emissive_texture,
        material.occlusion_texture,
    ];
    let mut words = [0; MATERIAL_WORDS];
    let [red, green, blue, alpha] = material.base_color;
    words[0] = unorm_pair(red, green);
    words[1] = unorm_pair(blue, alpha);
    words[2] = unorm_pair(material.metallic, material.roughness);
    words[3] = if material.unlit { UNLIT } else { 0 };
    let [red, green, blue] = material.emissive;
    words[4] = half_pair(red, green);
    words[5] = half_pair(blue, material.normal_scale);
    let cutoff = match material.alpha_mode {
        AlphaMode::Mask { cutoff } => cutoff,
        AlphaMode::Opaque | AlphaMode::Blend => 0.0,
    };
    words[6] = unorm_pair(material.occlusion_strength, cutoff);

    let detailed = colored || textures.iter().any(Option::is_some);
    let flag = |is: bool, flag| if is { flag } else { 0 };
    let mut row = MaterialRow {
        words,
        layers: [NONE; 4],
        shading: PLAIN,
        bucket: 0,
        alpha_mode: match material.alpha_mode {
            AlphaMode::Opaque => 0,
            AlphaMode::Mask { .. } => 1,
            AlphaMode::Blend => 2,
        },
        flags: flag(material.double_sided, MATERIAL_DOUBLE_SIDED) | flag(detailed, MATERIAL_DETAILED),
        name: Text::default(),
        reserved: [0; 2],
    };
    if detailed {
        layered(&mut row, material, textures.iter().flatten().copied(), model, recipes);
    }
    row
}

fn layered(
    row: &mut MaterialRow,
    material: &Material,
    used: impl Iterator<Item = TextureReference> + Clone,
    model: &Model,
    recipes: &mut Recipes,
) {
    let index = |reference: Option<TextureReference>| reference.map(|reference| reference.texture);
    let occlusion = material.occlusion_texture;
    let same_place = |a: Option<TextureReference>, b: Option<TextureReference>| match (a, b) {
        (Some(a), Some(b)) => a.transform == b.transform && wrap_bits(model, Some(a)) == wrap_bits(model, Some(b)),
        _ => true,
    };
    let occlusion_in_color =
        material.alpha_mode == AlphaMode::Opaque && same_place(material.base_color_texture, occlusion);
    let first = used.clone().next();
    let simple = material.emissive_texture.is_none()
        && (occlusion.is_none() || occlusion_in_color)
        && used.clone().all(|reference| same_place(first, Some(reference)))
        && used.clone().all(|reference| wrap_bits(model, Some(reference)) == 0);

    let color = RecipeKind::Color {
        base: index(material.base_color_texture),
        occlusion: index(occlusion).filter(|_| occlusion_in_color),
        keeps_alpha: !occlusion_in_color,
    };
    let normal = index(material.normal_texture);
    let metal_rough = index(material.metallic_roughness_texture);
    let surface = RecipeKind::Surface { normal, metal_rough };
    let rough = RecipeKind::Surface { normal: None, metal_rough };
    let glow = RecipeKind::Glow {
        emissive: index(material.emissive_texture),
        occlusion: index(occlusion).filter(|_| !occlusion_in_color),
    };
    let kinds = match simple {
        true => [color, surface, surface, color],
        // The variance of normals affects the roughness of the same texel, so both come from one layer if possible.
        false if same_place(material.normal_texture, material.metallic_roughness_texture) => {
            [color, surface, surface, glow]
        }
        false => [color, surface, rough, glow],
    };
    let form = recipes.form(used.clone().map(|reference| &model.textures[reference.texture as usize]), &kinds);
    row.layers = kinds.map(|kind| recipes.layer(form, kind));
    row.shading = if simple { LAYERED } else { FULL };
    row.bucket = form.bucket.into();
    if occlusion_in_color {
        row.words[3] |= OCCLUSION_IN_COLOR;
    }
    // A slot without a texture takes the transform of its neighbour, or any other.
    let normal_place = material.normal_texture.or(material.metallic_roughness_texture);
    let rough_place = material.metallic_roughness_texture.or(material.normal_texture);
    let color_place = material.base_color_texture.or(occlusion.filter(|_| occlusion_in_color));
    let glow_place = material.emissive_texture.or(occlusion);
    let slots = [color_place.or(first), normal_place.or(first), rough_place.or(first), glow_place.or(first)];
    for (slot, reference) in slots.into_iter().enumerate() {
        let transform = reference.map_or(TextureReference::IDENTITY, |reference| reference.transform);
        for (line, values) in transform.iter().enumerate() {
            let at = 8 + slot * 8 + line * 4;
            for (word, value) in row.words[at..].iter_mut().zip(values) {
                *word = value.to_bits();
            }
        }
        row.words[3] |= wrap_bits(model, reference) << (16 + slot * 4);
    }
}

/// Encodes wrapping in two bits per direction: 0 repeats, 1 mirrors, 2 clamps.
fn wrap_bits(model: &Model, reference: Option<TextureReference>) -> u32 {
    let bits = |wrap: Wrap| match wrap {
        Wrap::Repeat => 0,
        Wrap::MirroredRepeat => 1,
        Wrap::ClampToEdge => 2,
    };
    reference.map_or(0, |reference| {
        let sampler = model.textures[reference.texture as usize].sampler;
        bits(sampler.wrap_u) | bits(sampler.wrap_v) << 2
    })
}

fn unorm_pair(low: f32, high: f32) -> u32 {
    let unorm = |value: f32| (value.clamp(0.0, 1.0) * 65535.0).round() as u32;
    unorm(low) | unorm(high) << 16
}

fn half_pair(low: f32, high: f32) -> u32 {
    u32::from(half(low)) | u32::from(half(high)) << 16
}

/// Rounds towards zero to a 16-bit float. Large values saturate, and subnormal results become 0.
fn half(value: f32) -> u16 {
    let bits = value.clamp(-65504.0, 65504.0).to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let exponent = (bits >> 23 & 0xff) as i32 - 127 + 15;
    if exponent <= 0 { sign } else { sign | (exponent as u16) << 10 | (bits >> 13) as u16 & 0x3ff }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn palettes_are_exact_up_to_the_limit() {
        let palette = Texture { width: 256, height: 1, rgba: vec![0; 1024], ..texture() };
        let materials = (0..600)
            .map(|index| Material { base_color_texture: Some(TextureReference::new(index)), ..Default::default() })
            .chain([Material { base_color_texture: Some(TextureReference::new(0)), ..Default::default() }])
            .collect();
        let model = Model { materials, textures: vec![palette; 600], ..Default::default() };
        let Plan { materials, recipes } = plan(&model, 4096);
        let side = |row: &MaterialRow| BUCKETS[row.bucket as usize];
        assert_eq!((side(&materials[0]), side(&materials[599]), side(&materials[600])), (256, 16, 256));
        assert_eq!(materials[600].layers, materials[0].layers, "what is there already takes no more room");
        let wide = recipes.iter().filter(|recipe| recipe.exact);
        assert_eq!(wide.count() as u64, PALETTE_TEXELS_MAX / (256 * 256));
    }

    fn texture() -> Texture {
        Texture { name: String::new(), width: 0, height: 0, rgba: vec![], srgb: true, sampler: Default::default() }
    }

    #[test]
    fn halves_keep_their_values() {
        assert_eq!(half(0.0), 0);
        assert_eq!(half(1.0), 0x3c00);
        assert_eq!(half(-2.5), 0xc100);
        assert_eq!(half(1e9), 0x7bff);
        assert_eq!(half(1e-9), 0);
    }
}
