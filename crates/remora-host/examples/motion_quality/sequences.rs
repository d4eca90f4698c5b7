//! Golden sequences: short courses, each rendered as in a session that moves and then rests, compared with the frames
//! at rest of the same poses. The bounds are the figures of today with some slack, so that a defect of the
//! reconstruction fails, which a single frame hardly shows.

use remora_host::quality::{Quality, render_target};
use remora_render::Size;

use crate::{
    course::Course,
    measure::{self, Figures},
    view::Theatre,
};

const SIZE: Size = Size::new(256, 144);
const POSES: usize = 24;
/// FLIP is computed for every second pose.
const FLIP_EVERY: usize = 2;
/// Factor by which a figure may be worse: adapters and processors round differently.
const SLACK: f64 = 1.03;
/// By how much the share of pixels without history may be larger beside that.
const UNKNOWN_MORE: f64 = 0.002;
/// Largest FLIP between frames at rest of a renderer that has moved and of one that has not.
const REST_MAX: f64 = 0.002;

/// A course and its figures: PSNR, SSIM, FLIP of the model, crawl, jump at rest, and the share of pixels that are
/// neither new nor taken from the history.
type Golden = (Course, [f64; 6]);

/// Renders the courses at a rung of the ladder of software adapters and compares them with the golden figures.
fn compare(rung: usize, golden: &[Golden]) {
    let fixed = |_| Some(Quality::new(true, render_target(true)).at_rung(rung));
    let mut theatre = Theatre::open("builtin://Engine?triangles=200000", SIZE, fixed).expect("the model opens");
    let mut worse = Vec::new();
    for &(course, [golden_psnr, golden_ssim, golden_flip, golden_crawl, golden_jump, golden_unknown]) in golden {
        let shots = theatre.shoot(course, POSES).expect("all frames are rendered");
        let Figures { psnr, ssim, flip, crawl, jump, rest, .. } = measure::compare(&shots.pairs(), FLIP_EVERY);
        let unknown = shots.motion.iter().map(|shot| 1.0 - f64::from(shot.valid_share)).sum::<f64>() / POSES as f64;
        let name = course.name();
        println!("{name}: [{psnr:.2}, {ssim:.4}, {:.4}, {crawl:.2}, {:.4}, {unknown:.4}]", flip.model, jump.model);
        // A decibel is a factor of 1.12.
        let error = |psnr: f64| 10_f64.powf(-psnr / 20.0);
        let figures = [
            ("error", error(psnr), error(golden_psnr) * SLACK),
            ("1 - SSIM", 1.0 - ssim, (1.0 - golden_ssim) * SLACK),
            ("FLIP of the model", flip.model, golden_flip * SLACK),
            ("crawl", crawl, golden_crawl * SLACK),
            ("jump at rest", jump.model, golden_jump * SLACK),
            ("FLIP at rest", rest.model, REST_MAX),
            ("share without history", unknown, golden_unknown * SLACK + UNKNOWN_MORE),
        ];
        let over = figures.iter().filter(|(_, value, bound)| value > bound);
        worse.extend(over.map(|(what, value, bound)| format!("{name}: {what} is {value:.5}, above {bound:.5}")));
    }
    assert!(worse.is_empty(), "at rung {rung}:\n{}", worse.join("\n"));
}

#[test]
fn frames_of_the_full_size_stay_as_close_to_those_at_rest() {
    compare(
        2,
        &[
            (Course::Orbit, [22.12, 0.8357, 0.1521, 17.36, 0.1897, 0.0]),
            (Course::Pan, [22.32, 0.8413, 0.1503, 18.94, 0.1582, 0.0]),
            (Course::Part, [25.33, 0.9188, 0.0920, 88.74, 0.1047, 0.0]),
        ],
    );
}

#[test]
fn frames_with_a_sample_for_four_pixels_stay_as_close_to_those_at_rest() {
    compare(
        6,
        &[
            (Course::Orbit, [19.99, 0.7224, 0.2042, 24.05, 0.2393, 0.0338]),
            (Course::Pan, [20.04, 0.7265, 0.2066, 26.63, 0.2388, 0.0387]),
            (Course::Part, [21.36, 0.8012, 0.1523, 176.91, 0.1828, 0.0364]),
        ],
    );
}
