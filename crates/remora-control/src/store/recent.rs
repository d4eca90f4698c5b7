//! Live sessions that were read or written lately, so that clients that poll one need no database.
//!
//! Right only where one process writes all sessions, as with SQLite; with PostgreSQL nothing is kept. What is kept is
//! replaced after each commit and before it is acknowledged. A session that is being read meanwhile is not kept, so
//! what was read before a commit never replaces what was committed. Ended sessions are not kept: they are asked for
//! once or twice, and there are many.

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, UnitWeighter};
use remora_session::SessionKey;

use super::write::{Outcome, Write};
use super::{Inserted, StoreError, Stored};
use crate::store::database::Kind;

/// Half a kilobyte each.
const SESSIONS_MAX: usize = 32_768;

type Sessions = Cache<SessionKey, Stored, UnitWeighter, DefaultHashBuilder, DefaultLifecycle<SessionKey, Stored>>;

pub(super) struct Recent(Option<Sessions>);

impl Recent {
    pub fn of(kind: Kind) -> Self {
        Self((kind == Kind::Sqlite).then(|| Cache::new(SESSIONS_MAX)))
    }

    /// What is kept, or else what is read.
    pub async fn get_or_read(
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
            // Refused if it was written meanwhile.
            let _ = reading.insert(stored.clone());
        }
        Ok(stored)
    }

    pub fn written(&self, write: &Write, outcome: Outcome) {
        let (generation, session, wake_at) = match (write, outcome) {
            (Write::InsertSession { session, wake_at, .. }, Outcome::Inserted(Inserted::Done)) => (1, session, wake_at),
            (Write::ReplaceSession { generation, session, wake_at }, Outcome::Changed(true)) => {
                (generation + 1, session, wake_at)
            }
            (Write::ForgetSession { .. }, Outcome::Changed(true)) => return self.unknown(write),
            _ => return,
        };
        match &self.0 {
            Some(sessions) if session.is_live() => {
                let stored = Stored { generation, wake_at: *wake_at, session: session.clone() };
                sessions.insert(session.key.clone(), stored);
            }
            _ => self.unknown(write),
        }
    }

    /// What is stored has to be read again.
    pub fn unknown(&self, write: &Write) {
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
