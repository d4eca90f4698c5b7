//! Executes the client's commands in their order, and no faster than the client takes the answers.
//!
//! ```text
//!   transport ─▶ commands ─execute─▶ Stage ─▶ answers ─▶ transport ─▶ client
//!                   ▲                                       │
//!                   └────── wait while many answers wait ───┘
//! ```
//!
//! No answer is ever dropped. A client that keeps sending although it takes no answers fills the transport's bound on
//! waiting messages and is disconnected with a reason.

use std::time::Duration;

use prost::Message;
use remora_protocol::connection::{self as wire, host_message, session_ending::Reason};

use super::{FrameLoop, interface::FrameThreadEvent};

/// Bytes of answers that may wait for the client's path before commands wait too: several of the largest answers.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Commands between two frames: as many as a page sends at once, and few enough that no frame waits long for them.
const COMMANDS_AT_ONCE: usize = 1024;
/// The interval at which the host checks whether the client has taken answers.
const ANSWERS_WAIT: Duration = Duration::from_millis(2);

/// Returns the last message to a client that sends faster than the host answers.
pub(super) fn overrun_farewell() -> Vec<u8> {
    let message = "the client sent commands faster than the host answers them; wait for answers before sending more";
    let ending = wire::SessionEnding { reason: Reason::Overrun.into(), message: message.to_owned() };
    wire::HostMessage { message: Some(host_message::Message::SessionEnding(ending)) }.encode_to_vec()
}

impl FrameLoop {
    /// Executes waiting commands as far as there is room for their answers.
    pub(super) fn execute_commands(&mut self, tell: &impl Fn(FrameThreadEvent)) {
        for _ in 0..COMMANDS_AT_ONCE {
            if self.answers_wait() {
                return;
            }
            let Some(command) = self.commands.pop_front() else { return };
            self.stage.control(self.clock.now(), &command);
            self.hand_out(tell);
        }
    }

    /// Returns how long at most until [`Self::execute_commands`] has something to do; `None` while no command waits.
    pub(super) fn until_commands(&self) -> Option<Duration> {
        let wait = if self.answers_wait() { ANSWERS_WAIT } else { Duration::ZERO };
        (!self.commands.is_empty()).then_some(wait)
    }

    fn answers_wait(&self) -> bool {
        self.transport.control_bytes_waiting() >= ANSWER_BYTES_MAX
    }
}
