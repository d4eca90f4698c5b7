//! Where instances are: the state that the scene has of each of them, on the device and for the selection.

use remora_scene::{Instance, Scene};

use crate::frame::RenderError;
use crate::graphics::Graphics;
use crate::library::Library;
use crate::selection::SelectableInstance;

/// Four quads: three rows of the transform to the world, and room for more. `placement_of` in scene.wgsl reads it.
type State = [[u32; 4]; 4];

const INSTANCES_MIN: usize = 1024;

#[derive(Debug)]
pub(crate) struct Placement {
    pub selectable: Vec<SelectableInstance>,
    pub buffer: wgpu::Buffer,
    /// Grows with every exchange of the buffer.
    pub generation: u64,
    /// Kept to write neighbours in one piece.
    states: Vec<State>,
}

impl Placement {
    pub(crate) fn new(graphics: &Graphics) -> Result<Self, RenderError> {
        Ok(Self { selectable: Vec::new(), buffer: buffer(graphics, INSTANCES_MIN)?, generation: 0, states: Vec::new() })
    }

    /// Takes over what the scene reports as changed. Models must be in the library.
    pub(crate) fn synchronise(
        &mut self,
        graphics: &Graphics,
        library: &Library,
        scene: &mut Scene,
    ) -> Result<(), RenderError> {
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
            self.states[index as usize] = state(instance);
        }
        for piece in pieces(&changes.moved) {
            self.write(graphics, piece);
        }
        Ok(())
    }

    /// Every instance anew. Without any on an error, so that nothing refers to a mesh that is gone.
    pub(crate) fn rebuild(
        &mut self,
        graphics: &Graphics,
        library: &Library,
        instances: &[Instance],
    ) -> Result<(), RenderError> {
        self.selectable.clear();
        self.states.clear();
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
        self.write(graphics, 0..self.states.len());
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        self.selectable.clear();
        self.states.clear();
    }

    fn write(&self, graphics: &Graphics, range: std::ops::Range<usize>) {
        let offset = (range.start * size_of::<State>()) as u64;
        graphics.queue.write_buffer(&self.buffer, offset, bytemuck::cast_slice(&self.states[range]));
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
    [row(rows.x_axis, offset.x), row(rows.y_axis, offset.y), row(rows.z_axis, offset.z), [0; 4]]
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
