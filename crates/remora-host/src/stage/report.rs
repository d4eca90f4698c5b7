//! What the client hears: replies to its commands, notices, and statistics every second, also at rest.

use std::time::Duration;

use remora_protocol::{
    codes::{ErrorCode, NoticeCode},
    connection::{self as wire, host_message::Message, reply::Result as Outcome},
};

use super::{Output, Stage};
use crate::clock::Moment;

pub(super) const STATISTICS_INTERVAL: Duration = Duration::from_secs(1);

/// What statistics tell besides what the stage knows itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ExternalStatistics {
    pub graphics_memory_bytes: u64,
    /// 0 where there is no bound.
    pub graphics_memory_budget_bytes: u64,
    pub bitrate_target_bits_per_second: u32,
    pub round_trip: Duration,
    pub lease_remaining: Duration,
}

impl Stage {
    /// What the person in front of the screen should know: `code` as `Notice.code` in `proto/`.
    pub fn notice(&mut self, code: NoticeCode, text: String) {
        if self.client.is_some() {
            self.tell(Message::Notice(wire::Notice { code: code.into(), text }));
        }
    }

    /// Sends what is sent from time to time.
    pub fn tick(&mut self, now: Moment) {
        let Some(client) = &mut self.client else { return };
        if now < client.statistics_at {
            return;
        }
        client.statistics_at = now + STATISTICS_INTERVAL;
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

    pub(super) fn refuse(&mut self, id: u32, code: ErrorCode, message: String) {
        self.tell(Message::Reply(wire::Reply {
            id,
            result: Some(Outcome::Error(wire::Error { code: code.into(), message })),
        }));
    }

    pub(super) fn reply(&mut self, id: u32, outcome: Outcome) {
        if id != 0 {
            self.tell(Message::Reply(wire::Reply { id, result: Some(outcome) }));
        }
    }

    pub(super) fn tell(&mut self, message: Message) {
        self.put(Output::Control(Box::new(wire::HostMessage { message: Some(message) })));
    }
}
