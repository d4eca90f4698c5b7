//! Where instances are: the state that the scene has of each of them, on the device and for the selection.

use std::ops::Range;

use glam::{DAffine3, DVec3};
use remora_asset::layout::MeshRecord;
use remora_scene::{EffectiveState, Instance, Scene};

use crate::device::graphics::Graphics;
use crate::frame::RenderError;
use crate::residency::model_store::ModelStore;
use crate::residency::selectable::SelectableInstance;
use crate::surface::DrawMode;

/// Four quads: three rows of the transform from the mesh's grid to the world, tint and flags. scene.wgsl reads it.
type InstanceRecord = [[u32; 4]; 4];

/// Flags of a state; more bits are free.
const SELECTED: u32 = 1;

/// What was sent to the device to follow a scene.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncStatistics {
    pub instances: usize,
    /// Writes that it took: neighbours go together.
    pub pieces: usize,
    pub bytes: u64,
}

const INSTANCES_MIN: usize = 1024;

#[derive(Debug)]
pub(crate) struct InstanceStore {
    pub selectable: Vec<SelectableInstance>,
    pub buffer: wgpu::Buffer,
    /// Grows with every exchange of the buffer.
    pub generation: u64,
    /// Kept to write neighbours in one piece.
    states: Vec<InstanceRecord>,
    /// Pieces behind one another on their way to the device.
    packed: Vec<InstanceRecord>,
    parcel: wgpu::Buffer,
    selected: usize,
    /// Where the world's coordinates begin for the device, which has 32 bits for them.
    pub origin: DVec3,
}

impl InstanceStore {
    pub(crate) fn new(graphics: &Graphics) -> Result<Self, RenderError> {
        let buffer = buffer(graphics, INSTANCES_MIN)?;
        let parcel = parcel(graphics, INSTANCES_MIN)?;
        let (selectable, states, packed) = Default::default();
        let origin = DVec3::ZERO;
        Ok(Self { selectable, buffer, generation: 0, states, packed, parcel, selected: 0, origin })
    }

    /// Instances that are selected.
    pub(crate) fn selected(&self) -> usize {
        self.selected
    }

    /// Takes over what the scene reports as changed. Models must be in the library.
    pub(crate) fn synchronise(
        &mut self,
        graphics: &Graphics,
        library: &ModelStore,
        scene: &mut Scene,
    ) -> Result<SyncStatistics, RenderError> {
        let changes = scene.take_changes();
        let instances = scene.instances();
        // After a model was exchanged or an error, nothing is placed.
        if changes.structure || self.states.len() != instances.len() {
            return self.rebuild(graphics, library, instances);
        }
        for &index in &changes.instances {
            let instance = &instances[index as usize];
            let (selectable, state) = self.placed(library, instance)?;
            self.selectable[index as usize] = selectable;
            let before = std::mem::replace(&mut self.states[index as usize], state);
            self.selected -= usize::from(is_selected(&before));
            self.selected += usize::from(instance.state.selected);
        }
        let mut written = SyncStatistics { instances: changes.instances.len(), ..SyncStatistics::default() };
        let pieces = pieces(&changes.instances);
        written.pieces = pieces.len();
        written.bytes = self.write(graphics, &pieces)?;
        Ok(written)
    }

    /// Every instance anew. Without any on an error, so that nothing refers to a mesh that is gone.
    pub(crate) fn rebuild(
        &mut self,
        graphics: &Graphics,
        library: &ModelStore,
        instances: &[Instance],
    ) -> Result<SyncStatistics, RenderError> {
        self.clear();
        let placed: Result<Vec<(SelectableInstance, InstanceRecord)>, RenderError> =
            instances.iter().map(|instance| self.placed(library, instance)).collect();
        let placed = placed?;
        if (instances.len() * size_of::<InstanceRecord>()) as u64 > self.buffer.size() {
            self.buffer = buffer(graphics, instances.len().next_power_of_two())?;
            self.generation += 1;
        }
        (self.selectable, self.states) = placed.into_iter().unzip();
        self.selected = self.states.iter().filter(|state| is_selected(state)).count();
        let everything = 0..self.states.len();
        let bytes = self.write(graphics, &[everything])?;
        Ok(SyncStatistics { instances: instances.len(), pieces: 1, bytes })
    }

    /// How far from its origin an eye may be before coordinates lose what a picture could show: a millimetre.
    const REACH: f64 = 4096.0;

    /// Where the device's coordinates should begin for an eye, if not where they do.
    pub(crate) fn better_origin(&self, eye: DVec3) -> Option<DVec3> {
        // Near the world's own origin it stays there, so that most scenes are never moved.
        let wanted = if eye.length() < Self::REACH { DVec3::ZERO } else { eye.round() };
        (self.origin.distance(eye) > Self::REACH && wanted != self.origin).then_some(wanted)
    }

    fn placed(
        &self,
        library: &ModelStore,
        instance: &Instance,
    ) -> Result<(SelectableInstance, InstanceRecord), RenderError> {
        let unknown = RenderError::ModelUnknown(instance.model.0);
        let Some(model) = library.model(instance.model) else { return Err(unknown) };
        let Some(mesh) = library.selectable[model].asset.meshes().get(instance.mesh as usize) else {
            return Err(unknown);
        };
        let DAffine3 { matrix3, translation } = instance.world;
        let world = DAffine3 { matrix3, translation: translation - self.origin };
        let mode = DrawMode::of(&instance.state);
        let selectable = SelectableInstance::new(model as u32, instance.mesh, mode, world.as_affine3a());
        Ok((selectable, state(&world, mesh, &instance.state)))
    }

    pub(crate) fn clear(&mut self) {
        self.selectable.clear();
        self.states.clear();
        self.selected = 0;
    }

    /// As [`Self::clear`], and gives back the memory, here and on the device.
    pub(crate) fn shrink(&mut self, graphics: &Graphics) -> Result<(), RenderError> {
        let (origin, generation) = (self.origin, self.generation + 1);
        *self = Self { origin, generation, ..Self::new(graphics)? };
        Ok(())
    }

    /// Bytes written. Many pieces are sent as one and taken apart on the device: handing over a write costs more than
    /// copying.
    fn write(&mut self, graphics: &Graphics, pieces: &[Range<usize>]) -> Result<u64, RenderError> {
        const WRITES_MAX: usize = 16;
        let states: usize = pieces.iter().map(|piece| piece.len()).sum();
        let bytes = (states * size_of::<InstanceRecord>()) as u64;
        let place = |state: usize| (state * size_of::<InstanceRecord>()) as u64;
        if pieces.len() <= WRITES_MAX {
            for piece in pieces {
                let states = bytemuck::cast_slice(&self.states[piece.clone()]);
                graphics.queue.write_buffer(&self.buffer, place(piece.start), states);
            }
            return Ok(bytes);
        }
        if self.parcel.size() < bytes {
            self.parcel = parcel(graphics, states.next_power_of_two())?;
        }
        self.packed.clear();
        let mut encoder = graphics.device.create_command_encoder(&Default::default());
        for piece in pieces {
            let (from, length) = (place(self.packed.len()), place(piece.len()));
            encoder.copy_buffer_to_buffer(&self.parcel, from, &self.buffer, place(piece.start), length);
            self.packed.extend_from_slice(&self.states[piece.clone()]);
        }
        graphics.queue.write_buffer(&self.parcel, 0, bytemuck::cast_slice(&self.packed));
        graphics.queue.submit([encoder.finish()]);
        Ok(bytes)
    }
}

fn parcel(graphics: &Graphics, states: usize) -> Result<wgpu::Buffer, RenderError> {
    let usage = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
    graphics.buffer("changed instances", (states * size_of::<InstanceRecord>()) as u64, usage)
}

fn buffer(graphics: &Graphics, instances: usize) -> Result<wgpu::Buffer, RenderError> {
    let size = (instances * size_of::<InstanceRecord>()) as u64;
    if size > graphics.limits.max_storage_buffer_binding_size {
        return Err(RenderError::OutOfMemory(format!("{instances} instances")));
    }
    graphics.buffer("instances", size, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST)
}

fn state(world: &DAffine3, mesh: &MeshRecord, shown_as: &EffectiveState) -> InstanceRecord {
    let grid = DAffine3 {
        matrix3: glam::DMat3::from_diagonal(DVec3::splat(mesh.grid_step.into())),
        translation: glam::Vec3::from(mesh.grid_origin).as_dvec3(),
    };
    let placed = (*world * grid).as_affine3a();
    let rows = placed.matrix3.transpose();
    let offset = placed.translation;
    let row = |row: glam::Vec3A, offset: f32| row.extend(offset).to_array().map(f32::to_bits);
    [row(rows.x_axis, offset.x), row(rows.y_axis, offset.y), row(rows.z_axis, offset.z), shown(shown_as)]
}

/// Linear tint, two numbers of 16 bits a word, and flags.
fn shown(state: &EffectiveState) -> [u32; 4] {
    let [red, green, blue, share] = state.tint.map(|value| f32::from(value) / 255.0);
    let unorm = |value: f32| (value * 65535.0).round() as u32;
    let linear = |value: f32| if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) };
    let [red, green, blue] = [red, green, blue].map(|value| unorm(linear(value)));
    [red | green << 16, blue | unorm(share) << 16, if state.selected { SELECTED } else { 0 }, 0]
}

fn is_selected(state: &InstanceRecord) -> bool {
    state[3][2] & SELECTED != 0
}

/// Ascending indices as ranges. Small gaps are written along: a write costs more than a few states.
fn pieces(indices: &[u32]) -> Vec<Range<usize>> {
    const GAP_MAX: usize = 16;
    let mut pieces: Vec<Range<usize>> = Vec::new();
    for &index in indices {
        let index = index as usize;
        match pieces.last_mut() {
            Some(last) if index <= last.end + GAP_MAX => last.end = index + 1,
            _ => pieces.push(index..index + 1),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_written_together() {
        assert_eq!(pieces(&[]), []);
        assert_eq!(pieces(&[3, 4, 5, 20, 100]), [3..21, 100..101]);
    }
}
