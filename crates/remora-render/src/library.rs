//! The models that are on the device, and what of them can be selected.

use std::collections::HashMap;
use std::ops::Range;

use remora_assets::AlphaMode;
use remora_scene::ModelKey;

use crate::frame::RenderError;
use crate::geometry::{Geometry, PlacedChunk};
use crate::graphics::Graphics;
use crate::layers::Layers;
use crate::memory::Arena;
use crate::prepare::{MATERIAL_WORDS, MaterialRecord, Prepared, Shading};
use crate::selection::{Key, Phase, Selectable, SelectableCluster, SelectableMesh};

const CLUSTER_DOUBLE_SIDED: u32 = 0x100;
const CLUSTER_POINTS: u32 = 0x200;
const MATERIALS_MAX: u32 = 1 << 20;

#[derive(Debug)]
pub(crate) struct Library {
    pub geometry: Geometry,
    pub layers: Layers,
    pub clusters: Arena<[u32; 4]>,
    pub materials: Arena<[u32; MATERIAL_WORDS]>,
    pub selectable: Selectable,
    /// Grows with every change of the texture arrays.
    pub layers_generation: u64,
    models: HashMap<ModelKey, Resident>,
}

/// What a model takes on the device.
#[derive(Debug)]
struct Resident {
    chunks: Vec<PlacedChunk>,
    clusters: Range<u32>,
    materials: Range<u32>,
    /// Bucket and layer.
    layers: Vec<(u8, u32)>,
    meshes: Vec<SelectableMesh>,
    /// Of all meshes; keys are indices into `keys`.
    selectable: Vec<SelectableCluster>,
    keys: Vec<Key>,
    /// Its first mesh in the library's list.
    first_mesh: u32,
}

impl Library {
    pub(crate) fn new(graphics: &Graphics, page_layout: wgpu::BindGroupLayout) -> Result<Self, RenderError> {
        Ok(Self {
            geometry: Geometry::new(graphics, page_layout)?,
            layers: Layers::new(graphics)?,
            clusters: Arena::new(graphics, "clusters")?,
            materials: Arena::new(graphics, "materials")?,
            selectable: Selectable::default(),
            layers_generation: 0,
            models: HashMap::new(),
        })
    }

    /// Index into [`Selectable::meshes`] of a model's mesh.
    pub(crate) fn mesh(&self, model: ModelKey, mesh: u32) -> Option<u32> {
        let resident = self.models.get(&model)?;
        ((mesh as usize) < resident.meshes.len()).then_some(resident.first_mesh + mesh)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.geometry.bytes() + self.layers.bytes() + self.clusters.bytes() + self.materials.bytes()
    }

    /// Uploads a model. On an error nothing of it stays.
    pub(crate) fn add(&mut self, graphics: &Graphics, key: ModelKey, prepared: &Prepared) -> Result<(), RenderError> {
        self.remove(key);
        let mut resident = Resident {
            chunks: Vec::with_capacity(prepared.chunks.len()),
            clusters: 0..0,
            materials: 0..0,
            layers: Vec::with_capacity(prepared.layers.len()),
            meshes: Vec::new(),
            selectable: Vec::new(),
            keys: Vec::new(),
            first_mesh: 0,
        };
        match self.upload(graphics, prepared, &mut resident) {
            Ok(()) => {
                self.models.insert(key, resident);
                self.rebuild();
                Ok(())
            }
            Err(error) => {
                self.release(resident);
                Err(error)
            }
        }
    }

    pub(crate) fn remove(&mut self, key: ModelKey) {
        if let Some(resident) = self.models.remove(&key) {
            self.release(resident);
            self.rebuild();
        }
    }

    pub(crate) fn clear(&mut self) {
        for (_, resident) in std::mem::take(&mut self.models) {
            self.release(resident);
        }
        self.rebuild();
    }

    fn upload(&mut self, graphics: &Graphics, prepared: &Prepared, resident: &mut Resident) -> Result<(), RenderError> {
        for chunk in &prepared.chunks {
            resident.chunks.push(self.geometry.insert(graphics, chunk)?);
        }
        if self.layers.reserve(graphics, &prepared.layers)? {
            self.layers_generation += 1;
        }
        for layer in &prepared.layers {
            resident.layers.push((layer.bucket, self.layers.insert(graphics, layer)));
        }
        let records: Vec<[u32; MATERIAL_WORDS]> = prepared
            .materials
            .iter()
            .map(|material| {
                let mut record = material.clone();
                if let Some(layers) = record.layers {
                    record.place(layers.map(|layer| resident.layers[layer as usize].1));
                }
                record.words
            })
            .collect();
        resident.materials = self.materials.insert(graphics, &records)?;
        if resident.materials.end > MATERIALS_MAX {
            return Err(RenderError::OutOfMemory(format!("more than {MATERIALS_MAX} materials")));
        }
        self.upload_clusters(graphics, prepared, resident)
    }

    fn upload_clusters(
        &mut self,
        graphics: &Graphics,
        prepared: &Prepared,
        resident: &mut Resident,
    ) -> Result<(), RenderError> {
        let mut records = Vec::new();
        for mesh in &prepared.meshes {
            let first = resident.selectable.len() as u32;
            for cluster in &mesh.clusters {
                let chunk = &resident.chunks[cluster.chunk as usize];
                let surface = cluster.material.map(|number| (number, &prepared.materials[number as usize]));
                let (phase, shading) = match surface {
                    Some((_, material)) => (phase(material), material.shading),
                    None => (Phase::Opaque, Shading::Points),
                };
                let key = Key { phase, page: chunk.page, shading };
                let key = resident.keys.iter().position(|known| *known == key).unwrap_or_else(|| {
                    resident.keys.push(key);
                    resident.keys.len() - 1
                });
                let [vertex, detail, triangle] = cluster.firsts;
                let double_sided = surface.is_some_and(|(_, material)| material.double_sided);
                let kind = match surface {
                    Some((number, _)) if double_sided => {
                        (resident.materials.start + number) << 12 | CLUSTER_DOUBLE_SIDED
                    }
                    Some((number, _)) => (resident.materials.start + number) << 12,
                    None => CLUSTER_POINTS,
                };
                records.push([
                    chunk.vertices.start + vertex,
                    chunk.details.start + detail,
                    chunk.triangles.start + triangle,
                    kind | cluster.triangles,
                ]);
                resident.selectable.push(SelectableCluster {
                    bounds: cluster.bounds,
                    double_sided,
                    triangles: cluster.triangles,
                    index: records.len() as u32 - 1,
                    key: key as u32,
                });
            }
            let clusters = first..resident.selectable.len() as u32;
            resident.meshes.push(SelectableMesh { center: mesh.center, radius: mesh.radius, clusters });
        }
        resident.clusters = self.clusters.insert(graphics, &records)?;
        for cluster in &mut resident.selectable {
            cluster.index += resident.clusters.start;
        }
        Ok(())
    }

    fn release(&mut self, resident: Resident) {
        for chunk in resident.chunks {
            self.geometry.remove(chunk);
        }
        for (bucket, layer) in resident.layers {
            self.layers.remove(bucket, layer);
        }
        self.clusters.remove(resident.clusters);
        self.materials.remove(resident.materials);
    }

    /// Lists the meshes of all models anew, with one sorted list of keys.
    fn rebuild(&mut self) {
        let selectable = &mut self.selectable;
        selectable.keys = self.models.values().flat_map(|resident| &resident.keys).copied().collect();
        selectable.keys.sort_unstable();
        selectable.keys.dedup();
        selectable.meshes.clear();
        selectable.clusters.clear();
        for resident in self.models.values_mut() {
            resident.first_mesh = selectable.meshes.len() as u32;
            let first_cluster = selectable.clusters.len() as u32;
            let keys: Vec<u32> = resident
                .keys
                .iter()
                .map(|key| selectable.keys.binary_search(key).expect("the list holds every model's keys") as u32)
                .collect();
            selectable.meshes.extend(resident.meshes.iter().map(|mesh| SelectableMesh {
                clusters: mesh.clusters.start + first_cluster..mesh.clusters.end + first_cluster,
                ..mesh.clone()
            }));
            let rekeyed = resident
                .selectable
                .iter()
                .map(|cluster| SelectableCluster { key: keys[cluster.key as usize], ..cluster.clone() });
            selectable.clusters.extend(rekeyed);
        }
    }
}

fn phase(material: &MaterialRecord) -> Phase {
    match material.alpha_mode {
        AlphaMode::Opaque => Phase::Opaque,
        AlphaMode::Mask { .. } => Phase::Mask,
        AlphaMode::Blend => Phase::Blend,
    }
}
