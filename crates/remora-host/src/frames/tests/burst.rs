//! Commands over a real connection: many at once, and some before the renderer is warm.

use std::{collections::HashSet, sync::mpsc::channel, thread};

use remora_protocol::connection::{host_message::Message as Said, reply::Result as Outcome, session_ending::Reason};
use remora_render::{RenderError, Renderer};

use super::*;

#[path = "../../../../remora-stream/tests/browser/mod.rs"]
#[allow(dead_code, reason = "the tests of remora-stream use the rest of it")]
mod browser;

use browser::Browser;

/// A step of a warm-up.
type Step = Box<dyn FnOnce(&mut Renderer) -> Result<(), RenderError> + Send>;

/// Connects a client to a frame thread, which works until the test's process ends.
fn connected(
    work: impl FnOnce(&mut FrameLoop, &Receiver<Input>) -> Result<(), FrameThreadError> + Send + 'static,
) -> Browser {
    let (up, transport) = channel();
    thread::spawn(move || {
        let (inbox, inputs) = sync_channel(INBOX);
        let mut frames = FrameLoop::new(options(), Clock::start(), inbox, &|_| {}).expect("a graphics adapter");
        up.send(frames.transport.clone()).expect("the test waits");
        work(&mut frames, &inputs)
    });
    connect(&transport.recv().expect("the frame thread starts"))
}

/// Connects a client whose channels are open.
pub(super) fn connect(transport: &TransportHandle) -> Browser {
    let (mut client, offer) = Browser::new();
    client.accept(&transport.accept(&offer).expect("a good offer"));
    client.wait_for_channels();
    client
}

fn ping(client: &mut Browser, id: u32) {
    let command = wire::ClientCommand { id, command: Some(Command::Ping(wire::Ping {})) };
    client.write(client.control, &command.encode_to_vec());
}

/// Returns the next message on the control channel.
pub(super) fn said(client: &mut Browser) -> Said {
    loop {
        let (channel, bytes) = client.wait_for_message();
        if channel == client.control {
            return wire::HostMessage::decode(&*bytes).expect("a message").message.expect("it is not empty");
        }
    }
}

#[test]
fn every_command_of_a_burst_is_answered_once() {
    let mut client = connected(|frames, inputs| frames.work(inputs, &|_| {}));
    for commands in [2_000, 20_000] {
        for id in 1..=commands {
            ping(&mut client, id);
        }
        let mut waiting: HashSet<u32> = (1..=commands).collect();
        while !waiting.is_empty() {
            let Said::Reply(wire::Reply { id, result }) = said(&mut client) else { continue };
            assert!(matches!(result, Some(Outcome::Done(_))), "{result:?}");
            assert!(waiting.remove(&id), "{id} was answered twice");
        }
    }
}

#[test]
fn a_client_that_sends_too_fast_is_told_why_the_connection_ends() {
    let farewell = wire::HostMessage::decode(&*commands::overrun_farewell()).expect("a message");
    let Some(Said::SessionEnding(ending)) = farewell.message else { panic!("{farewell:?}") };
    assert_eq!(ending.reason(), Reason::Overrun);
    assert!(ending.message.contains("wait for answers"), "{}", ending.message);
}

#[test]
fn a_client_is_welcomed_and_answered_while_the_renderer_warms_up() {
    let (finish, finished) = channel();
    let mut client = connected(move |frames, inputs| {
        let first: Step = Box::new(move |_| {
            finished.recv().expect("the test continues");
            Ok(())
        });
        let second: Step = Box::new(|_| panic!("a client that waits needs no further step"));
        frames.warm_up(inputs, &|_| {}, [first, second])?;
        frames.work(inputs, &|_| {})
    });
    assert!(matches!(said(&mut client), Said::Welcome(_)));
    let load = |uri: &str| Command::LoadModel(wire::LoadModel { uri: uri.to_owned(), replace: false });
    for (id, command) in [
        (1, Command::UnloadAll(wire::UnloadAll {})),
        (2, load(ENGINE)),
        (3, Command::SetViewport(wire::SetViewport { width_pixels: 320, height_pixels: 180 })),
        (4, load("builtin://Nothing")),
    ] {
        let command = wire::ClientCommand { id, command: Some(command) };
        client.write(client.control, &command.encode_to_vec());
    }
    let answered = |client: &mut Browser| loop {
        if let Said::Reply(reply) = said(client) {
            return reply;
        }
    };
    assert_eq!([answered(&mut client).id, answered(&mut client).id], [1, 3]);
    let failed = answered(&mut client);
    assert!(matches!((failed.id, failed.result), (4, Some(Outcome::Error(_)))), "a failure needs no renderer");
    finish.send(()).expect("the frame thread waits");
    let loaded = answered(&mut client);
    assert!(matches!((loaded.id, loaded.result), (2, Some(Outcome::ModelLoaded(_)))));
}
