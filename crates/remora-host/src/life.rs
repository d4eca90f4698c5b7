//! The life of a host: pure, told the time.
//!
//! ```text
//!   Starting ──graphics and ports are up──▶ Ready ──lease over, ordered to stop, unknown to the control plane──▶ Ending
//!       └──────────failed, or too slow─────────────────────────────────────────────────────────────────────────▶ Ending
//! ```
//!
//! A host never outlives the lease that it was last told, whoever else is dead: the deadline is kept here and moved
//! only by an answer of the control plane.

use std::time::Duration;

use remora_protocol::link::{HostAddress, HostOrder, HostState, StopReason};

use crate::clock::Moment;

#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The owner, or the control plane, wants it so.
    Ordered(StopReason),
    LeaseExpired,
    /// The control plane does not know this host.
    Disowned,
    Failed(String),
    /// The process was asked to end by a signal.
    Terminated,
}

#[derive(Clone, Debug)]
enum Phase {
    Starting { deadline: Moment },
    Ready { address: HostAddress, lease_end: Moment },
    Ending(Ending),
}

#[derive(Clone, Debug)]
pub struct Life {
    phase: Phase,
    lease: Duration,
}

impl Life {
    /// `lease` counts from Ready, until an order says otherwise.
    pub fn new(now: Moment, start_max: Duration, lease: Duration) -> Self {
        Self { phase: Phase::Starting { deadline: now + start_max }, lease }
    }

    pub fn ready(&mut self, now: Moment, address: HostAddress) {
        if let Phase::Starting { .. } = self.phase {
            self.phase = Phase::Ready { address, lease_end: now + self.lease };
        }
    }

    pub fn failed(&mut self, why: String) {
        self.end(Ending::Failed(why));
    }

    pub fn terminated(&mut self) {
        self.end(Ending::Terminated);
    }

    pub fn disowned(&mut self) {
        self.end(Ending::Disowned);
    }

    pub fn ordered(&mut self, now: Moment, order: &HostOrder) {
        match order {
            HostOrder::Run { lease_remaining_milliseconds } => {
                self.lease = Duration::from_millis(*lease_remaining_milliseconds);
                if let Phase::Ready { lease_end, .. } = &mut self.phase {
                    *lease_end = now + self.lease;
                }
            }
            HostOrder::Stop { reason } => self.end(Ending::Ordered(*reason)),
        }
    }

    /// To be called at [`Life::wake_at`].
    pub fn tick(&mut self, now: Moment) {
        match &self.phase {
            Phase::Starting { deadline } if now >= *deadline => {
                self.end(Ending::Failed("the host did not become ready in time".to_owned()));
            }
            Phase::Ready { lease_end, .. } if now >= *lease_end => self.end(Ending::LeaseExpired),
            Phase::Starting { .. } | Phase::Ready { .. } | Phase::Ending(_) => {}
        }
    }

    pub fn wake_at(&self) -> Option<Moment> {
        match &self.phase {
            Phase::Starting { deadline } => Some(*deadline),
            Phase::Ready { lease_end, .. } => Some(*lease_end),
            Phase::Ending(_) => None,
        }
    }

    /// `None` while the host lives.
    pub fn ending(&self) -> Option<&Ending> {
        match &self.phase {
            Phase::Ending(ending) => Some(ending),
            Phase::Starting { .. } | Phase::Ready { .. } => None,
        }
    }

    pub fn lease_remaining(&self, now: Moment) -> Duration {
        match &self.phase {
            Phase::Ready { lease_end, .. } => lease_end.saturating_sub(now),
            Phase::Starting { .. } => self.lease,
            Phase::Ending(_) => Duration::ZERO,
        }
    }

    /// What the control plane is told; `None` when there is nothing left to say.
    pub fn report(&self) -> Option<HostState> {
        match &self.phase {
            Phase::Starting { .. } => Some(HostState::Starting),
            Phase::Ready { address, .. } => Some(HostState::Ready(address.clone())),
            Phase::Ending(Ending::Failed(why)) => Some(HostState::Failed { why: why.clone() }),
            Phase::Ending(_) => None,
        }
    }

    /// The first reason stays.
    fn end(&mut self, ending: Ending) {
        if !matches!(self.phase, Phase::Ending(_)) {
            self.phase = Phase::Ending(ending);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address() -> HostAddress {
        HostAddress { hostname: "localhost".into(), handshake_port: 50_000, inspector_port: 50_001 }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_lease_counts_from_ready() {
        let mut life = Life::new(seconds(0), seconds(30), seconds(60));
        life.ready(seconds(20), address());
        life.tick(seconds(79));
        assert_eq!(life.ending(), None);
        life.tick(seconds(80));
        assert_eq!(life.ending(), Some(&Ending::LeaseExpired));
    }

    #[test]
    fn a_start_that_takes_too_long_fails() {
        let mut life = Life::new(seconds(0), seconds(30), seconds(60));
        life.tick(seconds(30));
        assert!(matches!(life.ending(), Some(Ending::Failed(_))));
        assert!(matches!(life.report(), Some(HostState::Failed { .. })));
    }

    #[test]
    fn an_extended_lease_moves_the_end_and_the_first_reason_to_end_stays() {
        let mut life = Life::new(seconds(0), seconds(30), seconds(60));
        life.ready(seconds(1), address());
        life.ordered(seconds(50), &HostOrder::Run { lease_remaining_milliseconds: 120_000 });
        life.tick(seconds(100));
        assert_eq!(life.ending(), None);
        life.ordered(seconds(101), &HostOrder::Stop { reason: StopReason::Stopped });
        life.failed("late".into());
        assert_eq!(life.ending(), Some(&Ending::Ordered(StopReason::Stopped)));
    }

    proptest! {
        /// Whatever is heard, and however late: once the last told lease is over, a tick ends the host.
        #[test]
        fn no_host_outlives_its_lease(
            ready_at in 0u64..20,
            orders in proptest::collection::vec((0u64..1000, 0u64..1000), 0..20),
        ) {
            let mut life = Life::new(seconds(0), seconds(30), seconds(60));
            life.ready(seconds(ready_at), address());
            let mut orders = orders;
            orders.sort_unstable();
            let mut end = seconds(ready_at + 60);
            for (at, lease) in orders {
                let now = seconds(ready_at + at);
                life.tick(now);
                if now >= end {
                    break;
                }
                life.ordered(now, &HostOrder::Run { lease_remaining_milliseconds: lease * 1000 });
                end = now + seconds(lease);
            }
            life.tick(end);
            prop_assert_eq!(life.ending(), Some(&Ending::LeaseExpired));
        }
    }
}
