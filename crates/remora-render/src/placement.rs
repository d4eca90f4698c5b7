//! Where instances are: the state that the scene has of each of them, on the device and for the selection.

use remora_scene::{Instance, InstanceState, Scene};

use crate::frame::RenderError;
use crate::graphics::Graphics;
use crate::library::Library;
use crate::selection::SelectableInstance;

/// Four quads: three rows of the transform to the world, tint and flags. scene.wgsl reads it.
type State = [[u32; 4]; 4];

/// Flags of a state; more bits are free.
const SELECTED: u32 = 1;

/// What was sent to the device to follow a scene.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub instances: usize,
    /// Writes that it took: neighbours go together.
    pub pieces: usize,
    pub bytes: u64,
}

const INSTANCES_MIN: usize = 1024;

#[derive(Debug)]
pub(crate) struct Placement {
    pub selectable: Vec<SelectableInstance>,
    pub buffer: wgpu::Buffer,
    /// Grows with every exchange of the buffer.
    pub generation: u64,
    /// Kept to write neighbours in one piece.
    states: Vec<State>,
    selected: usize,
}

impl Placement {
    pub(crate) fn new(graphics: &Graphics) -> Result<Self, RenderError> {
        let buffer = buffer(graphics, INSTANCES_MIN)?;
        Ok(Self { selectable: Vec::new(), buffer, generation: 0, states: Vec::new(), selected: 0 })
    }

    /// Instances that are selected.
    pub(crate) fn selected(&self) -> usize {
        self.selected
    }

    /// Takes over what the scene reports as changed. Models must be in the library.
    pub(crate) fn synchronise(
        &mut self,
        graphics: &Graphics,
        library: &Library,
        scene: &mut Scene,
    ) -> Result<Written, RenderError> {
        let changes = scene.take_changes();
        if changes.structure {
            return self.rebuild(graphics, library, scene.instances());
        }
        let instances = scene.instances();
        for &index in &changes.moved {
            let instance = &instances[index as usize];
            let selectable = &mut self.selectable[index as usize];
            *selectable =
                SelectableInstance::new(selectable.mesh, instance.state.visible, instance.world.as_affine3a());
            let before = std::mem::replace(&mut self.states[index as usize], state(instance));
            self.selected -= usize::from(is_selected(&before));
            self.selected += usize::from(instance.state.selected);
        }
        let mut written = Written { instances: changes.moved.len(), ..Written::default() };
        for piece in pieces(&changes.moved) {
            written.pieces += 1;
            written.bytes += self.write(graphics, piece);
        }
        Ok(written)
    }

    /// Every instance anew. Without any on an error, so that nothing refers to a mesh that is gone.
    pub(crate) fn rebuild(
        &mut self,
        graphics: &Graphics,
        library: &Library,
        instances: &[Instance],
    ) -> Result<Written, RenderError> {
        self.clear();
        let selectable: Result<Vec<SelectableInstance>, RenderError> = instances
            .iter()
            .map(|instance| {
                let mesh =
                    library.mesh(instance.model, instance.mesh).ok_or(RenderError::ModelUnknown(instance.model.0))?;
                Ok(SelectableInstance::new(mesh, instance.state.visible, instance.world.as_affine3a()))
            })
            .collect();
        let selectable = selectable?;
        if (instances.len() * size_of::<State>()) as u64 > self.buffer.size() {
            self.buffer = buffer(graphics, instances.len().next_power_of_two())?;
            self.generation += 1;
        }
        self.selectable = selectable;
        self.states.extend(instances.iter().map(state));
        self.selected = self.states.iter().filter(|state| is_selected(state)).count();
        let bytes = self.write(graphics, 0..self.states.len());
        Ok(Written { instances: instances.len(), pieces: 1, bytes })
    }

    pub(crate) fn clear(&mut self) {
        self.selectable.clear();
        self.states.clear();
        self.selected = 0;
    }

    fn write(&self, graphics: &Graphics, range: std::ops::Range<usize>) -> u64 {
        let offset = (range.start * size_of::<State>()) as u64;
        let bytes: &[u8] = bytemuck::cast_slice(&self.states[range]);
        graphics.queue.write_buffer(&self.buffer, offset, bytes);
        bytes.len() as u64
    }
}

fn buffer(graphics: &Graphics, instances: usize) -> Result<wgpu::Buffer, RenderError> {
    let size = (instances * size_of::<State>()) as u64;
    if size > graphics.limits.max_storage_buffer_binding_size {
        return Err(RenderError::OutOfMemory(format!("{instances} instances")));
    }
    graphics.buffer("instances", size, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST)
}

fn state(instance: &Instance) -> State {
    let world = instance.world.as_affine3a();
    let rows = world.matrix3.transpose();
    let offset = world.translation;
    let row = |row: glam::Vec3A, offset: f32| row.extend(offset).to_array().map(f32::to_bits);
    [row(rows.x_axis, offset.x), row(rows.y_axis, offset.y), row(rows.z_axis, offset.z), shown(&instance.state)]
}

/// Linear tint, two numbers of 16 bits a word, and flags.
fn shown(state: &InstanceState) -> [u32; 4] {
    let [red, green, blue, share] = state.tint.map(|value| f32::from(value) / 255.0);
    let unorm = |value: f32| (value * 65535.0).round() as u32;
    let linear = |value: f32| if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) };
    let [red, green, blue] = [red, green, blue].map(|value| unorm(linear(value)));
    [red | green << 16, blue | unorm(share) << 16, if state.selected { SELECTED } else { 0 }, 0]
}

fn is_selected(state: &State) -> bool {
    state[3][2] & SELECTED != 0
}

/// Ascending indices as ranges. Small gaps are written along: a write costs more than a few states.
fn pieces(indices: &[u32]) -> Vec<std::ops::Range<usize>> {
    const GAP_MAX: usize = 16;
    let mut pieces: Vec<std::ops::Range<usize>> = Vec::new();
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
