//! One issuer and its keys: fetched when they are first needed, again when a token names one that is not known, and
//! now and then.
//!
//! | keys are | |
//! |---|---|
//! | fetched within the hour | used |
//! | older | used, and fetched again behind the caller's back |
//! | older than a day | not used: what the issuer has withdrawn meanwhile is not known |
//!
//! However many tokens come, with whatever key ids, the issuer is asked by one at a time and not again before
//! [`ATTEMPT_PAUSE`] has passed.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use remora_session::Timestamp;
use tokio::sync::Mutex;

use super::fetch::Fetcher;
use super::keys::{KeySet, VerifyingKey};
use crate::clock::Clock;
use crate::config::Identity;

/// Between two attempts to fetch keys.
pub const ATTEMPT_PAUSE: Duration = Duration::from_secs(10);
const FRESH: Duration = Duration::from_secs(60 * 60);
const USABLE: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) struct Issuer {
    pub identity: Identity,
    fetcher: Fetcher,
    clock: Clock,
    known: RwLock<Known>,
    /// Held by whoever asks the issuer.
    turn: Mutex<()>,
}

#[derive(Clone, Default)]
struct Known {
    keys: Arc<KeySet>,
    /// When these were fetched.
    fetched_at: Option<Timestamp>,
    /// When the issuer was asked last, and whether it answered.
    attempted_at: Option<Timestamp>,
    answered: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoKey {
    /// The issuer has no such key.
    Unknown,
    /// Nobody can tell.
    Unreachable,
}

impl Issuer {
    pub fn new(identity: Identity, fetcher: Fetcher, clock: Clock) -> Self {
        Self { identity, fetcher, clock, known: RwLock::default(), turn: Mutex::default() }
    }

    pub async fn key(self: &Arc<Self>, key_id: &str) -> Result<Arc<VerifyingKey>, NoKey> {
        let (known, now) = (self.known(), self.clock.now());
        if let Some(key) = known.usable(key_id, now) {
            if !known.is_within(FRESH, now) && known.may_attempt(now) {
                let issuer = self.clone();
                tokio::spawn(async move { issuer.refresh().await });
            }
            return Ok(key);
        }
        let known = self.refresh().await;
        known.usable(key_id, now).ok_or(if known.answered { NoKey::Unknown } else { NoKey::Unreachable })
    }

    /// What is known once the issuer has been asked, by this caller or by one just before.
    async fn refresh(self: &Arc<Self>) -> Known {
        let _turn = self.turn.lock().await;
        let (known, now) = (self.known(), self.clock.now());
        if !known.may_attempt(now) {
            return known;
        }
        self.set(Known { attempted_at: Some(now), answered: false, ..known });
        let issuer = self.clone();
        // Finishes and is kept even if the caller has gone.
        let fetching = tokio::task::spawn_blocking(move || issuer.fetch(now));
        if let Err(error) = fetching.await {
            tracing::error!(%error, "fetching keys ended badly");
        }
        self.known()
    }

    fn fetch(&self, now: Timestamp) {
        let issuer = &self.identity.issuer;
        match self.fetcher.keys() {
            Ok(keys) => {
                tracing::debug!(issuer, "keys of the issuer fetched");
                let (keys, now) = (Arc::new(keys), Some(now));
                self.set(Known { keys, fetched_at: now, attempted_at: now, answered: true });
            }
            Err(error) => {
                tracing::warn!(issuer, error = &error as &dyn std::error::Error, "the issuer's keys cannot be fetched");
            }
        }
    }

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, known: Known) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

impl Known {
    fn usable(&self, key_id: &str, now: Timestamp) -> Option<Arc<VerifyingKey>> {
        self.is_within(USABLE, now).then(|| self.keys.get(key_id))?
    }

    fn is_within(&self, age: Duration, now: Timestamp) -> bool {
        self.fetched_at.is_some_and(|fetched_at| now < fetched_at + age)
    }

    fn may_attempt(&self, now: Timestamp) -> bool {
        self.attempted_at.is_none_or(|attempted_at| attempted_at + ATTEMPT_PAUSE <= now)
    }
}
