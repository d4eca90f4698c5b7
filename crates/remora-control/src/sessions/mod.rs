//! The five calls on sessions and the reports of hosts, shared by all generations of the API.
//!
//! ```text
//!   api/<generation> ──create, get, extend, stop, list──┐        ┌── store (compare and swap)
//!   api/link ─────────report────────────────────────────┼─▶ here ┤
//!   reconcile ────────record────────────────────────────┘        └── bell, when there is something to do
//! ```
//!
//! Every change reads the session, lets the state machine decide, and writes the result if the session is still the
//! one that was read; otherwise it starts over. Callers see the session as it is now, even if the reconcile loop has
//! not yet stored that its lease is over.

mod error;
mod reports;

use std::sync::Arc;

use remora_session::{
    AccountId, Ending, Event, HostId, LeaseMinutes, Phase, Policy, Session, SessionKey, Size, Timestamp,
};

use crate::bell::Bell;
use crate::clock::Clock;
use crate::config::Config;
use crate::launch::LaunchPlan;
use crate::metrics::Metrics;
use crate::random;
use crate::store::{IdleHost, Insert, Inserted, ListPosition, Quota, Store, Stored};
use crate::token::Bearer;
use crate::visibility::Visibility;
use error::SwapError;
pub(crate) use error::{RecordError, SessionError};

/// Upper bound on compare-and-swap retries. Losing this many times in a row indicates a bug, not contention.
const SWAPS_MAX: usize = 32;

/// The sessions of all accounts.
pub(crate) struct Sessions {
    store: Arc<Store>,
    clock: Clock,
    policy: Policy,
    config: Arc<Config>,
    plan: Arc<LaunchPlan>,
    bell: Bell,
    metrics: Metrics,
}

/// Settings of a session to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Size of its host.
    pub(crate) size: Size,
    /// Length of its lease.
    pub(crate) lease: LeaseMinutes,
    /// Addresses of models to load as soon as a client connects.
    pub(crate) models: Vec<String>,
}

/// A session and the time at which it was in this state.
#[derive(Clone, Debug)]
pub(crate) struct SessionView {
    pub(crate) session: Session,
    pub(crate) at: Timestamp,
}

/// Result of a create.
#[derive(Clone, Debug)]
pub(crate) enum Created {
    /// The session is new.
    New(SessionView),
    /// An earlier request with the same settings created it.
    Same(SessionView),
}

/// A page of an account's live sessions, oldest first.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) sessions: Vec<SessionView>,
    /// Start of the next page; `None` on the last one.
    pub(crate) next: Option<ListPosition>,
}

impl Sessions {
    pub(crate) fn new(
        store: Arc<Store>,
        clock: Clock,
        policy: Policy,
        config: Arc<Config>,
        plan: Arc<LaunchPlan>,
        bell: Bell,
        metrics: Metrics,
    ) -> Self {
        Self { store, clock, policy, config, plan, bell, metrics }
    }

    /// Creates a session, on an idle host if there is one. Repeating a request returns the session that it created.
    pub(crate) async fn create(
        &self,
        caller: &Bearer,
        key: SessionKey,
        wanted: Wanted,
    ) -> Result<Created, SessionError> {
        let now = self.clock.now();
        let Wanted { size, lease, models } = wanted;
        let quota = quota(&self.config, size);
        let session = Session::create(key, size, lease, models, new_host_id(), now).owned_by(caller.owner.clone());
        let idle = self.claimable_hosts(size, now).await?.into_iter();
        let claiming = idle.filter_map(|IdleHost { id, address, .. }| Some(session.clone().claiming(id, address?)));
        let candidates = claiming.map(|session| (session, true)).chain([(session.clone(), false)]);
        for (session, claims_host) in candidates {
            let wake_at = session.wake_at(&self.policy);
            match self.store.insert_session(Insert { session: &session, wake_at, quota, claims_host }).await? {
                Inserted::Done => {
                    log_creation(&session);
                    self.bell.ring();
                    return Ok(Created::New(SessionView { session, at: now }));
                }
                Inserted::HostTaken => {}
                Inserted::KeyTaken => return self.created_before(caller, &session).await,
                Inserted::NoAccount => return Err(SessionError::NoAccount),
                Inserted::OverQuota { max, share } => return Err(SessionError::OverQuota { max, share }),
            }
        }
        Err(SessionError::Contended)
    }

    /// Returns the session that has the key of `new`, if its settings are the same.
    async fn created_before(&self, caller: &Bearer, new: &Session) -> Result<Created, SessionError> {
        let existing = match self.get(caller, &new.key).await {
            // Another person has used the id.
            Err(SessionError::NotFound) => return Err(SessionError::Taken),
            existing => existing?,
        };
        let Session { size, lease, models, .. } = &existing.session;
        let same = (size, lease, models) == (&new.size, &new.lease, &new.models);
        if same && existing.session.is_live() { Ok(Created::Same(existing)) } else { Err(SessionError::Taken) }
    }

    /// Returns the idle hosts that are ready, up to date and have reported lately.
    async fn claimable_hosts(&self, size: Size, now: Timestamp) -> Result<Vec<IdleHost>, SessionError> {
        if self.config.sizes.of(size).warm == 0 {
            return Ok(Vec::new());
        }
        let specification = self.plan.specification(size);
        let mut hosts = self.store.idle_hosts().await?;
        hosts.retain(|host| {
            let heard = now.since(host.heard_at) < self.policy.silence_max;
            host.size == size && host.address.is_some() && heard && host.specification == specification
        });
        Ok(hosts)
    }

    /// Returns a session that the caller may see.
    ///
    /// If time has ended the session, the end is stored first: a session that was reported as ended stays ended.
    pub(crate) async fn get(&self, caller: &Bearer, key: &SessionKey) -> Result<SessionView, SessionError> {
        let stored = self.visible(caller, key).await?;
        self.swap(stored, |session, now| Ok(session.settled(now, &self.policy))).await
    }

    /// Extends the lease of a session that the caller may see. `lease` is the new total.
    pub(crate) async fn extend(
        &self,
        caller: &Bearer,
        key: &SessionKey,
        lease: LeaseMinutes,
    ) -> Result<SessionView, SessionError> {
        let stored = self.visible(caller, key).await?;
        self.swap(stored, |session, now| Ok(session.extended(lease, now, &self.policy)?)).await
    }

    /// Stops a session that the caller may see.
    pub(crate) async fn stop(&self, caller: &Bearer, key: &SessionKey) -> Result<SessionView, SessionError> {
        let stored = self.visible(caller, key).await?;
        self.swap(stored, |session, now| Ok(session.stopped(now, &self.policy))).await
    }

    /// Returns live sessions of the account that the caller may see.
    pub(crate) async fn list(
        &self,
        caller: &Bearer,
        account: &AccountId,
        after: Option<&ListPosition>,
        page_size: u32,
    ) -> Result<Page, SessionError> {
        let at = self.clock.now();
        let visibility = self.visibility(caller);
        let person = match &visibility {
            Visibility::All => None,
            Visibility::Own(person) => Some(person),
            Visibility::Nothing => return Ok(Page { sessions: Vec::new(), next: None }),
        };
        let mut found = self.store.live_sessions(account, person, after, page_size.saturating_add(1)).await?;
        let more = found.len() > page_size as usize;
        found.truncate(page_size as usize);
        let next = found.last().filter(|_| more).map(|last| ListPosition {
            created_at: last.session.created_at,
            session: last.session.key.session.clone(),
        });
        let views = found.iter().map(|stored| SessionView { session: stored.session.settled(at, &self.policy), at });
        Ok(Page { sessions: views.filter(|view| view.session.is_live()).collect(), next })
    }

    /// Applies an event of a host or of the control plane itself.
    pub(crate) async fn record(&self, key: &SessionKey, event: &Event) -> Result<SessionView, RecordError> {
        let stored = self.store.session(key).await?.ok_or(RecordError::NotFound)?;
        self.record_on(stored, event).await
    }

    async fn record_on(&self, stored: Stored, event: &Event) -> Result<SessionView, RecordError> {
        self.swap(stored, |session, now| Ok(session.apply(event, now, &self.policy)?)).await
    }

    /// Returns a session that the caller may see. Its owner never changes, so one check is enough.
    async fn visible(&self, caller: &Bearer, key: &SessionKey) -> Result<Stored, SessionError> {
        let stored = self.store.session(key).await?;
        stored.filter(|stored| self.visibility(caller).includes(&stored.session)).ok_or(SessionError::NotFound)
    }

    fn visibility(&self, caller: &Bearer) -> Visibility {
        Visibility::of(caller, self.config.sessions.private)
    }

    /// Replaces a session by what `change` makes of it, repeating that on the newest version until no other writer
    /// comes between.
    async fn swap<E: From<SwapError>>(
        &self,
        mut stored: Stored,
        change: impl Fn(&Session, Timestamp) -> Result<Session, E>,
    ) -> Result<SessionView, E> {
        for _ in 0..SWAPS_MAX {
            let at = self.clock.now();
            let next = change(&stored.session, at)?;
            let wake_at = next.wake_at(&self.policy);
            if next == stored.session && wake_at == stored.wake_at {
                return Ok(SessionView { session: next, at });
            }
            let replaced = self.store.replace_session(stored.generation, &next, wake_at).await;
            if replaced.map_err(SwapError::Store)? {
                log_change(&stored.session, &next);
                self.metrics.changed(&stored.session, &next);
                if needs_attention(&stored, &next, wake_at, at) {
                    self.bell.ring();
                }
                return Ok(SessionView { session: next, at });
            }
            let newest = self.store.session(&stored.session.key).await.map_err(SwapError::Store)?;
            stored = newest.ok_or(SwapError::NotFound)?;
        }
        Err(SwapError::Contended.into())
    }
}

/// Returns a host id that has never been used.
pub(crate) fn new_host_id() -> HostId {
    uuid::Builder::from_random_bytes(random::bytes())
        .into_uuid()
        .to_string()
        .parse()
        .expect("a UUID has lower-case digits and hyphens")
}

/// Returns whether the reconcile loop must run because of this change: either the session needs attention sooner than
/// before, or it has given up room that another session may take. A report that a host is well needs no attention.
fn needs_attention(before: &Stored, after: &Session, wake_at: Option<Timestamp>, now: Timestamp) -> bool {
    let sooner = wake_at.is_some_and(|at| at <= now || before.wake_at.is_none_or(|before| at < before));
    sooner || before.session.phase.occupies() && !after.phase.occupies()
}

fn log_creation(session: &Session) {
    let owner = session.owner.as_ref().map(tracing::field::display);
    let (key, size, lease_minutes) = (&session.key, session.size.as_str(), session.lease.get());
    tracing::info!(session = %key, size, lease_minutes, owner, "session created");
}

fn log_change(before: &Session, after: &Session) {
    if std::mem::discriminant(&before.phase) == std::mem::discriminant(&after.phase) {
        return;
    }
    let session = &after.key;
    match &after.phase {
        Phase::Starting { host, attempt, .. } => tracing::info!(%session, %host, attempt, "session starts again"),
        Phase::Restarting { host, why, .. } => tracing::warn!(%session, %host, why, "render host did not start"),
        Phase::Ready { host, address, .. } => {
            tracing::info!(%session, %host, handshake_port = address.handshake_port, "session ready");
        }
        Phase::Ended { how: Ending::NoCapacity { why } | Ending::Failed { why }, .. } => {
            tracing::warn!(%session, why, "session failed");
        }
        Phase::Ended { how: Ending::Stopped, .. } => tracing::info!(%session, "session stopped"),
        Phase::Ended { how: Ending::Expired, .. } => tracing::info!(%session, "session expired"),
    }
}

/// Returns the quotas for creating a session of this size.
fn quota(config: &Config, size: Size) -> Quota {
    Quota {
        live_max: config.sessions.live_per_account_max,
        live_of_size_max: config.sizes.of(size).live_per_account_max,
        live_of_person_max: config.sessions.live_per_person_max,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_sessions_are_limited_by_default() {
        let quota = |text: &str| quota(&Config::parse(text).unwrap(), Size::Premium);
        assert_eq!(quota("").live_max, Some(20));
        assert_eq!((quota("").live_of_size_max, quota("").live_of_person_max), (None, None));
        let lifted = quota("[sessions]\nlive_per_account_max = 'unlimited'\nlive_per_person_max = 0\n");
        assert_eq!((lifted.live_max, lifted.live_of_person_max), (None, Some(0)));
        assert_eq!(quota("[sizes.premium]\nlive_per_account_max = 2\n").live_of_size_max, Some(2));
        for wrong in ["-1", "'many'", "4294967296", "true"] {
            let error = Config::parse(&format!("[sessions]\nlive_per_account_max = {wrong}\n")).unwrap_err();
            assert!(error.to_string().contains(r#"a number of sessions, or "unlimited""#), "{error}");
        }
    }
}
