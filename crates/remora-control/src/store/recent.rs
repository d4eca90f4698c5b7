//! A cache of live sessions that were read or written lately, so that clients that poll a session cause no queries.
//!
//! The cache is correct only where one process writes all sessions, as with SQLite; with PostgreSQL it stays empty.
//! Entries are replaced after each commit and before the change is acknowledged. A read that overlaps with a commit
//! is not cached, so it never replaces the committed session. Ended sessions are not cached: there are many, and each
//! is read once or twice.

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, UnitWeighter};
use remora_session::SessionKey;

use super::database::Kind;
use super::error::StoreError;
use super::stored::{Generation, Stored};
use super::write::{Outcome, Write};

/// An entry takes about half a kilobyte.
const SESSIONS_MAX: usize = 32_768;

type Sessions = Cache<SessionKey, Stored, UnitWeighter, DefaultHashBuilder, DefaultLifecycle<SessionKey, Stored>>;

/// The cache; `None` if other processes write sessions too.
pub(super) struct Recent(Option<Sessions>);

impl Recent {
    pub(super) fn of(kind: Kind) -> Self {
        Self((kind == Kind::Sqlite).then(|| Cache::new(SESSIONS_MAX)))
    }

    /// Returns the cached session, or else the result of `read`.
    pub(super) async fn get_or_read(
        &self,
        key: &SessionKey,
        read: impl Future<Output = Result<Option<Stored>, StoreError>>,
    ) -> Result<Option<Stored>, StoreError> {
        let Some(sessions) = &self.0 else {
            return read.await;
        };
        let reading = match sessions.get_value_or_guard_async(key).await {
            Ok(stored) => return Ok(Some(stored)),
            Err(reading) => reading,
        };
        let stored = read.await?;
        if let Some(stored) = stored.as_ref().filter(|stored| stored.session.is_live()) {
            // Fails if the session was written meanwhile.
            let _ = reading.insert(stored.clone());
        }
        Ok(stored)
    }

    /// Updates the cache after a commit.
    pub(super) fn written(&self, write: &Write, outcome: Outcome) {
        if outcome != Outcome::Done {
            return;
        }
        let (generation, session, wake_at) = match write {
            Write::InsertSession { session, wake_at, .. } => (Generation::FIRST, session, wake_at),
            Write::ReplaceSession { generation, session, wake_at } => (generation.next(), session, wake_at),
            _ => return self.unknown(write),
        };
        match &self.0 {
            Some(sessions) if session.is_live() => {
                let stored = Stored { generation, wake_at: *wake_at, session: session.clone() };
                sessions.insert(session.key.clone(), stored);
            }
            _ => self.unknown(write),
        }
    }

    /// Removes the session that the change names: the stored one has to be read again.
    pub(super) fn unknown(&self, write: &Write) {
        let key = match write {
            Write::InsertSession { session, .. } | Write::ReplaceSession { session, .. } => &session.key,
            Write::ForgetSession { key, .. } => key,
            _ => return,
        };
        if let Some(sessions) = &self.0 {
            sessions.remove(key);
        }
    }
}
