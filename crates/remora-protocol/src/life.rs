//! The life of a host: a pure state machine that is told the time.
//!
//! ```text
//!   Starting ──graphics and ports are up──▶ Ready ──lease over, ordered to stop, unknown to control plane──▶ Ending
//!       └──────────failed, or too slow─────────────────────────────────────────────────────────────────────▶ Ending
//! ```
//!
//! Render hosts and the simulated fleet of the control plane's tests live by these rules.
//!
//! A host never outlives the lease that it was last told, even if every other process is dead: the deadline is kept
//! here and moved only by an answer of the control plane. A host that waits for a session has no lease. It ends when it
//! was not told to wait for [`IDLE_MILLISECONDS_MAX`]. Once it has a lease it never waits again.

use std::time::Duration;

use crate::link::{Assignment, HostAddress, HostOrder, HostState, IDLE_MILLISECONDS_MAX, StopReason};

/// Time since an instant that the caller chooses once for each host.
pub type Moment = Duration;

/// The time that a host has to report that it is Ready, however short its lease is. The control plane would start a
/// host again that ends before that, because it would count as failed.
const ANNOUNCEMENT_MAX: Duration = Duration::from_secs(5);

/// The reason why a host ends.
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
    /// The process received a signal to end.
    Terminated,
}

#[derive(Clone, Debug)]
enum Phase {
    Starting { deadline: Moment },
    Ready { address: HostAddress, end: Moment },
    Ending(Ending),
}

/// The time that a host may live, counted from Ready or from the last order.
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
    /// Starts a life. `lease` counts from Ready until an order sets it again; without one the host waits for a session.
    pub fn new(now: Moment, start_max: Duration, lease: Option<Duration>) -> Self {
        Self { phase: Phase::Starting { deadline: now + start_max }, term: lease.map_or(Term::Idle, Term::Lease) }
    }

    /// Notes that clients can connect at this address.
    pub fn ready(&mut self, now: Moment, address: HostAddress) {
        if let Phase::Starting { .. } = self.phase {
            let end = now + self.term.duration().max(ANNOUNCEMENT_MAX);
            self.phase = Phase::Ready { address, end };
        }
    }

    /// Ends the life because of a failure.
    pub fn failed(&mut self, why: String) {
        self.end(Ending::Failed(why));
    }

    /// Ends the life because of a signal.
    pub fn terminated(&mut self) {
        self.end(Ending::Terminated);
    }

    /// Ends the life because the control plane does not know this host.
    pub fn disowned(&mut self) {
        self.end(Ending::Disowned);
    }

    /// Follows an order of the control plane.
    pub fn ordered(&mut self, now: Moment, order: &HostOrder) {
        match order {
            HostOrder::Wait => {
                if let Term::Idle = self.term {
                    self.extend(now, Term::Idle);
                }
            }
            HostOrder::Run(Assignment { lease_milliseconds, .. }) | HostOrder::Extend { lease_milliseconds } => {
                self.extend(now, Term::Lease(Duration::from_millis(*lease_milliseconds)));
            }
            HostOrder::Stop { reason } => self.end(Ending::Ordered(*reason)),
        }
    }

    /// Ends the life if its time is over. The caller calls it at [`Life::wake_at`].
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

    /// Returns when [`Life::tick`] has something to do.
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

    /// Returns the time that is left of the lease; zero while there is no session.
    pub fn lease_remaining(&self, now: Moment) -> Duration {
        match (&self.phase, self.term) {
            (Phase::Ready { end, .. }, Term::Lease(_)) => end.saturating_sub(now),
            (Phase::Starting { .. }, Term::Lease(lease)) => lease,
            (Phase::Ending(_), _) | (_, Term::Idle) => Duration::ZERO,
        }
    }

    /// Returns the state to report; `None` if the control plane knows everything.
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

    /// Ends the life. The first reason stays.
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
    fn a_host_waits_as_long_as_it_is_told_to_and_never_again_after_a_lease() {
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
        assert_eq!(life.ending(), Some(&Ending::LeaseExpired), "a late order to wait changes nothing");
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
    fn a_lease_of_zero_leaves_time_for_the_report() {
        let mut life = Life::new(seconds(0), seconds(30), Some(Duration::ZERO));
        life.ready(seconds(1), address());
        life.tick(seconds(1));
        assert!(matches!(life.report(), Some(HostState::Ready(_))));
        let mut answered = life.clone();
        answered.ordered(seconds(2), &HostOrder::Extend { lease_milliseconds: 0 });
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
        /// Once the last told lease is over, a tick ends the host, whatever it has heard and however late.
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
