//! State of instances, picking, and the background.

use glam::{Affine3A, DAffine3, DVec3, Vec3};
use remora_model::{AlphaMode, Material, Mesh, Model, Node};
use remora_render::{FrameOptions, FrameRequest, GraphicsOptions, Samples, Size};
use remora_scene::StateOverrideEdit;

use crate::coverage::{front, mixture};
use crate::perceptual::assert_golden;
use crate::shapes::{sheet, sphere};
use crate::studio::{Parts, SIZE, Studio, at, camera, matte, request, unlit};

fn with(options: FrameOptions, samples: Samples) -> FrameRequest {
    FrameRequest { options, ..request(front(), samples) }
}

fn entities(studio: &Studio) -> Vec<remora_scene::EntityId> {
    studio.scene.instances().map(|instance| instance.entity).collect()
}

#[test]
fn a_scene_that_outgrows_its_buffer_keeps_what_it_has_shown() {
    let red = || {
        let mut parts = Parts::default();
        parts.add(&sheet(1), unlit(1.0, 0.0, 0.0), at(-0.5, 0.0, 0.0));
        parts.model()
    };
    // More parts than the renderer has room for at first.
    let crowd = || {
        let mut parts = Parts::default();
        parts.add(&sheet(1), unlit(0.0, 1.0, 0.0), at(0.5, 0.0, 0.0));
        let mut model = parts.model();
        model.nodes.resize(1500, model.nodes[0].clone());
        model
    };
    let mut grown = Studio::new();
    grown.show(red());
    let alone = grown.frame(front(), Samples::One);
    grown.show(crowd());
    let grown = grown.frame(front(), Samples::One);
    let mut at_once = Studio::new();
    at_once.show(red());
    at_once.show(crowd());
    assert!(alone.data != grown.data && grown.data == at_once.frame(front(), Samples::One).data);
}

#[test]
fn a_tint_replaces_a_share_of_the_colour() {
    let mut parts = Parts::default();
    parts.add(&sheet(1), unlit(1.0, 0.0, 0.0), Affine3A::from_scale(Vec3::splat(5.0)));
    let mut studio = Studio::new();
    studio.show(parts.model());
    let entity = entities(&studio)[0];
    let mut color = |tint| {
        studio.scene.edit_overrides(&[entity], StateOverrideEdit::tint(tint)).expect("the entity is there");
        let frame = studio.frame(front(), Samples::One);
        let middle = ((SIZE.height / 2 * SIZE.width + SIZE.width / 2) * 4) as usize;
        [frame.data[middle], frame.data[middle + 1], frame.data[middle + 2]]
    };
    assert_eq!(color(None), [255, 0, 0]);
    assert_eq!(color(Some([10, 200, 30, 255])), [10, 200, 30], "all of it");
    assert_eq!(color(Some([10, 200, 30, 0])), [255, 0, 0], "none of it");
    let [red, green, _] = color(Some([0, 255, 0, 128]));
    // Half of the light is 188 of 255.
    assert!(red.abs_diff(187) <= 1 && green.abs_diff(188) <= 1, "{red} {green}");
    assert_eq!(color(None), [255, 0, 0], "and back");
}

#[test]
fn a_selected_instance_has_an_outline() {
    let mut studio = Studio::new();
    studio.show(mixture().model());
    let before = [Samples::One, Samples::Four].map(|samples| studio.frame(front(), samples));
    let parts = entities(&studio);
    // A solid ball and a transparent one.
    for entity in [parts[0], parts[3]] {
        studio.scene.edit_overrides(&[entity], StateOverrideEdit::selected(Some(true))).expect("the entity is there");
    }
    assert_golden("outline_1", &studio.frame(front(), Samples::One));
    assert_golden("outline_4", &studio.frame(front(), Samples::Four));
    for entity in [parts[0], parts[3]] {
        studio.scene.edit_overrides(&[entity], StateOverrideEdit::selected(None)).expect("the entity is there");
    }
    let after = [Samples::One, Samples::Four].map(|samples| studio.frame(front(), samples));
    assert!(before == after, "the line stays");
    // A hidden part has no line.
    let hidden = studio.scene.instance(0).expect("an instance").entity;
    studio.scene.edit_overrides(&[hidden], StateOverrideEdit::selected(Some(true))).expect("the entity is there");
    studio.scene.edit_overrides(&[hidden], StateOverrideEdit::visible(Some(false))).expect("the entity is there");
    let gone = studio.frame(front(), Samples::Four);
    studio.scene.edit_overrides(&[hidden], StateOverrideEdit::selected(None)).expect("the entity is there");
    assert!(gone == studio.frame(front(), Samples::Four));
}

#[test]
fn a_removed_transparent_part_leaves_no_trace() {
    let glass = || Material { base_color: [0.9, 0.2, 0.1, 0.5], alpha_mode: AlphaMode::Blend, ..matte(0.0, 0.0, 0.0) };
    let shows = |samples| {
        let mut studio = Studio::new();
        let empty = studio.frame(front(), samples);
        let mut parts = Parts::default();
        parts.add(&sheet(4), glass(), at(-1.0, 0.0, 0.0));
        parts.add(&sphere(24, 32), matte(0.3, 0.6, 0.9), at(1.2, 0.0, -1.0));
        studio.show(parts.model());
        let shown = studio.frame(front(), samples);
        assert!(shown != empty);

        let entities = entities(&studio);
        let visible = |studio: &mut Studio, number: usize, visible| {
            studio
                .scene
                .edit_overrides(&[entities[number]], StateOverrideEdit::visible(Some(visible)))
                .expect("the entity is there");
            studio.frame(front(), samples)
        };
        visible(&mut studio, 1, false);
        assert!(visible(&mut studio, 0, false) == empty, "the glass was the only thing to be seen");
        visible(&mut studio, 1, true);
        assert!(visible(&mut studio, 0, true) == shown, "everything is back");

        studio.scene.clear();
        studio.renderer.clear();
        assert!(studio.frame(front(), samples) == empty, "the model is gone");
    };
    shows(Samples::One);
    shows(Samples::Four);
}

#[test]
fn the_outline_has_the_requested_colour_and_opacity() {
    let mut parts = Parts::default();
    parts.add(&sheet(1), unlit(1.0, 1.0, 1.0), Affine3A::IDENTITY);
    let mut studio = Studio::new();
    studio.show(parts.model());
    let entity = entities(&studio)[0];
    let plain = studio.frame(front(), Samples::One);
    studio.scene.edit_overrides(&[entity], StateOverrideEdit::selected(Some(true))).expect("the entity is there");
    let mut count = |outline_color: [u8; 4]| {
        let (frame, _) = studio.draw(&with(FrameOptions { outline_color, ..Default::default() }, Samples::One));
        let lined = frame.data.chunks(4).zip(plain.data.chunks(4)).filter(|(lined, plain)| lined != plain);
        let exact = lined.clone().filter(|(lined, _)| lined[..3] == outline_color[..3]).count();
        (lined.count(), exact)
    };
    // 2 m are 98.6 pixels, with a line of two pixels around them whose corners are soft.
    let (lined, exact) = count([0, 80, 255, 255]);
    assert!((760..=840).contains(&lined) && exact > 700, "{lined} pixels, {exact} of the colour");
    assert_eq!(count([0, 80, 255, 0]).0, 0);
}

#[test]
fn a_checkerboard_replaces_only_the_background() {
    let mut studio = Studio::new();
    studio.show(mixture().model());
    let plain = studio.frame(front(), Samples::Four);
    let (none, _) = studio.draw(&with(FrameOptions { checkerboard: 0.0, ..Default::default() }, Samples::Four));
    assert!(plain == none);
    let outside = camera(Vec3::new(6.0, 2.0, 9.0), Vec3::ZERO);
    let options = FrameOptions { checkerboard: 0.75, ..Default::default() };
    let (board, _) = studio.draw(&FrameRequest { options, ..request(outside, Samples::Four) });
    assert_golden("checkerboard", &board);
    let mut parts = Parts::default();
    parts.add(&sheet(1), unlit(0.2, 0.5, 0.9), Affine3A::from_scale(Vec3::splat(20.0)));
    let mut covered = Studio::new();
    covered.show(parts.model());
    let plain = covered.frame(front(), Samples::One);
    assert!(covered.draw(&with(options, Samples::One)).0 == plain, "there is no background to see");
    let error = covered
        .renderer
        .submit(&with(FrameOptions { checkerboard: f32::NAN, ..Default::default() }, Samples::One))
        .unwrap_err();
    assert!(error.to_string().contains("between 0 and 1"), "{error}");
}

/// Returns closed and double-sided parts, because rays hit both sides.
fn solids() -> Parts {
    let mut parts = Parts::default();
    let ball = sphere(40, 50);
    parts.add(&ball, matte(0.8, 0.3, 0.2), at(-0.8, 0.0, 0.0));
    parts.add(&ball, matte(0.3, 0.8, 0.2), at(0.9, 0.3, -1.0) * Affine3A::from_scale(Vec3::new(-1.2, 0.7, 0.9)));
    let wall = at(0.0, 0.0, -3.0) * Affine3A::from_rotation_y(0.6) * Affine3A::from_scale(Vec3::new(4.0, 2.0, 1.0));
    parts.add(&sheet(5), Material { double_sided: true, ..matte(0.5, 0.5, 0.5) }, wall);
    let glass = Material { alpha_mode: AlphaMode::Blend, base_color: [0.5, 0.8, 0.9, 0.4], ..matte(0.0, 0.0, 0.0) };
    parts.add(&ball, glass, at(0.2, -0.5, 1.5) * Affine3A::from_scale(Vec3::splat(0.4)));
    parts
}

#[test]
fn a_pick_agrees_with_a_ray() {
    for (atomics_64, samples) in [(true, Samples::One), (true, Samples::Four), (false, Samples::Four)] {
        let mut studio = Studio::with(&GraphicsOptions { atomics_64, ..Default::default() });
        studio.show(solids().model());
        let view = front();
        let (mut agreeing, mut asked, mut seen) = (0, 0, [0; 4]);
        for y in (3..SIZE.height).step_by(11) {
            for x in (2..SIZE.width).step_by(11) {
                let options = FrameOptions { pick: Some([x, y]), ..Default::default() };
                let (_, done) = studio.draw(&with(options, samples));
                let scale = SIZE.height as f32 * 0.5 / (view.vertical_field_of_view * 0.5).tan();
                let across = (x as f32 + 0.5 - SIZE.width as f32 * 0.5) / scale;
                let down = (y as f32 + 0.5 - SIZE.height as f32 * 0.5) / scale;
                let direction = view.orientation * Vec3::new(across, -down, -1.0);
                let hit = studio.scene.cast_ray(view.position, direction);
                asked += 1;
                match (done.picked, hit) {
                    (None, None) => agreeing += 1,
                    (Some(picked), Some(hit)) if picked.instance == hit.instance => {
                        seen[hit.instance as usize] += 1;
                        let apart = picked.position.distance(hit.position);
                        // The nearest of four samples lies up to half a pixel away, which is more on a slanted surface.
                        let close = apart < 0.05 && (picked.distance - hit.distance).abs() < 0.05;
                        agreeing += usize::from(close);
                    }
                    (None | Some(_), Some(_)) | (Some(_), None) => {}
                }
            }
        }
        assert!(seen.iter().all(|pixels| *pixels > 3), "{seen:?}");
        assert!(agreeing * 100 >= asked * 96, "{agreeing} of {asked} agree with {samples:?}");
    }
}

#[test]
fn a_pick_outside_of_the_frame_is_refused() {
    let mut studio = Studio::new();
    let small = FrameRequest {
        render_size: Size::new(64, 36),
        ..with(FrameOptions { pick: Some([64, 0]), ..Default::default() }, Samples::One)
    };
    let error = studio.renderer.submit(&small).unwrap_err().to_string();
    assert!(error.contains("64, 0") && error.contains("64x36"), "{error}");
    let options = FrameOptions { pick: Some([63, 35]), ..Default::default() };
    let (_, done) = studio.draw(&FrameRequest { options, ..small });
    assert_eq!(done.picked, None, "there is only background");
}

#[test]
fn only_changed_instances_are_written() {
    const PARTS: usize = 100_000;
    let mut triangle = sheet(1);
    triangle.indices.truncate(3);
    let node = |index: usize| Node {
        transform: DAffine3::from_translation(DVec3::new(index as f64, 0.0, 0.0)),
        mesh: Some(0),
        ..Default::default()
    };
    let model = Model {
        meshes: vec![Mesh { primitives: vec![triangle], ..Default::default() }],
        materials: vec![matte(0.5, 0.5, 0.5)],
        nodes: (0..PARTS).map(node).collect(),
        ..Default::default()
    };
    let mut studio = Studio::new();
    studio.show(model);
    let all = studio.renderer.synchronise(&mut studio.scene, glam::DVec3::ZERO).expect("the scene is taken over");
    assert_eq!((all.instances, all.writes, all.bytes), (PARTS, 1, PARTS as u64 * 64));
    let still = studio.renderer.synchronise(&mut studio.scene, glam::DVec3::ZERO).expect("the scene is taken over");
    assert_eq!((still.instances, still.writes, still.bytes), (0, 0, 0));

    let parts = entities(&studio);
    let moved = DAffine3::from_translation(DVec3::new(0.0, 1.0, 0.0));
    for entity in parts.iter().step_by(100) {
        studio.scene.set_local(*entity, moved).expect("the entity is there");
    }
    let apart = studio.renderer.synchronise(&mut studio.scene, glam::DVec3::ZERO).expect("the scene is taken over");
    assert_eq!((apart.instances, apart.writes, apart.bytes), (1000, 1000, 64_000));
    for entity in &parts[5000..6000] {
        studio
            .scene
            .edit_overrides(&[*entity], StateOverrideEdit::tint(Some([1, 2, 3, 4])))
            .expect("the entity is there");
        studio.scene.edit_overrides(&[*entity], StateOverrideEdit::selected(Some(true))).expect("the entity is there");
    }
    let together = studio.renderer.synchronise(&mut studio.scene, glam::DVec3::ZERO).expect("the scene is taken over");
    assert_eq!((together.instances, together.writes, together.bytes), (1000, 1, 64_000));
}

/// Returns a pane over the whole frame, a small one in a corner, and a ball behind both.
fn panes() -> Parts {
    let mut parts = Parts::default();
    let glass = Material { alpha_mode: AlphaMode::Blend, base_color: [0.9, 0.4, 0.2, 0.5], ..matte(0.0, 0.0, 0.0) };
    parts.add(&sheet(3), glass.clone(), at(0.0, 0.0, 1.0) * Affine3A::from_scale(Vec3::splat(9.0)));
    parts.add(&sheet(3), glass, at(1.5, 1.0, 1.0) * Affine3A::from_scale(Vec3::splat(0.3)));
    parts.add(&sphere(12, 16), matte(0.2, 0.7, 0.3), at(-1.0, 0.0, 0.0) * Affine3A::from_scale(Vec3::splat(0.5)));
    parts
}

#[test]
fn glass_of_an_earlier_frame_is_neither_shown_nor_picked() {
    for samples in [Samples::One, Samples::Four] {
        // Further layers would overwrite what the first one left.
        let with = |options| FrameRequest { blend_layers: 1, ..with(options, samples) };
        let [mut used, mut fresh] = [(); 2].map(|()| {
            let mut studio = Studio::new();
            studio.show(panes().model());
            studio
        });
        let parts = entities(&used);
        used.scene.edit_overrides(&[parts[0]], StateOverrideEdit::selected(Some(true))).expect("the pane is there");
        let (before, done) = used.draw(&with(FrameOptions { pick: Some([160, 20]), ..Default::default() }));
        assert_eq!(done.picked.map(|picked| picked.instance), Some(0), "the large pane is everywhere");
        used.scene.edit_overrides(&[parts[0]], StateOverrideEdit::visible(Some(false))).expect("the pane is there");
        for (x, y, instance) in [(160, 20, None), (160, 170, None), (106, 90, Some(2)), (240, 37, Some(1))] {
            let request = with(FrameOptions { pick: Some([x, y]), ..Default::default() });
            fresh
                .scene
                .edit_overrides(&[entities(&fresh)[0]], StateOverrideEdit::visible(Some(false)))
                .expect("the pane is there");
            let [(frame, done), (expected, _)] = [&mut used, &mut fresh].map(|studio| studio.draw(&request));
            assert!(frame != before && frame == expected, "with {samples:?}");
            assert_eq!(done.picked.map(|picked| picked.instance), instance, "at {x}, {y} with {samples:?}");
        }
        // A hidden part has no line, a visible one has.
        for studio in [&mut used, &mut fresh] {
            studio
                .scene
                .edit_overrides(&[parts[1]], StateOverrideEdit::selected(Some(true)))
                .expect("the small pane is there");
        }
        let request = with(FrameOptions::default());
        let [(frame, _), (expected, _)] = [&mut used, &mut fresh].map(|studio| studio.draw(&request));
        assert!(frame == expected, "a line on the background with {samples:?}");
    }
}
