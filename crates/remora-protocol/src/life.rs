//! The life of a host: a pure state machine, with the time as an argument.
//!
//! ```text
//!   Starting ──graphics and ports are up──▶ Ready ──lease over, stopped, unknown to the control plane──▶ Ending
//!       └──────────failed, or too slow─────────────────────────────────────────────────────────────────▶ Ending
//! ```
//!
//! A host never outlives the lease that it was last told: the deadline is kept here, and only an order of the control
//! plane moves it. A host that waits for a session has no lease; it ends if no order to wait arrives for
//! [`IDLE_MILLISECONDS_MAX`]. Once a host has a lease, it never waits again.
//!
//! Render hosts and the simulated fleet of the control plane's tests live by these rules.

use std::time::Duration;

use crate::link::{HostAddress, HostOrder, HostState, IDLE_MILLISECONDS_MAX, StopReason};

/// Time since an instant that the caller chooses once for each host.
pub type Moment = Duration;

/// Minimum time in which a host can report Ready, however short its lease is. The control plane would take a host that
/// ends earlier for one that failed to start, and start another.
const ANNOUNCEMENT_MAX: Duration = Duration::from_secs(5);

/// Reason why a host ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The control plane ordered it.
    Ordered(StopReason),
    /// The lease is over.
    LeaseExpired,
    /// The host waited for a session, and the control plane was silent for too long.
    Forgotten,
    /// The control plane does not know this host.
    Disowned,
    /// The host cannot run. The text is for the owner of the session.
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

/// Time that a host may live from Ready on, or from the last order.
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

/// State of a host, from its start to the reason for its end.
#[derive(Clone, Debug)]
pub struct Life {
    phase: Phase,
    term: Term,
}

impl Life {
    /// Returns the life of a host that starts now. `lease` counts from Ready until an order says otherwise; without one
    /// the host waits for a session.
    pub fn new(now: Moment, start_max: Duration, lease: Option<Duration>) -> Self {
        Self { phase: Phase::Starting { deadline: now + start_max }, term: lease.map_or(Term::Idle, Term::Lease) }
    }

    /// The host accepts clients.
    pub fn ready(&mut self, now: Moment, address: HostAddress) {
        if let Phase::Starting { .. } = self.phase {
            let end = now + self.term.duration().max(ANNOUNCEMENT_MAX);
            self.phase = Phase::Ready { address, end };
        }
    }

    /// The host cannot run.
    pub fn failed(&mut self, why: String) {
        self.end(Ending::Failed(why));
    }

    /// The process was asked to end.
    pub fn terminated(&mut self) {
        self.end(Ending::Terminated);
    }

    /// The control plane does not know the host.
    pub fn disowned(&mut self) {
        self.end(Ending::Disowned);
    }

    /// The control plane has answered a report.
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

    /// Ends the host if its time is over. The caller does this at [`Life::wake_at`].
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

    /// Returns when the host ends by itself; `None` if it has ended.
    pub fn wake_at(&self) -> Option<Moment> {
        match &self.phase {
            Phase::Starting { deadline } => Some(*deadline),
            Phase::Ready { end, .. } => Some(*end),
            Phase::Ending(_) => None,
        }
    }

    /// Returns why the host ends; `None` while it lives.
    pub fn ending(&self) -> Option<&Ending> {
        match &self.phase {
            Phase::Ending(ending) => Some(ending),
            Phase::Starting { .. } | Phase::Ready { .. } => None,
        }
    }

    /// Returns the remaining time of the lease; zero without a session.
    pub fn lease_remaining(&self, now: Moment) -> Duration {
        match (&self.phase, self.term) {
            (Phase::Ready { end, .. }, Term::Lease(_)) => end.saturating_sub(now),
            (Phase::Starting { .. }, Term::Lease(lease)) => lease,
            (Phase::Ending(_), _) | (_, Term::Idle) => Duration::ZERO,
        }
    }

    /// Returns the state to report to the control plane; `None` if the host ends without a report.
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

    /// Ends the host, unless it has ended for another reason.
    fn end(&mut self, ending: Ending) {
        if !matches!(self.phase, Phase::Ending(_)) {
            self.phase = Phase::Ending(ending);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Assignment;
    use proptest::prelude::*;

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
        /// For any orders, however late: once the lease of the last order is over, a tick ends the host.
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
