//! A call that holds for any input. It is the fuzz target `asset` of `fuzz/`; a test runs it over the corpus too.

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

use crate::layout::{BUCKETS, Header, LayerRecord, PageRecord, Section, kind};
use crate::{Asset, layers};

/// Longest side of the layers that are decompressed here. Larger ones only take longer.
const EXPANDED_SIDE_MAX: u32 = 64;

/// Reads a container twice: as it is, and with its checksums corrected. A fuzzer cannot guess checksums, and an
/// attacker can compute them.
pub fn asset(input: &[u8]) {
    ask(input);
    if let Some(repaired) = repaired(input) {
        ask(&repaired);
    }
}

fn ask(bytes: &[u8]) {
    if let Ok(asset) = Asset::from_bytes(bytes) {
        read_all(&asset);
    }
}

/// Reads everything in an asset.
pub fn read_all(asset: &Asset) {
    let _ = (asset.name(), asset.generator(), asset.source(), asset.is_coarse());
    let _ = (asset.bounds(), asset.triangle_count(), asset.point_count(), asset.parts());
    for node in asset.nodes() {
        let _ = (asset.text(node.name), asset.metadata(node), node.local());
    }
    for material in asset.materials() {
        let _ = asset.text(material.name);
    }
    for (number, page) in (0..).zip(asset.pages()) {
        let _ = (asset.page(number), asset.page_parents(page));
    }
    for (number, layer) in (0..).zip(asset.layers()) {
        let side = BUCKETS[layer.bucket as usize];
        if let Ok(blocks) = asset.layer(number)
            && layer.format == 1
            && side <= EXPANDED_SIDE_MAX
        {
            assert_eq!(layers::expanded(blocks, side).len() as u64, layers::plain_bytes(side));
        }
    }
    for mesh in asset.meshes() {
        let _ = (asset.text(mesh.name), asset.mesh_materials(mesh), mesh.bounds());
        for node in &asset.ray_nodes()[mesh.ray_first as usize..][..mesh.ray_count as usize] {
            if node.count > 0 {
                for &leaf in &asset.ray_leaves()[node.first as usize..][..node.count as usize] {
                    let _ = asset.triangles(mesh, leaf).count();
                }
            }
        }
    }
}

/// Returns a container with correct checksums, length and offset of the table. `None` if there is no header or no room
/// for a table.
pub fn repaired(input: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = input.to_vec();
    let mut header: Header = bytemuck::pod_read_unaligned(bytes.get(..size_of::<Header>())?);
    let table_bytes = (header.section_count as usize).checked_mul(size_of::<Section>())?;
    let table_at = bytes.len().checked_sub(table_bytes).filter(|&at| at >= size_of::<Header>())?;
    let mut table: Vec<Section> = bytemuck::pod_collect_to_vec(&bytes[table_at..]);

    for section in &table {
        let Some(range) = within(section.offset, section.bytes, table_at) else { continue };
        match section.kind {
            kind::PAGES => repair::<PageRecord>(&mut bytes, range, |page, whole| {
                page.checksum = checksum(whole, page.offset, page.bytes.into()).unwrap_or(page.checksum);
            }),
            kind::LAYERS => repair::<LayerRecord>(&mut bytes, range, |layer, whole| {
                layer.checksum = checksum(whole, layer.offset, layer.bytes).unwrap_or(layer.checksum);
            }),
            _ => {}
        }
    }
    for section in &mut table {
        section.checksum = checksum(&bytes, section.offset, section.bytes).unwrap_or(section.checksum);
    }
    bytes[table_at..].copy_from_slice(bytemuck::cast_slice(&table));
    header.file_bytes = bytes.len() as u64;
    header.table_offset = table_at as u64;
    header.checksum = 0;
    bytes[..size_of::<Header>()].copy_from_slice(bytemuck::bytes_of(&header));
    header.checksum = xxh3_64(&[&bytes[..size_of::<Header>()], &bytes[table_at..]].concat());
    bytes[..size_of::<Header>()].copy_from_slice(bytemuck::bytes_of(&header));
    Some(bytes)
}

/// Changes the whole records in a range. `change` receives all bytes as they were before.
fn repair<T: bytemuck::Pod>(bytes: &mut [u8], range: Range<usize>, change: impl Fn(&mut T, &[u8])) {
    let whole = range.len() / size_of::<T>() * size_of::<T>();
    let mut records: Vec<T> = bytemuck::pod_collect_to_vec(&bytes[range.start..][..whole]);
    records.iter_mut().for_each(|record| change(record, bytes));
    bytes[range.start..][..whole].copy_from_slice(bytemuck::cast_slice(&records));
}

fn checksum(bytes: &[u8], offset: u64, length: u64) -> Option<u64> {
    Some(xxh3_64(&bytes[within(offset, length, bytes.len())?]))
}

fn within(offset: u64, length: u64, end: usize) -> Option<Range<usize>> {
    let last = offset.checked_add(length).filter(|&last| last <= end as u64)?;
    Some(offset as usize..last as usize)
}
