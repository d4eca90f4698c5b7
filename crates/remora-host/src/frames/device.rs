//! The renderer, which is lent to a thread of its own while it warms up.

use std::ops::{Deref, DerefMut};

use remora_render::{RenderError, Renderer, Samples};

const LENT: &str = "nothing is drawn or placed while the renderer warms up";

/// The renderer, unless it is warming up. Nothing is drawn or placed until it is back.
pub(super) struct Device(Option<Renderer>);

impl Device {
    pub(super) fn new(renderer: Renderer) -> Self {
        Self(Some(renderer))
    }

    /// Returns the renderer, or `None` while it is lent.
    pub(super) fn get(&mut self) -> Option<&mut Renderer> {
        self.0.as_mut()
    }

    /// Lends the renderer. [`Device::new`] takes its place when it is back.
    pub(super) fn lend(&mut self) -> Box<Renderer> {
        Box::new(self.0.take().expect(LENT))
    }
}

impl Deref for Device {
    type Target = Renderer;

    fn deref(&self) -> &Renderer {
        self.0.as_ref().expect(LENT)
    }
}

impl DerefMut for Device {
    fn deref_mut(&mut self) -> &mut Renderer {
        self.0.as_mut().expect(LENT)
    }
}

/// A lent renderer on its way back, and the result of warming it up.
pub(crate) struct Warm {
    pub(super) renderer: Box<Renderer>,
    pub(super) result: Result<(), RenderError>,
}

/// A part of the warm-up.
pub(super) type WarmUpStep = fn(&mut Renderer) -> Result<(), RenderError>;

/// Returns the parts of the warm-up; frames can be drawn after each. The later ones are for frames that come later, and
/// are left out when a client waits. On a software adapter a frame in motion has one sample, and one at rest has four;
/// a card draws all frames with four while it is quick enough, and measures which way of drawing is faster with them.
pub(super) fn warm_up_steps(software: bool) -> &'static [WarmUpStep] {
    if software {
        &[|renderer| renderer.warm_up(Samples::One), |renderer| renderer.warm_up(Samples::Four)]
    } else {
        &[warm_up]
    }
}

/// Compiles the kernels that most frames need.
pub(crate) fn warm_up(renderer: &mut Renderer) -> Result<(), RenderError> {
    [Samples::One, Samples::Four].into_iter().try_for_each(|samples| renderer.warm_up(samples))
}

/// Compiles all kernels whose compiled forms hosts should find on disk.
pub(crate) fn compile_ahead(renderer: &mut Renderer) -> Result<(), RenderError> {
    warm_up(renderer)?;
    [Samples::One, Samples::Four].into_iter().try_for_each(|samples| renderer.compile_ahead(samples))
}
