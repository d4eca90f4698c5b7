//! Buffers whose content is replaced in every frame.

use std::marker::PhantomData;

use bytemuck::NoUninit;

use crate::device::graphics::Graphics;
use crate::frame::RenderError;

#[derive(Debug)]
pub(crate) struct UploadBuffer<T> {
    what: &'static str,
    buffer: wgpu::Buffer,
    generation: u64,
    element: PhantomData<T>,
}

const BYTES_MIN: u64 = 64 << 10;

impl<T: NoUninit> UploadBuffer<T> {
    pub(crate) fn new(graphics: &Graphics, what: &'static str) -> Result<Self, RenderError> {
        Ok(Self { what, buffer: buffer(graphics, what, BYTES_MIN)?, generation: 0, element: PhantomData })
    }

    /// Replaces the buffer by one of the smallest size.
    pub(crate) fn shrink(&mut self, graphics: &Graphics) -> Result<(), RenderError> {
        if self.buffer.size() > BYTES_MIN {
            self.buffer = buffer(graphics, self.what, BYTES_MIN)?;
            self.generation += 1;
        }
        Ok(())
    }

    pub(crate) fn buffer(&self) -> &wgpu::Buffer {
        &self.buffer
    }

    /// Increases whenever the buffer is replaced, because bind groups refer to the old one.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn write(&mut self, graphics: &Graphics, elements: &[T]) -> Result<(), RenderError> {
        let bytes: &[u8] = bytemuck::cast_slice(elements);
        if bytes.len() as u64 > self.buffer.size() {
            self.buffer = buffer(graphics, self.what, (bytes.len() as u64).next_power_of_two())?;
            self.generation += 1;
        }
        graphics.queue.write_buffer(&self.buffer, 0, bytes);
        Ok(())
    }
}

fn buffer(graphics: &Graphics, what: &str, bytes: u64) -> Result<wgpu::Buffer, RenderError> {
    if bytes > graphics.limits.max_storage_buffer_binding_size {
        return Err(RenderError::OutOfMemory(what.to_owned()));
    }
    graphics.buffer(what, bytes, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST)
}
