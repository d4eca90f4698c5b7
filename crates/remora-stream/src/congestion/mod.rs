//! Congestion control: estimates the rate of the path to the client, and whether a queue builds up in it.
//!
//! Pure: it is told which packets were sent and what the client reported about each of them (transport-wide feedback),
//! with time as an argument. It provides two values:
//!
//! - The bitrate for the encoder. [`Congestion::target_bits_per_second`] falls below the measured rate of the path as
//!   soon as a queue *stands*, that is, does not drain between two frames, or many packets are lost. Otherwise it grows
//!   slowly, and faster if the path is known to carry more.
//! - The time for the next frame. [`Congestion::hold_until`] models the bottleneck as a queue that sent packets fill
//!   and the path's rate drains, corrected by every report. A frame that would only wait in the network is better not
//!   rendered.
//!
//! ```text
//!   sent ──► packets ──► fates ──┬─► delay over its baseline ──► queueing delay ─┐
//!                                ├─► gaps inside of bursts ────► path rate ──────┼─► target, hold
//!                                └─► losses ─────────────────────────────────────┘
//! ```
//!
//! It never paces: a frame's packets leave at once, because spreading them would add delay too.

mod delay;
mod path_rate;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use self::delay::DelayBaseline;
use self::path_rate::PathRate;

/// Upper bound on remembered packets: enough for two seconds at 20 Mbit/s.
const PACKETS_MAX: usize = 4096;
/// A queue of this length that is left when a frame's first packet arrives counts as standing.
const STANDING_QUEUE_MIN: Duration = Duration::from_millis(20);
/// The rate is lowered for a queue of this length without waiting for a second report.
const LONG_QUEUE_MIN: Duration = Duration::from_millis(60);
/// With a shorter queue the path counts as free.
const FREE_QUEUE_MAX: Duration = Duration::from_millis(10);
/// The time that a frame may wait in the bottleneck before the next one is held back.
const QUEUE_ALLOWED: Duration = Duration::from_millis(60);
/// Share of the path's rate that is used after it was full. The rest drains the queue.
const DECREASE: f64 = 0.85;
const DECREASE_INTERVAL_MIN: Duration = Duration::from_millis(250);
const INCREASE_AFTER_DECREASE_MIN: Duration = Duration::from_secs(1);
/// Growth of the target per second.
const INCREASE: f64 = 1.08;
/// Growth of the target per second if bursts passed at more than twice the target.
const INCREASE_FAST: f64 = 1.6;
const INCREASE_STEP_MAX: Duration = Duration::from_millis(250);
/// Lower losses are attributed to radio links, not to congestion.
const LOSS_HIGH: f32 = 0.10;
const LOSS_LOW: f32 = 0.02;
const LOSS_PACKETS_MIN: usize = 30;
/// The interval over which losses and the received rate are measured.
const WINDOW: Duration = Duration::from_secs(1);
/// A newest packet that is not reported within this time was lost, because clients report every 50 to 250 ms.
const TAIL_UNREPORTED_MAX: Duration = Duration::from_millis(400);

/// The bounds of the bitrate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitrateRange {
    /// The target never falls below this.
    pub min_bits_per_second: u32,
    /// The target at the start of a connection.
    pub start_bits_per_second: u32,
    /// The target never rises above this.
    pub max_bits_per_second: u32,
}

impl Default for BitrateRange {
    fn default() -> Self {
        Self { min_bits_per_second: 400_000, start_bits_per_second: 6_000_000, max_bits_per_second: 12_000_000 }
    }
}

/// The client's report about one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketFate {
    /// The sequence number of the packet.
    pub sequence: u64,
    /// When the packet was received, on the client's clock, whose zero is arbitrary; `None` if it was not received so
    /// far.
    pub received: Option<Duration>,
}

/// See the module's documentation.
pub struct Congestion {
    range: BitrateRange,
    target_bits_per_second: f64,
    /// The sent packets with consecutive sequence numbers, oldest first.
    packets: VecDeque<Packet>,
    started: Instant,
    baseline: DelayBaseline,
    path_rate: PathRate,
    queueing_delay: Duration,
    /// Consecutive reports of a standing queue.
    full_reports: u32,
    changed_at: Instant,
    decreased_at: Instant,
    /// When the bottleneck will have forwarded everything that was sent.
    drained_at: Instant,
    /// The newest packet that was reported as received, and when, on the client's clock.
    newest_received: Option<(u64, Duration)>,
    reported_at: Option<Instant>,
    /// The newest packet for which a repetition was requested.
    repeated_after: Option<u64>,
}

#[derive(Clone, Copy)]
struct Packet {
    sequence: u64,
    sent: Instant,
    bytes: usize,
    fate: Fate,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Unreported,
    Received(Duration),
    Lost,
}

impl Congestion {
    /// Starts without knowledge of the path.
    pub fn new(range: BitrateRange, now: Instant) -> Self {
        let start = range.start_bits_per_second.clamp(range.min_bits_per_second, range.max_bits_per_second);
        Self {
            range,
            target_bits_per_second: start.into(),
            packets: VecDeque::new(),
            started: now,
            baseline: DelayBaseline::default(),
            path_rate: PathRate::default(),
            queueing_delay: Duration::ZERO,
            full_reports: 0,
            changed_at: now,
            decreased_at: now,
            drained_at: now,
            newest_received: None,
            reported_at: None,
            repeated_after: None,
        }
    }

    /// Returns the bitrate for the encoder, within the range given at the start.
    pub fn target_bits_per_second(&self) -> u32 {
        self.target_bits_per_second as u32
    }

    /// Returns the queueing delay according to the newest report.
    pub fn queueing_delay(&self) -> Duration {
        self.queueing_delay
    }

    /// Returns the time until which another frame would wait in the bottleneck for more than 60 ms. It is in the past
    /// while the path is free or unknown.
    pub fn hold_until(&self) -> Instant {
        self.drained_at.checked_sub(QUEUE_ALLOWED).unwrap_or(self.started)
    }

    /// Returns the fraction of lost packets among those that were reported in the last second; 0 while there are too
    /// few.
    pub fn loss_fraction(&self) -> f32 {
        let Some(newest) = self.packets.iter().rev().find(|packet| packet.fate != Fate::Unreported) else {
            return 0.0;
        };
        let since = newest.sent.checked_sub(WINDOW).unwrap_or(self.started);
        let recent = self.packets.iter().rev().take_while(|packet| packet.sent >= since);
        let (lost, reported) = recent.fold((0, 0), |(lost, reported), packet| match packet.fate {
            Fate::Unreported => (lost, reported),
            Fate::Received(_) => (lost, reported + 1),
            Fate::Lost => (lost + 1, reported + 1),
        });
        if reported < LOSS_PACKETS_MIN { 0.0 } else { lost as f32 / reported as f32 }
    }

    /// Returns whether the client has reported every packet of the last second of sending as received.
    pub fn newest_arrived(&self) -> bool {
        let Some(newest) = self.packets.back() else {
            return false;
        };
        let since = newest.sent.checked_sub(WINDOW).unwrap_or(self.started);
        let mut recent = self.packets.iter().rev().take_while(|packet| packet.sent >= since);
        recent.all(|packet| matches!(packet.fate, Fate::Received(_)))
    }

    /// Records a sent packet. `sequence` increases by one with each packet; a jump drops the earlier packets.
    pub fn on_sent(&mut self, sequence: u64, bytes: usize, now: Instant) {
        if self.packets.back().is_some_and(|newest| newest.sequence + 1 != sequence) {
            self.packets.clear();
        }
        if self.packets.len() == PACKETS_MAX {
            self.packets.pop_front();
        }
        self.packets.push_back(Packet { sequence, sent: now, bytes, fate: Fate::Unreported });
        self.drained_at = self.drained_at.max(now) + self.path_rate.transfer_time(bytes);
    }

    /// Takes one report, in order of sequence numbers. Packets that are not remembered are ignored.
    pub fn on_feedback(&mut self, fates: impl Iterator<Item = PacketFate>, now: Instant) {
        self.reported_at = Some(now);
        let mut delay_min = None;
        for PacketFate { sequence, received } in fates {
            let Some(packet) = find(&mut self.packets, sequence) else {
                continue;
            };
            let Some(received) = received else {
                // A later packet was reported, but this one may still arrive.
                if packet.fate == Fate::Unreported {
                    packet.fate = Fate::Lost;
                }
                continue;
            };
            packet.fate = Fate::Received(received);
            let packet = *packet;
            let delay = delay_microseconds(packet.sent.saturating_duration_since(self.started), received);
            delay_min = Some(delay_min.map_or(delay, |least: i64| least.min(delay)));
            if let Some((_, before)) = self.newest_received.filter(|&(newest, _)| newest + 1 == sequence) {
                // It was under way while the packet before it arrived, so the gap is the time that the path needed for
                // it.
                let queued =
                    self.baseline.over(delay_microseconds(packet.sent.saturating_duration_since(self.started), before));
                if queued > Some(Duration::ZERO) {
                    self.path_rate.observe(packet.bytes, received.saturating_sub(before), now);
                }
            }
            if self.newest_received.is_none_or(|(newest, _)| sequence > newest) {
                self.newest_received = Some((sequence, received));
            }
        }
        if let Some(delay) = delay_min {
            self.baseline.observe(delay, now);
            self.queueing_delay = self.baseline.over(delay).unwrap_or_default();
            self.correct_model();
            self.adapt(now);
        }
    }

    /// Returns when [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.reported_at?;
        let newest = self.packets.back()?;
        let tail = newest.fate == Fate::Unreported && self.repeated_after != Some(newest.sequence);
        tail.then(|| newest.sent + TAIL_UNREPORTED_MAX)
    }

    /// Returns whether the newest frame should be repeated, because its last packet was lost.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return false;
        }
        self.repeated_after = self.packets.back().map(|newest| newest.sequence);
        true
    }

    /// Resets the model of the bottleneck to the newest packet whose delay is known.
    fn correct_model(&mut self) {
        let Some((newest, received)) = self.newest_received else {
            return;
        };
        let Some(packet) = find(&mut self.packets, newest).copied() else {
            return;
        };
        let delay = delay_microseconds(packet.sent.saturating_duration_since(self.started), received);
        self.drained_at = packet.sent + self.baseline.over(delay).unwrap_or_default();
        for later in self.packets.iter().skip_while(|later| later.sequence <= newest) {
            self.drained_at = self.drained_at.max(later.sent) + self.path_rate.transfer_time(later.bytes);
        }
    }

    /// Adapts the target to the newest report.
    fn adapt(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.changed_at).min(INCREASE_STEP_MAX);
        self.changed_at = now;
        let since_decrease = now.saturating_duration_since(self.decreased_at);
        let loss = self.loss_fraction();

        let full = self.queueing_delay >= STANDING_QUEUE_MIN;
        self.full_reports = if full { self.full_reports + 1 } else { 0 };
        if full && (self.full_reports >= 2 || self.queueing_delay >= LONG_QUEUE_MIN) {
            if since_decrease >= DECREASE_INTERVAL_MIN {
                let carried = self.path_rate.bits_per_second(now).unwrap_or_else(|| self.received_bits_per_second());
                self.decrease_to(carried * DECREASE, now);
            }
        } else if loss > LOSS_HIGH {
            if since_decrease >= 2 * DECREASE_INTERVAL_MIN {
                self.decrease_to(self.target_bits_per_second * f64::from(1.0 - loss / 2.0), now);
            }
        } else if loss < LOSS_LOW
            && self.queueing_delay <= FREE_QUEUE_MAX
            && since_decrease >= INCREASE_AFTER_DECREASE_MIN
            && self.received_bits_per_second() > self.target_bits_per_second / 2.0
        {
            let spare = self.path_rate.bits_per_second(now).is_none_or(|rate| rate > 2.0 * self.target_bits_per_second);
            let factor = if spare { INCREASE_FAST } else { INCREASE };
            let grown = self.target_bits_per_second * factor.powf(elapsed.as_secs_f64());
            self.target_bits_per_second = grown.min(self.range.max_bits_per_second.into());
        }
    }

    fn decrease_to(&mut self, bits_per_second: f64, now: Instant) {
        self.decreased_at = now;
        self.target_bits_per_second =
            self.target_bits_per_second.min(bits_per_second).max(self.range.min_bits_per_second.into());
    }

    /// Returns the rate of arrivals in the last second before the newest one, on the client's clock.
    fn received_bits_per_second(&self) -> f64 {
        let Some((_, newest)) = self.newest_received else {
            return 0.0;
        };
        let since = newest.saturating_sub(WINDOW);
        let bytes: usize = self
            .packets
            .iter()
            .filter(|packet| matches!(packet.fate, Fate::Received(at) if at > since))
            .map(|packet| packet.bytes)
            .sum();
        bytes as f64 * 8.0 / WINDOW.as_secs_f64()
    }
}

fn find(packets: &mut VecDeque<Packet>, sequence: u64) -> Option<&mut Packet> {
    let index = sequence.checked_sub(packets.front()?.sequence)?;
    packets.get_mut(usize::try_from(index).ok()?)
}

/// Returns the one-way delay plus the unknown difference of the two clocks.
fn delay_microseconds(sent: Duration, received: Duration) -> i64 {
    received.as_micros() as i64 - sent.as_micros() as i64
}
