//! Quality follows motion: how large, and with how many samples, the next picture is rendered.
//!
//! A graphics card always renders the full picture. A software adapter renders a smaller one while something moves,
//! as small as it must be to keep the time of a frame near [`MOVING_RENDER_TARGET`], and the full one at rest.

use std::time::Duration;

use remora_render::{BLEND_LAYERS_MAX, Samples, Size};

/// What a moving picture may cost to render on a software adapter: with conversion, encoding and the viewer's own
/// decoding on the same two cores this leaves some 30 pictures a second.
pub const MOVING_RENDER_TARGET: Duration = Duration::from_millis(22);

/// What leaves the full picture within 150 ms of the last change: 45 ms until it counts as rest, and encoding.
const RESTING_RENDER_TARGET: Duration = Duration::from_millis(90);

/// Linear scales of the moving picture, finest first. Below the last, what is left of a frame's cost is that of its
/// triangles, and a coarser picture would only look worse.
const SCALES: [f32; 5] = [1.0, 0.8, 2.0 / 3.0, 0.5, 0.4];
/// Transparent surfaces shown behind one another while a weak adapter is moving.
const MOVING_BLEND_LAYERS: u32 = 2;
const SCALE_AT_START: usize = 3;
/// Frames that must agree before the scale changes, so that one slow frame does not.
const FRAMES_BEFORE_FINER: u32 = 20;
const FRAMES_BEFORE_COARSER: u32 = 4;

/// How one picture is rendered; it is always streamed in the viewport's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detail {
    pub render_size: Size,
    pub samples: Samples,
    /// Transparent surfaces behind one another.
    pub blend_layers: u32,
    /// Nothing better will follow as long as nothing changes.
    pub full: bool,
}

#[derive(Clone, Debug)]
pub struct Quality {
    software: bool,
    scale: usize,
    /// Consecutive frames that asked for the same change: positive for coarser.
    slow_frames: u32,
    fast_frames: u32,
    /// What the last full picture took.
    resting_render: Duration,
}

/// Rounded to even numbers, so that the picture's chroma keeps its place when it is stretched.
fn scaled(size: Size, scale: f32) -> Size {
    let even = |length: u32| (((length as f32 * scale) as u32) & !1).max(2);
    Size::new(even(size.width), even(size.height))
}

impl Quality {
    pub fn new(software: bool) -> Self {
        Self { software, scale: SCALE_AT_START, slow_frames: 0, fast_frames: 0, resting_render: Duration::ZERO }
    }

    pub fn moving(&self, viewport: Size) -> Detail {
        if !self.software {
            return self.resting(viewport);
        }
        Detail {
            render_size: scaled(viewport, SCALES[self.scale]),
            samples: Samples::One,
            blend_layers: MOVING_BLEND_LAYERS,
            full: false,
        }
    }

    /// Whether the full picture takes so long that a sharp one should come before it.
    pub fn sharpens_first(&self) -> bool {
        self.resting_render > RESTING_RENDER_TARGET
    }

    /// Full size, but edges still without smoothing.
    pub fn sharp(&self, viewport: Size) -> Detail {
        Detail { render_size: viewport, samples: Samples::One, blend_layers: MOVING_BLEND_LAYERS, full: false }
    }

    pub fn resting(&self, viewport: Size) -> Detail {
        Detail { render_size: viewport, samples: Samples::Four, blend_layers: BLEND_LAYERS_MAX, full: true }
    }

    /// Learns from the time that a picture at rest took.
    pub fn observe_resting(&mut self, detail: &Detail, render: Duration) {
        if detail.full {
            self.resting_render = render;
        }
    }

    /// Learns from the time that a moving picture took.
    pub fn observe_moving(&mut self, render: Duration) {
        if !self.software {
            return;
        }
        let slow = render > MOVING_RENDER_TARGET.mul_f32(1.3);
        // The cost grows at most with the number of pixels, so this is a safe prediction.
        let finer = self.scale.checked_sub(1);
        let fast = finer.is_some_and(|finer| {
            let growth = (SCALES[finer] / SCALES[self.scale]).powi(2);
            render.mul_f32(growth) < MOVING_RENDER_TARGET
        });
        self.slow_frames = if slow { self.slow_frames + 1 } else { 0 };
        self.fast_frames = if fast { self.fast_frames + 1 } else { 0 };
        if self.slow_frames >= FRAMES_BEFORE_COARSER && self.scale + 1 < SCALES.len() {
            self.scale += 1;
            (self.slow_frames, self.fast_frames) = (0, 0);
        } else if self.fast_frames >= FRAMES_BEFORE_FINER {
            self.scale -= 1;
            (self.slow_frames, self.fast_frames) = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HD: Size = Size::new(1280, 720);

    /// An adapter whose time is a constant plus a price per pixel.
    fn run(quality: &mut Quality, fixed_ms: f32, ms_per_megapixel: f32, frames: usize) -> Detail {
        for _ in 0..frames {
            let detail = quality.moving(HD);
            let ms = fixed_ms + ms_per_megapixel * detail.render_size.pixels() as f32 / 1e6;
            quality.observe_moving(Duration::from_secs_f32(ms / 1000.0));
        }
        quality.moving(HD)
    }

    #[test]
    fn a_graphics_card_always_renders_the_full_picture() {
        let mut quality = Quality::new(false);
        let detail = run(&mut quality, 100.0, 0.0, 50);
        assert_eq!(detail, quality.resting(HD));
        assert_eq!((detail.render_size, detail.samples, detail.full), (HD, Samples::Four, true));
    }

    #[test]
    fn a_software_adapter_renders_less_in_motion_and_all_at_rest() {
        let quality = Quality::new(true);
        assert!(quality.moving(HD).render_size.pixels() < HD.pixels());
        assert_eq!(quality.moving(HD).samples, Samples::One);
        assert_eq!((quality.resting(HD).render_size, quality.resting(HD).samples), (HD, Samples::Four));
    }

    #[test]
    fn the_scale_settles_where_the_target_is_met_and_stays_there() {
        for price in [5.0, 15.0, 30.0, 60.0, 140.0] {
            let mut quality = Quality::new(true);
            let settled = run(&mut quality, 2.0, price, 400);
            for _ in 0..100 {
                assert_eq!(run(&mut quality, 2.0, price, 1), settled, "oscillates at {price} ms per megapixel");
            }
            let ms = 2.0 + price * settled.render_size.pixels() as f32 / 1e6;
            assert!(ms < 1.3 * 22.0, "{ms} ms at {price} ms per megapixel");
        }
    }

    #[test]
    fn a_single_slow_frame_changes_nothing() {
        let mut quality = Quality::new(true);
        let before = quality.moving(HD);
        quality.observe_moving(Duration::from_millis(500));
        quality.observe_moving(MOVING_RENDER_TARGET);
        assert_eq!(quality.moving(HD), before);
    }

    #[test]
    fn a_full_picture_that_takes_long_has_a_sharp_one_before_it() {
        let mut quality = Quality::new(true);
        assert!(!quality.sharpens_first());
        quality.observe_resting(&quality.resting(HD), Duration::from_millis(150));
        assert!(quality.sharpens_first());
        quality.observe_resting(&quality.sharp(HD), Duration::from_millis(50));
        assert!(quality.sharpens_first(), "only the full picture counts");
        quality.observe_resting(&quality.resting(HD), Duration::from_millis(80));
        assert!(!quality.sharpens_first());
    }

    #[test]
    fn sizes_are_even_and_never_empty() {
        let quality = Quality::new(true);
        for (width, height) in [(64, 64), (66, 130), (1280, 718), (4096, 2160), (2, 2)] {
            let size = quality.moving(Size::new(width, height)).render_size;
            assert!(size.width.is_multiple_of(2) && size.height.is_multiple_of(2) && size.width > 0 && size.height > 0);
        }
    }
}
