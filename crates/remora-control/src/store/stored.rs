//! The values that the store takes and returns.

use remora_session::{Address, HostId, Owner, Session, SessionId, Size, Timestamp};

/// Version number of a stored session. It grows with every change; a write succeeds only if it names the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(u64);

/// A session as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Version that was read.
    pub generation: Generation,
    /// The time at which the session needs attention next, as of its last change; `None` is never.
    pub wake_at: Option<Timestamp>,
    /// The session itself.
    pub session: Session,
}

/// A position in an account's list of live sessions, which is ordered by creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPosition {
    /// Creation of the last session before the position.
    pub created_at: Timestamp,
    /// Id of that session, which orders sessions that were created in the same millisecond.
    pub session: SessionId,
}

/// A session to be stored for the first time.
#[derive(Clone, Copy, Debug)]
pub struct Insert<'a> {
    /// The new session.
    pub session: &'a Session,
    /// The time at which it needs attention first; `None` is never.
    pub wake_at: Option<Timestamp>,
    /// Limits that the account must keep.
    pub quota: Quota,
    /// True if the session takes over the idle host that it names. The host is removed from the idle ones in the same
    /// transaction.
    pub claims_host: bool,
}

/// Limits on live sessions, the new one included. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Live sessions of the account.
    pub live_max: Option<u32>,
    /// Live sessions of the account that have the session's size.
    pub live_of_size_max: Option<u32>,
    /// Live sessions of the account that have the session's owner, if that is a person.
    pub live_of_person_max: Option<u32>,
}

/// The sessions that a quota counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// All sessions of the account.
    Account,
    /// Those of one size.
    Size(Size),
    /// Those of one person.
    Person,
}

/// Result of an [`Insert`]. Nothing has changed unless it is `Done`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// The session is stored.
    Done,
    /// The account has, or had, a session with that id.
    KeyTaken,
    /// The host that the session claims is no longer idle.
    HostTaken,
    /// The account does not exist.
    NoAccount,
    /// The account has as many live sessions as its quota permits.
    OverQuota {
        /// The exhausted limit.
        max: u32,
        /// The sessions that it counts.
        share: Share,
    },
}

/// A host that waits for a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleHost {
    /// Name of the host.
    pub id: HostId,
    /// Size of the sessions that it can run.
    pub size: Size,
    /// Digest of the specification that the host was started with. A host with an outdated one gets no session.
    pub specification: String,
    /// Time of its launch.
    pub created_at: Timestamp,
    /// Time of its last report, to within half of [`silence_max`](remora_session::Policy::silence_max).
    pub heard_at: Timestamp,
    /// Address under which clients reach it; `None` until it is ready.
    pub address: Option<Address>,
}

/// The interval in which a session was Ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Id of the session.
    pub session: SessionId,
    /// Size of the session.
    pub size: Size,
    /// Creator of the session; `None` where it was not recorded.
    pub owner: Option<Owner>,
    /// Start of the interval.
    pub ready_at: Timestamp,
    /// End of the interval; `None` while the session is Ready.
    pub ended_at: Option<Timestamp>,
}

/// Number of live sessions of one size and state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveCount {
    /// Size of the counted sessions.
    pub size: Size,
    /// True for sessions that are Ready, false for those that start or restart.
    pub ready: bool,
    /// The number.
    pub sessions: u64,
}

impl Generation {
    /// Generation of a session that has just been inserted.
    pub const FIRST: Self = Self(1);

    /// Returns the generation after one more change.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Returns the number: 1 for the first generation.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }

    /// Reads the column; databases have no unsigned integers.
    pub(super) fn from_column(value: i64) -> Option<Self> {
        u64::try_from(value).ok().map(Self)
    }

    /// Returns the value of the column.
    pub(super) fn to_column(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}
