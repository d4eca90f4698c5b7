//! The ladders: the qualities of frames in motion, from the finest to the coarsest.

use remora_render::Samples;

/// The permitted error at rest, in pixels. With an error of a whole pixel, gaps between touching parts become visible
/// here and there, because each part may be off; with less they hardly ever do (the orbit test of the renderer). It
/// costs about 11 % more triangles.
pub(super) const RESTING_ERROR: f32 = 0.7;

/// A step of the ladder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rung {
    /// Linear scale of the viewport.
    pub(super) scale: f32,
    pub(super) error_pixels: f32,
    /// Samples per pixel. A frame with a single one continues the history.
    pub(super) samples: Samples,
}

/// Returns a rung with one sample.
pub(super) const fn rung(scale: f32, error_pixels: f32) -> Rung {
    Rung { scale, error_pixels, samples: Samples::One }
}

/// The ladder of software adapters. The steps are small, so that the predicted cost of a finer one is useful. Errors
/// count in pixels of the rendered frame: with one sample for 2x2 pixels, each is two pixels of the stream.
pub(super) const SOFTWARE: [Rung; 15] = [
    rung(1.0, 1.0),
    rung(1.0, 1.25),
    rung(1.0, 1.6),
    rung(1.0, 2.0),
    rung(0.5, 0.5),
    rung(0.5, RESTING_ERROR),
    rung(0.5, 0.85),
    rung(0.5, 1.0),
    rung(0.5, 1.2),
    rung(0.5, 1.45),
    rung(0.5, 1.7),
    rung(0.5, 2.0),
    rung(0.5, 2.5),
    rung(0.5, 3.2),
    rung(0.5, 4.0),
];
/// The rung that a software adapter starts on.
pub(super) const SOFTWARE_AT_START: usize = 8;
/// The ladder of graphics cards. One sample with a history is smooth too and takes half of the time of four or little
/// more, so it comes before coarser geometry.
pub(super) const CARD: [Rung; 13] = [
    Rung { samples: Samples::Four, ..rung(1.0, RESTING_ERROR) },
    rung(1.0, RESTING_ERROR),
    rung(1.0, 0.85),
    rung(1.0, 1.0),
    rung(1.0, 1.25),
    rung(1.0, 1.6),
    rung(1.0, 2.0),
    rung(0.5, 1.0),
    rung(0.5, 1.2),
    rung(0.5, 1.4),
    rung(0.5, 1.6),
    rung(0.5, 1.8),
    rung(0.5, 2.0),
];

/// Returns an upper bound on the relative cost of the finer rung. The cost is a constant, a price per sample and a
/// price per primitive. The number of primitives grows with the square of the error, which may or may not follow the
/// size, and a primitive may have to be tested at every sample.
pub(super) fn growth(now: Rung, finer: Rung) -> f32 {
    let (pixels, primitives) = (finer.scale / now.scale, now.error_pixels / finer.error_pixels);
    let samples = finer.samples.count() as f32 / now.samples.count() as f32;
    pixels.max(primitives).max(pixels * primitives).powi(2) * samples
}
