//! The sections of a container, as slices of records.

use std::marker::PhantomData;
use std::ops::Range;

use bytemuck::Pod;
use xxhash_rust::xxh3::xxh3_64;

use super::error::AssetError;
use super::layout::{
    ALIGNMENT, ClusterRecord, GroupRecord, Header, LayerRecord, MAGIC, MaterialRow, MeshRecord, MetadataRecord,
    ModelRecord, NodeRecord, PageRecord, RayNode, Section, Text, TreeNode, VERSION, kind,
};

/// Records of one kind in a range of the container's bytes.
#[derive(Debug)]
pub(crate) struct Table<T> {
    range: Range<usize>,
    record: PhantomData<fn() -> T>,
}

/// All tables of a container.
#[derive(Debug)]
pub(crate) struct Tables {
    pub strings: Table<u8>,
    pub model: Table<ModelRecord>,
    pub nodes: Table<NodeRecord>,
    pub metadata: Table<MetadataRecord>,
    pub meshes: Table<MeshRecord>,
    pub mesh_materials: Table<u32>,
    pub tree: Table<TreeNode>,
    pub groups: Table<GroupRecord>,
    pub clusters: Table<ClusterRecord>,
    pub pages: Table<PageRecord>,
    pub page_parents: Table<u32>,
    pub materials: Table<MaterialRow>,
    pub layers: Table<LayerRecord>,
    pub ray_nodes: Table<RayNode>,
    pub ray_leaves: Table<u32>,
    pub notices: Table<Text>,
}

impl<T: Pod> Table<T> {
    /// Returns the records in the container's bytes.
    pub(crate) fn of<'a>(&self, bytes: &'a [u8]) -> &'a [T] {
        bytemuck::cast_slice(&bytes[self.range.clone()])
    }
}

impl Tables {
    /// Finds all sections and compares their checksums.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, AssetError> {
        let sections = sections(bytes)?;
        let found = Found { bytes, sections };
        Ok(Self {
            strings: found.table(kind::STRINGS, "strings")?,
            model: found.table(kind::MODEL, "the model")?,
            nodes: found.table(kind::NODES, "nodes")?,
            metadata: found.table(kind::METADATA, "metadata")?,
            meshes: found.table(kind::MESHES, "meshes")?,
            mesh_materials: found.table(kind::MESH_MATERIALS, "materials of meshes")?,
            tree: found.table(kind::TREE, "tree nodes")?,
            groups: found.table(kind::GROUPS, "groups")?,
            clusters: found.table(kind::CLUSTERS, "clusters")?,
            pages: found.table(kind::PAGES, "pages")?,
            page_parents: found.table(kind::PAGE_PARENTS, "parents of pages")?,
            materials: found.table(kind::MATERIALS, "materials")?,
            layers: found.table(kind::LAYERS, "layers")?,
            ray_nodes: found.table(kind::RAY_NODES, "ray nodes")?,
            ray_leaves: found.table(kind::RAY_LEAVES, "ray leaves")?,
            notices: found.optional_table(kind::NOTICES, "notices")?,
        })
    }
}

struct Found<'a> {
    bytes: &'a [u8],
    sections: Vec<Section>,
}

impl Found<'_> {
    /// Returns an empty table if the section is missing, as in files that are older than the section.
    fn optional_table<T: Pod>(&self, kind: u32, what: &'static str) -> Result<Table<T>, AssetError> {
        match self.sections.iter().any(|section| section.kind == kind) {
            true => self.table(kind, what),
            false => Ok(Table { range: 0..0, record: PhantomData }),
        }
    }

    fn table<T: Pod>(&self, kind: u32, what: &'static str) -> Result<Table<T>, AssetError> {
        let damaged = |why: String| AssetError::Damaged { place: format!("the section of {what}"), what: why };
        let Some(section) = self.sections.iter().find(|section| section.kind == kind) else {
            return Err(damaged("it is not there".into()));
        };
        let range = range(self.bytes, section.offset, section.bytes)
            .ok_or_else(|| damaged("it reaches beyond the end of the file".into()))?;
        if section.record_bytes as usize != size_of::<T>() || range.len() % size_of::<T>() != 0 {
            let (have, want) = (section.record_bytes, size_of::<T>());
            return Err(damaged(format!("its records have {have} bytes instead of {want}, or the last is incomplete")));
        }
        if section.offset % ALIGNMENT != 0 {
            return Err(damaged(format!("it does not begin at a multiple of {ALIGNMENT}")));
        }
        let content = &self.bytes[range.clone()];
        if xxh3_64(content) != section.checksum {
            return Err(damaged("its checksum is another one".into()));
        }
        // The owner of the bytes aligns the container.
        if bytemuck::try_cast_slice::<u8, T>(content).is_err() {
            return Err(damaged("it is not aligned in memory".into()));
        }
        Ok(Table { range, record: PhantomData })
    }
}

/// Returns the range if it is within the bytes.
pub(crate) fn range(bytes: &[u8], offset: u64, length: u64) -> Option<Range<usize>> {
    let end = offset.checked_add(length)?;
    (end <= bytes.len() as u64).then_some(offset as usize..end as usize)
}

fn sections(bytes: &[u8]) -> Result<Vec<Section>, AssetError> {
    let damaged = |what: &str| AssetError::Damaged { place: "the header".into(), what: what.into() };
    if !bytes.starts_with(&MAGIC) {
        return Err(AssetError::NotAnAsset);
    }
    let Some(header) = bytes.get(..size_of::<Header>()) else {
        return Err(damaged("the file ends within it"));
    };
    let header: Header = bytemuck::pod_read_unaligned(header);
    if header.version > VERSION {
        return Err(AssetError::Newer { version: header.version });
    }
    if header.file_bytes != bytes.len() as u64 {
        let (whole, here) = (header.file_bytes, bytes.len());
        return Err(damaged(&format!("it announces {whole} bytes, the file has {here}")));
    }
    let table_bytes = u64::from(header.section_count) * size_of::<Section>() as u64;
    let table = range(bytes, header.table_offset, table_bytes)
        .filter(|table| table.end == bytes.len())
        .ok_or_else(|| damaged("the table of sections is not at the end of the file"))?;
    let table: Vec<Section> = bytemuck::pod_collect_to_vec(&bytes[table]);
    if super::container::checksum_of(&header, &table) != header.checksum {
        return Err(damaged("its checksum is another one"));
    }
    Ok(table)
}
