//! Buffers on the device. They are created under error scopes, so that an excessive size is an error and not a panic.

use std::marker::PhantomData;
use std::ops::Range;

use bytemuck::NoUninit;

use crate::device::graphics::{Fault, Graphics};
use crate::device::ranges::RangeAllocator;
use crate::frame::RenderError;

impl Graphics {
    /// Runs `make` and returns an error of the driver within it.
    pub(crate) fn guarded<T>(&self, what: &str, make: impl FnOnce(&wgpu::Device) -> T) -> Result<T, RenderError> {
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let made = make(&self.device);
        let refused = pollster::block_on(validation.pop());
        let exhausted = pollster::block_on(memory.pop());
        match exhausted.or(refused) {
            None => Ok(made),
            Some(error) => Err(explain(what, Fault::from(error))),
        }
    }

    /// Submits pending writes to buffers and textures, and frees resources that the device no longer uses. Until then,
    /// written data occupies staging memory, and dropped buffers stay allocated.
    pub(crate) fn flush(&self) -> wgpu::SubmissionIndex {
        self.queue.submit([])
    }

    /// Returns the error that happened outside of any call, if there was one.
    pub(crate) fn check(&self, what: &str) -> Result<(), RenderError> {
        self.health.take().map_or(Ok(()), |fault| Err(explain(what, fault)))
    }

    pub(crate) fn buffer(&self, what: &str, size: u64, usage: wgpu::BufferUsages) -> Result<wgpu::Buffer, RenderError> {
        if size > self.limits.max_buffer_size {
            return Err(RenderError::OutOfMemory(what.to_owned()));
        }
        // Bindings must not be empty.
        let size = size.max(256).next_multiple_of(16);
        let descriptor = wgpu::BufferDescriptor { label: Some(what), size, usage, mapped_at_creation: false };
        self.guarded(what, |device| device.create_buffer(&descriptor))
    }
}

fn explain(what: &str, fault: Fault) -> RenderError {
    match fault {
        Fault::Lost(why) => RenderError::DeviceLost(why),
        Fault::OutOfMemory => RenderError::OutOfMemory(what.to_owned()),
        Fault::Rejected(why) => RenderError::Rejected { what: what.to_owned(), why },
    }
}

/// A storage buffer of elements. It grows on demand up to the largest size of a binding.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    what: &'static str,
    buffer: wgpu::Buffer,
    ranges: RangeAllocator,
    length_max: u32,
    /// Increases whenever the buffer is replaced, because bind groups refer to the old one.
    generation: u64,
    element: PhantomData<T>,
}

const ARENA_BYTES_MIN: u64 = 1 << 20;
const ARENA_USAGE: wgpu::BufferUsages =
    wgpu::BufferUsages::STORAGE.union(wgpu::BufferUsages::COPY_DST).union(wgpu::BufferUsages::COPY_SRC);

impl<T: NoUninit> Arena<T> {
    pub(crate) fn new(graphics: &Graphics, what: &'static str) -> Result<Self, RenderError> {
        let bytes_max = graphics.limits.max_storage_buffer_binding_size.min(graphics.limits.max_buffer_size);
        // Shaders address words by 32-bit indices.
        let length_max = (bytes_max.min(1 << 34) / size_of::<T>() as u64) as u32;
        let length = ((ARENA_BYTES_MIN / size_of::<T>() as u64) as u32).min(length_max);
        let buffer = graphics.buffer(what, u64::from(length) * size_of::<T>() as u64, ARENA_USAGE)?;
        let mut ranges = RangeAllocator::default();
        ranges.extend_to(length);
        Ok(Self { what, buffer, ranges, length_max, generation: 0, element: PhantomData })
    }

    /// Returns an empty arena with a buffer of the smallest size.
    pub(crate) fn emptied(&self, graphics: &Graphics) -> Result<Self, RenderError> {
        Ok(Self { generation: self.generation + 1, ..Self::new(graphics, self.what)? })
    }

    pub(crate) fn buffer(&self) -> &wgpu::Buffer {
        &self.buffer
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.buffer.size()
    }

    /// Stores `elements` contiguously and returns their range.
    pub(crate) fn insert(&mut self, graphics: &Graphics, elements: &[T]) -> Result<Range<u32>, RenderError> {
        let count = u32::try_from(elements.len()).map_err(|_| RenderError::OutOfMemory(self.what.to_owned()))?;
        let range = match self.ranges.take(count) {
            Some(range) => range,
            None => {
                self.grow(graphics, count)?;
                self.ranges.take(count).expect("the buffer has just been made long enough")
            }
        };
        self.write(graphics, range.start, elements);
        Ok(range)
    }

    pub(crate) fn write(&self, graphics: &Graphics, first: u32, elements: &[T]) {
        let offset = u64::from(first) * size_of::<T>() as u64;
        graphics.queue.write_buffer(&self.buffer, offset, bytemuck::cast_slice(elements));
    }

    pub(crate) fn remove(&mut self, range: Range<u32>) {
        self.ranges.free(range);
    }

    fn grow(&mut self, graphics: &Graphics, count: u32) -> Result<(), RenderError> {
        let old = self.ranges.length();
        let needed = u64::from(old) + u64::from(count);
        if needed > u64::from(self.length_max) {
            return Err(RenderError::OutOfMemory(self.what.to_owned()));
        }
        let length = needed.max(u64::from(old) * 2).min(u64::from(self.length_max)) as u32;
        let size = u64::from(length) * size_of::<T>() as u64;
        let buffer = graphics.buffer(self.what, size, ARENA_USAGE)?;
        let mut encoder = graphics.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&self.buffer, 0, &buffer, 0, self.buffer.size());
        graphics.queue.submit([encoder.finish()]);
        self.buffer = buffer;
        self.ranges.extend_to(length);
        self.generation += 1;
        Ok(())
    }
}
