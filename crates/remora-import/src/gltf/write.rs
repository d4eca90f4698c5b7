//! Writes models as GLB, for other programs and for tests that read them back.

use std::io::Cursor;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _};
use serde_json::{Map, Value, json};

use remora_model::{AlphaMode, Material, Model, Primitive, Texture, TextureReference, Wrap};

/// A model cannot be written as GLB.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The model is inconsistent; see [`Model::check`].
    #[error("the model is not consistent: {0}")]
    Inconsistent(String),
    /// A texture has a transform that glTF cannot express.
    #[error("material {material:?} shears a texture, which glTF cannot express")]
    Sheared {
        /// Name of the material.
        material: String,
    },
    /// A texture cannot be encoded as PNG.
    #[error("texture {texture:?} cannot be encoded")]
    Texture {
        /// Name of the texture.
        texture: String,
        /// The encoder's error.
        source: image::ImageError,
    },
    /// The model is too large for GLB.
    #[error("the model needs {bytes} bytes; a GLB holds at most 4 GiB")]
    TooLarge {
        /// Bytes of the buffer.
        bytes: u64,
    },
}

#[derive(Default)]
struct Writer {
    binary: Vec<u8>,
    views: Vec<Value>,
    accessors: Vec<Value>,
    extensions: Vec<&'static str>,
}

const ARRAY_BUFFER: u32 = 34962;
const ELEMENT_ARRAY_BUFFER: u32 = 34963;
const U8: u32 = 5121;
const U16: u32 = 5123;
const U32: u32 = 5125;
const F32: u32 = 5126;

/// Writes a model as one GLB with textures as PNG. Importing it yields the same model, including unused materials.
///
/// # Errors
///
/// The model is inconsistent, or has a property that glTF cannot express.
pub fn write_glb(model: &Model) -> Result<Vec<u8>, WriteError> {
    model.check().map_err(WriteError::Inconsistent)?;
    let mut writer = Writer::default();
    let meshes: Vec<Value> = model
        .meshes
        .iter()
        .map(|mesh| {
            let primitives: Vec<Value> = mesh.primitives.iter().map(|primitive| writer.primitive(primitive)).collect();
            json!({ "name": mesh.name, "primitives": primitives })
        })
        .collect();
    let materials: Vec<Value> =
        model.materials.iter().map(|material| writer.material(material)).collect::<Result<_, _>>()?;
    let images: Vec<Value> = model.textures.iter().map(|texture| writer.image(texture)).collect::<Result<_, _>>()?;
    let textures: Vec<Value> = (0..images.len()).map(|index| json!({ "source": index, "sampler": index })).collect();
    let samplers: Vec<Value> = model
        .textures
        .iter()
        .map(|texture| json!({ "wrapS": wrap(texture.sampler.wrap_u), "wrapT": wrap(texture.sampler.wrap_v) }))
        .collect();
    let (nodes, roots) = nodes(model);

    let mut root = json!({
        "asset": { "version": "2.0", "generator": concat!("remora ", env!("CARGO_PKG_VERSION")) },
        "scene": 0,
        "scenes": [{ "name": model.name, "nodes": roots }],
        "buffers": [{ "byteLength": writer.binary.len() }],
    });
    // The schema does not permit empty lists.
    let lists = [
        ("nodes", nodes),
        ("meshes", meshes),
        ("materials", materials),
        ("textures", textures),
        ("images", images),
        ("samplers", samplers),
        ("accessors", std::mem::take(&mut writer.accessors)),
        ("bufferViews", std::mem::take(&mut writer.views)),
        ("extensionsUsed", writer.extensions.iter().map(|&name| json!(name)).collect()),
    ];
    for (key, list) in lists {
        if !list.is_empty() {
            root[key] = Value::Array(list);
        }
    }
    assemble(root.to_string().into_bytes(), writer.binary)
}

fn assemble(mut json: Vec<u8>, mut binary: Vec<u8>) -> Result<Vec<u8>, WriteError> {
    json.resize(json.len().next_multiple_of(4), b' ');
    binary.resize(binary.len().next_multiple_of(4), 0);
    let bytes = 12 + 8 + json.len() as u64 + 8 + binary.len() as u64;
    let length = u32::try_from(bytes).map_err(|_| WriteError::TooLarge { bytes })?;
    let mut glb = Vec::with_capacity(length as usize);
    glb.extend_from_slice(b"glTF");
    glb.extend_from_slice(&2_u32.to_le_bytes());
    glb.extend_from_slice(&length.to_le_bytes());
    for (kind, chunk) in [(b"JSON", &json), (b"BIN\0", &binary)] {
        glb.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
        glb.extend_from_slice(kind);
        glb.extend_from_slice(chunk);
    }
    Ok(glb)
}

fn nodes(model: &Model) -> (Vec<Value>, Vec<usize>) {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); model.nodes.len()];
    let mut roots = Vec::new();
    for (index, node) in model.nodes.iter().enumerate() {
        match node.parent {
            Some(parent) => children[parent as usize].push(index),
            None => roots.push(index),
        }
    }
    let nodes = model.nodes.iter().zip(children).map(|(node, children)| {
        let mut value = json!({ "name": node.name });
        if node.transform != glam::DAffine3::IDENTITY {
            value["matrix"] = json!(glam::DMat4::from(node.transform).to_cols_array());
        }
        if let Some(mesh) = node.mesh {
            value["mesh"] = json!(mesh);
        }
        if !children.is_empty() {
            value["children"] = json!(children);
        }
        value
    });
    (nodes.collect(), roots)
}

impl Writer {
    fn view(&mut self, bytes: &[u8], target: Option<u32>) -> usize {
        self.binary.resize(self.binary.len().next_multiple_of(4), 0);
        let mut view = json!({ "buffer": 0, "byteOffset": self.binary.len(), "byteLength": bytes.len() });
        if let Some(target) = target {
            view["target"] = json!(target);
        }
        self.binary.extend_from_slice(bytes);
        self.views.push(view);
        self.views.len() - 1
    }

    fn accessor(&mut self, bytes: &[u8], target: u32, component: u32, shape: &str, count: usize) -> usize {
        let view = self.view(bytes, Some(target));
        self.accessors.push(json!({ "bufferView": view, "componentType": component, "type": shape, "count": count }));
        self.accessors.len() - 1
    }

    fn primitive(&mut self, primitive: &Primitive) -> Value {
        let count = primitive.positions.len();
        let mut attributes = Map::new();
        let positions = self.accessor(bytemuck::cast_slice(&primitive.positions), ARRAY_BUFFER, F32, "VEC3", count);
        let bounds = primitive.bounds();
        if !bounds.is_empty() {
            self.accessors[positions]["min"] = json!(bounds.min.to_array());
            self.accessors[positions]["max"] = json!(bounds.max.to_array());
        }
        attributes.insert("POSITION".to_owned(), json!(positions));
        let lists: [(&str, &[u8], u32, &str); 4] = [
            ("NORMAL", bytemuck::cast_slice(&primitive.normals), F32, "VEC3"),
            ("TANGENT", bytemuck::cast_slice(&primitive.tangents), F32, "VEC4"),
            ("TEXCOORD_0", bytemuck::cast_slice(&primitive.texture_coordinates), F32, "VEC2"),
            ("COLOR_0", bytemuck::cast_slice(&primitive.colors), U8, "VEC4"),
        ];
        for (name, bytes, component, shape) in lists {
            if bytes.is_empty() {
                continue;
            }
            let accessor = self.accessor(bytes, ARRAY_BUFFER, component, shape, count);
            if component == U8 {
                self.accessors[accessor]["normalized"] = json!(true);
            }
            attributes.insert(name.to_owned(), json!(accessor));
        }
        let length = primitive.indices.len();
        // The largest value of a type is reserved, because it restarts primitives in some programs.
        let indices = if u16::try_from(count).is_ok() {
            let short: Vec<u16> = primitive.indices.iter().map(|&index| index as u16).collect();
            self.accessor(bytemuck::cast_slice(&short), ELEMENT_ARRAY_BUFFER, U16, "SCALAR", length)
        } else {
            self.accessor(bytemuck::cast_slice(&primitive.indices), ELEMENT_ARRAY_BUFFER, U32, "SCALAR", length)
        };
        json!({ "attributes": attributes, "indices": indices, "material": primitive.material })
    }

    fn image(&mut self, texture: &Texture) -> Result<Value, WriteError> {
        let mut png = Cursor::new(Vec::new());
        PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Adaptive)
            .write_image(&texture.rgba, texture.width, texture.height, ExtendedColorType::Rgba8)
            .map_err(|source| WriteError::Texture { texture: texture.name.clone(), source })?;
        let view = self.view(png.get_ref(), None);
        Ok(json!({ "name": texture.name, "mimeType": "image/png", "bufferView": view }))
    }

    fn material(&mut self, material: &Material) -> Result<Value, WriteError> {
        let mut pbr = json!({
            "baseColorFactor": material.base_color,
            "metallicFactor": material.metallic,
            "roughnessFactor": material.roughness,
        });
        let mut value = json!({ "name": material.name, "doubleSided": material.double_sided });
        let mut refer = |reference: Option<TextureReference>| {
            reference.map(|reference| self.texture_info(reference, material)).transpose()
        };
        if let Some(info) = refer(material.base_color_texture)? {
            pbr["baseColorTexture"] = info;
        }
        if let Some(info) = refer(material.metallic_roughness_texture)? {
            pbr["metallicRoughnessTexture"] = info;
        }
        if let Some(mut info) = refer(material.normal_texture)? {
            info["scale"] = json!(material.normal_scale);
            value["normalTexture"] = info;
        }
        if let Some(mut info) = refer(material.occlusion_texture)? {
            info["strength"] = json!(material.occlusion_strength);
            value["occlusionTexture"] = info;
        }
        if let Some(info) = refer(material.emissive_texture)? {
            value["emissiveTexture"] = info;
        }
        value["pbrMetallicRoughness"] = pbr;
        // Factors above 1 need the extension.
        let strength = material.emissive.into_iter().fold(1.0, f32::max);
        value["emissiveFactor"] = json!(material.emissive.map(|factor| factor / strength));
        if strength > 1.0 {
            self.uses("KHR_materials_emissive_strength");
            value["extensions"]["KHR_materials_emissive_strength"] = json!({ "emissiveStrength": strength });
        }
        if material.unlit {
            self.uses("KHR_materials_unlit");
            value["extensions"]["KHR_materials_unlit"] = json!({});
        }
        match material.alpha_mode {
            AlphaMode::Opaque => {}
            AlphaMode::Mask { cutoff } => {
                value["alphaMode"] = json!("MASK");
                value["alphaCutoff"] = json!(cutoff);
            }
            AlphaMode::Blend => value["alphaMode"] = json!("BLEND"),
        }
        Ok(value)
    }

    fn texture_info(&mut self, reference: TextureReference, material: &Material) -> Result<Value, WriteError> {
        let mut info = json!({ "index": reference.texture });
        if reference.transform == TextureReference::IDENTITY {
            return Ok(info);
        }
        // The inverse of translation * rotation * scale, the order of the importer.
        let [[a, b, x], [c, d, y]] = reference.transform;
        let (scale_x, rotation) = (a.hypot(c), (-c).atan2(a));
        let scale_y = b * rotation.sin() + d * rotation.cos();
        let shear = b * rotation.cos() - d * rotation.sin();
        if shear.abs() > 1e-4 * scale_y.abs().max(scale_x) {
            return Err(WriteError::Sheared { material: material.name.clone() });
        }
        self.uses("KHR_texture_transform");
        info["extensions"]["KHR_texture_transform"] =
            json!({ "offset": [x, y], "rotation": rotation, "scale": [scale_x, scale_y] });
        Ok(info)
    }

    fn uses(&mut self, extension: &'static str) {
        if !self.extensions.contains(&extension) {
            self.extensions.push(extension);
        }
    }
}

fn wrap(wrap: Wrap) -> u32 {
    match wrap {
        Wrap::Repeat => 10497,
        Wrap::MirroredRepeat => 33648,
        Wrap::ClampToEdge => 33071,
    }
}
