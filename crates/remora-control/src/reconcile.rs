//! The loop that makes what is into what shall be.
//!
//! ```text
//!   bell or time ─▶ pass: hosts that have exited ─▶ sessions that are due ─▶ strays and orphans now and then ─▶ sleep
//! ```
//!
//! It takes no input: it reads what is stored and what exists, and does what is missing. Each deed is idempotent and
//! is recorded after it is done, so that a crash between the two repeats it. The same pass runs after a restart, beside
//! another control plane, and in every test.

use std::sync::Arc;
use std::time::Duration;

use remora_session::{Action, Event, HostId, Policy, Session, Timestamp};

use crate::bell::Bell;
use crate::clock::Clock;
use crate::launch::LaunchPlan;
use crate::provision::{Condition, FleetHost, ProvisionError, Provisioner, Remains};
use crate::sessions::{SessionError, Sessions, new_host_id};
use crate::store::{Store, StoreError, Stored};

/// Sessions that are read at once.
const BATCH_MAX: u32 = 256;
/// Between looks at something that is under way, and between passes that the bell asks for.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// After a pass that failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);
/// Between looks for hosts that no session has.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

pub struct Reconciler {
    pub store: Arc<dyn Store>,
    pub sessions: Arc<Sessions>,
    pub fleet: Arc<dyn Provisioner>,
    pub plan: LaunchPlan,
    pub policy: Policy,
    pub clock: Clock,
    pub bell: Bell,
}

#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Fleet(#[from] ProvisionError),
}

impl Reconciler {
    /// Never returns; may be dropped at any point.
    pub async fn run(&self) -> std::convert::Infallible {
        let mut sweep_at = self.clock.now();
        loop {
            let now = self.clock.now();
            let sweep = sweep_at <= now;
            let wake_at = match self.pass(sweep).await {
                Ok(next) => {
                    if sweep {
                        sweep_at = now + SWEEP_INTERVAL;
                    }
                    next.map_or(sweep_at, |next| next.min(sweep_at))
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "a reconcile pass failed");
                    self.clock.now() + FAILURE_PAUSE
                }
            };
            tokio::select! {
                () = self.clock.sleep_until(wake_at) => {}
                () = self.bell.rung() => {}
            }
        }
    }

    /// Stops all sessions and takes all hosts down, at most until then. True if nothing is left.
    pub async fn drain(&self, until: Timestamp) -> bool {
        loop {
            match self.drain_once().await {
                Ok(true) => return true,
                Ok(false) => {}
                Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "stopping goes on"),
            }
            if self.clock.now() >= until {
                return false;
            }
            tokio::select! {
                () = self.clock.sleep(BUSY_PAUSE) => {}
                () = self.bell.rung() => {}
            }
        }
    }

    async fn drain_once(&self) -> Result<bool, ReconcileError> {
        loop {
            let live = self.store.any_live_sessions(BATCH_MAX).await?;
            if live.is_empty() {
                break;
            }
            for stored in live {
                self.sessions.stop(&stored.session.key).await?;
            }
        }
        // An expired session's farewell is cut short: every host ends now, its session having ended.
        for host in self.fleet.list().await? {
            self.destroy(&host.id).await?;
        }
        self.pass(true).await?;
        Ok(self.fleet.list().await?.is_empty())
    }

    /// Does what is due and says when to come again.
    pub async fn pass(&self, sweep: bool) -> Result<Option<Timestamp>, ReconcileError> {
        let mut busy = self.look_after_hosts(sweep).await?;
        if sweep {
            self.end_orphans().await?;
        }
        let now = self.clock.now();
        let mut last: Option<Stored> = None;
        loop {
            let batch = self.store.due_sessions(now, last.as_ref(), BATCH_MAX).await?;
            for stored in &batch {
                busy |= self.attend(stored).await?;
            }
            match batch.into_iter().last() {
                Some(stored) => last = Some(stored),
                None => break,
            }
        }
        let next = self.store.next_wake().await?;
        // What is under way stays due; without a pause the loop would spin on it.
        let again = now + BUSY_PAUSE;
        Ok(if busy { Some(again) } else { next.map(|next| next.max(again)) })
    }

    /// Stops the sessions of deleted accounts: whoever deletes one does so on the database, where no bell is heard.
    async fn end_orphans(&self) -> Result<(), ReconcileError> {
        loop {
            let orphans = self.store.orphaned_sessions(BATCH_MAX).await?;
            for stored in &orphans {
                self.record(&stored.session, &Event::Stopped).await?;
            }
            if orphans.len() < BATCH_MAX as usize {
                return Ok(());
            }
        }
    }

    /// Hosts are listed before sessions are read: a host's session is stored before the host exists, so one that is
    /// not found then is not needed.
    async fn look_after_hosts(&self, sweep: bool) -> Result<bool, ReconcileError> {
        let mut busy = false;
        for FleetHost { id, condition } in self.fleet.list().await? {
            let why = match condition {
                Condition::Exited { how } => Some(how),
                Condition::Running if sweep => None,
                Condition::Running => continue,
            };
            match (self.store.session_of_host(&id).await?, why) {
                (Some(stored), Some(why)) => {
                    self.record(&stored.session, &Event::HostLost { host: id, why }).await?;
                }
                (Some(_), None) => {}
                (None, _) => {
                    tracing::info!(host = %id, "a host that no session has is taken down");
                    busy |= self.fleet.destroy(&id).await? == Remains::Going;
                }
            }
        }
        Ok(busy)
    }

    /// Does what one session needs. True if it will need more soon.
    async fn attend(&self, Stored { session, generation, .. }: &Stored) -> Result<bool, ReconcileError> {
        match session.due(self.clock.now(), &self.policy) {
            // Stored with another policy's patience: storing it anew corrects when to look.
            None | Some(Action::Settle) => self.record(session, &Event::TimePassed).await?,
            Some(Action::Launch(host)) => match self.launch(session, &host).await {
                Ok(()) => self.record(session, &Event::HostLaunched { host }).await?,
                Err(why) => self.record(session, &Event::HostLost { host, why }).await?,
            },
            Some(Action::Destroy(host)) => {
                if self.destroy(&host).await? == Remains::Going {
                    return Ok(true);
                }
            }
            Some(Action::Forget) => {
                self.store.forget_session(&session.key, *generation).await?;
            }
        }
        Ok(false)
    }

    /// An error is for the owner of the session.
    async fn launch(&self, session: &Session, host: &HostId) -> Result<(), String> {
        let spec = self.plan.for_session(session, host, self.clock.now()).map_err(|error| error.to_string())?;
        self.fleet.ensure(&spec).await.map_err(|error| error.to_string())
    }

    /// Takes a host down and lets its session, if it has one, know when nothing is left.
    async fn destroy(&self, host: &HostId) -> Result<Remains, ReconcileError> {
        let remains = self.fleet.destroy(host).await?;
        if remains == Remains::Gone
            && let Some(stored) = self.store.session_of_host(host).await?
        {
            let event = Event::HostGone { host: host.clone(), next: new_host_id() };
            self.record(&stored.session, &event).await?;
        }
        Ok(remains)
    }

    /// A session that has moved on meanwhile has its own next pass.
    async fn record(&self, session: &Session, event: &Event) -> Result<(), ReconcileError> {
        match self.sessions.change(&session.key, event).await {
            Ok(_) | Err(SessionError::Refused(_) | SessionError::NotFound | SessionError::Contended) => Ok(()),
            Err(SessionError::Taken | SessionError::NoAccount | SessionError::OverQuota { .. }) => {
                unreachable!("only a create is refused so")
            }
            Err(error @ SessionError::Store(_)) => Err(error.into()),
        }
    }
}
