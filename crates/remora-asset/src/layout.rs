//! Records of the container as they lie in the file: little-endian, without padding. `docs/arrasset.md` describes them.

use bytemuck::{Pod, Zeroable};

/// First bytes of every file. As in PNG, the first is not ASCII, and a transfer that treats the file as text alters the
/// last three.
pub const MAGIC: [u8; 8] = [0x93, b'A', b'R', b'R', b'A', 0x0d, 0x0a, 0x1a];
/// Version of the format. Readers refuse later versions.
pub const VERSION: u32 = 1;
/// Limit of the triangles in a cluster. A triangle's index within its cluster takes seven bits.
pub const CLUSTER_TRIANGLES_MAX: usize = 128;
/// Limit of the vertices in a cluster. A local index takes eight bits; surfaces with creases need more vertices than
/// triangles.
pub const CLUSTER_VERTICES_MAX: usize = 256;
/// Sections and pages begin at multiples of this.
pub const ALIGNMENT: u64 = 64;
/// Limit of the bytes of a page, which takes a slot of this size in graphics memory.
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
/// Limit of the materials of one file.
pub const MATERIALS_MAX: usize = 65_535;

/// The first record of a file.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`VERSION`].
    pub version: u32,
    /// Number of sections.
    pub section_count: u32,
    /// Length of the whole file.
    pub file_bytes: u64,
    /// Start of the table of sections, which ends with the file.
    pub table_offset: u64,
    /// XXH3 of this header, with this field set to 0, followed by the table of sections.
    pub checksum: u64,
    /// 0.
    pub reserved: [u64; 3],
}

/// An entry of the table of sections.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Section {
    /// A number from [`kind`](mod@kind).
    pub kind: u32,
    /// Length of one record.
    pub record_bytes: u32,
    /// Start of the section in the file, a multiple of [`ALIGNMENT`].
    pub offset: u64,
    /// Length of the section.
    pub bytes: u64,
    /// XXH3 of the section's bytes.
    pub checksum: u64,
}

/// Kinds of sections. Readers ignore kinds that they do not know.
pub mod kind {
    /// All texts of the file, one after another, in UTF-8.
    pub const STRINGS: u32 = 1;
    /// One [`ModelRecord`](super::ModelRecord).
    pub const MODEL: u32 = 2;
    /// [`NodeRecord`](super::NodeRecord)s.
    pub const NODES: u32 = 3;
    /// [`MetadataRecord`](super::MetadataRecord)s.
    pub const METADATA: u32 = 4;
    /// [`MeshRecord`](super::MeshRecord)s.
    pub const MESHES: u32 = 5;
    /// Indices of the materials of meshes.
    pub const MESH_MATERIALS: u32 = 6;
    /// [`TreeNode`](super::TreeNode)s.
    pub const TREE: u32 = 7;
    /// [`GroupRecord`](super::GroupRecord)s.
    pub const GROUPS: u32 = 8;
    /// [`ClusterRecord`](super::ClusterRecord)s.
    pub const CLUSTERS: u32 = 9;
    /// [`PageRecord`](super::PageRecord)s. Root pages come first, parents before the pages that depend on them.
    pub const PAGES: u32 = 10;
    /// Numbers of the parents of pages.
    pub const PAGE_PARENTS: u32 = 11;
    /// [`MaterialRow`](super::MaterialRow)s.
    pub const MATERIALS: u32 = 12;
    /// [`LayerRecord`](super::LayerRecord)s.
    pub const LAYERS: u32 = 13;
    /// [`RayNode`](super::RayNode)s.
    pub const RAY_NODES: u32 = 14;
    /// Numbers of the clusters of leaves.
    pub const RAY_LEAVES: u32 = 15;
    /// Texts about differences between the asset and its source file, one [`Text`](super::Text) each. Optional.
    pub const NOTICES: u32 = 16;
}

/// A part of the section of strings, in UTF-8.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Text {
    /// Offset of the first byte in the section.
    pub first: u32,
    /// Length in bytes.
    pub bytes: u32,
}

/// The single record of [`kind::MODEL`]: properties of the whole file.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct ModelRecord {
    /// Name of the model.
    pub name: Text,
    /// The program that wrote the file, and its version.
    pub generator: Text,
    /// Format that the model was read from: `glTF`, `LAS`, …
    pub source: Text,
    /// 0 or [`MODEL_COARSE`].
    pub flags: u32,
    /// 0.
    pub reserved: u32,
}

/// Flag of [`ModelRecord::flags`]: the geometry is a coarse substitute for the full one.
pub const MODEL_COARSE: u32 = 1;

/// A node of the tree of parts. Parents come before their children.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct NodeRecord {
    /// Transform relative to the parent: three columns and the translation.
    pub transform: [f64; 12],
    /// Index of an earlier node, or [`NONE`].
    pub parent: u32,
    /// Index of the mesh, or [`NONE`].
    pub mesh: u32,
    /// Name of the node.
    pub name: Text,
    /// First record of the node in the section of metadata.
    pub metadata_first: u32,
    /// Number of the node's records in the section of metadata.
    pub metadata_count: u32,
    /// 0.
    pub reserved: [u32; 2],
}

/// A name and a value that a node has.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct MetadataRecord {
    /// Name of the value.
    pub name: Text,
    /// 1 Boolean, 3 signed, 4 unsigned, 5 double, 6 text; the numbers of Azure Remote Rendering's `MetadataValueType`.
    pub kind: u32,
    /// 0.
    pub reserved: u32,
    /// Bits of the value, or a [`Text`].
    pub value: u64,
}

/// A mesh, which any number of nodes may show.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct MeshRecord {
    /// Name of the mesh.
    pub name: Text,
    /// Lower corner of the bounds; above `bounds_max` if the mesh is empty.
    pub bounds_min: [f32; 3],
    /// Upper corner of the bounds.
    pub bounds_max: [f32; 3],
    /// A position is `grid_origin + grid_step * q`, where `q` are whole numbers of [`GRID_BITS`] bits.
    pub grid_origin: [f32; 3],
    /// Distance of neighbouring points of the grid, a power of two.
    pub grid_step: f32,
    /// Triangles of the original mesh.
    pub triangles: u64,
    /// Points of the original mesh.
    pub points: u64,
    /// First node of the mesh in [`kind::TREE`].
    pub tree_first: u32,
    /// Number of roots, which are the first nodes of the tree.
    pub tree_roots: u32,
    /// Number of nodes of the tree.
    pub tree_count: u32,
    /// First group of the mesh.
    pub group_first: u32,
    /// Number of groups.
    pub group_count: u32,
    /// First entry of the mesh in [`kind::MESH_MATERIALS`].
    pub material_first: u32,
    /// Number of different materials.
    pub material_count: u32,
    /// First node of the mesh in [`kind::RAY_NODES`].
    pub ray_first: u32,
    /// Number of ray nodes.
    pub ray_count: u32,
    /// 0.
    pub reserved: u32,
}

/// A node of the tree above the groups: a sphere around all spheres below it, and their largest error.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct TreeNode {
    /// Center of the sphere in the mesh's coordinates.
    pub center: [f32; 3],
    /// Radius of the sphere.
    pub radius: f32,
    /// Largest error of the groups below, in the mesh's units.
    pub error: f32,
    /// First child node, or the group of a leaf.
    pub first: u32,
    /// Number of children; 0 for a leaf.
    pub count: u32,
    /// 0.
    pub reserved: u32,
}

/// A group: clusters that are replaced together by coarser ones.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct GroupRecord {
    /// Center of a sphere around the group and all finer groups that it replaces.
    pub center: [f32; 3],
    /// Radius of the sphere.
    pub radius: f32,
    /// Error of the coarser clusters that replace the group, in the mesh's units; infinite if there are none.
    pub error: f32,
    /// Page that holds the group.
    pub page: u32,
    /// First cluster.
    pub cluster_first: u32,
    /// Number of clusters.
    pub cluster_count: u32,
}

/// A cluster of triangles or points.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct ClusterRecord {
    /// Center of the bounding sphere in the mesh's coordinates.
    pub center: [f32; 3],
    /// Radius of the bounding sphere.
    pub radius: f32,
    /// Apex of the cone of normals.
    pub cone_apex: [f32; 3],
    /// Every triangle faces away from `eye` if `normalize(cone_apex - eye) · cone_axis >= cone_cutoff`.
    pub cone_cutoff: f32,
    /// Axis of the cone of normals.
    pub cone_axis: [f32; 3],
    /// Finer group that this cluster replaces, or [`NONE`] for original geometry.
    pub refined: u32,
    /// Start of the cluster's block in its page, in units of [`BLOCK_UNIT_BYTES`].
    pub block: u32,
    /// Number of vertices, 1 to 256.
    pub vertices: u16,
    /// Number of triangles, 1 to 128; 0 for a cluster of points.
    pub triangles: u16,
    /// Index of the material; [`NONE`] for points.
    pub material: u32,
    /// Width of the widest point as it is drawn, in the mesh's units; 0 for triangles.
    pub width: f32,
}

/// A page: whole groups, which are read and uploaded together.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct PageRecord {
    /// Start of the page in the file.
    pub offset: u64,
    /// XXH3 of the page's bytes.
    pub checksum: u64,
    /// Length of the page.
    pub bytes: u32,
    /// First cluster in the page.
    pub cluster_first: u32,
    /// Number of clusters.
    pub cluster_count: u32,
    /// First entry in [`kind::PAGE_PARENTS`]: earlier pages whose clusters replace groups of this one. They must be
    /// resident before this page can be used.
    pub parent_first: u32,
    /// Number of parents.
    pub parent_count: u32,
    /// 0 or [`PAGE_ROOT`].
    pub flags: u32,
}

/// Flag of [`PageRecord::flags`]: the page holds a group that no coarser cluster replaces, so it is always needed.
pub const PAGE_ROOT: u32 = 1;

/// A material in the form that shaders read.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct MaterialRow {
    /// Words that shaders read, without the numbers of layers.
    pub words: [u32; MATERIAL_WORDS],
    /// Layers of colour, surface, roughness and emission; [`NONE`] if the material has no layers.
    pub layers: [u32; 4],
    /// 0 factors only, 1 two layers that repeat and share a transform, 2 everything that glTF allows.
    pub shading: u32,
    /// Index into [`BUCKETS`].
    pub bucket: u32,
    /// 0 opaque, 1 mask, 2 blend.
    pub alpha_mode: u32,
    /// [`MATERIAL_DOUBLE_SIDED`] and [`MATERIAL_DETAILED`].
    pub flags: u32,
    /// Name of the material.
    pub name: Text,
    /// 0.
    pub reserved: [u32; 2],
}

/// Flag of [`MaterialRow::flags`]: triangles are visible from both sides.
pub const MATERIAL_DOUBLE_SIDED: u32 = 1;
/// Flag of [`MaterialRow::flags`]: blocks of clusters hold texture coordinates, tangents and colours.
pub const MATERIAL_DETAILED: u32 = 2;

/// A texture layer: a square of texels with all mip levels, the largest first.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct LayerRecord {
    /// Start of the layer in the file.
    pub offset: u64,
    /// Length of the layer.
    pub bytes: u64,
    /// XXH3 of the layer's bytes.
    pub checksum: u64,
    /// Index into [`BUCKETS`].
    pub bucket: u32,
    /// 0 for RGBA of eight bits, 1 for BC7.
    pub format: u32,
}

/// A node of the tree for ray casts: a box around clusters of original geometry.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct RayNode {
    /// Lower corner of the box.
    pub min: [f32; 3],
    /// First of two children, which are later nodes; for a leaf, its first entry in [`kind::RAY_LEAVES`].
    pub first: u32,
    /// Upper corner of the box.
    pub max: [f32; 3],
    /// Number of clusters of a leaf; 0 for a node with children.
    pub count: u32,
}
