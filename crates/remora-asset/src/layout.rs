//! Records of the container, as they lie in the file: little-endian, without padding, described in `docs/arrasset.md`.

use bytemuck::{Pod, Zeroable};

/// First bytes of every file. The first is no ASCII and the last three are altered by transfers that take a file for
/// text, as in PNG.
pub const MAGIC: [u8; 8] = [0x93, b'A', b'R', b'R', b'A', 0x0d, 0x0a, 0x1a];
/// Readers refuse files of a later one.
pub const VERSION: u32 = 1;
/// Triangles in a cluster. A triangle's index within its cluster takes seven bits.
pub const CLUSTER_TRIANGLES_MAX: usize = 128;
/// Vertices in a cluster. A local index takes eight bits; surfaces with creases need more vertices than triangles.
pub const CLUSTER_VERTICES_MAX: usize = 256;
/// Sections and pages begin at multiples of this.
pub const ALIGNMENT: u64 = 64;
/// Bytes that a page may have: it takes a slot of this size in graphics memory.
pub const PAGE_BYTES_MAX: usize = 256 << 10;
/// Blocks of clusters begin at multiples of this within their page.
pub const BLOCK_UNIT_BYTES: usize = 16;
/// Bits of each coordinate of a position on its mesh's grid.
pub const GRID_BITS: u32 = 21;
/// Stands for "none" in fields that hold an index.
pub const NONE: u32 = u32::MAX;
/// Sides of the texture layers of each bucket, in texels.
pub const BUCKETS: [u32; 7] = [16, 64, 256, 512, 1024, 2048, 4096];
/// Words of a material that shaders read.
pub const MATERIAL_WORDS: usize = 40;
/// Materials of one file.
pub const MATERIALS_MAX: usize = 65_535;

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Header {
    pub magic: [u8; 8],
    pub version: u32,
    pub section_count: u32,
    /// Of the whole file.
    pub file_bytes: u64,
    /// Where the table of sections begins, which ends with the file.
    pub table_offset: u64,
    /// XXH3 of this header with this field as 0, and of the table behind it.
    pub checksum: u64,
    pub reserved: [u64; 3],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Section {
    pub kind: u32,
    pub record_bytes: u32,
    pub offset: u64,
    pub bytes: u64,
    /// XXH3 of its bytes.
    pub checksum: u64,
}

/// Kinds of sections. A reader passes over kinds that it does not know.
pub mod kind {
    pub const STRINGS: u32 = 1;
    pub const MODEL: u32 = 2;
    pub const NODES: u32 = 3;
    pub const METADATA: u32 = 4;
    pub const MESHES: u32 = 5;
    pub const MESH_MATERIALS: u32 = 6;
    pub const TREE: u32 = 7;
    pub const GROUPS: u32 = 8;
    pub const CLUSTERS: u32 = 9;
    pub const PAGES: u32 = 10;
    pub const PAGE_PARENTS: u32 = 11;
    pub const MATERIALS: u32 = 12;
    pub const LAYERS: u32 = 13;
    pub const RAY_NODES: u32 = 14;
    pub const RAY_LEAVES: u32 = 15;
    /// Need not be there.
    pub const NOTICES: u32 = 16;
}

/// A part of the strings, UTF-8.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Text {
    pub first: u32,
    pub bytes: u32,
}

/// One record: what the file as a whole is.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct ModelRecord {
    pub name: Text,
    /// The program that wrote the file, and its version.
    pub generator: Text,
    /// What it was made from: `glTF`, `LAZ`, …
    pub source: Text,
    /// 1: the geometry is a coarse stand-in for something finer.
    pub flags: u32,
    pub reserved: u32,
}

/// The flag of [`ModelRecord::flags`].
pub const MODEL_COARSE: u32 = 1;

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct NodeRecord {
    /// Three columns and the translation, relative to the parent.
    pub transform: [f64; 12],
    /// An earlier node, or [`NONE`].
    pub parent: u32,
    /// Or [`NONE`].
    pub mesh: u32,
    pub name: Text,
    pub metadata_first: u32,
    pub metadata_count: u32,
    pub reserved: [u32; 2],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct MetadataRecord {
    pub name: Text,
    /// 1 bool, 3 signed, 4 unsigned, 5 double, 6 text: as Azure Remote Rendering's `MetadataValueType`.
    pub kind: u32,
    pub reserved: u32,
    /// The value's bits, or a [`Text`].
    pub value: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct MeshRecord {
    pub name: Text,
    pub bounds_min: [f32; 3],
    pub bounds_max: [f32; 3],
    /// A position is `grid_origin + grid_step * q`, `q` whole numbers of [`GRID_BITS`] bits.
    pub grid_origin: [f32; 3],
    /// A power of two.
    pub grid_step: f32,
    pub triangles: u64,
    pub points: u64,
    pub tree_first: u32,
    /// Roots of the tree: its first nodes.
    pub tree_roots: u32,
    pub tree_count: u32,
    pub group_first: u32,
    pub group_count: u32,
    /// The parts of the list of materials that mesh uses.
    pub material_first: u32,
    pub material_count: u32,
    pub ray_first: u32,
    pub ray_count: u32,
    pub reserved: u32,
}

/// A node above groups: a sphere around all spheres below it, and the largest error of them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct TreeNode {
    pub center: [f32; 3],
    pub radius: f32,
    pub error: f32,
    /// First child node; of a leaf, the group.
    pub first: u32,
    /// 0 for a leaf.
    pub count: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct GroupRecord {
    pub center: [f32; 3],
    pub radius: f32,
    /// Infinite where nothing coarser stands for the group.
    pub error: f32,
    pub page: u32,
    pub cluster_first: u32,
    pub cluster_count: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct ClusterRecord {
    pub center: [f32; 3],
    pub radius: f32,
    pub cone_apex: [f32; 3],
    pub cone_cutoff: f32,
    pub cone_axis: [f32; 3],
    /// The group that this cluster stands for, or [`NONE`].
    pub refined: u32,
    /// Where its block begins in its page, in units of [`BLOCK_UNIT_BYTES`].
    pub block: u32,
    /// 1 to 256.
    pub vertices: u16,
    /// 1 to 128; 0 for a cluster of points.
    pub triangles: u16,
    /// [`NONE`] for points.
    pub material: u32,
    /// Of points, how wide the widest is drawn, in the mesh's units; 0 for triangles.
    pub width: f32,
}

/// Clusters that are read and uploaded together: whole groups.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct PageRecord {
    pub offset: u64,
    /// XXH3 of its bytes.
    pub checksum: u64,
    pub bytes: u32,
    pub cluster_first: u32,
    pub cluster_count: u32,
    /// Earlier pages whose clusters stand for groups of this one: they must be there before this one is of use.
    pub parent_first: u32,
    pub parent_count: u32,
    /// 1: it holds a group that nothing stands for, so that it is always needed.
    pub flags: u32,
}

/// The flag of [`PageRecord::flags`].
pub const PAGE_ROOT: u32 = 1;

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct MaterialRow {
    /// As shaders read them; layer numbers are left out.
    pub words: [u32; MATERIAL_WORDS],
    /// Colour, surface, rough, glow; [`NONE`] where the material has no layers.
    pub layers: [u32; 4],
    /// 0 factors only, 1 two layers that repeat and share a transform, 2 everything.
    pub shading: u32,
    /// Index into [`BUCKETS`].
    pub bucket: u32,
    /// 0 opaque, 1 mask, 2 blend.
    pub alpha_mode: u32,
    /// 1 double-sided, 2 its clusters have details.
    pub flags: u32,
    pub name: Text,
    pub reserved: [u32; 2],
}

pub const MATERIAL_DOUBLE_SIDED: u32 = 1;
pub const MATERIAL_DETAILED: u32 = 2;

/// A square of texels with all its mip levels behind one another, the largest first.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct LayerRecord {
    pub offset: u64,
    pub bytes: u64,
    pub checksum: u64,
    /// Index into [`BUCKETS`].
    pub bucket: u32,
    /// 0 RGBA of eight bits, 1 BC7.
    pub format: u32,
}

/// A box above others, of original clusters: what a ray meets.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct RayNode {
    pub min: [f32; 3],
    /// First of two children, which are later nodes; of a leaf, first in the list of leaves.
    pub first: u32,
    pub max: [f32; 3],
    /// 0 for a node with children, else clusters of the leaf.
    pub count: u32,
}
