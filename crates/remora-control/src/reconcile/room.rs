//! Room for hosts: never more of a size than its capacity, counted over sessions, idle hosts and what is going.
//!
//! Room is taken in the store before a host is launched, and counted again afterwards: two control planes that take
//! the last place at the same time see that it is one too many, and give it back. Nobody launches on room that another
//! has taken, so that what is given back has not been used. The session that has waited
//! longest is first, because due sessions come in the order of their time.

use std::collections::BTreeMap;

use remora_session::{Event, HostId, Session, Size};

use super::{ReconcileError, Reconciler};
use crate::sessions::RecordError;

/// Sessions that have found no room in this pass.
pub(super) type Waiting = BTreeMap<Size, u64>;

impl Reconciler {
    pub(super) fn capacity(&self, size: Size) -> Option<u64> {
        self.config.sizes.of(size).capacity.map(u64::from)
    }

    /// Hosts that exist or may exist.
    pub(super) async fn taken(&self, size: Size) -> Result<u64, ReconcileError> {
        Ok(self.store.hosts_of(size).await? + self.pool.going(size))
    }

    /// Whether the session's host may be launched now; if not, the session waits.
    pub(super) async fn admit(
        &self,
        session: &Session,
        host: &HostId,
        waiting: &mut Waiting,
    ) -> Result<bool, ReconcileError> {
        if session.phase.occupies() {
            return Ok(true);
        }
        let Some(capacity) = self.capacity(session.size) else {
            // One control plane alone may take as much room as it likes; of several one has to be first.
            return if self.config.store.url.is_none() { Ok(true) } else { self.grant(session, host).await };
        };
        let before = waiting.get(&session.size).copied().unwrap_or(0);
        if before == 0 && self.taken(session.size).await? < capacity && self.grant(session, host).await? {
            if self.taken(session.size).await? <= capacity {
                return Ok(true);
            }
            self.record(session, &Event::RoomReturned { host: host.clone() }).await?;
        }
        self.record(session, &Event::NoRoom { host: host.clone() }).await?;
        waiting.insert(session.size, before + 1);
        self.make_room(session.size, before + 1).await?;
        Ok(false)
    }

    /// False if the session has moved on meanwhile, or another control plane was faster.
    async fn grant(&self, session: &Session, host: &HostId) -> Result<bool, ReconcileError> {
        match self.sessions.record(&session.key, &Event::RoomGranted { host: host.clone() }).await {
            Ok(_) => Ok(true),
            Err(RecordError::Store(error)) => Err(error.into()),
            Err(_) => Ok(false),
        }
    }
}
