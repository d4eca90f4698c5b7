//! The models on the device: all of their textures and materials, and the pages of geometry that the view needs.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use remora_asset::layout::{ClusterRecord, MATERIAL_WORDS, NONE, PAGE_ROOT};
use remora_scene::ModelKey;

use crate::device::graphics::Graphics;
use crate::device::memory::Arena;
use crate::frame::RenderError;
use crate::kernels::shared::{CLUSTER_DOUBLE_SIDED, CLUSTER_MATERIAL_SHIFT, CLUSTER_POINTS};
use crate::options::RendererOptions;
use crate::residency::geometry::{Geometry, Slot};
use crate::residency::pager::{FetchedPage, ModelSerial, Pager, Ticket};
use crate::residency::pages::{FrameNumber, PageId, PageRequest, Pages, most_urgent};
use crate::residency::prepare::PreparedAsset;
use crate::residency::selectable::{PageLocation, SelectableModel};
use crate::residency::textures::TextureArrays;
use crate::surface::{DrawKey, Surface};
use crate::timing::Stopwatch;

const MATERIALS_MAX: u32 = 1 << 20;
/// Largest number of pages uploaded with one frame: 16 MiB, which takes some milliseconds.
const UPLOADS_PER_FRAME: usize = 64;
/// Bytes of a model that are written before they are submitted.
const UPLOAD_BYTES_MAX: usize = 64 << 20;

#[derive(Debug)]
pub(crate) struct ModelStore {
    pub geometry: Geometry,
    pub layers: TextureArrays,
    pub clusters: Arena<[u32; 4]>,
    pub materials: Arena<[u32; MATERIAL_WORDS]>,
    /// All keys, in the order of drawing.
    pub keys: Vec<DrawKey>,
    pub selectable: Vec<SelectableModel>,
    /// Increases whenever a texture array is replaced.
    pub layers_generation: u64,
    /// Allocations on the device for each of `selectable`.
    stored: Vec<StoredModel>,
    /// Indices into `selectable` and `stored`.
    models: HashMap<ModelKey, usize>,
    pager: Pager,
    /// Serial of the model that was added last.
    serial: ModelSerial,
    /// Number of banks for which `keys` were made.
    banks: usize,
}

#[derive(Debug)]
struct StoredModel {
    key: ModelKey,
    /// Serial in the model's tickets.
    serial: ModelSerial,
    materials: Range<u32>,
    /// Array and index of each texture layer.
    layers: Vec<(u8, u32)>,
    /// Allocations of the loaded pages.
    allocations: Vec<Option<PageAllocation>>,
}

#[derive(Clone, Debug)]
struct PageAllocation {
    slot: Slot,
    clusters: Range<u32>,
}

impl ModelStore {
    pub(crate) fn new(
        graphics: &Graphics,
        bank_layout: wgpu::BindGroupLayout,
        options: &RendererOptions,
    ) -> Result<Self, RenderError> {
        Ok(Self {
            geometry: Geometry::new(graphics, bank_layout, options.geometry_bytes_max)?,
            layers: TextureArrays::new(graphics)?,
            clusters: Arena::new(graphics, "clusters")?,
            materials: Arena::new(graphics, "materials")?,
            keys: Vec::new(),
            selectable: Vec::new(),
            layers_generation: 0,
            stored: Vec::new(),
            models: HashMap::new(),
            pager: Pager::start(options.page_memory_bytes_max),
            serial: ModelSerial::default(),
            banks: 0,
        })
    }

    /// Returns the index of a model in [`Self::selectable`].
    pub(crate) fn model(&self, key: ModelKey) -> Option<usize> {
        self.models.get(&key).copied()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.geometry.bytes() + self.layers.bytes() + self.clusters.bytes() + self.materials.bytes()
    }

    /// Registers a listener, which is called on another thread whenever pages have arrived that the next frame could
    /// show.
    pub(crate) fn listen(&self, listener: Box<dyn Fn() + Send>) {
        self.pager.listen(listener);
    }

    /// Uploads a model's materials, textures and root pages. On an error the model is removed again.
    pub(crate) fn add(
        &mut self,
        graphics: &Graphics,
        key: ModelKey,
        prepared: &PreparedAsset,
    ) -> Result<(), RenderError> {
        self.remove(key);
        let asset = &prepared.asset;
        self.serial.0 += 1;
        let pages = asset.pages().len();
        self.stored.push(StoredModel {
            key,
            serial: self.serial,
            materials: 0..0,
            layers: Vec::new(),
            allocations: vec![None; pages],
        });
        let mut surfaces = prepared.surfaces.clone();
        surfaces.push(Surface::POINTS);
        self.selectable.push(SelectableModel {
            asset: asset.clone(),
            pages: Pages::new(asset),
            locations: vec![None; pages],
            surfaces,
            keys: Vec::new(),
        });
        self.models.insert(key, self.stored.len() - 1);
        match self.upload(graphics, prepared) {
            Ok(()) => {
                self.rebuild_keys();
                Ok(())
            }
            Err(error) => {
                self.remove(key);
                Err(error)
            }
        }
    }

    /// Removes a model. Returns its number, which now is that of the last model, and the number which that had. Returns
    /// `None` if there is no such model.
    pub(crate) fn remove(&mut self, key: ModelKey) -> Option<(usize, usize)> {
        let index = self.models.remove(&key)?;
        let stored = self.stored.swap_remove(index);
        self.selectable.swap_remove(index);
        if let Some(moved) = self.stored.get(index) {
            self.models.insert(moved.key, index);
        }
        for allocation in stored.allocations.into_iter().flatten() {
            self.geometry.remove(allocation.slot);
            self.clusters.remove(allocation.clusters);
        }
        for (bucket, layer) in stored.layers {
            self.layers.remove(bucket, layer);
        }
        self.materials.remove(stored.materials);
        self.rebuild_keys();
        Some((index, self.stored.len()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    /// Removes all models and frees their memory on the device.
    pub(crate) fn clear(&mut self, graphics: &Graphics) -> Result<(), RenderError> {
        let keys: Vec<ModelKey> = self.models.keys().copied().collect();
        for key in keys {
            self.remove(key);
        }
        self.geometry = self.geometry.emptied(graphics)?;
        self.layers = TextureArrays::new(graphics)?;
        self.layers_generation += 1;
        self.clusters = self.clusters.emptied(graphics)?;
        self.materials = self.materials.emptied(graphics)?;
        self.rebuild_keys();
        Ok(())
    }

    /// Uploads the model that was added last.
    fn upload(&mut self, graphics: &Graphics, prepared: &PreparedAsset) -> Result<(), RenderError> {
        let index = self.stored.len() - 1;
        if self.layers.reserve(graphics, &prepared.layers)? {
            self.layers_generation += 1;
        }
        let mut written = UploadMeter { graphics, bytes: 0 };
        for layer in &prepared.layers {
            let number = self.layers.insert(graphics, layer);
            self.stored[index].layers.push((layer.bucket, number));
            written.add(layer.texels.len());
        }
        let layers = &self.stored[index].layers;
        let records: Vec<[u32; MATERIAL_WORDS]> = prepared
            .asset
            .materials()
            .iter()
            .map(|row| {
                let mut words = row.words;
                let number = |layer: u32| layers.get(layer as usize).map_or(0, |(_, number)| *number);
                let [color, surface, rough, glow] = row.layers.map(number);
                words[7] = color | surface << 16;
                words[11] = glow | rough << 16;
                words
            })
            .collect();
        let materials = self.materials.insert(graphics, &records)?;
        self.stored[index].materials = materials.clone();
        if materials.end > MATERIALS_MAX {
            return Err(RenderError::OutOfMemory(format!("more than {MATERIALS_MAX} materials")));
        }
        for (number, page) in (0..).zip(prepared.asset.pages()) {
            if page.flags & PAGE_ROOT == 0 {
                break;
            }
            prepared.asset.page(number).map_err(|error| RenderError::Damaged(error.to_string()))?;
            self.load(graphics, index, number, FrameNumber::default())?;
            written.add(page.bytes as usize);
            // Root pages stay on the device, so their bytes in main memory are not needed again.
            prepared.asset.page_memory(number).release();
        }
        Ok(())
    }

    /// Uploads a page that has been checked.
    fn load(&mut self, graphics: &Graphics, index: usize, number: u32, frame: FrameNumber) -> Result<(), RenderError> {
        let model = &mut self.selectable[index];
        let page = &model.asset.pages()[number as usize];
        let bytes = model.asset.page_bytes(number);
        let slot = self.geometry.insert(graphics, bytes)?;
        let materials = self.stored[index].materials.start;
        let records: Vec<[u32; 4]> = model.asset.clusters()[page.cluster_first as usize..]
            [..page.cluster_count as usize]
            .iter()
            .map(|cluster| cluster_record(cluster, slot, materials, &model.surfaces))
            .collect();
        let clusters = self.clusters.insert(graphics, &records).inspect_err(|_| self.geometry.remove(slot))?;
        model.locations[number as usize] = Some(PageLocation { bank: slot.bank, first: clusters.start });
        model.pages.loaded(number, frame);
        self.stored[index].allocations[number as usize] = Some(PageAllocation { slot, clusters });
        Ok(())
    }

    fn evict(&mut self, index: usize, number: u32) {
        self.selectable[index].pages.evicted(number);
        self.selectable[index].locations[number as usize] = None;
        if let Some(allocation) = self.stored[index].allocations[number as usize].take() {
            self.geometry.remove(allocation.slot);
            self.clusters.remove(allocation.clusters);
        }
    }

    /// Uploads pages that have been read, up to the limit per frame. Waits at most `wait` for the first useful one.
    /// Pages that `frame`, the most recent selection, used are not evicted.
    pub(crate) fn upload_pages(
        &mut self,
        graphics: &Graphics,
        frame: FrameNumber,
        wait: Duration,
    ) -> Result<usize, RenderError> {
        let mut uploaded = 0;
        let mut wait = wait;
        let mut stopwatch = Stopwatch::start();
        while uploaded < UPLOADS_PER_FRAME
            && let Some(FetchedPage { ticket, outcome }) = self.pager.receive(wait)
        {
            wait = wait.saturating_sub(stopwatch.lap());
            // The model has been removed.
            let Some(index) = self.stored.iter().position(|stored| stored.serial == ticket.serial) else {
                continue;
            };
            if let Err(error) = outcome {
                tracing::error!(%error, model = self.selectable[index].asset.name(), "a damaged page is not shown");
                self.selectable[index].pages.fetch_failed(ticket.page, true);
                continue;
            }
            if self.geometry.slots_left() == 0 && !self.make_room(frame) {
                self.selectable[index].pages.fetch_failed(ticket.page, false);
                continue;
            }
            match self.load(graphics, index, ticket.page, frame) {
                Ok(()) => {
                    uploaded += 1;
                    wait = Duration::ZERO;
                }
                // Graphics memory is full below the budget: lower the budget to the memory in use.
                Err(RenderError::OutOfMemory(what)) => {
                    self.selectable[index].pages.fetch_failed(ticket.page, false);
                    let bytes = self.geometry.bytes();
                    tracing::warn!(what, bytes, "graphics memory is full; the budget is lowered to the memory in use");
                    self.geometry.set_bytes_max(bytes);
                }
                Err(other) => return Err(other),
            }
        }
        if uploaded == UPLOADS_PER_FRAME {
            self.pager.notify();
        }
        if uploaded > 0 && self.geometry.bank_count() != self.banks {
            self.rebuild_keys();
        }
        Ok(uploaded)
    }

    /// Evicts the least recently used pages. It evicts several at once, because searching for them is expensive.
    fn make_room(&mut self, frame: FrameNumber) -> bool {
        let mut oldest: Vec<(FrameNumber, usize, u32)> = self
            .selectable
            .iter()
            .enumerate()
            .flat_map(|(index, model)| model.pages.all_evictable(frame).map(move |(at, page)| (at, index, page)))
            .collect();
        oldest.sort_unstable();
        oldest.truncate(UPLOADS_PER_FRAME);
        for &(_, index, page) in &oldest {
            self.evict(index, page);
        }
        !oldest.is_empty()
    }

    /// Requests the pages that the frame lacked, as far as there is room. Returns the number of missing pages.
    pub(crate) fn request_pages(&mut self, frame: FrameNumber, wanted: &mut Vec<PageRequest>) -> usize {
        wanted.retain(|request| self.selectable[request.page.model].pages.can_become_usable(request.page.page));
        let (mut missing, mut pages) = (Vec::new(), Vec::new());
        for PageRequest { page: PageId { model, page }, .. } in most_urgent(wanted) {
            self.selectable[*model].pages.require(*page, frame, &mut pages);
            missing.extend(pages.drain(..).map(|page| PageId { model: *model, page }));
        }
        let room = self.pager.room().min(self.slots_available(frame, missing.len()));
        let absent = |of: &&PageId| self.selectable[of.model].pages.is_absent(of.page);
        let asked: Vec<PageId> = missing.iter().filter(absent).take(room).copied().collect();
        for PageId { model, page } in asked {
            let ticket = Ticket { serial: self.stored[model].serial, page };
            let model = &mut self.selectable[model];
            model.pages.fetching(page);
            self.pager.fetch(&model.asset, ticket);
        }
        missing.len()
    }

    /// Returns the number of further pages that fit if pages that the frame did not use are evicted. Stops counting
    /// once `needed` pages fit.
    fn slots_available(&self, frame: FrameNumber, needed: usize) -> usize {
        let (free, coming) = (self.geometry.slots_left() as usize, self.pager.in_flight());
        if free >= coming + needed {
            return free - coming;
        }
        let evictable: usize = self.selectable.iter().map(|model| model.pages.all_evictable(frame).count()).sum();
        (free + evictable).saturating_sub(coming)
    }

    /// Returns the number of requested pages that have not arrived.
    pub(crate) fn in_flight(&self) -> usize {
        self.pager.in_flight()
    }

    /// Lists the draw keys of all models.
    fn rebuild_keys(&mut self) {
        self.banks = self.geometry.bank_count();
        let banks = self.banks as u8;
        self.keys.clear();
        for model in &self.selectable {
            self.keys.extend(SelectableModel::key_list(&model.surfaces, banks));
        }
        self.keys.sort_unstable();
        self.keys.dedup();
        for model in &mut self.selectable {
            model.keys = SelectableModel::key_list(&model.surfaces, banks)
                .map(|key| self.keys.binary_search(&key).expect("the list holds every model's keys") as u32)
                .collect();
        }
    }
}

/// Counts written bytes and submits them in portions, because written data occupies staging memory until it is
/// submitted.
struct UploadMeter<'a> {
    graphics: &'a Graphics,
    bytes: usize,
}

impl UploadMeter<'_> {
    fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes > UPLOAD_BYTES_MAX {
            self.graphics.flush();
            self.bytes = 0;
        }
    }
}

/// Returns the record of a cluster as scene.wgsl reads it.
fn cluster_record(cluster: &ClusterRecord, slot: Slot, materials: u32, surfaces: &[Surface]) -> [u32; 4] {
    // Offset of the cluster's block in the bank, in words.
    let word = (slot.offset() / 4) as u32 + cluster.block * 4;
    let vertices = u32::from(cluster.vertices);
    let last = match cluster.material {
        NONE => CLUSTER_POINTS | vertices,
        material => {
            let sides = if surfaces[material as usize].double_sided { CLUSTER_DOUBLE_SIDED } else { 0 };
            (materials + material) << CLUSTER_MATERIAL_SHIFT | sides | u32::from(cluster.triangles)
        }
    };
    [word / 2, word + vertices * 2, word + vertices * 3, last]
}
