//! The renderer warms up on a thread of its own, and the client is answered meanwhile.
//!
//! ```text
//!   Ready ─┬─ renderer: kernels are compiled ─────────────────────▶ first picture
//!          └─ client: handshake, welcome, commands, loading ──────┘
//! ```
//!
//! Warming up takes seconds on a machine that is busy, longer than a client waits for its welcome.

use std::{
    ops::{Deref, DerefMut},
    sync::mpsc::{Receiver, RecvTimeoutError},
    thread,
};

use remora_render::{RenderError, Renderer, Samples};

use super::{FrameLoop, FrameThreadError, FrameThreadEvent, IDLE_WAIT, Input};
use crate::loader::Loading;

/// The renderer, unless it is warming up. Nothing is drawn or placed until it is back.
pub(super) struct Device(Option<Renderer>);

impl Device {
    pub(super) fn new(renderer: Renderer) -> Self {
        Self(Some(renderer))
    }

    pub(super) fn get(&mut self) -> Option<&mut Renderer> {
        self.0.as_mut()
    }
}

const LENT: &str = "nothing is drawn or placed while the renderer warms up";

impl Deref for Device {
    type Target = Renderer;

    fn deref(&self) -> &Renderer {
        self.0.as_ref().expect(LENT)
    }
}

impl DerefMut for Device {
    fn deref_mut(&mut self) -> &mut Renderer {
        self.0.as_mut().expect(LENT)
    }
}

/// A renderer that was lent, and what came of it.
pub struct Warm {
    renderer: Box<Renderer>,
    result: Result<(), RenderError>,
}

/// Compiles the kernels that most frames need.
pub(crate) fn warm_up(renderer: &mut Renderer) -> Result<(), RenderError> {
    [Samples::One, Samples::Four].into_iter().try_for_each(|samples| renderer.warm_up(samples))
}

impl FrameLoop {
    /// Answers the client until the renderer is warm. Models that have been loaded meanwhile are placed at the end.
    pub(super) fn answer_while_warming(
        &mut self,
        inputs: &Receiver<Input>,
        tell: &impl Fn(FrameThreadEvent),
        warm_up: impl FnOnce(&mut Renderer) -> Result<(), RenderError> + Send + 'static,
    ) -> Result<(), FrameThreadError> {
        let mut renderer = Box::new(self.renderer.0.take().expect(LENT));
        let inbox = self.inbox.clone();
        thread::Builder::new()
            .name("warm-up".to_owned())
            .spawn(move || {
                let result = warm_up(&mut renderer);
                // A frame thread that has ended needs no renderer.
                let _ = inbox.send(Input::Warm(Warm { renderer, result }));
            })
            .expect("a thread can be started at the host's start");
        let mut loaded = Vec::new();
        let result = loop {
            self.execute(tell);
            let now = self.clock.now();
            self.stage.tick(now);
            self.hand_out(tell);
            let due = self.stage.statistics_due().map_or(IDLE_WAIT, |at| at.saturating_sub(now));
            let wait = self.until_commands().map_or(due, |wait| wait.min(due));
            match inputs.recv_timeout(wait) {
                Ok(Input::Warm(Warm { renderer, result })) => {
                    self.renderer = Device::new(*renderer);
                    break result;
                }
                Ok(placed @ Input::Loading { loading: Loading::Loaded { .. } | Loading::Refined(_), .. }) => {
                    loaded.push(placed);
                }
                Ok(input) => self.take(input, tell),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        };
        loaded.into_iter().for_each(|input| self.take(input, tell));
        Ok(result?)
    }
}
