//! Coverage of triangles: no gaps, no losses at the near plane, and equal results from every way of drawing.

use crate::perceptual::assert_golden;
use crate::shapes::{fan, sheet, sphere};
use crate::studio::{Parts, SIZE, Studio, asset, at, camera, double, matte, request, unlit};
use glam::{Affine3A, Quat, Vec3};
use remora_model::{AlphaMode, Material};
use remora_render::{FrameSerial, GraphicsOptions, PixelFormat, RenderError, RenderedFrame, Samples, Size};
use remora_scene::StateOverrideEdit;

pub(crate) fn front() -> remora_render::Camera {
    camera(Vec3::new(0.0, 0.0, 5.0), Vec3::ZERO)
}

/// Returns red, green and blue of a pixel.
fn pixel(frame: &RenderedFrame, x: u32, y: u32) -> [u8; 3] {
    let at = ((y * frame.width + x) * 4) as usize;
    [frame.data[at], frame.data[at + 1], frame.data[at + 2]]
}

/// Asserts that red surfaces in front of a blue wall let blue show only outside of `inside`.
fn assert_watertight(parts: Parts, camera: remora_render::Camera, inside: impl Fn(f32, f32) -> bool) {
    let mut parts = parts;
    parts.add(&sheet(1), unlit(0.0, 0.0, 1.0), at(0.0, 0.0, -1.0) * Affine3A::from_scale(Vec3::splat(50.0)));
    let ways = [false, true].into_iter().flat_map(|way| [Samples::One, Samples::Four].map(|samples| (way, samples)));
    for (rasteriser, samples) in ways {
        let mut studio = Studio::with(&by_rasteriser(rasteriser));
        studio.show(parts.clone().model());
        let frame = studio.frame(camera, samples);
        for y in 0..SIZE.height {
            for x in 0..SIZE.width {
                // Position relative to the middle of the frame, in heights of the frame.
                let place = |value: u32, size: u32| (value as f32 + 0.5 - size as f32 * 0.5) / SIZE.height as f32;
                if inside(place(x, SIZE.width), place(y, SIZE.height)) {
                    let color = pixel(&frame, x, y);
                    assert!(
                        color[2] == 0 && color[0] == 255,
                        "a gap at {x}, {y} with {samples:?}, {rasteriser}: {color:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn slivers_that_meet_in_a_point_leave_no_gap() {
    // The camera sees 3.65 m at the disc, so 2 m are 0.548 heights.
    for slices in [7, 61, 500, 3000] {
        let mut parts = Parts::default();
        let turned = Affine3A::from_rotation_z(0.123) * Affine3A::from_scale(Vec3::splat(1.3));
        parts.add(&fan(slices), unlit(1.0, 0.0, 0.0), at(0.017, -0.009, 0.0) * turned);
        let radius = if slices == 7 { 0.3 } else { 0.34 };
        assert_watertight(parts, front(), |x, y| x.hypot(y) < radius);
    }
}

#[test]
fn small_and_large_neighbours_leave_no_gap() {
    const CELLS: u32 = 97;
    // A strip of many small triangles between two large ones, all sharing edges.
    let mut parts = Parts::default();
    let mut shape = sheet(1);
    shape.positions.clear();
    shape.indices.clear();
    for column in 0..=CELLS {
        let x = column as f32 / CELLS as f32 * 3.0 - 1.5;
        shape.positions.extend([[x, 0.021, 0.0], [x, -0.017, 0.0]]);
    }
    for column in 0..CELLS {
        let a = column * 2;
        shape.indices.extend([a, a + 1, a + 2, a + 2, a + 1, a + 3]);
    }
    let apexes = shape.positions.len() as u32;
    shape.positions.extend([[0.0, 1.5, 0.0], [0.0, -1.5, 0.0]]);
    // The large triangles' long edges run along the strip, through all of its vertices.
    for column in 0..CELLS {
        let a = column * 2;
        shape.indices.extend([apexes, a, a + 2, a + 3, a + 1, apexes + 1]);
    }
    let count = shape.positions.len();
    shape.normals = vec![[0.0, 0.0, 1.0]; count];
    shape.tangents.clear();
    shape.texture_coordinates.clear();
    parts.add(&shape, unlit(1.0, 0.0, 0.0), Affine3A::from_rotation_z(0.3));
    assert_watertight(parts, front(), |x, y| {
        let (sine, cosine) = 0.3f32.sin_cos();
        // Y runs downwards in the frame.
        let (along, across) = (x * cosine - y * sine, x * sine + y * cosine);
        along.abs() < 0.1 && across.abs() < 0.3
    });
}

#[test]
fn a_curved_surface_has_no_holes() {
    let mut parts = Parts::default();
    parts.add(&sphere(150, 200), unlit(1.0, 0.0, 0.0), Affine3A::from_rotation_x(0.4));
    assert_watertight(parts, front(), |x, y| x.hypot(y) < 0.26);
}

#[test]
fn a_surface_that_reaches_behind_the_eye_is_drawn() {
    let mut parts = Parts::default();
    let floor = Affine3A::from_rotation_x(-std::f32::consts::FRAC_PI_2) * Affine3A::from_scale(Vec3::splat(40.0));
    parts.add(&sheet(1), matte(0.4, 0.6, 0.4), at(0.0, -0.5, 0.0) * floor);
    parts.add(&sheet(37), matte(0.7, 0.4, 0.3), at(0.0, 1.5, 0.0) * Affine3A::from_rotation_x(1.4));
    let wall = at(1.0, 0.0, 0.0) * Affine3A::from_rotation_y(-1.5) * Affine3A::from_scale(Vec3::splat(3.0));
    parts.add(&sheet(2), Material { double_sided: true, ..matte(0.4, 0.4, 0.8) }, wall);
    let mut studio = Studio::new();
    studio.show(parts.model());
    let inside = camera(Vec3::new(0.0, 0.3, 0.0), Vec3::new(0.2, 0.1, -5.0));
    assert_golden("behind_the_eye", &studio.frame(inside, Samples::Four));
}

#[test]
fn four_samples_smooth_edges() {
    let mut parts = Parts::default();
    let tilted = Affine3A::from_rotation_z(0.2);
    parts.add(&sheet(1), unlit(1.0, 1.0, 1.0), tilted);
    let mut studio = Studio::new();
    studio.show(parts.model());
    let hard = studio.frame(front(), Samples::One);
    let soft = studio.frame(front(), Samples::Four);
    let between = |frame: &RenderedFrame| frame.data.chunks(4).filter(|pixel| (90..240).contains(&pixel[0])).count();
    assert_eq!(between(&hard), 0);
    // About 100 pixels of height and width on four sides.
    assert!(between(&soft) > 150, "{} pixels between", between(&soft));
    assert_golden("four_samples", &soft);
}

/// Returns a mixture of surfaces: small, large, masked, blended, mirrored.
pub(crate) fn mixture() -> Parts {
    let mut parts = Parts::default();
    parts.add(&sphere(60, 80), matte(0.8, 0.3, 0.2), at(-0.8, 0.0, 0.0));
    parts.add(&sheet(1), matte(0.2, 0.5, 0.8), at(0.0, 0.0, -2.0) * Affine3A::from_scale(Vec3::splat(3.0)));
    let mirrored = Affine3A::from_scale(Vec3::new(-0.7, 0.7, 0.7));
    parts.add(&sphere(20, 30), matte(0.3, 0.8, 0.3), at(1.0, 0.2, 0.4) * mirrored);
    let glass = Material { alpha_mode: AlphaMode::Blend, base_color: [0.9, 0.9, 0.4, 0.4], ..matte(0.0, 0.0, 0.0) };
    parts.add(&sphere(16, 24), glass, at(0.2, -0.4, 0.9) * Affine3A::from_scale(Vec3::splat(0.6)));
    let leaf = Material { alpha_mode: AlphaMode::Mask { cutoff: 0.5 }, ..matte(0.9, 0.9, 0.9) };
    parts.add(&sheet(3), leaf, at(0.5, 0.9, 0.5) * Affine3A::from_rotation_x(-0.5));
    parts
}

#[test]
fn two_passes_of_32_bits_equal_one_of_64() {
    let frames = [true, false].map(|atomics_64| {
        let mut studio = Studio::with(&GraphicsOptions { atomics_64, ..Default::default() });
        studio.show(mixture().model());
        [Samples::One, Samples::Four].map(|samples| studio.frame(front(), samples))
    });
    assert!(frames[0] == frames[1], "the two ways differ");
}

/// Returns options that let the rasteriser of the adapter or kernels draw large triangles.
fn by_rasteriser(rasteriser: bool) -> GraphicsOptions {
    GraphicsOptions { rasteriser: Some(rasteriser), ..Default::default() }
}

#[test]
fn the_rasteriser_of_the_adapter_agrees_with_the_kernels() {
    let mut parts = mixture();
    let floor = Affine3A::from_rotation_x(-std::f32::consts::FRAC_PI_2) * Affine3A::from_scale(Vec3::splat(40.0));
    parts.add(&sheet(1), matte(0.4, 0.6, 0.4), at(0.0, -0.9, 0.0) * floor);
    // At a slant, because an edge along a row of samples covers all of them or none.
    let mut tilted = front();
    tilted.orientation *= Quat::from_rotation_z(0.1);
    let options = [true, false].map(|atomics_64| GraphicsOptions { atomics_64, ..by_rasteriser(true) });
    let frames = [by_rasteriser(false), options[0].clone(), options[1].clone()].map(|options| {
        let mut studio = Studio::with(&options);
        studio.show(parts.clone().model());
        [Samples::One, Samples::Four].map(|samples| studio.frame(tilted, samples))
    });
    assert!(frames[1] == frames[2], "the rasteriser differs with and without 64-bit atomics");
    for (one, other) in frames[0].iter().zip(&frames[1]) {
        let differing = one.data.chunks(4).zip(other.data.chunks(4)).filter(|(one, other)| one != other).count();
        // Kernels extend the edges of large triangles by 1/128 pixel.
        assert!(differing < 40, "{differing} of {} pixels differ", one.data.len() / 4);
    }
}

#[test]
fn frames_are_deterministic() {
    let mut studio = Studio::new();
    studio.show(mixture().model());
    for samples in [Samples::One, Samples::Four] {
        let first = studio.frame(front(), samples);
        for _ in 0..3 {
            assert!(studio.frame(front(), samples) == first, "frames of one scene differ with {samples:?}");
        }
    }
}

#[test]
fn a_moved_instance_renders_like_one_that_was_always_there() {
    let mut moved = Studio::new();
    let added = moved.show(mixture().model());
    moved.frame(front(), Samples::One);
    let children: Vec<_> = moved.scene.children(added.root).collect();
    let place = at(-0.4, 0.3, 0.2) * Affine3A::from_quat(Quat::from_rotation_y(0.5));
    for entity in &children[..2] {
        moved.scene.set_local(*entity, double(place)).expect("the entity is there");
    }
    moved.scene.edit_overrides(&[children[2]], StateOverrideEdit::visible(Some(false))).expect("the entity is there");
    let by_delta = moved.frame(front(), Samples::One);

    let mut fresh = Studio::new();
    let mut model = mixture().model();
    model.nodes[0].transform = double(place);
    model.nodes[1].transform = double(place);
    model.nodes[2].mesh = None;
    fresh.show(model);
    assert!(fresh.frame(front(), Samples::One) == by_delta, "the delta and the rebuild differ");
}

#[test]
fn models_are_added_and_removed() {
    let mut studio = Studio::new();
    let empty = studio.frame(front(), Samples::One);
    for _ in 0..3 {
        let added = studio.show(mixture().model());
        assert!(studio.frame(front(), Samples::One) != empty);
        studio.scene.clear();
        studio.renderer.remove_model(added.model);
        assert!(studio.frame(front(), Samples::One) == empty, "something stayed");
    }
    let held = studio.renderer.graphics_memory_bytes();
    for _ in 0..5 {
        studio.show(mixture().model());
        studio.scene.clear();
        studio.renderer.clear();
    }
    assert_eq!(studio.renderer.graphics_memory_bytes(), held, "memory of removed models is reused");
}

#[test]
fn an_instance_of_an_unknown_model_is_an_error() {
    let mut studio = Studio::new();
    studio.scene.add_model(asset(&mixture().model())).expect("room for the model");
    let error = studio.renderer.synchronise(&mut studio.scene, glam::DVec3::ZERO).unwrap_err();
    assert!(matches!(error, RenderError::ModelUnknown(_)), "{error}");
}

#[test]
fn invalid_requests_are_refused() {
    let mut studio = Studio::new();
    let good = request(front(), Samples::One);
    let mut refuse = |request: remora_render::FrameRequest, why: &str| {
        let error = studio.renderer.submit(&request).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    };
    refuse(remora_render::FrameRequest { stream_size: Size::new(321, 180), ..good }, "even");
    refuse(remora_render::FrameRequest { render_size: Size::new(320, 100_000), ..good }, "8192");
    refuse(remora_render::FrameRequest { blend_layers: 9, ..good }, "4 transparent layers");
    let blind = remora_render::Camera { position: glam::DVec3::NAN, ..front() };
    refuse(remora_render::FrameRequest { camera: blind, ..good }, "finite");
    let (frame, _) = studio.draw(&good);
    assert_eq!(frame.data.len(), 320 * 180 * 4, "the renderer continues");
}

#[test]
fn frames_in_flight_are_limited() {
    let mut studio = Studio::new();
    let mut frame = RenderedFrame::default();
    assert!(studio.renderer.receive(&mut frame).unwrap().is_none());
    let frames = studio.renderer.frames_in_flight_max();
    for serial in 0..frames as u64 {
        let format = PixelFormat::I420;
        let request =
            remora_render::FrameRequest { serial: FrameSerial(serial), format, ..request(front(), Samples::One) };
        studio.renderer.submit(&request).unwrap();
    }
    let error = studio.renderer.submit(&request(front(), Samples::One)).unwrap_err();
    assert!(matches!(error, RenderError::TooManyInFlight { .. }), "{error}");
    for serial in 0..frames as u64 {
        let done = studio.renderer.receive(&mut frame).unwrap().unwrap();
        assert_eq!(done.serial, FrameSerial(serial), "frames come back in order");
        assert_eq!(frame.data.len(), 320 * 180 * 3 / 2);
    }
    assert!(studio.renderer.try_receive(&mut frame).unwrap().is_none());
}
