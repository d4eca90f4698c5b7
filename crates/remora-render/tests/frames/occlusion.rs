//! Occlusion culling leaves out hidden clusters, and every frame equals one without culling.

use glam::{Affine3A, Vec3};
use remora_model::{AlphaMode, Material, Model};
use remora_render::{Camera, FrameDone, FrameOptions, FrameRequest, GraphicsOptions, RenderedFrame, Samples, Size};
use remora_scene::StateOverrideEdit;

use crate::shapes::{sheet, sphere};
use crate::studio::{Parts, Studio, at, camera, double, matte, request};

/// Returns a crowd of balls around walls, leaves with holes, and a pane of glass.
fn crowd() -> Model {
    let mut parts = Parts::default();
    let ball = sphere(24, 32);
    for index in 0..90 {
        let place = |factor: u32, range: f32| ((index * factor % 91) as f32 / 45.5 - 1.0) * range;
        let material = matte(0.3 + place(13, 0.2), 0.5, 0.4 + place(7, 0.3));
        let small = Affine3A::from_scale(Vec3::splat(0.35));
        parts.add(&ball, material, at(place(37, 4.0), place(11, 1.5), place(53, 4.0)) * small);
    }
    let wall = Affine3A::from_scale(Vec3::new(2.5, 1.5, 1.0));
    parts.add(&sheet(9), Material { double_sided: true, ..matte(0.7, 0.7, 0.6) }, at(0.0, 0.0, 2.0) * wall);
    parts.add(
        &sheet(1),
        Material { double_sided: true, ..matte(0.4, 0.5, 0.7) },
        at(-1.0, 0.2, -1.5) * Affine3A::from_rotation_y(1.2) * wall,
    );
    let leaf = Material { alpha_mode: AlphaMode::Mask { cutoff: 0.5 }, double_sided: true, ..matte(0.3, 0.8, 0.3) };
    parts.add(&sheet(12), leaf, at(1.5, 0.0, 0.5) * Affine3A::from_rotation_y(-0.7) * wall);
    let glass = Material { alpha_mode: AlphaMode::Blend, base_color: [0.5, 0.8, 0.9, 0.4], ..matte(0.0, 0.0, 0.0) };
    parts.add(&sheet(2), glass, at(0.5, 0.3, 3.0));
    parts.model()
}

/// Two renderers with the same scene, one of which does not cull.
struct Pair {
    culling: Studio,
    plain: Studio,
}

impl Pair {
    fn new(options: &GraphicsOptions) -> Self {
        let [culling, plain] = [0, 1].map(|_| {
            let mut studio = Studio::with(options);
            studio.show(crowd());
            studio
        });
        Self { culling, plain }
    }

    /// Renders with both and compares the frames.
    fn draw(&mut self, request: FrameRequest, what: &str) -> FrameDone {
        let (frame, done) = self.culling.draw(&request);
        self.compare(request, &frame, what);
        done
    }

    fn compare(&mut self, request: FrameRequest, frame: &RenderedFrame, what: &str) {
        let options = FrameOptions { occlusion_culling: false, ..request.options };
        let (whole, done) = self.plain.draw(&FrameRequest { options, ..request });
        assert_eq!((done.clusters_tested, done.clusters_occluded), (0, 0));
        assert!(*frame == whole, "{what}: the frames differ");
    }

    fn move_parts(&mut self, seed: u32) {
        for studio in [&mut self.culling, &mut self.plain] {
            let instances: Vec<_> = studio.scene.instances().map(|instance| instance.entity).collect();
            for (index, entity) in
                instances.iter().enumerate().filter(|(index, _)| (*index as u32 + seed).is_multiple_of(7))
            {
                let place = at((index as f32 * 0.37 + seed as f32).sin() * 3.0, 0.1, (index as f32).cos() * 3.0);
                studio.scene.set_local(*entity, double(place)).expect("the entity is there");
            }
        }
    }
}

/// Returns a view from a circle around the crowd or from within it.
fn view(step: u32) -> Camera {
    let angle = step as f32 * 2.4;
    let radius = [7.0, 5.0, 0.5, 9.0][step as usize % 4];
    camera(Vec3::new(angle.sin() * radius, (step as f32 * 0.7).sin(), angle.cos() * radius), Vec3::new(0.1, 0.0, 0.2))
}

#[test]
fn jumps_and_moves_do_not_change_frames() {
    for (atomics_64, samples) in
        [(true, Samples::One), (true, Samples::Four), (false, Samples::One), (false, Samples::Four)]
    {
        let mut pair = Pair::new(&GraphicsOptions { atomics_64, ..Default::default() });
        let (mut tested, mut occluded) = (0, 0);
        for step in 0..12 {
            if step % 3 == 2 {
                pair.move_parts(step);
            }
            // Two frames from each place: after a jump the prediction is wrong, then right.
            for time in 0..2 {
                let what = format!("atomics {atomics_64}, {samples:?}, step {step}, {time}");
                let done = pair.draw(request(view(step), samples), &what);
                tested += done.clusters_tested;
                occluded += done.clusters_occluded;
            }
        }
        assert!(occluded > 300, "{occluded} clusters of {tested} were left out");
        assert!(occluded < tested, "no guess was ever wrong, so that the second phase was never needed");
    }
}

#[test]
fn sizes_and_slices_do_not_change_frames() {
    let mut pair = Pair::new(&GraphicsOptions::default());
    let mut occluded = 0;
    for (step, size) in [(320, 180), (97, 55), (640, 360), (61, 203), (640, 360), (640, 360)].into_iter().enumerate() {
        let size = Size::new(size.0, size.1);
        let request = FrameRequest { render_size: size, ..request(view(0), Samples::One) };
        pair.draw(request, &format!("{size:?}"));

        let request = FrameRequest { samples: Samples::Four, ..request };
        pair.culling.renderer.submit_in_slices(&request).expect("the frame is taken");
        let mut frame = RenderedFrame::default();
        let done = pair.culling.renderer.receive(&mut frame).expect("the frame is drawn").expect("it was in flight");
        pair.compare(request, &frame, &format!("{size:?} in pieces, step {step}"));
        occluded += done.clusters_occluded;
    }
    assert!(occluded > 100, "{occluded} clusters were left out");
}

#[test]
fn culling_draws_fewer_triangles_and_the_device_decides() {
    let mut pair = Pair::new(&GraphicsOptions::default());
    let facing = request(camera(Vec3::new(0.0, 0.0, 8.0), Vec3::ZERO), Samples::One);
    let first = pair.draw(facing, "first");
    assert_eq!(first.clusters_tested, 0, "nothing is known yet");
    let second = pair.draw(facing, "second");
    assert!(second.clusters_occluded > 0 && second.clusters_occluded <= second.clusters_tested);
    assert!(second.triangles_drawn < first.triangles_drawn);
    assert_eq!(second.clusters_drawn + second.clusters_occluded, first.clusters_drawn);
    // The occluder disappears between two frames.
    for studio in [&mut pair.culling, &mut pair.plain] {
        let walls: Vec<_> = studio.scene.instances().skip(90).map(|instance| instance.entity).collect();
        for wall in walls {
            studio.scene.edit_overrides(&[wall], StateOverrideEdit::visible(Some(false))).expect("the entity is there");
        }
    }
    let third = pair.draw(facing, "walls gone");
    assert!(third.clusters_tested > third.clusters_occluded, "what was behind the walls is seen now");
}

#[test]
fn a_small_scene_is_not_tested() {
    let mut studio = Studio::new();
    studio.show(crate::coverage::mixture().model());
    for _ in 0..3 {
        let (_, done) = studio.draw(&request(crate::coverage::front(), Samples::One));
        assert_eq!((done.clusters_tested, done.clusters_occluded), (0, 0));
    }
}
