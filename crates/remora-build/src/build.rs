//! Builds an asset from a model.
//!
//! ```text
//!   Mesh ──detail──▶ Hierarchy ──pages, encode──▶ groups in blocks ──▶ pages ─┐
//!   Material, Texture ──look──▶ words, layers ────────────────────────────────┼─▶ container
//!   Node, names, metadata ────────────────────────────────────────────────────┘
//! ```
//!
//! Meshes are built in batches. Besides the model, memory holds the levels of detail of one batch, as indices into the
//! model, and the tables of the groups that have been written. Blocks are encoded a few groups at a time and written at
//! once.

use std::io::{Cursor, Seek, Write};
use std::sync::Arc;

use glam::DAffine3;
use rayon::prelude::*;

use super::coarse_builder::CoarseBuilder;
use super::compress;
use super::encode::Encoder;
use super::look::{self, Recipe};
use super::mesh::{Built, build_mesh, units};
use super::options::{BuildError, BuildOptions, Detail};
use super::pages::Packer;
use crate::detail::work::{Cancelled, Work};
use remora_asset::Asset;
use remora_asset::container::{Strings, Writer};
use remora_asset::layout::{
    BUCKETS, LayerRecord, MATERIAL_DETAILED, MATERIALS_MAX, MODEL_COARSE, MeshRecord, MetadataRecord, ModelRecord,
    NONE, NodeRecord, RayNode, Text, TreeNode, kind,
};
use remora_model::{Mesh, MetadataValue, Model};

/// Revision of the builder. It is part of the cache's keys and changes whenever the same model is built differently.
pub const REVISION: u32 = 5;

/// Triangles and points that are built at once. This bounds the memory of building.
const BATCH_PRIMITIVES: u64 = 4_000_000;
/// Texels of layers that are made at once, unless that is less than a layer for each thread.
const BATCH_TEXELS: u64 = 4 << 20;
/// Texels that count as much towards the progress as one triangle.
const TEXELS_PER_UNIT: u64 = 16;

/// Builds an asset in memory; see [`build_into`].
///
/// # Errors
///
/// The model is too large for the format, or `cancelled` has returned true.
pub fn build_asset(
    model: &Model,
    options: &BuildOptions,
    progress: &(dyn Fn(f32) + Sync),
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Asset, BuildError> {
    let mut bytes = Vec::new();
    build_into(model, options, progress, cancelled, Cursor::new(&mut bytes))?;
    Ok(open_built(bytes))
}

/// Opens the bytes of a container that has just been built.
pub(super) fn open_built(bytes: Vec<u8>) -> Asset {
    // Allocators usually align large blocks as mapped files are. Then no copy is necessary.
    let is_aligned = (bytes.as_ptr() as usize).is_multiple_of(size_of::<u128>());
    let asset = if is_aligned { Asset::open(Arc::new(bytes)) } else { Asset::from_bytes(&bytes) };
    asset.expect("what has just been built is sound")
}

/// Builds an asset of `model`, which must be consistent ([`Model::check`]), on the threads of the current rayon pool
/// and writes it to `out`. Returns its length in bytes. `progress` is called with fractions from 0 to 1, on any thread.
///
/// # Errors
///
/// The model is too large for the format, `out` cannot be written to, or `cancelled` has returned true. The bytes that
/// have been written by then are no asset.
pub fn build_into<W: Write + Seek>(
    model: &Model,
    options: &BuildOptions,
    progress: &(dyn Fn(f32) + Sync),
    cancelled: &(dyn Fn() -> bool + Sync),
    out: W,
) -> Result<u64, BuildError> {
    build_with(model, None, options, progress, cancelled, out)
}

/// Builds an asset as [`build_into`] does, with the meshes that `coarse_builder` has built already if `options` suits
/// it.
pub(super) fn build_with<W: Write + Seek>(
    model: &Model,
    coarse_builder: Option<&CoarseBuilder>,
    options: &BuildOptions,
    progress: &(dyn Fn(f32) + Sync),
    cancelled: &(dyn Fn() -> bool + Sync),
    out: W,
) -> Result<u64, BuildError> {
    if model.materials.len() > MATERIALS_MAX {
        return Err(BuildError::TooManyMaterials { count: model.materials.len() });
    }
    let plan = look::plan(model, options.texture_dimension_max);
    let texels: u64 = plan.recipes.iter().map(texels).sum();
    let primitives: u64 = model.meshes.iter().map(|mesh| units(mesh, options.detail)).sum();
    let work = Work::new(primitives + texels / TEXELS_PER_UNIT, progress, cancelled);

    let mut out = Writer::new(out)?;
    let mut strings = Strings::default();
    let detailed: Vec<bool> = plan.materials.iter().map(|row| row.flags & MATERIAL_DETAILED != 0).collect();
    let coarse_builder = coarse_builder.filter(|builder| builder.suits(options.detail));
    write_meshes(model, coarse_builder, options.detail, &detailed, &work, &mut strings, &mut out)?;
    write_layers(model, &plan.recipes, options.compress_textures, &work, &mut out)?;
    let materials: Vec<_> = plan
        .materials
        .iter()
        .zip(&model.materials)
        .map(|(row, material)| remora_asset::layout::MaterialRow { name: strings.add(&material.name), ..*row })
        .collect();
    out.section(kind::MATERIALS, &materials)?;
    write_nodes(model, &mut strings, &mut out)?;
    let coarse = matches!(options.detail, Detail::Coarse { .. });
    let generator = concat!("remora ", env!("CARGO_PKG_VERSION"));
    let record = ModelRecord {
        name: strings.add(&model.name),
        generator: strings.add(generator),
        source: strings.add(&options.source),
        flags: if coarse { MODEL_COARSE } else { 0 },
        reserved: 0,
    };
    out.section(kind::MODEL, &[record])?;
    let notices: Vec<Text> = model.notices.texts().iter().map(|text| strings.add(text)).collect();
    out.section(kind::NOTICES, &notices)?;
    out.section(kind::STRINGS, strings.bytes())?;
    Ok(out.finish()?)
}

/// Returns the number of texels of a layer's largest level.
fn texels(recipe: &Recipe) -> u64 {
    u64::from(BUCKETS[recipe.bucket as usize]).pow(2)
}

fn write_meshes<W: Write + Seek>(
    model: &Model,
    coarse_builder: Option<&CoarseBuilder>,
    detail: Detail,
    detailed: &[bool],
    work: &Work<'_>,
    strings: &mut Strings,
    out: &mut Writer<W>,
) -> Result<(), BuildError> {
    let total: u64 = model.meshes.iter().map(|mesh| units(mesh, detail)).sum();
    let mut packer = Packer::default();
    let mut records: Vec<MeshRecord> = Vec::with_capacity(model.meshes.len());
    let mut tree: Vec<TreeNode> = Vec::new();
    let mut mesh_materials: Vec<u32> = Vec::new();
    let (mut ray_nodes, mut ray_leaves): (Vec<RayNode>, Vec<(u32, u32)>) = (Vec::new(), Vec::new());
    for batch in batches(&model.meshes, detail) {
        let mut group_first = packer.group_count();
        let first = records.len();
        let build = |(number, mesh)| match coarse_builder.and_then(|builder| builder.take(first + number)) {
            Some(built) => {
                work.advance(units(mesh, detail));
                Ok(built)
            }
            None => build_mesh(mesh, detail, total, work),
        };
        let built: Vec<Built> = batch.par_iter().enumerate().map(build).collect::<Result<_, Cancelled>>()?;
        for (mesh, built) in batch.iter().zip(&built) {
            let bounds = built.bounds;
            let material_first = mesh_materials.len() as u32;
            let mut used: Vec<u32> = mesh.primitives.iter().map(|primitive| primitive.material).collect();
            used.sort_unstable();
            used.dedup();
            mesh_materials.extend(&used);
            let (tree_first, ray_first) = (tree.len() as u32, ray_nodes.len() as u32);
            let leaf_first = ray_leaves.len() as u32;
            records.push(MeshRecord {
                name: strings.add(&mesh.name),
                bounds_min: bounds.min.into(),
                bounds_max: bounds.max.into(),
                grid_origin: built.grid.origin.into(),
                grid_step: built.grid.step,
                triangles: mesh.triangles(),
                points: mesh.points.positions.len() as u64,
                tree_first,
                tree_roots: built.tree_roots,
                tree_count: built.tree.len() as u32,
                group_first,
                group_count: built.hierarchy.groups.len() as u32,
                material_first,
                material_count: used.len() as u32,
                ray_first,
                ray_count: built.rays.0.len() as u32,
                reserved: 0,
            });
            tree.extend(built.tree.iter().map(|node| TreeNode {
                first: node.first + if node.count == 0 { group_first } else { tree_first },
                ..*node
            }));
            ray_nodes.extend(built.rays.0.iter().map(|node| RayNode {
                first: node.first + if node.count == 0 { ray_first } else { leaf_first },
                ..*node
            }));
            ray_leaves.extend(built.rays.1.iter().map(|&(group, place)| (group + group_first, place)));
            group_first += built.hierarchy.groups.len() as u32;
        }
        let encoders: Vec<Encoder<'_>> = batch
            .iter()
            .zip(&built)
            .map(|(mesh, built)| Encoder {
                mesh: built.shown.as_ref().unwrap_or(mesh),
                hierarchy: &built.hierarchy,
                grid: built.grid,
                detailed,
            })
            .collect();
        packer.add(&encoders, out)?;
    }
    let tables = packer.finish(out)?;
    let most = [tree.len(), tables.clusters.len(), ray_nodes.len(), ray_leaves.len()].into_iter().max().unwrap_or(0);
    if most >= NONE as usize {
        return Err(BuildError::TooMany { what: "clusters", max: NONE.into() });
    }
    let leaves: Vec<u32> =
        ray_leaves.iter().map(|&(group, place)| tables.groups[group as usize].cluster_first + place).collect();
    out.section(kind::MESHES, &records)?;
    out.section(kind::MESH_MATERIALS, &mesh_materials)?;
    out.section(kind::TREE, &tree)?;
    out.section(kind::GROUPS, &tables.groups)?;
    out.section(kind::CLUSTERS, &tables.clusters)?;
    out.section(kind::PAGES, &tables.pages)?;
    out.section(kind::PAGE_PARENTS, &tables.parents)?;
    out.section(kind::RAY_NODES, &ray_nodes)?;
    out.section(kind::RAY_LEAVES, &leaves)?;
    Ok(())
}

/// Splits meshes into batches that are large enough for all threads and small enough for the memory.
fn batches(meshes: &[Mesh], detail: Detail) -> Vec<&[Mesh]> {
    if let Detail::Coarse { .. } = detail {
        return vec![meshes];
    }
    let mut batches = Vec::new();
    let (mut first, mut primitives) = (0, 0);
    for (index, mesh) in meshes.iter().enumerate() {
        primitives += mesh.triangles() + mesh.points.positions.len() as u64;
        if primitives >= BATCH_PRIMITIVES {
            batches.push(&meshes[first..=index]);
            (first, primitives) = (index + 1, 0);
        }
    }
    batches.push(&meshes[first..]);
    batches
}

fn write_layers<W: Write + Seek>(
    model: &Model,
    recipes: &[Recipe],
    compressed: bool,
    work: &Work<'_>,
    out: &mut Writer<W>,
) -> Result<(), BuildError> {
    let mut records = Vec::with_capacity(recipes.len());
    // A layer of the largest size has 85 MiB, so only a few are made at a time. Small ones are made together, so that
    // no thread waits for each of them.
    let mut rest = recipes;
    while !rest.is_empty() {
        let mut together = 0;
        let small = rest.iter().take_while(|recipe| {
            together += texels(recipe);
            together <= BATCH_TEXELS
        });
        let count = small.count().max(rayon::current_num_threads()).min(rest.len());
        let (some, later) = rest.split_at(count);
        rest = later;
        let layers: Vec<Vec<u8>> = some
            .par_iter()
            .map(|&recipe| {
                work.check()?;
                let plain = look::texels(model, recipe);
                let side = BUCKETS[recipe.bucket as usize];
                let layer = if compressed && !recipe.exact { compress::compressed(&plain, side) } else { plain };
                work.advance(texels(&recipe) / TEXELS_PER_UNIT);
                Ok(layer)
            })
            .collect::<Result<_, Cancelled>>()?;
        for (recipe, layer) in some.iter().zip(layers) {
            let (offset, checksum) = out.put(&layer)?;
            records.push(LayerRecord {
                offset,
                bytes: layer.len() as u64,
                checksum,
                bucket: recipe.bucket.into(),
                format: (compressed && !recipe.exact).into(),
            });
        }
    }
    out.section(kind::LAYERS, &records)?;
    Ok(())
}

fn write_nodes<W: Write + Seek>(model: &Model, strings: &mut Strings, out: &mut Writer<W>) -> Result<(), BuildError> {
    let mut metadata: Vec<MetadataRecord> = Vec::new();
    let nodes: Vec<NodeRecord> = model
        .nodes
        .iter()
        .map(|node| {
            let metadata_first = metadata.len() as u32;
            metadata.extend(node.metadata.iter().map(|(name, value)| metadata_record(name, value, strings)));
            NodeRecord {
                transform: transform(&node.transform),
                parent: node.parent.unwrap_or(NONE),
                mesh: node.mesh.unwrap_or(NONE),
                name: strings.add(&node.name),
                metadata_first,
                metadata_count: node.metadata.len() as u32,
                reserved: [0; 2],
            }
        })
        .collect();
    out.section(kind::NODES, &nodes)?;
    out.section(kind::METADATA, &metadata)?;
    Ok(())
}

fn metadata_record(name: &str, value: &MetadataValue, strings: &mut Strings) -> MetadataRecord {
    let (kind, value) = match value {
        MetadataValue::Bool(value) => (1, u64::from(*value)),
        MetadataValue::Integer(value) => (3, *value as u64),
        MetadataValue::Unsigned(value) => (4, *value),
        MetadataValue::Double(value) => (5, value.to_bits()),
        MetadataValue::Text(text) => {
            let Text { first, bytes } = strings.add(text);
            (6, u64::from(first) | u64::from(bytes) << 32)
        }
    };
    MetadataRecord { name: strings.add(name), kind, reserved: 0, value }
}

fn transform(transform: &DAffine3) -> [f64; 12] {
    transform.to_cols_array()
}
