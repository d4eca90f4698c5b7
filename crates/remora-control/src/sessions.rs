//! The five calls on sessions, and what hosts report: the same for every API generation.
//!
//! ```text
//!   api/<generation> ──create, get, extend, stop, list──┐        ┌── store (compare and swap)
//!   api/link ─────────report────────────────────────────┼─▶ here ┤
//!   reconcile ────────change────────────────────────────┘        └── bell, when there is something to do
//! ```
//!
//! Every change is: read, let the machine decide, write if nobody else did meanwhile, or start over. What callers
//! see is the session as it is now, whether or not the loop has come round to storing that its lease is over.

use std::sync::Arc;

use remora_protocol::link::{HostOrder, StopReason};
use remora_session::{
    AccountId, Ending, Event, HostId, LeaseMinutes, Phase, Policy, Refused, Reported, Session, SessionKey, Size,
    Timestamp,
};

use crate::bell::Bell;
use crate::clock::Clock;
use crate::config::Config;
use crate::launch::LaunchPlan;
use crate::metrics::Metrics;
use crate::random;
use crate::store::{IdleHost, Insert, Inserted, ListPosition, Quota, Share, Store, StoreError, Stored};
use crate::token::Bearer;
use crate::visibility::Visibility;

/// Somebody else cannot win this often without this side having had its turn.
const SWAPS_MAX: usize = 32;

pub struct Sessions {
    store: Arc<dyn Store>,
    clock: Clock,
    policy: Policy,
    config: Arc<Config>,
    plan: Arc<LaunchPlan>,
    bell: Bell,
    metrics: Metrics,
}

/// A session that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub size: Size,
    pub lease: LeaseMinutes,
    /// Addresses of models to load as soon as a client connects.
    pub models: Vec<String>,
}

/// A session, and when it was looked at.
#[derive(Clone, Debug)]
pub struct Seen {
    pub session: Session,
    pub at: Timestamp,
}

#[derive(Clone, Debug)]
pub enum Created {
    New(Seen),
    /// The same request has been answered before.
    Same(Seen),
}

/// A part of an account's live sessions, oldest first.
#[derive(Clone, Debug)]
pub struct Page {
    pub sessions: Vec<Seen>,
    /// Where the next page begins, if there is one.
    pub next: Option<ListPosition>,
}

#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Or none that the caller may see.
    #[error("the account has no session of that id")]
    NotFound,
    #[error("the account has, or had, a session of that id with other settings")]
    Taken,
    #[error("there is no such account any more")]
    NoAccount,
    #[error("there are {max} live sessions, and there may be no more")]
    OverQuota { max: u32, share: Share },
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("the session is being changed by too many at once")]
    Contended,
    #[error("the store does not answer")]
    Store(#[from] StoreError),
}

impl Sessions {
    pub fn new(
        store: Arc<dyn Store>,
        clock: Clock,
        policy: Policy,
        config: Arc<Config>,
        plan: Arc<LaunchPlan>,
        bell: Bell,
        metrics: Metrics,
    ) -> Self {
        Self { store, clock, policy, config, plan, bell, metrics }
    }

    pub async fn create(&self, caller: &Bearer, key: SessionKey, wanted: Wanted) -> Result<Created, SessionError> {
        let now = self.clock.now();
        let Wanted { size, lease, models } = wanted;
        let session = Session::create(key, size, lease, models, new_host_id(), now).owned_by(caller.owner.clone());
        let (session, inserted) = self.insert(session, now).await?;
        match inserted {
            Inserted::Done => {
                let owner = session.owner.as_ref().map(tracing::field::display);
                let (session, lease_minutes) = (&session.key, lease.get());
                tracing::info!(%session, size = size.as_str(), lease_minutes, owner, "session created");
            }
            Inserted::KeyTaken => {
                let existing = match self.get(caller, &session.key).await {
                    // The id is another person's.
                    Err(SessionError::NotFound) => return Err(SessionError::Taken),
                    existing => existing?,
                };
                let Session { size, lease, models, .. } = &existing.session;
                let same = (size, lease, models) == (&session.size, &session.lease, &session.models);
                let same = same && existing.session.is_live();
                return if same { Ok(Created::Same(existing)) } else { Err(SessionError::Taken) };
            }
            Inserted::HostTaken => unreachable!("insert goes on to the next host"),
            Inserted::NoAccount => return Err(SessionError::NoAccount),
            Inserted::OverQuota { max, share } => return Err(SessionError::OverQuota { max, share }),
        }
        self.bell.ring();
        Ok(Created::New(Seen { session, at: now }))
    }

    /// With an idle host, if there is one for it.
    async fn insert(&self, session: Session, now: Timestamp) -> Result<(Session, Inserted), SessionError> {
        let quota = quota(&self.config, session.size);
        for IdleHost { id, address, .. } in self.claimable_hosts(session.size, now).await? {
            let Some(address) = address else { continue };
            let claiming = session.clone().claiming(id, address);
            let wake_at = claiming.wake_at(&self.policy);
            let insert = Insert { session: &claiming, wake_at, quota, claims_host: true };
            match self.store.insert_session(insert).await? {
                Inserted::HostTaken => {}
                inserted => return Ok((claiming, inserted)),
            }
        }
        let wake_at = session.wake_at(&self.policy);
        let insert = Insert { session: &session, wake_at, quota, claims_host: false };
        let inserted = self.store.insert_session(insert).await?;
        Ok((session, inserted))
    }

    /// Idle hosts that are ready, up to date and have been heard of lately.
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

    pub async fn get(&self, caller: &Bearer, key: &SessionKey) -> Result<Seen, SessionError> {
        // Stores what time has done before it is told: what has been told to have ended must have ended for ever.
        self.change_seen(caller, key, &Event::TimePassed).await
    }

    pub async fn extend(&self, caller: &Bearer, key: &SessionKey, lease: LeaseMinutes) -> Result<Seen, SessionError> {
        self.change_seen(caller, key, &Event::Extended { lease }).await
    }

    pub async fn stop(&self, caller: &Bearer, key: &SessionKey) -> Result<Seen, SessionError> {
        self.change_seen(caller, key, &Event::Stopped).await
    }

    /// Sessions of the account that the caller may see.
    pub async fn list(
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
        let seen = found.iter().map(|stored| Seen { session: stored.session.settled(at, &self.policy), at });
        Ok(Page { sessions: seen.filter(|seen| seen.session.is_live()).collect(), next })
    }

    /// What the host shall do now; `None` if nobody knows it.
    pub async fn report(&self, host: &HostId, reported: Reported) -> Result<Option<HostOrder>, SessionError> {
        if let Some(stored) = self.store.session_of_host(host).await? {
            return self.report_of_session(stored, host, reported).await;
        }
        if let Some(order) = self.report_of_idle(host, &reported).await? {
            return Ok(Some(order));
        }
        // It may have been given to a session between the two looks.
        match self.store.session_of_host(host).await? {
            Some(stored) => self.report_of_session(stored, host, reported).await,
            None => Ok(None),
        }
    }

    async fn report_of_session(
        &self,
        stored: Stored,
        host: &HostId,
        reported: Reported,
    ) -> Result<Option<HostOrder>, SessionError> {
        let key = stored.session.key.clone();
        match self.change_stored(stored, &Event::HostReported { host: host.clone(), reported }).await {
            Ok(seen) => Ok(Some(self.order(&seen))),
            Err(SessionError::Refused(_)) => {
                tracing::info!(session = %key, %host, "the session has another host by now");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// `None` if the host is not idle, or not any more.
    async fn report_of_idle(&self, host: &HostId, reported: &Reported) -> Result<Option<HostOrder>, SessionError> {
        let Some(mut idle) = self.store.idle_hosts().await?.into_iter().find(|idle| idle.id == *host) else {
            return Ok(None);
        };
        let now = self.clock.now();
        match reported {
            // Its process ends by itself, which the loop notices; then it is replaced.
            Reported::Failed { why } => {
                tracing::warn!(%host, why, "an idle render host did not start");
                return Ok(Some(HostOrder::Stop { reason: StopReason::NotNeeded }));
            }
            Reported::Ready(address) if idle.address.is_none() => idle.address = Some(address.clone()),
            Reported::Starting | Reported::Ready(_) if now.since(idle.heard_at) < self.policy.silence_max / 2 => {
                return Ok(Some(HostOrder::Wait));
            }
            Reported::Starting | Reported::Ready(_) => {}
        }
        idle.heard_at = now;
        let still_idle = self.store.replace_idle_host(&idle).await?;
        Ok(still_idle.then_some(HostOrder::Wait))
    }

    pub async fn change(&self, key: &SessionKey, event: &Event) -> Result<Seen, SessionError> {
        let stored = self.store.session(key).await?.ok_or(SessionError::NotFound)?;
        self.change_stored(stored, event).await
    }

    /// Changes a session that the caller may see. Its owner never changes, so one look is enough.
    async fn change_seen(&self, caller: &Bearer, key: &SessionKey, event: &Event) -> Result<Seen, SessionError> {
        let stored = self.store.session(key).await?.filter(|stored| self.visibility(caller).includes(&stored.session));
        self.change_stored(stored.ok_or(SessionError::NotFound)?, event).await
    }

    fn visibility(&self, caller: &Bearer) -> Visibility {
        Visibility::of(caller, self.config.sessions.private)
    }

    async fn change_stored(&self, mut stored: Stored, event: &Event) -> Result<Seen, SessionError> {
        for _ in 0..SWAPS_MAX {
            let at = self.clock.now();
            let next = stored.session.apply(event, at, &self.policy)?;
            let wake_at = next.wake_at(&self.policy);
            if next == stored.session && wake_at == stored.wake_at {
                return Ok(Seen { session: next, at });
            }
            if self.store.replace_session(stored.generation, &next, wake_at).await? {
                log_change(&stored.session, &next);
                self.metrics.changed(&stored.session, &next);
                if needs_attention(&stored, &next, wake_at, at) {
                    self.bell.ring();
                }
                return Ok(Seen { session: next, at });
            }
            stored = self.store.session(&stored.session.key).await?.ok_or(SessionError::NotFound)?;
        }
        Err(SessionError::Contended)
    }

    /// Returns the order for the session's host.
    fn order(&self, seen: &Seen) -> HostOrder {
        match &seen.session.phase {
            Phase::Starting { .. } | Phase::Ready { .. } => {
                HostOrder::Run(self.plan.assignment(&seen.session, seen.session.lease_remaining(seen.at)))
            }
            Phase::Restarting { .. } | Phase::Ended { how: Ending::NoCapacity { .. } | Ending::Failed { .. }, .. } => {
                HostOrder::Stop { reason: StopReason::NotNeeded }
            }
            Phase::Ended { how: Ending::Stopped, .. } => HostOrder::Stop { reason: StopReason::Stopped },
            Phase::Ended { how: Ending::Expired, .. } => HostOrder::Stop { reason: StopReason::LeaseExpired },
        }
    }
}

/// Never used before and never again.
pub fn new_host_id() -> HostId {
    uuid::Builder::from_random_bytes(random::bytes())
        .into_uuid()
        .to_string()
        .parse()
        .expect("a UUID has lower-case digits and hyphens")
}

/// Whether the loop has something to do that it does not know of: to look sooner than it intends to, or to give to
/// another what this session no longer takes up. That a host is well is no news.
fn needs_attention(before: &Stored, after: &Session, wake_at: Option<Timestamp>, now: Timestamp) -> bool {
    let sooner = wake_at.is_some_and(|at| at <= now || before.wake_at.is_none_or(|before| at < before));
    sooner || before.session.phase.occupies() && !after.phase.occupies()
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
            tracing::warn!(%session, why, "session failed")
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
