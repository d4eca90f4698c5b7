//! The pool of idle hosts, which wait for sessions so that a session need not wait for a host.
//!
//! ```text
//!   too few, and room ─▶ stored ─▶ launched ─▶ reports Ready ─▶ claimed together with the insertion of a session
//!                                      └─ dead, silent, outdated, too old, surplus ─▶ removed ─▶ destroyed
//! ```
//!
//! A host is stored as idle before it exists and removed before it is destroyed. Only one control plane can succeed in
//! either step, so no session claims a host that is being destroyed, and no claimed host is destroyed. After failures,
//! the pause before the next launch grows until a host gets ready again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use remora_session::{HostId, Policy, Size, Timestamp};

use super::{BUSY_PAUSE, ReconcileError, Reconciler};
use crate::launch::IDLE_AGE_MAX;
use crate::provision::{Condition, FleetHost, Remains};
use crate::sessions::new_host_id;
use crate::store::IdleHost;

/// Maximum number of times that the pause between a failure and the next launch doubles.
const PAUSE_DOUBLINGS_MAX: u32 = 7;

/// State of the pool that need not survive a restart.
#[derive(Default)]
pub(crate) struct Pool(Mutex<PoolState>);

#[derive(Default)]
struct PoolState {
    /// Hosts that were removed from the store and are not gone yet. They still take up room.
    going: BTreeMap<HostId, Size>,
    failures: BTreeMap<Size, Failures>,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    pause_until: Timestamp,
}

impl Pool {
    /// Returns the number of removed hosts of a size that are not gone yet and still take up room.
    pub(super) fn going(&self, size: Size) -> u64 {
        self.lock().going.values().filter(|&&other| other == size).count() as u64
    }

    fn failed(&self, size: Size, now: Timestamp, policy: &Policy) {
        let mut state = self.lock();
        let count = state.failures.get(&size).map_or(0, |failures| failures.count) + 1;
        let pause = policy.retry_pause * 2_u32.pow((count - 1).min(PAUSE_DOUBLINGS_MAX));
        state.failures.insert(size, Failures { count, pause_until: now + pause });
    }

    fn succeeded(&self, size: Size) {
        self.lock().failures.remove(&size);
    }

    fn pause_until(&self, size: Size) -> Option<Timestamp> {
        self.lock().failures.get(&size).map(|failures| failures.pause_until)
    }

    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.0.lock().expect("nothing panics under this lock")
    }
}

/// Reason why no session may claim an idle host.
enum Unfit {
    /// The host, or its start, has failed.
    Failed(String),
    /// The host was started with another specification, or its certificate is old.
    Outdated,
}

impl Reconciler {
    /// Replaces unfit hosts and adjusts the number of idle hosts. Returns when the pool needs attention next.
    pub(super) async fn tend_pool(
        &self,
        fleet: &[FleetHost],
        idle: Vec<IdleHost>,
        waiting: &BTreeSet<Size>,
    ) -> Result<Option<Timestamp>, ReconcileError> {
        let mut again = self.destroy_removed().await?;
        for size in Size::ALL {
            let of_size = idle.iter().filter(|host| host.size == size).cloned().collect();
            again = earlier(again, self.tend_size(size, fleet, of_size, waiting.contains(&size)).await?);
        }
        Ok(again)
    }

    async fn tend_size(
        &self,
        size: Size,
        fleet: &[FleetHost],
        idle: Vec<IdleHost>,
        sessions_wait: bool,
    ) -> Result<Option<Timestamp>, ReconcileError> {
        let (now, wanted) = (self.clock.now(), self.config.sizes.of(size).warm as usize);
        if idle.is_empty() && wanted == 0 {
            return Ok(None);
        }
        let specification = self.plan.specification(size);
        let mut again = None;
        let mut good = Vec::new();
        for host in idle {
            let found = fleet.iter().find(|other| other.id == host.id).map(|host| &host.condition);
            match self.unfit(&host, found, &specification, now) {
                None => good.push(host),
                Some(unfit) => {
                    if let Unfit::Failed(why) = &unfit {
                        tracing::warn!(host = %host.id, size = size.as_str(), why, "an idle render host has failed");
                        self.pool.failed(size, now, &self.policy);
                    }
                    again = earlier(again, self.give_up(&host).await?);
                }
            }
        }
        if good.iter().any(|host| host.address.is_some()) {
            self.pool.succeeded(size);
        }
        while good.len() > wanted {
            let newest = good.pop().expect("more than some");
            again = earlier(again, self.give_up(&newest).await?);
        }
        // Waiting sessions take precedence.
        if sessions_wait {
            return Ok(again);
        }
        for _ in good.len()..wanted {
            if let Some(until) = self.pool.pause_until(size).filter(|&until| until > now) {
                again = earlier(again, Some(until));
                break;
            }
            if !self.add_idle(size, &specification).await? {
                break;
            }
        }
        Ok(again)
    }

    fn unfit(&self, host: &IdleHost, found: Option<&Condition>, specification: &str, now: Timestamp) -> Option<Unfit> {
        let policy = &self.policy;
        if let Some(Condition::Exited { how }) = found {
            return Some(Unfit::Failed(how.clone()));
        }
        if host.specification != specification || now.since(host.created_at) >= IDLE_AGE_MAX {
            return Some(Unfit::Outdated);
        }
        let start_end = host.created_at.max(policy.listening_since) + policy.start_max;
        match &host.address {
            None if start_end <= now => Some(Unfit::Failed("It was not ready in time.".to_owned())),
            Some(_) if host.heard_at.max(policy.listening_since) + policy.silence_max <= now => {
                Some(Unfit::Failed("It has fallen silent.".to_owned()))
            }
            _ => None,
        }
    }

    /// Adds an idle host. Returns whether there was room. Only the control plane that has stored the host launches it.
    /// If it crashes between the two, the host does not get ready in time and is replaced.
    async fn add_idle(&self, size: Size, specification: &str) -> Result<bool, ReconcileError> {
        let capacity = self.capacity(size);
        if capacity.is_some() && self.taken(size).await? >= capacity.unwrap_or(u64::MAX) {
            return Ok(false);
        }
        let now = self.clock.now();
        let host = IdleHost {
            id: new_host_id(),
            size,
            specification: specification.to_owned(),
            created_at: now,
            heard_at: now,
            address: None,
        };
        self.store.insert_idle_host(&host).await?;
        // Counted again, because another control plane may have added a host at the same time.
        if capacity.is_some() && self.taken(size).await? > capacity.unwrap_or(u64::MAX) {
            self.store.remove_idle_host(&host.id).await?;
            return Ok(false);
        }
        self.launch_idle(&host).await?;
        Ok(true)
    }

    async fn launch_idle(&self, host: &IdleHost) -> Result<(), ReconcileError> {
        let spec = self.plan.idle(host.size, &host.id);
        match self.fleet.ensure(&host.id, &spec).await {
            Ok(()) => tracing::info!(host = %host.id, size = host.size.as_str(), "an idle render host starts"),
            Err(error) => {
                tracing::warn!(size = host.size.as_str(), %error, "no idle render host could be started");
                self.pool.failed(host.size, self.clock.now(), &self.policy);
                self.give_up(host).await?;
            }
        }
        Ok(())
    }

    /// Gives up one idle host of the size in favour of a session, unless as many are being destroyed as sessions wait.
    pub(super) async fn make_room(&self, size: Size, sessions: u64) -> Result<(), ReconcileError> {
        if self.pool.going(size) >= sessions {
            return Ok(());
        }
        let idle = self.store.idle_hosts().await?;
        if let Some(host) = idle.iter().rfind(|host| host.size == size) {
            self.give_up(host).await?;
        }
        Ok(())
    }

    /// Removes an idle host and destroys it. A host that was claimed meanwhile is left alone.
    async fn give_up(&self, host: &IdleHost) -> Result<Option<Timestamp>, ReconcileError> {
        if !self.store.remove_idle_host(&host.id).await? {
            return Ok(None);
        }
        self.pool.lock().going.insert(host.id.clone(), host.size);
        self.destroy_removed().await
    }

    /// Destroys removed hosts. Returns when to try again if something is left of them.
    async fn destroy_removed(&self) -> Result<Option<Timestamp>, ReconcileError> {
        let going: Vec<HostId> = self.pool.lock().going.keys().cloned().collect();
        for host in &going {
            if self.fleet.destroy(host).await? == Remains::Gone {
                self.pool.lock().going.remove(host);
                // A session may be waiting for the room.
                self.bell.ring();
            }
        }
        let left = !self.pool.lock().going.is_empty();
        Ok(left.then(|| self.clock.now() + BUSY_PAUSE))
    }
}

/// Returns the earlier of two times, either of which may be missing.
pub(super) fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn pauses_double_up_to_a_minute_and_start_over_after_a_success() {
        let pool = Pool::default();
        let now = Timestamp::from_milliseconds(1_000_000);
        let policy = Config::default().policy(now);
        let mut pauses = Vec::new();
        for _ in 0..10 {
            pool.failed(Size::Standard, now, &policy);
            pauses.push(pool.pause_until(Size::Standard).unwrap().since(now).as_millis());
        }
        assert_eq!(pauses, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 64_000, 64_000]);
        assert_eq!(pool.pause_until(Size::Premium), None);
        pool.succeeded(Size::Standard);
        assert_eq!(pool.pause_until(Size::Standard), None);
        pool.failed(Size::Standard, now, &policy);
        assert_eq!(pool.pause_until(Size::Standard).unwrap().since(now).as_millis(), 500);
    }
}
