//! Answers the client while the renderer warms up on a thread of its own.
//!
//! ```text
//!   Ready ─┬─ renderer: compiles its kernels ─────────────────────▶ first frame
//!          └─ client: handshake, welcome, commands, loading ──────┘
//! ```
//!
//! Warming up takes seconds on a busy machine, longer than a client waits for its welcome.

use std::sync::mpsc::{Receiver, RecvTimeoutError};

use remora_render::{RenderError, Renderer};

use super::{
    FrameLoop, IDLE_WAIT,
    device::{Device, Warm},
    interface::{FrameThreadError, FrameThreadEvent, Input},
};
use crate::{loader::Loading, threads};

impl FrameLoop {
    /// Warms the renderer up, step by step, and answers the client meanwhile. A client that is there after the first
    /// step sees its first frame without the others, whose kernels are then compiled when a frame needs them.
    pub(super) fn warm_up<S>(
        &mut self,
        inputs: &Receiver<Input>,
        tell: &impl Fn(FrameThreadEvent),
        steps: impl IntoIterator<Item = S>,
    ) -> Result<(), FrameThreadError>
    where
        S: FnOnce(&mut Renderer) -> Result<(), RenderError> + Send + 'static,
    {
        for (number, step) in steps.into_iter().enumerate() {
            if number > 0 && self.connected {
                break;
            }
            self.answer_while_warming(inputs, tell, step)?;
        }
        Ok(())
    }

    /// Answers the client until a step of the warm-up is done. Models that were loaded meanwhile are placed at the end.
    fn answer_while_warming(
        &mut self,
        inputs: &Receiver<Input>,
        tell: &impl Fn(FrameThreadEvent),
        step: impl FnOnce(&mut Renderer) -> Result<(), RenderError> + Send + 'static,
    ) -> Result<(), FrameThreadError> {
        let mut renderer = self.pipeline.renderer.lend();
        let inbox = self.inbox.clone();
        threads::spawn("warm-up", move || {
            let result = step(&mut renderer);
            // A frame thread that has ended needs no renderer.
            let _ = inbox.send(Input::Warm(Warm { renderer, result }));
        });
        let mut loaded = Vec::new();
        let result = loop {
            self.execute_commands(tell);
            let now = self.clock.now();
            self.stage.tick(now);
            self.hand_out(tell);
            let due = self.stage.statistics_due().map_or(IDLE_WAIT, |at| at.saturating_sub(now));
            let wait = self.until_commands().map_or(due, |wait| wait.min(due));
            match inputs.recv_timeout(wait) {
                Ok(Input::Warm(Warm { renderer, result })) => {
                    self.pipeline.renderer = Device::new(*renderer);
                    break result;
                }
                Ok(placed @ Input::Loading { loading: Loading::Loaded { .. } | Loading::Refined(_), .. }) => {
                    loaded.push(placed);
                }
                Ok(input) => self.handle(input, tell),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        };
        loaded.into_iter().for_each(|input| self.handle(input, tell));
        Ok(result?)
    }
}
