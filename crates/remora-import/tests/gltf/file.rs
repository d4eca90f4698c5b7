//! A small writer of valid and invalid glTF files.

use remora_import::{GltfError, Input, LoadLimits, gltf};
use remora_model::Model;
use serde_json::{Value, json};

/// A file that is being made: JSON, and the bytes of its only buffer.
pub(crate) struct File {
    pub(crate) root: Value,
    pub(crate) binary: Vec<u8>,
}

impl File {
    pub(crate) fn new() -> Self {
        let root = json!({
            "asset": { "version": "2.0" },
            "scene": 0,
            "scenes": [{ "nodes": [0] }],
            "nodes": [{ "name": "Part", "mesh": 0 }],
            "meshes": [{ "name": "Mesh", "primitives": [] }],
            "accessors": [],
            "bufferViews": [],
            "buffers": [{ "byteLength": 0 }],
        });
        Self { root, binary: Vec::new() }
    }

    /// Returns one triangle in the plane of X and Y with positions only.
    pub(crate) fn triangle() -> Self {
        let mut file = Self::new();
        let positions = file.vec3(&[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
        file.primitive(json!({ "attributes": { "POSITION": positions } }));
        file
    }

    pub(crate) fn view(&mut self, bytes: &[u8]) -> usize {
        self.binary.resize(self.binary.len().next_multiple_of(4), 0);
        let view = json!({ "buffer": 0, "byteOffset": self.binary.len(), "byteLength": bytes.len() });
        self.binary.extend_from_slice(bytes);
        self.root["buffers"][0]["byteLength"] = json!(self.binary.len());
        push(&mut self.root["bufferViews"], view)
    }

    pub(crate) fn accessor(&mut self, bytes: &[u8], component: u32, shape: &str, count: usize) -> usize {
        let view = self.view(bytes);
        let accessor = json!({ "bufferView": view, "componentType": component, "type": shape, "count": count });
        push(&mut self.root["accessors"], accessor)
    }

    pub(crate) fn floats(&mut self, numbers: &[f32], shape: &str, width: usize) -> usize {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.accessor(&bytes, 5126, shape, numbers.len() / width)
    }

    pub(crate) fn vec3(&mut self, vectors: &[[f32; 3]]) -> usize {
        self.floats(vectors.as_flattened(), "VEC3", 3)
    }

    pub(crate) fn vec2(&mut self, vectors: &[[f32; 2]]) -> usize {
        self.floats(vectors.as_flattened(), "VEC2", 2)
    }

    pub(crate) fn indices(&mut self, indices: &[u16]) -> usize {
        let bytes: Vec<u8> = indices.iter().flat_map(|index| index.to_le_bytes()).collect();
        self.accessor(&bytes, 5123, "SCALAR", indices.len())
    }

    pub(crate) fn primitive(&mut self, primitive: Value) {
        push(&mut self.root["meshes"][0]["primitives"], primitive);
    }

    pub(crate) fn glb(&self) -> Vec<u8> {
        glb(self.root.to_string().as_bytes(), &self.binary)
    }

    pub(crate) fn load(&self) -> Result<Model, GltfError> {
        load(&self.glb())
    }

    /// Returns the notices of a model that the importer accepts.
    pub(crate) fn notices(&self) -> Vec<String> {
        self.load().expect("this should be taken").notices.texts()
    }

    /// Returns the only notice of a model that the importer accepts.
    pub(crate) fn notice(&self) -> String {
        let notices = self.notices();
        let [notice] = &notices[..] else { panic!("one notice is expected: {notices:?}") };
        notice.clone()
    }

    /// Returns the error of a model that the importer refuses.
    pub(crate) fn refusal(&self) -> String {
        refusal(&self.glb())
    }
}

pub(crate) fn glb(json: &[u8], binary: &[u8]) -> Vec<u8> {
    let mut json = json.to_vec();
    json.resize(json.len().next_multiple_of(4), b' ');
    let mut file = b"glTF\x02\0\0\0".to_vec();
    file.extend((12 + 8 + json.len() as u32 + 8 + binary.len() as u32).to_le_bytes());
    for (kind, chunk) in [(b"JSON", json.as_slice()), (b"BIN\0", binary)] {
        file.extend((chunk.len() as u32).to_le_bytes());
        file.extend(kind);
        file.extend(chunk);
    }
    file
}

pub(crate) fn limits() -> LoadLimits {
    LoadLimits { memory_bytes_max: 64 << 20, texture_dimension_max: 1024 }
}

pub(crate) fn load_glb(
    bytes: &[u8],
    name: &str,
    limits: &LoadLimits,
    progress: &mut dyn FnMut(f32),
) -> Result<Model, GltfError> {
    gltf::import(Input { limits: *limits, ..Input::new(bytes, name, progress) })
}

pub(crate) fn load(bytes: &[u8]) -> Result<Model, GltfError> {
    let model = load_glb(bytes, "Model", &limits(), &mut |_| {})?;
    assert_eq!(model.check(), Ok(()));
    Ok(model)
}

pub(crate) fn refusal(bytes: &[u8]) -> String {
    load(bytes).expect_err("this should be refused").to_string()
}

pub(crate) fn push(list: &mut Value, item: Value) -> usize {
    let list = list.as_array_mut().expect("the template has this list");
    list.push(item);
    list.len() - 1
}

/// Returns a PNG of one colour.
pub(crate) fn png(width: u32, height: u32, rgba: [u8; 4]) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let image = image::RgbaImage::from_pixel(width, height, image::Rgba(rgba));
    image.write_to(&mut bytes, image::ImageFormat::Png).expect("memory does not fail");
    bytes.into_inner()
}

/// Returns a triangle with a normal map.
pub(crate) fn file_with_image(image: &[u8]) -> File {
    let mut file = File::triangle();
    let coordinates = file.vec2(&[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]);
    let indices = file.indices(&[0, 1, 2]);
    let image = file.view(image);
    file.root["meshes"][0]["primitives"][0] = json!({
        "attributes": { "POSITION": 0, "TEXCOORD_0": coordinates },
        "indices": indices,
        "material": 0,
    });
    file.root["images"] = json!([{ "bufferView": image }]);
    file.root["textures"] = json!([{ "source": 0 }]);
    file.root["materials"] = json!([{ "normalTexture": { "index": 0 } }]);
    file
}

/// Returns a PNG whose header declares a larger size than it has.
pub(crate) fn boasting_png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png(4, 4, [0; 4]);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// Computes the checksum of the PNG specification, annex D.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}
