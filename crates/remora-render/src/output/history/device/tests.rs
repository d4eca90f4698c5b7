//! The kernels are compared with the processor, frame by frame.

use std::time::Duration;

use glam::{DAffine3, DQuat, DVec3, Quat};
use remora_build::{BuildOptions, build_asset};
use remora_model::{AlphaMode, Material, Mesh, Model, Node, Primitive};
use remora_scene::{EntityId, Scene};

use crate::kernels::Kernel;
use crate::{
    Camera, FrameOptions, FrameRequest, FrameSerial, Graphics, GraphicsOptions, History, PixelFormat, PrepareOptions,
    PreparedAsset, RenderedFrame, Renderer, Samples, Size,
};

const STREAM: Size = Size::new(320, 176);
const HALF: Size = Size::new(STREAM.width / 2, STREAM.height / 2);
/// Largest share of the pixels that may differ by more than one step, because of rounding at a threshold.
const DIFFERENT_MAX: f64 = 0.01;

/// A ball of many colours, with highlights.
fn ball() -> Mesh {
    const RINGS: u32 = 24;
    const AROUND: u32 = 48;
    let mut primitive = Primitive { material: 0, ..Default::default() };
    for ring in 0..=RINGS {
        for step in 0..=AROUND {
            let (rise, turn) = (
                ring as f32 / RINGS as f32 * std::f32::consts::PI,
                step as f32 / AROUND as f32 * std::f32::consts::TAU,
            );
            let normal = [rise.sin() * turn.cos(), rise.cos(), rise.sin() * turn.sin()];
            primitive.positions.push(normal);
            primitive.normals.push(normal);
            primitive.colors.push([((ring * 40) % 256) as u8, ((step * 90) % 256) as u8, 160, 255]);
        }
    }
    for ring in 0..RINGS {
        for step in 0..AROUND {
            let corner = ring * (AROUND + 1) + step;
            let below = corner + AROUND + 1;
            primitive.indices.extend([corner, corner + 1, below, below, corner + 1, below + 1]);
        }
    }
    Mesh { primitives: vec![primitive], ..Default::default() }
}

/// Balls side by side and one behind another, which leave the background in view.
fn model() -> Model {
    let places = [[-1.2, 0.3, 0.0], [0.0, -0.4, 0.6], [1.3, 0.2, -0.5], [0.4, 0.5, -1.5], [-0.4, 0.1, -2.0]];
    let nodes = places.map(|place| Node {
        mesh: Some(0),
        transform: DAffine3::from_scale_rotation_translation(DVec3::splat(0.6), DQuat::IDENTITY, place.into()),
        ..Default::default()
    });
    Model { meshes: vec![ball()], materials: vec![Material::default()], nodes: nodes.into(), ..Default::default() }
}

fn camera(turn: f64) -> Camera {
    let orientation = DQuat::from_rotation_y(turn);
    Camera {
        position: orientation * DVec3::new(0.0, 0.0, 4.5),
        orientation: Quat::from_rotation_y(turn as f32),
        vertical_field_of_view: 0.7,
        near: 0.1,
    }
}

/// A renderer with its own scene.
struct Side {
    renderer: Renderer,
    scene: Scene,
    moved: EntityId,
    checkerboard: f32,
}

impl Side {
    fn new(on_device: bool) -> Self {
        Self::with(&model(), on_device)
    }

    fn with(model: &Model, on_device: bool) -> Self {
        let graphics = Graphics::open(&GraphicsOptions::default()).expect("tests need a Vulkan driver");
        let asset = build_asset(model, &BuildOptions::default(), &|_| {}, &|| false).expect("it is built");
        let options = PrepareOptions::for_adapter(graphics.adapter());
        let prepared = PreparedAsset::new(&asset, &options).expect("it is sound");
        let mut renderer = Renderer::new(graphics, &Default::default()).expect("the renderer starts");
        renderer.output.on_device = on_device;
        let mut scene = Scene::new();
        renderer
            .add_model(scene.add_model(asset).expect("room for the model").model, &prepared)
            .expect("the model fits");
        let moved = scene.instance(1).expect("an instance").entity;
        let mut side = Self { renderer, scene, moved, checkerboard: 0.0 };
        // All detail has to be there, because it arrives at any time.
        side.synchronise();
        let request = Self::request(0.0, History::Apart, STREAM);
        loop {
            side.renderer.submit(&request).expect("the frame is taken");
            let done = side.renderer.receive(&mut RenderedFrame::default()).expect("the frame is drawn");
            if done.expect("a frame was in flight").pages_missing == 0 {
                return side;
            }
            side.renderer.await_pages(Duration::from_secs(10)).expect("the device is there");
        }
    }

    fn request(turn: f64, history: History, render_size: Size) -> FrameRequest {
        FrameRequest {
            serial: FrameSerial(0),
            camera: camera(turn),
            render_size,
            samples: if history == History::Begin { Samples::Four } else { Samples::One },
            error_pixels: 1.0,
            blend_layers: 0,
            stream_size: STREAM,
            format: PixelFormat::I420,
            options: FrameOptions { history, ..Default::default() },
        }
    }

    /// Returns the next frame of the usual size, and the share of its pixels that are new or valid.
    fn frame(&mut self, turn: f64, history: History, render_size: Size) -> (Vec<u8>, f32) {
        self.synchronise();
        let mut request = Self::request(turn, history, render_size);
        request.options.checkerboard = self.checkerboard;
        self.draw(&request)
    }

    fn draw(&mut self, request: &FrameRequest) -> (Vec<u8>, f32) {
        self.renderer.submit(request).expect("the frame is taken");
        let mut frame = RenderedFrame::default();
        let done = self.renderer.receive(&mut frame).expect("the frame is drawn").expect("a frame was in flight");
        (frame.data, done.valid_share)
    }

    fn synchronise(&mut self) {
        self.renderer.synchronise(&mut self.scene, DVec3::ZERO).expect("the scene is taken over");
    }

    fn move_part(&mut self, by: f64) {
        let place = DVec3::new(by, -0.4, 0.6);
        let local = DAffine3::from_scale_rotation_translation(DVec3::splat(0.6), DQuat::IDENTITY, place);
        self.scene.set_local(self.moved, local).expect("the part exists");
    }

    fn select_part(&mut self) {
        self.scene.select(&[self.moved]).expect("the part exists");
    }
}

#[track_caller]
fn assert_same((device, device_share): &(Vec<u8>, f32), (processor, share): &(Vec<u8>, f32), what: &str) {
    assert_eq!(device.len(), processor.len());
    let different = device.iter().zip(processor).filter(|(one, other)| one.abs_diff(**other) > 1).count();
    // A few pixels more or less matter in a small frame.
    let allowed = (device.len() as f64 * DIFFERENT_MAX).max(128.0);
    assert!(different as f64 <= allowed, "{what}: {different} of {} values differ", device.len());
    // The processor estimates the share, the device counts. A few pixels more or less matter in a small frame.
    let tolerance = 0.005 + 4.0 / device.len() as f32;
    assert!((device_share - share).abs() < tolerance, "{what}: {device_share} instead of {share} are valid");
}

/// The change before a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Turn,
    MovePart,
    MovePartAlone,
    Rest,
    Cut,
    Select,
    Checkerboard,
}

const STEPS: [Step; 20] = [
    Step::Turn,
    Step::Turn,
    Step::Turn,
    Step::MovePart,
    Step::MovePart,
    Step::Turn,
    Step::Rest,
    Step::Rest,
    Step::Turn,
    Step::MovePartAlone,
    Step::MovePartAlone,
    Step::MovePartAlone,
    Step::Rest,
    Step::Turn,
    Step::Cut,
    Step::Turn,
    Step::Select,
    Step::Turn,
    Step::Checkerboard,
    Step::Turn,
];

#[test]
fn the_device_combines_frames_as_the_processor_does() {
    let mut sides = [true, false].map(Side::new);
    for render_size in [HALF, STREAM] {
        sides.iter_mut().for_each(|side| side.checkerboard = 0.0);
        let mut turn = 0.0;
        let mut place = 0.0;
        let [device, processor] = sides.each_mut().map(|side| side.frame(turn, History::Begin, STREAM));
        assert_same(&device, &processor, &format!("the first frame before {render_size:?}"));
        for (number, step) in (1..).zip(STEPS) {
            match step {
                Step::Turn => turn += 0.013,
                Step::MovePart => {
                    turn += 0.004;
                    place += 0.07;
                    sides.iter_mut().for_each(|side| side.move_part(place));
                }
                Step::MovePartAlone => {
                    place += 0.07;
                    sides.iter_mut().for_each(|side| side.move_part(place));
                }
                Step::Rest => {}
                Step::Cut => turn += 2.0,
                Step::Select => sides.iter_mut().for_each(Side::select_part),
                Step::Checkerboard => sides.iter_mut().for_each(|side| side.checkerboard = 0.5),
            }
            let [device, processor] = sides.each_mut().map(|side| side.frame(turn, History::Continue, render_size));
            if step == Step::Cut && render_size == HALF {
                assert!(device.1 < 0.9, "{} of the pixels are new or valid after a cut", device.1);
            }
            assert_same(&device, &processor, &format!("frame {number} of {render_size:?}, {step:?}"));
        }
    }
}

#[test]
fn the_device_keeps_the_surfaces_of_an_unchanged_view() {
    let mut sides = [true, false].map(Side::new);
    for render_size in [HALF, STREAM] {
        sides.iter_mut().for_each(|side| drop(side.frame(0.0, History::Begin, STREAM)));
        for number in 0..6 {
            let [device, processor] = sides.each_mut().map(|side| side.frame(0.3, History::Continue, render_size).0);
            let differing = device.iter().zip(&processor).filter(|(one, other)| one.abs_diff(**other) > 1).count();
            assert!(differing <= 8, "{differing} values of frame {number} of {render_size:?} differ");
        }
    }
}

#[test]
fn a_size_that_changes_continues_nothing() {
    let mut sides = [true, false].map(Side::new);
    let sizes =
        [STREAM, Size::new(72, 38), Size::new(16, 4), Size::new(8, 2), Size::new(322, 176), Size::new(648, 8), STREAM];
    for (number, stream_size) in sizes.into_iter().enumerate() {
        sides.iter_mut().for_each(Side::synchronise);
        // The second frame continues the first one of the same size.
        for turn in [0.0, 0.01] {
            for side in [1, 2] {
                let render_size = Size::new(stream_size.width / side, stream_size.height / side);
                if render_size.height < 2 {
                    continue;
                }
                let request = FrameRequest { stream_size, ..Side::request(turn, History::Continue, render_size) };
                let [device, processor] = sides.each_mut().map(|side| side.draw(&request));
                assert_same(&device, &processor, &format!("size {number}, {render_size:?}"));
            }
        }
    }
}

#[test]
fn an_abandoned_frame_leaves_the_history_as_it_is() {
    let mut sides = [true, true].map(Side::new);
    for (number, history) in [History::Begin, History::Continue, History::Continue].into_iter().enumerate() {
        let size = if history == History::Begin { STREAM } else { HALF };
        let turn = number as f64 * 0.01;
        let [disturbed, _] = &mut sides;
        disturbed.synchronise();
        for given_up in [Side::request(0.4, History::Begin, STREAM), Side::request(0.2, History::Continue, HALF)] {
            disturbed.renderer.submit_in_slices(&given_up).expect("the frame is taken");
            assert!(disturbed.renderer.abandon(), "the frame has more slices");
        }
        let [disturbed, other] = sides.each_mut().map(|side| side.frame(turn, history, size));
        assert!(disturbed == other, "frame {number} differs");
    }
}

#[test]
fn a_released_history_is_not_continued() {
    let mut side = Side::new(true);
    side.frame(0.0, History::Begin, STREAM);
    let (_, share) = side.frame(0.01, History::Continue, HALF);
    assert!(share > 0.9, "{share} of the pixels are valid");
    side.renderer.release_targets();
    let (_, share) = side.frame(0.02, History::Continue, HALF);
    assert!(share < 0.9, "{share} of the pixels are valid");
}

#[test]
fn the_warm_up_compiles_the_kernels_of_a_history() {
    let graphics = Graphics::open(&GraphicsOptions::default()).expect("tests need a Vulkan driver");
    let mut renderer = Renderer::new(graphics, &Default::default()).expect("the renderer starts");
    renderer.output.on_device = true;
    let samples = Samples::One;
    renderer.warm_up(samples).expect("everything compiles");
    let motion = Kernel::Motion { samples, rendered: 1, layered: false, moving: false };
    for kernel in [motion, Kernel::HistoryBegin, Kernel::HistoryCells, Kernel::HistoryPixels { side: 1 }] {
        assert!(renderer.kernels.is_compiled(kernel), "{kernel:?}");
    }
}

/// The balls, two of them of glass.
fn glazed() -> Model {
    let mut model = model();
    let glass = Material { base_color: [0.2, 0.4, 0.9, 0.4], alpha_mode: AlphaMode::Blend, ..Material::default() };
    model.materials.push(glass);
    let mut ball = ball();
    ball.primitives[0].material = 1;
    model.meshes.push(ball);
    model.nodes[0].mesh = Some(1);
    model.nodes[2].mesh = Some(1);
    model
}

#[test]
fn the_processor_describes_motion_as_the_kernel_does() {
    let mut sides = [false, false].map(|_| Side::with(&glazed(), false));
    sides[0].renderer.motion.by_kernel = true;
    for side in &mut sides {
        side.frame(0.0, History::Begin, STREAM);
    }
    for index in 1..12 {
        for (cell, blend_layers) in [(1, 2), (2, 2), (2, 0)] {
            if index % 3 > 0 {
                sides.iter_mut().for_each(|side| side.move_part(f64::from(index) * 0.06));
            }
            let render_size = Size::new(STREAM.width / cell, STREAM.height / cell);
            let turn = f64::from(index) * 0.017 + f64::from(cell) * 0.005;
            let request = FrameRequest { blend_layers, ..Side::request(turn, History::Continue, render_size) };
            let [kernel, processor] = sides.each_mut().map(|side| {
                side.synchronise();
                side.draw(&request)
            });
            let different = kernel.0.iter().zip(&processor.0).filter(|(one, other)| one != other).count();
            assert_eq!(different, 0, "frame {index}, cells of {cell} pixels, {blend_layers} layers");
        }
    }
}
