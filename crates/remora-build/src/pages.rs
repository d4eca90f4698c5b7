//! Packs groups into pages and finds the dependencies between pages.

use std::io::{self, Seek, Write};

use rayon::prelude::*;

use super::encode::{EncodedGroup, Encoder};
use remora_asset::container::Writer;
use remora_asset::layout::{BLOCK_UNIT_BYTES, ClusterRecord, GroupRecord, NONE, PAGE_BYTES_MAX, PAGE_ROOT, PageRecord};

/// Groups that are encoded at once: enough for all threads, in about 20 MB.
const ENCODED_GROUPS: usize = 512;

/// Collects groups until a page is full. Root groups, without which a mesh cannot be shown, have pages of their own,
/// which come first in the table. The root pages of a small mesh hold all of its levels, so that no other page has to
/// be read.
#[derive(Default)]
pub(crate) struct Packer {
    roots: Open,
    others: Open,
    root_pages: Vec<Packed>,
    other_pages: Vec<Packed>,
    /// For each group of the model, its page and its first cluster in the page.
    places: Vec<Place>,
    groups: Vec<GroupRecord>,
}

#[derive(Clone, Copy, Default)]
struct Place {
    is_root: bool,
    page: u32,
    cluster_first: u32,
}

#[derive(Default)]
struct Open {
    data: Vec<u8>,
    clusters: Vec<ClusterRecord>,
    /// Numbers of groups in the model.
    groups: Vec<u32>,
}

struct Packed {
    offset: u64,
    checksum: u64,
    bytes: u32,
    clusters: Vec<ClusterRecord>,
    groups: Vec<u32>,
}

/// The finished tables.
pub(crate) struct Tables {
    pub groups: Vec<GroupRecord>,
    pub clusters: Vec<ClusterRecord>,
    pub pages: Vec<PageRecord>,
    pub parents: Vec<u32>,
}

/// Bytes of a mesh's groups in root pages and in others.
#[derive(Clone, Copy, Default)]
struct BytesOf {
    roots: usize,
    others: usize,
}

impl BytesOf {
    fn mesh(mesh: &Encoder<'_>) -> Self {
        let of = |is_root: bool| {
            let groups = mesh.hierarchy.groups.iter().filter(|group| group.is_root == is_root);
            groups.map(|group| mesh.bytes(group)).sum()
        };
        Self { roots: of(true), others: of(false) }
    }
}

impl Packer {
    /// Returns the number of groups so far, which is the number of the next one.
    pub(crate) fn group_count(&self) -> u32 {
        self.groups.len() as u32
    }

    /// Adds the groups of meshes, the coarse ones of each mesh first. Only a few groups are encoded at a time, because
    /// blocks are the larger part of an asset. Meshes share a page only if each of them lies in it as a whole. A page
    /// with the end of one mesh and the beginning of another would depend on both, and chains of such pages would
    /// depend on everything.
    pub(crate) fn add<W: Write + Seek>(&mut self, meshes: &[Encoder<'_>], out: &mut Writer<W>) -> io::Result<()> {
        let groups_of = |mesh: &Encoder<'_>| mesh.hierarchy.groups.len() as u32;
        let all: Vec<(&Encoder<'_>, u32)> =
            meshes.iter().flat_map(|mesh| (0..groups_of(mesh)).rev().map(move |group| (mesh, group))).collect();
        let (mut first, mut bytes) = (self.group_count(), BytesOf::default());
        for some in all.chunks(ENCODED_GROUPS) {
            let encoded: Vec<EncodedGroup> =
                some.par_iter().map(|(mesh, group)| mesh.encode(&mesh.hierarchy.groups[*group as usize])).collect();
            for (&(mesh, group), mut encoded) in some.iter().zip(encoded) {
                if group + 1 == groups_of(mesh) {
                    (first, bytes) = (self.group_count(), BytesOf::mesh(mesh));
                    self.begin(mesh, bytes, out)?;
                }
                for cluster in encoded.clusters.iter_mut().filter(|cluster| cluster.refined != NONE) {
                    cluster.refined += first;
                }
                self.pack(first + group, mesh.hierarchy.groups[group as usize].is_root, encoded, out)?;
                if group == 0 && bytes.others > PAGE_BYTES_MAX {
                    self.close(false, out)?;
                }
            }
        }
        Ok(())
    }

    /// Prepares the current pages for the groups of a mesh.
    fn begin<W: Write + Seek>(&mut self, mesh: &Encoder<'_>, bytes: BytesOf, out: &mut Writer<W>) -> io::Result<()> {
        if self.roots.data.len() + bytes.roots > PAGE_BYTES_MAX {
            self.close(true, out)?;
        }
        if self.others.data.len() + bytes.others > PAGE_BYTES_MAX {
            self.close(false, out)?;
        }
        self.groups.extend(mesh.hierarchy.groups.iter().map(|group| GroupRecord {
            center: group.center.into(),
            radius: group.radius,
            error: group.error,
            page: NONE,
            cluster_first: 0,
            cluster_count: group.clusters.len() as u32,
        }));
        self.places.resize(self.groups.len(), Place::default());
        Ok(())
    }

    fn close<W: Write + Seek>(&mut self, is_root: bool, out: &mut Writer<W>) -> io::Result<()> {
        let (open, pages) = self.open(is_root);
        if !open.groups.is_empty() {
            pages.push(open.close(out)?);
        }
        Ok(())
    }

    fn open(&mut self, is_root: bool) -> (&mut Open, &mut Vec<Packed>) {
        match is_root {
            true => (&mut self.roots, &mut self.root_pages),
            false => (&mut self.others, &mut self.other_pages),
        }
    }

    fn pack<W: Write + Seek>(
        &mut self,
        number: u32,
        is_root: bool,
        encoded: EncodedGroup,
        out: &mut Writer<W>,
    ) -> io::Result<()> {
        // The number of clusters in a group is limited (`detail`), so that a group always fits into a page.
        debug_assert!(encoded.data.len() <= PAGE_BYTES_MAX);
        if self.open(is_root).0.data.len() + encoded.data.len() > PAGE_BYTES_MAX {
            self.close(is_root, out)?;
        }
        let (open, pages) = self.open(is_root);
        let cluster_first = open.clusters.len() as u32;
        let place = Place { is_root, page: pages.len() as u32, cluster_first };
        let base = (open.data.len() / BLOCK_UNIT_BYTES) as u32;
        let moved =
            encoded.clusters.into_iter().map(|cluster| ClusterRecord { block: cluster.block + base, ..cluster });
        open.clusters.extend(moved);
        open.data.extend_from_slice(&encoded.data);
        open.groups.push(number);
        self.places[number as usize] = place;
        Ok(())
    }

    /// Writes the pages that are not full yet and returns the tables of all pages.
    pub(crate) fn finish<W: Write + Seek>(mut self, out: &mut Writer<W>) -> io::Result<Tables> {
        self.close(true, out)?;
        self.close(false, out)?;
        let root_count = self.root_pages.len() as u32;
        let packed: Vec<Packed> = self.root_pages.into_iter().chain(self.other_pages).collect();
        let mut tables = Tables {
            groups: self.groups,
            clusters: Vec::with_capacity(packed.iter().map(|page| page.clusters.len()).sum()),
            pages: Vec::with_capacity(packed.len()),
            parents: Vec::new(),
        };
        // The parents of a page are the pages whose clusters replace its groups, each once.
        let page_of = |place: &Place| if place.is_root { place.page } else { root_count + place.page };
        let mut parents: Vec<Vec<u32>> = vec![Vec::new(); packed.len()];
        for (number, page) in (0..).zip(&packed) {
            for cluster in page.clusters.iter().filter(|cluster| cluster.refined != NONE) {
                let finer = page_of(&self.places[cluster.refined as usize]);
                if finer != number && parents[finer as usize].last() != Some(&number) {
                    parents[finer as usize].push(number);
                }
            }
        }
        for (number, page) in (0..).zip(packed) {
            let cluster_first = tables.clusters.len() as u32;
            for &group in &page.groups {
                let record = &mut tables.groups[group as usize];
                record.page = number;
                record.cluster_first = cluster_first + self.places[group as usize].cluster_first;
            }
            let of_page = &mut parents[number as usize];
            of_page.sort_unstable();
            of_page.dedup();
            tables.pages.push(PageRecord {
                offset: page.offset,
                checksum: page.checksum,
                bytes: page.bytes,
                cluster_first,
                cluster_count: page.clusters.len() as u32,
                parent_first: tables.parents.len() as u32,
                parent_count: of_page.len() as u32,
                flags: if number < root_count { PAGE_ROOT } else { 0 },
            });
            tables.parents.append(of_page);
            tables.clusters.extend(page.clusters);
        }
        Ok(tables)
    }
}

impl Open {
    fn close<W: Write + Seek>(&mut self, out: &mut Writer<W>) -> io::Result<Packed> {
        let (offset, checksum) = out.put(&self.data)?;
        let bytes = self.data.len() as u32;
        self.data.clear();
        let clusters = std::mem::take(&mut self.clusters);
        Ok(Packed { offset, checksum, bytes, clusters, groups: std::mem::take(&mut self.groups) })
    }
}
