//! ConnectionSlots of a port's connections: strangers share them, and a client that has shown a token of the session keeps its own.
//!
//! A newcomer that finds all places taken, or its subscriber's share, gets the place of the oldest connection there that
//! has not shown a good token. So strangers only ever push each other out, and a client that asks at once gets through.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use remora_protocol::subscriber::subscriber_of;
use tokio::sync::Notify;

const SLOTS_MAX: usize = 64;
/// Limit for one IPv4 address, or one IPv6 network of 64 bits. Several people may share it.
const SLOTS_PER_SUBSCRIBER_MAX: usize = 16;

#[derive(Clone, Default)]
pub struct ConnectionSlots {
    table: Arc<Mutex<SlotTable>>,
}

#[derive(Default)]
struct SlotTable {
    /// In the order in which they came.
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

/// A connection's place, given back when the last clone is dropped. It is among the extensions of every request.
#[derive(Clone)]
pub struct ConnectionSlot {
    held: Arc<SlotHandle>,
    events: Arc<SlotEvents>,
}

struct SlotHandle {
    table: Arc<Mutex<SlotTable>>,
    id: u64,
}

impl ConnectionSlots {
    /// Returns `None` if everybody there has shown a good token.
    pub fn take(&self, peer: IpAddr) -> Option<ConnectionSlot> {
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
    /// The connection has shown a token of the session: it keeps its place, and gets its time once more.
    pub fn admit(&self) {
        let mut table = lock(&self.held.table);
        if let Some(entry) = table.entries.iter_mut().find(|entry| entry.id == self.held.id) {
            entry.admitted = true;
        }
        self.events.admitted.notify_one();
    }

    /// Resolves after [`Self::admit`], once for each call or several.
    pub async fn admitted(&self) {
        self.events.admitted.notified().await;
    }

    /// Resolves when a newcomer has got the place.
    pub async fn lost(&self) {
        self.events.lost.notified().await;
    }
}

impl Drop for SlotHandle {
    fn drop(&mut self) {
        lock(&self.table).entries.retain(|entry| entry.id != self.id);
    }
}

/// No method leaves the table half changed, so a panic elsewhere does no harm to it.
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
    fn a_subscriber_pushes_out_its_own_oldest_connection_only() {
        let places = ConnectionSlots::default();
        let other = places.take(address(2)).expect("a free place");
        let mine: Vec<ConnectionSlot> =
            (0..=SLOTS_PER_SUBSCRIBER_MAX).map(|_| places.take(address(1)).expect("a place")).collect();
        assert!(is_lost(&mine[0]) && !mine[1..].iter().any(is_lost) && !is_lost(&other));
    }

    #[test]
    fn addresses_of_one_ipv6_network_have_one_share() {
        let places = ConnectionSlots::default();
        let of = |last: usize| -> IpAddr { format!("2001:db8::{last:x}").parse().expect("an address") };
        let first = places.take(of(0)).expect("a free place");
        let _others: Vec<_> = (1..=SLOTS_PER_SUBSCRIBER_MAX).map(|last| places.take(of(last))).collect();
        assert!(is_lost(&first));
    }

    #[test]
    fn who_has_shown_a_token_is_pushed_out_by_nobody() {
        let places = ConnectionSlots::default();
        let admitted = places.take(address(0)).expect("a free place");
        admitted.admit();
        let strangers: Vec<ConnectionSlot> =
            (1..=SLOTS_MAX).map(|last| places.take(address(last)).expect("a place")).collect();
        assert!(is_lost(&strangers[0]) && !strangers[1..].iter().any(is_lost) && !is_lost(&admitted));
        for stranger in &strangers {
            stranger.admit();
        }
        assert!(places.take(address(200)).is_none(), "everybody has shown a token");
        drop(strangers);
        assert!(places.take(address(200)).is_some());
    }
}
