//! The end of a real connection.

use std::thread;

use super::burst::{connect, said};
use super::*;
use remora_protocol::connection::{host_message::Message as Said, reply::Result as Outcome};

const MEBIBYTE: u64 = 1 << 20;

/// Loads the engine, waits for a frame of it, and leaves.
fn visit(transport: &TransportHandle) {
    let mut client = connect(transport);
    for (id, command) in [
        (1, Command::SetViewport(wire::SetViewport { width_pixels: 320, height_pixels: 180 })),
        (2, Command::LoadModel(wire::LoadModel { uri: ENGINE.to_owned(), replace: false })),
    ] {
        let command = wire::ClientCommand { id, command: Some(command) };
        client.write(client.control, &command.encode_to_vec());
    }
    while !is_loaded(&said(&mut client)) {}
    let pose = wire::Pose {
        id: 1,
        position: Some(wire::Point { x: 0.0, y: 0.3, z: 2.0 }),
        orientation: Some(wire::Quaternion { x: 0.0, y: 0.0, z: 0.0, w: 1.0 }),
        vertical_field_of_view: 0.8,
        near_plane_metres: 0.01,
        input_time_milliseconds: 0.0,
    };
    client.send(client.pose, &pose.encode_to_vec());
    client.wait_for_frame();
    client.close();
}

fn is_loaded(said: &Said) -> bool {
    matches!(said, Said::Reply(wire::Reply { result: Some(Outcome::ModelLoaded(_)), .. }))
}

fn allocated(frames: &FrameLoop) -> u64 {
    frames.pipeline.renderer.graphics().allocated_bytes().expect("the driver's allocator keeps accounts")
}

#[test]
fn a_client_that_leaves_frees_the_graphics_memory_of_its_models_and_frames() {
    let (inbox, inputs) = sync_channel(INBOX);
    let mut frames = FrameLoop::new(options(), Clock::start(), inbox, &|_| {}).expect("a graphics adapter");
    // Compiled kernels remain; everything else is freed.
    let renderer = &mut frames.pipeline.renderer;
    warm_up(renderer).expect("the renderer draws");
    renderer.release_targets();
    renderer.clear();
    let before = allocated(&frames);
    let transport = frames.transport.clone();
    let client = thread::spawn(move || visit(&transport));
    let mut bench = Bench { frames, inputs };
    let (mut most, mut was_connected) = (before, false);
    while !was_connected || bench.frames.connected {
        let input = bench.inputs.recv().expect("the loop holds a sender");
        bench.take(input);
        bench.render();
        most = most.max(allocated(&bench.frames));
        was_connected |= bench.frames.connected;
    }
    client.join().expect("the client has seen the engine");
    let left = allocated(&bench.frames);
    assert!(most > before + 4 * MEBIBYTE, "{before} bytes before, at most {most}");
    assert!(left <= before + MEBIBYTE, "{before} bytes before, {left} after");
}
