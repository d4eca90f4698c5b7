//! Carries out the stage's outputs: messages to the client, loads, picks, and changes of the models on the device.

use prost::Message;
use remora_protocol::connection as wire;
use remora_stream::{Channel, SendError};

use super::{FrameLoop, interface::FrameThreadEvent, picks::Pick};
use crate::stage::Output;

impl FrameLoop {
    /// Carries out all outputs of the stage.
    pub(super) fn hand_out(&mut self, tell: &impl Fn(FrameThreadEvent)) {
        while let Some(output) = self.stage.poll_output() {
            match output {
                Output::Control(message) => self.send(&message),
                Output::Load { command, uri, replace } => self.assembly.load(&mut self.stage, command, uri, replace),
                Output::Pick { command, x, y } => self.picks.push(Pick { command, x, y }),
                Output::SceneEmptied => {
                    // A renderer that warms up holds no models of the scene.
                    if let Some(renderer) = self.pipeline.renderer.get() {
                        renderer.clear();
                    }
                    self.assembly.scene_emptied();
                }
                Output::ModelsRemoved(models) => {
                    self.assembly.models_removed(&models);
                    models.into_iter().for_each(|model| self.pipeline.renderer.remove_model(model));
                }
                Output::Close => {
                    if self.transport.close().is_err() {
                        tell(FrameThreadEvent::Failed { why: "the transport has ended".to_owned() });
                    }
                }
            }
        }
    }

    /// Sends a message on the control channel.
    pub(super) fn send(&self, message: &wire::HostMessage) {
        let Err(error) = self.transport.send(Channel::Control, message.encode_to_vec()) else { return };
        tracing::warn!(%error, "a message to the client was not sent");
        if matches!(error, SendError::Backlogged(_)) {
            // The client has taken nothing for so long that not only answers wait. An error means that the transport
            // has ended, which it reports itself.
            let _ = self.transport.close();
        }
    }
}
