//! The records of the scene's instances, on the device and for the selection.

use std::collections::HashMap;
use std::ops::Range;

use glam::{DAffine3, DVec3};
use remora_asset::layout::MeshRecord;
use remora_scene::{Changes, EffectiveState, Instance, Scene};

use crate::device::graphics::Graphics;
use crate::frame::RenderError;
use crate::kernels::shared::{INSTANCE_QUADS, INSTANCE_SELECTED, MOVE_BITS, MOVE_MASK};
use crate::residency::model_store::ModelStore;
use crate::residency::selectable::SelectableInstance;
use crate::surface::DrawMode;

/// Record of an instance as scene.wgsl reads it: three rows of the transform from the mesh's grid to the world, then
/// tint and flags.
type InstanceRecord = [[u32; 4]; INSTANCE_QUADS as usize];

/// Statistics of one synchronisation with the scene.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncStatistics {
    /// Slots of instances whose record was written.
    pub instances: usize,
    /// Writes to the device. Neighbouring records share a write.
    pub writes: usize,
    /// Bytes written.
    pub bytes: u64,
}

const INSTANCES_MIN: usize = 1024;

/// Instances that changed since the last frame of the history.
#[derive(Debug, Default)]
struct Moves {
    /// Index in `before` of each instance that moved.
    known: HashMap<u32, usize>,
    /// Instances and their records in the last frame of the history.
    before: Vec<(u32, InstanceRecord)>,
    /// Slots in which an instance appeared or left, some of them twice. They may lie beyond the last slot.
    renewed: Vec<u32>,
    /// Distinguishes the moves of this history frame from earlier ones.
    epoch: u32,
}

impl Moves {
    /// Numbers that an epoch can have. A move with a number of long ago is not mistaken for a new one, because it takes
    /// minutes until numbers repeat; and then it only leaves out a part of the history.
    const EPOCHS: u32 = 1 << (32 - MOVE_BITS);

    /// The number of the move of everything that looks different: a new instance, one whose slot held another one, and
    /// those for which no number is left.
    const DIFFERENT: u32 = 0;

    /// Notes a change and stores in the record where its move is found.
    fn note(&mut self, index: u32, before: &InstanceRecord, record: &mut InstanceRecord) {
        if before[3][3] == self.mark(Self::DIFFERENT) {
            return self.note_new(index, record);
        }
        let moves = &mut self.before;
        let at = *self.known.entry(index).or_insert_with(|| {
            moves.push((index, *before));
            moves.len() - 1
        });
        let number = at as u32 + 1;
        record[3][3] = self.mark(if number <= MOVE_MASK { number } else { Self::DIFFERENT });
    }

    /// Notes that the last frame of the history does not show the instance in this slot.
    fn note_new(&mut self, index: u32, record: &mut InstanceRecord) {
        self.renewed.push(index);
        record[3][3] = self.mark(Self::DIFFERENT);
    }

    fn mark(&self, number: u32) -> u32 {
        self.epoch << MOVE_BITS | number
    }

    fn forget(&mut self) {
        self.known.clear();
        self.before.clear();
        self.renewed.clear();
        // 0 is the epoch of records that never changed.
        self.epoch = self.epoch % (Self::EPOCHS - 1) + 1;
    }
}

/// The records of all slots. An empty slot has a record that nothing draws.
#[derive(Debug)]
pub(crate) struct InstanceStore {
    pub selectable: Vec<SelectableInstance>,
    pub buffer: wgpu::Buffer,
    /// Increases whenever the buffer is replaced.
    pub generation: u64,
    /// Copy of the records, from which neighbours are written together.
    records: Vec<InstanceRecord>,
    /// Ranges of changed records, packed for one upload.
    packed: Vec<InstanceRecord>,
    staging: wgpu::Buffer,
    selected: usize,
    /// Changes since the last frame of the history.
    moved: Moves,
    /// Increases whenever all records are replaced, so that indices may stand for other instances than before.
    pub arrangement: u64,
    /// True if no record may be used and all slots must be read.
    stale: bool,
    /// Origin of the device's coordinates in the world. The device has single precision.
    pub origin: DVec3,
}

impl InstanceStore {
    pub(crate) fn new(graphics: &Graphics) -> Result<Self, RenderError> {
        let buffer = buffer(graphics, INSTANCES_MIN)?;
        let staging = staging(graphics, INSTANCES_MIN)?;
        let (selectable, records, packed) = Default::default();
        let origin = DVec3::ZERO;
        let moved = Moves { epoch: 1, ..Moves::default() };
        let (generation, arrangement, selected) = (0, 0, 0);
        let stale = true;
        Ok(Self {
            selectable,
            buffer,
            generation,
            records,
            packed,
            staging,
            selected,
            moved,
            arrangement,
            stale,
            origin,
        })
    }

    /// Returns the number of selected instances.
    pub(crate) fn selected(&self) -> usize {
        self.selected
    }

    /// Applies the changes that the scene reports. The models must be in the store.
    pub(crate) fn synchronise(
        &mut self,
        graphics: &Graphics,
        models: &ModelStore,
        scene: &mut Scene,
    ) -> Result<SyncStatistics, RenderError> {
        let changes = scene.take_changes();
        let slots = scene.instance_slots();
        if changes.structure || self.stale {
            return self.rebuild(graphics, models, slots);
        }
        let applied = self.apply(graphics, models, slots, &changes);
        if applied.is_err() {
            // The changes are taken, so nothing but all slots tells what is missing here.
            self.clear();
        }
        applied
    }

    /// Applies changes to the records of the slots that they name.
    fn apply(
        &mut self,
        graphics: &Graphics,
        models: &ModelStore,
        slots: &[Option<Instance>],
        changes: &Changes,
    ) -> Result<SyncStatistics, RenderError> {
        // Slots beyond the last one are among the removed ones.
        for &slot in &changes.removed {
            self.moved.renewed.push(slot);
            self.replace(slot, SelectableInstance::NONE, InstanceRecord::default());
        }
        self.resize(graphics, slots.len())?;
        for &slot in &changes.created {
            let Some(instance) = &slots[slot as usize] else { continue };
            let (selectable, mut record) = self.records_of(models, instance)?;
            self.moved.note_new(slot, &mut record);
            self.replace(slot, selectable, record);
        }
        for &slot in &changes.changed {
            let Some(instance) = &slots[slot as usize] else { continue };
            let (selectable, mut record) = self.records_of(models, instance)?;
            self.moved.note(slot, &self.records[slot as usize], &mut record);
            self.replace(slot, selectable, record);
        }
        // Nothing reads the record of an empty slot.
        let mut written = [&changes.created[..], &changes.changed].concat();
        written.sort_unstable();
        let ranges = ranges(&written);
        let bytes = self.write(graphics, &ranges)?;
        Ok(SyncStatistics { instances: written.len(), writes: ranges.len(), bytes })
    }

    /// Replaces a record, here and not on the device.
    fn replace(&mut self, slot: u32, selectable: SelectableInstance, record: InstanceRecord) {
        let slot = slot as usize;
        self.selected -= usize::from(is_selected(&self.records[slot]));
        self.selected += usize::from(is_selected(&record));
        (self.selectable[slot], self.records[slot]) = (selectable, record);
    }

    /// Makes room for another number of slots. The device keeps the records that it has.
    fn resize(&mut self, graphics: &Graphics, slots: usize) -> Result<(), RenderError> {
        self.records.resize(slots, InstanceRecord::default());
        self.selectable.resize(slots, SelectableInstance::NONE);
        if (slots * size_of::<InstanceRecord>()) as u64 > self.buffer.size() {
            let larger = buffer(graphics, slots.next_power_of_two())?;
            let mut encoder = graphics.device.create_command_encoder(&Default::default());
            encoder.copy_buffer_to_buffer(&self.buffer, 0, &larger, 0, self.buffer.size());
            graphics.queue.submit([encoder.finish()]);
            self.buffer = larger;
            self.generation += 1;
        }
        Ok(())
    }

    /// Replaces all records. On an error none is left, so that no record refers to a missing mesh.
    pub(crate) fn rebuild(
        &mut self,
        graphics: &Graphics,
        models: &ModelStore,
        slots: &[Option<Instance>],
    ) -> Result<SyncStatistics, RenderError> {
        self.clear();
        let records_of: Result<Vec<(SelectableInstance, InstanceRecord)>, RenderError> = slots
            .iter()
            .map(|slot| match slot {
                Some(instance) => self.records_of(models, instance),
                None => Ok((SelectableInstance::NONE, InstanceRecord::default())),
            })
            .collect();
        let records_of = records_of?;
        if (slots.len() * size_of::<InstanceRecord>()) as u64 > self.buffer.size() {
            self.buffer = buffer(graphics, slots.len().next_power_of_two())?;
            self.generation += 1;
        }
        (self.selectable, self.records) = records_of.into_iter().unzip();
        self.selected = self.records.iter().filter(|state| is_selected(state)).count();
        let everything = 0..self.records.len();
        let bytes = self.write(graphics, &[everything])?;
        self.stale = false;
        Ok(SyncStatistics { instances: slots.len(), writes: 1, bytes })
    }

    /// Hides the instances of a model that has left the store, and notes the new number of the model that took its
    /// place.
    pub(crate) fn model_left(&mut self, left: usize, moved: usize) {
        let (left, moved) = (left as u32, moved as u32);
        for instance in &mut self.selectable {
            if instance.model == left {
                instance.mode = None;
            } else if instance.model == moved {
                instance.model = left;
            }
        }
    }

    /// Largest distance in metres of the eye from the origin. Beyond it, single precision loses details that a frame
    /// can show: a millimetre.
    const ORIGIN_DISTANCE_MAX: f64 = 4096.0;

    /// Returns a new origin for an eye that is too far from the current one.
    pub(crate) fn better_origin(&self, eye: DVec3) -> Option<DVec3> {
        // Near the world's origin the two coincide, so that most scenes are never rebuilt.
        let wanted = if eye.length() < Self::ORIGIN_DISTANCE_MAX { DVec3::ZERO } else { eye.round() };
        (self.origin.distance(eye) > Self::ORIGIN_DISTANCE_MAX && wanted != self.origin).then_some(wanted)
    }

    fn records_of(
        &self,
        models: &ModelStore,
        instance: &Instance,
    ) -> Result<(SelectableInstance, InstanceRecord), RenderError> {
        let unknown = RenderError::ModelUnknown(instance.model.0);
        let Some(model) = models.model(instance.model) else { return Err(unknown) };
        let Some(mesh) = models.selectable[model].asset.meshes().get(instance.mesh as usize) else {
            return Err(unknown);
        };
        let DAffine3 { matrix3, translation } = instance.world;
        let world = DAffine3 { matrix3, translation: translation - self.origin };
        let mode = DrawMode::of(instance.state);
        let selectable = SelectableInstance::new(model as u32, instance.mesh, mode, world.as_affine3a());
        Ok((selectable, record(&world, mesh, instance.state)))
    }

    pub(crate) fn clear(&mut self) {
        self.selectable.clear();
        self.records.clear();
        self.selected = 0;
        self.moved.forget();
        self.arrangement += 1;
        self.stale = true;
    }

    /// Returns whether any instance has changed since the last frame of the history.
    pub(crate) fn has_moves(&self) -> bool {
        !self.moved.renewed.is_empty() || !self.moved.before.is_empty()
    }

    /// Returns one bit per slot, which is set if its instance has changed, appeared or left since the last frame of the
    /// history.
    pub(crate) fn changed(&self) -> Vec<u32> {
        let slots = self.moved.before.iter().map(|(index, _)| *index).chain(self.moved.renewed.iter().copied());
        let mut bits = vec![0; self.records.len().div_ceil(32)];
        for slot in slots {
            // The last frame may show instances beyond the last slot of today.
            let word = slot as usize / 32;
            if word >= bits.len() {
                bits.resize(word + 1, 0);
            }
            bits[word] |= 1 << (slot % 32);
        }
        bits
    }

    /// Returns the epoch of the moves since the last frame of the history, and each move: the rows of the transform
    /// that takes a point of the instance to its place in that frame. Zeros stand for an instance that looks different.
    pub(crate) fn moves(&self) -> (u32, Vec<[[f32; 4]; 3]>) {
        if !self.has_moves() {
            return (self.moved.epoch, Vec::new());
        }
        let moved = self.moved.before.iter().take(MOVE_MASK as usize).map(|(index, before)| {
            let now = self.records.get(*index as usize);
            now.and_then(|now| move_between(before, now)).unwrap_or_default()
        });
        // The first one is `Moves::DIFFERENT`.
        (self.moved.epoch, std::iter::once([[0.0; 4]; 3]).chain(moved).collect())
    }

    /// Returns the index among the moves of an instance that has changed since the last frame of the history.
    pub(crate) fn move_of(&self, instance: u32) -> Option<u32> {
        let word = self.records.get(instance as usize)?[3][3];
        (word >> MOVE_BITS == self.moved.epoch).then_some(word & MOVE_MASK)
    }

    /// Notes that the history now ends with a frame that shows all changes.
    pub(crate) fn forget_moves(&mut self) {
        self.moved.forget();
    }

    /// Removes all records and frees the memory, here and on the device.
    pub(crate) fn shrink(&mut self, graphics: &Graphics) -> Result<(), RenderError> {
        let (origin, generation) = (self.origin, self.generation + 1);
        let (arrangement, epoch) = (self.arrangement + 1, self.moved.epoch);
        *self = Self { generation, arrangement, origin, ..Self::new(graphics)? };
        self.moved.epoch = epoch;
        Ok(())
    }

    /// Writes ranges of records and returns the number of bytes. Many ranges are uploaded together and distributed by
    /// copies on the device, because a write costs more than a copy.
    fn write(&mut self, graphics: &Graphics, ranges: &[Range<usize>]) -> Result<u64, RenderError> {
        const WRITES_MAX: usize = 16;
        let records: usize = ranges.iter().map(ExactSizeIterator::len).sum();
        let bytes = (records * size_of::<InstanceRecord>()) as u64;
        let offset = |record: usize| (record * size_of::<InstanceRecord>()) as u64;
        if ranges.len() <= WRITES_MAX {
            for range in ranges {
                let records = bytemuck::cast_slice(&self.records[range.clone()]);
                graphics.queue.write_buffer(&self.buffer, offset(range.start), records);
            }
            return Ok(bytes);
        }
        if self.staging.size() < bytes {
            self.staging = staging(graphics, records.next_power_of_two())?;
        }
        self.packed.clear();
        let mut encoder = graphics.device.create_command_encoder(&Default::default());
        for range in ranges {
            let (from, length) = (offset(self.packed.len()), offset(range.len()));
            encoder.copy_buffer_to_buffer(&self.staging, from, &self.buffer, offset(range.start), length);
            self.packed.extend_from_slice(&self.records[range.clone()]);
        }
        graphics.queue.write_buffer(&self.staging, 0, bytemuck::cast_slice(&self.packed));
        graphics.queue.submit([encoder.finish()]);
        Ok(bytes)
    }
}

fn staging(graphics: &Graphics, records: usize) -> Result<wgpu::Buffer, RenderError> {
    let usage = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
    graphics.buffer("changed instances", (records * size_of::<InstanceRecord>()) as u64, usage)
}

fn buffer(graphics: &Graphics, instances: usize) -> Result<wgpu::Buffer, RenderError> {
    let size = (instances * size_of::<InstanceRecord>()) as u64;
    if size > graphics.limits.max_storage_buffer_binding_size {
        return Err(RenderError::OutOfMemory(format!("{instances} instances")));
    }
    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
    graphics.buffer("instances", size, usage)
}

fn record(world: &DAffine3, mesh: &MeshRecord, shown_as: EffectiveState) -> InstanceRecord {
    let grid = DAffine3 {
        matrix3: glam::DMat3::from_diagonal(DVec3::splat(mesh.grid_step.into())),
        translation: glam::Vec3::from(mesh.grid_origin).as_dvec3(),
    };
    let transform = (*world * grid).as_affine3a();
    let rows = transform.matrix3.transpose();
    let offset = transform.translation;
    let row = |row: glam::Vec3A, offset: f32| row.extend(offset).to_array().map(f32::to_bits);
    [row(rows.x_axis, offset.x), row(rows.y_axis, offset.y), row(rows.z_axis, offset.z), tint_and_flags(shown_as)]
}

/// Packs the linear tint, two 16-bit values per word, and the flags.
fn tint_and_flags(state: EffectiveState) -> [u32; 4] {
    let [red, green, blue, share] = state.tint.map(|value| f32::from(value) / 255.0);
    let unorm = |value: f32| (value * 65535.0).round() as u32;
    let linear = |value: f32| if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) };
    let [red, green, blue] = [red, green, blue].map(|value| unorm(linear(value)));
    [red | green << 16, blue | unorm(share) << 16, if state.selected { INSTANCE_SELECTED } else { 0 }, 0]
}

/// Returns the rows of the transform from the places of points in one record to those in the other; `None` if the
/// records differ in more than their place, or if the transform cannot be inverted.
fn move_between(before: &InstanceRecord, now: &InstanceRecord) -> Option<[[f32; 4]; 3]> {
    let [tint, tint_before] = [now, before].map(|record| (record[3][0], record[3][1]));
    if tint != tint_before {
        return None;
    }
    let transform = |record: &InstanceRecord| {
        let row = |index: usize| glam::DVec4::from_array(record[index].map(|bits| f64::from(f32::from_bits(bits))));
        let rows = [row(0), row(1), row(2)];
        let column = |index: usize| DVec3::new(rows[0][index], rows[1][index], rows[2][index]);
        DAffine3::from_cols(column(0), column(1), column(2), column(3))
    };
    let moved = transform(before) * transform(now).inverse();
    let rows = moved.matrix3.transpose();
    let row = |row: DVec3, offset: f64| row.extend(offset).as_vec4().to_array();
    let offset = moved.translation;
    moved.is_finite().then(|| [row(rows.x_axis, offset.x), row(rows.y_axis, offset.y), row(rows.z_axis, offset.z)])
}

fn is_selected(record: &InstanceRecord) -> bool {
    record[3][2] & INSTANCE_SELECTED != 0
}

/// Joins ascending indices to ranges. Small gaps are included, because a write costs more than a few records.
fn ranges(indices: &[u32]) -> Vec<Range<usize>> {
    const GAP_MAX: usize = 16;
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for &index in indices {
        let index = index as usize;
        match ranges.last_mut() {
            Some(last) if index <= last.end + GAP_MAX => last.end = index + 1,
            _ => ranges.push(index..index + 1),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_instance_looks_different_until_the_history_shows_it() {
        let mut moves = Moves { epoch: 1, ..Moves::default() };
        let (mut first, mut moved) = (InstanceRecord::default(), InstanceRecord::default());
        moves.note_new(3, &mut first);
        let different = moves.mark(Moves::DIFFERENT);
        moves.note(4, &first, &mut moved);
        assert_eq!([first[3][3], moved[3][3]], [different; 2], "a move does not make it known");
        assert!(moves.before.is_empty() && !moves.renewed.is_empty());
        moves.forget();
        let before = moved;
        moves.note(4, &before, &mut moved);
        assert_eq!((moved[3][3], moves.before.as_slice()), (moves.mark(1), &[(4, before)][..]));
        assert!(moves.renewed.is_empty());
    }

    #[test]
    fn neighbours_are_written_together() {
        assert_eq!(ranges(&[]), []);
        assert_eq!(ranges(&[3, 4, 5, 20, 100]), [3..21, 100..101]);
    }
}
