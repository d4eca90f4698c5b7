//! Events in the middle of a movement, after which nothing of the frames before may show. Two renderers with different
//! pasts meet the same event: the frames that follow must be equal to the bit.

use glam::{DAffine3, DVec3, Quat, Vec3};
use remora_model::Model;
use remora_render::{Camera, FrameRequest, History, RenderError, RenderedFrame, Size};

use crate::history::{around, in_full, in_motion, model};
use crate::shapes::{sheet, sphere};
use crate::studio::{Parts, Studio, at, camera, unlit};

/// Frames in motion before the event. Both pasts have as many, because the position of the samples follows from it.
const FRAMES: u32 = 5;

/// Another model, which fills the same views.
fn other_model() -> Model {
    let mut parts = Parts::default();
    parts.add(&sphere(24, 32), unlit(0.1, 0.9, 0.1), at(0.3, 0.0, 1.0));
    parts.add(&sheet(1), unlit(0.1, 0.1, 0.8), at(0.0, 0.0, -0.5));
    parts.model()
}

/// Renders views until all their geometry has arrived, without touching the history.
fn load(studio: &mut Studio, views: &[Camera]) {
    for view in views {
        for mut request in [in_full(*view), in_motion(*view)] {
            request.options.history = History::Apart;
            studio.draw(&request);
        }
    }
}

/// Begins a history in full and moves on.
fn move_on(studio: &mut Studio, view: impl Fn(u32) -> Camera) {
    studio.draw_once(&in_full(view(0)));
    (1..=FRAMES).for_each(|index| drop(studio.draw_once(&in_motion(view(index)))));
}

/// Returns frames in motion after the event.
fn frames_after(studio: &mut Studio, request: impl Fn(u32) -> FrameRequest) -> Vec<RenderedFrame> {
    (0..3).map(|index| studio.draw_once(&request(index)).0).collect()
}

/// Renderers of the model that have shown it from the front, and from behind.
fn pasts(views: &[Camera]) -> [Box<Studio>; 2] {
    [0.0, 170.0].map(|first: f32| {
        let mut studio = Box::new(Studio::new());
        studio.show(model());
        load(&mut studio, views);
        let view = |index: u32| around(first + index as f32);
        load(&mut studio, &[view(0), view(FRAMES)]);
        move_on(&mut studio, view);
        studio
    })
}

#[test]
fn a_pose_that_jumps_shows_nothing_of_the_frames_before() {
    // In a direction that both pasts are far from.
    let view = |index: u32| around(80.0 + index as f32);
    let [one, other] =
        pasts(&[view(0), view(2)]).map(|mut studio| frames_after(&mut studio, |index| in_motion(view(index))));
    assert!(one == other, "the past shows");
}

#[test]
fn a_size_that_changes_in_every_frame_shows_nothing_of_the_frames_before() {
    let request = |index: u32| {
        let size = Size::new(200 + index * 34, 120 + index * 18);
        let render_size = Size::new(size.width / 2, size.height / 2);
        FrameRequest { stream_size: size, render_size, ..in_motion(around(index as f32)) }
    };
    let views = [around(0.0), around(2.0)];
    let [one, other] = pasts(&views).map(|mut studio| frames_after(&mut studio, request));
    assert!(one == other, "the past shows");
    assert_ne!(one[0].width, one[1].width);
}

#[test]
fn a_pose_that_is_no_number_changes_nothing() {
    let bad = [
        Camera { position: DVec3::new(f64::NAN, 0.0, 0.0), ..around(3.0) },
        Camera { orientation: Quat::from_xyzw(f32::NAN, 0.0, 0.0, 1.0), ..around(3.0) },
        Camera { vertical_field_of_view: f32::NAN, ..around(3.0) },
        Camera { near: f32::NAN, ..around(3.0) },
    ];
    let view = |index: u32| around((FRAMES + 1 + index) as f32);
    let frames = [false, true].map(|disturbed| {
        let mut studio = Box::new(Studio::new());
        studio.show(model());
        load(&mut studio, &[around(0.0), around(FRAMES as f32), view(2)]);
        move_on(&mut studio, |index| around(index as f32));
        for camera in bad.into_iter().filter(|_| disturbed) {
            let error = studio.renderer.submit(&in_motion(camera)).expect_err("the pose is refused");
            assert!(matches!(error, RenderError::Request(_)), "{error}");
        }
        frames_after(&mut studio, |index| in_motion(view(index)))
    });
    let [undisturbed, disturbed] = frames;
    assert!(undisturbed == disturbed, "a refused pose shows");
}

#[test]
fn a_model_that_is_replaced_or_removed_while_it_moves_leaves_nothing() {
    let beside = || camera(Vec3::new(1.5, 1.0, 5.0), Vec3::ZERO);
    let view = |index: u32| Camera { position: beside().position + DVec3::X * f64::from(index) * 0.02, ..beside() };
    for replaced in [true, false] {
        let frames = [model(), other_model()].map(|old| {
            let mut studio = Box::new(Studio::new());
            let added = studio.show(old);
            load(&mut studio, &[view(0), view(FRAMES + 3)]);
            studio.draw_once(&in_full(view(0)));
            for index in 1..=FRAMES {
                let local = DAffine3::from_translation(DVec3::Y * 0.05 * f64::from(index));
                studio.scene.set_local(added.root, local).expect("the entity is there");
                studio.draw_once(&in_motion(view(index)));
            }
            studio.scene.clear();
            studio.renderer.remove_model(added.model);
            if replaced {
                let mut new = Parts::default();
                new.add(&sphere(24, 32), unlit(0.8, 0.5, 0.1), at(0.0, 0.0, 0.5));
                studio.show(new.model());
                load(&mut studio, &[view(FRAMES + 1), view(FRAMES + 3)]);
            }
            frames_after(&mut studio, |index| in_motion(view(FRAMES + 1 + index)))
        });
        let [one, other] = frames;
        assert!(one == other, "replaced: {replaced}, the removed model shows");
        assert_eq!(one[0] == one[2], !replaced, "only the new model moves");
    }
}
