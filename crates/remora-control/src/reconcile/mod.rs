//! The reconcile loop: compares stored sessions with the running hosts and starts, stops or restarts hosts until they
//! agree.
//!
//! ```text
//!   bell or time ─▶ pass: exited hosts ─▶ due sessions ─▶ pool of idle hosts ─▶ sleep
//!                     every few seconds also strays, and sessions of deleted accounts
//! ```
//!
//! The loop takes no input: it reads the store and the fleet and derives the actions. An action is recorded only after
//! it has been carried out. Every action is idempotent, so repeating one after a crash is safe. The same pass runs
//! after a restart, beside other control planes, and in every test.

mod pool;
mod room;

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use remora_session::{Action, Event, HostId, Policy, Session, Timestamp};

use crate::bell::Bell;
use crate::clock::Clock;
use crate::config::Config;
use crate::launch::LaunchPlan;
use crate::provision::{Condition, FleetHost, ProvisionError, Provisioner, Remains};
use crate::sessions::{RecordError, Sessions, new_host_id};
use crate::store::{IdleHost, Store, StoreError, Stored};

use pool::earlier;
use room::Waiting;

pub(crate) use pool::Pool;

/// Maximum number of sessions that are read and handled at the same time.
const BATCH_MAX: u32 = 256;
/// Later than any time at which a session needs attention.
const FAR: Timestamp = Timestamp::from_milliseconds(u64::MAX);
/// Pause between checks of an action that is in progress.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// Pause after a failed pass.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);
/// Interval of the search for hosts without a session.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

/// The reconcile loop with everything that it needs.
pub struct Reconciler {
    pub(crate) store: Arc<Store>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) fleet: Arc<dyn Provisioner>,
    /// Makes the specifications of hosts.
    pub plan: Arc<LaunchPlan>,
    pub(crate) config: Arc<Config>,
    /// Timeouts and limits of the sessions.
    pub policy: Policy,
    pub(crate) clock: Clock,
    pub(crate) bell: Bell,
    pub(crate) pool: Pool,
}

/// Whether a session needs another look in this pass.
enum After {
    Nothing,
    /// An action is in progress.
    Again,
}

/// Progress of a pass.
struct Due {
    /// The last session that was handled.
    attended: Option<Stored>,
    again: Option<Timestamp>,
}

/// Reason why a pass failed.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A session could not be changed.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The fleet failed.
    #[error(transparent)]
    Fleet(#[from] ProvisionError),
}

impl Reconciler {
    /// Runs forever. May be dropped at any point.
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

    /// Stops all sessions and destroys all hosts, until that time at most. Returns whether nothing is left.
    pub(crate) async fn drain(&self, until: Timestamp) -> bool {
        loop {
            match self.drain_once().await {
                Ok(true) => return true,
                Ok(false) => {}
                Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "stopping is tried again"),
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
                self.sessions.record(&stored.session.key, &Event::Stopped).await?;
            }
        }
        for host in self.store.idle_hosts().await? {
            self.store.remove_idle_host(&host.id).await?;
        }
        // All sessions have ended, so all hosts end now, even those of expired sessions within their farewell.
        for host in self.fleet.list().await? {
            self.destroy(&host.id).await?;
        }
        self.attend_to_due(self.clock.now(), &mut Waiting::new()).await?;
        Ok(self.fleet.list().await?.is_empty())
    }

    /// Carries out the due actions and returns when the next pass is due.
    ///
    /// # Errors
    ///
    /// Returns an error if store or fleet fail. The next pass repeats what was not done.
    pub async fn pass(&self, sweep: bool) -> Result<Option<Timestamp>, ReconcileError> {
        // A host's session, or its place in the pool, is stored before the host exists. Reading the fleet first
        // therefore makes sure that a host without either is not needed.
        let fleet = self.fleet.list().await?;
        let idle = self.store.idle_hosts().await?;
        let mut again = self.look_after_hosts(&fleet, &idle, sweep).await?;
        if sweep {
            self.end_orphans().await?;
        }
        let (now, mut waiting) = (self.clock.now(), Waiting::new());
        let last = self.attend_to_due(now, &mut waiting).await?;
        again = earlier(again, last.again);
        again = earlier(again, self.tend_pool(&fleet, idle, &waiting.keys().copied().collect()).await?);
        // The search starts behind the handled sessions, because those that wait for room stay due.
        let next = self.store.due_sessions(FAR, last.attended.as_ref(), 1).await?;
        let next = next.first().and_then(|stored| stored.wake_at);
        // Without a pause the loop would spin while an action is in progress.
        Ok(earlier(again, next).map(|at| at.max(now + BUSY_PAUSE)))
    }

    /// Stops the sessions of deleted accounts. Accounts are deleted in the database, which rings no bell.
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

    async fn attend_to_due(&self, now: Timestamp, waiting: &mut Waiting) -> Result<Due, ReconcileError> {
        let mut due = Due { attended: None, again: None };
        loop {
            let batch = self.store.due_sessions(now, due.attended.as_ref(), BATCH_MAX).await?;
            let mut under_way = FuturesUnordered::new();
            for stored in &batch {
                if let Some(Action::Launch(host)) = stored.session.due(self.clock.now(), &self.policy)
                    && !self.admit(&stored.session, &host, waiting).await?
                {
                    due.again = earlier(due.again, stored.session.waits_until(&self.policy));
                } else {
                    under_way.push(self.attend(stored));
                }
            }
            while let Some(after) = under_way.next().await {
                if let After::Again = after? {
                    due.again = earlier(due.again, Some(now + BUSY_PAUSE));
                }
            }
            drop(under_way);
            match batch.into_iter().last() {
                Some(stored) => due.attended = Some(stored),
                None => return Ok(due),
            }
        }
    }

    async fn look_after_hosts(
        &self,
        fleet: &[FleetHost],
        idle: &[IdleHost],
        sweep: bool,
    ) -> Result<Option<Timestamp>, ReconcileError> {
        let mut again = None;
        for FleetHost { id, condition } in fleet {
            let why = match condition {
                Condition::Exited { how } => Some(how),
                Condition::Running if sweep => None,
                Condition::Running => continue,
            };
            if idle.iter().any(|idle| idle.id == *id) {
                continue;
            }
            match (self.store.session_of_host(id).await?, why) {
                (Some(stored), Some(why)) => {
                    self.record(&stored.session, &Event::HostLost { host: id.clone(), why: why.clone() }).await?;
                }
                (Some(_), None) => {}
                (None, _) => {
                    tracing::info!(host = %id, "a host without a session is destroyed");
                    if self.fleet.destroy(id).await? == Remains::Going {
                        again = Some(self.clock.now() + BUSY_PAUSE);
                    }
                }
            }
        }
        Ok(again)
    }

    /// Carries out the due action of a session.
    async fn attend(&self, Stored { session, generation, .. }: &Stored) -> Result<After, ReconcileError> {
        match session.due(self.clock.now(), &self.policy) {
            // Without an action, the session was stored under another policy: storing it again corrects its time.
            None | Some(Action::Settle) => self.record(session, &Event::TimePassed).await?,
            Some(Action::Launch(host)) => match self.launch(session, &host).await {
                Ok(()) => self.record(session, &Event::HostLaunched { host }).await?,
                Err(why) => self.record(session, &Event::HostLost { host, why }).await?,
            },
            Some(Action::Destroy(host)) => {
                if self.destroy(&host).await? == Remains::Going {
                    return Ok(After::Again);
                }
            }
            Some(Action::Forget) => {
                self.store.forget_session(&session.key, *generation).await?;
            }
        }
        Ok(After::Nothing)
    }

    /// Starts a host. The error is a text for the owner of the session.
    async fn launch(&self, session: &Session, host: &HostId) -> Result<(), String> {
        let spec = self.plan.for_session(session, host);
        self.fleet.ensure(host, &spec).await.map_err(|error| error.to_string())
    }

    /// Destroys a host and records in its session, if it has one, when nothing is left.
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

    /// Records an event. A session that has changed meanwhile is handled by the next pass.
    async fn record(&self, session: &Session, event: &Event) -> Result<(), ReconcileError> {
        match self.sessions.record(&session.key, event).await {
            Ok(_) | Err(RecordError::Refused(_) | RecordError::NotFound | RecordError::Contended) => Ok(()),
            Err(error @ RecordError::Store(_)) => Err(error.into()),
        }
    }
}
