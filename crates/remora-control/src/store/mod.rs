//! What survives: accounts and sessions.
//!
//! Nothing is overwritten that somebody else has changed meanwhile: a session is replaced only if it still has the
//! generation that was read. What a method has returned `Ok` for is on disk. Only the modules below know SQL, and
//! only `record` knows how a session looks in a row.

mod record;
mod sqlite;

use std::future::Future;
use std::pin::Pin;

use remora_session::{AccountId, HostId, Session, SessionId, SessionKey, Timestamp};

use crate::account::Account;

pub use sqlite::SqliteStore;

pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database {path} was written by a newer Remora; start that one, or choose another data directory")]
    Newer { path: String },
    #[error(
        "the file {path} is not a usable database and has been left as it is; restore a backup, or move it away to \
         start afresh"
    )]
    Corrupt { path: String, source: sqlx::Error },
    #[error("the database cannot be prepared: {0}")]
    Migration(sqlx::migrate::MigrateError),
    #[error("the database refuses: {0}")]
    Database(#[from] sqlx::Error),
    #[error("a row of the database cannot be read: {0}")]
    Unreadable(String),
}

/// A session as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Grows with every change.
    pub generation: u64,
    /// When it was to be looked at next, as of the last change.
    pub wake_at: Option<Timestamp>,
    pub session: Session,
}

/// A place in an account's list of live sessions, which is ordered by creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPosition {
    pub created_at: Timestamp,
    pub session: SessionId,
}

/// `limit` is the most that is returned, always.
pub trait Store: Send + Sync {
    fn session<'a>(&'a self, key: &'a SessionKey) -> Reply<'a, Option<Stored>>;

    fn session_of_host<'a>(&'a self, host: &'a HostId) -> Reply<'a, Option<Stored>>;

    /// False if the key is taken; nothing is changed then.
    fn insert_session<'a>(&'a self, session: &'a Session, wake_at: Option<Timestamp>) -> Reply<'a, bool>;

    /// False if the stored session no longer has that generation; nothing is changed then.
    fn replace_session<'a>(
        &'a self,
        generation: u64,
        session: &'a Session,
        wake_at: Option<Timestamp>,
    ) -> Reply<'a, bool>;

    /// Live sessions of one account behind `after`, oldest first.
    fn live_sessions<'a>(
        &'a self,
        account: &'a AccountId,
        after: Option<&'a ListPosition>,
        limit: u32,
    ) -> Reply<'a, Vec<Stored>>;

    /// Live sessions of all accounts, in no order.
    fn any_live_sessions(&self, limit: u32) -> Reply<'_, Vec<Stored>>;

    /// Sessions to be looked at by then, behind `after` in the order of their time.
    fn due_sessions<'a>(&'a self, until: Timestamp, after: Option<&'a Stored>, limit: u32) -> Reply<'a, Vec<Stored>>;

    /// The earliest time at which some session is to be looked at.
    fn next_wake(&self) -> Reply<'_, Option<Timestamp>>;

    fn account<'a>(&'a self, id: &'a AccountId) -> Reply<'a, Option<Account>>;

    /// False if there is such an account; nothing is changed then.
    fn insert_account<'a>(&'a self, account: &'a Account) -> Reply<'a, bool>;

    /// Finishes what is being written and lets go of the files.
    fn close(&self) -> Reply<'_, ()>;
}
