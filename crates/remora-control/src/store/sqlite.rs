//! The store in one SQLite file: write-ahead log, every commit on disk before it is acknowledged.
//!
//! One connection writes, a few read: SQLite has one writer at a time anyway, and readers never wait for it.

use std::path::Path;
use std::time::Duration;

use remora_session::{AccountId, HostId, Session, SessionKey, Timestamp};
use sqlx::Row as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};

use super::record::{from_timestamp, phase_to_text, row_to_stored, to_timestamp, unreadable};
use super::{ListPosition, Reply, Store, StoreError, Stored};
use crate::account::{Account, KeyHash};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");

const READERS_MAX: u32 = 4;
/// Another process (a backup) may hold the lock for a moment.
const BUSY_MAX: Duration = Duration::from_secs(5);

pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens the file, or makes it, and brings it up to this release.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_MAX);
        let named = |error| opening_error(path, error);
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await.map_err(named)?;
        MIGRATIONS.run(&writer).await.map_err(|error| match error {
            MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => {
                StoreError::Newer { path: path.display().to_string() }
            }
            MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => opening_error(path, source),
            other => StoreError::Migration(other),
        })?;
        let readers =
            SqlitePoolOptions::new().max_connections(READERS_MAX).connect_with(options).await.map_err(named)?;
        Ok(Self { writer, readers })
    }
}

fn opening_error(path: &Path, error: sqlx::Error) -> StoreError {
    const CORRUPT: &str = "11";
    const NOT_A_DATABASE: &str = "26";
    let code = error.as_database_error().and_then(|error| error.code());
    match code.as_deref() {
        Some(CORRUPT | NOT_A_DATABASE) => StoreError::Corrupt { path: path.display().to_string(), source: error },
        _ => StoreError::Database(error),
    }
}

/// A query over all columns of a session.
macro_rules! select_session {
    ($rest:literal) => {
        concat!(
            "SELECT account, id, generation, size, lease_minutes, created_at, changed_at, phase, wake_at FROM session ",
            $rest
        )
    };
}

fn all_stored(rows: &[SqliteRow]) -> Result<Vec<Stored>, StoreError> {
    rows.iter().map(row_to_stored).collect()
}

impl Store for SqliteStore {
    fn session<'a>(&'a self, key: &'a SessionKey) -> Reply<'a, Option<Stored>> {
        Box::pin(async move {
            let row = sqlx::query(select_session!("WHERE account = ? AND id = ?"))
                .bind(key.account.as_str())
                .bind(key.session.as_str())
                .fetch_optional(&self.readers)
                .await?;
            row.as_ref().map(row_to_stored).transpose()
        })
    }

    fn session_of_host<'a>(&'a self, host: &'a HostId) -> Reply<'a, Option<Stored>> {
        Box::pin(async move {
            let row = sqlx::query(select_session!("WHERE host = ?"))
                .bind(host.as_str())
                .fetch_optional(&self.readers)
                .await?;
            row.as_ref().map(row_to_stored).transpose()
        })
    }

    fn insert_session<'a>(&'a self, session: &'a Session, wake_at: Option<Timestamp>) -> Reply<'a, bool> {
        Box::pin(async move {
            let done = sqlx::query(
                "INSERT INTO session (account, id, generation, size, lease_minutes, created_at, changed_at, phase, \
                 host, live, wake_at) VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, id) DO NOTHING",
            )
            .bind(session.key.account.as_str())
            .bind(session.key.session.as_str())
            .bind(session.size.as_str())
            .bind(i64::from(session.lease.get()))
            .bind(from_timestamp(session.created_at))
            .bind(from_timestamp(session.changed_at))
            .bind(phase_to_text(&session.phase))
            .bind(session.phase.host().map(HostId::as_str))
            .bind(session.is_live())
            .bind(wake_at.map(from_timestamp))
            .execute(&self.writer)
            .await?;
            Ok(done.rows_affected() == 1)
        })
    }

    fn replace_session<'a>(
        &'a self,
        generation: u64,
        session: &'a Session,
        wake_at: Option<Timestamp>,
    ) -> Reply<'a, bool> {
        Box::pin(async move {
            let generation = i64::try_from(generation).map_err(unreadable)?;
            let done = sqlx::query(
                "UPDATE session SET generation = generation + 1, lease_minutes = ?, changed_at = ?, phase = ?, \
                 host = ?, live = ?, wake_at = ? WHERE account = ? AND id = ? AND generation = ?",
            )
            .bind(i64::from(session.lease.get()))
            .bind(from_timestamp(session.changed_at))
            .bind(phase_to_text(&session.phase))
            .bind(session.phase.host().map(HostId::as_str))
            .bind(session.is_live())
            .bind(wake_at.map(from_timestamp))
            .bind(session.key.account.as_str())
            .bind(session.key.session.as_str())
            .bind(generation)
            .execute(&self.writer)
            .await?;
            Ok(done.rows_affected() == 1)
        })
    }

    fn live_sessions<'a>(
        &'a self,
        account: &'a AccountId,
        after: Option<&'a ListPosition>,
        limit: u32,
    ) -> Reply<'a, Vec<Stored>> {
        Box::pin(async move {
            let (created_at, id) = match after {
                Some(position) => (from_timestamp(position.created_at), position.session.as_str()),
                None => (i64::MIN, ""),
            };
            let rows = sqlx::query(select_session!(
                "WHERE live = 1 AND account = ? AND (created_at, id) > (?, ?) ORDER BY created_at, id LIMIT ?"
            ))
            .bind(account.as_str())
            .bind(created_at)
            .bind(id)
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
            all_stored(&rows)
        })
    }

    fn any_live_sessions(&self, limit: u32) -> Reply<'_, Vec<Stored>> {
        Box::pin(async move {
            let rows =
                sqlx::query(select_session!("WHERE live = 1 LIMIT ?")).bind(limit).fetch_all(&self.readers).await?;
            all_stored(&rows)
        })
    }

    fn due_sessions<'a>(&'a self, until: Timestamp, after: Option<&'a Stored>, limit: u32) -> Reply<'a, Vec<Stored>> {
        Box::pin(async move {
            let (wake_at, account, id) = match after {
                Some(stored) => {
                    let key = &stored.session.key;
                    (stored.wake_at.map_or(i64::MIN, from_timestamp), key.account.as_str(), key.session.as_str())
                }
                None => (i64::MIN, "", ""),
            };
            let rows = sqlx::query(select_session!(
                "WHERE wake_at <= ? AND (wake_at, account, id) > (?, ?, ?) ORDER BY wake_at, account, id LIMIT ?"
            ))
            .bind(from_timestamp(until))
            .bind(wake_at)
            .bind(account)
            .bind(id)
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
            all_stored(&rows)
        })
    }

    fn next_wake(&self) -> Reply<'_, Option<Timestamp>> {
        Box::pin(async move {
            let row = sqlx::query("SELECT min(wake_at) AS wake_at FROM session WHERE wake_at IS NOT NULL")
                .fetch_one(&self.readers)
                .await?;
            Ok(row.try_get::<Option<i64>, _>("wake_at")?.map(to_timestamp))
        })
    }

    fn account<'a>(&'a self, id: &'a AccountId) -> Reply<'a, Option<Account>> {
        Box::pin(async move {
            let row = sqlx::query("SELECT created_at FROM account WHERE id = ?")
                .bind(id.as_str())
                .fetch_optional(&self.readers)
                .await?;
            let Some(row) = row else {
                return Ok(None);
            };
            let keys = sqlx::query("SELECT salt, digest FROM account_key WHERE account = ? ORDER BY slot")
                .bind(id.as_str())
                .fetch_all(&self.readers)
                .await?;
            Ok(Some(Account {
                id: id.clone(),
                created_at: to_timestamp(row.try_get("created_at")?),
                keys: keys.iter().map(row_to_key).collect::<Result<_, _>>()?,
            }))
        })
    }

    fn insert_account<'a>(&'a self, account: &'a Account) -> Reply<'a, bool> {
        Box::pin(async move {
            let mut transaction = self.writer.begin().await?;
            let done = sqlx::query("INSERT INTO account (id, created_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING")
                .bind(account.id.as_str())
                .bind(from_timestamp(account.created_at))
                .execute(&mut *transaction)
                .await?;
            if done.rows_affected() == 0 {
                return Ok(false);
            }
            for (slot, key) in (0_i64..).zip(&account.keys) {
                sqlx::query("INSERT INTO account_key (account, slot, salt, digest) VALUES (?, ?, ?, ?)")
                    .bind(account.id.as_str())
                    .bind(slot)
                    .bind(&key.salt[..])
                    .bind(&key.digest[..])
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await?;
            Ok(true)
        })
    }

    fn close(&self) -> Reply<'_, ()> {
        Box::pin(async move {
            self.readers.close().await;
            self.writer.close().await;
            Ok(())
        })
    }
}

fn row_to_key(row: &SqliteRow) -> Result<KeyHash, StoreError> {
    let column = |name| row.try_get::<Vec<u8>, _>(name);
    let wrong_length = |_| StoreError::Unreadable("a key of the wrong length".into());
    Ok(KeyHash {
        salt: column("salt")?.try_into().map_err(wrong_length)?,
        digest: column("digest")?.try_into().map_err(wrong_length)?,
    })
}
