//! The store in a database: SQLite or PostgreSQL, with the same statements.
//!
//! ```text
//!   reads ─▶ recent (SQLite only) ─▶ readers ─▶ database
//!   writes ─▶ queue ─▶ writer ─▶ database, one commit for all that wait
//! ```

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use remora_session::{AccountId, HostId, PersonId, Session, SessionId, SessionKey, Size, Timestamp};
use sqlx::AnyPool;

use super::database::Database;
use super::recent::Recent;
use super::write::{Outcome, Write};
use super::writer::Writer;
use super::{IdleHost, Insert, Inserted, ListPosition, LiveCount, Reply, Store, StoreError, Stored, Usage, read};
use crate::account::{Account, KeyHash};
use crate::config::StoreConfig;

pub struct SqlStore {
    readers: AnyPool,
    recent: Arc<Recent>,
    writer: Writer,
}

impl SqlStore {
    /// The database that the configuration names, or else the file of the data directory.
    pub async fn open(config: &StoreConfig, data_directory: &Path) -> Result<Self, StoreError> {
        match &config.url {
            Some(url) => Self::open_postgres(url).await,
            None => Self::open_sqlite(&data_directory.join("remora.db")).await,
        }
    }

    /// Opens the file, or makes it, and brings it up to this release. Sessions in it are written by no other process.
    pub async fn open_sqlite(path: &Path) -> Result<Self, StoreError> {
        Ok(Self::on(Database::open_sqlite(path).await?))
    }

    /// Brings the database up to this release. Others may use it at the same time.
    pub async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        Ok(Self::on(Database::open_postgres(url).await?))
    }

    fn on(Database { kind, writer, readers }: Database) -> Self {
        let recent = Arc::new(Recent::of(kind));
        Self { readers, writer: Writer::start(kind, writer, recent.clone()), recent }
    }

    fn change(&self, write: Write) -> Reply<'_, bool> {
        Box::pin(async move {
            match self.writer.write(write).await? {
                Outcome::Changed(changed) => Ok(changed),
                Outcome::Inserted(_) => unreachable!("only a new session is inserted so"),
            }
        })
    }
}

impl Store for SqlStore {
    fn session<'a>(&'a self, key: &'a SessionKey) -> Reply<'a, Option<Stored>> {
        Box::pin(self.recent.get_or_read(key, read::session(&self.readers, key)))
    }

    fn session_of_host<'a>(&'a self, host: &'a HostId) -> Reply<'a, Option<Stored>> {
        Box::pin(read::session_of_host(&self.readers, host))
    }

    fn insert_session<'a>(&'a self, insert: Insert<'a>) -> Reply<'a, Inserted> {
        Box::pin(async move {
            let Insert { session, wake_at, quota, claims_host } = insert;
            let write = Write::InsertSession { session: session.clone(), wake_at, quota, claims_host };
            match self.writer.write(write).await? {
                Outcome::Inserted(inserted) => Ok(inserted),
                Outcome::Changed(_) => unreachable!("a new session is inserted"),
            }
        })
    }

    fn replace_session<'a>(
        &'a self,
        generation: u64,
        session: &'a Session,
        wake_at: Option<Timestamp>,
    ) -> Reply<'a, bool> {
        self.change(Write::ReplaceSession { generation, session: session.clone(), wake_at })
    }

    fn forget_session<'a>(&'a self, key: &'a SessionKey, generation: u64) -> Reply<'a, bool> {
        self.change(Write::ForgetSession { key: key.clone(), generation })
    }

    fn live_sessions<'a>(
        &'a self,
        account: &'a AccountId,
        person: Option<&'a PersonId>,
        after: Option<&'a ListPosition>,
        limit: u32,
    ) -> Reply<'a, Vec<Stored>> {
        Box::pin(read::live_sessions(&self.readers, account, person, after, limit))
    }

    fn any_live_sessions(&self, limit: u32) -> Reply<'_, Vec<Stored>> {
        Box::pin(read::any_live_sessions(&self.readers, limit))
    }

    fn orphaned_sessions(&self, limit: u32) -> Reply<'_, Vec<Stored>> {
        Box::pin(read::orphaned_sessions(&self.readers, limit))
    }

    fn due_sessions<'a>(&'a self, until: Timestamp, after: Option<&'a Stored>, limit: u32) -> Reply<'a, Vec<Stored>> {
        Box::pin(read::due_sessions(&self.readers, until, after, limit))
    }

    fn next_wake(&self) -> Reply<'_, Option<Timestamp>> {
        Box::pin(read::next_wake(&self.readers))
    }

    fn account<'a>(&'a self, id: &'a AccountId) -> Reply<'a, Option<Account>> {
        Box::pin(read::account(&self.readers, id))
    }

    fn insert_account<'a>(&'a self, account: &'a Account) -> Reply<'a, bool> {
        self.change(Write::InsertAccount(account.clone()))
    }

    fn accounts<'a>(&'a self, after: Option<(Timestamp, &'a AccountId)>, limit: u32) -> Reply<'a, Vec<Account>> {
        Box::pin(read::accounts(&self.readers, after, limit))
    }

    fn set_account_key<'a>(&'a self, id: &'a AccountId, slot: usize, key: &'a KeyHash) -> Reply<'a, bool> {
        self.change(Write::SetAccountKey { account: id.clone(), slot, key: key.clone() })
    }

    fn delete_account<'a>(&'a self, id: &'a AccountId) -> Reply<'a, bool> {
        self.change(Write::DeleteAccount(id.clone()))
    }

    fn idle_hosts(&self) -> Reply<'_, Vec<IdleHost>> {
        Box::pin(read::idle_hosts(&self.readers))
    }

    fn insert_idle_host<'a>(&'a self, host: &'a IdleHost) -> Reply<'a, ()> {
        let change = self.change(Write::InsertIdleHost(host.clone()));
        Box::pin(async move { change.await.map(|_| ()) })
    }

    fn replace_idle_host<'a>(&'a self, host: &'a IdleHost) -> Reply<'a, bool> {
        self.change(Write::ReplaceIdleHost(host.clone()))
    }

    fn remove_idle_host<'a>(&'a self, host: &'a HostId) -> Reply<'a, bool> {
        self.change(Write::RemoveIdleHost(host.clone()))
    }

    fn hosts_of(&self, size: Size) -> Reply<'_, u64> {
        Box::pin(read::hosts_of(&self.readers, size))
    }

    fn usage<'a>(
        &'a self,
        account: &'a AccountId,
        person: Option<&'a PersonId>,
        interval: Range<Timestamp>,
        after: Option<(Timestamp, &'a SessionId)>,
        limit: u32,
    ) -> Reply<'a, Vec<Usage>> {
        Box::pin(read::usage(&self.readers, account, person, interval, after, limit))
    }

    fn live_counts(&self) -> Reply<'_, Vec<LiveCount>> {
        Box::pin(read::live_counts(&self.readers))
    }

    fn close(&self) -> Reply<'_, ()> {
        Box::pin(async move {
            self.writer.close().await;
            self.readers.close().await;
            Ok(())
        })
    }
}
