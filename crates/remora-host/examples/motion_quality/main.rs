//! How close frames in motion are to the frame at rest: `motion_quality [FILE|builtin://Engine?triangles=N ...]
//! [--poses N] [--course orbit|pan|zoom|part ...] [--rung N] [--flip-every N] [--sheet DIR] [--json FILE]`.
//!
//! Moves the camera or a part along courses at 30 poses per second, and renders each pose as a session does in motion,
//! one after another on one renderer. A second renderer renders the same poses as a session does at rest. Prints a
//! table of what differs; [`measure`] defines the figures. Each course begins with a frame at rest and ends with one.
//! Quality follows the measured render times, as in a session, unless `--rung` names a fixed rung of its ladder.
//!
//! Geometry that a frame lacks arrives before the next frame, so that the figures do not depend on the disk. Rendering
//! is timed without the video encoder, and everything else happens after the last timed frame of a course.
//!
//! `motion_quality --frames MOTION REFERENCE` compares frames of another program instead, and prints the figures as
//! JSON. Both are folders with `000.png`, `001.png` and so on; `empty.png` in REFERENCE shows the empty scene.

mod course;
mod folder;
mod measure;
mod report;
#[cfg(test)]
mod sequences;
mod sheet;
mod view;

use std::path::PathBuf;

use remora_host::quality::{Quality, render_target};
use remora_render::Size;

use course::Course;
use report::Report;
use view::Theatre;

type Failure = Box<dyn std::error::Error>;

const VIEWPORT: Size = Size::new(1280, 720);
/// Width over height of every viewport.
const ASPECT: f32 = 16.0 / 9.0;

/// The command line.
struct Arguments {
    models: Vec<String>,
    courses: Vec<Course>,
    poses: usize,
    rung: Option<usize>,
    flip_every: usize,
    sheets: Option<PathBuf>,
    json: Option<PathBuf>,
    /// Folders with frames in motion and at rest.
    frames: Option<[PathBuf; 2]>,
}

fn main() -> Result<(), Failure> {
    let arguments = arguments()?;
    if let Some([motion, reference]) = &arguments.frames {
        let figures = measure::compare(&folder::read(motion, reference)?.pairs(), arguments.flip_every);
        println!("{}", serde_json::to_string(&figures)?);
        return Ok(());
    }
    let mut reports: Vec<Report> = Vec::new();
    report::print_head();
    for name in &arguments.models {
        let fixed = |software| Some(Quality::new(software, render_target(software)).at_rung(arguments.rung?));
        let mut theatre = Theatre::open(name, VIEWPORT, fixed)?;
        for &course in &arguments.courses {
            let shots = theatre.shoot(course, arguments.poses)?;
            let figures = measure::compare(&shots.pairs(), arguments.flip_every);
            if let Some(folder) = &arguments.sheets {
                sheet::write(folder, name, course, &shots)?;
            }
            let report = Report::new(name, course, &shots, figures);
            report.print();
            reports.push(report);
        }
    }
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&reports)?)?;
    }
    Ok(())
}

fn arguments() -> Result<Arguments, Failure> {
    let mut arguments = Arguments {
        models: Vec::new(),
        courses: Vec::new(),
        poses: 120,
        rung: None,
        flip_every: 4,
        sheets: None,
        json: None,
        frames: None,
    };
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        let mut value = || given.next().ok_or(format!("{argument} requires a value"));
        match argument.as_str() {
            "--poses" => arguments.poses = value()?.parse::<usize>()?.max(2),
            "--course" => arguments.courses.push(value()?.parse()?),
            "--rung" => arguments.rung = Some(value()?.parse()?),
            "--flip-every" => arguments.flip_every = value()?.parse::<usize>()?.max(1),
            "--sheet" => arguments.sheets = Some(value()?.into()),
            "--frames" => arguments.frames = Some([value()?.into(), value()?.into()]),
            "--json" => arguments.json = Some(value()?.into()),
            option if option.starts_with("--") => return Err(format!("{option} is no option").into()),
            _ => arguments.models.push(argument),
        }
    }
    if arguments.models.is_empty() {
        arguments.models.push("builtin://Engine?triangles=200000".to_owned());
    }
    if arguments.courses.is_empty() {
        arguments.courses = Course::ALL.to_vec();
    }
    Ok(arguments)
}
