//! The life of a host: pure, told the time.
//!
//! ```text
//!   Starting ──graphics and ports are up──▶ Ready ──lease over, ordered to stop, unknown to the control plane──▶ Ending
//!       └──────────failed, or too slow─────────────────────────────────────────────────────────────────────────▶ Ending
//! ```
//!
//! A host never outlives the lease that it was last told, whoever else is dead: the deadline is kept here and moved
//! only by an answer of the control plane. One that waits for a session has no lease; it ends when nobody has told it
//! to go on waiting for [`IDLE_MILLISECONDS_MAX`]. Once it has a lease it never waits again.

use std::time::Duration;

use remora_protocol::link::{HostAddress, HostOrder, HostState, IDLE_MILLISECONDS_MAX, StopReason};

use crate::clock::Moment;

/// However short its lease is, a host has this long to say that it is Ready: one that is gone before that has failed
/// in the eyes of the control plane, and would be started again.
const ANNOUNCEMENT_MAX: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The owner, or the control plane, wants it so.
    Ordered(StopReason),
    LeaseExpired,
    /// It waited for a session, and the control plane has been silent for too long.
    Forgotten,
    /// The control plane does not know this host.
    Disowned,
    Failed(String),
    /// The process was asked to end by a signal.
    Terminated,
}

#[derive(Clone, Debug)]
enum Phase {
    Starting { deadline: Moment },
    Ready { address: HostAddress, end: Moment },
    Ending(Ending),
}

/// For how long a host may live from Ready on, or from the last order.
#[derive(Clone, Copy, Debug)]
enum Term {
    Idle,
    Lease(Duration),
}

impl Term {
    fn duration(self) -> Duration {
        match self {
            Term::Idle => Duration::from_millis(IDLE_MILLISECONDS_MAX),
            Term::Lease(lease) => lease,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Life {
    phase: Phase,
    term: Term,
}

impl Life {
    /// `lease` counts from Ready, until an order says otherwise; without one the host waits for a session.
    pub fn new(now: Moment, start_max: Duration, lease: Option<Duration>) -> Self {
        Self { phase: Phase::Starting { deadline: now + start_max }, term: lease.map_or(Term::Idle, Term::Lease) }
    }

    pub fn ready(&mut self, now: Moment, address: HostAddress) {
        if let Phase::Starting { .. } = self.phase {
            let end = now + self.term.duration().max(ANNOUNCEMENT_MAX);
            self.phase = Phase::Ready { address, end };
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
            HostOrder::Wait => {
                if let Term::Idle = self.term {
                    self.extend(now, Term::Idle);
                }
            }
            HostOrder::Run(assignment) => {
                self.extend(now, Term::Lease(Duration::from_millis(assignment.lease_milliseconds)));
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
            Phase::Ready { end, .. } if now >= *end => self.end(match self.term {
                Term::Idle => Ending::Forgotten,
                Term::Lease(_) => Ending::LeaseExpired,
            }),
            Phase::Starting { .. } | Phase::Ready { .. } | Phase::Ending(_) => {}
        }
    }

    pub fn wake_at(&self) -> Option<Moment> {
        match &self.phase {
            Phase::Starting { deadline } => Some(*deadline),
            Phase::Ready { end, .. } => Some(*end),
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

    /// Zero while there is no session.
    pub fn lease_remaining(&self, now: Moment) -> Duration {
        match (&self.phase, self.term) {
            (Phase::Ready { end, .. }, Term::Lease(_)) => end.saturating_sub(now),
            (Phase::Starting { .. }, Term::Lease(lease)) => lease,
            (Phase::Ending(_), _) | (_, Term::Idle) => Duration::ZERO,
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

    fn extend(&mut self, now: Moment, term: Term) {
        self.term = term;
        if let Phase::Ready { end, .. } = &mut self.phase {
            *end = now + term.duration();
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
    use remora_protocol::link::Assignment;

    fn address() -> HostAddress {
        HostAddress { hostname: "localhost".into(), handshake_port: 50_000, inspector_port: 50_001 }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn run(lease: u64) -> HostOrder {
        HostOrder::Run(Assignment {
            session_id: "s".into(),
            account_id: "a".into(),
            lease_milliseconds: lease * 1000,
            models: vec![],
            owner: None,
            private: false,
        })
    }

    #[test]
    fn a_host_waits_as_long_as_it_is_told_to_and_a_lease_ends_the_waiting_for_ever() {
        let idle_max = Duration::from_millis(IDLE_MILLISECONDS_MAX);
        let mut life = Life::new(seconds(0), seconds(30), None);
        life.ready(seconds(1), address());
        life.ordered(seconds(100), &HostOrder::Wait);
        life.tick(seconds(100) + idle_max - seconds(1));
        assert_eq!(life.ending(), None);
        let mut forgotten = life.clone();
        forgotten.tick(seconds(100) + idle_max);
        assert_eq!(forgotten.ending(), Some(&Ending::Forgotten));
        life.ordered(seconds(200), &run(60));
        assert_eq!(life.lease_remaining(seconds(210)), seconds(50));
        life.ordered(seconds(210), &HostOrder::Wait);
        life.tick(seconds(260));
        assert_eq!(life.ending(), Some(&Ending::LeaseExpired), "an order to wait that came late changes nothing");
    }

    #[test]
    fn the_lease_counts_from_ready() {
        let mut life = Life::new(seconds(0), seconds(30), Some(seconds(60)));
        life.ready(seconds(20), address());
        life.tick(seconds(79));
        assert_eq!(life.ending(), None);
        life.tick(seconds(80));
        assert_eq!(life.ending(), Some(&Ending::LeaseExpired));
    }

    #[test]
    fn a_lease_of_nothing_leaves_the_time_to_say_so() {
        let mut life = Life::new(seconds(0), seconds(30), Some(Duration::ZERO));
        life.ready(seconds(1), address());
        life.tick(seconds(1));
        assert!(matches!(life.report(), Some(HostState::Ready(_))));
        let mut answered = life.clone();
        answered.ordered(seconds(2), &run(0));
        answered.tick(seconds(2));
        life.tick(seconds(1) + ANNOUNCEMENT_MAX);
        assert_eq!([life.ending(), answered.ending()], [Some(&Ending::LeaseExpired); 2]);
    }

    #[test]
    fn a_start_that_takes_too_long_fails() {
        let mut life = Life::new(seconds(0), seconds(30), Some(seconds(60)));
        life.tick(seconds(30));
        assert!(matches!(life.ending(), Some(Ending::Failed(_))));
        assert!(matches!(life.report(), Some(HostState::Failed { .. })));
    }

    #[test]
    fn an_extended_lease_moves_the_end_and_the_first_reason_to_end_stays() {
        let mut life = Life::new(seconds(0), seconds(30), Some(seconds(60)));
        life.ready(seconds(1), address());
        life.ordered(seconds(50), &run(120));
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
            let mut life = Life::new(seconds(0), seconds(30), Some(seconds(60)));
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
                life.ordered(now, &run(lease));
                end = now + seconds(lease);
            }
            life.tick(end);
            prop_assert_eq!(life.ending(), Some(&Ending::LeaseExpired));
        }
    }
}
