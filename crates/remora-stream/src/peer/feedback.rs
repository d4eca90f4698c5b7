//! Matches sent packets with the client's transport-wide feedback (draft-holmer-rmcat-transport-wide-cc).

use std::time::Instant;

use str0m::rtp::RawPacket;
use str0m::rtp::rtcp::{Rtcp, Twcc};

use crate::congestion::{Congestion, PacketFate};

/// Overhead of a packet: RTP header with extensions, SRTP tag, UDP and IPv4.
const OVERHEAD_BYTES: usize = 12 + 24 + 10 + 8 + 20;

/// Extends the 16-bit sequence numbers of packets, and passes reports on to the congestion control.
pub(super) struct Feedback {
    /// The zero of the client's clock. Only differences matter.
    epoch: Instant,
    newest_sent: Option<u64>,
}

impl Feedback {
    pub(super) fn new(now: Instant) -> Self {
        Self { epoch: now, newest_sent: None }
    }

    /// Looks for sent packets and reports among str0m's raw packets.
    pub(super) fn observe(&mut self, packet: RawPacket, congestion: &mut Congestion, now: Instant) {
        match packet {
            RawPacket::RtpTx(header, payload) => {
                if let Some(wire) = header.ext_vals.transport_cc {
                    let sequence = extend(self.newest_sent, wire);
                    self.newest_sent = Some(sequence);
                    congestion.on_sent(sequence, payload.len() + OVERHEAD_BYTES, now);
                }
            }
            RawPacket::RtcpRx(Rtcp::Twcc(report)) => self.apply(report, congestion, now),
            RawPacket::RtpRx(..) | RawPacket::RtcpRx(_) | RawPacket::RtcpTx(_) => {}
        }
    }

    fn apply(&self, report: Twcc, congestion: &mut Congestion, now: Instant) {
        let Some(newest) = self.newest_sent else {
            return;
        };
        let epoch = self.epoch;
        let fates = report.into_iter(epoch, newest.into()).map(|(sequence, _, received)| PacketFate {
            sequence: *sequence,
            received: received.map(|at| at.saturating_duration_since(epoch)),
        });
        congestion.on_feedback(fates, now);
    }
}

/// Returns the number with these low 16 bits that is nearest to the newest one.
fn extend(newest: Option<u64>, wire: u16) -> u64 {
    let Some(newest) = newest else {
        return u64::from(wire);
    };
    let distance = wire.wrapping_sub(newest as u16) as i16;
    newest.saturating_add_signed(i64::from(distance))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_are_extended_across_wraps_and_reordering() {
        assert_eq!(extend(None, 65_535), 65_535);
        assert_eq!(extend(Some(65_535), 0), 65_536);
        assert_eq!(extend(Some(65_536), 65_535), 65_535);
        assert_eq!(extend(Some(3 * 65_536 + 10), 12), 3 * 65_536 + 12);
        assert_eq!(extend(Some(5), 65_535), 0);
    }
}
