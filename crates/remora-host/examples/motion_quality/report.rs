//! The table and the JSON document.

use std::time::Duration;

use remora_render::Camera;
use serde::Serialize;

use crate::{
    VIEWPORT,
    course::Course,
    measure::{Figures, percentile},
    view::{Shot, Shots},
};

/// A view of a course, for programs that render the same.
#[derive(Serialize)]
struct CameraView {
    position: [f64; 3],
    /// Camera to world: x, y, z, w.
    orientation: [f32; 4],
    /// Radians.
    vertical_field_of_view: f32,
}

/// Everything about one course with one model.
#[derive(Serialize)]
pub(crate) struct Report {
    model: String,
    course: Course,
    /// Mean share of the viewport's pixels that are rendered in a frame.
    rendered_share: f64,
    /// Mean share of the frame's pixels that are new or stem from earlier frames.
    valid_share: f64,
    /// Size and error of the last frame in motion.
    rendered: [u32; 2],
    error_pixels: f32,
    wall_milliseconds: Times,
    processor_milliseconds: Times,
    figures: Figures,
    cameras: Vec<CameraView>,
}

/// Times of the frames of a course.
#[derive(Serialize)]
struct Times {
    median: f64,
    p95: f64,
}

impl Times {
    fn new(shots: &Shots, time: fn(&Shot) -> Duration) -> Self {
        let all: Vec<f64> = shots.motion.iter().map(|shot| time(shot).as_secs_f64() * 1000.0).collect();
        Self { median: percentile(all.clone(), 0.5), p95: percentile(all, 0.95) }
    }
}

impl Report {
    pub(crate) fn new(model: &str, course: Course, shots: &Shots, figures: Figures) -> Self {
        let mean = |share: fn(&Shot) -> f64| shots.motion.iter().map(share).sum::<f64>() / shots.motion.len() as f64;
        let last = shots.motion[shots.motion.len() - 1].detail;
        Self {
            model: model.to_owned(),
            course,
            rendered_share: mean(|shot| f64::from(shot.detail.render_size.pixels()) / f64::from(VIEWPORT.pixels())),
            valid_share: mean(|shot| f64::from(shot.valid_share)),
            rendered: [last.render_size.width, last.render_size.height],
            error_pixels: last.error_pixels,
            wall_milliseconds: Times::new(shots, |shot| shot.wall),
            processor_milliseconds: Times::new(shots, |shot| shot.processor),
            figures,
            cameras: shots.cameras.iter().map(CameraView::new).collect(),
        }
    }

    /// Prints a row of the table.
    pub(crate) fn print(&self) {
        let Self { figures, wall_milliseconds: wall, processor_milliseconds: processor, .. } = self;
        let Figures { psnr, ssim, flip, flip_p95, crawl, jump, .. } = figures;
        println!(
            "| {} | {} | {}×{}, {} px | {:.1} % | {psnr:.1} | {ssim:.3} | {:.3} / {:.3} | {:.3} / {:.3} | {crawl:.2} | \
             {:.3} / {:.3} | {:.1} / {:.1} | {:.1} / {:.1} |",
            self.model,
            self.course.name(),
            self.rendered[0],
            self.rendered[1],
            self.error_pixels,
            self.valid_share * 100.0,
            flip.model,
            flip_p95.model,
            flip.frame,
            flip_p95.frame,
            jump.model,
            jump.frame,
            wall.median,
            wall.p95,
            processor.median,
            processor.p95,
        );
    }
}

impl CameraView {
    fn new(camera: &Camera) -> Self {
        Self {
            position: camera.position.to_array(),
            orientation: camera.orientation.to_array(),
            vertical_field_of_view: camera.vertical_field_of_view,
        }
    }
}

/// Prints the head of the table.
pub(crate) fn print_head() {
    println!(
        "| model | course | rendered | new or valid | PSNR dB | SSIM | FLIP of the model / p95 | of the frame / p95 \
         | crawl | jump at rest, model / frame | wall ms / p95 | processor ms / p95 |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
}
