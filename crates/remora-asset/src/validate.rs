//! Checks every index and every range in the tables of a container, so that readers index without further checks.

use super::error::AssetError;
use super::layers::{compressed_bytes, plain_bytes};
use super::layout::{
    BLOCK_UNIT_BYTES, BUCKETS, ClusterRecord, GroupRecord, MATERIALS_MAX, MeshRecord, NONE, PAGE_BYTES_MAX, Text,
};
use super::layout::{CLUSTER_TRIANGLES_MAX, CLUSTER_VERTICES_MAX};
use super::tables::{Tables, range};

/// Limit of the children of a tree node.
const TREE_WIDTH_MAX: u32 = 64;

/// Checks all tables: indices, ranges, names and trees. The bytes of pages are checked when they are read.
pub(crate) fn validate(bytes: &[u8], tables: &Tables) -> Result<(), AssetError> {
    let strings = std::str::from_utf8(tables.strings.of(bytes))
        .map_err(|_| AssetError::Damaged { place: "the strings".into(), what: "they are not UTF-8".into() })?;
    let check = Check { bytes, tables, strings };
    check.nodes()?;
    check.look()?;
    check.pages()?;
    check.groups()?;
    for (number, mesh) in tables.meshes.of(bytes).iter().enumerate() {
        check.mesh(mesh).map_err(|what| damaged("mesh", number, what))?;
    }
    Ok(())
}

struct Check<'a> {
    bytes: &'a [u8],
    tables: &'a Tables,
    strings: &'a str,
}

fn damaged(what: &str, number: usize, why: &'static str) -> AssetError {
    AssetError::Damaged { place: format!("{what} {number}"), what: why.into() }
}

fn require(holds: bool, why: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(why) }
}

/// Returns whether `first..first + count` is within `length`.
fn within(first: u32, count: u32, length: usize) -> bool {
    u64::from(first) + u64::from(count) <= length as u64
}

impl Check<'_> {
    fn text(&self, text: Text) -> Result<(), &'static str> {
        let strings = self.strings;
        let end = u64::from(text.first) + u64::from(text.bytes);
        let whole = end <= strings.len() as u64
            && strings.is_char_boundary(text.first as usize)
            && strings.is_char_boundary(end as usize);
        require(whole, "a text is not one")
    }

    fn nodes(&self) -> Result<(), AssetError> {
        let tables = self.tables;
        let (meshes, metadata) = (tables.meshes.of(self.bytes), tables.metadata.of(self.bytes));
        let model = tables.model.of(self.bytes);
        let [record] = model else { return Err(damaged("the record of the model,", 0, "there is not exactly one")) };
        for text in [record.name, record.generator, record.source] {
            self.text(text).map_err(|why| damaged("the record of the model,", 0, why))?;
        }
        for (number, &text) in tables.notices.of(self.bytes).iter().enumerate() {
            self.text(text).map_err(|why| damaged("notice", number, why))?;
        }
        for (number, node) in tables.nodes.of(self.bytes).iter().enumerate() {
            let check = || {
                require(node.parent == NONE || (node.parent as usize) < number, "it stands before its parent")?;
                require(node.mesh == NONE || (node.mesh as usize) < meshes.len(), "its mesh is not there")?;
                require(within(node.metadata_first, node.metadata_count, metadata.len()), "its metadata is not there")?;
                require(node.transform.iter().all(|value| value.is_finite()), "its transform is not finite")?;
                self.text(node.name)
            };
            check().map_err(|why| damaged("node", number, why))?;
        }
        for (number, record) in metadata.iter().enumerate() {
            let check = || {
                self.text(record.name)?;
                match record.kind {
                    1 | 3..=5 => Ok(()),
                    6 => self.text(Text { first: record.value as u32, bytes: (record.value >> 32) as u32 }),
                    _ => Err("its kind is unknown"),
                }
            };
            check().map_err(|why| damaged("metadata", number, why))?;
        }
        Ok(())
    }

    fn look(&self) -> Result<(), AssetError> {
        let (materials, layers) = (self.tables.materials.of(self.bytes), self.tables.layers.of(self.bytes));
        if materials.len() > MATERIALS_MAX {
            return Err(damaged("material", MATERIALS_MAX, "there are more than a file can have"));
        }
        for (number, layer) in layers.iter().enumerate() {
            let check = || {
                let side = *BUCKETS.get(layer.bucket as usize).ok_or("its size is unknown")?;
                let expected = match layer.format {
                    0 => plain_bytes(side),
                    1 => compressed_bytes(side),
                    _ => return Err("its format is unknown"),
                };
                require(layer.bytes == expected, "it has not as many bytes as its size needs")?;
                require(range(self.bytes, layer.offset, layer.bytes).is_some(), "it reaches beyond the file")
            };
            check().map_err(|why| damaged("texture layer", number, why))?;
        }
        for (number, material) in materials.iter().enumerate() {
            let check = || {
                require(material.shading <= 2 && material.alpha_mode <= 2, "its kind is unknown")?;
                require((material.bucket as usize) < BUCKETS.len(), "the size of its layers is unknown")?;
                require(material.shading == 0 || material.is_detailed(), "it has layers and no coordinates for them")?;
                let mut format = None;
                for &layer in material.layers.iter().filter(|_| material.shading > 0) {
                    let layer = layers.get(layer as usize).ok_or("a layer of it is not there")?;
                    require(layer.bucket == material.bucket, "a layer of it has another size")?;
                    require(*format.get_or_insert(layer.format) == layer.format, "its layers have several formats")?;
                }
                self.text(material.name)
            };
            check().map_err(|why| damaged("material", number, why))?;
        }
        Ok(())
    }

    fn pages(&self) -> Result<(), AssetError> {
        let (clusters, parents) = (self.tables.clusters.of(self.bytes), self.tables.page_parents.of(self.bytes));
        let materials = self.tables.materials.of(self.bytes);
        let groups = self.tables.groups.of(self.bytes);
        let mut next = 0;
        for (number, page) in self.tables.pages.of(self.bytes).iter().enumerate() {
            let check = || {
                require(page.bytes as usize <= PAGE_BYTES_MAX, "it is too large")?;
                require((page.bytes as usize).is_multiple_of(BLOCK_UNIT_BYTES), "its last block is incomplete")?;
                require(range(self.bytes, page.offset, page.bytes.into()).is_some(), "it reaches beyond the file")?;
                require(page.cluster_first == next && page.cluster_count > 0, "its clusters are not in line")?;
                require(within(page.cluster_first, page.cluster_count, clusters.len()), "its clusters are not there")?;
                require(within(page.parent_first, page.parent_count, parents.len()), "its parents are not there")?;
                let own = &parents[page.parent_first as usize..][..page.parent_count as usize];
                require(own.iter().all(|&parent| (parent as usize) < number), "a parent does not stand before it")?;
                for cluster in &clusters[page.cluster_first as usize..][..page.cluster_count as usize] {
                    let detailed = match cluster.triangles {
                        0 => false,
                        _ => materials.get(cluster.material as usize).ok_or("a material is not there")?.is_detailed(),
                    };
                    check_cluster(cluster, groups)?;
                    let end = cluster.block as usize * BLOCK_UNIT_BYTES + cluster.block_bytes(detailed);
                    require(end <= page.bytes as usize, "a cluster reaches beyond its page")?;
                }
                Ok(())
            };
            check().map_err(|why| damaged("page", number, why))?;
            next += page.cluster_count;
        }
        if next as usize != clusters.len() {
            return Err(damaged("cluster", next as usize, "it is in no page"));
        }
        Ok(())
    }

    fn groups(&self) -> Result<(), AssetError> {
        let pages = self.tables.pages.of(self.bytes);
        for (number, group) in self.tables.groups.of(self.bytes).iter().enumerate() {
            let check = || {
                let page = pages.get(group.page as usize).ok_or("its page is not there")?;
                let first = group.cluster_first.checked_sub(page.cluster_first).ok_or("its clusters are elsewhere")?;
                require(group.cluster_count > 0, "it has no clusters")?;
                require(within(first, group.cluster_count, page.cluster_count as usize), "its clusters are elsewhere")?;
                require(sphere(group.center, group.radius, group.error), "its bounds are not numbers")
            };
            check().map_err(|why| damaged("group", number, why))?;
        }
        Ok(())
    }

    fn mesh(&self, mesh: &MeshRecord) -> Result<(), &'static str> {
        let tables = self.tables;
        let (tree, groups) = (tables.tree.of(self.bytes), tables.groups.of(self.bytes));
        let (nodes, leaves) = (tables.ray_nodes.of(self.bytes), tables.ray_leaves.of(self.bytes));
        let clusters = tables.clusters.of(self.bytes);
        self.text(mesh.name)?;
        let numbers = [mesh.grid_origin.as_slice(), &[mesh.grid_step]].concat();
        require(numbers.iter().all(|value| value.is_finite()) && mesh.grid_step > 0.0, "its grid is not one")?;
        let bounds = [mesh.bounds_min, mesh.bounds_max];
        require(!bounds.as_flattened().iter().any(|value| value.is_nan()), "its bounds are not numbers")?;
        require(within(mesh.group_first, mesh.group_count, groups.len()), "its groups are not there")?;
        require(within(mesh.tree_first, mesh.tree_count, tree.len()), "its tree is not there")?;
        require(mesh.tree_roots <= mesh.tree_count, "its roots are not there")?;
        require(within(mesh.ray_first, mesh.ray_count, nodes.len()), "its ray nodes are not there")?;
        let materials = tables.mesh_materials.of(self.bytes);
        require(within(mesh.material_first, mesh.material_count, materials.len()), "its materials are not there")?;
        let used = &materials[mesh.material_first as usize..][..mesh.material_count as usize];
        let known = tables.materials.of(self.bytes).len();
        require(used.iter().all(|&material| (material as usize) < known), "a material of it is not there")?;

        let end = mesh.tree_first + mesh.tree_count;
        let mut once = Once::new(mesh.tree_first, mesh.tree_count, mesh.tree_roots);
        for (number, node) in (mesh.tree_first..).zip(&tree[mesh.tree_first as usize..end as usize]) {
            require(sphere(node.center, node.radius, node.error), "a bound of its tree is not a number")?;
            let is_there = match node.count {
                0 => node.first >= mesh.group_first && node.first < mesh.group_first + mesh.group_count,
                1..=TREE_WIDTH_MAX => {
                    node.first > number
                        && within(node.first, node.count, end as usize)
                        && once.names(node.first, node.count)
                }
                _ => false,
            };
            require(is_there, "a child of its tree is not there")?;
        }
        let end = mesh.ray_first + mesh.ray_count;
        let mut once = Once::new(mesh.ray_first, mesh.ray_count, mesh.ray_count.min(1));
        for (number, node) in (mesh.ray_first..).zip(&nodes[mesh.ray_first as usize..end as usize]) {
            if node.count == 0 {
                let is_there = node.first > number && within(node.first, 2, end as usize);
                require(is_there && once.names(node.first, 2), "a child of a ray node is not there")?;
                continue;
            }
            require(within(node.first, node.count, leaves.len()), "a ray leaf is not there")?;
            let own = &leaves[node.first as usize..][..node.count as usize];
            let drawn = |&leaf: &u32| clusters.get(leaf as usize).is_some_and(|cluster| cluster.triangles > 0);
            require(own.iter().all(drawn), "a ray leaf names no cluster of triangles")?;
        }
        Ok(())
    }
}

fn check_cluster(cluster: &ClusterRecord, groups: &[GroupRecord]) -> Result<(), &'static str> {
    let (vertices, triangles) = (cluster.vertices as usize, cluster.triangles as usize);
    let vertices_max = if triangles == 0 { CLUSTER_TRIANGLES_MAX } else { CLUSTER_VERTICES_MAX };
    require((1..=vertices_max).contains(&vertices), "a cluster has no vertices, or too many")?;
    require(triangles <= CLUSTER_TRIANGLES_MAX, "a cluster has too many triangles")?;
    require(cluster.refined == NONE || (cluster.refined as usize) < groups.len(), "a group is not there")?;
    let numbers = [cluster.center, cluster.cone_apex, cluster.cone_axis];
    let finite = numbers.as_flattened().iter().all(|value| value.is_finite());
    let positive = cluster.radius >= 0.0 && cluster.radius.is_finite() && cluster.width >= 0.0;
    require(finite && positive && !cluster.cone_cutoff.is_nan(), "a bound is not a number")
}

/// Marks for the nodes of a tree that have a parent. Children come after their parents, so a tree has no loops. Each
/// node has one parent, so a walk meets it once; with shared nodes the number of paths could grow without bound.
struct Once {
    first: u32,
    named: Vec<bool>,
}

impl Once {
    /// Returns marks for a tree whose first nodes are roots, which have no parent.
    fn new(first: u32, count: u32, roots: u32) -> Self {
        Self { first, named: (0..count).map(|number| number < roots).collect() }
    }

    /// Marks nodes, which must exist. Returns whether none of them was marked before.
    fn names(&mut self, first: u32, count: u32) -> bool {
        let first = (first - self.first) as usize;
        self.named[first..first + count as usize].iter_mut().all(|named| !std::mem::replace(named, true))
    }
}

/// Returns whether a sphere is finite and its error, which may be infinite, is not negative.
fn sphere(center: [f32; 3], radius: f32, error: f32) -> bool {
    center.iter().all(|value| value.is_finite()) && radius.is_finite() && radius >= 0.0 && error >= 0.0
}
