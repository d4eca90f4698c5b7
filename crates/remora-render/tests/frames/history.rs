//! Frames that continue the ones before them: they come close to frames in full, and nothing trails behind.

use glam::{Affine3A, DAffine3, DVec3, Vec3};
use remora_model::{Material, Model};
use remora_render::{Camera, FrameRequest, History, PixelFormat, RenderedFrame, Samples, Size};
use remora_scene::{EntityId, StateOverrideEdit};

use crate::shapes::{sheet, sphere, texture};
use crate::studio::{Parts, SIZE, Studio, at, camera, matte, request, unlit};

const HALF: Size = Size::new(SIZE.width / 2, SIZE.height / 2);

pub(crate) fn in_motion(camera: Camera) -> FrameRequest {
    let full = in_full(camera);
    let options = remora_render::FrameOptions { history: History::Continue, ..full.options };
    FrameRequest { render_size: HALF, samples: Samples::One, options, ..full }
}

pub(crate) fn in_full(camera: Camera) -> FrameRequest {
    let request = request(camera, Samples::Four);
    let options = remora_render::FrameOptions { history: History::Begin, ..request.options };
    FrameRequest { format: PixelFormat::I420, options, ..request }
}

/// Returns a camera on a circle around the middle.
pub(crate) fn around(degrees: f32) -> Camera {
    let angle = degrees.to_radians();
    camera(Vec3::new(angle.sin() * 6.0, 1.5, angle.cos() * 6.0), Vec3::ZERO)
}

/// Thin rods before a large sheet, and a ball.
pub(crate) fn model() -> Model {
    let mut parts = Parts::default();
    parts.add(&sheet(1), matte(0.75, 0.7, 0.6), Affine3A::from_scale(Vec3::splat(2.5)) * at(0.0, 0.0, -0.3));
    parts.add(&sphere(24, 32), unlit(0.9, 0.05, 0.05), at(0.0, 0.0, 1.5));
    for index in 0..9 {
        let rod = Affine3A::from_scale(Vec3::new(0.015, 2.0, 0.015));
        parts.add(&sphere(6, 8), matte(0.05, 0.1, 0.3), at(index as f32 * 0.4 - 1.6, 0.0, 0.4) * rod);
    }
    parts.model()
}

fn luma(frame: &RenderedFrame) -> &[u8] {
    &frame.data[..(frame.width * frame.height) as usize]
}

/// Root of the mean squared difference of luma.
fn difference(one: &RenderedFrame, other: &RenderedFrame) -> f64 {
    let pairs = luma(one).iter().zip(luma(other));
    let sum: f64 = pairs.map(|(one, other)| (f64::from(*one) - f64::from(*other)).powi(2)).sum();
    (sum / luma(one).len() as f64).sqrt()
}

/// Largest mean difference of a square of 6x6 values, over luma and chroma. A trail is larger than the single pixels in
/// which edges differ.
fn largest_patch(one: &RenderedFrame, other: &RenderedFrame) -> f64 {
    let pixels = (SIZE.width * SIZE.height) as usize;
    let planes = [
        (0, SIZE.width as usize, pixels),
        (pixels, SIZE.width as usize / 2, pixels / 4),
        (pixels + pixels / 4, SIZE.width as usize / 2, pixels / 4),
    ];
    let mut largest = 0.0_f64;
    for (first, width, count) in planes {
        let (one, other) = (&one.data[first..first + count], &other.data[first..first + count]);
        for row in (0..count / width - 6).step_by(2) {
            for column in (0..width - 6).step_by(2) {
                let places = (0..36).map(|index| (row + index / 6) * width + column + index % 6);
                let sum: i32 = places.map(|at| i32::from(one[at]) - i32::from(other[at])).sum();
                largest = largest.max(f64::from(sum.abs()) / 36.0);
            }
        }
    }
    largest
}

/// Returns a studio with all pages that the views of these tests need.
fn studio(model: Model) -> Studio {
    let mut studio = Studio::new();
    studio.show(model);
    load_pages(&mut studio, (0..26).map(|degrees| around(degrees as f32)).chain([around(180.0), beside()]));
    studio
}

/// Loads all pages that these views need, and leaves the history as it is.
fn load_pages(studio: &mut Studio, views: impl Iterator<Item = Camera>) {
    for view in views {
        for request in [in_full(view), in_motion(view)] {
            let mut apart = request;
            apart.options.history = History::Apart;
            studio.draw(&apart);
        }
    }
}

/// Returns a view from beside the middle.
fn beside() -> Camera {
    camera(Vec3::new(2.0, 1.0, 3.0), Vec3::new(2.0, 0.5, 0.0))
}

/// A scene in motion and the same scene in full, on renderers of their own.
struct Pair {
    motion: Studio,
    full: Studio,
    entities: Vec<EntityId>,
}

impl Pair {
    fn new() -> Self {
        let (motion, full) = (studio(model()), studio(model()));
        let entities = motion.scene.instances().map(|instance| instance.entity).collect();
        Self { motion, full, entities }
    }

    fn both(&mut self, edit: impl Fn(&mut remora_scene::Scene)) {
        edit(&mut self.motion.scene);
        edit(&mut self.full.scene);
    }

    /// Renders the next frame in motion, and the same in full.
    fn frame(&mut self, camera: Camera) -> [RenderedFrame; 2] {
        [self.motion.draw_once(&in_motion(camera)).0, self.full.draw_once(&in_full(camera)).0]
    }

    /// Begins in full and orbits for some frames.
    fn orbit(&mut self, frames: usize, step: f32) -> Camera {
        self.motion.draw_once(&in_full(around(0.0)));
        let mut camera = around(0.0);
        for index in 1..=frames {
            camera = around(index as f32 * step);
            self.motion.draw_once(&in_motion(camera));
        }
        camera
    }
}

#[test]
fn frames_of_an_orbit_are_closer_to_those_in_full_than_without_a_history() {
    let mut pair = Pair::new();
    let (mut with, mut without) = (0.0, 0.0);
    pair.motion.draw_once(&in_full(around(0.0)));
    for index in 1..24 {
        let camera = around(index as f32 * 0.7);
        let [frame, full] = pair.frame(camera);
        let mut alone = in_motion(camera);
        alone.options.history = History::Apart;
        let alone = pair.full.draw_once(&alone).0;
        with += difference(&frame, &full);
        without += difference(&alone, &full);
    }
    assert!(with < without * 0.95, "{with} with a history, {without} without");
}

#[test]
fn nothing_changes_while_nothing_moves_after_a_frame_in_full() {
    let mut pair = Pair::new();
    let full = pair.motion.draw_once(&in_full(around(20.0))).0;
    for _ in 0..5 {
        let (frame, done) = pair.motion.draw_once(&in_motion(around(20.0)));
        let (patch, difference) = (largest_patch(&frame, &full), difference(&frame, &full));
        assert!(patch < 4.0 && difference < 1.0, "the frame changes by {difference}, and a patch by {patch}");
        assert!(done.valid_share > 0.99, "{} is valid", done.valid_share);
    }
}

/// Moves a part in steps while the view rests, and returns how much frames differ from those in full: the root of the
/// mean squared difference, and the largest patch.
fn moves_in_a_resting_view(part: usize, step: DVec3) -> (f64, f64) {
    let mut pair = Pair::new();
    let view = around(20.0);
    pair.motion.draw_once(&in_full(view));
    let entity = pair.entities[part];
    let (mut largest, mut patch) = (0.0_f64, 0.0_f64);
    for _ in 0..8 {
        pair.both(|scene| {
            let local = scene.entity(entity).expect("the entity is there").local;
            scene.set_local(entity, DAffine3::from_translation(step) * local).expect("the entity is there");
        });
        let [frame, full] = pair.frame(view);
        largest = largest.max(difference(&frame, &full));
        patch = patch.max(largest_patch(&frame, &full));
    }
    (largest, patch)
}

#[test]
fn a_part_that_moves_in_a_resting_view_leaves_all_others_as_they_are() {
    // The ball moves beside the rods, of which samples miss most.
    let (difference, patch) = moves_in_a_resting_view(1, DVec3::new(0.0, 0.07, 0.0));
    assert!(difference < 5.8 && patch < 48.0, "frames differ by {difference}, and a patch by {patch}");
}

#[test]
fn a_thin_part_that_moves_in_a_resting_view_leaves_no_trail() {
    let (difference, patch) = moves_in_a_resting_view(5, DVec3::new(0.09, 0.0, 0.0));
    assert!(difference < 4.5 && patch < 52.0, "frames differ by {difference}, and a patch by {patch}");
}

#[test]
fn a_resting_view_converges_after_a_movement() {
    let mut pair = Pair::new();
    let camera = pair.orbit(6, 1.5);
    let full = pair.full.draw_once(&in_full(camera)).0;
    let first = difference(&pair.motion.draw_once(&in_motion(camera)).0, &full);
    let mut last = first;
    for _ in 0..24 {
        last = difference(&pair.motion.draw_once(&in_motion(camera)).0, &full);
    }
    assert!(last < first * 0.7, "{first} at first and {last} in the end");
}

/// Changes the scene in the middle of an orbit, and compares the frame after it with one in full.
fn leaves_no_trail(what: &str, edit: impl Fn(&mut remora_scene::Scene, &[EntityId])) {
    let mut pair = Pair::new();
    pair.orbit(6, 1.0);
    let before = largest_patch_after(&mut pair, 7.0);
    let entities = pair.entities.clone();
    pair.both(|scene| edit(scene, &entities));
    let after = largest_patch_after(&mut pair, 8.0);
    assert!(after < before + 14.0, "{what}: a patch differs by {after}, and by {before} before the change");
}

fn largest_patch_after(pair: &mut Pair, degrees: f32) -> f64 {
    let [frame, full] = pair.frame(around(degrees));
    largest_patch(&frame, &full)
}

#[test]
fn a_hidden_part_leaves_no_trail() {
    leaves_no_trail("hidden", |scene, parts| {
        scene.edit_overrides(&[parts[1]], StateOverrideEdit::visible(Some(false))).expect("the entity is there");
    });
}

#[test]
fn a_recoloured_part_leaves_no_trail() {
    leaves_no_trail("tinted", |scene, parts| {
        let tint = StateOverrideEdit::tint(Some([20, 200, 40, 255]));
        scene.edit_overrides(&[parts[1]], tint).expect("the entity is there");
    });
}

#[test]
fn a_moved_part_leaves_no_trail() {
    leaves_no_trail("moved", |scene, parts| {
        let local = scene.entity(parts[1]).expect("the entity is there").local;
        let moved = DAffine3::from_translation(DVec3::new(1.6, 0.4, 0.0)) * local;
        scene.set_local(parts[1], moved).expect("the entity is there");
    });
}

/// Returns a sheet with stripes of a few pixels, light where they are dark without `inverse`.
fn stripes(inverse: bool, transform: Affine3A) -> Model {
    let mut parts = Parts::default();
    let light = |v: f32| ((v * 20.0).fract() < 0.5) != inverse;
    let texture = parts.texture(texture(256, true, |_, v| if light(v) { [1.0; 4] } else { [0.0, 0.0, 0.0, 1.0] }));
    let material = Material { base_color_texture: Some(texture), ..unlit(1.0, 1.0, 1.0) };
    parts.add(&sheet(1), material, transform);
    parts.model()
}

#[test]
fn a_slot_that_is_used_again_shows_nothing_of_the_part_before() {
    let first = around(20.0);
    // Old and new part have the same surface, so only the slot tells them apart. The old colours occur among the new
    // ones, so that nothing else leaves them out.
    let (here, there) = (at(0.0, 0.0, 1.0), at(0.6, 0.3, 1.0));
    for (place, view) in [(here, first), (there, first), (here, around(20.4)), (there, around(20.4))] {
        let mut pair = Pair::new();
        let slot = pair.entities.len() as u32;
        let Pair { motion, full, .. } = &mut pair;
        for (studio, history) in [(motion, true), (full, false)] {
            let old = studio.show(stripes(false, at(0.0, 0.0, 1.0)));
            load_pages(studio, [first, view].into_iter());
            if history {
                studio.draw_once(&in_full(first));
                studio.draw_once(&in_motion(first));
            }
            assert_eq!(studio.scene.destroy(old.root), Ok(vec![old.model]));
            studio.renderer.remove_model(old.model);
            let new = studio.show(stripes(true, place));
            assert_eq!(studio.scene.instance(slot).map(|instance| instance.model), Some(new.model), "the same slot");
            load_pages(studio, std::iter::once(view));
        }
        let [frame, shown] = pair.frame(view);
        let mut alone = in_motion(view);
        alone.options.history = History::Apart;
        let alone = pair.full.draw_once(&alone).0;
        let (with, without) = (difference(&frame, &shown), difference(&alone, &shown));
        assert!(with < without + 2.0, "frames differ by {with}, and by {without} without a history");
    }
}

#[test]
fn an_outline_leaves_no_trail_when_it_goes_and_shows_at_once_when_it_comes() {
    for comes in [true, false] {
        let mut pair = Pair::new();
        let part = pair.entities[1];
        let select = |scene: &mut remora_scene::Scene, selected: bool| {
            let edit = StateOverrideEdit::selected(selected.then_some(true));
            scene.edit_overrides(&[part], edit).expect("the entity is there");
        };
        pair.both(|scene| select(scene, !comes));
        pair.orbit(6, 1.0);
        pair.both(|scene| select(scene, comes));
        let [frame, full] = pair.frame(around(7.0));
        let mut alone = studio(model());
        let part = alone.scene.instance(1).expect("an instance").entity;
        let edit = StateOverrideEdit::selected(comes.then_some(true));
        alone.scene.edit_overrides(&[part], edit).expect("the entity is there");
        let fresh = alone.draw_once(&in_motion(around(7.0))).0;
        let (patch, usual) = (largest_patch(&frame, &full), largest_patch(&fresh, &full));
        assert!(patch < usual + 12.0, "comes: {comes}, a patch differs by {patch}, and by {usual} without a history");
    }
}

#[test]
fn an_outline_in_motion_is_that_of_a_frame_at_rest() {
    // Without anything selected, and with.
    let (mut without, mut selected) = (Pair::new(), Pair::new());
    let part = selected.entities[1];
    selected.both(|scene| scene.select(&[part]).expect("the entity is there"));
    without.orbit(3, 1.0);
    selected.orbit(3, 1.0);
    let (mut off, mut all) = (0.0, 0.0);
    for index in 4..12 {
        let [motion, full] = without.frame(around(index as f32));
        let [motion_selected, full_selected] = selected.frame(around(index as f32));
        let change =
            |one: &RenderedFrame, other: &RenderedFrame, at: usize| f64::from(one.data[at]) - f64::from(other.data[at]);
        for at in 0..full.data.len() {
            let (in_motion, at_rest) = (change(&motion_selected, &motion, at), change(&full_selected, &full, at));
            // Where there is a line in either frame.
            if in_motion.abs().max(at_rest.abs()) > 4.0 {
                off += change(&motion_selected, &full_selected, at).powi(2);
                all += at_rest.powi(2);
            }
        }
    }
    let error = (off / all).sqrt();
    assert!(error < 0.4, "the line differs by {error} of its strength");
}

#[test]
fn a_cut_to_another_view_shows_nothing_of_the_one_before() {
    let mut pair = Pair::new();
    pair.orbit(6, 1.0);
    // Straight to the other side, and to a place beside the middle at which the directions hardly differ.
    let views = [around(180.0), beside()];
    for view in views {
        let [frame, full] = pair.frame(view);
        let mut alone = studio(model());
        let fresh = alone.draw_once(&in_motion(view)).0;
        let (patch, usual) = (largest_patch(&frame, &full), largest_patch(&fresh, &full));
        assert!(patch < usual + 12.0, "a patch differs by {patch}, and by {usual} without anything before");
    }
}

#[test]
fn sizes_and_models_that_change_in_every_frame_show_nothing_old() {
    let mut pair = Pair::new();
    pair.orbit(3, 1.0);
    for index in 0..6_u32 {
        let size = Size::new(200 + index * 34, 120 + index * 18);
        let view = around(index as f32);
        let request = FrameRequest {
            stream_size: size,
            render_size: Size::new(size.width / 2, size.height / 2),
            ..in_motion(view)
        };
        let (frame, done) = pair.motion.draw_once(&request);
        assert_eq!((frame.width, frame.height), (size.width, size.height));
        // Only the samples and the plain background are valid.
        assert!(done.valid_share < 0.95, "{} of a frame in a new size is valid", done.valid_share);
    }
    let mut other = Parts::default();
    other.add(&sphere(24, 32), unlit(0.1, 0.9, 0.1), at(0.0, 0.0, 1.0));
    let other = other.model();
    pair.motion.draw_once(&in_motion(around(0.0)));
    let shown: Vec<_> = pair.motion.scene.models().map(|(key, _)| key).collect();
    pair.motion.scene.clear();
    shown.into_iter().for_each(|key| pair.motion.renderer.remove_model(key));
    pair.motion.show(other.clone());
    let mut apart = in_motion(around(0.5));
    apart.options.history = History::Apart;
    // All pages are there afterwards.
    pair.motion.draw(&apart);
    let mut alone = studio(other);
    let [frame, full] = [pair.motion.draw_once(&in_motion(around(0.5))).0, alone.draw_once(&in_full(around(0.5))).0];
    let patch = largest_patch(&frame, &full);
    assert!(patch < 30.0, "a patch differs by {patch} after the model was replaced");
}

#[test]
fn requests_that_cannot_take_part_are_refused() {
    let mut studio = Studio::new();
    let good = in_motion(around(0.0));
    let mut refuse = |request: FrameRequest, what: &str| {
        let error = studio.renderer.submit(&request).expect_err(what).to_string();
        assert!(error.contains("history"), "{error}");
    };
    refuse(FrameRequest { render_size: Size::new(100, 60), ..good }, "a third of the size");
    refuse(FrameRequest { render_size: HALF, ..in_full(around(0.0)) }, "a beginning in half of the size");
    refuse(FrameRequest { format: PixelFormat::Rgba, ..good }, "another format");
}
