//! An open asset: its tables, and its pages and layers on demand.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use glam::{DAffine3, Vec3};
use xxhash_rust::xxh3::xxh3_64;

use super::error::AssetError;
use super::grid::Grid;
use super::layout::{
    BLOCK_UNIT_BYTES, ClusterRecord, GroupRecord, LayerRecord, MATERIAL_DETAILED, MODEL_COARSE, MaterialRow,
    MeshRecord, NONE, NodeRecord, PageRecord, RayNode, Text, TreeNode,
};
use super::memory::{Content, PartMemory};
use super::tables::Tables;
use super::validate::validate;
use remora_model::NOTICES_MAX;
use remora_model::{Bounds, MetadataValue, WorldBounds};

/// An open container with valid tables. Cheap to clone.
#[derive(Clone)]
pub struct Asset {
    bytes: Arc<dyn Content>,
    tables: Arc<Tables>,
}

impl fmt::Debug for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asset({:?})", self.name())
    }
}

/// Bytes at an address to which every record can be aligned.
struct Aligned {
    words: Vec<u128>,
    length: usize,
}

impl Content for Aligned {
    fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.length]
    }
}

impl Asset {
    /// Opens a container. `bytes` must begin at a multiple of 16 in memory, as mapped files do, and must not change.
    ///
    /// # Errors
    ///
    /// The container is damaged, of a newer version, or none at all.
    pub fn open(bytes: Arc<dyn Content>) -> Result<Self, AssetError> {
        let content = bytes.bytes();
        let tables = Tables::read(content)?;
        validate(content, &tables)?;
        Ok(Self { bytes, tables: Arc::new(tables) })
    }

    /// Copies bytes of any alignment and opens them as a container.
    ///
    /// # Errors
    ///
    /// The container is damaged, of a newer version, or none at all.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AssetError> {
        let mut words = vec![0_u128; bytes.len().div_ceil(size_of::<u128>())];
        bytemuck::cast_slice_mut::<u128, u8>(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Self::open(Arc::new(Aligned { words, length: bytes.len() }))
    }

    fn content(&self) -> &[u8] {
        self.bytes.bytes()
    }

    /// Returns the length of the whole container.
    pub fn bytes(&self) -> u64 {
        self.content().len() as u64
    }

    /// Returns the name of the model.
    pub fn name(&self) -> &str {
        self.text(self.tables.model.of(self.content())[0].name)
    }

    /// Returns the program that wrote the asset, and its version.
    pub fn generator(&self) -> &str {
        self.text(self.tables.model.of(self.content())[0].generator)
    }

    /// Returns the format that the model was read from: `glTF`, `LAS`, …
    pub fn source(&self) -> &str {
        self.text(self.tables.model.of(self.content())[0].source)
    }

    /// Returns the differences between this asset and its source file, in words; at most [`NOTICES_MAX`].
    pub fn notices(&self) -> impl Iterator<Item = &str> {
        self.tables.notices.of(self.content()).iter().take(NOTICES_MAX).map(|&text| self.text(text))
    }

    /// Returns whether the geometry is a coarse substitute for the full one.
    pub fn is_coarse(&self) -> bool {
        self.tables.model.of(self.content())[0].flags & MODEL_COARSE != 0
    }

    /// Returns a text of the asset.
    pub fn text(&self, text: Text) -> &str {
        let strings = self.tables.strings.of(self.content());
        let bytes = strings.get(text.first as usize..text.first as usize + text.bytes as usize).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Returns all nodes, parents before their children.
    pub fn nodes(&self) -> &[NodeRecord] {
        self.tables.nodes.of(self.content())
    }

    /// Returns the names and values that a node has, in their order.
    pub fn metadata(&self, node: &NodeRecord) -> Vec<(&str, MetadataValue)> {
        let all = self.tables.metadata.of(self.content());
        all[node.metadata_first as usize..][..node.metadata_count as usize]
            .iter()
            .map(|record| {
                let value = match record.kind {
                    1 => MetadataValue::Bool(record.value != 0),
                    3 => MetadataValue::Integer(record.value as i64),
                    4 => MetadataValue::Unsigned(record.value),
                    5 => MetadataValue::Double(f64::from_bits(record.value)),
                    _ => {
                        let text = Text { first: record.value as u32, bytes: (record.value >> 32) as u32 };
                        MetadataValue::Text(self.text(text).to_owned())
                    }
                };
                (self.text(record.name), value)
            })
            .collect()
    }

    /// Returns all meshes.
    pub fn meshes(&self) -> &[MeshRecord] {
        self.tables.meshes.of(self.content())
    }

    /// Returns the materials that a mesh uses, each once.
    pub fn mesh_materials(&self, mesh: &MeshRecord) -> &[u32] {
        &self.tables.mesh_materials.of(self.content())[mesh.material_first as usize..][..mesh.material_count as usize]
    }

    /// Returns the nodes of the trees of all meshes. The roots of a mesh are its first nodes.
    pub fn tree(&self) -> &[TreeNode] {
        self.tables.tree.of(self.content())
    }

    /// Returns the groups of all meshes.
    pub fn groups(&self) -> &[GroupRecord] {
        self.tables.groups.of(self.content())
    }

    /// Returns the clusters of all meshes, page by page.
    pub fn clusters(&self) -> &[ClusterRecord] {
        self.tables.clusters.of(self.content())
    }

    /// Returns all pages: root pages first, parents before the pages that depend on them.
    pub fn pages(&self) -> &[PageRecord] {
        self.tables.pages.of(self.content())
    }

    /// Returns the pages that must be resident before `page` can be used.
    pub fn page_parents(&self, page: &PageRecord) -> &[u32] {
        &self.tables.page_parents.of(self.content())[page.parent_first as usize..][..page.parent_count as usize]
    }

    /// Returns all materials.
    pub fn materials(&self) -> &[MaterialRow] {
        self.tables.materials.of(self.content())
    }

    /// Returns all texture layers.
    pub fn layers(&self) -> &[LayerRecord] {
        self.tables.layers.of(self.content())
    }

    /// Returns the ray nodes of all meshes. The root of a mesh is its first node.
    pub fn ray_nodes(&self) -> &[RayNode] {
        self.tables.ray_nodes.of(self.content())
    }

    /// Returns the clusters of the leaves of [`Self::ray_nodes`].
    pub fn ray_leaves(&self) -> &[u32] {
        self.tables.ray_leaves.of(self.content())
    }

    /// Returns the bytes of a page that [`Self::page`] has checked before.
    pub fn page_bytes(&self, number: u32) -> &[u8] {
        &self.content()[self.page_range(number)]
    }

    fn page_range(&self, number: u32) -> Range<usize> {
        let page = &self.pages()[number as usize];
        page.offset as usize..page.offset as usize + page.bytes as usize
    }

    fn layer_range(&self, number: u32) -> Range<usize> {
        let layer = &self.layers()[number as usize];
        layer.offset as usize..layer.offset as usize + layer.bytes as usize
    }

    /// Returns a handle to release the page's memory once the page has been uploaded.
    pub fn page_memory(&self, number: u32) -> PartMemory {
        PartMemory::new(&self.bytes, self.page_range(number))
    }

    /// Returns a handle to release the layer's memory once the layer has been uploaded.
    pub fn layer_memory(&self, number: u32) -> PartMemory {
        PartMemory::new(&self.bytes, self.layer_range(number))
    }

    /// Returns the bytes of a page after checking them: every index is within its cluster.
    ///
    /// # Errors
    ///
    /// The checksum or an index is wrong.
    pub fn page(&self, number: u32) -> Result<&[u8], AssetError> {
        let (page, bytes) = (&self.pages()[number as usize], self.page_bytes(number));
        let damaged = |what: &str| AssetError::Damaged { place: format!("page {number}"), what: what.into() };
        if xxh3_64(bytes) != page.checksum {
            return Err(damaged("its checksum is another one"));
        }
        for cluster in &self.clusters()[page.cluster_first as usize..][..page.cluster_count as usize] {
            let most = cluster.vertices - 1;
            let within = |triangle: [u8; 3]| triangle.into_iter().all(|corner| u16::from(corner) <= most);
            if !local_triangles(bytes, cluster).all(within) {
                return Err(damaged("a triangle has a corner that its cluster has not"));
            }
        }
        Ok(bytes)
    }

    /// Returns the bytes of a layer after comparing them with the checksum.
    ///
    /// # Errors
    ///
    /// The checksum is wrong.
    pub fn layer(&self, number: u32) -> Result<&[u8], AssetError> {
        let layer = &self.layers()[number as usize];
        let bytes = &self.content()[self.layer_range(number)];
        if xxh3_64(bytes) != layer.checksum {
            let (place, what) = (format!("texture layer {number}"), "its checksum is another one".into());
            return Err(AssetError::Damaged { place, what });
        }
        Ok(bytes)
    }

    /// Returns the corners of a cluster's triangles as they are drawn, in the mesh's coordinates. Triangles of a
    /// damaged page with a corner that does not exist are left out.
    pub fn triangles(&self, mesh: &MeshRecord, cluster: u32) -> impl Iterator<Item = [Vec3; 3]> + '_ {
        let record = &self.clusters()[cluster as usize];
        let pages = self.pages();
        let page = &pages[pages.partition_point(|page| page.cluster_first <= cluster) - 1];
        let bytes = &self.content()[page.offset as usize..][..page.bytes as usize];
        let grid = Grid { origin: mesh.grid_origin.into(), step: mesh.grid_step };
        let block = &bytes[record.block as usize * BLOCK_UNIT_BYTES..];
        let (positions, _) = block.split_at(record.vertices as usize * 8);
        let positions = positions.as_chunks::<8>().0;
        let corner = move |local: u8| Some(grid.unpack(u64::from_le_bytes(*positions.get(local as usize)?)));
        local_triangles(bytes, record).filter_map(move |[a, b, c]| Some([corner(a)?, corner(b)?, corner(c)?]))
    }

    /// Returns the number of original triangles of all instances.
    pub fn triangle_count(&self) -> u64 {
        self.instances().fold(0, |sum, mesh| sum.saturating_add(mesh.triangles))
    }

    /// Returns the number of original points of all instances.
    pub fn point_count(&self) -> u64 {
        self.instances().fold(0, |sum, mesh| sum.saturating_add(mesh.points))
    }

    /// Returns the number of nodes that show a mesh.
    pub fn parts(&self) -> usize {
        self.instances().count()
    }

    fn instances(&self) -> impl Iterator<Item = &MeshRecord> {
        let meshes = self.meshes();
        self.nodes().iter().filter(|node| node.mesh != NONE).map(|node| &meshes[node.mesh as usize])
    }

    /// Returns a box around all instances in the model's coordinates.
    pub fn bounds(&self) -> WorldBounds {
        let mut world: Vec<DAffine3> = Vec::with_capacity(self.nodes().len());
        let mut bounds = WorldBounds::EMPTY;
        for node in self.nodes() {
            let local = node.local();
            world.push(if node.parent == NONE { local } else { world[node.parent as usize] * local });
            if node.mesh != NONE {
                let mesh = self.meshes()[node.mesh as usize].bounds();
                bounds = bounds.union(mesh.transformed(&world[world.len() - 1]));
            }
        }
        bounds
    }
}

impl NodeRecord {
    /// Returns the transform relative to the parent.
    pub fn local(&self) -> DAffine3 {
        DAffine3::from_cols_array(&self.transform)
    }
}

impl MeshRecord {
    /// Returns the bounds in the mesh's coordinates.
    pub fn bounds(&self) -> Bounds {
        Bounds { min: self.bounds_min.into(), max: self.bounds_max.into() }
    }
}

impl ClusterRecord {
    /// Returns the bytes of the cluster's block; `detailed` says whether the material is detailed.
    pub(crate) fn block_bytes(&self, detailed: bool) -> usize {
        let (vertices, triangles) = (self.vertices as usize, self.triangles as usize);
        let words = triangles.max(1);
        let plain = (vertices * 12 + words * 4).next_multiple_of(BLOCK_UNIT_BYTES);
        plain + if detailed { vertices * 16 } else { 0 }
    }
}

impl MaterialRow {
    /// Returns whether blocks hold texture coordinates, tangents and colours.
    pub fn is_detailed(&self) -> bool {
        self.flags & MATERIAL_DETAILED != 0
    }
}

fn local_triangles<'a>(page: &'a [u8], cluster: &ClusterRecord) -> impl Iterator<Item = [u8; 3]> + use<'a> {
    let first = cluster.block as usize * BLOCK_UNIT_BYTES + cluster.vertices as usize * 12;
    page[first..][..cluster.triangles as usize * 4].as_chunks::<4>().0.iter().map(|&[a, b, c, _]| [a, b, c])
}
