//! A published document of an issuer, cached. It is fetched when it is first needed, when it lacks something that a
//! caller needs, and when it gets old.
//!
//! | age | |
//! |---|---|
//! | up to an hour | used |
//! | up to a day | used, and fetched again in the background |
//! | more | not used, because the issuer may have withdrawn something since |
//!
//! At most one request to the issuer runs at a time, and the next attempt waits for [`ATTEMPT_PAUSE`].

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use remora_session::Timestamp;
use tokio::sync::Mutex;

use super::fetch::FetchError;
use crate::clock::Clock;

/// Shortest time between two attempts to fetch a document.
pub const ATTEMPT_PAUSE: Duration = Duration::from_secs(10);
const FRESH: Duration = Duration::from_hours(1);
const USABLE: Duration = Duration::from_hours(24);

type Fetch<T> = Box<dyn Fn() -> Result<T, FetchError> + Send + Sync>;

/// A document of type `T` and the state of its cache.
pub(super) struct Published<T> {
    /// Fetches the document. Blocks for a bounded time.
    fetch: Fetch<T>,
    /// The issuer's name in the log.
    issuer: String,
    clock: Clock,
    known: RwLock<Known<T>>,
    /// Held by the caller who asks the issuer.
    turn: Mutex<()>,
}

struct Known<T> {
    document: Option<Arc<T>>,
    /// When the document was fetched.
    fetched_at: Option<Timestamp>,
    /// When the issuer was last asked, and whether it answered.
    attempted_at: Option<Timestamp>,
    answered: bool,
}

/// Why a document has nothing for a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// The issuer publishes no such entry.
    Unknown,
    /// The issuer does not answer, so it is unknown whether it publishes one.
    Unreachable,
}

impl<T: Send + Sync + 'static> Published<T> {
    pub(super) fn new(issuer: &str, clock: Clock, fetch: Fetch<T>) -> Arc<Self> {
        let known = RwLock::new(Known { document: None, fetched_at: None, attempted_at: None, answered: false });
        Arc::new(Self { fetch, issuer: issuer.to_owned(), clock, known, turn: Mutex::default() })
    }

    /// Returns what `pick` finds in the document. The document is fetched again if `pick` finds nothing.
    pub(super) async fn find<U>(self: &Arc<Self>, pick: impl Fn(&T) -> Option<U>) -> Result<U, Absent> {
        let (known, now) = (self.known(), self.clock.now());
        if let Some(found) = known.usable(now).and_then(&pick) {
            if !known.is_within(FRESH, now) && known.may_attempt(now) {
                let published = self.clone();
                tokio::spawn(async move { published.refresh().await });
            }
            return Ok(found);
        }
        let known = self.refresh().await;
        let absent = if known.answered { Absent::Unknown } else { Absent::Unreachable };
        known.usable(now).and_then(pick).ok_or(absent)
    }

    /// Asks the issuer unless another caller has just done so, and returns the result.
    async fn refresh(self: &Arc<Self>) -> Known<T> {
        let _turn = self.turn.lock().await;
        let (known, now) = (self.known(), self.clock.now());
        if !known.may_attempt(now) {
            return known;
        }
        self.set(Known { attempted_at: Some(now), answered: false, ..known });
        let published = self.clone();
        // The task finishes and stores the document even if the caller is gone.
        let fetching = tokio::task::spawn_blocking(move || published.fetch(now));
        if let Err(error) = fetching.await {
            tracing::error!(%error, "fetching an issuer's document panicked");
        }
        self.known()
    }

    fn fetch(&self, now: Timestamp) {
        let issuer = &self.issuer;
        match (self.fetch)() {
            Ok(document) => {
                tracing::debug!(issuer, "fetched an issuer's document");
                let (document, now) = (Some(Arc::new(document)), Some(now));
                self.set(Known { document, fetched_at: now, attempted_at: now, answered: true });
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(issuer, error, "cannot fetch an issuer's document");
            }
        }
    }

    fn known(&self) -> Known<T> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, known: Known<T>) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

impl<T> Known<T> {
    fn usable(&self, now: Timestamp) -> Option<&T> {
        self.document.as_deref().filter(|_| self.is_within(USABLE, now))
    }

    fn is_within(&self, age: Duration, now: Timestamp) -> bool {
        self.fetched_at.is_some_and(|fetched_at| now < fetched_at + age)
    }

    fn may_attempt(&self, now: Timestamp) -> bool {
        self.attempted_at.is_none_or(|attempted_at| attempted_at + ATTEMPT_PAUSE <= now)
    }
}

impl<T> Clone for Known<T> {
    fn clone(&self) -> Self {
        Self { document: self.document.clone(), ..*self }
    }
}
