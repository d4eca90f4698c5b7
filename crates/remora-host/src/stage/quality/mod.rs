//! Chooses the size, the permitted error and the samples of the next frame.
//!
//! While something moves, quality is reduced step by step, along a ladder, until frames are rendered within a target
//! time. At rest a frame is rendered in full.
//!
//! | adapter | reduced first | then | last |
//! |---|---|---|---|
//! | software | geometry, to 2 pixels of error | one sample for 2x2 pixels | geometry, to 8 pixels |
//! | graphics card | three of four samples per pixel | geometry, to 2 pixels | the same, to 4 pixels |
//!
//! Frames in motion with fewer than four samples per pixel continue the history of the view, so that samples of several
//! frames add up to the full size and to smooth edges. A frame in full begins it. A card that renders the full frame in
//! motion too spends nothing on a history.

mod ladder;

use std::time::Duration;

use remora_render::{
    BLEND_LAYERS_MAX, Camera, FrameOptions, FrameRequest, FrameSerial, History, PixelFormat, Samples, Size,
};

use ladder::{CARD, RESTING_ERROR, Rung, SOFTWARE, SOFTWARE_AT_START, growth};

/// The render time with which the full frame arrives within 150 ms of the last change: about 25 ms pass until the view
/// counts as resting after a drag, and encoding takes the rest.
const RESTING_RENDER_TARGET: Duration = Duration::from_millis(110);

/// Layers of transparent surfaces while something moves on a software adapter.
const MOVING_BLEND_LAYERS: u32 = 2;
/// A frame may exceed the target by this factor before quality is reduced. Together with [`growth`] it prevents
/// oscillation.
const TOLERANCE: f32 = 1.3;
/// Consecutive frames before the rung changes, so that one slow frame has no effect.
const FRAMES_BEFORE_FINER: u32 = 20;
const FRAMES_BEFORE_COARSER: u32 = 4;

/// How a frame is rendered. It is always streamed in the viewport's size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detail {
    /// Size at which the frame is rendered.
    pub render_size: Size,
    /// Samples per pixel of `render_size`.
    pub samples: Samples,
    /// Layers of transparent surfaces.
    pub blend_layers: u32,
    /// The permitted geometric error, in pixels of `render_size`.
    pub error_pixels: f32,
    /// Relation to the frames before.
    pub history: History,
    /// No better frame follows while nothing changes.
    pub full: bool,
}

impl Detail {
    /// Returns the request for a frame of the video in this detail. `checkerboard` is the opacity of the checkerboard
    /// that shows that too much is drawn, 0 to 1.
    pub fn request(&self, serial: FrameSerial, camera: Camera, stream_size: Size, checkerboard: f32) -> FrameRequest {
        FrameRequest {
            serial,
            camera,
            render_size: self.render_size,
            samples: self.samples,
            error_pixels: self.error_pixels,
            blend_layers: self.blend_layers,
            stream_size,
            format: PixelFormat::I420,
            options: FrameOptions { history: self.history, checkerboard, ..FrameOptions::default() },
        }
    }
}

/// The current quality, and the render times that determine it.
#[derive(Clone, Debug)]
pub struct Quality {
    software: bool,
    target: Duration,
    ladder: &'static [Rung],
    rung: usize,
    /// Consecutive frames that asked for the same change.
    slow_frames: u32,
    fast_frames: u32,
    /// The render time of the last full frame.
    resting_render: Duration,
}

/// Returns the default target for rendering a moving frame. It allows about 30 frames per second on a software adapter,
/// where conversion, encoding and the viewer's decoding need the same cores, and 60 on a card.
pub const fn render_target(software: bool) -> Duration {
    Duration::from_millis(if software { 22 } else { 12 })
}

/// Returns the scaled size: the whole one, or half of it in both directions. A stream that is too small for that is not
/// scaled. The sides of a stream are even, so that half of them is exact.
fn scaled(size: Size, scale: f32) -> Size {
    let halved = scale < 1.0 && size.width.min(size.height) >= 4;
    if halved { Size::new(size.width / 2, size.height / 2) } else { size }
}

impl Quality {
    /// Starts with the default rung. `target` is the time that rendering a moving frame may take.
    pub fn new(software: bool, target: Duration) -> Self {
        let (ladder, rung): (&[Rung], usize) = if software { (&SOFTWARE, SOFTWARE_AT_START) } else { (&CARD, 0) };
        Self { software, target, ladder, rung, slow_frames: 0, fast_frames: 0, resting_render: Duration::ZERO }
    }

    /// Starts with this rung of the ladder, 0 being the finest; one beyond the end is the last. Without
    /// [`Quality::observe_moving`] it never changes.
    #[must_use]
    pub fn at_rung(self, rung: usize) -> Self {
        Self { rung: rung.min(self.ladder.len() - 1), ..self }
    }

    /// Returns the detail of a frame while something moves.
    pub fn moving(&self, viewport: Size) -> Detail {
        if !self.continues() {
            return self.at_rest(viewport);
        }
        let Rung { scale, error_pixels, .. } = self.ladder[self.rung];
        let blend_layers = if self.software { MOVING_BLEND_LAYERS } else { BLEND_LAYERS_MAX };
        Detail { render_size: scaled(viewport, scale), error_pixels, blend_layers, ..Self::sharp(viewport) }
    }

    /// Returns the full detail for a frame at rest. It begins a history if frames in motion continue one.
    pub fn at_rest(&self, viewport: Size) -> Detail {
        let history = if self.continues() { History::Begin } else { History::Apart };
        Detail { history, ..Self::resting(viewport) }
    }

    /// Returns whether frames in motion continue a history. The others are those at rest.
    fn continues(&self) -> bool {
        self.ladder[self.rung].samples == Samples::One
    }

    /// Returns whether the full frame takes so long that a sharp one comes before it.
    pub fn sharpens_first(&self) -> bool {
        self.resting_render > RESTING_RENDER_TARGET
    }

    /// Returns the detail of a sharp frame: full size, but edges without smoothing.
    pub fn sharp(viewport: Size) -> Detail {
        Detail {
            samples: Samples::One,
            blend_layers: MOVING_BLEND_LAYERS,
            history: History::Continue,
            full: false,
            ..Self::resting(viewport)
        }
    }

    /// Returns the full detail of a frame that begins a history.
    pub fn resting(viewport: Size) -> Detail {
        Detail {
            render_size: viewport,
            samples: Samples::Four,
            blend_layers: BLEND_LAYERS_MAX,
            error_pixels: RESTING_ERROR,
            history: History::Begin,
            full: true,
        }
    }

    /// Records the render time of a frame at rest.
    pub fn observe_resting(&mut self, detail: &Detail, render: Duration) {
        if detail.full {
            self.resting_render = render;
        }
    }

    /// Records the render time of a moving frame, and changes the rung if necessary.
    pub fn observe_moving(&mut self, render: Duration) {
        let slow = render > self.target.mul_f32(TOLERANCE);
        let fast = self.rung.checked_sub(1).is_some_and(|finer| {
            let growth = growth(self.ladder[self.rung], self.ladder[finer]);
            render.mul_f32(growth) < self.target
        });
        self.slow_frames = if slow { self.slow_frames + 1 } else { 0 };
        self.fast_frames = if fast { self.fast_frames + 1 } else { 0 };
        if self.slow_frames >= FRAMES_BEFORE_COARSER && self.rung + 1 < self.ladder.len() {
            self.rung += 1;
            (self.slow_frames, self.fast_frames) = (0, 0);
        } else if self.fast_frames >= FRAMES_BEFORE_FINER {
            self.rung -= 1;
            (self.slow_frames, self.fast_frames) = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ladder::rung;
    use super::*;

    const HD: Size = Size::new(1280, 720);

    /// The cost of a frame in milliseconds: a constant, a price per million of samples, and a price for all primitives
    /// at one pixel of error. A coarser frame has fewer primitives.
    #[derive(Clone, Copy, Debug)]
    struct Adapter {
        fixed: f32,
        per_megasample: f32,
        primitives: f32,
        /// Errors are measured in the smaller frame, so that it has fewer primitives too.
        follows_size: bool,
    }

    impl Adapter {
        fn milliseconds(&self, detail: &Detail) -> f32 {
            let pixels = detail.render_size.pixels() as f32;
            let samples = pixels * detail.samples.count() as f32;
            let size = if self.follows_size { pixels / HD.pixels() as f32 } else { 1.0 };
            self.fixed + self.per_megasample * samples / 1e6 + self.primitives * size / detail.error_pixels.powi(2)
        }

        fn run(&self, quality: &mut Quality, frames: usize) -> Detail {
            for _ in 0..frames {
                let milliseconds = self.milliseconds(&quality.moving(HD));
                quality.observe_moving(Duration::from_secs_f32(milliseconds / 1000.0));
            }
            quality.moving(HD)
        }
    }

    fn adapters() -> impl Iterator<Item = Adapter> {
        const FIXED: [f32; 4] = [0.5, 4.0, 10.0, 60.0];
        const PER_MEGASAMPLE: [f32; 6] = [0.5, 5.0, 15.0, 30.0, 60.0, 140.0];
        const PRIMITIVES: [f32; 6] = [0.0, 3.0, 12.0, 30.0, 90.0, 400.0];
        FIXED.into_iter().flat_map(|fixed| {
            PER_MEGASAMPLE.into_iter().flat_map(move |per_megasample| {
                PRIMITIVES.into_iter().flat_map(move |primitives| {
                    [false, true].map(|follows_size| Adapter { fixed, per_megasample, primitives, follows_size })
                })
            })
        })
    }

    fn new(software: bool) -> Quality {
        Quality::new(software, render_target(software))
    }

    #[test]
    fn quality_settles_on_every_adapter_and_stays_there() {
        for software in [true, false] {
            let target = render_target(software).as_secs_f32() * 1000.0;
            for adapter in adapters() {
                let mut quality = new(software);
                let settled = adapter.run(&mut quality, 600);
                for _ in 0..200 {
                    assert_eq!(adapter.run(&mut quality, 1), settled, "swings on {adapter:?}");
                }
                let at_the_end = quality.rung + 1 == quality.ladder.len();
                let milliseconds = adapter.milliseconds(&settled);
                assert!(at_the_end || milliseconds <= TOLERANCE * target, "{milliseconds} ms on {adapter:?}");
            }
        }
    }

    #[test]
    fn quality_is_not_reduced_further_than_the_target_requires() {
        for software in [true, false] {
            for adapter in adapters() {
                let mut quality = new(software);
                adapter.run(&mut quality, 600);
                if let Some(finer) = quality.rung.checked_sub(1) {
                    let milliseconds = adapter.milliseconds(&quality.moving(HD));
                    let would_be = milliseconds * growth(quality.ladder[quality.rung], quality.ladder[finer]);
                    assert!(would_be >= quality.target.as_secs_f32() * 999.0, "{adapter:?} could do more");
                }
            }
        }
    }

    #[test]
    fn errors_and_sizes_stay_within_their_bounds() {
        for software in [true, false] {
            let mut quality = new(software);
            for step in 0..2000_u64 {
                let detail = quality.moving(HD);
                let in_the_stream = detail.error_pixels * HD.width as f32 / detail.render_size.width as f32;
                assert!((RESTING_ERROR..=8.0).contains(&in_the_stream));
                assert!([HD, scaled(HD, 0.5)].contains(&detail.render_size));
                for rest in [Quality::sharp(HD), Quality::resting(HD)] {
                    assert_eq!((rest.error_pixels, rest.render_size), (RESTING_ERROR, HD));
                }
                // Waves from nothing to half a second, long enough to climb the whole ladder.
                quality.observe_moving(Duration::from_millis(if step % 700 < 350 { 500 } else { step % 2 }));
            }
        }
    }

    #[test]
    fn a_software_adapter_reduces_geometry_then_size_then_more_geometry() {
        let mut quality = new(true);
        quality.rung = 0;
        let mut given_up = vec![SOFTWARE[0]];
        for _ in 0..200 {
            quality.observe_moving(Duration::from_secs(1));
            let rung = quality.ladder[quality.rung];
            if given_up.last() != Some(&rung) {
                given_up.push(rung);
            }
        }
        let first_smaller = given_up.iter().position(|rung| rung.scale < 1.0).expect("smaller in the end");
        assert_eq!(given_up[first_smaller - 1], rung(1.0, 2.0));
        let first_coarser = given_up.iter().position(|rung| rung.error_pixels > 2.0).expect("coarser in the end");
        assert_eq!(given_up[first_coarser - 1], rung(0.5, 2.0));
        assert_eq!(given_up.last(), Some(&rung(0.5, 4.0)));
    }

    #[test]
    fn a_graphics_card_gives_up_samples_then_geometry_then_size_and_takes_them_back() {
        let mut quality = new(false);
        let quick = Adapter { fixed: 1.0, per_megasample: 0.5, primitives: 0.5, follows_size: true };
        let whole = Detail { history: History::Apart, ..Quality::resting(HD) };
        assert_eq!(quick.run(&mut quality, 100), whole);
        let many_samples = Adapter { per_megasample: 6.0, ..quick };
        let one_sample = Detail { blend_layers: BLEND_LAYERS_MAX, ..Quality::sharp(HD) };
        assert_eq!(many_samples.run(&mut quality, 400), one_sample, "geometry stays as it is");
        let many = Adapter { primitives: 20.0, ..many_samples };
        let settled = many.run(&mut quality, 400);
        assert!(settled.error_pixels > RESTING_ERROR && settled.render_size == HD, "{settled:?}");
        let slow = Adapter { fixed: 40.0, ..many };
        let coarsest = slow.run(&mut quality, 400);
        assert_eq!((coarsest.render_size, coarsest.error_pixels), (scaled(HD, 0.5), 2.0));
        assert_eq!(quick.run(&mut quality, 400), whole, "and takes it back");
    }

    #[test]
    fn a_history_begins_at_rest_only_if_frames_in_motion_continue_it() {
        for software in [true, false] {
            for rung in 0..CARD.len() {
                let quality = new(software).at_rung(rung);
                let (moving, rest) = (quality.moving(HD), quality.at_rest(HD));
                let expected = match moving.history {
                    History::Continue => History::Begin,
                    History::Apart | History::Begin => History::Apart,
                };
                assert_eq!(rest.history, expected, "rung {rung}");
                assert_eq!(moving.full, moving == rest, "a full frame in motion is that at rest");
                assert_eq!(moving.samples == Samples::Four, moving.full);
            }
        }
    }

    #[test]
    fn a_larger_target_reduces_quality_less() {
        let adapter = Adapter { fixed: 2.0, per_megasample: 30.0, primitives: 30.0, follows_size: true };
        let pixels = |milliseconds| {
            let mut quality = Quality::new(true, Duration::from_millis(milliseconds));
            let detail = adapter.run(&mut quality, 600);
            (detail.render_size.pixels(), -(detail.error_pixels * 100.0) as i64)
        };
        assert!(pixels(6) < pixels(22) && pixels(22) < pixels(80));
    }

    #[test]
    fn a_single_slow_frame_changes_nothing() {
        let mut quality = new(true);
        let before = quality.moving(HD);
        quality.observe_moving(Duration::from_millis(500));
        quality.observe_moving(render_target(true));
        assert_eq!(quality.moving(HD), before);
    }

    #[test]
    fn a_slow_full_frame_has_a_sharp_one_before_it() {
        let mut quality = new(true);
        assert!(!quality.sharpens_first());
        quality.observe_resting(&Quality::resting(HD), Duration::from_millis(150));
        assert!(quality.sharpens_first());
        quality.observe_resting(&Quality::sharp(HD), Duration::from_millis(50));
        assert!(quality.sharpens_first(), "only the full frame counts");
        quality.observe_resting(&Quality::resting(HD), Duration::from_millis(80));
        assert!(!quality.sharpens_first());
    }

    #[test]
    fn a_fixed_rung_is_one_of_the_ladder() {
        assert_eq!(new(true).at_rung(SOFTWARE_AT_START).moving(HD), new(true).moving(HD), "the one at the start");
        assert_eq!(new(true).at_rung(0).moving(HD).render_size, HD);
        assert_eq!(new(true).at_rung(usize::MAX).moving(HD).error_pixels, 4.0);
    }

    #[test]
    fn frames_in_motion_have_the_size_of_the_stream_or_exactly_half_of_it() {
        for (width, height) in [(64, 64), (66, 130), (1280, 718), (4096, 2160), (2, 2), (2, 64), (64, 2)] {
            let viewport = Size::new(width, height);
            for rung in 0..SOFTWARE.len().max(CARD.len()) {
                for software in [true, false] {
                    let Detail { render_size, history, full, .. } = new(software).at_rung(rung).moving(viewport);
                    let twice = Size::new(render_size.width * 2, render_size.height * 2);
                    assert!(viewport == render_size || viewport == twice, "{render_size:?} for {viewport:?}");
                    assert_eq!(history == History::Continue, !full);
                }
            }
        }
    }
}
