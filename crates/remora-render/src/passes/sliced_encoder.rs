//! A frame's commands in pieces that are handed over one after another: between two of them the frame can be given up,
//! so that a long one does not stand in the way of one that is wanted sooner.

use std::collections::VecDeque;

use crate::device::graphics::Graphics;

pub(crate) struct SlicedEncoder<'a> {
    graphics: &'a Graphics,
    encoder: wgpu::CommandEncoder,
    finished: VecDeque<wgpu::CommandBuffer>,
    /// Off: everything is one piece.
    cutting: bool,
}

impl<'a> SlicedEncoder<'a> {
    pub(crate) fn new(graphics: &'a Graphics, cutting: bool) -> Self {
        let encoder = graphics.device.create_command_encoder(&Default::default());
        Self { graphics, encoder, finished: VecDeque::new(), cutting }
    }

    pub(crate) fn encoder(&mut self) -> &mut wgpu::CommandEncoder {
        &mut self.encoder
    }

    pub(crate) fn cutting(&self) -> bool {
        self.cutting
    }

    /// What has been recorded since the last cut is a piece.
    pub(crate) fn cut(&mut self) {
        if self.cutting {
            let next = self.graphics.device.create_command_encoder(&Default::default());
            self.finished.push_back(std::mem::replace(&mut self.encoder, next).finish());
        }
    }

    /// At least one.
    pub(crate) fn finish(mut self) -> VecDeque<wgpu::CommandBuffer> {
        self.finished.push_back(self.encoder.finish());
        self.finished
    }
}
