//! What the stage wants done: messages to the client, loads, and changes of what the renderer holds.

use prost::Message;
use remora_protocol::{codes::ErrorCode, connection as wire};
use remora_stream::{Channel, SendError};

use super::{FrameLoop, FrameThreadEvent};
use crate::{
    loader::{Job, LoadId},
    stage::Output,
};

impl FrameLoop {
    pub(super) fn hand_out(&mut self, tell: &impl Fn(FrameThreadEvent)) {
        while let Some(output) = self.stage.poll_output() {
            match output {
                Output::Control(message) => self.send(&message),
                Output::Load { command, uri, replace } => {
                    self.load_serial += 1;
                    if replace {
                        self.replacing.insert(self.load_serial);
                    }
                    let id = LoadId { generation: self.generation, serial: self.load_serial, command };
                    if !self.loader.load(Job { id, uri }) {
                        self.replacing.remove(&id.serial);
                        self.stage.load_failed(
                            command,
                            ErrorCode::Busy,
                            "the loader's queue is full; try again".to_owned(),
                        );
                    }
                }
                Output::Pick { command, x, y } => self.picks.push_back((command, x, y)),
                Output::SceneEmptied => {
                    // One that warms up holds no models of the scene.
                    if let Some(renderer) = self.renderer.get() {
                        renderer.clear();
                    }
                    // Loads come in their order: later ones are not in the scene yet, and will be refined.
                    if let Some((last, _)) = self.refining.drain().max() {
                        self.loader.refine_from(last + 1);
                    }
                }
                Output::ModelsReplaced(models) => {
                    // Loads come in their order: these came before the model that replaces them.
                    let dropped = self.refining.extract_if(|_, model| models.contains(model)).map(|(serial, _)| serial);
                    if let Some(last) = dropped.max() {
                        self.loader.refine_from(last + 1);
                    }
                    models.into_iter().for_each(|model| self.renderer.remove_model(model));
                }
                Output::Close => {
                    if self.transport.close().is_err() {
                        tell(FrameThreadEvent::Failed { why: "the transport has ended".to_owned() });
                    }
                }
            }
        }
    }

    pub(super) fn send(&self, message: &wire::HostMessage) {
        let Err(error) = self.transport.send(Channel::Control, message.encode_to_vec()) else { return };
        tracing::warn!(%error, "a message to the client was not sent");
        if matches!(error, SendError::Backlogged(_)) {
            // It has not taken anything for so long that more than answers wait. A transport that has ended says so.
            let _ = self.transport.close();
        }
    }
}
