//! Messages to the client: replies to its commands, notices and statistics.

use remora_protocol::{
    codes::{ErrorCode, NoticeCode},
    connection::{self as wire, host_message::Message, reply::Result as Outcome},
};
use remora_scene::EditError;

use super::{Output, Stage};
use crate::{clock::Moment, ids::CommandId};

impl Stage {
    /// Tells the person in front of the screen something that no command asked for.
    pub(crate) fn notice(&mut self, code: NoticeCode, text: String) {
        if self.client.is_some() {
            self.tell(Message::Notice(wire::Notice { code: code.into(), text }));
        }
    }

    /// Sends the statistics if they are due.
    pub(crate) fn tick(&mut self, now: Moment) {
        let Some(client) = &mut self.client else { return };
        if !client.reporting.take_due(now) {
            return;
        }
        let statistics = wire::Statistics {
            triangles_in_scene: self.scene.triangles(),
            triangles_drawn: self.drawn.triangles,
            points_in_scene: self.scene.points(),
            points_drawn: self.drawn.points,
            instances: u32::try_from(self.scene.parts()).unwrap_or(u32::MAX),
            pages_missing: self.drawn.pages_missing,
            primitives_drawn: self.drawn.triangles + self.drawn.points,
            primitives_max: self.capability.primitives_max.unwrap_or(0),
            primitives_over_limit: client.limit.is_over(),
            graphics_memory_bytes: self.external.graphics_memory_bytes,
            graphics_memory_budget_bytes: self.external.graphics_memory_budget_bytes,
            bitrate_target_bits_per_second: self.external.bitrate_target_bits_per_second,
            round_trip_milliseconds: self.external.round_trip.as_secs_f32() * 1000.0,
            lease_remaining_minutes: self.external.lease_remaining.as_secs_f32() / 60.0,
        };
        self.tell(Message::Statistics(statistics));
    }

    /// Returns when [`Stage::tick`] has something to send.
    pub(crate) fn statistics_due(&self) -> Option<Moment> {
        self.client.as_ref().map(|client| client.reporting.due_at())
    }

    pub(super) fn refuse(&mut self, id: CommandId, code: ErrorCode, message: String) {
        let error = wire::Error { code: code.into(), message, ..Default::default() };
        self.tell(Message::Reply(wire::Reply { id: id.0, result: Some(Outcome::Error(error)) }));
    }

    /// Refuses an edit of the scene.
    pub(super) fn refuse_edit(&mut self, id: CommandId, error: EditError) {
        let code = match error {
            EditError::EntityNotFound(_) | EditError::ParentNotFound(_) => ErrorCode::EntityNotFound,
            _ => ErrorCode::BadCommand,
        };
        self.refuse_with(id, code, error);
    }

    /// Refuses a command with the result of an edit and another code than that of edits.
    pub(super) fn refuse_with(&mut self, id: CommandId, code: ErrorCode, error: EditError) {
        let result = error.code();
        let error = wire::Error {
            code: code.into(),
            message: error.to_string(),
            result: result.number(),
            result_name: result.name().to_owned(),
        };
        self.tell(Message::Reply(wire::Reply { id: id.0, result: Some(Outcome::Error(error)) }));
    }

    pub(super) fn reply(&mut self, id: CommandId, outcome: Outcome) {
        if id != CommandId::NO_REPLY {
            self.tell(Message::Reply(wire::Reply { id: id.0, result: Some(outcome) }));
        }
    }

    pub(super) fn tell(&mut self, message: Message) {
        self.put(Output::Control(Box::new(wire::HostMessage { message: Some(message) })));
    }
}
