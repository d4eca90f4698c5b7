//! The slots of open connections: their number, their owners, and which connection is closed for a new one.
//!
//! ```text
//!   accepted ─▶ Opening ─▶ Idle ─▶ Asking ─▶ Answering ─▶ Sending ─┐
//!                           ▲                                      │
//!                           └──────────────────────────────────────┘
//! ```
//!
//! Each party has limits, and a rule for a new connection that finds them reached:
//! - Other machines have a limit for each subscriber of the network, and a total. A new connection replaces the one that
//!   has been idle longest, of the same subscriber if it is the subscriber's limit. It is refused if none is idle.
//! - This machine has a total. A new connection always gets in: it replaces the one that has been idle longest, or the
//!   oldest one if none is idle.
//! - Render hosts have a total. A connection beyond it keeps the slot that it had as one of this machine.
//!
//! A connection becomes a render host's with its first authenticated report. A new host connects from this machine, so
//! it always gets in, and from its first report on no other connection can replace its own. A flood of connections from
//! this machine, for instance through a reverse proxy, therefore cannot keep hosts from reporting.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::oneshot;

/// Limits of the number of open connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlotLimits {
    /// Connections from other machines.
    pub others: usize,
    /// The share of `others` for one IPv4 address or one IPv6 network of 64 bits.
    pub subscriber: usize,
    /// Connections from this machine, except for those of hosts.
    pub own: usize,
    /// Connections of render hosts.
    pub hosts: usize,
}

/// The owner of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    /// This machine, before it is known whether the connection belongs to a render host.
    Own,
    /// Another machine.
    Other { subscriber: IpAddr },
    /// A render host.
    Host,
}

/// State of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Between requests, or before the first byte of the first one.
    Idle,
    /// The TLS handshake.
    Opening,
    /// The client is sending the headers of a request.
    Asking,
    /// The service is preparing the response.
    Answering,
    /// The response is being sent.
    Sending,
}

/// All slots of one listener.
#[derive(Clone)]
pub(super) struct ConnectionSlots {
    table: Arc<Mutex<SlotTable>>,
}

struct SlotTable {
    max: SlotLimits,
    entries: HashMap<u64, Entry>,
    /// Counts entries and changes of phase, as a substitute for a clock: only their order matters.
    ticks: u64,
}

struct Entry {
    party: Party,
    phase: Phase,
    /// The tick at which the phase began.
    since: u64,
    /// Dropped with the entry, which makes [`Lost`] resolve.
    _hold: oneshot::Sender<()>,
}

/// The slot of a connection, freed when this is dropped. Every request has it as an extension.
pub(crate) struct ConnectionSlot {
    table: Arc<Mutex<SlotTable>>,
    key: u64,
}

/// Resolves when the connection has lost its slot and has to end.
pub(super) type Lost = oneshot::Receiver<()>;

impl ConnectionSlots {
    pub(super) fn new(max: SlotLimits) -> Self {
        Self { table: Arc::new(Mutex::new(SlotTable { max, entries: HashMap::new(), ticks: 0 })) }
    }

    /// Takes a slot. Returns `None` if the limit is reached and no connection can be closed.
    pub(super) fn take(&self, party: Party) -> Option<(Arc<ConnectionSlot>, Lost)> {
        let mut table = lock(&self.table);
        table.make_room(party)?;
        let (hold, lost) = oneshot::channel();
        let key = table.tick();
        table.entries.insert(key, Entry { party, phase: Phase::Opening, since: key, _hold: hold });
        Some((Arc::new(ConnectionSlot { table: self.table.clone(), key }), lost))
    }
}

impl ConnectionSlot {
    /// Marks the connection as a render host's, after the host has authenticated itself. No other connection can
    /// replace it from now on.
    pub(crate) fn assign_to_host(&self) {
        let mut table = lock(&self.table);
        if table.count(|party| party == Party::Host) >= table.max.hosts {
            return;
        }
        if let Some(entry) = table.entries.get_mut(&self.key) {
            entry.party = Party::Host;
        }
    }

    /// Reports that the connection is open.
    pub(super) fn opened(&self) {
        self.enter(Phase::Idle, |_| true);
    }

    /// Reports that bytes have arrived.
    pub(super) fn received(&self) {
        self.enter(Phase::Asking, |phase| phase == Phase::Idle);
    }

    /// Reports that a request has arrived.
    pub(super) fn asked(&self) {
        self.enter(Phase::Answering, |_| true);
    }

    /// Reports that the response is complete. Parts of it may not have been sent yet.
    pub(super) fn answered(&self) {
        self.enter(Phase::Sending, |phase| phase == Phase::Answering);
    }

    /// Reports that everything has been sent.
    pub(super) fn sent(&self) {
        self.enter(Phase::Idle, |phase| phase == Phase::Sending);
    }

    fn enter(&self, phase: Phase, from: impl FnOnce(Phase) -> bool) {
        let mut table = lock(&self.table);
        let since = table.tick();
        if let Some(entry) = table.entries.get_mut(&self.key)
            && from(entry.phase)
        {
            (entry.phase, entry.since) = (phase, since);
        }
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        lock(&self.table).entries.remove(&self.key);
    }
}

impl SlotTable {
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

/// Locks the table. It is consistent even after a panic, because no method leaves it half changed.
fn lock(table: &Mutex<SlotTable>) -> MutexGuard<'_, SlotTable> {
    table.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot::error::TryRecvError;

    use super::*;

    fn slots() -> ConnectionSlots {
        ConnectionSlots::new(SlotLimits { others: 3, subscriber: 2, own: 2, hosts: 1 })
    }

    fn other(last: u8) -> Party {
        Party::Other { subscriber: IpAddr::from([192, 0, 2, last]) }
    }

    fn is_lost(lost: &mut Lost) -> bool {
        lost.try_recv() == Err(TryRecvError::Closed)
    }

    #[test]
    fn a_subscriber_at_its_limit_loses_its_own_longest_idle_connection() {
        let slots = slots();
        let (bystander, mut bystander_lost) = slots.take(other(1)).unwrap();
        bystander.opened();
        let (first, mut first_lost) = slots.take(other(2)).unwrap();
        let (second, mut second_lost) = slots.take(other(2)).unwrap();
        assert!(slots.take(other(2)).is_none(), "neither of the two is idle");
        second.opened();
        first.opened();
        let (_third, _) = slots.take(other(2)).unwrap();
        assert!(is_lost(&mut second_lost), "it has been idle for longest among those of its subscriber");
        assert!(!is_lost(&mut first_lost) && !is_lost(&mut bystander_lost));
    }

    #[test]
    fn at_the_total_limit_the_longest_idle_connection_is_closed_and_no_busy_one() {
        let slots = slots();
        let mut taken: Vec<_> = (1..=3).map(|last| slots.take(other(last)).unwrap()).collect();
        for (slot, _) in &taken {
            slot.opened();
        }
        taken[0].0.asked();
        let (_fourth, _) = slots.take(other(4)).unwrap();
        let lost: Vec<_> = taken.iter_mut().map(|(_, lost)| is_lost(lost)).collect();
        assert_eq!(lost, [false, true, false]);
        taken[2].0.received();
        assert!(slots.take(other(5)).is_none(), "one is answered, one is asking, one is new");
        taken[0].0.answered();
        assert!(slots.take(other(5)).is_none(), "its response has not been sent yet");
        taken[0].0.sent();
        assert!(slots.take(other(5)).is_some());
    }

    #[test]
    fn a_slot_is_free_again_when_its_connection_ends() {
        let slots = slots();
        let first = slots.take(other(1)).unwrap();
        let _second = slots.take(other(1)).unwrap();
        assert!(slots.take(other(1)).is_none());
        drop(first);
        assert!(slots.take(other(1)).is_some());
    }

    #[test]
    fn a_new_connection_of_this_machine_always_gets_in_but_never_replaces_a_hosts() {
        let slots = slots();
        let (host, mut host_lost) = slots.take(Party::Own).unwrap();
        host.asked();
        host.assign_to_host();
        let (slow, mut slow_lost) = slots.take(Party::Own).unwrap();
        slow.asked();
        let (silent, mut silent_lost) = slots.take(Party::Own).unwrap();
        silent.opened();
        let (_newcomer, _) = slots.take(Party::Own).unwrap();
        assert!(is_lost(&mut silent_lost) && !is_lost(&mut slow_lost), "the idle one goes first");
        let _handshakes: Vec<_> = (0..10).map(|_| slots.take(Party::Own).unwrap()).collect();
        assert!(is_lost(&mut slow_lost) && !is_lost(&mut host_lost));
    }

    #[test]
    fn hosts_have_a_limit_too() {
        let slots = slots();
        let (first, mut first_lost) = slots.take(Party::Own).unwrap();
        first.assign_to_host();
        let (second, mut second_lost) = slots.take(Party::Own).unwrap();
        second.assign_to_host();
        let _flood: Vec<_> = (0..2).map(|_| slots.take(Party::Own).unwrap()).collect();
        assert!(!is_lost(&mut first_lost) && is_lost(&mut second_lost));
    }

    #[test]
    fn other_machines_and_this_machine_do_not_share_slots() {
        let slots = slots();
        let _others: Vec<_> = (1..=3).map(|last| slots.take(other(last)).unwrap()).collect();
        assert!(slots.take(other(4)).is_none());
        assert!(slots.take(Party::Own).is_some());
    }
}
