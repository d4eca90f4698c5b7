//! A model in memory, as an importer leaves it: indexed triangles, materials, textures and a tree of nodes.
//!
//! Conventions: right-handed, Y up, metres (glTF's own). Indices between the parts of a model are always in
//! range; importers guarantee it and [`Model::check`] verifies it.

use glam::{DAffine3, DVec3, Vec3};

use crate::notices::Notices;

/// Axis-aligned box. `min > max` in any axis means that nothing is in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    pub min: Vec3,
    pub max: Vec3,
}

/// As [`Bounds`], in the coordinates of the world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorldBounds {
    pub min: DVec3,
    pub max: DVec3,
}

/// One model: what one file, or one built-in name, holds.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub name: String,
    /// Parents stand before their children.
    pub nodes: Vec<Node>,
    pub meshes: Vec<Mesh>,
    /// Never empty: primitives without a material refer to an appended default.
    pub materials: Vec<Material>,
    pub textures: Vec<Texture>,
    /// The differences between the model and its file.
    pub notices: Notices,
}

#[derive(Clone, Debug, Default)]
pub struct Node {
    pub name: String,
    pub parent: Option<u32>,
    /// Relative to the parent. In double precision, because surveyed models lie thousands of kilometres from their
    /// origin.
    pub transform: DAffine3,
    pub mesh: Option<u32>,
    /// Names and values that the file gives to the node, in its order.
    pub metadata: Vec<(String, MetadataValue)>,
}

/// Kinds as the clients of Azure Remote Rendering know them.
#[derive(Clone, Debug, PartialEq)]
pub enum MetadataValue {
    Bool(bool),
    Integer(i64),
    Unsigned(u64),
    Double(f64),
    Text(String),
}

/// Triangles, points, or both.
#[derive(Clone, Debug, Default)]
pub struct Mesh {
    pub name: String,
    pub primitives: Vec<Primitive>,
    pub points: Points,
}

/// Points without a surface: shown as they are, whatever the light.
#[derive(Clone, Debug, Default)]
pub struct Points {
    pub positions: Vec<[f32; 3]>,
    /// sRGB as displayed, alpha unused; as long as `positions`.
    pub colors: Vec<[u8; 4]>,
}

/// Triangles of one material. All attribute lists are as long as `positions`, or empty where said so.
#[derive(Clone, Debug, Default)]
pub struct Primitive {
    pub material: u32,
    pub positions: Vec<[f32; 3]>,
    /// Unit length; importers compute them where a file has none.
    pub normals: Vec<[f32; 3]>,
    /// xyz and the bitangent's sign; empty unless the material has a normal map.
    pub tangents: Vec<[f32; 4]>,
    /// First texture coordinate set; empty if there is none.
    pub texture_coordinates: Vec<[f32; 2]>,
    /// Linear RGBA; empty if there is none.
    pub colors: Vec<[u8; 4]>,
    /// Three per triangle.
    pub indices: Vec<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum AlphaMode {
    #[default]
    Opaque,
    /// Drawn where alpha is at least the cut-off.
    Mask {
        cutoff: f32,
    },
    Blend,
}

/// glTF 2.0 metallic-roughness. Factors are linear.
#[derive(Clone, Debug)]
pub struct Material {
    pub name: String,
    pub base_color: [f32; 4],
    pub base_color_texture: Option<TextureReference>,
    /// 0 to 1.
    pub metallic: f32,
    /// 0 to 1.
    pub roughness: f32,
    /// Green is roughness, blue is metallic.
    pub metallic_roughness_texture: Option<TextureReference>,
    pub normal_texture: Option<TextureReference>,
    pub normal_scale: f32,
    /// Red is occlusion.
    pub occlusion_texture: Option<TextureReference>,
    pub occlusion_strength: f32,
    /// `KHR_materials_emissive_strength` is multiplied in.
    pub emissive: [f32; 3],
    pub emissive_texture: Option<TextureReference>,
    pub alpha_mode: AlphaMode,
    pub double_sided: bool,
    /// `KHR_materials_unlit`.
    pub unlit: bool,
}

/// A use of a texture, with `KHR_texture_transform` applied to the coordinates: `uv' = matrix * (u, v, 1)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextureReference {
    pub texture: u32,
    /// Row-major 2x3.
    pub transform: [[f32; 3]; 2],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wrap {
    #[default]
    Repeat,
    MirroredRepeat,
    ClampToEdge,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sampler {
    pub wrap_u: Wrap,
    pub wrap_v: Wrap,
}

/// Eight bits per channel, RGBA, rows from the top, without mip levels.
#[derive(Clone, Debug)]
pub struct Texture {
    pub name: String,
    pub width: u32,
    pub height: u32,
    /// `width * height * 4` bytes.
    pub rgba: Vec<u8>,
    /// Colour is stored sRGB-encoded; other data is linear.
    pub srgb: bool,
    pub sampler: Sampler,
}

impl TextureReference {
    pub const IDENTITY: [[f32; 3]; 2] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];

    pub fn new(texture: u32) -> Self {
        Self { texture, transform: Self::IDENTITY }
    }
}

impl Default for Material {
    /// glTF's default material.
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
    pub fn triangles(&self) -> usize {
        self.indices.len() / 3
    }

    pub fn bounds(&self) -> Bounds {
        Bounds::around(&self.positions)
    }
}

impl Points {
    pub fn bounds(&self) -> Bounds {
        Bounds::around(&self.positions)
    }
}

impl Mesh {
    pub fn bounds(&self) -> Bounds {
        self.primitives.iter().fold(self.points.bounds(), |bounds, primitive| bounds.union(primitive.bounds()))
    }

    pub fn triangles(&self) -> u64 {
        self.primitives.iter().map(|primitive| primitive.triangles() as u64).sum()
    }
}

impl Bounds {
    pub const EMPTY: Bounds = Bounds { min: Vec3::INFINITY, max: Vec3::NEG_INFINITY };

    /// The box around points. Coordinates that are not numbers are left out.
    fn around(points: &[[f32; 3]]) -> Self {
        // Four points at a time, which fill registers; compared so that the processor's own minimum does it.
        let (fours, rest) = points.as_chunks::<4>();
        let (mut low, mut high) = ([f32::INFINITY; 12], [f32::NEG_INFINITY; 12]);
        for four in fours {
            let numbers: &[f32; 12] = bytemuck::cast_ref(four);
            for at in 0..12 {
                low[at] = if numbers[at] < low[at] { numbers[at] } else { low[at] };
                high[at] = if numbers[at] > high[at] { numbers[at] } else { high[at] };
            }
        }
        let (low, high) = (low.as_chunks::<3>().0, high.as_chunks::<3>().0);
        let bounds = low
            .iter()
            .zip(high)
            .fold(Bounds::EMPTY, |bounds, (&low, &high)| bounds.union(Bounds { min: low.into(), max: high.into() }));
        rest.iter().fold(bounds, |bounds, &point| bounds.including(point.into()))
    }

    pub fn is_empty(&self) -> bool {
        self.min.cmpgt(self.max).any()
    }

    pub fn including(self, point: Vec3) -> Bounds {
        // This way round, the other number is taken where one is none.
        Bounds { min: point.min(self.min), max: point.max(self.max) }
    }

    pub fn holds(&self, point: Vec3) -> bool {
        point.cmpge(self.min).all() && point.cmple(self.max).all()
    }

    pub fn union(self, other: Bounds) -> Bounds {
        Bounds { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    pub fn center(&self) -> Vec3 {
        (self.min + self.max) * 0.5
    }

    /// Half of the diagonal.
    pub fn radius(&self) -> f32 {
        if self.is_empty() { 0.0 } else { (self.max - self.min).length() * 0.5 }
    }

    /// The box around this box once transformed.
    pub fn transformed(&self, transform: &DAffine3) -> WorldBounds {
        if self.is_empty() {
            return WorldBounds::EMPTY;
        }
        let (min, max) = (self.min.as_dvec3(), self.max.as_dvec3());
        let center = transform.transform_point3((min + max) * 0.5);
        let half = (max - min) * 0.5;
        let matrix = transform.matrix3;
        let extent = matrix.x_axis.abs() * half.x + matrix.y_axis.abs() * half.y + matrix.z_axis.abs() * half.z;
        WorldBounds { min: center - extent, max: center + extent }
    }
}

impl WorldBounds {
    pub const EMPTY: WorldBounds = WorldBounds { min: DVec3::INFINITY, max: DVec3::NEG_INFINITY };

    pub fn is_empty(&self) -> bool {
        self.min.cmpgt(self.max).any()
    }

    pub fn union(self, other: WorldBounds) -> WorldBounds {
        WorldBounds { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    pub fn center(&self) -> DVec3 {
        (self.min + self.max) * 0.5
    }

    /// Half of the diagonal.
    pub fn radius(&self) -> f64 {
        if self.is_empty() { 0.0 } else { (self.max - self.min).length() * 0.5 }
    }
}

impl Model {
    /// Triangles of all instances.
    pub fn triangles(&self) -> u64 {
        let per_mesh: Vec<u64> = self.meshes.iter().map(Mesh::triangles).collect();
        self.nodes.iter().filter_map(|node| node.mesh).map(|mesh| per_mesh[mesh as usize]).sum()
    }

    /// Points of all instances.
    pub fn points(&self) -> u64 {
        let points = |mesh: u32| self.meshes[mesh as usize].points.positions.len() as u64;
        self.nodes.iter().filter_map(|node| node.mesh).map(points).sum()
    }

    /// Nodes that show something.
    pub fn parts(&self) -> usize {
        self.nodes.iter().filter(|node| node.mesh.is_some()).count()
    }

    /// Transform of every node relative to the model, parents applied.
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

    pub fn bounds(&self) -> WorldBounds {
        let meshes: Vec<Bounds> = self.meshes.iter().map(Mesh::bounds).collect();
        self.nodes
            .iter()
            .zip(self.world_transforms())
            .filter_map(|(node, world)| node.mesh.map(|mesh| meshes[mesh as usize].transformed(&world)))
            .fold(WorldBounds::EMPTY, WorldBounds::union)
    }

    /// Says what is inconsistent, if anything: indices out of range, lists of unequal length.
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
