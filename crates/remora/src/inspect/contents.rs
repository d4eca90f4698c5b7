//! The contents of an asset, as numbers and a few names.

use std::{collections::BTreeSet, path::Path};

use remora_asset::Asset;
use remora_asset::layout::NONE;
use remora_convert::{Source, SourceFormat};
use serde::Serialize;

use crate::session::{table, trimmed};

/// Limit of listed names of each kind.
const NAMES_MAX: usize = 20;

/// The output of `remora inspect`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Contents {
    file: String,
    format: &'static str,
    /// Size of the file.
    bytes: u64,
    nodes: usize,
    /// Nodes with a mesh.
    parts: usize,
    meshes: usize,
    /// Triangles of all parts; a mesh that several parts share counts for each.
    triangles: u64,
    points: u64,
    /// `null` if the model has no geometry.
    bounds: Option<Box3>,
    materials: Names,
    texture_layers: Layers,
    metadata: Names,
    /// The differences between the model and its file.
    notices: Vec<String>,
    /// Present if the file is an asset.
    #[serde(skip_serializing_if = "Option::is_none")]
    asset: Option<AssetContents>,
}

/// Contents that only an asset has.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AssetContents {
    name: String,
    generator: String,
    source: String,
    /// The asset is a coarse form of the model.
    coarse: bool,
    groups: usize,
    clusters: usize,
    pages: usize,
    /// Primitives at full detail. Each mesh counts once, however many parts share it.
    original: Primitives,
    simplified: Primitives,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Primitives {
    triangles: u64,
    points: u64,
}

/// An axis-aligned box, in metres.
#[derive(Debug, Serialize)]
struct Box3 {
    min: [f64; 3],
    max: [f64; 3],
    size: [f64; 3],
}

#[derive(Debug, Serialize)]
struct Names {
    count: usize,
    /// The first names.
    names: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Layers {
    count: usize,
    /// Size in graphics memory, mip levels included.
    bytes: u64,
}

impl Contents {
    /// Describes `asset`, which was opened or built from `source`.
    pub(crate) fn of(file: &Path, source: &Source, asset: &Asset) -> Self {
        let bounds = asset.bounds();
        let bounds = (!bounds.is_empty()).then(|| Box3 {
            min: bounds.min.to_array(),
            max: bounds.max.to_array(),
            size: (bounds.max - bounds.min).to_array(),
        });
        let materials = asset.materials().iter().map(|material| asset.text(material.name));
        let metadata: BTreeSet<&str> =
            asset.nodes().iter().flat_map(|node| asset.metadata(node)).map(|(name, _)| name).collect();
        let layers = asset.layers();
        let format = source.format();
        Self {
            file: file.display().to_string(),
            format: format.name(),
            bytes: source.bytes().len() as u64,
            nodes: asset.nodes().len(),
            parts: asset.parts(),
            meshes: asset.meshes().len(),
            triangles: asset.triangle_count(),
            points: asset.point_count(),
            bounds,
            materials: Names::of(materials),
            texture_layers: Layers { count: layers.len(), bytes: layers.iter().map(|layer| layer.bytes).sum() },
            metadata: Names::of(metadata.into_iter()),
            notices: asset.notices().map(str::to_owned).collect(),
            asset: (format == SourceFormat::Asset).then(|| AssetContents::of(asset)),
        }
    }

    /// Returns one line per property.
    pub(crate) fn table(&self) -> String {
        let mut rows = vec![("file", self.file.clone()), ("format", self.format.to_owned())];
        if let Some(asset) = &self.asset {
            let coarse = if asset.coarse { ", a coarse form" } else { "" };
            rows.push(("name", asset.name.clone()));
            rows.push(("made by", format!("{} from {}{coarse}", asset.generator, asset.source)));
        }
        rows.push(("bytes", self.bytes.to_string()));
        match &self.bounds {
            Some(Box3 { min, max, size }) => {
                rows.push(("size", format!("{} m", triple(size, " × "))));
                rows.push(("bounds", format!("{} to {}", triple(min, ", "), triple(max, ", "))));
            }
            None => rows.push(("size", "no geometry".to_owned())),
        }
        rows.extend([
            ("nodes", self.nodes.to_string()),
            ("parts", self.parts.to_string()),
            ("meshes", self.meshes.to_string()),
            ("triangles", self.triangles.to_string()),
            ("points", self.points.to_string()),
            ("materials", self.materials.line()),
            ("texture layers", format!("{}, {} bytes", self.texture_layers.count, self.texture_layers.bytes)),
            ("metadata", self.metadata.line()),
        ]);
        if let Some(asset) = &self.asset {
            rows.extend([
                ("groups", asset.groups.to_string()),
                ("clusters", asset.clusters.to_string()),
                ("pages", asset.pages.to_string()),
                ("original", asset.original.line()),
                ("simplified", asset.simplified.line()),
            ]);
        }
        rows.extend(self.notices.iter().map(|notice| ("notice", notice.clone())));
        let mut table = table();
        for (name, value) in rows {
            table.add_row([name.to_owned(), value]);
        }
        trimmed(&table)
    }
}

impl AssetContents {
    fn of(asset: &Asset) -> Self {
        let (mut original, mut simplified) = (Primitives::default(), Primitives::default());
        for cluster in asset.clusters() {
            let level = if cluster.refined == NONE { &mut original } else { &mut simplified };
            level.triangles += u64::from(cluster.triangles);
            // A cluster without triangles has points.
            level.points += if cluster.triangles == 0 { u64::from(cluster.vertices) } else { 0 };
        }
        Self {
            name: asset.name().to_owned(),
            generator: asset.generator().to_owned(),
            source: asset.source().to_owned(),
            coarse: asset.is_coarse(),
            groups: asset.groups().len(),
            clusters: asset.clusters().len(),
            pages: asset.pages().len(),
            original,
            simplified,
        }
    }
}

impl Primitives {
    fn line(self) -> String {
        format!("{} triangles, {} points", self.triangles, self.points)
    }
}

impl Names {
    fn of<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> Self {
        Self { count: names.len(), names: names.take(NAMES_MAX).map(str::to_owned).collect() }
    }

    fn line(&self) -> String {
        let names: Vec<String> = self.names.iter().map(|name| format!("{name:?}")).collect();
        let more = if self.count > self.names.len() { ", …" } else { "" };
        match self.count {
            0 => "0".to_owned(),
            count => format!("{count}: {}{more}", names.join(", ")),
        }
    }
}

fn triple(values: &[f64; 3], separator: &str) -> String {
    values.map(|value| format!("{value:.3}")).join(separator)
}
