//! The renderer's public face (signatures first; the bodies follow in the next commits).

use remora_assets::Model;
use remora_scene::{ModelKey, Scene};

use crate::frame::{FrameDone, FrameRequest, Picture, RenderError};
use crate::graphics::Graphics;

/// A model made ready for [`Renderer::add_model`], on any thread, without a device.
pub struct Prepared {}

pub struct PrepareOptions {
    /// Textures are scaled down to it.
    pub texture_dimension_max: u32,
    /// Threads used.
    pub threads: usize,
}

impl Prepared {
    pub fn from_model(model: &Model, options: &PrepareOptions, progress: &mut dyn FnMut(f32)) -> Prepared {
        let _ = (model, options, progress);
        todo!()
    }
}

pub struct Renderer {}

impl Renderer {
    pub fn new(graphics: Graphics) -> Result<Renderer, RenderError> {
        let _ = graphics;
        todo!()
    }
    pub fn add_model(&mut self, key: ModelKey, prepared: &Prepared) -> Result<(), RenderError> {
        let _ = (key, prepared);
        todo!()
    }
    pub fn remove_model(&mut self, key: ModelKey) {
        let _ = key;
    }
    pub fn clear(&mut self) {}
    /// Takes the scene's changes over; instances of a model that was not added are an error.
    pub fn synchronise(&mut self, scene: &mut Scene) -> Result<(), RenderError> {
        let _ = scene;
        todo!()
    }
    /// Starts drawing. At most `frames_in_flight_max` may be started and not yet received.
    pub fn submit(&mut self, request: &FrameRequest) -> Result<(), RenderError> {
        let _ = request;
        todo!()
    }
    /// The oldest picture in flight; waits for it. `None` if nothing is in flight.
    pub fn receive(&mut self, into: &mut Picture) -> Result<Option<FrameDone>, RenderError> {
        let _ = into;
        todo!()
    }
    /// As `receive`, but `None` too while the oldest picture is not finished.
    pub fn try_receive(&mut self, into: &mut Picture) -> Result<Option<FrameDone>, RenderError> {
        let _ = into;
        todo!()
    }
    pub fn frames_in_flight_max(&self) -> usize {
        1
    }
    pub fn graphics_memory_bytes(&self) -> u64 {
        0
    }
    pub fn graphics(&self) -> &Graphics {
        todo!()
    }
}
