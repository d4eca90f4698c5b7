//! The store in one SQLite file: write-ahead log, every commit on disk before it is acknowledged.
//!
//! One connection writes, a few read: SQLite has one writer at a time anyway, and readers never wait for it.

use std::path::Path;
use std::time::Duration;

use remora_session::{AccountId, HostId, Phase, Session, SessionId, SessionKey, Size, Timestamp};
use sqlx::Row as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};

use super::record::{
    address_to_text, from_timestamp, models_to_text, phase_to_text, ready_at, row_to_stored, text_to_address,
    to_timestamp, unreadable,
};
use super::{IdleHost, Insert, Inserted, ListPosition, LiveCount, Reply, Store, StoreError, Stored, Usage};
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

    async fn account_of(&self, id: AccountId, row: &SqliteRow) -> Result<Account, StoreError> {
        let keys = sqlx::query("SELECT salt, digest FROM account_key WHERE account = ? ORDER BY slot")
            .bind(id.as_str())
            .fetch_all(&self.readers)
            .await?;
        Ok(Account {
            id,
            name: row.try_get("name")?,
            created_at: to_timestamp(row.try_get("created_at")?),
            keys: keys.iter().map(row_to_key).collect::<Result<_, _>>()?,
        })
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
            "SELECT account, id, generation, size, lease_minutes, models, created_at, changed_at, phase, wake_at FROM session ",
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

    fn insert_session<'a>(&'a self, insert: Insert<'a>) -> Reply<'a, Inserted> {
        Box::pin(async move {
            let Insert { session, wake_at, quota, claims_host } = insert;
            let account = session.key.account.as_str();
            let mut transaction = self.writer.begin().await?;
            let known = sqlx::query("SELECT 1 FROM account WHERE id = ?").bind(account);
            if known.fetch_optional(&mut *transaction).await?.is_none() {
                return Ok(Inserted::NoAccount);
            }
            if claims_host {
                let claimed = sqlx::query("DELETE FROM idle_host WHERE id = ?")
                    .bind(session.phase.host().map(HostId::as_str))
                    .execute(&mut *transaction)
                    .await?;
                if claimed.rows_affected() == 0 {
                    return Ok(Inserted::HostTaken);
                }
            }
            let done = sqlx::query(
                "INSERT INTO session (account, id, generation, size, lease_minutes, models, created_at, changed_at, \
                 phase, host, occupies, live, ready_at, wake_at) VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
                 ON CONFLICT (account, id) DO NOTHING",
            )
            .bind(account)
            .bind(session.key.session.as_str())
            .bind(session.size.as_str())
            .bind(i64::from(session.lease.get()))
            .bind(models_to_text(&session.models))
            .bind(from_timestamp(session.created_at))
            .bind(from_timestamp(session.changed_at))
            .bind(phase_to_text(&session.phase))
            .bind(session.phase.host().map(HostId::as_str))
            .bind(session.phase.occupies())
            .bind(session.is_live())
            .bind(ready_at(session).map(from_timestamp))
            .bind(wake_at.map(from_timestamp))
            .execute(&mut *transaction)
            .await?;
            if done.rows_affected() == 0 {
                return Ok(Inserted::KeyTaken);
            }
            for (max, size) in [(quota.live_max, None), (quota.live_of_size_max, Some(session.size))] {
                let Some(max) = max else { continue };
                let live: i64 = sqlx::query_scalar(
                    "SELECT count(*) FROM session WHERE live = 1 AND account = ? AND size = coalesce(?, size)",
                )
                .bind(account)
                .bind(size.map(Size::as_str))
                .fetch_one(&mut *transaction)
                .await?;
                if live > i64::from(max) {
                    return Ok(Inserted::OverQuota { max, size });
                }
            }
            transaction.commit().await?;
            Ok(Inserted::Done)
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
            let mut transaction = self.writer.begin().await?;
            let done = sqlx::query(
                "UPDATE session SET generation = generation + 1, lease_minutes = ?, changed_at = ?, phase = ?, \
                 host = ?, occupies = ?, live = ?, ready_at = ?, wake_at = ? WHERE account = ? AND id = ? AND generation = ?",
            )
            .bind(i64::from(session.lease.get()))
            .bind(from_timestamp(session.changed_at))
            .bind(phase_to_text(&session.phase))
            .bind(session.phase.host().map(HostId::as_str))
            .bind(session.phase.occupies())
            .bind(session.is_live())
            .bind(ready_at(session).map(from_timestamp))
            .bind(wake_at.map(from_timestamp))
            .bind(session.key.account.as_str())
            .bind(session.key.session.as_str())
            .bind(generation)
            .execute(&mut *transaction)
            .await?;
            if done.rows_affected() == 0 {
                return Ok(false);
            }
            if let Phase::Ended { at, ready_since: Some(ready_at), .. } = &session.phase {
                sqlx::query(
                    "INSERT INTO usage (account, session, size, ready_at, ended_at) VALUES (?, ?, ?, ?, ?) \
                     ON CONFLICT DO NOTHING",
                )
                .bind(session.key.account.as_str())
                .bind(session.key.session.as_str())
                .bind(session.size.as_str())
                .bind(from_timestamp(*ready_at))
                .bind(from_timestamp(*at))
                .execute(&mut *transaction)
                .await?;
            }
            transaction.commit().await?;
            Ok(true)
        })
    }

    fn forget_session<'a>(&'a self, key: &'a SessionKey, generation: u64) -> Reply<'a, bool> {
        Box::pin(async move {
            let done = sqlx::query("DELETE FROM session WHERE account = ? AND id = ? AND generation = ?")
                .bind(key.account.as_str())
                .bind(key.session.as_str())
                .bind(i64::try_from(generation).map_err(unreadable)?)
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
            let row = sqlx::query("SELECT name, created_at FROM account WHERE id = ?")
                .bind(id.as_str())
                .fetch_optional(&self.readers)
                .await?;
            match row {
                Some(row) => self.account_of(id.clone(), &row).await.map(Some),
                None => Ok(None),
            }
        })
    }

    fn insert_account<'a>(&'a self, account: &'a Account) -> Reply<'a, bool> {
        Box::pin(async move {
            let mut transaction = self.writer.begin().await?;
            let done =
                sqlx::query("INSERT INTO account (id, name, created_at) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING")
                    .bind(account.id.as_str())
                    .bind(&account.name)
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

    fn accounts<'a>(&'a self, after: Option<(Timestamp, &'a AccountId)>, limit: u32) -> Reply<'a, Vec<Account>> {
        Box::pin(async move {
            let (created_at, after) = match after {
                Some((created_at, id)) => (from_timestamp(created_at), id.as_str()),
                None => (i64::MIN, ""),
            };
            let rows = sqlx::query(
                "SELECT id, name, created_at FROM account WHERE (created_at, id) > (?, ?) ORDER BY created_at, id \
                 LIMIT ?",
            )
            .bind(created_at)
            .bind(after)
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
            let mut accounts = Vec::with_capacity(rows.len());
            for row in rows {
                let id = row.try_get::<String, _>("id")?.parse().map_err(unreadable)?;
                accounts.push(self.account_of(id, &row).await?);
            }
            Ok(accounts)
        })
    }

    fn set_account_key<'a>(&'a self, id: &'a AccountId, slot: usize, key: &'a KeyHash) -> Reply<'a, bool> {
        Box::pin(async move {
            let done = sqlx::query(
                "INSERT INTO account_key (account, slot, salt, digest) SELECT id, ?, ?, ? FROM account WHERE id = ? \
                 ON CONFLICT (account, slot) DO UPDATE SET salt = excluded.salt, digest = excluded.digest",
            )
            .bind(i64::try_from(slot).map_err(unreadable)?)
            .bind(&key.salt[..])
            .bind(&key.digest[..])
            .bind(id.as_str())
            .execute(&self.writer)
            .await?;
            Ok(done.rows_affected() == 1)
        })
    }

    fn delete_account<'a>(&'a self, id: &'a AccountId) -> Reply<'a, bool> {
        Box::pin(async move {
            let done = sqlx::query("DELETE FROM account WHERE id = ?").bind(id.as_str()).execute(&self.writer).await?;
            Ok(done.rows_affected() == 1)
        })
    }

    fn idle_hosts(&self) -> Reply<'_, Vec<IdleHost>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT id, size, specification, created_at, heard_at, address FROM idle_host ORDER BY created_at, id",
            )
            .fetch_all(&self.readers)
            .await?;
            rows.iter()
                .map(|row| {
                    let address = row.try_get::<Option<String>, _>("address")?;
                    Ok(IdleHost {
                        id: row.try_get::<String, _>("id")?.parse().map_err(unreadable)?,
                        size: row.try_get::<String, _>("size")?.parse().map_err(unreadable)?,
                        specification: row.try_get("specification")?,
                        created_at: to_timestamp(row.try_get("created_at")?),
                        heard_at: to_timestamp(row.try_get("heard_at")?),
                        address: address.map(|text| text_to_address(&text)).transpose()?,
                    })
                })
                .collect()
        })
    }

    fn insert_idle_host<'a>(&'a self, host: &'a IdleHost) -> Reply<'a, ()> {
        Box::pin(async move {
            sqlx::query(
                "INSERT INTO idle_host (id, size, specification, created_at, heard_at, address) \
                 VALUES (?, ?, ?, ?, ?, ?)",
            )
            .bind(host.id.as_str())
            .bind(host.size.as_str())
            .bind(&host.specification)
            .bind(from_timestamp(host.created_at))
            .bind(from_timestamp(host.heard_at))
            .bind(host.address.as_ref().map(address_to_text))
            .execute(&self.writer)
            .await?;
            Ok(())
        })
    }

    fn replace_idle_host<'a>(&'a self, host: &'a IdleHost) -> Reply<'a, bool> {
        Box::pin(async move {
            let done = sqlx::query("UPDATE idle_host SET heard_at = ?, address = ? WHERE id = ?")
                .bind(from_timestamp(host.heard_at))
                .bind(host.address.as_ref().map(address_to_text))
                .bind(host.id.as_str())
                .execute(&self.writer)
                .await?;
            Ok(done.rows_affected() == 1)
        })
    }

    fn remove_idle_host<'a>(&'a self, host: &'a HostId) -> Reply<'a, bool> {
        Box::pin(async move {
            let done =
                sqlx::query("DELETE FROM idle_host WHERE id = ?").bind(host.as_str()).execute(&self.writer).await?;
            Ok(done.rows_affected() == 1)
        })
    }

    fn hosts_of(&self, size: Size) -> Reply<'_, u64> {
        Box::pin(async move {
            let hosts: i64 = sqlx::query_scalar(
                "SELECT (SELECT count(*) FROM session WHERE occupies = 1 AND size = ?1) \
                 + (SELECT count(*) FROM idle_host WHERE size = ?1)",
            )
            .bind(size.as_str())
            .fetch_one(&self.readers)
            .await?;
            u64::try_from(hosts).map_err(unreadable)
        })
    }

    fn usage<'a>(
        &'a self,
        account: &'a AccountId,
        interval: std::ops::Range<Timestamp>,
        after: Option<(Timestamp, &'a SessionId)>,
        limit: u32,
    ) -> Reply<'a, Vec<Usage>> {
        Box::pin(async move {
            let (ready_at, session) = match after {
                Some((ready_at, session)) => (from_timestamp(ready_at), session.as_str()),
                None => (i64::MIN, ""),
            };
            let rows = sqlx::query(
                "SELECT session, size, ready_at, ended_at FROM usage WHERE account = ?1 AND ready_at < ?3 \
                 AND ended_at > ?2 AND (ready_at, session) > (?4, ?5) \
                 UNION ALL SELECT id, size, ready_at, NULL FROM session WHERE live = 1 AND account = ?1 \
                 AND ready_at < ?3 AND (ready_at, id) > (?4, ?5) ORDER BY ready_at, session LIMIT ?6",
            )
            .bind(account.as_str())
            .bind(from_timestamp(interval.start))
            .bind(from_timestamp(interval.end))
            .bind(ready_at)
            .bind(session)
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
            rows.iter()
                .map(|row| {
                    Ok(Usage {
                        session: row.try_get::<String, _>("session")?.parse().map_err(unreadable)?,
                        size: row.try_get::<String, _>("size")?.parse().map_err(unreadable)?,
                        ready_at: to_timestamp(row.try_get("ready_at")?),
                        ended_at: row.try_get::<Option<i64>, _>("ended_at")?.map(to_timestamp),
                    })
                })
                .collect()
        })
    }

    fn live_counts(&self) -> Reply<'_, Vec<LiveCount>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT size, ready_at IS NOT NULL AS ready, count(*) AS sessions FROM session WHERE live = 1 \
                 GROUP BY 1, 2",
            )
            .fetch_all(&self.readers)
            .await?;
            rows.iter()
                .map(|row| {
                    Ok(LiveCount {
                        size: row.try_get::<String, _>("size")?.parse().map_err(unreadable)?,
                        ready: row.try_get("ready")?,
                        sessions: u64::try_from(row.try_get::<i64, _>("sessions")?).map_err(unreadable)?,
                    })
                })
                .collect()
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
