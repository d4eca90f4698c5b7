//! Durable state: accounts, sessions, idle hosts and usage, in SQLite or PostgreSQL with the same statements.
//!
//! ```text
//!   reads ─▶ recent (SQLite only) ─▶ readers ─▶ database
//!   writes ─▶ queue ─▶ writer ─▶ database, one commit for all that wait
//! ```
//!
//! A session is replaced only if it still has the [`Generation`] that was read, so no change overwrites another one.
//! A change is on disk once its method has returned `Ok`. SQL occurs only in the modules below, and only `record`
//! knows how a session is stored in a row.

mod database;
mod error;
mod file;
mod read;
mod recent;
mod record;
mod stored;
mod write;
mod writer;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use remora_session::{AccountId, HostId, PersonId, Session, SessionId, SessionKey, Size, Timestamp};
use sqlx::AnyPool;

pub use error::StoreError;
pub(crate) use stored::LiveCount;
pub use stored::{Generation, IdleHost, Insert, Inserted, ListPosition, Quota, Share, Stored, Usage};

use crate::account::{Account, KeyHash};
use crate::config::StoreConfig;
use database::{Database, OlderDatabase};
use recent::Recent;
use write::{Outcome, Write};
use writer::Writer;

/// Name of the database in the data directory.
const FILE_NAME: &str = "remora.db";

/// The database of the control plane.
///
/// Methods return [`StoreError`] if the database cannot be reached, refuses the statement or contains a row that
/// cannot be read. A `limit` is the largest number of entries that a method returns.
pub struct Store {
    readers: AnyPool,
    recent: Arc<Recent>,
    writer: Writer,
}

impl Store {
    /// Opens the database that the configuration names, or else the file of the data directory, and migrates it to
    /// this release.
    pub async fn open(config: &StoreConfig, data_directory: &Path) -> Result<Self, StoreError> {
        match &config.url {
            Some(url) => Self::open_postgres(url).await,
            None => Self::open_sqlite(&data_directory.join(FILE_NAME)).await,
        }
    }

    /// Opens the database that the configuration names, or else the file of the data directory. Refuses with
    /// [`StoreError::Older`] where [`open`](Self::open) would migrate it.
    pub(crate) async fn open_current(config: &StoreConfig, data_directory: &Path) -> Result<Self, StoreError> {
        let older = OlderDatabase::Refuse;
        Ok(Self::on(match &config.url {
            Some(url) => Database::open_postgres(url, older).await?,
            None => Database::open_sqlite(&data_directory.join(FILE_NAME), older).await?,
        }))
    }

    /// Opens or creates the file and migrates it to this release. No other process may write sessions in it.
    pub async fn open_sqlite(path: &Path) -> Result<Self, StoreError> {
        Ok(Self::on(Database::open_sqlite(path, OlderDatabase::Migrate).await?))
    }

    /// Opens the database and migrates it to this release. Others may use it at the same time.
    pub async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        Ok(Self::on(Database::open_postgres(url, OlderDatabase::Migrate).await?))
    }

    fn on(Database { kind, writer, readers }: Database) -> Self {
        let recent = Arc::new(Recent::of(kind));
        Self { readers, writer: Writer::start(kind, writer, recent.clone()), recent }
    }

    /// Returns a session by its key.
    pub async fn session(&self, key: &SessionKey) -> Result<Option<Stored>, StoreError> {
        self.recent.get_or_read(key, read::session(&self.readers, key)).await
    }

    /// Returns the session that has the host.
    pub async fn session_of_host(&self, host: &HostId) -> Result<Option<Stored>, StoreError> {
        read::session_of_host(&self.readers, host).await
    }

    /// Stores a new session with [`Generation::FIRST`].
    pub async fn insert_session(&self, insert: Insert<'_>) -> Result<Inserted, StoreError> {
        let Insert { session, wake_at, quota, claims_host } = insert;
        let write = Write::InsertSession { session: session.clone(), wake_at, quota, claims_host };
        Ok(match self.writer.write(write).await? {
            Outcome::Done => Inserted::Done,
            Outcome::Outdated => Inserted::HostTaken,
            Outcome::KeyTaken => Inserted::KeyTaken,
            Outcome::NoAccount => Inserted::NoAccount,
            Outcome::OverQuota { max, share } => Inserted::OverQuota { max, share },
        })
    }

    /// Replaces a session. Returns false and changes nothing if the stored session no longer has that generation.
    pub async fn replace_session(
        &self,
        generation: Generation,
        session: &Session,
        wake_at: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        self.change(Write::ReplaceSession { generation, session: session.clone(), wake_at }).await
    }

    /// Removes a session; its usage stays. Returns false and changes nothing if the stored session no longer has that
    /// generation.
    pub async fn forget_session(&self, key: &SessionKey, generation: Generation) -> Result<bool, StoreError> {
        self.change(Write::ForgetSession { key: key.clone(), generation }).await
    }

    /// Returns the live sessions of one account behind `after`, oldest first: all of them, or those of one person.
    pub async fn live_sessions(
        &self,
        account: &AccountId,
        person: Option<&PersonId>,
        after: Option<&ListPosition>,
        limit: u32,
    ) -> Result<Vec<Stored>, StoreError> {
        read::live_sessions(&self.readers, account, person, after, limit).await
    }

    /// Returns live sessions of all accounts, in no order.
    pub async fn any_live_sessions(&self, limit: u32) -> Result<Vec<Stored>, StoreError> {
        read::any_live_sessions(&self.readers, limit).await
    }

    /// Returns live sessions of accounts that have been deleted, in no order.
    pub async fn orphaned_sessions(&self, limit: u32) -> Result<Vec<Stored>, StoreError> {
        read::orphaned_sessions(&self.readers, limit).await
    }

    /// Returns the sessions that need attention by `until`, ordered by that time, behind `after`.
    pub async fn due_sessions(
        &self,
        until: Timestamp,
        after: Option<&Stored>,
        limit: u32,
    ) -> Result<Vec<Stored>, StoreError> {
        read::due_sessions(&self.readers, until, after, limit).await
    }

    /// Returns the earliest time at which some session needs attention.
    pub async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        read::next_wake(&self.readers).await
    }

    /// Returns an account by its id.
    pub async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        read::account(&self.readers, id).await
    }

    /// Stores a new account. Returns false and changes nothing if the account exists.
    pub async fn insert_account(&self, account: &Account) -> Result<bool, StoreError> {
        self.change(Write::InsertAccount(account.clone())).await
    }

    /// Returns the accounts behind the one with that time and id, oldest first.
    pub async fn accounts(
        &self,
        after: Option<(Timestamp, &AccountId)>,
        limit: u32,
    ) -> Result<Vec<Account>, StoreError> {
        read::accounts(&self.readers, after, limit).await
    }

    /// Replaces the key in a slot, which is 0 or 1. Returns false if the account does not exist.
    pub async fn set_account_key(&self, id: &AccountId, slot: usize, key: &KeyHash) -> Result<bool, StoreError> {
        self.change(Write::SetAccountKey { account: id.clone(), slot, key: key.clone() }).await
    }

    /// Deletes an account; its sessions and their usage stay, and no session can be created in it. Returns false if
    /// the account does not exist.
    pub async fn delete_account(&self, id: &AccountId) -> Result<bool, StoreError> {
        self.change(Write::DeleteAccount(id.clone())).await
    }

    /// Returns all idle hosts, oldest first.
    pub async fn idle_hosts(&self) -> Result<Vec<IdleHost>, StoreError> {
        read::idle_hosts(&self.readers).await
    }

    /// Stores a new idle host.
    pub async fn insert_idle_host(&self, host: &IdleHost) -> Result<(), StoreError> {
        self.change(Write::InsertIdleHost(host.clone())).await.map(|_| ())
    }

    /// Replaces an idle host. Returns false if it is no longer idle.
    pub async fn replace_idle_host(&self, host: &IdleHost) -> Result<bool, StoreError> {
        self.change(Write::ReplaceIdleHost(host.clone())).await
    }

    /// Removes an idle host. Returns false if it is no longer idle.
    pub async fn remove_idle_host(&self, host: &HostId) -> Result<bool, StoreError> {
        self.change(Write::RemoveIdleHost(host.clone())).await
    }

    /// Returns how many hosts of that size exist or may exist: those of sessions that
    /// [occupy](remora_session::Phase::occupies) room, and idle ones.
    pub async fn hosts_of(&self, size: Size) -> Result<u64, StoreError> {
        read::hosts_of(&self.readers, size).await
    }

    /// Returns the usage of the account's sessions within the interval, ordered by `ready_at` and session, behind
    /// `after`: all of it, or that of one person.
    pub async fn usage(
        &self,
        account: &AccountId,
        person: Option<&PersonId>,
        interval: Range<Timestamp>,
        after: Option<(Timestamp, &SessionId)>,
        limit: u32,
    ) -> Result<Vec<Usage>, StoreError> {
        read::usage(&self.readers, account, person, interval, after, limit).await
    }

    /// Counts live sessions by size and state.
    pub async fn live_counts(&self) -> Result<Vec<LiveCount>, StoreError> {
        read::live_counts(&self.readers).await
    }

    /// Finishes pending writes and closes the database.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }

    async fn change(&self, write: Write) -> Result<bool, StoreError> {
        Ok(self.writer.write(write).await? == Outcome::Done)
    }
}
