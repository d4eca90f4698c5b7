//! Golden sequences: short courses, each rendered as in a session that moves and then rests, compared with the frames
//! at rest of the same poses. The bounds are the figures of today with some slack, so that a defect of the
//! reconstruction fails, which a single frame hardly shows.

use std::f32::consts::{PI, TAU};

use glam::{DAffine3, DQuat};
use remora_asset::Asset;
use remora_build::{BuildOptions, build_asset};
use remora_host::quality::{Quality, render_target};
use remora_model::{Material, Mesh, Model, Node, Primitive};
use remora_render::Size;

use crate::{
    course::Course,
    measure::{self, Figures},
    view::Theatre,
};

const SIZE: Size = Size::new(256, 144);
const ENGINE: &str = "builtin://Engine?triangles=200000";
const BALLS: &str = "balls";
const POSES: usize = 24;
/// FLIP is computed for every second pose.
const FLIP_EVERY: usize = 2;
/// Factor by which a figure may be worse: adapters and processors round differently.
const SLACK: f64 = 1.03;
/// The same for the jump, which is that of a single pose and depends on where the samples of its frame lie.
const JUMP_SLACK: f64 = 1.12;
/// By how much the share of pixels without history may be larger beside that.
const UNKNOWN_MORE: f64 = 0.002;
/// Largest FLIP between frames at rest of a renderer that has moved and of one that has not.
const REST_MAX: f64 = 0.002;

/// A course and its figures: PSNR, SSIM, FLIP of the model, crawl, jump at rest, and the share of pixels that are
/// neither new nor taken from the history.
type Golden = (Course, [f64; 6]);

/// Returns a model that shows defects of which the engine's small parts show little: a checkered wall with thin bars, a
/// large glossy ball before it, on which highlights move, and a smaller bright one.
fn balls() -> Asset {
    let wall = checkers();
    let (ball, small) = (sphere([150, 150, 160]), sphere([240, 220, 40]));
    let bars = sphere([20, 20, 30]);
    let materials = vec![
        Material { metallic: 0.0, roughness: 0.9, ..Default::default() },
        Material { metallic: 1.0, roughness: 0.25, ..Default::default() },
    ];
    let placed = |scale: [f64; 3], at: [f64; 3]| {
        DAffine3::from_scale_rotation_translation(scale.into(), DQuat::IDENTITY, at.into())
    };
    let mut nodes = vec![(0, placed([1.6; 3], [0.0, 0.0, -1.5])), (1, placed([1.1; 3], [0.3, 0.0, 0.0]))];
    nodes.push((2, placed([0.3; 3], [-0.9, 0.3, 1.0])));
    nodes.extend((0..7).map(|bar| (3, placed([0.02, 1.3, 0.02], [f64::from(bar) * 0.4 - 1.2, 0.0, -1.3]))));
    let meshes = [(wall, 0), (ball, 1), (small, 0), (bars, 0)].map(|(primitive, material)| Mesh {
        primitives: vec![Primitive { material, ..primitive }],
        ..Default::default()
    });
    let nodes = nodes.into_iter().map(|(mesh, transform)| Node { mesh: Some(mesh), transform, ..Default::default() });
    let model = Model { meshes: meshes.into(), materials, nodes: nodes.collect(), ..Default::default() };
    build_asset(&model, &BuildOptions::default(), &|_| {}, &|| false).expect("the asset is built")
}

/// A sphere of radius 1.
fn sphere(color: [u8; 3]) -> Primitive {
    const RINGS: u32 = 32;
    const AROUND: u32 = 48;
    let mut primitive = Primitive::default();
    for ring in 0..=RINGS {
        for step in 0..=AROUND {
            let (rise, turn) = (ring as f32 / RINGS as f32 * PI, step as f32 / AROUND as f32 * TAU);
            let normal = [rise.sin() * turn.cos(), rise.cos(), rise.sin() * turn.sin()];
            primitive.positions.push(normal);
            primitive.normals.push(normal);
            primitive.colors.push([color[0], color[1], color[2], 255]);
        }
    }
    for corner in (0..RINGS).flat_map(|ring| (0..AROUND).map(move |step| ring * (AROUND + 1) + step)) {
        let below = corner + AROUND + 1;
        primitive.indices.extend([corner, corner + 1, below, below, corner + 1, below + 1]);
    }
    primitive
}

/// A square wall of dark and bright fields, 2 wide.
fn checkers() -> Primitive {
    const FIELDS: u32 = 12;
    let mut primitive = Primitive::default();
    for (row, column) in (0..FIELDS).flat_map(|row| (0..FIELDS).map(move |column| (row, column))) {
        let first = primitive.positions.len() as u32;
        let shade = if (row + column).is_multiple_of(2) { 40 } else { 220 };
        for (right, up) in [(0, 0), (1, 0), (1, 1), (0, 1)] {
            let at = |field: u32| field as f32 / FIELDS as f32 * 2.0 - 1.0;
            primitive.positions.push([at(column + right), at(row + up), 0.0]);
            primitive.normals.push([0.0, 0.0, 1.0]);
            primitive.colors.push([shade, shade, shade, 255]);
        }
        primitive.indices.extend([first, first + 1, first + 2, first, first + 2, first + 3]);
    }
    primitive
}

/// Renders the courses at a rung of the ladder of software adapters and compares them with the golden figures.
fn compare(name: &str, rung: usize, golden: &[Golden]) {
    let fixed = |_| Some(Quality::new(true, render_target(true)).at_rung(rung));
    let theatre = match name {
        BALLS => Theatre::show(name, &balls(), SIZE, fixed),
        _ => Theatre::open(name, SIZE, fixed),
    };
    let mut theatre = theatre.expect("the model opens");
    let mut worse = Vec::new();
    for &(course, [golden_psnr, golden_ssim, golden_flip, golden_crawl, golden_jump, golden_unknown]) in golden {
        let shots = theatre.shoot(course, POSES).expect("all frames are rendered");
        let Figures { psnr, ssim, flip, crawl, jump, rest, .. } = measure::compare(&shots.pairs(), FLIP_EVERY);
        let unknown = shots.motion.iter().map(|shot| 1.0 - f64::from(shot.valid_share)).sum::<f64>() / POSES as f64;
        println!(
            "{}: [{psnr:.2}, {ssim:.4}, {:.4}, {crawl:.2}, {:.4}, {unknown:.4}]",
            course.name(),
            flip.model,
            jump.model
        );
        // A decibel is a factor of 1.12.
        let error = |psnr: f64| 10_f64.powf(-psnr / 20.0);
        let figures = [
            ("error", error(psnr), error(golden_psnr) * SLACK),
            ("1 - SSIM", 1.0 - ssim, (1.0 - golden_ssim) * SLACK),
            ("FLIP of the model", flip.model, golden_flip * SLACK),
            ("crawl", crawl, golden_crawl * SLACK),
            ("jump at rest", jump.model, golden_jump * JUMP_SLACK),
            ("FLIP at rest", rest.model, REST_MAX),
            ("share without history", unknown, golden_unknown * SLACK + UNKNOWN_MORE),
        ];
        let over = figures.iter().filter(|(_, value, bound)| value > bound);
        worse.extend(
            over.map(|(what, value, bound)| format!("{}: {what} is {value:.5}, above {bound:.5}", course.name())),
        );
    }
    assert!(worse.is_empty(), "at rung {rung}:\n{}", worse.join("\n"));
}

#[test]
fn frames_of_the_full_size_stay_as_close_to_those_at_rest() {
    compare(
        ENGINE,
        2,
        &[
            (Course::Orbit, [22.12, 0.8357, 0.1521, 17.36, 0.1897, 0.0]),
            (Course::Pan, [22.32, 0.8413, 0.1503, 18.94, 0.1582, 0.0]),
            (Course::Part, [36.39, 0.9883, 0.0103, 7.28, 0.0163, 0.0]),
        ],
    );
}

#[test]
fn frames_with_a_sample_for_four_pixels_stay_as_close_to_those_at_rest() {
    compare(
        ENGINE,
        7,
        &[
            (Course::Orbit, [19.99, 0.7224, 0.2042, 24.05, 0.2393, 0.0338]),
            (Course::Pan, [20.04, 0.7265, 0.2066, 26.63, 0.2388, 0.0387]),
            (Course::Part, [32.98, 0.9718, 0.0161, 12.42, 0.0293, 0.0021]),
        ],
    );
}

#[test]
fn balls_before_a_wall_stay_as_close_to_those_at_rest() {
    compare(
        BALLS,
        2,
        &[
            (Course::Orbit, [23.89, 0.9411, 0.1371, 16.27, 0.1524, 0.0]),
            (Course::Pan, [25.27, 0.9595, 0.1155, 15.08, 0.1239, 0.0]),
            (Course::Part, [28.80, 0.9784, 0.0621, 7.23, 0.0719, 0.0]),
        ],
    );
    compare(
        BALLS,
        7,
        &[
            (Course::Orbit, [20.28, 0.8556, 0.2039, 26.50, 0.2382, 0.0114]),
            (Course::Pan, [21.54, 0.9025, 0.1728, 24.36, 0.1925, 0.0099]),
            (Course::Part, [25.80, 0.9544, 0.0878, 10.65, 0.1090, 0.0021]),
        ],
    );
}
