//! The frame thread's parts on a real graphics device, without a client: its messages are put into the inbox.

mod burst;
mod departure;
mod motion;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use glam::DVec3;
use prost::Message as _;
use remora_protocol::{connection::client_command::Command, link::RemoteModels};
use remora_render::{GraphicsOptions, RenderError, RendererOptions};
use remora_stream::EncoderBackend;

use super::picks::Pick;
use super::*;
use crate::{ids::CommandId, loader::Loading, memory::ImportMemory};

const ENGINE: &str = "builtin://Engine?triangles=60000";

struct Bench {
    frames: FrameLoop,
    inputs: Receiver<Input>,
}

fn options() -> FrameThreadOptions {
    let transport = TransportOptions { addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)], ..Default::default() };
    FrameThreadOptions {
        model_files: Vec::new(),
        remote_models: RemoteModels::default(),
        primitives_max: None,
        graphics: GraphicsOptions::default(),
        transport,
        encoder: EncoderBackend::default(),
        memory: Arc::new(ImportMemory::fixed(1 << 30)),
        renderer: RendererOptions::default(),
        render_target: None,
        cache: None,
        threads: 2,
    }
}

impl Bench {
    fn connected() -> Self {
        let (inbox, inputs) = sync_channel(INBOX);
        let frames = FrameLoop::new(options(), Clock::start(), inbox, &|_| {}).expect("a graphics adapter");
        let mut bench = Self { frames, inputs };
        bench.transport(TransportEvent::ChannelOpen(Channel::Control));
        bench.say(Command::SetViewport(wire::SetViewport { width_pixels: 320, height_pixels: 180 }));
        bench
    }

    fn take(&mut self, input: Input) {
        self.frames.handle(input, &|_| {});
        self.frames.execute_commands(&|_| {});
    }

    fn transport(&mut self, event: TransportEvent) {
        let at = self.frames.clock.now();
        self.take(Input::Transport { event, at });
    }

    fn say(&mut self, command: Command) {
        let bytes = wire::ClientCommand { id: 5, command: Some(command) }.encode_to_vec();
        self.transport(TransportEvent::Message { channel: Channel::Control, bytes: bytes.into() });
    }

    fn say_load(&mut self, uri: &str) {
        self.say(Command::LoadModel(wire::LoadModel { uri: uri.to_owned(), replace: false }));
    }

    fn say_replace(&mut self, uri: &str) {
        self.say(Command::LoadModel(wire::LoadModel { uri: uri.to_owned(), replace: true }));
    }

    /// Handles inputs until the condition holds.
    fn until(&mut self, is_so: impl Fn(&mut FrameLoop) -> bool) {
        while !is_so(&mut self.frames) {
            let input = self.inputs.recv().expect("the loop holds a sender");
            self.take(input);
        }
    }

    /// Handles inputs until a model was loaded. Returns that input without handling it.
    fn until_loaded(&mut self) -> Input {
        loop {
            match self.inputs.recv().expect("the loop holds a sender") {
                loaded @ Input::Loading { loading: Loading::Loaded { .. }, .. } => return loaded,
                input => self.take(input),
            }
        }
    }

    /// Renders the frame that is due, if there is one.
    fn render(&mut self) {
        let FrameLoop { clock, stage, pipeline, .. } = &mut self.frames;
        let now = clock.now();
        stage.tick(now);
        if pipeline.has_room()
            && let Some(plan) = stage.poll_frame(now)
        {
            pipeline.start(stage, plan).expect("a device");
            while pipeline.is_rendering() {
                pipeline.proceed(stage).expect("a device");
            }
        }
    }

    /// Sends a pose that shows the middle of the scene from the front.
    fn look(&mut self) {
        self.look_from(0.0);
    }

    /// Sends a pose that shows the middle of the scene from the front, after a turn by this angle in radians.
    fn look_from(&mut self, angle: f64) {
        let bounds = self.frames.stage.scene_mut().bounds();
        let (center, radius) = if bounds.is_empty() { (DVec3::ZERO, 1.0) } else { (bounds.center(), bounds.radius()) };
        let position = center + DVec3::new(angle.sin(), 0.0, angle.cos()) * radius * 3.0;
        let turn = (angle as f32 * 0.5).sin_cos();
        let pose = wire::Pose {
            id: 1,
            position: Some(wire::Point { x: position.x, y: position.y, z: position.z }),
            orientation: Some(wire::Quaternion { x: 0.0, y: turn.0, z: 0.0, w: turn.1 }),
            vertical_field_of_view: 0.8,
            near_plane_metres: 0.01,
            input_time_milliseconds: 0.0,
        };
        let bytes = pose.encode_to_vec();
        self.transport(TransportEvent::Message { channel: Channel::Pose, bytes: bytes.into() });
    }

    fn look_at(&mut self, x: f32, y: f32) -> Result<Option<(u32, DVec3)>, RenderError> {
        let FrameLoop { stage, pipeline, picks, .. } = &mut self.frames;
        picks.look_at(stage, &mut pipeline.renderer, x, y)
    }

    fn recover_from_loss(&mut self) -> Result<(), FrameThreadError> {
        let FrameLoop { stage, pipeline, .. } = &mut self.frames;
        pipeline.recover(stage, RenderError::DeviceLost("by the test".into()))
    }

    fn models(&mut self) -> Vec<remora_asset::Asset> {
        self.frames.stage.scene_mut().models().map(|(_, asset)| asset.clone()).collect()
    }
}

/// Returns the number of models whose full forms are being built.
fn refining(frames: &FrameLoop) -> usize {
    frames.assembly.pending().0
}

fn is_refined(frames: &mut FrameLoop, models: usize) -> bool {
    frames.stage.scene_mut().models().count() == models && refining(frames) == 0
}

#[test]
fn models_that_share_a_command_are_all_refined_and_one_that_was_unloaded_is_not() {
    let mut bench = Bench::connected();
    bench.say_load(ENGINE);
    bench.until(|frames| refining(frames) == 1);
    bench.say(Command::UnloadAll(wire::UnloadAll {}));
    assert_eq!(refining(&bench.frames), 0);
    bench.say_load(ENGINE);
    bench.say_load("builtin://Engine?triangles=70000");
    bench.until(|frames| is_refined(frames, 2));
    let models = bench.models();
    assert!(models.iter().all(|asset| !asset.is_coarse()), "{models:?}");
    assert_ne!(models[0].triangle_count(), models[1].triangle_count());
}

#[test]
fn a_model_that_arrives_with_an_unload_is_on_the_device() {
    let mut bench = Bench::connected();
    bench.say_load(ENGINE);
    let loaded = bench.until_loaded();
    bench.say(Command::UnloadAll(wire::UnloadAll {}));
    bench.take(loaded);
    bench.look();
    assert!(bench.look_at(0.0, 0.0).expect("the renderer knows the model").is_some());
}

#[test]
fn a_model_that_replaces_another_is_on_the_device_and_the_other_is_not_refined() {
    let mut bench = Bench::connected();
    bench.say_load(ENGINE);
    bench.until(|frames| refining(frames) == 1);
    let memory = bench.frames.pipeline.renderer.graphics_memory_bytes();
    bench.say_replace("https://localhost:9/none.glb");
    bench.say_replace("builtin://Engine?triangles=70000");
    bench.until(|frames| frames.assembly.pending().1 == 0);
    bench.until(|frames| is_refined(frames, 1));
    let models = bench.models();
    assert!(!models[0].is_coarse(), "{models:?}");
    assert!(
        bench.frames.pipeline.renderer.graphics_memory_bytes() < 2 * memory,
        "the first model is no longer on the device"
    );
    bench.look();
    assert!(bench.look_at(0.0, 0.0).expect("the renderer knows the model").is_some());
}

#[test]
fn a_failed_device_is_replaced_by_one_that_shows_the_same() {
    let mut bench = Bench::connected();
    bench.say_load(ENGINE);
    bench.until(|frames| is_refined(frames, 1));
    bench.look();
    let seen = bench.look_at(0.0, 0.0).expect("a device").expect("the engine");
    let plan = bench.frames.stage.poll_frame(bench.frames.clock.now()).expect("a frame of it");
    bench.frames.pipeline.start(&mut bench.frames.stage, plan.clone()).expect("a device");
    bench.recover_from_loss().expect("another device");
    assert!(!bench.frames.pipeline.is_rendering() && bench.frames.pipeline.spare() == pipeline::BUFFERS);
    assert_eq!(bench.look_at(0.0, 0.0).expect("a device"), Some(seen));
    // The lost frame is rendered again, now or at its turn.
    bench.frames.stage.tick(bench.frames.clock.now());
    let at = bench.frames.stage.poll_timeout().expect("a frame is due");
    let again = bench.frames.stage.poll_frame(at).expect("a frame is due");
    assert!(again.serial > plan.serial && again.key);
    bench.recover_from_loss().expect("another device");
    assert!(bench.recover_from_loss().is_err(), "three failures without a frame between them");
}

#[test]
fn picks_outlive_an_unload_and_end_with_the_connection() {
    let mut bench = Bench::connected();
    bench.look();
    bench.say(Command::Pick(wire::Pick { x: 0.5, y: 0.0 }));
    let pick = Pick { command: CommandId(5), x: 0.5, y: 0.0 };
    assert_eq!(bench.frames.picks.waiting(), [pick]);
    bench.say(Command::UnloadAll(wire::UnloadAll {}));
    assert_eq!(bench.frames.picks.waiting(), [pick], "it still needs an answer");
    assert_eq!(bench.look_at(0.5, 0.0).expect("a device"), None);
    bench.transport(TransportEvent::Closed(CloseReason::Goodbye));
    assert!(bench.frames.picks.is_empty());
}

#[test]
fn a_client_may_leave_while_the_renderer_warms_up() {
    let (inbox, inputs) = sync_channel(INBOX);
    let mut frames = FrameLoop::new(options(), Clock::start(), inbox.clone(), &|_| {}).expect("a graphics adapter");
    for event in [TransportEvent::ChannelOpen(Channel::Control), TransportEvent::Closed(CloseReason::Goodbye)] {
        inbox.send(Input::Transport { event, at: Moment::ZERO }).expect("room in the inbox");
    }
    frames.warm_up(&inputs, &|_| {}, [|_: &mut remora_render::Renderer| Ok(())]).expect("a graphics adapter");
    assert!(!frames.connected && frames.pipeline.renderer.get().is_some());
}
