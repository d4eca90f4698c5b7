//! The state machine, rule by rule.

use std::time::Duration;

use remora_session::{
    Action, Address, Ending, Event, ExtendRefused, HostId, Launch, LeaseMinutes, Phase, Policy, Refused, Reported,
    Session, SessionKey, Size, Timestamp,
};

const CREATED: u64 = 1_000_000;

fn policy() -> Policy {
    Policy {
        start_max: Duration::from_secs(30),
        attempts_max: 3,
        retry_pause: Duration::from_millis(500),
        silence_max: Duration::from_secs(10),
        farewell: Duration::from_secs(1),
        lease_tolerance: Duration::from_millis(500),
        capacity_wait: Duration::from_secs(20),
        keep_ended: Duration::from_hours(30 * 24),
        listening_since: Timestamp::from_milliseconds(0),
    }
}

/// Returns the time that many milliseconds after the creation.
fn at(milliseconds: u64) -> Timestamp {
    Timestamp::from_milliseconds(CREATED + milliseconds)
}

fn lease(minutes: i64) -> LeaseMinutes {
    LeaseMinutes::try_from(minutes).unwrap()
}

fn host(name: &str) -> HostId {
    name.parse().unwrap()
}

fn address() -> Address {
    Address { hostname: "localhost".into(), handshake_port: 50_000, inspector_port: 50_001 }
}

fn created() -> Session {
    let key =
        SessionKey { account: "11111111-2222-3333-4444-555555555555".parse().unwrap(), session: "s".parse().unwrap() };
    Session::create(key, Size::Standard, lease(1), vec![], host("a"), at(0))
}

fn after(session: &Session, event: Event, milliseconds: u64) -> Session {
    session.apply(&event, at(milliseconds), &policy()).unwrap()
}

fn report(name: &str, reported: Reported) -> Event {
    Event::HostReported { host: host(name), reported }
}

fn lost(name: &str) -> Event {
    Event::HostLost { host: host(name), why: "signal 9".into() }
}

fn gone(name: &str, next: &str) -> Event {
    Event::HostGone { host: host(name), next: host(next) }
}

fn launched() -> Session {
    after(&created(), Event::HostLaunched { host: host("a") }, 100)
}

/// Returns a session that became Ready 2 s after its creation, with a lease of one minute.
fn ready() -> Session {
    after(&launched(), report("a", Reported::Ready(address())), 2_000)
}

fn alive_at(session: &Session, milliseconds: u64) -> Session {
    after(session, report("a", Reported::Ready(address())), milliseconds)
}

/// Returns a Ready session whose host has reported until shortly before the lease is over at 62 s.
fn ready_and_talking() -> Session {
    (1..=7).fold(ready(), |session, round| alive_at(&session, 2_000 + round * 8_000))
}

#[test]
fn a_created_session_wants_its_host_at_once() {
    assert_eq!(created().due(at(0), &policy()), Some(Action::Launch(host("a"))));
    assert_eq!(launched().due(at(100), &policy()), None);
}

#[test]
fn the_lease_counts_from_ready_and_ends_on_the_millisecond() {
    let session = ready_and_talking();
    assert_eq!(session.lease_remaining(at(2_000)), Duration::from_mins(1) - Duration::from_secs(56));
    assert!(session.settled(at(61_999), &policy()).is_live());
    let ended = session.settled(at(62_500), &policy());
    let Phase::Ended { how: Ending::Expired, at: end, ready_since: Some(since), host: Some(_) } = ended.phase.clone()
    else {
        panic!("{:?}", ended.phase);
    };
    assert_eq!((end, since), (at(62_000), at(2_000)));
    assert_eq!(ended.elapsed(at(99_000)), Duration::from_mins(1));
}

#[test]
fn waiting_for_a_host_costs_nothing() {
    assert_eq!(launched().elapsed(at(20_000)), Duration::ZERO);
    assert_eq!(launched().lease_remaining(at(20_000)), Duration::from_mins(1));
}

#[test]
fn an_expired_host_may_say_goodbye_and_a_stopped_one_goes_at_once() {
    let expired = after(&ready_and_talking(), Event::TimePassed, 62_000);
    assert_eq!(expired.due(at(62_999), &policy()), None);
    assert_eq!(expired.due(at(63_000), &policy()), Some(Action::Destroy(host("a"))));
    let stopped = after(&ready(), Event::Stopped, 3_000);
    assert_eq!(stopped.due(at(3_000), &policy()), Some(Action::Destroy(host("a"))));
    let done = after(&stopped, gone("a", "b"), 3_100);
    let forgotten_at = match done.phase {
        Phase::Ended { at, .. } => at + policy().keep_ended,
        live => panic!("{live:?}"),
    };
    assert_eq!((done.due(at(9_999_999), &policy()), done.wake_at(&policy())), (None, Some(forgotten_at)));
    assert_eq!(done.due(forgotten_at, &policy()), Some(Action::Forget));
}

#[test]
fn only_a_longer_lease_of_a_live_session_is_taken() {
    let refused = ready().extended(lease(1), at(2_500), &policy());
    assert_eq!(refused, Err(ExtendRefused::NotLonger { current: lease(1) }));
    let extended = ready_and_talking().extended(lease(2), at(61_999), &policy()).unwrap();
    assert!(extended.settled(at(62_001), &policy()).is_live());
    assert_eq!(created().extended(lease(5), at(1), &policy()).unwrap().lease, lease(5));
    let late = ready_and_talking().extended(lease(2), at(62_000), &policy());
    assert_eq!(late, Err(ExtendRefused::Ended), "the lease is over, although the end is not stored");
}

#[test]
fn a_failed_start_is_tried_again_when_the_failed_host_is_gone() {
    let failed = after(&launched(), lost("a"), 1_000);
    assert_eq!(failed.due(at(1_000), &policy()), Some(Action::Destroy(host("a"))));
    let again = failed.apply(&gone("a", "a"), at(1_100), &policy());
    assert_eq!(again, Err(Refused::SameHost));
    let second = after(&failed, gone("a", "b"), 1_100);
    let wanted = Launch::Wanted { from: at(1_500) };
    assert_eq!(second.phase, Phase::Starting { host: host("b"), attempt: 2, launch: wanted });
    assert_eq!(second.due(at(1_499), &policy()), None);
    assert_eq!(second.due(at(1_500), &policy()), Some(Action::Launch(host("b"))));
    let third = after(&after(&second, lost("b"), 2_000), gone("b", "c"), 2_000);
    assert_eq!(third.wake_at(&policy()), Some(at(3_000)), "the pause doubles");
    let ended = after(&third, lost("c"), 3_500);
    let how = Ending::Failed { why: "signal 9".into() };
    assert_eq!(ended.phase, Phase::Ended { how, at: at(3_500), ready_since: None, host: Some(host("c")) });
}

fn no_room() -> Event {
    Event::NoRoom { host: host("a") }
}

fn granted() -> Event {
    Event::RoomGranted { host: host("a") }
}

#[test]
fn a_session_without_room_waits_and_gives_up_in_the_end() {
    let waiting = after(&created(), no_room(), 100);
    assert!(!waiting.phase.occupies(), "it takes no room from others");
    assert_eq!(waiting.wake_at(&policy()), Some(at(0)), "found in the order of creation whenever there is room");
    assert_eq!(waiting.due(at(19_999), &policy()), Some(Action::Launch(host("a"))));
    assert_eq!(after(&waiting, no_room(), 5_000), waiting);
    assert_eq!(waiting.waits_until(&policy()), Some(at(20_000)));
    assert_eq!(waiting.due(at(20_000), &policy()), Some(Action::Settle));
    let ended = after(&waiting, Event::TimePassed, 25_000);
    let Phase::Ended { how: Ending::NoCapacity { why }, at: end, ready_since: None, .. } = &ended.phase else {
        panic!("{:?}", ended.phase);
    };
    assert!(*end == at(20_000) && why.contains("Standard") && why.contains("20 seconds"), "{why}");
    let late = waiting.apply(&granted(), at(20_000), &policy());
    assert_eq!(late, Err(Refused::NotWaiting), "room that comes too late");
}

#[test]
fn no_session_gives_up_waiting_while_there_is_no_control_plane() {
    let waiting = after(&created(), no_room(), 100);
    let restarted = Policy { listening_since: at(60_000), ..policy() };
    assert!(waiting.settled(at(79_999), &restarted).is_live());
    assert!(!waiting.settled(at(80_000), &restarted).is_live());
    assert!(created().settled(at(90_000), &policy()).is_live(), "no control plane has looked for room yet");
}

#[test]
fn granted_room_counts_until_the_host_is_gone() {
    let waiting = after(&created(), no_room(), 100);
    for before in [created(), waiting.clone()] {
        let session = after(&before, granted(), 5_000);
        assert!(session.phase.occupies());
        assert_eq!(
            session.due(at(14_999), &policy()),
            None,
            "the control plane that took the room is about to launch the host"
        );
        assert_eq!(session.due(at(15_000), &policy()), Some(Action::Launch(host("a"))), "it has crashed");
        assert_eq!(session.apply(&granted(), at(6_000), &policy()), Err(Refused::NotWaiting), "it is granted once");
        assert_eq!(after(&session, no_room(), 6_000), session, "another cannot take it away");
        let returned = after(&session, Event::RoomReturned { host: host("a") }, 6_000);
        assert_eq!(returned.phase, waiting.phase, "it keeps its place");
        let launched = after(&session, Event::HostLaunched { host: host("a") }, 6_000);
        assert_eq!(
            after(&launched, Event::RoomReturned { host: host("a") }, 6_500),
            launched,
            "too late to take it back"
        );
        let failed = after(&launched, lost("a"), 7_000);
        assert!(failed.phase.occupies());
        assert!(!after(&failed, gone("a", "b"), 7_100).phase.occupies());
    }
}

#[test]
fn a_claimed_host_makes_the_session_ready_at_the_next_look() {
    let claimed = created().claiming(host("warm"), address());
    assert_eq!(claimed.due(at(0), &policy()), Some(Action::Settle));
    let ready = after(&claimed, Event::TimePassed, 3);
    assert!(matches!(&ready.phase, Phase::Ready { host: name, since, .. } if *name == host("warm") && *since == at(3)));
    assert!(claimed.phase.occupies());
    let stopped = after(&claimed, Event::Stopped, 3);
    assert_eq!(stopped.due(at(3), &policy()), Some(Action::Destroy(host("warm"))));
}

#[test]
fn a_host_that_takes_too_long_has_failed() {
    let slow = launched();
    assert_eq!(slow.due(at(30_099), &policy()), None);
    assert_eq!(slow.due(at(30_100), &policy()), Some(Action::Settle));
    let failed = after(&slow, Event::TimePassed, 30_100);
    assert!(matches!(&failed.phase, Phase::Restarting { why, .. } if why.contains("30 seconds")), "{failed:?}");
}

#[test]
fn a_ready_session_fails_with_its_host() {
    for event in [lost("a"), report("a", Reported::Failed { why: "signal 9".into() }), gone("a", "b")] {
        let ended = after(&ready(), event, 5_000);
        assert!(
            matches!(&ended.phase, Phase::Ended { how: Ending::Failed { .. }, host: Some(_), .. }),
            "{:?}",
            ended.phase
        );
        assert_eq!(ended.elapsed(at(60_000)), Duration::from_secs(3));
    }
}

#[test]
fn a_host_that_ends_with_its_lease_has_not_failed() {
    let ended = after(&ready_and_talking(), lost("a"), 61_600);
    assert!(matches!(ended.phase, Phase::Ended { how: Ending::Expired, .. }), "{:?}", ended.phase);
    let failed = after(&ready_and_talking(), lost("a"), 61_400);
    assert!(matches!(failed.phase, Phase::Ended { how: Ending::Failed { .. }, .. }), "{:?}", failed.phase);
}

#[test]
fn a_silent_host_is_dead_unless_the_control_plane_did_not_listen() {
    assert!(ready().settled(at(11_999), &policy()).is_live());
    let silent = ready().settled(at(12_000), &policy());
    assert!(matches!(&silent.phase, Phase::Ended { how: Ending::Failed { why }, .. } if why.contains("10 seconds")));
    let restarted = Policy { listening_since: at(40_000), ..policy() };
    assert!(ready().settled(at(49_999), &restarted).is_live());
    assert!(!ready().settled(at(50_000), &restarted).is_live());
    assert!(launched().settled(at(49_999), &restarted) == launched(), "it may have become ready meanwhile");
}

#[test]
fn reports_that_prove_life_are_stored_now_and_then_only() {
    let session = ready();
    assert_eq!(alive_at(&session, 6_999), session);
    assert_ne!(alive_at(&session, 7_000), session);
}

#[test]
fn late_and_repeated_reports_change_nothing() {
    let session = ready();
    assert_eq!(after(&session, report("a", Reported::Starting), 2_100), session);
    let moved = Address { handshake_port: 60_000, ..address() };
    assert_eq!(after(&session, report("a", Reported::Ready(moved)), 2_100), session, "a host does not move");
    let stopped = after(&session, Event::Stopped, 2_200);
    for event in [report("a", Reported::Ready(address())), lost("a"), Event::Stopped, Event::TimePassed] {
        assert_eq!(after(&stopped, event, 90_000), stopped);
    }
    let failed = after(&launched(), lost("a"), 1_000);
    assert_eq!(after(&failed, report("a", Reported::Ready(address())), 1_001), failed);
}

#[test]
fn a_foreign_host_is_refused() {
    for event in [report("x", Reported::Ready(address())), lost("x"), gone("x", "y")] {
        assert_eq!(launched().apply(&event, at(500), &policy()), Err(Refused::OtherHost));
    }
}

#[test]
fn a_report_proves_the_launch_that_was_not_stored() {
    let session = after(&created(), report("a", Reported::Starting), 300);
    assert!(matches!(session.phase, Phase::Starting { launch: Launch::Done { at: launch }, .. } if launch == at(300)));
    assert!(matches!(after(&created(), report("a", Reported::Ready(address())), 300).phase, Phase::Ready { .. }));
}

#[test]
fn a_clock_that_is_set_back_has_no_effect() {
    let session = alive_at(&ready(), 9_000);
    assert_eq!(session.elapsed(at(0)), Duration::from_secs(7));
    let stopped = after(&session, Event::Stopped, 0);
    assert_eq!(stopped.elapsed(at(0)), Duration::from_secs(7));
}
