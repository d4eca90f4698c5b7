//! Room for hosts. The hosts of a size never exceed its capacity, counted over sessions, idle hosts and hosts that are
//! being destroyed.
//!
//! A control plane reserves room in the store before it launches a host, and then counts again. If two control planes
//! reserve the last room at the same time, they see that the capacity is exceeded and give it back. Each control plane
//! launches only on room that it has reserved itself, so returned room is unused. The session that has waited longest
//! comes first, because due sessions are ordered by their times.

use std::collections::BTreeMap;

use remora_session::{Event, HostId, Session, Size};

use super::{ReconcileError, Reconciler};
use crate::sessions::RecordError;

/// Number of sessions of each size that have found no room in this pass.
pub(super) type Waiting = BTreeMap<Size, u64>;

impl Reconciler {
    /// Returns the largest number of hosts of a size; `None` if there is no limit.
    pub(super) fn capacity(&self, size: Size) -> Option<u64> {
        self.config.sizes.of(size).capacity.map(u64::from)
    }

    /// Returns the number of hosts of a size that exist or may exist.
    pub(super) async fn taken(&self, size: Size) -> Result<u64, ReconcileError> {
        Ok(self.store.hosts_of(size).await? + self.pool.going(size))
    }

    /// Returns whether the session's host may be launched now; if not, the session waits.
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
            // Without a limit, several control planes still must agree on the one that launches.
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

    /// Reserves room. Returns false if the session has changed meanwhile or another control plane was quicker.
    async fn grant(&self, session: &Session, host: &HostId) -> Result<bool, ReconcileError> {
        match self.sessions.record(&session.key, &Event::RoomGranted { host: host.clone() }).await {
            Ok(_) => Ok(true),
            Err(RecordError::Store(error)) => Err(error.into()),
            Err(_) => Ok(false),
        }
    }
}
