//! Figures for the difference between frames in motion and frames at rest.
//!
//! M is a frame in motion, R the frame at rest of the same pose, M' and R' those of the pose before. Luma is as the
//! video encodes it: 16 is black and 235 white. A pixel belongs to the model if R differs there from a frame of the
//! empty scene, or if M differs from it by more than 8 levels of luma, so that blurred outlines and trails count.
//!
//! - PSNR: of luma over the model in decibels, with a peak of 255; that of the mean squared error of all poses.
//! - SSIM: of luma, over windows of 8 by 8 pixels that contain a pixel of the model; mean over the poses; 1 is equal.
//! - FLIP: NVIDIA's perceptual error at 67 pixels per degree, 0 to 1; mean over the model, and over the frame.
//! - Crawl: |(M − M') − (R − R')| in levels of luma, summed over the pixels of the model in either pose, and divided by
//!   the number of those that change from R' to R.
//! - Jump: FLIP between the last frame in motion and the frame at rest that follows on the same renderer.

use image::RgbImage;
use nv_flip::{DEFAULT_PIXELS_PER_DEGREE, FlipImageRgb8, flip};
use rayon::prelude::*;
use remora_render::RenderedFrame;
use serde::Serialize;

/// The largest possible error of luma, as PSNR is usually stated for video of 8 bits.
const PEAK: f64 = 255.0;
/// The constants of SSIM, and the side of its windows and the distance between them in pixels.
const SSIM_C1: f64 = (0.01 * PEAK) * (0.01 * PEAK);
const SSIM_C2: f64 = (0.03 * PEAK) * (0.03 * PEAK);
const SSIM_WINDOW: usize = 8;
const SSIM_STEP: usize = 4;
/// A frame in motion shows something else than the background where its luma differs by more than this.
const MOTION_TOLERANCE: u8 = 8;

/// The frames to compare, as I420 of one size, with one or more poses.
pub(crate) struct Pairs<'a> {
    pub(crate) motion: Vec<&'a RenderedFrame>,
    /// Frames at rest of the same poses.
    pub(crate) references: Vec<&'a RenderedFrame>,
    /// The frame at rest that follows the last frame in motion.
    pub(crate) rest: &'a RenderedFrame,
    /// A frame of the empty scene.
    pub(crate) empty: &'a RenderedFrame,
}

/// FLIP of a pair of frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Flip {
    /// Mean over the frame.
    pub(crate) frame: f64,
    /// Mean over the pixels of the model.
    pub(crate) model: f64,
}

/// Figures of one pose.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct PoseFigures {
    mean_squared_error: f64,
    ssim: f64,
    /// Missing at the first pose.
    crawl: Option<f64>,
    /// Present at every pose that FLIP is computed for.
    flip: Option<Flip>,
}

/// Figures of a course.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Figures {
    pub(crate) psnr: f64,
    pub(crate) ssim: f64,
    pub(crate) flip: Flip,
    /// 95th percentile over the poses.
    pub(crate) flip_p95: Flip,
    pub(crate) crawl: f64,
    pub(crate) jump: Flip,
    /// FLIP between the frame at rest that follows the course and the reference of its pose.
    pub(crate) rest: Flip,
    pub(crate) poses: Vec<PoseFigures>,
}

/// Compares the frames of a course. FLIP is slow, so it is computed for every `flip_every`th pose.
pub(crate) fn compare(pairs: &Pairs, flip_every: usize) -> Figures {
    let masks: Vec<Vec<bool>> = pairs
        .motion
        .par_iter()
        .zip(&pairs.references)
        .map(|(motion, reference)| model_mask(motion, reference, pairs.empty))
        .collect();
    let pose = |index: usize| {
        let (motion, reference) = (pairs.motion[index], pairs.references[index]);
        let crawl = index.checked_sub(1).map(|before| {
            let motion = [luma(pairs.motion[before]), luma(motion)];
            let references = [luma(pairs.references[before]), luma(reference)];
            crawl(motion, references, [&masks[before], &masks[index]])
        });
        let counts = index.is_multiple_of(flip_every);
        let mask = &masks[index];
        PoseFigures {
            mean_squared_error: mean_squared_error(luma(motion), luma(reference), mask),
            ssim: ssim(luma(motion), luma(reference), mask, motion.width as usize),
            crawl,
            flip: counts.then(|| flip_of(motion, reference, mask)),
        }
    };
    let poses: Vec<PoseFigures> = (0..pairs.motion.len()).into_par_iter().map(pose).collect();
    let last = pairs.motion.len() - 1;
    let flips = |value: fn(&Flip) -> f64| poses.iter().filter_map(|pose| pose.flip.as_ref()).map(value).collect();
    let (frames, models): (Vec<f64>, Vec<f64>) = (flips(|flip| flip.frame), flips(|flip| flip.model));
    Figures {
        psnr: psnr(mean(poses.iter().map(|pose| pose.mean_squared_error))),
        ssim: mean(poses.iter().map(|pose| pose.ssim)),
        flip: Flip { frame: mean(frames.iter().copied()), model: mean(models.iter().copied()) },
        flip_p95: Flip { frame: percentile(frames, 0.95), model: percentile(models, 0.95) },
        crawl: mean(poses.iter().filter_map(|pose| pose.crawl)),
        jump: flip_of(pairs.motion[last], pairs.rest, &masks[last]),
        rest: flip_of(pairs.rest, pairs.references[last], &masks[last]),
        poses,
    }
}

/// Returns the luma plane of a frame in I420.
pub(crate) fn luma(frame: &RenderedFrame) -> &[u8] {
    &frame.data[..pixels(frame)]
}

/// Converts a frame in I420 of BT.709 in limited range. Four pixels share the chroma of their square.
pub(crate) fn to_rgb(frame: &RenderedFrame) -> RgbImage {
    let (width, count) = (frame.width as usize, pixels(frame));
    let (y, rest) = frame.data.split_at(count);
    let (u, v) = rest.split_at(count / 4);
    RgbImage::from_fn(frame.width, frame.height, |column, row| {
        let (column, row) = (column as usize, row as usize);
        let chroma = row / 2 * (width / 2) + column / 2;
        let luma = (f32::from(y[row * width + column]) - 16.0) / 219.0;
        let [blue, red] = [u[chroma], v[chroma]].map(|value| (f32::from(value) - 128.0) / 224.0);
        let color = [luma + 1.5748 * red, luma - 0.187_324 * blue - 0.468_124 * red, luma + 1.8556 * blue];
        image::Rgb(color.map(|value| (value * 255.0).round().clamp(0.0, 255.0) as u8))
    })
}

/// Returns the value below which `share` of the values lie; 0 for none.
pub(crate) fn percentile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get((values.len().saturating_sub(1) as f64 * share).round() as usize).copied().unwrap_or_default()
}

fn pixels(frame: &RenderedFrame) -> usize {
    frame.width as usize * frame.height as usize
}

/// Returns which pixels belong to the model.
fn model_mask(motion: &RenderedFrame, reference: &RenderedFrame, empty: &RenderedFrame) -> Vec<bool> {
    let (width, count) = (reference.width as usize, pixels(reference));
    let differs = |at: usize| reference.data[at] != empty.data[at];
    let pixel = |at: usize| {
        let chroma = count + at / width / 2 * (width / 2) + at % width / 2;
        let in_motion = motion.data[at].abs_diff(empty.data[at]) > MOTION_TOLERANCE;
        in_motion || differs(at) || differs(chroma) || differs(chroma + count / 4)
    };
    (0..count).map(pixel).collect()
}

fn mean_squared_error(motion: &[u8], reference: &[u8], mask: &[bool]) -> f64 {
    let on_model = (0..mask.len()).filter(|&at| mask[at]);
    mean(on_model.map(|at| f64::from(motion[at].abs_diff(reference[at])).powi(2)))
}

/// Returns decibels, infinite for equal frames.
fn psnr(mean_squared_error: f64) -> f64 {
    10.0 * (PEAK * PEAK / mean_squared_error).log10()
}

fn ssim(motion: &[u8], reference: &[u8], mask: &[bool], width: usize) -> f64 {
    let corners = |length: usize| (0..=length - SSIM_WINDOW).step_by(SSIM_STEP);
    let windows = corners(mask.len() / width).flat_map(|y| corners(width).map(move |x| y * width + x));
    let similarities = windows.filter_map(|corner| {
        let pixels = || (0..SSIM_WINDOW * SSIM_WINDOW).map(|at| corner + at / SSIM_WINDOW * width + at % SSIM_WINDOW);
        pixels().any(|at| mask[at]).then(|| {
            let average = |value: &dyn Fn(usize) -> f64| mean(pixels().map(value));
            let (a, b) = (|at: usize| f64::from(motion[at]), |at: usize| f64::from(reference[at]));
            let (mean_a, mean_b) = (average(&a), average(&b));
            let variances = average(&|at| (a(at) - mean_a).powi(2) + (b(at) - mean_b).powi(2));
            let covariance = average(&|at| (a(at) - mean_a) * (b(at) - mean_b));
            (2.0 * mean_a * mean_b + SSIM_C1) * (2.0 * covariance + SSIM_C2)
                / ((mean_a * mean_a + mean_b * mean_b + SSIM_C1) * (variances + SSIM_C2))
        })
    });
    mean(similarities)
}

/// Returns the error of the difference between two consecutive frames, per pixel that changes at rest: in most of the
/// frame of a moving part nothing should happen.
fn crawl(motion: [&[u8]; 2], references: [&[u8]; 2], masks: [&[bool]; 2]) -> f64 {
    let change = |[before, now]: [&[u8]; 2], at: usize| i32::from(now[at]) - i32::from(before[at]);
    let on_model = (0..motion[0].len()).filter(|&at| masks[0][at] || masks[1][at]);
    let (error, changing) = on_model.fold((0_u64, 0_u64), |(error, changing), at| {
        let wanted = change(references, at);
        let off = change(motion, at).abs_diff(wanted);
        (error + u64::from(off), changing + u64::from(wanted != 0))
    });
    error as f64 / changing.max(1) as f64
}

fn flip_of(test: &RenderedFrame, reference: &RenderedFrame, mask: &[bool]) -> Flip {
    let image = |frame: &RenderedFrame| FlipImageRgb8::with_data(frame.width, frame.height, to_rgb(frame).as_raw());
    let errors = flip(image(reference), image(test), DEFAULT_PIXELS_PER_DEGREE).to_vec();
    let on_model = errors.iter().zip(mask).filter(|(_, model)| **model).map(|(error, _)| f64::from(*error));
    Flip { frame: mean(errors.iter().map(|error| f64::from(*error))), model: mean(on_model) }
}

/// Returns the mean; 0 for no values.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 0.0 } else { sum / f64::from(count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 32;
    const HEIGHT: usize = 16;
    const PIXELS: usize = WIDTH * HEIGHT;

    /// A frame that is dark up to a column and bright after it.
    fn edge(column: usize) -> RenderedFrame {
        let luma = (0..PIXELS).map(|at| if at % WIDTH < column { 40 } else { 200 });
        let data = luma.chain(std::iter::repeat_n(128, PIXELS / 2)).collect();
        RenderedFrame { width: WIDTH as u32, height: HEIGHT as u32, data }
    }

    #[test]
    fn equal_frames_have_no_error() {
        let frame = edge(9);
        assert_eq!(psnr(mean_squared_error(luma(&frame), luma(&frame), &[true; PIXELS])), f64::INFINITY);
        assert_eq!(ssim(luma(&frame), luma(&frame), &[true; PIXELS], WIDTH), 1.0);
        assert_eq!(flip_of(&frame, &frame, &[true; PIXELS]), Flip::default());
    }

    #[test]
    fn other_frames_have_an_error() {
        let (motion, reference) = (edge(9), edge(10));
        let error = mean_squared_error(luma(&motion), luma(&reference), &[true; PIXELS]);
        assert_eq!(error, 160.0 * 160.0 / WIDTH as f64);
        assert!((psnr(error) - 19.1).abs() < 0.1, "{}", psnr(error));
        let similarity = |mask| ssim(luma(&motion), luma(&reference), mask, WIDTH);
        assert!((0.5..0.95).contains(&similarity(&[true; PIXELS])), "{}", similarity(&[true; PIXELS]));
        let mut far = [false; PIXELS];
        far[0] = true;
        assert_eq!(similarity(&far), 1.0, "only windows with the model count");
        let flip = flip_of(&motion, &reference, &[true; PIXELS]);
        assert!(flip.frame > 0.01 && (flip.frame - flip.model).abs() < 1e-6, "{flip:?}");
    }

    #[test]
    fn an_edge_that_moves_as_at_rest_does_not_crawl() {
        let (before, now) = (edge(9), edge(10));
        let frames = [luma(&before), luma(&now)];
        assert_eq!(crawl(frames, frames, [&[true; PIXELS]; 2]), 0.0);
    }

    #[test]
    fn an_edge_that_lags_behind_or_flickers_crawls() {
        let frames = [9, 10].map(edge);
        let [before, now] = frames.each_ref().map(luma);
        let all = [true; PIXELS];
        assert_eq!(crawl([before, before], [before, now], [&all; 2]), 160.0, "it lags");
        assert_eq!(crawl([before, now], [before, before], [&all; 2]), 160.0 * HEIGHT as f64, "it flickers");
        let mut mask = [false; PIXELS];
        assert_eq!(crawl([before, before], [before, now], [&mask; 2]), 0.0, "only the model counts");
        mask[9] = true;
        assert_eq!(crawl([before, before], [before, now], [&[false; PIXELS], &mask]), 160.0, "in either frame");
    }

    #[test]
    fn the_model_is_what_the_empty_scene_lacks() {
        let (mut frame, empty) = (edge(9), edge(10));
        frame.data[PIXELS] = 129;
        let mut motion = edge(10);
        motion.data[PIXELS - 1] -= MOTION_TOLERANCE + 1;
        motion.data[PIXELS - 2] -= MOTION_TOLERANCE;
        let mask = model_mask(&motion, &frame, &empty);
        let expected = |at: usize| at % WIDTH == 9 || at % WIDTH < 2 && at / WIDTH < 2 || at == PIXELS - 1;
        assert!((0..PIXELS).all(|at| mask[at] == expected(at)));
    }

    #[test]
    fn limited_range_becomes_full_range() {
        let mut frame = edge(9);
        frame.data[..PIXELS].fill(16);
        assert_eq!(to_rgb(&frame).get_pixel(5, 5).0, [0; 3]);
        frame.data[..PIXELS].fill(235);
        assert_eq!(to_rgb(&frame).get_pixel(5, 5).0, [255; 3]);
        // Red of BT.709.
        frame.data[..PIXELS].fill(63);
        frame.data[PIXELS..PIXELS + PIXELS / 4].fill(102);
        frame.data[PIXELS + PIXELS / 4..].fill(240);
        let [red, green, blue] = to_rgb(&frame).get_pixel(5, 5).0;
        assert!(red > 252 && green < 3 && blue < 3, "{red} {green} {blue}");
    }

    #[test]
    fn percentiles_are_values_of_the_list() {
        assert_eq!(percentile(vec![], 0.5), 0.0);
        assert_eq!(percentile(vec![3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(percentile(vec![3.0, 1.0, 2.0], 0.95), 3.0);
    }
}
