//! Places of open connections: how many there are, who holds them, and which connection gives its place up.
//!
//! ```text
//!   accepted ─▶ Opening ─▶ Idle ─▶ Asking ─▶ Answering ─▶ Sending ─┐
//!                           ▲                                      │
//!                           └──────────────────────────────────────┘
//! ```
//!
//! | party | places | a newcomer that finds them full |
//! |---|---|---|
//! | others | a share for each subscriber of the network, and a total | takes the place of the connection that has been idle longest, in its own share if that is full; is closed if none is idle |
//! | this machine | a total | always gets in; the longest idle connection goes, or the oldest one if none is idle |
//! | render hosts | a total | keeps the place that it has |
//!
//! A connection becomes a render host's with its first authenticated report. A new host comes in from this machine,
//! where a newcomer always gets in, and holds a place that no other connection can take from then on. A flood from this
//! machine, for instance through a reverse proxy, therefore cannot keep hosts from reporting.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::oneshot;

/// How many connections may be open at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlacesMax {
    pub others: usize,
    /// The share of `others` for one IPv4 address or one IPv6 network of 64 bits.
    pub subscriber: usize,
    pub own: usize,
    pub hosts: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    /// This machine, before it is known whether the connection is a render host's.
    Own,
    Other {
        subscriber: IpAddr,
    },
    Host,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Between requests, or before the first byte of the first one.
    Idle,
    /// The TLS handshake.
    Opening,
    /// The client is sending the headers of a request.
    Asking,
    /// The service is working on the answer.
    Answering,
    /// The answer is on its way to the client.
    Sending,
}

#[derive(Clone)]
pub(super) struct Places {
    book: Arc<Mutex<Book>>,
}

struct Book {
    max: PlacesMax,
    entries: HashMap<u64, Entry>,
    /// Counts entries and changes of phase, so that their order needs no clock.
    ticks: u64,
}

struct Entry {
    party: Party,
    phase: Phase,
    /// The tick at which the phase began.
    since: u64,
    /// Dropped with the entry, which tells the connection to end.
    _hold: oneshot::Sender<()>,
}

/// A connection's place, given back when this is dropped. It is among the extensions of every request.
pub struct Place {
    book: Arc<Mutex<Book>>,
    key: u64,
}

/// Resolves when the connection has lost its place.
pub(super) type Lost = oneshot::Receiver<()>;

impl Places {
    pub fn new(max: PlacesMax) -> Self {
        Self { book: Arc::new(Mutex::new(Book { max, entries: HashMap::new(), ticks: 0 })) }
    }

    /// Returns `None` if all places are taken and no connection can give up its own.
    pub fn take(&self, party: Party) -> Option<(Arc<Place>, Lost)> {
        let mut book = lock(&self.book);
        book.make_room(party)?;
        let (hold, lost) = oneshot::channel();
        let key = book.tick();
        book.entries.insert(key, Entry { party, phase: Phase::Opening, since: key, _hold: hold });
        Some((Arc::new(Place { book: self.book.clone(), key }), lost))
    }
}

impl Place {
    /// The connection belongs to a render host, which has proved it. Others cannot take its place from now on.
    pub fn is_a_hosts(&self) {
        let mut book = lock(&self.book);
        if book.count(|party| party == Party::Host) >= book.max.hosts {
            return;
        }
        if let Some(entry) = book.entries.get_mut(&self.key) {
            entry.party = Party::Host;
        }
    }

    /// The connection is open.
    pub(super) fn opened(&self) {
        self.enter(Phase::Idle, |_| true);
    }

    /// Bytes have arrived.
    pub(super) fn received(&self) {
        self.enter(Phase::Asking, |phase| phase == Phase::Idle);
    }

    /// A request has arrived.
    pub(super) fn asked(&self) {
        self.enter(Phase::Answering, |_| true);
    }

    /// The answer has been made; parts of it may wait to be sent.
    pub(super) fn answered(&self) {
        self.enter(Phase::Sending, |phase| phase == Phase::Answering);
    }

    /// Everything that has been made has been sent.
    pub(super) fn sent(&self) {
        self.enter(Phase::Idle, |phase| phase == Phase::Sending);
    }

    fn enter(&self, phase: Phase, from: impl FnOnce(Phase) -> bool) {
        let mut book = lock(&self.book);
        let since = book.tick();
        if let Some(entry) = book.entries.get_mut(&self.key)
            && from(entry.phase)
        {
            (entry.phase, entry.since) = (phase, since);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.book).entries.remove(&self.key);
    }
}

impl Book {
    fn tick(&mut self) -> u64 {
        self.ticks += 1;
        self.ticks
    }

    fn count(&self, whose: impl Fn(Party) -> bool) -> usize {
        self.entries.values().filter(|entry| whose(entry.party)).count()
    }

    fn make_room(&mut self, party: Party) -> Option<()> {
        let is_idle = |phase| phase == Phase::Idle;
        match party {
            Party::Own if self.count(|other| other == Party::Own) >= self.max.own => {
                self.remove_first(|other| other == Party::Own, |_| true)
            }
            Party::Other { .. } if self.count(|other| other == party) >= self.max.subscriber => {
                self.remove_first(|other| other == party, is_idle)
            }
            Party::Other { .. } if self.count(is_other) >= self.max.others => self.remove_first(is_other, is_idle),
            Party::Own | Party::Other { .. } | Party::Host => Some(()),
        }
    }

    fn remove_first(&mut self, whose: impl Fn(Party) -> bool, which: impl Fn(Phase) -> bool) -> Option<()> {
        let candidates = self.entries.iter().filter(|(_, entry)| whose(entry.party) && which(entry.phase));
        let (&first, _) = candidates.min_by_key(|(_, entry)| (entry.phase != Phase::Idle, entry.since))?;
        self.entries.remove(&first).map(drop)
    }
}

fn is_other(party: Party) -> bool {
    matches!(party, Party::Other { .. })
}

/// A panic while it was held left the book as it should be: no method leaves it half changed.
fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot::error::TryRecvError;

    use super::*;

    fn places() -> Places {
        Places::new(PlacesMax { others: 3, subscriber: 2, own: 2, hosts: 1 })
    }

    fn other(last: u8) -> Party {
        Party::Other { subscriber: IpAddr::from([192, 0, 2, last]) }
    }

    fn is_lost(lost: &mut Lost) -> bool {
        lost.try_recv() == Err(TryRecvError::Closed)
    }

    #[test]
    fn a_subscriber_with_a_full_share_gives_up_its_own_longest_idle_connection() {
        let places = places();
        let (bystander, mut bystander_lost) = places.take(other(1)).unwrap();
        bystander.opened();
        let (first, mut first_lost) = places.take(other(2)).unwrap();
        let (second, mut second_lost) = places.take(other(2)).unwrap();
        assert!(places.take(other(2)).is_none(), "none of the two is idle");
        second.opened();
        first.opened();
        let (_third, _) = places.take(other(2)).unwrap();
        assert!(is_lost(&mut second_lost), "it has been idle for longest in this share");
        assert!(!is_lost(&mut first_lost) && !is_lost(&mut bystander_lost));
    }

    #[test]
    fn a_full_house_gives_up_the_longest_idle_connection_and_none_that_is_at_work() {
        let places = places();
        let mut taken: Vec<_> = (1..=3).map(|last| places.take(other(last)).unwrap()).collect();
        for (place, _) in &taken {
            place.opened();
        }
        taken[0].0.asked();
        let (_fourth, _) = places.take(other(4)).unwrap();
        let lost: Vec<_> = taken.iter_mut().map(|(_, lost)| is_lost(lost)).collect();
        assert_eq!(lost, [false, true, false]);
        taken[2].0.received();
        assert!(places.take(other(5)).is_none(), "one is answered, one is asking, one is new");
        taken[0].0.answered();
        assert!(places.take(other(5)).is_none(), "its answer is not sent yet");
        taken[0].0.sent();
        assert!(places.take(other(5)).is_some());
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_ends() {
        let places = places();
        let first = places.take(other(1)).unwrap();
        let _second = places.take(other(1)).unwrap();
        assert!(places.take(other(1)).is_none());
        drop(first);
        assert!(places.take(other(1)).is_some());
    }

    #[test]
    fn a_newcomer_of_this_machine_always_gets_in_and_a_hosts_place_is_its_own() {
        let places = places();
        let (host, mut host_lost) = places.take(Party::Own).unwrap();
        host.asked();
        host.is_a_hosts();
        let (slow, mut slow_lost) = places.take(Party::Own).unwrap();
        slow.asked();
        let (silent, mut silent_lost) = places.take(Party::Own).unwrap();
        silent.opened();
        let (_newcomer, _) = places.take(Party::Own).unwrap();
        assert!(is_lost(&mut silent_lost) && !is_lost(&mut slow_lost), "the idle one goes first");
        let _handshakes: Vec<_> = (0..10).map(|_| places.take(Party::Own).unwrap()).collect();
        assert!(is_lost(&mut slow_lost) && !is_lost(&mut host_lost));
    }

    #[test]
    fn hosts_have_a_limit_as_well() {
        let places = places();
        let (first, mut first_lost) = places.take(Party::Own).unwrap();
        first.is_a_hosts();
        let (second, mut second_lost) = places.take(Party::Own).unwrap();
        second.is_a_hosts();
        let _flood: Vec<_> = (0..2).map(|_| places.take(Party::Own).unwrap()).collect();
        assert!(!is_lost(&mut first_lost) && is_lost(&mut second_lost));
    }

    #[test]
    fn strangers_and_this_machine_do_not_share_places() {
        let places = places();
        let _others: Vec<_> = (1..=3).map(|last| places.take(other(last)).unwrap()).collect();
        assert!(places.take(other(4)).is_none());
        assert!(places.take(Party::Own).is_some());
    }
}
