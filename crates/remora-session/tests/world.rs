//! Property tests of one session in a simulated world: hosts die, reports arrive late, twice or out of order, owners
//! extend and stop, room comes and goes, and two control planes crash between any two steps. The second control plane
//! acts on a session that it read earlier, so it may launch a host that is no longer needed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use remora_session::{
    Action, Address, Ending, Event, HostId, LeaseMinutes, Phase, Policy, Refused, Reported, Session, SessionKey, Size,
    Timestamp,
};

#[derive(Clone, Debug)]
enum Step {
    Pass { milliseconds: u64 },
    Reconcile { crash: Crash },
    OtherReads,
    OtherReconciles { crash: Crash },
    Sweep,
    RoomChanges { room: bool },
    ControlPlaneRestarts,
    HostTurnsReady,
    HostReportsFailure,
    HostDies,
    HostSends,
    Deliver { letter: usize, again: bool },
    FleetNotices,
    Extend { minutes: i64 },
    Stop,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Crash {
    No,
    BeforeTheAction,
    /// Room has been reserved and the host has not been launched.
    BetweenRoomAndLaunch,
    BeforeTheRecord,
}

fn step() -> impl Strategy<Value = Step> {
    let crash = prop_oneof![
        4 => Just(Crash::No),
        1 => Just(Crash::BeforeTheAction),
        1 => Just(Crash::BetweenRoomAndLaunch),
        1 => Just(Crash::BeforeTheRecord),
    ];
    prop_oneof![
        4 => prop_oneof![0..50_u64, 0..3_000_u64, 0..40_000_u64].prop_map(|milliseconds| Step::Pass { milliseconds }),
        6 => crash.clone().prop_map(|crash| Step::Reconcile { crash }),
        2 => Just(Step::OtherReads),
        2 => crash.prop_map(|crash| Step::OtherReconciles { crash }),
        1 => Just(Step::Sweep),
        1 => any::<bool>().prop_map(|room| Step::RoomChanges { room }),
        1 => Just(Step::ControlPlaneRestarts),
        2 => Just(Step::HostTurnsReady),
        1 => Just(Step::HostReportsFailure),
        1 => Just(Step::HostDies),
        4 => Just(Step::HostSends),
        6 => (any::<usize>(), any::<bool>()).prop_map(|(letter, again)| Step::Deliver { letter, again }),
        2 => Just(Step::FleetNotices),
        1 => (0..6_i64).prop_map(|minutes| Step::Extend { minutes }),
        1 => Just(Step::Stop),
    ]
}

#[derive(Debug)]
struct Host {
    alive: bool,
    reported: Reported,
    /// The time at which it ends by itself.
    told_until: Timestamp,
}

struct World {
    now: Timestamp,
    policy: Policy,
    /// The stored session.
    session: Session,
    /// The session as the second control plane has read it.
    read: Session,
    /// True if there is room for a host.
    room: bool,
    /// True if a host may have been launched for an outdated session. Such a stray is removed by the sweep.
    strays: bool,
    /// All hosts that were launched; none may be launched twice.
    launched: BTreeSet<HostId>,
    /// All processes that exist, including dead ones that have not been destroyed.
    hosts: BTreeMap<HostId, Host>,
    letters: Vec<(HostId, Reported)>,
    names: u32,
    elapsed_max: Duration,
}

impl World {
    /// Creates a world whose session claims an idle host or waits for one of its own.
    fn new(claiming: bool) -> Self {
        let now = Timestamp::from_milliseconds(1_000_000);
        let policy = Policy {
            start_max: Duration::from_secs(30),
            attempts_max: 3,
            retry_pause: Duration::from_millis(500),
            silence_max: Duration::from_secs(10),
            farewell: Duration::from_secs(1),
            lease_tolerance: Duration::from_millis(500),
            capacity_wait: Duration::from_secs(20),
            keep_ended: Duration::from_hours(30 * 24),
            listening_since: now,
        };
        let key = SessionKey {
            account: "11111111-2222-3333-4444-555555555555".parse().unwrap(),
            session: "s".parse().unwrap(),
        };
        let lease = LeaseMinutes::try_from(1).unwrap();
        let host: HostId = "h0".parse().unwrap();
        let created = Session::create(key, Size::Standard, lease, vec![], host.clone(), now);
        let address = Address { hostname: "h0".into(), handshake_port: 50_000, inspector_port: 50_001 };
        let waiting =
            Host { alive: true, reported: Reported::Ready(address.clone()), told_until: now + Duration::from_mins(10) };
        let session = if claiming { created.claiming(host.clone(), address) } else { created };
        Self {
            now,
            policy,
            read: session.clone(),
            session,
            room: true,
            strays: false,
            launched: claiming.then(|| host.clone()).into_iter().collect(),
            hosts: claiming.then_some((host, waiting)).into_iter().collect(),
            letters: Vec::new(),
            names: 0,
            elapsed_max: Duration::ZERO,
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Pass { milliseconds } => self.pass(Duration::from_millis(*milliseconds)),
            Step::Reconcile { crash } => self.reconcile(&self.session.clone(), *crash),
            Step::OtherReads => self.read = self.session.clone(),
            Step::OtherReconciles { crash } => {
                self.strays |= self.read != self.session;
                self.reconcile(&self.read.clone(), *crash);
            }
            Step::Sweep => {
                let session = &self.session;
                self.hosts.retain(|id, _| session.phase.host() == Some(id));
            }
            Step::RoomChanges { room } => self.room = *room,
            Step::ControlPlaneRestarts => self.policy.listening_since = self.now,
            Step::HostTurnsReady => self.each_living_host(|id, host| {
                if host.reported == Reported::Starting {
                    let hostname = id.to_string();
                    host.reported =
                        Reported::Ready(Address { hostname, handshake_port: 50_000, inspector_port: 50_001 });
                }
            }),
            Step::HostReportsFailure => {
                self.each_living_host(|_, host| host.reported = Reported::Failed { why: "broken".into() });
            }
            Step::HostDies => self.each_living_host(|_, host| host.alive = false),
            Step::HostSends => {
                let sent: Vec<_> = self.hosts.iter().filter(|(_, host)| host.alive).collect();
                self.letters.extend(sent.into_iter().map(|(id, host)| (id.clone(), host.reported.clone())));
            }
            Step::Deliver { letter, again } => self.deliver(*letter, *again),
            Step::FleetNotices => {
                let dead: Vec<_> = self.hosts.iter().filter(|(_, host)| !host.alive).collect();
                let lost: Vec<_> = dead.into_iter().map(|(id, _)| id.clone()).collect();
                for host in lost {
                    let _ = self.store(&Event::HostLost { host, why: "died".into() });
                }
            }
            Step::Extend { minutes } => {
                let lease = LeaseMinutes::try_from(*minutes).unwrap();
                if let Ok(extended) = self.session.extended(lease, self.now, &self.policy) {
                    self.session = extended;
                }
            }
            Step::Stop => self.store(&Event::Stopped).expect("stopping is never refused"),
        }
    }

    fn pass(&mut self, duration: Duration) {
        self.now = self.now + duration;
        for host in self.hosts.values_mut() {
            host.alive &= self.now < host.told_until;
        }
    }

    fn each_living_host(&mut self, change: impl Fn(&HostId, &mut Host)) {
        self.hosts.iter_mut().filter(|(_, host)| host.alive).for_each(|(id, host)| change(id, host));
    }

    fn store(&mut self, event: &Event) -> Result<(), Refused> {
        self.session = self.session.apply(event, self.now, &self.policy)?;
        Ok(())
    }

    /// Acts as a control plane that has read `read`. Its event is applied to the session stored by then, because a
    /// failed swap is repeated.
    fn reconcile(&mut self, read: &Session, crash: Crash) {
        let Some(action) = read.due(self.now, &self.policy) else {
            return;
        };
        if crash == Crash::BeforeTheAction {
            return;
        }
        let event = match action {
            Action::Settle => Event::TimePassed,
            // The session stays, because the test keeps checking it.
            Action::Forget => return,
            Action::Launch(host) => {
                if !read.phase.occupies() {
                    let event = match self.room {
                        true => Event::RoomGranted { host: host.clone() },
                        false => Event::NoRoom { host: host.clone() },
                    };
                    let stored = self.store(&event).is_ok() && self.session.phase.occupies();
                    if !stored || !self.room || crash == Crash::BetweenRoomAndLaunch {
                        return;
                    }
                }
                if self.launched.insert(host.clone()) {
                    let told_until = self.now + read.lease.duration() + self.policy.start_max;
                    self.hosts.insert(host.clone(), Host { alive: true, reported: Reported::Starting, told_until });
                }
                Event::HostLaunched { host }
            }
            Action::Destroy(host) => {
                self.hosts.remove(&host);
                self.names += 1;
                Event::HostGone { host, next: format!("h{}", self.names).parse().unwrap() }
            }
        };
        if crash != Crash::BeforeTheRecord {
            // Refused if the session has moved on since it was read.
            let _ = self.store(&event);
        }
    }

    fn deliver(&mut self, letter: usize, again: bool) {
        if self.letters.is_empty() {
            return;
        }
        let letter = letter % self.letters.len();
        let (host, reported) = if again { self.letters[letter].clone() } else { self.letters.swap_remove(letter) };
        let _ = self.store(&Event::HostReported { host: host.clone(), reported });
        let (stays, remaining) = match &self.session.phase {
            Phase::Starting { host: current, .. } | Phase::Ready { host: current, .. } => {
                (*current == host, self.session.lease_remaining(self.now))
            }
            Phase::Restarting { .. } | Phase::Ended { .. } => (false, Duration::ZERO),
        };
        let (now, session) = (self.now, &self.session);
        if let Some(host) = self.hosts.get_mut(&host) {
            host.alive &= stays;
            host.told_until = now + remaining;
            if let Phase::Ready { since, .. } = &session.phase {
                assert!(host.told_until <= *since + session.lease.duration(), "told more than the lease");
            }
        }
    }

    fn check(&mut self, before: &Session) {
        if let Phase::Ready { host, .. } = &self.session.phase {
            assert!(self.launched.contains(host), "ready with a host that never was");
        }
        if let Some(host) = self.session.phase.host().filter(|host| self.hosts.contains_key(*host)) {
            assert!(self.session.phase.occupies(), "{host} exists and takes no room");
        }
        if !self.strays {
            assert!(self.hosts.len() <= 1, "two hosts: {:?}", self.hosts);
            for id in self.hosts.keys() {
                assert_eq!(self.session.phase.host(), Some(id), "a host that no control plane will destroy");
            }
        }
        let seen = self.session.settled(self.now, &self.policy);
        let elapsed = seen.elapsed(self.now);
        assert!(elapsed >= self.elapsed_max, "elapsed went from {:?} to {elapsed:?}", self.elapsed_max);
        assert!(elapsed <= seen.lease.duration(), "{elapsed:?} of a lease of {:?}", seen.lease);
        self.elapsed_max = elapsed;
        if let Phase::Ended { how, at, ready_since, .. } = &before.phase {
            let now = match &self.session.phase {
                Phase::Ended { how, at, ready_since, .. } => (how, at, ready_since),
                live => panic!("{before:?} rose again as {live:?}"),
            };
            assert_eq!(now, (how, at, ready_since));
        }
        let waking = self.session.wake_at(&self.policy).is_some_and(|wake| wake <= self.now);
        assert_eq!(self.session.due(self.now, &self.policy).is_some(), waking);
    }

    /// Carries out all due actions until the session has ended and nothing is left.
    fn drain(&mut self) {
        for _ in 0..64 {
            if matches!(self.session.phase, Phase::Ended { host: None, .. }) {
                self.take(&Step::Sweep);
                return;
            }
            let wake = self.session.wake_at(&self.policy).expect("what lives or has a host needs attention");
            let gives_up_at = self.session.waits_until(&self.policy).filter(|_| !self.room);
            let wake = gives_up_at.unwrap_or(wake);
            self.pass(wake.since(self.now));
            let before = self.session.clone();
            self.reconcile(&before, Crash::No);
            self.check(&before);
        }
        panic!("never comes to rest: {:?}", self.session);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_second_host_no_lost_host_no_outlived_lease(
        claiming in any::<bool>(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut world = World::new(claiming);
        for step in &steps {
            let before = world.session.clone();
            world.take(step);
            world.check(&before);
        }
        world.drain();
        prop_assert!(!world.session.is_live());
        prop_assert!(world.hosts.is_empty(), "left behind: {:?}", world.hosts);
    }

    #[test]
    fn an_event_applied_twice_is_an_event_applied_once(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new(false);
        for step in &steps {
            world.take(step);
        }
        let host = world.session.phase.host().cloned().unwrap_or_else(|| "h0".parse().unwrap());
        let events = [
            Event::TimePassed,
            Event::Stopped,
            Event::HostLaunched { host: host.clone() },
            Event::HostReported { host: host.clone(), reported: Reported::Failed { why: "broken".into() } },
            Event::HostLost { host, why: "died".into() },
        ];
        for event in &events {
            if let Ok(once) = world.session.apply(event, world.now, &world.policy) {
                prop_assert_eq!(once.apply(event, world.now, &world.policy), Ok(once));
            }
        }
    }
}

#[test]
fn the_simplest_life_goes_through_every_phase() {
    let mut world = World::new(false);
    let script = [
        Step::Reconcile { crash: Crash::No },
        Step::HostTurnsReady,
        Step::HostSends,
        Step::Deliver { letter: 0, again: false },
    ];
    for step in &script {
        world.take(step);
    }
    assert!(matches!(world.session.phase, Phase::Ready { .. }));
    for _ in 0..12 {
        world.take(&Step::Pass { milliseconds: 5_000 });
        world.take(&Step::HostSends);
        world.take(&Step::Deliver { letter: 0, again: false });
    }
    world.drain();
    assert!(matches!(world.session.phase, Phase::Ended { how: Ending::Expired, host: None, .. }));
}
