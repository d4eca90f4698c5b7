//! The commands of a frame in slices that are submitted one after another. Between two slices the frame can be
//! abandoned, so that a long frame does not delay a more urgent one.

use std::collections::VecDeque;

use crate::device::graphics::Graphics;

pub(crate) struct SlicedEncoder<'a> {
    graphics: &'a Graphics,
    encoder: wgpu::CommandEncoder,
    finished: VecDeque<wgpu::CommandBuffer>,
    /// False if the whole frame is one slice.
    slicing: bool,
}

impl<'a> SlicedEncoder<'a> {
    pub(crate) fn new(graphics: &'a Graphics, slicing: bool) -> Self {
        let encoder = graphics.device.create_command_encoder(&Default::default());
        Self { graphics, encoder, finished: VecDeque::new(), slicing }
    }

    pub(crate) fn encoder(&mut self) -> &mut wgpu::CommandEncoder {
        &mut self.encoder
    }

    pub(crate) fn slicing(&self) -> bool {
        self.slicing
    }

    /// Ends the current slice.
    pub(crate) fn end_slice(&mut self) {
        if self.slicing {
            let next = self.graphics.device.create_command_encoder(&Default::default());
            self.finished.push_back(std::mem::replace(&mut self.encoder, next).finish());
        }
    }

    /// Returns the slices, at least one.
    pub(crate) fn finish(mut self) -> VecDeque<wgpu::CommandBuffer> {
        self.finished.push_back(self.encoder.finish());
        self.finished
    }
}
