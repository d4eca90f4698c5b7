//! The part of the glTF 2.0 JSON schema that is read. Unknown members are ignored.
//!
//! Large and rare members are boxed. A hostile file repeats the smallest element that becomes the largest struct, and
//! [`EXPANSION_MAX`] bounds the memory for that.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Limit of the memory per byte of JSON: an empty material, `{},`, becomes a [`Material`] in a list that takes up to
/// three times its length while it grows.
pub(super) const EXPANSION_MAX: usize = 128;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Root {
    pub(super) asset: Asset,
    pub(super) extensions_required: Vec<String>,
    pub(super) scene: Option<u32>,
    pub(super) scenes: Vec<Scene>,
    pub(super) nodes: Vec<Node>,
    pub(super) meshes: Vec<Mesh>,
    pub(super) accessors: Vec<Accessor>,
    pub(super) buffer_views: Vec<BufferView>,
    pub(super) buffers: Vec<Buffer>,
    pub(super) materials: Vec<Material>,
    pub(super) textures: Vec<Texture>,
    pub(super) images: Vec<Image>,
    pub(super) samplers: Vec<Sampler>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Asset {
    pub(super) version: String,
    pub(super) min_version: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Scene {
    pub(super) nodes: Vec<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Node {
    pub(super) name: Option<String>,
    pub(super) children: Vec<u32>,
    pub(super) mesh: Option<u32>,
    pub(super) matrix: Option<Box<[f64; 16]>>,
    pub(super) translation: Option<Box<[f64; 3]>>,
    pub(super) rotation: Option<Box<[f64; 4]>>,
    pub(super) scale: Option<Box<[f64; 3]>>,
    pub(super) extensions: Option<Box<NodeExtensions>>,
    /// Unparsed JSON, most of which is never used.
    pub(super) extras: Option<Box<RawValue>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NodeExtensions {
    #[serde(rename = "EXT_mesh_gpu_instancing")]
    pub(super) instancing: Option<Instancing>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Instancing {
    /// Accessors by name: TRANSLATION, ROTATION, SCALE and custom names.
    pub(super) attributes: BTreeMap<String, u32>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Mesh {
    #[serde(default)]
    pub(super) name: Option<String>,
    pub(super) primitives: Vec<Primitive>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Primitive {
    /// Accessors by semantic.
    pub(super) attributes: BTreeMap<String, u32>,
    #[serde(default)]
    pub(super) indices: Option<u32>,
    #[serde(default)]
    pub(super) material: Option<u32>,
    #[serde(default)]
    pub(super) mode: Option<u32>,
    #[serde(default)]
    pub(super) extensions: Option<Box<PrimitiveExtensions>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PrimitiveExtensions {
    #[serde(rename = "KHR_draco_mesh_compression")]
    pub(super) draco: Option<Draco>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Draco {
    pub(super) buffer_view: u32,
    /// Unique ids of the stream's attributes by semantic.
    pub(super) attributes: BTreeMap<String, u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Accessor {
    #[serde(default)]
    pub(super) buffer_view: Option<u32>,
    #[serde(default)]
    pub(super) byte_offset: u64,
    pub(super) component_type: u32,
    #[serde(default)]
    pub(super) normalized: bool,
    pub(super) count: u64,
    #[serde(rename = "type")]
    pub(super) shape: String,
    #[serde(default)]
    pub(super) sparse: Option<Box<Sparse>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Sparse {
    pub(super) count: u64,
    pub(super) indices: SparseIndices,
    pub(super) values: SparseValues,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SparseIndices {
    pub(super) buffer_view: u32,
    #[serde(default)]
    pub(super) byte_offset: u64,
    pub(super) component_type: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SparseValues {
    pub(super) buffer_view: u32,
    #[serde(default)]
    pub(super) byte_offset: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BufferView {
    pub(super) buffer: u32,
    #[serde(default)]
    pub(super) byte_offset: u64,
    pub(super) byte_length: u64,
    #[serde(default)]
    pub(super) byte_stride: Option<u64>,
    #[serde(default)]
    pub(super) extensions: Option<Box<BufferViewExtensions>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct BufferViewExtensions {
    #[serde(rename = "EXT_meshopt_compression")]
    meshopt: Option<Meshopt>,
    /// The same extension under its ratified name.
    #[serde(rename = "KHR_meshopt_compression")]
    meshopt_ratified: Option<Meshopt>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meshopt {
    pub(super) buffer: u32,
    #[serde(default)]
    pub(super) byte_offset: u64,
    pub(super) byte_length: u64,
    pub(super) byte_stride: u64,
    pub(super) count: u64,
    pub(super) mode: String,
    #[serde(default)]
    pub(super) filter: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Buffer {
    pub(super) byte_length: u64,
    #[serde(default)]
    pub(super) uri: Option<String>,
    #[serde(default)]
    extensions: Option<Box<BufferExtensions>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BufferExtensions {
    #[serde(rename = "EXT_meshopt_compression")]
    meshopt: Option<MeshoptBuffer>,
    #[serde(rename = "KHR_meshopt_compression")]
    meshopt_ratified: Option<MeshoptBuffer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MeshoptBuffer {
    fallback: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Material {
    pub(super) name: Option<String>,
    pub(super) pbr_metallic_roughness: Option<Box<MetallicRoughness>>,
    pub(super) normal_texture: Option<Box<NormalTexture>>,
    pub(super) occlusion_texture: Option<Box<OcclusionTexture>>,
    pub(super) emissive_factor: Option<[f32; 3]>,
    pub(super) emissive_texture: Option<Box<TextureInfo>>,
    pub(super) alpha_mode: Option<String>,
    pub(super) alpha_cutoff: Option<f32>,
    pub(super) double_sided: bool,
    pub(super) extensions: Option<Box<MaterialExtensions>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MaterialExtensions {
    #[serde(rename = "KHR_materials_unlit")]
    pub(super) unlit: Option<Unlit>,
    #[serde(rename = "KHR_materials_emissive_strength")]
    pub(super) emissive_strength: Option<EmissiveStrength>,
    #[serde(rename = "KHR_materials_pbrSpecularGlossiness")]
    pub(super) specular_glossiness: Option<Box<SpecularGlossiness>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Unlit {}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EmissiveStrength {
    #[serde(default)]
    pub(super) emissive_strength: Option<f32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct SpecularGlossiness {
    pub(super) diffuse_factor: Option<[f32; 4]>,
    pub(super) diffuse_texture: Option<TextureInfo>,
    pub(super) specular_factor: Option<[f32; 3]>,
    pub(super) glossiness_factor: Option<f32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct MetallicRoughness {
    pub(super) base_color_factor: Option<[f32; 4]>,
    pub(super) base_color_texture: Option<TextureInfo>,
    pub(super) metallic_factor: Option<f32>,
    pub(super) roughness_factor: Option<f32>,
    pub(super) metallic_roughness_texture: Option<TextureInfo>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NormalTexture {
    #[serde(flatten)]
    pub(super) info: TextureInfo,
    #[serde(default)]
    pub(super) scale: Option<f32>,
}

#[derive(Debug, Deserialize)]
pub(super) struct OcclusionTexture {
    #[serde(flatten)]
    pub(super) info: TextureInfo,
    #[serde(default)]
    pub(super) strength: Option<f32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TextureInfo {
    pub(super) index: u32,
    #[serde(default)]
    pub(super) tex_coord: u32,
    #[serde(default)]
    pub(super) extensions: Option<Box<TextureInfoExtensions>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TextureInfoExtensions {
    #[serde(rename = "KHR_texture_transform")]
    pub(super) transform: Option<TextureTransform>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct TextureTransform {
    pub(super) offset: Option<[f32; 2]>,
    pub(super) rotation: Option<f32>,
    pub(super) scale: Option<[f32; 2]>,
    pub(super) tex_coord: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Texture {
    pub(super) sampler: Option<u32>,
    source: Option<u32>,
    extensions: Option<Box<TextureExtensions>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TextureExtensions {
    #[serde(rename = "KHR_texture_basisu")]
    basis: Option<TextureSource>,
    #[serde(rename = "EXT_texture_webp")]
    webp: Option<TextureSource>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TextureSource {
    source: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Image {
    pub(super) name: Option<String>,
    pub(super) uri: Option<String>,
    pub(super) buffer_view: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Sampler {
    pub(super) wrap_s: Option<u32>,
    pub(super) wrap_t: Option<u32>,
}

impl Buffer {
    /// Returns whether the buffer is a placeholder for decoded views and has no bytes of its own.
    pub(super) fn is_fallback(&self) -> bool {
        let extensions = self.extensions.as_deref();
        let marks = extensions.map(|extensions| [&extensions.meshopt, &extensions.meshopt_ratified]);
        marks.into_iter().flatten().flatten().any(|mark| mark.fallback)
    }
}

impl BufferView {
    pub(super) fn meshopt(&self) -> Option<&Meshopt> {
        let extensions = self.extensions.as_deref()?;
        extensions.meshopt_ratified.as_ref().or(extensions.meshopt.as_ref())
    }
}

impl Texture {
    /// Returns the image to read. The image of an extension is preferred to the fallback for readers without that
    /// extension.
    pub(super) fn image(&self) -> Option<u32> {
        let extensions = self.extensions.as_deref();
        let sources = extensions.map(|extensions| [&extensions.basis, &extensions.webp]);
        sources.into_iter().flatten().flatten().find_map(|source| source.source).or(self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_element_that_may_be_empty_expands_by_more_than_the_maximum() {
        let text = "{},".len();
        let growth = 3;
        for size in [
            size_of::<Node>(),
            size_of::<Scene>(),
            size_of::<Material>(),
            size_of::<Texture>(),
            size_of::<Image>(),
            size_of::<Sampler>(),
        ] {
            assert!(size * growth <= EXPANSION_MAX * text, "{size}");
        }
    }
}
