//! A model as an importer produces it: indexed triangles, points, materials, textures and a tree of nodes.
//!
//! Conventions are those of glTF: right-handed, Y up, metres. Indices between the parts of a model are always in range;
//! importers guarantee it, and [`Model::check`] verifies it.

use glam::DAffine3;

use crate::bounds::{Bounds, WorldBounds};
use crate::notices::Notices;

/// A model: the content of one file or of one built-in address.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Name for people.
    pub name: String,
    /// The tree of parts. Parents come before their children.
    pub nodes: Vec<Node>,
    /// Meshes, which any number of nodes may show.
    pub meshes: Vec<Mesh>,
    /// Materials; never empty, because primitives without a material refer to an appended default.
    pub materials: Vec<Material>,
    /// Textures, which any number of materials may use.
    pub textures: Vec<Texture>,
    /// The differences between the model and its file.
    pub notices: Notices,
}

/// A node of the tree of parts.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// Name for people.
    pub name: String,
    /// Index of an earlier node; `None` for a root.
    pub parent: Option<u32>,
    /// Transform relative to the parent. It has double precision, because surveyed models lie thousands of kilometres
    /// from their origin.
    pub transform: DAffine3,
    /// Index of the mesh that the node shows.
    pub mesh: Option<u32>,
    /// Names and values from the file, in its order.
    pub metadata: Vec<(String, MetadataValue)>,
}

/// A value that a file gives to a node, of one of the types that clients of Azure Remote Rendering know.
#[derive(Clone, Debug, PartialEq)]
pub enum MetadataValue {
    /// A Boolean.
    Bool(bool),
    /// A whole number that fits into 64 bits with a sign.
    Integer(i64),
    /// A whole number beyond [`i64::MAX`].
    Unsigned(u64),
    /// Any other finite number.
    Double(f64),
    /// A text, or a structured value as JSON.
    Text(String),
}

/// A mesh: triangles, points, or both.
#[derive(Clone, Debug, Default)]
pub struct Mesh {
    /// Name for people.
    pub name: String,
    /// Triangles, by material.
    pub primitives: Vec<Primitive>,
    /// Points without a surface.
    pub points: Points,
}

/// Points without a surface, which are shown in their own colours regardless of light.
#[derive(Clone, Debug, Default)]
pub struct Points {
    /// Positions in the mesh's coordinates.
    pub positions: Vec<[f32; 3]>,
    /// Colours in sRGB with unused alpha; as many as `positions`.
    pub colors: Vec<[u8; 4]>,
}

/// Triangles of one material. All lists of attributes are as long as `positions`; some may be empty instead.
#[derive(Clone, Debug, Default)]
pub struct Primitive {
    /// Index of the material.
    pub material: u32,
    /// Positions in the mesh's coordinates.
    pub positions: Vec<[f32; 3]>,
    /// Normals of unit length; importers compute them if a file has none.
    pub normals: Vec<[f32; 3]>,
    /// Tangents with the sign of the bitangent; empty unless the material has a normal map.
    pub tangents: Vec<[f32; 4]>,
    /// Texture coordinates; empty if there are none.
    pub texture_coordinates: Vec<[f32; 2]>,
    /// Colours in linear RGBA; empty if there are none.
    pub colors: Vec<[u8; 4]>,
    /// Indices of vertices, three per triangle.
    pub indices: Vec<u32>,
}

/// The meaning of alpha.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum AlphaMode {
    /// Alpha is ignored.
    #[default]
    Opaque,
    /// The surface is drawn where alpha is at least the cut-off.
    Mask {
        /// Least alpha that is drawn.
        cutoff: f32,
    },
    /// The surface is blended with what lies behind it.
    Blend,
}

/// A material of the metallic-roughness model of glTF 2.0. Factors are linear.
#[derive(Clone, Debug)]
pub struct Material {
    /// Name for people.
    pub name: String,
    /// Factor of the base colour, RGBA.
    pub base_color: [f32; 4],
    /// Texture of the base colour.
    pub base_color_texture: Option<TextureReference>,
    /// Factor of the metalness, 0 to 1.
    pub metallic: f32,
    /// Factor of the roughness, 0 to 1.
    pub roughness: f32,
    /// Texture with roughness in green and metalness in blue.
    pub metallic_roughness_texture: Option<TextureReference>,
    /// Normal map in tangent space.
    pub normal_texture: Option<TextureReference>,
    /// Factor of the normal map's x and y.
    pub normal_scale: f32,
    /// Texture with occlusion in red.
    pub occlusion_texture: Option<TextureReference>,
    /// Share of the occlusion that is applied, 0 to 1.
    pub occlusion_strength: f32,
    /// Factor of the emission, RGB; includes `KHR_materials_emissive_strength`.
    pub emissive: [f32; 3],
    /// Texture of the emission.
    pub emissive_texture: Option<TextureReference>,
    /// The meaning of alpha.
    pub alpha_mode: AlphaMode,
    /// True if triangles are visible from behind.
    pub double_sided: bool,
    /// True if light has no effect (`KHR_materials_unlit`).
    pub unlit: bool,
}

/// A use of a texture. Its transform (`KHR_texture_transform`) applies to the coordinates: `uv' = matrix * (u, v, 1)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextureReference {
    /// Index of the texture.
    pub texture: u32,
    /// A matrix of two rows and three columns, by rows.
    pub transform: [[f32; 3]; 2],
}

/// The texels beyond the edge of a texture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wrap {
    /// The texture repeats.
    #[default]
    Repeat,
    /// The texture repeats, mirrored every second time.
    MirroredRepeat,
    /// The texels at the edge continue.
    ClampToEdge,
}

/// How a texture is sampled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sampler {
    /// Wrapping from left to right.
    pub wrap_u: Wrap,
    /// Wrapping from top to bottom.
    pub wrap_v: Wrap,
}

/// A texture: RGBA of eight bits per channel, rows from the top, without mip levels.
#[derive(Clone, Debug)]
pub struct Texture {
    /// Name for people.
    pub name: String,
    /// Width in texels.
    pub width: u32,
    /// Height in texels.
    pub height: u32,
    /// Texels, `width * height * 4` bytes.
    pub rgba: Vec<u8>,
    /// True for colours, which are encoded in sRGB; other data is linear.
    pub srgb: bool,
    /// How the texture is sampled.
    pub sampler: Sampler,
}

impl TextureReference {
    /// The transform that changes nothing.
    pub const IDENTITY: [[f32; 3]; 2] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];

    /// Returns a use of a texture without a transform.
    pub fn new(texture: u32) -> Self {
        Self { texture, transform: Self::IDENTITY }
    }
}

impl Default for Material {
    /// Returns the default material of glTF.
    fn default() -> Self {
        Self {
            name: String::new(),
            base_color: [1.0; 4],
            base_color_texture: None,
            metallic: 1.0,
            roughness: 1.0,
            metallic_roughness_texture: None,
            normal_texture: None,
            normal_scale: 1.0,
            occlusion_texture: None,
            occlusion_strength: 1.0,
            emissive: [0.0; 3],
            emissive_texture: None,
            alpha_mode: AlphaMode::Opaque,
            double_sided: false,
            unlit: false,
        }
    }
}

impl Primitive {
    /// Returns the number of triangles.
    pub fn triangles(&self) -> usize {
        self.indices.len() / 3
    }

    /// Returns a box around all positions.
    pub fn bounds(&self) -> Bounds {
        Bounds::around(&self.positions)
    }
}

impl Points {
    /// Returns a box around all positions.
    pub fn bounds(&self) -> Bounds {
        Bounds::around(&self.positions)
    }
}

impl Mesh {
    /// Returns a box around all triangles and points.
    pub fn bounds(&self) -> Bounds {
        self.primitives.iter().fold(self.points.bounds(), |bounds, primitive| bounds.union(primitive.bounds()))
    }

    /// Returns the number of triangles.
    pub fn triangles(&self) -> u64 {
        self.primitives.iter().map(|primitive| primitive.triangles() as u64).sum()
    }
}

impl Model {
    /// Returns the number of triangles of all instances.
    pub fn triangles(&self) -> u64 {
        let per_mesh: Vec<u64> = self.meshes.iter().map(Mesh::triangles).collect();
        self.nodes.iter().filter_map(|node| node.mesh).map(|mesh| per_mesh[mesh as usize]).sum()
    }

    /// Returns the number of points of all instances.
    pub fn points(&self) -> u64 {
        let points = |mesh: u32| self.meshes[mesh as usize].points.positions.len() as u64;
        self.nodes.iter().filter_map(|node| node.mesh).map(points).sum()
    }

    /// Returns the number of nodes that show a mesh.
    pub fn parts(&self) -> usize {
        self.nodes.iter().filter(|node| node.mesh.is_some()).count()
    }

    /// Returns the transform of every node relative to the model.
    pub fn world_transforms(&self) -> Vec<DAffine3> {
        let mut world: Vec<DAffine3> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            world.push(match node.parent {
                Some(parent) => world[parent as usize] * node.transform,
                None => node.transform,
            });
        }
        world
    }

    /// Returns a box around all instances.
    pub fn bounds(&self) -> WorldBounds {
        let meshes: Vec<Bounds> = self.meshes.iter().map(Mesh::bounds).collect();
        self.nodes
            .iter()
            .zip(self.world_transforms())
            .filter_map(|(node, world)| node.mesh.map(|mesh| meshes[mesh as usize].transformed(&world)))
            .fold(WorldBounds::EMPTY, WorldBounds::union)
    }

    /// Checks that indices are in range and that lists have the right length.
    ///
    /// # Errors
    ///
    /// Describes the first inconsistency.
    pub fn check(&self) -> Result<(), String> {
        for (index, node) in self.nodes.iter().enumerate() {
            if node.parent.is_some_and(|parent| parent as usize >= index) {
                return Err(format!("node {index} stands before its parent"));
            }
            if node.mesh.is_some_and(|mesh| mesh as usize >= self.meshes.len()) {
                return Err(format!("node {index} refers to a mesh that is not there"));
            }
        }
        for (index, mesh) in self.meshes.iter().enumerate() {
            if mesh.points.positions.len() != mesh.points.colors.len() {
                return Err(format!("mesh {index}: not as many colours as points"));
            }
            for primitive in &mesh.primitives {
                let vertices = primitive.positions.len();
                let fits = |length: usize| length == 0 || length == vertices;
                if primitive.normals.len() != vertices
                    || !fits(primitive.tangents.len())
                    || !fits(primitive.texture_coordinates.len())
                    || !fits(primitive.colors.len())
                {
                    return Err(format!("mesh {index}: attribute lists of unequal length"));
                }
                if primitive.indices.len() % 3 != 0 || primitive.indices.iter().any(|&i| i as usize >= vertices) {
                    return Err(format!("mesh {index}: an index is out of range"));
                }
                if primitive.material as usize >= self.materials.len() {
                    return Err(format!("mesh {index}: its material is not there"));
                }
            }
        }
        let textures = self.textures.len();
        for material in &self.materials {
            let references = [
                material.base_color_texture,
                material.metallic_roughness_texture,
                material.normal_texture,
                material.occlusion_texture,
                material.emissive_texture,
            ];
            if references.iter().flatten().any(|reference| reference.texture as usize >= textures) {
                return Err(format!("material {:?}: its texture is not there", material.name));
            }
        }
        for texture in &self.textures {
            if texture.rgba.len() != texture.width as usize * texture.height as usize * 4 {
                return Err(format!("texture {:?}: wrong number of bytes", texture.name));
            }
        }
        Ok(())
    }
}
