//! The slots for a port's connections. Strangers share them; a client that has shown a valid token keeps its own.
//!
//! A newcomer that finds all slots taken, or its subscriber's share, gets the slot of the oldest connection there that
//! has not shown a valid token. So strangers only ever displace each other, and a client that shows its token at once
//! is served.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use remora_protocol::subscriber::subscriber_of;
use tokio::sync::Notify;

/// Slots of one port.
const SLOTS_MAX: usize = 64;
/// Limit for one IPv4 address, or one IPv6 network of 64 bits. Several people may share it.
const SLOTS_PER_SUBSCRIBER_MAX: usize = 16;

/// The slots of one port.
#[derive(Clone, Default)]
pub(super) struct ConnectionSlots {
    table: Arc<Mutex<SlotTable>>,
}

#[derive(Default)]
struct SlotTable {
    /// The connections, oldest first.
    entries: Vec<Entry>,
    newest: u64,
}

struct Entry {
    id: u64,
    subscriber: IpAddr,
    admitted: bool,
    events: Arc<SlotEvents>,
}

#[derive(Default)]
struct SlotEvents {
    admitted: Notify,
    lost: Notify,
}

/// The slot of one connection. It becomes free when the last clone is dropped. Every request carries it among its
/// extensions.
#[derive(Clone)]
pub(super) struct ConnectionSlot {
    held: Arc<SlotHandle>,
    events: Arc<SlotEvents>,
}

struct SlotHandle {
    table: Arc<Mutex<SlotTable>>,
    id: u64,
}

impl ConnectionSlots {
    /// Takes a slot for a connection. Returns `None` if all slots belong to clients that have shown a valid token.
    pub(super) fn take(&self, peer: IpAddr) -> Option<ConnectionSlot> {
        let subscriber = subscriber_of(peer);
        let mut table = lock(&self.table);
        let share = table.entries.iter().filter(|entry| entry.subscriber == subscriber).count();
        let has_share = share >= SLOTS_PER_SUBSCRIBER_MAX;
        if has_share || table.entries.len() >= SLOTS_MAX {
            let loses = |entry: &Entry| !entry.admitted && (!has_share || entry.subscriber == subscriber);
            let oldest = table.entries.iter().position(loses)?;
            table.entries.remove(oldest).events.lost.notify_one();
        }
        table.newest += 1;
        let (id, events) = (table.newest, Arc::<SlotEvents>::default());
        table.entries.push(Entry { id, subscriber, admitted: false, events: events.clone() });
        Some(ConnectionSlot { held: Arc::new(SlotHandle { table: self.table.clone(), id }), events })
    }
}

impl ConnectionSlot {
    /// Notes that the connection has shown a valid token: it keeps its slot, and its deadline is extended.
    pub(super) fn admit(&self) {
        let mut table = lock(&self.held.table);
        if let Some(entry) = table.entries.iter_mut().find(|entry| entry.id == self.held.id) {
            entry.admitted = true;
        }
        self.events.admitted.notify_one();
    }

    /// Resolves after one or several calls of [`Self::admit`].
    pub(super) async fn admitted(&self) {
        self.events.admitted.notified().await;
    }

    /// Resolves when a newcomer has displaced the connection.
    pub(super) async fn lost(&self) {
        self.events.lost.notified().await;
    }
}

impl Drop for SlotHandle {
    fn drop(&mut self) {
        lock(&self.table).entries.retain(|entry| entry.id != self.id);
    }
}

/// Locks the table. No method leaves it half changed, so a panic under the lock does no harm.
fn lock(table: &Mutex<SlotTable>) -> MutexGuard<'_, SlotTable> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    fn address(last: usize) -> IpAddr {
        IpAddr::from([192, 0, 2, u8::try_from(last).expect("a small number")])
    }

    fn is_lost(place: &ConnectionSlot) -> bool {
        pin!(place.lost()).poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
    }

    #[test]
    fn a_subscriber_displaces_only_its_own_oldest_connection() {
        let slots = ConnectionSlots::default();
        let other = slots.take(address(2)).expect("a free slot");
        let mine: Vec<ConnectionSlot> =
            (0..=SLOTS_PER_SUBSCRIBER_MAX).map(|_| slots.take(address(1)).expect("a slot")).collect();
        assert!(is_lost(&mine[0]) && !mine[1..].iter().any(is_lost) && !is_lost(&other));
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_one_limit() {
        let slots = ConnectionSlots::default();
        let of = |last: usize| -> IpAddr { format!("2001:db8::{last:x}").parse().expect("an address") };
        let first = slots.take(of(0)).expect("a free slot");
        let _others: Vec<_> = (1..=SLOTS_PER_SUBSCRIBER_MAX).map(|last| slots.take(of(last))).collect();
        assert!(is_lost(&first));
    }

    #[test]
    fn a_connection_with_a_token_is_never_displaced() {
        let slots = ConnectionSlots::default();
        let admitted = slots.take(address(0)).expect("a free slot");
        admitted.admit();
        let strangers: Vec<ConnectionSlot> =
            (1..=SLOTS_MAX).map(|last| slots.take(address(last)).expect("a slot")).collect();
        assert!(is_lost(&strangers[0]) && !strangers[1..].iter().any(is_lost) && !is_lost(&admitted));
        for stranger in &strangers {
            stranger.admit();
        }
        assert!(slots.take(address(200)).is_none(), "all connections have shown a token");
        drop(strangers);
        assert!(slots.take(address(200)).is_some());
    }
}
