//! What survives: accounts, sessions, idle hosts and what was used.
//!
//! Nothing is overwritten that somebody else has changed meanwhile: a session is replaced only if it still has the
//! generation that was read. What a method has returned `Ok` for is on disk. Only the modules below know SQL, and
//! only `record` knows how a session looks in a row.

mod database;
mod error;
mod file;
mod read;
mod recent;
mod record;
mod sql;
mod write;
mod writer;

use std::future::Future;
use std::pin::Pin;

use remora_session::{AccountId, Address, HostId, Owner, PersonId, Session, SessionId, SessionKey, Size, Timestamp};

use crate::account::{Account, KeyHash};

pub use error::StoreError;
pub use sql::SqlStore;

pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

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

/// A session to be stored for the first time.
#[derive(Clone, Copy, Debug)]
pub struct Insert<'a> {
    pub session: &'a Session,
    pub wake_at: Option<Timestamp>,
    pub quota: Quota,
    /// The session's host is an idle one, which is no longer idle from now on.
    pub claims_host: bool,
}

/// How many live sessions there may be, the new one included. `None` is any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// In the account.
    pub live_max: Option<u32>,
    /// In the account, of the session's size.
    pub live_of_size_max: Option<u32>,
    /// In the account, of the session's owner if that is a person.
    pub live_of_person_max: Option<u32>,
}

/// The sessions that a quota is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    Account,
    Size(Size),
    Person,
}

/// What came of an [`Insert`]. Nothing has changed unless it is `Done`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    Done,
    /// The account has, or had, a session of that id.
    KeyTaken,
    /// The host is not idle any more.
    HostTaken,
    NoAccount,
    /// There are `max` live sessions.
    OverQuota {
        max: u32,
        share: Share,
    },
}

/// A host that waits for a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleHost {
    pub id: HostId,
    pub size: Size,
    /// What it was told at its start, as a digest: one that was told something else than what is true now is of no use.
    pub specification: String,
    pub created_at: Timestamp,
    /// When it was last heard of, to within half of the silence that is put up with.
    pub heard_at: Timestamp,
    /// Where it listens, once it does.
    pub address: Option<Address>,
}

/// What a session has used: the interval in which it was Ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    pub session: SessionId,
    pub size: Size,
    /// `None` where it has not been recorded.
    pub owner: Option<Owner>,
    pub ready_at: Timestamp,
    /// `None` while it is Ready.
    pub ended_at: Option<Timestamp>,
}

/// Live sessions of one size in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveCount {
    pub size: Size,
    pub ready: bool,
    pub sessions: u64,
}

/// `limit` is the most that is returned, always.
pub trait Store: Send + Sync {
    fn session<'a>(&'a self, key: &'a SessionKey) -> Reply<'a, Option<Stored>>;

    fn session_of_host<'a>(&'a self, host: &'a HostId) -> Reply<'a, Option<Stored>>;

    fn insert_session<'a>(&'a self, insert: Insert<'a>) -> Reply<'a, Inserted>;

    /// False if the stored session no longer has that generation; nothing is changed then.
    fn replace_session<'a>(
        &'a self,
        generation: u64,
        session: &'a Session,
        wake_at: Option<Timestamp>,
    ) -> Reply<'a, bool>;

    /// False if the stored session no longer has that generation; nothing is changed then. What it used stays.
    fn forget_session<'a>(&'a self, key: &'a SessionKey, generation: u64) -> Reply<'a, bool>;

    /// Live sessions of one account behind `after`, oldest first: all of them, or those of one person.
    fn live_sessions<'a>(
        &'a self,
        account: &'a AccountId,
        person: Option<&'a PersonId>,
        after: Option<&'a ListPosition>,
        limit: u32,
    ) -> Reply<'a, Vec<Stored>>;

    /// Live sessions of all accounts, in no order.
    fn any_live_sessions(&self, limit: u32) -> Reply<'_, Vec<Stored>>;

    /// Live sessions of accounts that have been deleted, in no order.
    fn orphaned_sessions(&self, limit: u32) -> Reply<'_, Vec<Stored>>;

    /// Sessions to be looked at by then, behind `after` in the order of their time.
    fn due_sessions<'a>(&'a self, until: Timestamp, after: Option<&'a Stored>, limit: u32) -> Reply<'a, Vec<Stored>>;

    /// The earliest time at which some session is to be looked at.
    fn next_wake(&self) -> Reply<'_, Option<Timestamp>>;

    fn account<'a>(&'a self, id: &'a AccountId) -> Reply<'a, Option<Account>>;

    /// False if there is such an account; nothing is changed then.
    fn insert_account<'a>(&'a self, account: &'a Account) -> Reply<'a, bool>;

    /// All accounts, oldest first, behind the one with that time and id.
    fn accounts<'a>(&'a self, after: Option<(Timestamp, &'a AccountId)>, limit: u32) -> Reply<'a, Vec<Account>>;

    /// False if there is no such account. The slot is 0 or 1.
    fn set_account_key<'a>(&'a self, id: &'a AccountId, slot: usize, key: &'a KeyHash) -> Reply<'a, bool>;

    /// False if there is no such account. Sessions and what they used stay; none can be created any more.
    fn delete_account<'a>(&'a self, id: &'a AccountId) -> Reply<'a, bool>;

    fn idle_hosts(&self) -> Reply<'_, Vec<IdleHost>>;

    fn insert_idle_host<'a>(&'a self, host: &'a IdleHost) -> Reply<'a, ()>;

    /// False if it is not idle any more.
    fn replace_idle_host<'a>(&'a self, host: &'a IdleHost) -> Reply<'a, bool>;

    /// False if it is not idle any more.
    fn remove_idle_host<'a>(&'a self, host: &'a HostId) -> Reply<'a, bool>;

    /// Hosts of that size that exist or may exist: those of sessions that [occupy](remora_session::Phase::occupies)
    /// room, and idle ones.
    fn hosts_of(&self, size: Size) -> Reply<'_, u64>;

    /// Returns the usage of the account's sessions within the interval, ordered by `ready_at` and session, behind `after`:
    /// all of them, or those of one person.
    fn usage<'a>(
        &'a self,
        account: &'a AccountId,
        person: Option<&'a PersonId>,
        interval: std::ops::Range<Timestamp>,
        after: Option<(Timestamp, &'a SessionId)>,
        limit: u32,
    ) -> Reply<'a, Vec<Usage>>;

    fn live_counts(&self) -> Reply<'_, Vec<LiveCount>>;

    /// Finishes what is being written and lets go of the files.
    fn close(&self) -> Reply<'_, ()>;
}
